"""What the doctor finds."""

from __future__ import annotations

import pytest

from nlbook.publishing.running import doctor


def found():
    return dict(doctor.findings())


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """Put a command of this name, which prints a text, first on the path."""

    def make(name, text):
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / name).write_text(f"#!/bin/sh\necho '{text}'\n")
        (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")

    return make


def test_a_gpu_is_named(book, tool):
    tool("nvidia-smi", "NVIDIA A100, 40960 MiB, 550.54")
    assert found()["GPU"] == "NVIDIA A100, 40960 MiB, 550.54"


def test_no_gpu_is_said(book, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found()["GPU"].startswith("none found")


def test_a_missing_torch_is_said(book, monkeypatch):
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    assert found()["torch"].startswith("not installed")


def test_packages_that_differ_from_the_lock_are_named(book):
    (book.root / "requirements.lock").write_text("numpy==1.0\nno-such-package==2.0\n")
    assert "numpy " in found()["lock"] and "instead of 1.0" in found()["lock"]
    assert "no-such-package none instead of 2.0" in found()["lock"]


def test_packages_for_other_systems_are_not_missed(book):
    lines = ("a==1 ; sys_platform == 'vms'", "b==1 ; python_full_version == '2.7.*'", "# c==1", "")
    (book.root / "requirements.lock").write_text("\n".join(lines))
    assert found()["lock"] == "every package is at its locked version"
    (book.root / "requirements.lock").write_text("no-such-package==1 ; python_version > '3'\n")
    assert "no-such-package none instead of 1" in found()["lock"]


def test_limits_on_threads_are_shown(book, monkeypatch):
    monkeypatch.setenv("NLBOOK_WORKERS", "3")
    assert "NLBOOK_WORKERS=3" in found()["threads"]
    assert found()["cores"].endswith("uses 3")


def test_outside_a_book_the_rest_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NLBOOK_BOOK", raising=False)
    assert found()["book"].startswith("no book in")
    assert "numpy" in found()["packages"]
