"""Clusters of two engines, recorded in a folder of their own."""

import pytest

from nlbook.parallel import start_cluster, stop_clusters


@pytest.fixture(autouse=True)
def ipython_folder(tmp_path, monkeypatch):
    """Keep records, logs and profiles out of the home folder, and other clusters out of sight."""
    folder = tmp_path / "ipython"
    monkeypatch.setenv("IPYTHONDIR", str(folder))
    monkeypatch.delenv("NLBOOK_CLUSTER", raising=False)
    yield folder
    stop_clusters(running=True)  # of a test that failed


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two local engines for all tests of a module that leave them alive."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cluster")
        patch.setenv("IPYTHONDIR", str(folder))
        patch.setenv("SAMPLE_TASKS_COMPUTED", str(folder / "computed"))
        with start_cluster("local", 2) as running:
            yield running
