import os
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from nlbook.parallel.provenance import describe_run

ROOT = Path(__file__).resolve().parents[2]


def test_a_run_is_described_by_code_machine_and_versions(monkeypatch):
    monkeypatch.delenv("NLBOOK_COMMIT", raising=False)
    found = describe_run(("numpy", "pytest"))
    assert found["versions"] == {"numpy": metadata.version("numpy"), "pytest": pytest.__version__}
    assert found["cores"] == os.cpu_count()
    assert found["processor"]
    # numpy alone takes 20 MiB, and a test run less than the machine has
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 20 < found["peak_memory_mib"] < pages / 2**20


def test_the_commit_is_that_of_the_working_copy(monkeypatch):
    monkeypatch.delenv("NLBOOK_COMMIT", raising=False)
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    head = subprocess.run(command, capture_output=True, text=True)
    expected = head.stdout.strip() if head.returncode == 0 else None
    assert describe_run(())["commit"] == expected


def test_the_commit_may_be_given(monkeypatch):
    monkeypatch.setenv("NLBOOK_COMMIT", "abc")
    assert describe_run(())["commit"] == "abc"
