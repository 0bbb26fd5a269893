"""What is read off one realization, against Orowan's relation and plain loops."""

import numpy as np
import pytest

from nlbook.dislocations import CreepProtocol, activity, birth_slips, run_numbers, simulate_creep

PROTOCOL = CreepProtocol.for_case(
    2,
    n_dislocations=60,
    box_length=60.0,
    relaxation_steps=60,
    settling_steps=20,
    n_sources=3,
    nucleation_time=0.2,
    applied_stress=0.2,
    creep_dt=0.1,
    creep_steps=90,
    data_steps=60,
)


@pytest.fixture(scope="module")
def run():
    return simulate_creep(PROTOCOL, 5)


def test_births_bring_the_strain_that_glide_does_not(run):
    glide = np.sum(run.burgers_sign * run.shift[-1])
    births = birth_slips(run)
    assert births.size == run.birth_x.size / 2 > 0
    assert run.creep_strain[-1] * PROTOCOL.box_length**2 == pytest.approx(glide + births.sum())


def test_a_pair_slips_by_the_length_of_its_source(run):
    lengths = run.sources[2]
    for slip in np.abs(birth_slips(run)):
        assert np.min(np.abs(lengths - slip)) < 1e-9


def test_activity_is_the_sum_of_speeds_at_the_end(run):
    time, level = activity(run, 3.0)
    assert time[0] == pytest.approx(run.creep_time[-1] - 3.0)
    assert level[-1] == pytest.approx(run.creep_number[-1] * run.creep_speed[-1])
    assert activity(run)[0].size == run.creep_time.size


def test_numbers_of_a_run(run):
    numbers = run_numbers(PROTOCOL, run)
    assert numbers["births"] == run.birth_time.size
    assert 0 <= numbers["births_against"] <= numbers["births"]
    against = sum(slip < 0 for slip in birth_slips(run))
    assert numbers["births_against"] == 2 * against
    assert numbers["birth_strain"] * 60.0**2 == pytest.approx(birth_slips(run).sum())
