"""Files and folders that one process has for itself, until it ends, however it ends.

The system itself takes a lock from a process that is gone, so that nothing has to be known of
process numbers or hosts, and what a killed one left can be told from what is in use. On a file
system that knows no locks nobody is refused: folders get names of their own, and what a killed
process leaves there stays.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import shutil
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

from nlbook.publishing.errors import BookError

__all__ = ["InUse", "locked", "own_folder", "scratch_folder"]

_LOCK = "in-use"


class InUse(BookError):
    """Another process has what was asked for."""


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a file alone; it is made, and removed again.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    what : str
        Says in the error who has it, such as ``"another build"``.

    Raises
    ------
    InUse
        At once, if another process has it.
    OSError
        If the file cannot be written.
    """
    descriptor, _ = _open_locked(path, what)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


@contextlib.contextmanager
def own_folder(path: Path, what: str) -> Iterator[Path]:
    """Have a folder alone, empty at first, removed at last.

    Parameters
    ----------
    path : Path
        The folder; its parent must exist. What is in it was left by a process that is gone.
    what : str
        As in `locked`.

    Raises
    ------
    InUse
        At once, if another process has it.
    OSError
        If it cannot be written.
    """
    descriptor, held = _make(path, what)
    if not held:
        with contextlib.suppress(OSError):
            os.unlink(path / _LOCK)
            path.rmdir()
        os.close(descriptor)
        path = Path(f"{path}-{uuid.uuid4().hex}")
        descriptor, _ = _make(path, what)
    try:
        _empty(path)
        yield path
    finally:
        with contextlib.suppress(OSError):  # the next owner may be in it already
            _empty(path)
            os.unlink(path / _LOCK)
            path.rmdir()
        os.close(descriptor)
        with contextlib.suppress(OSError):  # a file system over a network lets go only now
            path.rmdir()


@contextlib.contextmanager
def scratch_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Have a new folder in `parent`; those that killed processes left are removed.

    Parameters
    ----------
    parent : Path
        Where; it must exist.
    prefix : str
        How the names of all such folders begin.
    """
    for left in parent.glob(f"{prefix}*"):
        if left.is_dir() and not left.is_symlink():
            with contextlib.suppress(OSError, InUse), own_folder(left, "another process"):
                pass
    with contextlib.ExitStack() as stack:
        for number in itertools.count(1):
            with contextlib.suppress(InUse):
                folder = own_folder(parent / f"{prefix}{number}", "another process")
                made = stack.enter_context(folder)
                break
        yield made


def _make(folder: Path, what: str) -> tuple[int, bool]:
    while True:
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder)
            return _open_locked(folder / _LOCK, what)
        except FileNotFoundError:  # its last owner was removing it
            if not folder.parent.is_dir():
                raise


def _open_locked(path: Path, what: str) -> tuple[int, bool]:
    """Open a file and lock it; says also whether that was possible."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            held = _lock(descriptor, path, what)
            if _is(descriptor, path):  # else its last owner removed it meanwhile
                os.truncate(descriptor, 0)
                os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
                return descriptor, held
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int, path: Path, what: str) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            owner = os.pread(descriptor, 200, 0).decode(errors="replace")
            raise InUse(f"{what} is at work in {path.parent}: {owner or 'it has begun'}") from None
        return False
    return True


def _is(descriptor: int, path: Path) -> bool:
    try:
        there, held = os.stat(path), os.fstat(descriptor)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name == _LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
