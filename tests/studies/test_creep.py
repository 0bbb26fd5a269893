"""A record against the realizations that it is made of."""

import json

import numpy as np
import pytest

from creep import record_case, recording_protocol
from nlbook.dislocations import CreepProtocol, read_record, run_ensemble, simulate_creep
from nlbook.dislocations.records import RecordWriter, seen_by_record
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


def test_numbers_are_those_of_each_realization(record, runs):
    assert record.numbers["final_number"].tolist() == [run.creep_number[-1] for run in runs]
    assert np.array_equal(record.numbers["final_strain"], [run.creep_strain[-1] for run in runs])
    first = record.series_time[-1] - 6.0  # data_steps
    start = [run.creep_number[np.searchsorted(run.creep_time, first - 1e-9)] for run in runs]
    change = np.array([run.creep_number[-1] for run in runs]) / start - 1.0
    assert record.numbers["number_change"] == pytest.approx(change)


def test_a_record_answers_like_the_ensemble_that_it_is_made_of(record):
    same = run_ensemble(
        recording_protocol(2, **SMALL), 5, 8, n_batches=4, largest_shift=60.0, progress=False
    )
    recorded = record.ensemble()
    for name in ("creep_number", "relaxation_number", "number_change", "births"):
        for ours, theirs in zip(recorded.mean(name), same.mean(name), strict=True):
            assert ours == pytest.approx(theirs, rel=1e-12)
    assert recorded.shift_density() == pytest.approx(same.shift_density(), abs=1e-2)
    assert recorded.shift_density().sum() == pytest.approx(same.shift_density().sum())
    assert recorded.mean_shift(newborn="counted") == pytest.approx(
        same.mean_shift(newborn="counted"), abs=0.02
    )  # a shift on an edge may fall to either side of it
    with pytest.raises(ValueError, match="merged"):
        record.ensemble(merged=7)


def test_the_protocol_is_read_back(record):
    assert record.protocol == recording_protocol(2, **SMALL)


def test_processes_change_nothing(record, tmp_path):
    options = {"n_realizations": 5, "seed": 8, "n_batches": 4, "n_kept": 2, **SMALL}
    record_case(2, tmp_path, store=tmp_path / "store", processes=2, **options)
    again = read_record(tmp_path, 2)
    assert np.array_equal(again.counts, record.counts)
    assert np.array_equal(again.batch_counts, record.batch_counts)
    assert again.provenance["n_realizations"] == 5


def test_provenance_tells_computing_from_reading_a_store(tmp_path):
    options = {"seed": 8, "n_batches": 2, "n_kept": 0, "store": tmp_path / "store", **SMALL}
    record_case(1, tmp_path / "two", n_realizations=2, **options)
    silent = record_case(1, tmp_path / "three", n_realizations=3, **options)
    told = record_case(1, tmp_path / "all", n_realizations=4, earlier=[tmp_path / "two"], **options)
    before, after = (json.loads(path.with_suffix(".json").read_text()) for path in (silent, told))
    assert [session["n_computed"] for session in before["sessions"]] == [1]
    assert before["unaccounted"] == 2  # nothing says what these took
    assert [session["n_computed"] for session in after["sessions"]] == [2, 1]
    assert after["unaccounted"] == 1
    assert sum(after["code_of_store"].values()) == 3


def test_an_earlier_record_of_other_code_is_refused(tmp_path):
    options = {"seed": 8, "n_batches": 2, "n_kept": 0, "n_realizations": 2, **SMALL}
    record_case(1, tmp_path / "other", **options)
    path = tmp_path / "other" / "case_1.json"
    path.write_text(path.read_text().replace('"code": "', '"code": "0'))
    with pytest.raises(ValueError, match="code that the store has not"):
        record_case(1, tmp_path, earlier=[tmp_path / "other"], **options)


def test_a_record_of_the_end_alone_agrees_with_a_full_one(record, tmp_path):
    options = {"n_realizations": 5, "seed": 8, "n_batches": 4, "n_kept": 0, **SMALL}
    record_case(2, tmp_path, name="small", at_end_only=True, every=3, shift_bin=0.05, **options)
    small = read_record(tmp_path, name="small")
    assert small.times == pytest.approx(record.times[-1:])
    assert small.counts.sum() == record.counts[-1].sum()
    inner = record.counts[-1][..., 1:-1].reshape(2, 2, -1, 10).sum(axis=-1)
    # a shift on an edge may round to either side
    assert np.abs(small.counts[0][..., 1:-1] - inner).sum() <= 2
    assert np.array_equal(small.series["creep_number"], record.series["creep_number"][:, ::3])


def test_a_record_is_asked_for_by_case_or_by_name(tmp_path):
    with pytest.raises(ValueError, match="case or name"):
        read_record(tmp_path)


def test_processes_need_a_store(tmp_path):
    with pytest.raises(ValueError, match="store"):
        record_case(1, tmp_path, processes=2)


def test_an_ensemble_is_written_as_its_record_would_be(tmp_path):
    # what chapter 1 does: an ensemble with a record beside it, at any step and duration
    protocol = seen_by_record(
        CreepProtocol.for_case(
            2, **SMALL | {"creep_dt": 0.02, "creep_steps": 450, "data_steps": 300, "n_sources": 2}
        )
    )
    writer = RecordWriter(protocol, case=2, seed=11, n_batches=2, largest_shift=20.0, every=5)
    ensemble = run_ensemble(protocol, 3, 11, also=writer.add, n_batches=2, progress=False)
    writer.write(tmp_path / "record")
    record = read_record(tmp_path / "record", case=2)
    assert record.protocol == protocol
    assert record.times.tolist() == sorted([*range(3, 10), 3.5, 4.5, 6.5, 7.5, 8.5])
    assert record.times[-1] == record.series_time[-1] == 9.0
    assert record.batch_times.tolist() == [4.0, 9.0]  # every fifth t0, back from the end
    assert record.numbers["final_number"].sum() == record.counts[-1].sum()
    assert record.numbers["data_start_number"].sum() == record.counts[0].sum()
    assert ensemble.number_change()[0] == pytest.approx(record.number_changes.mean(), abs=1e-15)
    assert record.provenance["n_realizations"] == 3
    assert record.provenance["changes"]["creep_dt"] == 0.02
