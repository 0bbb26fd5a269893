import json
import socket

import pytest

from nlbook.parallel import ClusterError, connect, run_tasks
from tests.parallel.sample_tasks import noise, noise_tasks


def connection_file(folder, port=None):
    """What a controller that has died leaves behind."""
    if port is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    names = ["control", "task", "mux", "iopub", "notification", "registration", "broadcast"]
    info = dict.fromkeys(names, port) | {
        "interface": "tcp://127.0.0.1",
        "location": "localhost",
        "ssh": "",
        "pack": "json",
        "unpack": "json",
        "key": "00",
        "signature_scheme": "hmac-sha256",
        "task_scheme": "leastload",
    }
    path = folder / "ipcontroller-client.json"
    path.write_text(json.dumps(info))
    return path


@pytest.mark.parametrize("text", [None, ""])
def test_no_cluster_is_named(monkeypatch, text):
    monkeypatch.delenv("NLBOOK_CLUSTER", raising=False)
    if text is not None:
        monkeypatch.setenv("NLBOOK_CLUSTER", text)
    assert connect() is None


def test_a_cluster_that_has_been_stopped_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("NLBOOK_CLUSTER", str(tmp_path / "gone.json"))
    with pytest.raises(ClusterError, match=r"NLBOOK_CLUSTER names .*gone\.json, which does not"):
        connect()


def test_a_cluster_that_has_died_is_refused(tmp_path):
    with pytest.raises(ClusterError, match="does not answer: it has died or been stopped"):
        connect(connection_file(tmp_path), timeout=0.5)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cluster": {}}', "3", "\0"])
def test_a_file_that_is_no_connection_file_is_refused(tmp_path, text):
    path = tmp_path / "odd.json"
    path.write_text(text)
    with pytest.raises(ClusterError, match=r"cluster names .*odd\.json, which is no connection"):
        connect(path)


def test_a_dead_cluster_is_refused_before_anything_is_computed(tmp_path):
    with pytest.raises(ClusterError, match="does not exist"):
        run_tasks(noise, noise_tasks(1), tmp_path / "gone.json", tmp_path / "s", progress=False)


def test_stored_results_need_no_cluster(tmp_path):
    run_tasks(noise, noise_tasks(1), store=tmp_path / "s", progress=False)
    again = run_tasks(noise, noise_tasks(1), tmp_path / "gone", tmp_path / "s", progress=False)
    assert len(again) == 1
