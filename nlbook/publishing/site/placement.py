"""Put a finished site where it was wanted, and touch nothing there that is not its own.

A site carries a list of its files. A folder that has such a list is a site of ours, and of its
files only those listed are replaced; a folder that has none must be empty. The new files come
into the folder first, below a hidden one, and then take their names by renaming, one after
another: so the folder may be a link or a mount point, a page is never half there, and a site
whose replacement was cut short is still known as ours, and made whole by the next.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from nlbook import host
from nlbook.publishing.errors import BookError
from nlbook.publishing.running.locks import own_folder

__all__ = ["MARKER", "PlaceError", "adopt", "check_place", "place"]

#: file of a site that lists the files of it
MARKER = ".nlbook-site.json"
_ARRIVING = ".nlbook-arriving"
_NOT_CONTENT = {_ARRIVING, "lost+found"}  # the second belongs to file systems
_MADE_BY = "nlbook build, which replaces the files listed here and no others"


class PlaceError(BookError):
    """A folder that a site can't be put into."""


def check_place(out: Path) -> Path:
    """Refuse a folder that a site must not, or could not, be put into.

    Parameters
    ----------
    out : Path
        The folder, or a link to it; it need not exist.

    Returns
    -------
    Path
        Where it really is.

    Raises
    ------
    BookError
        It is a file, cannot be written, or holds files and is no site of ours.
    """
    try:
        where = Path(out).resolve()
        if where.exists() and not where.is_dir():
            raise PlaceError(f"{out} is a file: a site needs a folder")
        if where.is_dir() and _listed(where) is None and _content(where):
            raise PlaceError(
                f"{out} is not empty, and holds no site made by nlbook build (it has no {MARKER}): "
                "nothing there is replaced; name another folder, or empty it"
            )
        nearest = next(folder for folder in (where, *where.parents) if folder.exists())
        os.rmdir(tempfile.mkdtemp(dir=nearest, prefix=".nlbook-probe-"))
    except (OSError, RuntimeError) as error:  # the second for a circle of links
        reason = getattr(error, "strerror", None) or error
        raise PlaceError(f"{out}: a site cannot be written there ({reason})") from None
    return where


def place(new: Path, out: Path) -> None:
    """Put a finished site in place of the last one.

    Parameters
    ----------
    new : Path
        Its folder, which is left without the files.
    out : Path
        Where it goes, as in `check_place`.

    Raises
    ------
    BookError
        As in `check_place`; if another process is putting a site there; if a file that is not
        the site's has the name of one of its files. The last site is then as it was.
    OSError
        If the files do not fit.
    """
    where = check_place(out)
    where.mkdir(parents=True, exist_ok=True)
    with own_folder(where / _ARRIVING, "another build") as aside:
        before = _listed(where) or []
        after = sorted(p.relative_to(new).as_posix() for p in new.rglob("*") if p.is_file())
        _refuse_others(where, out, before, after)
        arrived = aside / "site"
        shutil.move(new, arrived)
        both = sorted({*before, *after})
        with host.signals_held():
            _list(where, aside, both)
            for name in set(before) - set(after):
                _remove(where, name)
            for name in after:
                target = where / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(NotADirectoryError, FileNotFoundError):
                    target.rmdir()  # an empty folder of that name
                os.replace(arrived / name, target)
            _list(where, aside, after)


def adopt(where: Path) -> None:
    """List the files of a site that an earlier version put into ``_build/html``, unlisted.

    Parameters
    ----------
    where : Path
        That folder, and no other: all of ``_build`` is the builder's own.
    """
    if not where.is_symlink() and _listed(where) is None and (where / "objects.inv").is_file():
        files = [p.relative_to(where).as_posix() for p in where.rglob("*") if p.is_file()]
        with own_folder(where / _ARRIVING, "another build") as aside:
            _list(where, aside, sorted(files))


def _refuse_others(where: Path, out: Path, before: list[str], after: list[str]) -> None:
    ours = {where / name for name in before}
    folders = {parent.as_posix() for name in after for parent in Path(name).parents} - {"."}
    for name in after:
        if not _may_go(where / name, ours):
            raise PlaceError(f"{out / name} is not the site's: it will not be replaced")
    for name in folders:
        path = where / name
        if os.path.lexists(path) and not _is_folder(path) and path not in ours:
            raise PlaceError(f"{out / name} is not the site's: it will not be replaced")


def _may_go(path: Path, ours: set[Path]) -> bool:
    """Whether nothing is there but what is ours."""
    if _is_folder(path):
        return all(_may_go(inside, ours) for inside in path.iterdir())
    return path in ours or not os.path.lexists(path)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _listed(where: Path) -> list[str] | None:
    """The files of the site that is there, or None when there is none of ours."""
    try:
        content = json.loads((where / MARKER).read_text(encoding="utf-8"))
        files = [str(name) for name in content["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    inside = [name for name in files if ".." not in Path(name).parts and name[:1] != "/"]
    return inside if content.get("made by") == _MADE_BY else None


def _list(where: Path, aside: Path, files: list[str]) -> None:
    content = {"made by": _MADE_BY, "files": files}
    written = aside / MARKER
    written.write_text(json.dumps(content, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(written, where / MARKER)


def _content(where: Path) -> list[Path]:
    return [path for path in where.iterdir() if path.name not in _NOT_CONTENT]


def _remove(where: Path, name: str) -> None:
    """Remove a file, and the folders that it leaves empty."""
    path = where / name
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
        path.unlink()
    with contextlib.suppress(OSError):
        for parent in path.parents:
            if parent == where:
                break
            parent.rmdir()
