"""A folder of results, one .npz file for each finished task or shard of small tasks.

A file appears under its final name only when it is whole: it is written aside in the same
folder, flushed to the disk, then renamed. Its name holds the key of its task, and inside it the
keys of its tasks are listed once more, so that a file which is damaged or comes from elsewhere
is noticed. Files are read without pickle. `store.json` says whose results the folder holds.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import time
import uuid
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nlbook.checks import check_unmasked
from nlbook.parallel.errors import StoreError, StoreWarning
from nlbook.parallel.store.files import (
    DAMAGE,
    FORMAT,
    Result,
    file_name,
    read_file,
    read_header,
    write_atomically,
    write_file,
)

__all__ = ["Store", "as_result", "open_store"]

_DESCRIPTION = "store.json"
_FOLDER_VARIABLE = "NLBOOK_FOLDER"  # from where a relative path leads
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
        check_unmasked(f"result {name!r}", value)  # in a list they would lose their masks
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

    folder: str  #: absolute path of the folder
    function: str  #: "module:qualname"
    schema: int  #: number that the author raises when results change
    code: str  #: hash of the code that computes now
    identity: str  #: tells an engine whether it sees the same folder

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
        stored: dict[str, Result] = {}
        bad: list[str] = []
        outdated = 0
        for path in self._files(wanted):
            try:
                header, results = read_file(path, wanted - stored.keys())
                self._check_owner(path, header)
            except DAMAGE as error:
                bad.append(f"{path.name}: {error or type(error).__name__}")
                continue
            if header["code"] != self.code:
                outdated += len(results)
            stored.update(results)
        if bad:
            raise self._damage(bad, "Nothing was computed or deleted.")
        if outdated:
            warnings.warn(
                f"{outdated} of {len(wanted)} results in the store {self.folder} were computed by "
                f"an earlier version of the code of {self.function} or of what it imports. They "
                f"are used as they are. If results have changed, raise schema (now "
                f"{self.schema}) or take another store.",
                StoreWarning,
                stacklevel=3,
            )
        return stored

    def read_batch(self, keys: Sequence[str]) -> dict[str, Result]:
        """Return what `write` has just stored, perhaps in another process, under these keys.

        Raises
        ------
        StoreError
            If it is not there, whole.
        """
        path = Path(self.folder, file_name(keys))
        try:
            return read_file(path, set(keys))[1]
        except DAMAGE as error:
            raise StoreError(f"the store file {path} cannot be read again: {error!r}") from None

    def locate(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the name of the file that holds a key, for each of these that is stored.

        Of files of one task the names alone are looked at; of shards the lists of their keys.

        Raises
        ------
        StoreError
            One for all shards that are damaged or foreign.
        """
        wanted = set(keys)
        places: dict[str, str] = {}
        bad: list[str] = []
        for path in self._files(wanted):
            held = [path.name[5:69]]
            if path.name.startswith("shard-"):
                try:
                    header = read_header(path)
                    self._check_owner(path, header)
                    held = header["keys"]
                except DAMAGE as error:
                    bad.append(f"{path.name}: {error or type(error).__name__}")
                    continue
            for key in wanted.intersection(held):
                places.setdefault(key, path.name)
        if bad:
            raise self._damage(bad, "Nothing was computed or deleted.")
        return places

    def load(self, name: str) -> tuple[dict[str, Result], bool]:
        """Return all results of one file, and whether the present code computed them.

        Raises
        ------
        StoreError
            If the file is damaged or foreign.
        """
        path = Path(self.folder, name)
        try:
            header, results = read_file(path)
            self._check_owner(path, header)
        except DAMAGE as error:
            bad = [f"{name}: {error or type(error).__name__}"]
            raise self._damage(bad, "Nothing was deleted.") from None
        return results, header["code"] == self.code

    def make_writable(self) -> None:
        """Create the folder, refuse one that cannot be written, clear old files left aside.

        Raises
        ------
        StoreError
            If the folder cannot be created or written.
        """
        folder = Path(self.folder)
        description = {"format": FORMAT, **dataclasses.asdict(self)}
        del description["folder"]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(description, indent=1) + "\n"
            write_atomically(folder / _DESCRIPTION, lambda file: file.write(text.encode()))
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
            description = json.loads(Path(self.folder, _DESCRIPTION).read_text("utf-8"))
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
            "function": self.function,
            "schema": self.schema,
            "code": self.code,
            "keys": keys,
            "tasks": [descriptions[key] for key in keys],
        }
        path = Path(self.folder, file_name(keys))
        try:
            write_file(path, header, results)
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

    def _damage(self, bad: Sequence[str], what_was_done: str) -> StoreError:
        listed = "\n  ".join([*bad[:5], *([f"and {len(bad) - 5} more"] if len(bad) > 5 else [])])
        return StoreError(
            f"{len(bad)} file(s) in the store {self.folder} are damaged or foreign:\n"
            f"  {listed}\n{what_was_done} Move these files away and run again: only their tasks "
            f"are computed again."
        )

    def _check_owner(self, path: Path, header: Mapping[str, Any]) -> None:
        if header["function"] != self.function:
            raise ValueError(f"holds results of {header['function']}, not of {self.function}")
        if file_name(header["keys"]) != path.name:
            raise ValueError("holds other tasks than its name says")


def open_store(folder: str | os.PathLike[str], function: str, schema: int, code: str) -> Store:
    """Open the store of a function, which need not exist yet. Writes nothing.

    Raises
    ------
    StoreError
        If the path is no folder, or holds other things, or results of another function.
    """
    path = _resolve(folder)
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
        description = json.loads((path / _DESCRIPTION).read_text("utf-8"))
        owner, identity = description["function"], description["identity"]
        if description["format"] != FORMAT:
            raise ValueError(f"its format is {description['format']!r}, not {FORMAT!r}")
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


def _resolve(folder: str | os.PathLike[str]) -> Path:
    """The absolute path of a store: from the home folder, $NLBOOK_FOLDER or the working one."""
    try:
        path = Path(folder).expanduser()
    except RuntimeError as error:
        raise StoreError(f"the store {folder} has no path: {error}") from None
    return (Path(os.environ.get(_FOLDER_VARIABLE, "")) / path).absolute()
