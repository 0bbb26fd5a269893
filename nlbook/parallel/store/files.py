"""One file of a store: an .npz archive of arrays that lists the tasks whose results it holds.

The list of keys and the rest of the header are JSON, in an array of their own. Files are read
without pickle, and reading an array to its end checks its checksum.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import uuid
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

__all__ = [
    "DAMAGE",
    "FORMAT",
    "Result",
    "file_name",
    "read_file",
    "read_header",
    "write_atomically",
    "write_file",
]

#: What a task returns: arrays by name.
Result: TypeAlias = dict[str, np.ndarray]

#: Name and version of the format of files and of the store's description.
FORMAT = "nlbook store 1"
#: What reading a file raises when it is damaged or was written by something else.
DAMAGE = (
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
_HEADER = "__store__"  # name of the array, in each file, that says what the file holds


def file_name(keys: Sequence[str]) -> str:
    """Name of the file of tasks: their key, or for a shard a digest of its keys."""
    if len(keys) == 1:
        return f"task-{keys[0]}.npz"
    return f"shard-{hashlib.sha256(' '.join(keys).encode()).hexdigest()}.npz"


def read_header(path: Path) -> dict[str, Any]:
    """Return what a file says of itself."""
    with zipfile.ZipFile(path) as archive:
        return _header(archive)


def read_file(
    path: Path, wanted: set[str] | None = None
) -> tuple[dict[str, Any], dict[str, Result]]:
    """Return what a file says of itself, and those of its results that are wanted (all)."""
    with zipfile.ZipFile(path) as archive:
        header = _header(archive)
        keys = header["keys"]
        results: dict[str, Result] = {key: {} for key in keys if wanted is None or key in wanted}
        for member in archive.namelist():
            name = member.removesuffix(".npy")
            if name == _HEADER:
                continue
            index = 0
            if len(keys) > 1:
                number, _, name = name.partition("/")
                index = int(number)
            if keys[index] in results:
                results[keys[index]][name] = _read_array(archive, member)
    return header, results


def write_file(path: Path, header: Mapping[str, Any], results: Mapping[str, Result]) -> None:
    """Write the results of the header's keys to a file that appears whole or not at all."""
    keys = header["keys"]

    def write_archive(file: Any) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            _write_array(archive, _HEADER, np.array(json.dumps({"format": FORMAT, **header})))
            for i, key in enumerate(keys):
                for name, array in results[key].items():
                    _write_array(archive, _member(keys, i, name), array)

    write_atomically(path, write_archive)


def write_atomically(path: Path, write: Any) -> None:
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


def _header(archive: zipfile.ZipFile) -> dict[str, Any]:
    if f"{_HEADER}.npy" not in archive.namelist():
        raise ValueError("was not written by this package")
    header: dict[str, Any] = json.loads(str(_read_array(archive, f"{_HEADER}.npy")))
    if header["format"] != FORMAT:
        raise ValueError(f"its format is {header['format']!r}, not {FORMAT!r}")
    return header


def _member(keys: Sequence[str], index: int, name: str) -> str:
    return name if len(keys) == 1 else f"{index}/{name}"


def _write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    # the fixed date (the earliest that the format knows) makes equal results equal files
    member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
    with archive.open(member, "w", force_zip64=True) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


def _read_array(archive: zipfile.ZipFile, member: str) -> np.ndarray:
    data = io.BytesIO(archive.read(member))
    array: np.ndarray = np.lib.format.read_array(data, allow_pickle=False)
    return array
