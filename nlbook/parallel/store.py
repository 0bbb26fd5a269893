"""A folder of results, one .npz file for each finished task or shard of small tasks.

A file appears under its final name only when it is whole: it is written aside in the same
folder, flushed to the disk, then renamed. Its name holds the key of its task, and inside it the
keys of its tasks are listed once more, so that a file which is damaged or comes from elsewhere
is noticed. Files are read without pickle. `store.json` says whose results the folder holds.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import re
import time
import uuid
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nlbook.parallel.errors import StoreError, StoreWarning

__all__ = ["Result", "Store", "as_result", "open_store"]

#: What a task returns: arrays by name.
Result = dict[str, np.ndarray]

_FORMAT = "nlbook store 1"
_DESCRIPTION = "store.json"
_HEADER = "__store__"  # name of the array, in each file, that says what the file holds
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
)
_NAME = re.compile(r"(?!__)[^/]+")
_OURS = re.compile(r"(task|shard)-[0-9a-f]{64}\.npz")
_ASIDE = re.compile(r"\.aside-[0-9a-f]{32}")
_OLD = 24 * 3600.0  # seconds after which a file left aside by a killed run is removed


def as_result(returned: Any) -> Result:
    """Turn what a task returned into the arrays that a store gives back for it.

    Parameters
    ----------
    returned : mapping of str to array, scalar or str

    Returns
    -------
    dict of str to ndarray
        Copies, C-contiguous, so that a computed and a stored result are the same to the bit and
        in every sum made from them.

    Raises
    ------
    ValueError
        If it is no such mapping.
    """
    if not isinstance(returned, Mapping):
        raise ValueError(
            f"a task must return a mapping of names to arrays, got {type(returned).__qualname__}"
        )
    result = {}
    for name, value in returned.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name) or not name.isprintable():
            raise ValueError(
                f"names of results must be strings without '/' and leading '__', got {name!r}"
            )
        if isinstance(value, np.ma.MaskedArray):
            raise ValueError(f"result {name!r} is a masked array: return data and mask instead")
        array = np.array(value, order="C", copy=True, subok=False)
        if array.dtype.hasobject:
            raise ValueError(
                f"result {name!r} must be an array of numbers or text, "
                f"got {type(value).__qualname__} of dtype {array.dtype}"
            )
        result[name] = array
    return result


@dataclass(frozen=True)
class Store:
    """The results of one function in one folder; plain data, so that engines can write to it."""

    folder: str
    function: str  # "module:qualname"
    schema: int
    code: str  # hash of the code that computes now
    identity: str  # tells an engine whether it sees the same folder

    def read(self, keys: Iterable[str]) -> dict[str, Result]:
        """Return the stored results among those with these keys.

        Raises
        ------
        StoreError
            One for all files that are damaged or foreign.

        Warns
        -----
        StoreWarning
            If some were computed by other code than the present one.
        """
        wanted = set(keys)
        found: dict[str, Result] = {}
        bad: list[str] = []
        outdated = 0
        for path in self._files(wanted):
            try:
                header, results = _read_file(path, wanted - found.keys())
                self._check_owner(path, header)
            except _DAMAGE as error:
                bad.append(f"{path.name}: {error or type(error).__name__}")
                continue
            if header["code"] != self.code:
                outdated += len(results)
            found.update(results)
        if bad:
            listed = "\n  ".join(bad[:5] + ([f"and {len(bad) - 5} more"] if len(bad) > 5 else []))
            raise StoreError(
                f"{len(bad)} file(s) in the store {self.folder} are damaged or foreign:\n"
                f"  {listed}\nNothing was computed or deleted. Move these files away and run "
                f"again: only their tasks are computed again."
            )
        if outdated:
            warnings.warn(
                f"{outdated} of {len(wanted)} results in the store {self.folder} were computed by "
                f"an earlier version of the code of {self.function} or of what it imports. They "
                f"are used as they are. If results have changed, raise schema (now "
                f"{self.schema}) or take another store.",
                StoreWarning,
                stacklevel=3,
            )
        return found

    def read_batch(self, keys: Sequence[str]) -> dict[str, Result]:
        """Return what `write` has just stored, perhaps in another process, under these keys.

        Raises
        ------
        StoreError
            If it is not there, whole.
        """
        path = Path(self.folder, _file_name(keys))
        try:
            return _read_file(path, set(keys))[1]
        except _DAMAGE as error:
            raise StoreError(f"the store file {path} cannot be read again: {error!r}") from None

    def make_writable(self) -> None:
        """Create the folder, refuse one that cannot be written, clear old files left aside.

        Raises
        ------
        StoreError
            If the folder cannot be created or written.
        """
        folder = Path(self.folder)
        description = {"format": _FORMAT, **dataclasses.asdict(self)}
        del description["folder"]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(description, indent=1) + "\n"
            _write_atomically(folder / _DESCRIPTION, lambda file: file.write(text.encode()))
        except OSError as error:
            raise StoreError(f"the store {self.folder} cannot be written: {error}") from None
        for path in folder.iterdir():
            if _ASIDE.fullmatch(path.name):
                try:
                    if time.time() - path.stat().st_mtime > _OLD:
                        path.unlink()
                except OSError:
                    pass

    def is_seen_here(self) -> bool:
        """Tell whether this process sees the folder that the run writes to."""
        try:
            description = json.loads(Path(self.folder, _DESCRIPTION).read_text())
            return bool(description["identity"] == self.identity)
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def write(self, results: Mapping[str, Result], descriptions: Mapping[str, str]) -> None:
        """Store finished tasks, by key, as one file that appears whole or not at all.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        keys = list(results)
        header = {
            "format": _FORMAT,
            "function": self.function,
            "schema": self.schema,
            "code": self.code,
            "keys": keys,
            "tasks": [descriptions[key] for key in keys],
        }
        path = Path(self.folder, _file_name(keys))

        def write_archive(file: Any) -> None:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                _write_array(archive, _HEADER, np.array(json.dumps(header)))
                for i, key in enumerate(keys):
                    for name, array in results[key].items():
                        _write_array(archive, _member(keys, i, name), array)

        try:
            _write_atomically(path, write_archive)
        except OSError as error:
            raise StoreError(f"the store file {path} cannot be written: {error}") from None

    def _files(self, wanted: set[str]) -> list[Path]:
        """Return the files that can hold the wanted keys: theirs, and every shard."""
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        return [
            Path(self.folder, name)
            for name in sorted(names)
            if _OURS.fullmatch(name) and (name.startswith("shard-") or name[5:69] in wanted)
        ]

    def _check_owner(self, path: Path, header: Mapping[str, Any]) -> None:
        if header["function"] != self.function:
            raise ValueError(f"holds results of {header['function']}, not of {self.function}")
        if _file_name(header["keys"]) != path.name:
            raise ValueError("holds other tasks than its name says")


def open_store(folder: str | os.PathLike[str], function: str, schema: int, code: str) -> Store:
    """Open the store of a function, which need not exist yet. Writes nothing.

    Raises
    ------
    StoreError
        If the path is no folder, or holds other things, or results of another function.
    """
    path = Path(folder).absolute()
    new = Store(str(path), function, schema, code, uuid.uuid4().hex)
    try:
        names = os.listdir(path)
    except FileNotFoundError:
        return new
    except NotADirectoryError:
        raise StoreError(f"the store {path} is not a folder, or lies below a file") from None
    except OSError as error:
        raise StoreError(f"the store {path} cannot be read: {error}") from None
    if _DESCRIPTION not in names:
        foreign = sorted(n for n in names if not _OURS.fullmatch(n) and not _ASIDE.fullmatch(n))
        if foreign:
            raise StoreError(
                f"the folder {path} is no store: it has no {_DESCRIPTION}, but holds "
                f"{', '.join(foreign[:3])}. Name a new or an empty folder."
            )
        return new
    try:
        description = json.loads((path / _DESCRIPTION).read_text())
        owner, identity = description["function"], description["identity"]
        if description["format"] != _FORMAT:
            raise ValueError(f"its format is {description['format']!r}, not {_FORMAT!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path / _DESCRIPTION} is damaged or foreign ({error!r}). If this folder is a store, "
            f"move that file away: it is made anew, and the results beside it are kept."
        ) from None
    if owner != function:
        raise StoreError(
            f"the store {path} holds results of {owner}, not of {function}: name another folder"
        )
    return dataclasses.replace(new, identity=str(identity))


def _file_name(keys: Sequence[str]) -> str:
    if len(keys) == 1:
        return f"task-{keys[0]}.npz"
    return f"shard-{hashlib.sha256(' '.join(keys).encode()).hexdigest()}.npz"


def _member(keys: Sequence[str], index: int, name: str) -> str:
    return name if len(keys) == 1 else f"{index}/{name}"


def _write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    # the fixed date (the earliest that the format knows) makes equal results equal files
    member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
    with archive.open(member, "w", force_zip64=True) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


def _read_array(archive: zipfile.ZipFile, member: str) -> np.ndarray:
    # reading a member to its end checks its checksum
    data = io.BytesIO(archive.read(member))
    array: np.ndarray = np.lib.format.read_array(data, allow_pickle=False)
    return array


def _read_file(path: Path, wanted: set[str]) -> tuple[dict[str, Any], dict[str, Result]]:
    with zipfile.ZipFile(path) as archive:
        if f"{_HEADER}.npy" not in archive.namelist():
            raise ValueError("was not written by this package")
        header = json.loads(str(_read_array(archive, f"{_HEADER}.npy")))
        if header["format"] != _FORMAT:
            raise ValueError(f"its format is {header['format']!r}, not {_FORMAT!r}")
        keys = header["keys"]
        results: dict[str, Result] = {key: {} for key in keys if key in wanted}
        for member in archive.namelist():
            name = member.removesuffix(".npy")
            if name == _HEADER:
                continue
            index = 0
            if len(keys) > 1:
                number, _, name = name.partition("/")
                index = int(number)
            if keys[index] in wanted:
                results[keys[index]][name] = _read_array(archive, member)
    return header, results


def _write_atomically(path: Path, write: Any) -> None:
    """Write a file aside in its folder, flush it to the disk, and rename it."""
    aside = path.with_name(f".aside-{uuid.uuid4().hex}")
    try:
        with open(aside, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError:
        pass  # some network file systems cannot; the rename itself stands
    finally:
        os.close(folder)
