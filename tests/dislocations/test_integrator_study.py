"""The comparison of integrators: its record against its realizations, and what was recorded."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nlbook.dislocations import (
    CreepProtocol,
    repeat_creep,
    replay_creep,
    simulate_creep,
)
from nlbook.dislocations.integrator_paths import PATHS, _first_difference
from nlbook.dislocations.integrator_recording import record_integrator_study
from nlbook.dislocations.integrator_study import MARGINS, METHODS, read_integrator_study
from nlbook.parallel import task_seed

RECORDED = Path(__file__).resolve().parents[2] / "book/recorded/dislocation_integrators"

SMALL = {
    "n_dislocations": 120,
    "box_length": 85.0,
    "relaxation_steps": 20,  # so that there are speeds enough
    "settling_steps": 20,
    "creep_dt": 0.05,
    "creep_steps": 200,
    "data_steps": 100,
    "nucleation_length": 20.0,
    "nucleation_time": 0.5,
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    record_integrator_study(
        folder,
        n_realizations=4,
        n_unsettled=3,
        n_same=3,
        n_paths=1,
        seed=8,
        store=folder / "store",
        **SMALL,
    )
    return read_integrator_study(folder)


@pytest.mark.parametrize(
    ("case", "method", "k"),
    [(1, "unsettled", 2), (2, "settled", 3), (3, "adaptive", 0), (2, "same crystals", 1)],
)
def test_numbers_and_counts_are_those_of_the_realization(study, case, method, k):
    relaxing, settling, moving = METHODS[method]
    protocol = CreepProtocol.for_case(case, **(SMALL | {"integrator": relaxing}))
    if not settling:
        protocol = replace(protocol, settling_steps=0)
    run = simulate_creep(protocol, task_seed(8, k))
    run = repeat_creep(replace(protocol, integrator=moving), run)
    place = (case - 1, list(METHODS).index(method), k)
    assert study.numbers["number at the load"][place] == run.relaxed_x.size
    assert study.numbers["number at the end"][place] == run.creep_number[-1]
    assert study.numbers["births"][place] == run.birth_time.size
    assert study.numbers["strain"][place] == run.creep_strain[-1]
    old = run.alive[-1][: run.relaxed_x.size]
    glide = np.abs(run.shift[-1][: old.size][old])
    counts = study.shift_counts[place]
    assert counts.sum() == glide.size
    edge = 20
    assert counts[:edge].sum() == np.count_nonzero(glide < study.shift_edges[edge])
    assert study.speed_counts[place].sum() <= run.speed_counts.sum()


def test_every_quantity_is_compared_within_its_margin(study):
    found = study.equivalences(2)
    assert list(found) == list(MARGINS)
    assert all(found[name].margin == margin for name, (margin, _) in MARGINS.items())
    assert "births" not in study.equivalences(1)


def test_a_method_is_equivalent_to_itself(study):
    found = study.equivalences(1, "settled", "settled")
    assert all(one.equivalent and one.difference == 0.0 for one in found.values())


def test_distributions_are_compared_by_exchange(study):
    assert study.compare(1, "shifts").n_exchanges == 16
    assert study.compare(1, "shifts", "unsettled", "settled").n_exchanges == 8
    assert study.compare(1, "speeds", "settled", "settled").distance == 0.0
    tail = study.shift_tail(1, "settled")
    assert tail[0] == 1.0 and tail[-1] == pytest.approx(0.0) and np.all(np.diff(tail) <= 1e-15)


def test_paths_are_distances_from_the_reference(study):
    protocol = CreepProtocol.for_case(1, **SMALL)
    run = simulate_creep(protocol, task_seed(8, 0))
    euler = replace(protocol, integrator="euler")
    reference = replay_creep(euler, run, [round(10.0 / 0.0025)], creep_dt=0.0025)
    other = replay_creep(replace(protocol, tolerance=0.03), run, [200])
    both = reference.alive[-1] & other.alive[-1]
    distance = np.abs(reference.shift[-1] - other.shift[-1])[both]
    place = (0, list(PATHS).index("adaptive 0.03"), 0)
    assert study.paths["until"][place] == 10.0
    assert study.paths["largest"][place] == distance.max()
    assert study.paths["median"][place] == np.median(distance)
    assert study.paths["n_steps"][place] == other.n_steps
    crystal = study.crystals[0]
    assert np.array_equal(crystal["x"], run.relaxed_x)
    assert np.array_equal(crystal["shift"], reference.shift[-1])


def births(times, sources, sides):
    """What is known of births: pairs, the positive one first."""
    known = {"birth_time": times, "birth_y": sources, "birth_x": sides}
    return SimpleNamespace(**{name: np.repeat(value, 2) for name, value in known.items()})


@pytest.mark.parametrize(
    ("other", "first"),
    [
        (([1.05, 2.0, 3.0], [0.1, 0.2, 0.1], [5.0, 7.0, 5.0]), np.inf),
        (([2.0, 1.0, 3.0], [0.2, 0.1, 0.1], [7.0, 5.0, 5.0]), np.inf),  # another order
        (([1.0, 2.0], [0.1, 0.2], [5.0, 7.0]), 3.0),  # one is missing
        (([1.0, 2.5, 3.0], [0.1, 0.2, 0.1], [5.0, 7.0, 5.0]), 2.0),  # one is late
        (([1.0, 2.0, 3.0], [0.1, 0.2, 0.1], [9.0, 7.0, 5.0]), 1.0),  # one has turned round
        (([1.0, 1.5, 2.0, 3.0], [0.1, 0.3, 0.2, 0.1], [5.0, 4.0, 7.0, 5.0]), 1.5),  # one more
    ],
)
def test_paths_part_at_the_first_birth_that_differs(other, first):
    one = births([1.0, 2.0, 3.0], [0.1, 0.2, 0.1], [5.0, 7.0, 5.0])
    assert _first_difference(one, births(*other)) == first
    assert _first_difference(births(*other), one) == pytest.approx(first, abs=0.5)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda study: study.equivalences(4), "case"),
        (lambda study: study.equivalences(1, "leapfrog"), "method"),
        (lambda study: study.compare(1, "numbers"), "what"),
    ],
)
def test_unknown_names_are_refused(study, call, named):
    with pytest.raises(ValueError, match=named):
        call(study)


def test_sizes_that_make_no_sense_are_refused(tmp_path):
    with pytest.raises(ValueError, match="n_realizations"):
        record_integrator_study(tmp_path, n_realizations=2)
    with pytest.raises(ValueError, match="n_same"):
        record_integrator_study(tmp_path, n_realizations=30, n_same=31)
    with pytest.raises(ValueError, match="store"):
        record_integrator_study(tmp_path, n_realizations=40, processes=2, **SMALL)
