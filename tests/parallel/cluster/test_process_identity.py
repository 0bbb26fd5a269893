"""Which process is which, across machines and containers."""

import dataclasses
import subprocess
import sys

import pytest

from nlbook.parallel.cluster import process_identity
from nlbook.parallel.cluster import records as cluster_records
from nlbook.parallel.cluster.process_identity import ProcessIdentity, this_process


def test_a_process_is_known_until_it_ends():
    assert this_process().is_here
    assert not this_process().is_gone
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = dataclasses.replace(
        this_process(), pid=child.pid, started=process_identity._start_time(child.pid)
    )
    assert not identity.is_gone
    child.kill()
    child.wait()
    assert identity.is_gone


def test_another_process_of_the_same_number_is_not_the_same():
    assert dataclasses.replace(this_process(), started=this_process().started - 60.0).is_gone


@pytest.mark.parametrize("name", ["host", "boot", "namespace"])
def test_of_a_process_elsewhere_nothing_is_known(name):
    # a second container of the same host name, or a machine that shares the folder
    changes = {name: "another", "machine": ""}
    elsewhere = dataclasses.replace(this_process(), pid=2**22 + 1, **changes)
    assert not elsewhere.is_here
    assert not elsewhere.is_gone


def test_a_process_from_before_the_machine_was_started_anew_is_gone(monkeypatch):
    here = dataclasses.replace(this_process(), machine="a1b2")
    monkeypatch.setattr(process_identity, "this_process", lambda: here)
    before = dataclasses.replace(here, boot="another")
    assert before.is_of_an_earlier_start and before.is_gone
    assert not here.is_of_an_earlier_start and not here.is_gone
    # a container, another machine of the same name, a record that doesn't say
    for machine in ("", "c3d4"):
        elsewhere = dataclasses.replace(before, machine=machine)
        assert not elsewhere.is_of_an_earlier_start and not elsewhere.is_gone
    monkeypatch.setattr(
        process_identity, "this_process", lambda: dataclasses.replace(here, machine="")
    )
    assert not dataclasses.replace(before, machine="").is_of_an_earlier_start


def test_records_of_clusters_from_before_the_last_start_are_removed(monkeypatch, tmp_path):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    here = dataclasses.replace(this_process(), machine="a1b2")
    monkeypatch.setattr(process_identity, "this_process", lambda: here)
    before = dataclasses.replace(here, boot="another")
    runners = {"now": here, "before": before, "of_slurm": before}
    for name, runner in runners.items():
        kind = "slurm" if name == "of_slurm" else "local"
        record = cluster_records.new_record(kind, 2)
        record = dataclasses.replace(record, runner=runner, cluster_id=f"{kind}-{name}")
        cluster_records.write_record(record)
        record.client_file.write_text("{}")
    listed = {record.cluster_id for record in cluster_records.list_clusters()}
    assert listed == {"local-now", "slurm-of_slurm"}
    left = {path.name for path in tmp_path.rglob("*.json")}
    assert not any("local-before" in name for name in left)
    assert len(left) == 4


def test_an_identity_is_plain_data():
    identity = this_process()
    assert ProcessIdentity.from_dict(identity.as_dict()) == identity
    older = {name: value for name, value in identity.as_dict().items() if name != "machine"}
    assert ProcessIdentity.from_dict(older) == dataclasses.replace(identity, machine="")
    for wrong in (
        {}, {**identity.as_dict(), "pid": "3"}, {**identity.as_dict(), "machine": 3}, [], None,
    ):  # fmt: skip
        with pytest.raises(ValueError, match="not the identity of a process"):
            ProcessIdentity.from_dict(wrong)
