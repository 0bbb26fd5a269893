"""A record against the realizations that it is made of."""

import numpy as np
import pytest

from nlbook.dislocations import simulate_creep
from nlbook.dislocations.recording import read_record, record_case, recording_protocol
from nlbook.parallel import task_seed

SMALL = {
    "n_dislocations": 60,
    "box_length": 60.0,
    "relaxation_steps": 60,
    "settling_steps": 20,
    "n_sources": 3,
    "nucleation_time": 0.2,
    "applied_stress": 0.2,
    "creep_dt": 0.1,
    "creep_steps": 90,
    "data_steps": 60,
}


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    folder = tmp_path_factory.mktemp("record")
    record_case(2, folder, n_realizations=5, seed=8, n_batches=4, n_kept=2, **SMALL)
    return read_record(folder, 2)


@pytest.fixture(scope="module")
def runs():
    protocol = recording_protocol(2, **SMALL)
    return [simulate_creep(protocol, task_seed(8, k)) for k in range(5)]


def test_the_paper_s_data_are_seen_at_every_t0_and_at_some_times_between():
    for case, end in ((1, 300.0), (2, 250.0)):
        protocol = recording_protocol(case)
        times = np.array(protocol.snapshots) * protocol.creep_dt
        whole = times[np.abs(times - np.round(times)) < 1e-9]
        assert whole == pytest.approx(np.arange(end - 100.0, end + 0.5))
        assert times.size == whole.size + 5


def test_counts_are_those_of_the_realizations(record, runs):
    for k in (0, record.times.size - 1):
        values = np.concatenate([run.shift[k][run.alive[k]] for run in runs])
        assert record.counts[k].sum() == values.size
        expected, _ = np.histogram(values, record.shift_edges)
        assert np.abs(record.counts[k].sum(axis=(0, 1))[1:-1] - expected).sum() <= 2


def test_batches_add_up_to_the_whole(record):
    for j, moment in enumerate(record.batch_times):
        k = int(np.argmin(np.abs(record.times - moment)))
        inner = record.counts[k][..., 1:-1].reshape(2, 2, -1, 2).sum(axis=-1)
        assert np.array_equal(record.batch_counts[:, j, ..., 1:-1].sum(axis=0), inner)


def test_newborn_dislocations_are_counted_apart(record, runs):
    young = sum(int(run.alive[-1][run.relaxed_x.size :].sum()) for run in runs)
    assert young > 0
    assert record.counts[-1][:, 1].sum() == young


def test_series_and_speeds_are_sums_in_batches(record, runs):
    assert record.realizations.tolist() == [2, 1, 1, 1]
    both = runs[0].creep_strain + runs[4].creep_strain
    assert np.array_equal(record.series["creep_strain"][0], both)
    assert np.array_equal(record.speed_counts.sum(axis=0), sum(run.speed_counts for run in runs))


def test_kept_realizations_hold_their_crystal_and_their_end(record, runs):
    assert len(record.kept) == 2
    assert np.array_equal(record.kept[1]["relaxed_x"], runs[1].relaxed_x)
    assert np.array_equal(record.kept[1]["final_shift"], runs[1].shift[-1])


def test_processes_change_nothing(record, tmp_path):
    options = {"n_realizations": 5, "seed": 8, "n_batches": 4, "n_kept": 2, **SMALL}
    record_case(2, tmp_path, store=tmp_path / "store", processes=2, **options)
    again = read_record(tmp_path, 2)
    assert np.array_equal(again.batch_counts, record.batch_counts)
    assert again.provenance["n_realizations"] == 5


def test_processes_need_a_store(tmp_path):
    with pytest.raises(ValueError, match="store"):
        record_case(1, tmp_path, processes=2)
