"""The committed record of creep, run again in part.

The record is of an earlier state of the integrator. What "the same" means here: from a stored
relaxed crystal, creep ends within a stated tolerance of the stored end (never to the bit); from a
seed, where relaxation is chaotic, the law is the same.
"""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from creep_variants import VARIANTS
from nlbook.dislocations import CreepProtocol, read_record, replay_creep, simulate_creep
from nlbook.parallel import task_seed
from nlbook.publishing.book import find_book

FOLDER = find_book(__file__).recorded / "dislocation_creep"
VARIANT_FOLDER = find_book(__file__).recorded / "dislocation_variants"

record = cache(lambda case: read_record(FOLDER, case))


def again(protocol, kept):
    """Creep from a recorded crystal, seen at its end."""
    return replay_creep(protocol, SimpleNamespace(**kept), [protocol.creep_steps])


def test_creep_without_sources_ends_where_the_record_says():
    # Rounding shifts steps, and the end by up to 0.002 b (seen between a processor with and one
    # without vector units); half the tolerance moves it by up to 0.008 b.
    protocol = record(1).protocol
    for kept in record(1).kept:
        run = again(protocol, kept)
        assert run.number[-1] == kept["final_number"][0]
        assert np.max(np.abs(run.shift[-1] - kept["final_shift"])) <= protocol.tolerance


@pytest.mark.parametrize("case", [2, 3])
def test_creep_with_sources_ends_where_the_record_says(case):
    # A source that falls short just before its time is over fires or does not by a rounding, and
    # its pair moves the others: by up to 0.16 b in the median, where a load that is off by a tenth
    # moves them by 0.27 b and more. Of six crystals that happened to none or two between
    # processors and ways to sum, and to up to three with tolerances from 0.005 to 0.02 b. Where it
    # does not happen all stay within 0.004 b in the median. So two of three may go.
    protocol = record(case).protocol
    moved, fewer = [], []
    for kept in record(case).kept:
        run = again(protocol, kept)
        old = kept["relaxed_x"].size
        moved.append(np.median(np.abs(run.shift[-1][:old] - kept["final_shift"][:old])))
        fewer.append(abs(int(run.number[-1] - kept["final_number"][0])))
    assert max(moved) <= 0.2
    best = int(np.argmin(moved))
    assert moved[best] <= protocol.tolerance
    assert fewer[best] == 0


def test_relaxation_leaves_as_many_as_recorded():
    # Relaxation is chaotic: four other seeds against the recorded mean and scatter, at the end and
    # at 100 t0; 4.06 standard errors are exceeded by chance once in 20,000, twice tried.
    protocol = CreepProtocol.for_case(1, creep_steps=100, n_snapshots=1)
    runs = [simulate_creep(protocol, task_seed(7, k)) for k in range(4)]
    everyone = record(1)
    mean = everyone.numbers["relaxed_number"].mean()
    scatter = everyone.numbers["relaxed_number"].std()
    number = np.mean([run.relaxation_number[-1] for run in runs])
    assert abs(number - mean) <= 4.06 * scatter / 2.0
    k = np.searchsorted(everyone.relaxation_time, 100.0)
    batches = everyone.relaxation["relaxation_number"][:, k] / everyone.realizations
    one = np.std(batches) * np.sqrt(everyone.realizations.mean())
    early = np.mean([np.interp(100.0, run.relaxation_time, run.relaxation_number) for run in runs])
    there = np.interp(100.0, everyone.relaxation_time[k - 1 : k + 1], _mean(everyone, k))
    assert abs(early - there) <= 4.06 * one / 2.0


def _mean(everyone, k):
    total = everyone.relaxation["relaxation_number"][:, k - 1 : k + 1].sum(axis=0)
    return total / everyone.realizations.sum()


def test_crystals_of_the_recorded_seeds_relax_to_the_recorded_numbers():
    # Of the first 16 seeds 14 relax to exactly as many dislocations as in the record, which was
    # made before errors were tied to the nearest neighbour; of three, one may part. Numbers of
    # different seeds scatter by 28: two of three agree by chance once in 2500 tries.
    protocol = CreepProtocol.for_case(1, settling_steps=0, creep_steps=3)
    runs = [simulate_creep(protocol, task_seed(2022, k)) for k in range(3)]
    there = record(1).numbers["relaxed_number"][:3]
    same = [run.relaxation_number[-1] == number for run, number in zip(runs, there, strict=True)]
    assert np.count_nonzero(same) >= 2


@pytest.mark.parametrize("case", [1, 2, 3])
def test_counts_and_series_hold_every_dislocation_of_every_realization(case):
    everyone = record(case)
    assert everyone.realizations.sum() == everyone.provenance["n_realizations"] >= 1000
    assert everyone.numbers["final_number"].sum() == everyone.counts[-1].sum()
    assert everyone.numbers["data_start_number"].sum() == everyone.counts[0].sum()
    assert everyone.batch_counts.sum(axis=(2, 3, 4))[:, -1].tolist() == [
        everyone.numbers["final_number"][k::40].sum() for k in range(40)
    ]
    assert everyone.series["creep_number"][:, -1].sum() == everyone.counts[-1].sum()


@pytest.mark.parametrize("case", [1, 2, 3])
def test_the_record_says_how_it_was_made(case):
    provenance = record(case).provenance
    assert provenance["unaccounted"] == 0
    for session in provenance["sessions"]:
        assert len(session["commit"]) == 40
        assert {"numpy", "numba", "scipy"} <= session["versions"].keys()
        assert session["wall_seconds"] > 0
        assert session["peak_memory_mib"] > 0
    assert record(case).protocol.integrator == "adaptive"


def test_the_records_stay_small():
    files = [path for folder in (FOLDER, VARIANT_FOLDER) for path in folder.iterdir()]
    assert sum(path.stat().st_size for path in files) < 20e6


def test_every_variant_is_recorded():
    assert {path.stem for path in VARIANT_FOLDER.glob("*.npz")} == set(VARIANTS)


def test_a_variant_s_creep_ends_with_as_many_as_recorded():
    # From the crystals of the main record, whose sources it shares but for their times. One of
    # three has to go its way, see above: to the last birth, and to a thousandth of its strain.
    # (Between two clocks births differ by 57 and strains by a tenth in the mean.)
    variant = read_record(VARIANT_FOLDER, name="case_2_clock_20").numbers
    same = 0
    for k, kept in enumerate(record(2).kept):
        sources = kept["sources"] * np.array([[1.0], [1.0], [1.0], [2.0]])
        run = again(record(2).protocol, kept | {"sources": sources})
        same += (
            run.number[-1] == variant["final_number"][k]
            and run.birth_time.size == variant["births"][k]
            and run.strain[-1] == pytest.approx(variant["final_strain"][k], rel=1e-3)
        )
    assert same >= 1
