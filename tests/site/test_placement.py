"""A site goes into its folder, and touches nothing there that is not its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from nlbook.publishing.errors import BookError
from nlbook.publishing.site import placement
from nlbook.publishing.site.placement import MARKER, adopt, check_place, place

OLD = {"index.html": "old", "_static/style.css": "old", "old.html": "old", "more/old.html": "old"}
NEW = {"index.html": "new", "_static/style.css": "new", "new.html": "new", "api/new.html": "new"}


@pytest.fixture
def built(tmp_path):
    """Write files as a builder does; returns their folder."""

    def build(files):
        folder = tmp_path / "built"
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return folder

    return build


@pytest.fixture
def out(tmp_path, built):
    """A site that was built before."""
    folder = tmp_path / "site"
    place(built(OLD), folder)
    return folder


def files(folder):
    pages = [path for path in folder.rglob("*.*ml") if path.is_file()]
    found = {path.relative_to(folder).as_posix(): path.read_text() for path in pages}
    return found | {"_static/style.css": (folder / "_static" / "style.css").read_text()}


def hidden(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_a_site_replaces_the_last_one_and_leaves_nothing_of_it(out, built):
    assert files(out) == OLD
    place(built(NEW), out)
    assert files(out) == NEW
    assert not (out / "more").exists()
    assert hidden(out) == [MARKER]
    assert sorted(p.name for p in out.parent.iterdir()) == ["site"]


def test_a_site_may_be_read_by_whom_the_umask_lets(tmp_path, built):
    before = os.umask(0o027)
    try:
        place(built(NEW), tmp_path / "site")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "site").rglob("*")}
    assert (tmp_path / "site").stat().st_mode & 0o777 == modes["api"] == 0o750
    assert modes[MARKER] == 0o640


def test_what_lies_beside_the_pages_stays(out, built):
    (out / "thesis").mkdir()
    (out / "thesis" / "chapter.tex").write_text("years of work")
    (out / "more" / "own.tex").write_text("more")
    (out / ".git").mkdir()
    place(built(NEW), out)
    assert (out / "thesis" / "chapter.tex").read_text() == "years of work"
    assert (out / "more" / "own.tex").read_text() == "more"
    assert (out / ".git").is_dir()
    assert not (out / "old.html").exists()


@pytest.mark.parametrize("name", ["new.html", "api", "api/new.html/deep.tex"])
def test_a_file_of_somebody_else_in_the_way_is_refused_and_nothing_changes(out, built, name):
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text("mine")
    with pytest.raises(BookError, match="is not the site's: it will not be replaced"):
        place(built(NEW), out)
    assert (out / name).read_text() == "mine"
    assert OLD.items() <= files(out).items()
    assert hidden(out) == [MARKER]


def test_a_folder_of_the_site_may_become_a_page_and_a_page_a_folder(out, built):
    changed = {"index.html": "new", "_static/style.css": "", "more": "page", "old.html/x": "page"}
    place(built(changed), out)
    assert (out / "more").read_text() == (out / "old.html" / "x").read_text() == "page"


def foreign(folder, kind):
    folder.mkdir()
    (folder / "chapter.tex").write_text("years of work")
    if kind == "a site of somebody else":
        (folder / "index.html").write_text("mine")
        (folder / "objects.inv").write_text("mine")
    if kind == "another program's list":
        (folder / MARKER).write_text(json.dumps({"made by": "me", "files": ["chapter.tex"]}))
    if kind == "a broken list":
        (folder / MARKER).write_text("{")


@pytest.mark.parametrize(
    "kind",
    ["files", "a site of somebody else", "another program's list", "a broken list"],
)
def test_a_folder_that_holds_something_else_is_refused(tmp_path, built, kind):
    folder = tmp_path / "thesis"
    foreign(folder, kind)
    before = {path: path.read_text() for path in folder.iterdir()}
    for refuse in (check_place, lambda where: place(built(NEW), where)):
        with pytest.raises(BookError, match="is not empty, and holds no site made by nlbook build"):
            refuse(folder)
    assert {path: path.read_text() for path in folder.iterdir()} == before


def test_a_list_that_names_files_outside_removes_none_of_them(tmp_path, out, built):
    (tmp_path / "thesis.tex").write_text("years of work")
    listed = json.loads((out / MARKER).read_text())
    listed["files"] += ["../thesis.tex", str(tmp_path / "thesis.tex")]
    (out / MARKER).write_text(json.dumps(listed))
    place(built(NEW), out)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("kind", ["a file", "below a file", "a circle of links"])
def test_what_cannot_be_a_folder_is_refused(tmp_path, kind):
    path = tmp_path / "out"
    if kind == "a circle of links":
        path.symlink_to(path)
    else:
        path.write_text("mine")
    with pytest.raises(BookError, match="is a file|cannot be written"):
        check_place(path / "site" if kind == "below a file" else path)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    def refuse(**options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(placement.tempfile, "mkdtemp", refuse)
    with pytest.raises(BookError, match="cannot be written there .Permission denied"):
        check_place(tmp_path / "not" / "yet" / "there")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link(tmp_path, built, there):
    target, link = tmp_path / "target", tmp_path / "link"
    if there:
        target.mkdir()
    link.symlink_to(target)
    for content in (OLD, NEW):
        place(built(content), link)
        assert link.is_symlink() and link.resolve() == target
        assert files(target) == content


@pytest.fixture
def mounted(tmp_path):
    """A folder that is a mount point, where this process may mount; else one that can't move."""
    folder, device = tmp_path / "mounted", tmp_path / "device"
    folder.mkdir()
    device.mkdir()
    with contextlib.ExitStack() as stack:
        command = ["mount", "--bind", str(device), str(folder)]
        with contextlib.suppress(OSError):
            if subprocess.run(command, capture_output=True).returncode == 0:
                stack.callback(subprocess.run, ["umount", str(folder)], check=True)
        yield folder


def test_a_mount_point_takes_a_site(mounted, built, monkeypatch):
    def rename(function):
        def renamed(source, target, *arguments, **options):
            if Path(source) == mounted or Path(target) == mounted:
                raise OSError(16, "Device or resource busy", str(mounted))
            return function(source, target, *arguments, **options)

        return renamed

    for name in ("rename", "replace"):  # as the system does, where nothing could be mounted
        monkeypatch.setattr(os, name, rename(getattr(os, name)))
    (mounted / "lost+found").mkdir()
    for content in (OLD, NEW):
        place(built(content), mounted)
        assert files(mounted) == content
    assert (mounted / "lost+found").is_dir()
    assert hidden(mounted) == [MARKER]


class Crash(BaseException):
    """Stands for the end of the process: nothing runs after it but what a test calls."""


@pytest.mark.parametrize("moment", range(1, 7))
def test_a_crash_between_loses_nothing_and_the_next_build_makes_it_whole(
    out, built, monkeypatch, moment
):
    (out / "thesis.html").write_text("years of work")
    calls = []

    def replace(source, target):
        calls.append(target)
        if len(calls) == moment:
            raise Crash
        os.rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(placement.os, "replace", replace)
        with pytest.raises(Crash):
            place(built(NEW), out)
    assert (out / "index.html").read_text() in ("old", "new")
    place(built(NEW), out)
    assert files(out) == NEW | {"thesis.html": "years of work"}
    assert hidden(out) == [MARKER]


def test_a_full_disk_keeps_the_last_site_and_leaves_no_copy(out, built, monkeypatch):
    def full(source, target):
        Path(target).mkdir()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(placement.shutil, "move", full)
    with pytest.raises(OSError, match="No space left"):
        place(built(NEW), out)
    assert files(out) == OLD
    assert hidden(out) == [MARKER]


def test_a_site_of_an_earlier_version_is_adopted_where_it_was_always_built(tmp_path, built):
    folder = tmp_path / "_build" / "html"
    for name, text in (OLD | {"objects.inv": "x"}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with pytest.raises(BookError, match="holds no site"):
        check_place(folder)
    adopt(folder)
    place(built(NEW), folder)
    assert files(folder) == NEW and not (folder / "objects.inv").exists()
