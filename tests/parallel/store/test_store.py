import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest

from nlbook.parallel import StoreError, StoreWarning, run_tasks
from nlbook.parallel.store import as_result, open_store
from tests.parallel.running import ROOT, same, stored_files
from tests.parallel.sample_tasks import COMPUTED, computed_seeds, noise, noise_tasks, views

CODE = "c" * 64
KEYS = ["a" * 64, "b" * 64]


def open_sample(folder, schema=1, function="m:f", code=CODE):
    return open_store(folder, function, schema, code)


def write_sample(folder, keys=KEYS, **options):
    store = open_sample(folder, **options)
    store.make_writable()
    store.write({key: as_result(views(i)) for i, key in enumerate(keys)}, dict.fromkeys(keys, ""))
    return store


@pytest.mark.parametrize("keys", [KEYS[:1], KEYS], ids=["a task", "a shard"])
def test_what_is_written_is_read_to_the_bit(tmp_path, keys):
    store = write_sample(tmp_path, keys)
    found = store.read(KEYS)
    assert same([found[key] for key in keys], [as_result(views(i)) for i in range(len(keys))])


def test_a_file_of_one_task_opens_with_plain_numpy(tmp_path):
    write_sample(tmp_path, KEYS[:1])
    with np.load(tmp_path / f"task-{KEYS[0]}.npz", allow_pickle=False) as file:
        assert np.array_equal(file["single"], views(0)["single"])


def test_equal_results_are_equal_files(tmp_path):
    for name in ("one", "two"):
        write_sample(tmp_path / name)
    (one,) = (tmp_path / "one").glob("*.npz")
    assert one.read_bytes() == (tmp_path / "two" / one.name).read_bytes()


def test_a_relative_store_leads_from_the_folder_of_the_caller(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert open_sample("results").folder == str(tmp_path / "results")
    monkeypatch.setenv("NLBOOK_FOLDER", str(tmp_path / "caller"))
    assert open_sample("results").folder == str(tmp_path / "caller" / "results")
    assert open_sample(tmp_path / "results").folder == str(tmp_path / "results")


def test_a_store_may_lie_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NLBOOK_FOLDER", str(tmp_path / "caller"))
    assert open_sample("~/results").folder == str(tmp_path / "results")
    with pytest.raises(StoreError, match="~no-such-user/results"):
        open_sample("~no-such-user/results")


def test_no_file_stays_aside(tmp_path):
    write_sample(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [*stored_files(tmp_path), "store.json"]


def test_opening_and_reading_write_nothing(tmp_path):
    assert open_sample(tmp_path / "new").read(KEYS) == {}
    assert not (tmp_path / "new").exists()


def flip_in_the_middle(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]


DAMAGES = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "last byte missing": lambda data: data[:-1],
    "no archive": lambda data: b"not an archive" * 100,
    "one byte flipped": flip_in_the_middle,
    "start lost": lambda data: bytes(200) + data[200:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.parametrize("shard_size", [1, 3])
def test_a_damaged_file_is_named_and_nothing_is_lost(tmp_path, monkeypatch, damage, shard_size):
    tasks = noise_tasks(3, n=2000)
    first = run_tasks(noise, tasks, store=tmp_path / "s", shard_size=shard_size, progress=False)
    name = stored_files(tmp_path / "s")[0]
    path = tmp_path / "s" / name
    path.write_bytes(damage(path.read_bytes()))
    files = {file: file.read_bytes() for file in (tmp_path / "s").iterdir()}
    monkeypatch.setenv(COMPUTED, str(tmp_path / "computed"))

    with pytest.raises(StoreError, match=f"(?s){name}.*Move these files away") as caught:
        run_tasks(noise, tasks, store=tmp_path / "s", progress=False)
    assert len(str(caught.value).splitlines()) == 3
    assert computed_seeds(tmp_path / "computed") == []
    assert {file: file.read_bytes() for file in (tmp_path / "s").iterdir()} == files

    path.rename(tmp_path / "moved.npz")
    again = run_tasks(noise, tasks, store=tmp_path / "s", shard_size=shard_size, progress=False)
    assert same(again, first)
    assert len(computed_seeds(tmp_path / "computed")) == shard_size


def test_several_damaged_files_make_one_error(tmp_path):
    tasks = noise_tasks(8)
    run_tasks(noise, tasks, store=tmp_path, progress=False)
    for name in stored_files(tmp_path):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(StoreError, match=r"(?s)^8 file\(s\).*and 3 more"):
        run_tasks(noise, tasks, store=tmp_path, progress=False)


def foreign_archive(path):
    np.savez(path, numbers=np.arange(3.0))


def pickled_archive(path):
    np.savez(path, __store__=np.array([{"keys": []}], dtype=object), allow_pickle=True)


def single_array(path):
    with open(path, "wb") as file:
        np.save(file, np.arange(3.0))


def archive_of_text(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("read.me", "hello")


def result_of_another_task(path):
    other = noise_tasks(1, seed=99)
    run_tasks(noise, other, store=path.parent / "other", progress=False)
    (written,) = (path.parent / "other").glob("*.npz")
    written.rename(path)


def result_of_another_function(path):
    store = write_sample(path.parent / "another", [path.name[5:69]], function="m:g")
    os.rename(os.path.join(store.folder, path.name), path)


@pytest.mark.parametrize(
    "write",
    [
        foreign_archive,
        pickled_archive,
        single_array,
        archive_of_text,
        result_of_another_task,
        result_of_another_function,
    ],
)
def test_a_foreign_file_under_the_name_of_a_task_is_refused(tmp_path, write):
    tasks = noise_tasks(1)
    run_tasks(noise, tasks, store=tmp_path, progress=False)
    (path,) = tmp_path.glob("*.npz")
    write(path)
    with pytest.raises(StoreError, match=path.name):
        run_tasks(noise, tasks, store=tmp_path, progress=False)


def test_other_files_in_a_store_are_left_alone(tmp_path):
    tasks = noise_tasks(2)
    first = run_tasks(noise, tasks, store=tmp_path, progress=False)
    (tmp_path / "notes.txt").write_text("mine")
    foreign_archive(tmp_path / "means.npz")
    assert same(run_tasks(noise, tasks, store=tmp_path, progress=False), first)


def test_a_folder_with_other_things_is_no_store(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(StoreError, match=r"thesis\.tex"):
        run_tasks(noise, noise_tasks(1), store=tmp_path, progress=False)
    assert os.listdir(tmp_path) == ["thesis.tex"]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "other"}', "\0"])
def test_a_damaged_description_is_made_anew_when_moved_away(tmp_path, monkeypatch, text):
    tasks = noise_tasks(2)
    first = run_tasks(noise, tasks, store=tmp_path / "s", progress=False)
    (tmp_path / "s" / "store.json").write_text(text)
    with pytest.raises(StoreError, match=r"store\.json is damaged.*move that file away"):
        run_tasks(noise, tasks, store=tmp_path / "s", progress=False)
    (tmp_path / "s" / "store.json").unlink()
    monkeypatch.setenv(COMPUTED, str(tmp_path / "computed"))
    assert same(run_tasks(noise, tasks, store=tmp_path / "s", progress=False), first)
    assert computed_seeds(tmp_path / "computed") == []


def test_the_store_of_another_function_is_refused(tmp_path):
    run_tasks(noise, noise_tasks(1), store=tmp_path, progress=False)
    with pytest.raises(StoreError, match="holds results of .*noise, not of .*views"):
        run_tasks(views, [{"seed": 1}], store=tmp_path, progress=False)


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_an_unwritable_folder_is_refused_before_anything_is_computed(tmp_path, monkeypatch, where):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(COMPUTED, str(tmp_path / "computed"))
    with pytest.raises(StoreError, match="file"):
        run_tasks(noise, noise_tasks(1), store=tmp_path / where, progress=False)
    assert computed_seeds(tmp_path / "computed") == []


def test_a_folder_that_refuses_writing_is_refused_before_anything_is_computed(
    tmp_path, monkeypatch
):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv(COMPUTED, str(tmp_path / "computed"))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="cannot be written.*No space left"):
        run_tasks(noise, noise_tasks(1), store=tmp_path / "s", progress=False)
    assert computed_seeds(tmp_path / "computed") == []


def test_a_finished_run_needs_no_writing(tmp_path, monkeypatch):
    tasks = noise_tasks(2)
    first = run_tasks(noise, tasks, store=tmp_path, progress=False)
    monkeypatch.setattr(os, "replace", None)  # any write would fail
    assert same(run_tasks(noise, tasks, store=tmp_path, progress=False), first)


def test_results_survive_a_disk_that_fills_up(tmp_path, monkeypatch):
    replace = os.replace

    def fills_up(source, target):
        if len(stored_files(tmp_path)) == 2:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fills_up)
    tasks = noise_tasks(6)
    with pytest.raises(StoreError, match="No space left on device") as caught:
        run_tasks(noise, tasks, store=tmp_path, workers=1, progress=False)
    monkeypatch.undo()
    kept = caught.value.results
    assert same(kept[:3], run_tasks(noise, tasks[:3], progress=False))
    assert len(stored_files(tmp_path)) == 2
    assert not list(tmp_path.glob(".aside-*"))


def test_a_process_killed_while_it_writes_leaves_nothing_under_a_final_name(tmp_path):
    code = (
        "import os, signal\n"
        "from nlbook.parallel import run_tasks\n"
        "from tests.parallel.sample_tasks import noise, noise_tasks\n"
        "fsync, calls = os.fsync, []\n"
        "def kill(descriptor):\n"
        "    calls.append(0)\n"
        "    if len(calls) == 7:  # two calls a file, the first before its renaming\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    fsync(descriptor)\n"
        "os.fsync = kill\n"
        f"run_tasks(noise, noise_tasks(5), store={str(tmp_path)!r}, workers=1)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert len(stored_files(tmp_path)) == 2
    assert len(list(tmp_path.glob(".aside-*"))) == 1
    expected = run_tasks(noise, noise_tasks(5), progress=False)
    assert same(run_tasks(noise, noise_tasks(5), store=tmp_path, progress=False), expected)


def test_files_left_aside_are_removed_when_old(tmp_path):
    store = write_sample(tmp_path)
    new, old = tmp_path / f".aside-{'0' * 32}", tmp_path / f".aside-{'1' * 32}"
    for path in (new, old):
        path.write_text("half")
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    store.make_writable()
    assert new.exists() and not old.exists()


def test_the_description_says_whose_results_they_are(tmp_path):
    store = write_sample(tmp_path, schema=3)
    description = json.loads((tmp_path / "store.json").read_text())
    assert description["function"] == "m:f"
    assert description["schema"] == 3
    assert description["code"] == CODE
    assert store.is_seen_here()


def test_another_folder_of_the_same_name_is_told_apart(tmp_path):
    store = write_sample(tmp_path / "s")
    (tmp_path / "s").rename(tmp_path / "t")
    assert not store.is_seen_here()
    write_sample(tmp_path / "s")
    assert not store.is_seen_here()


def test_results_of_other_code_are_used_with_a_warning(tmp_path):
    write_sample(tmp_path, KEYS[:1])
    write_sample(tmp_path, KEYS[1:], code="d" * 64)
    with pytest.warns(StoreWarning, match="1 of 2 results .* raise schema"):
        assert len(open_sample(tmp_path).read(KEYS)) == 2


def test_a_raised_schema_leaves_older_results_aside(tmp_path, monkeypatch):
    monkeypatch.setenv(COMPUTED, str(tmp_path / "computed"))
    for schema in (1, 2, 2, 1):
        run_tasks(noise, noise_tasks(2), store=tmp_path / "s", schema=schema, progress=False)
    assert len(computed_seeds(tmp_path / "computed")) == 4
