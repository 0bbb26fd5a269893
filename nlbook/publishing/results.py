"""Results for later use: the arrays and tables that a run shows, as files beside its notebook.

Each file holds one table or one set of arrays under names of the reader's language, with units,
in a form that any program reads: CSV where the columns are of one length, else NumPy's ``npz``.
Whoever starts the kernel says where they go, by the environment variable ``NLBOOK_RESULTS``;
``nlbook run`` puts them beside the executed notebook, as ``NN_name.results/``.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlbook.publishing.book import find_book
from nlbook.publishing.errors import BookError
from nlbook.publishing.guard import ChapterRun, current_run
from nlbook.publishing.tables import Table

if TYPE_CHECKING:  # a command that saves nothing starts without NumPy
    from numpy.typing import ArrayLike, NDArray

__all__ = ["CONTENTS", "VARIABLE", "read_contents", "results_folder", "save_results"]

#: The environment variable that names the folder.
VARIABLE = "NLBOOK_RESULTS"
#: The file in it that lists the others.
CONTENTS = "contents.json"

_NAME = re.compile(r"[A-Za-z][\w-]*(\.[\w-]+)*", re.ASCII)
_RESERVED = ("units", "description")


def results_folder() -> Path:
    """The folder for the results of this run; it is made when it is not there.

    It is what ``NLBOOK_RESULTS`` names. Without that (stock papermill, a hub, nbval) it is
    ``NN_name.results`` in the working folder, or, where that is inside ``book/`` of a clone, in
    ``_build/results`` of the clone; in a temporary folder where neither can be written. Which
    one is said on stderr.

    Returns
    -------
    Path
        For other files than those of `save_results`, such as a record for another chapter.

    Raises
    ------
    RuntimeError
        Before `begin`.
    OSError
        If ``NLBOOK_RESULTS`` names what cannot be written.
    """
    return _results().folder


def save_results(
    name: str,
    columns: Mapping[str, ArrayLike] | Table,
    *,
    units: Mapping[str, str] | None = None,
    description: str | None = None,
) -> None:
    """Write arrays that the chapter shows into the run's results.

    Columns of one length become ``NAME.csv``, whose first line reads ``time (t0),number (1)``;
    single numbers become its only row. Arrays of other shapes become ``NAME.npz``, which also
    holds ``units`` (text: a JSON object by name) and ``description``, and is read without pickle.
    Numbers are written so that reading them gives the same doubles; what is not known is NaN.
    Nothing is returned: where the file lies differs between machines, and the value of a cell's
    last line is an output.

    Parameters
    ----------
    name : str
        Name of the file, without suffix; once a run.
    columns : mapping of str to array_like, or Table
        What `table` returned, with its own units; or numbers, truth values or, in a column of a
        table, text. Names hold no comma, bracket or line break. Hidden entries of a masked array
        are refused.
    units : mapping of str to str, optional
        The unit of each column of numbers; ``"1"`` for pure numbers. A table has its own.
    description : str, optional
        What it is, in a sentence.

    Raises
    ------
    ValueError
        For a name that was saved before, arrays that are none, or units that don't fit.
    """
    results = _results()
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            f"results {name!r}: a name must start with a letter, then letters, digits, '_-.'"
        )
    caller = sys._getframe(1).f_code.co_filename
    if not results.may_save(name, caller):
        raise ValueError(f"results {name!r}: they are saved already; give others another name")
    if isinstance(columns, Table):
        if units is not None:
            raise ValueError(f"results {name!r}: units must not be given, as the table has its own")
        columns, units = columns.results()
    if not columns:
        raise ValueError(f"results {name!r}: columns must hold at least one array")
    arrays = {key: _array(name, key, value) for key, value in columns.items()}
    told = _units(name, arrays, units or {})
    table = len({array.shape for array in arrays.values()}) == 1 and all(
        array.ndim < 2 and array.dtype.kind != "c" for array in arrays.values()
    )
    file = results.folder / f"{name}{'.csv' if table else '.npz'}"
    _write(file, _csv(arrays, told) if table else _npz(arrays, told, description))
    results.saved_by[name] = (caller, _execution_count())
    results.saved[name] = {
        "file": file.name,
        "columns": {
            key: {
                "unit": told.get(key),
                "shape": list(array.shape),
                "type": array.dtype.name.rstrip("0123456789"),
            }
            for key, array in arrays.items()
        },
        "description": description,
    }
    text = json.dumps(results.saved, indent=1, ensure_ascii=False) + "\n"
    _write(results.folder / CONTENTS, text.encode())


def read_contents(folder: Path) -> dict[str, Any]:
    """What `save_results` wrote into a folder, by name; empty where it wrote nothing."""
    try:
        contents: dict[str, Any] = json.loads((folder / CONTENTS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return contents


@dataclass
class _Results:
    """What one run has saved."""

    run: ChapterRun
    folder: Path
    saved: dict[str, Any] = field(default_factory=dict)
    saved_by: dict[str, tuple[str, int | None]] = field(default_factory=dict)

    def may_save(self, name: str, caller: str) -> bool:
        """Whether the name is new, or its cell is executed once more by hand."""
        for known, (cell, count) in self.saved_by.items():
            if known.lower() == name.lower():
                return known == name and cell == caller and count != _execution_count()
        return True


_last: _Results | None = None


def _results() -> _Results:
    global _last
    run = current_run()
    if _last is None or _last.run is not run:
        told = os.environ.get(VARIABLE)
        if told:
            folder = Path(told).absolute()
            folder.mkdir(parents=True, exist_ok=True)
        else:
            folder = _chosen(f"{run.chapter}.results")
        _last = _Results(run, folder)
    return _last


def _execution_count() -> int | None:
    from IPython import get_ipython

    shell = get_ipython()
    return None if shell is None else int(shell.execution_count)


def _chosen(name: str) -> Path:
    """A folder of this name where one can be written, told on stderr."""
    for place in _places():
        folder = place / name
        try:
            there = folder.is_dir() and any(folder.iterdir())
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError:
            continue
        replacing = ", in place of those of an earlier run" if there else ""
        _say(f"results are written to {folder}{replacing}")
        return folder
    folder = Path(tempfile.mkdtemp(prefix="nlbook-")) / name
    folder.mkdir()
    _say(f"results are written to {folder}, as the working folder cannot be written")
    return folder


def _places() -> list[Path]:
    here = Path.cwd()
    try:
        book = find_book(here)
    except BookError:
        return [here]
    return [book.root / "_build" / "results"] if here.is_relative_to(book.book) else [here]


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _array(name: str, key: Any, value: ArrayLike) -> NDArray[Any]:
    import numpy as np

    from nlbook.checks import check_unmasked

    where = f"results {name!r}, column {key!r}"
    if (
        not isinstance(key, str)
        or not key.strip()
        or any(c in key for c in ',()"\n\r/')
        or key in _RESERVED
    ):
        raise ValueError(
            f"{where}: a name must be text without comma, bracket, quote, slash or line break, "
            f"and none of {', '.join(_RESERVED)}"
        )
    check_unmasked(where, value)
    try:
        array = np.asarray(value)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{where} must be an array: {error}") from None
    if array.dtype.kind not in "biufcU":
        raise ValueError(f"{where} must be numbers, truth values or text, got {array.dtype}")
    return array


def _units(
    name: str, arrays: Mapping[str, NDArray[Any]], units: Mapping[str, str]
) -> dict[str, str]:
    numbers = [key for key, array in arrays.items() if array.dtype.kind in "iufc"]
    missing = [key for key in numbers if not str(units.get(key) or "").strip()]
    if missing:
        raise ValueError(
            f"results {name!r}: units of {', '.join(missing)} are missing ('1' if none)"
        )
    unknown = [key for key in units if key not in arrays]
    if unknown:
        raise ValueError(f"results {name!r}: there is no column {', '.join(map(repr, unknown))}")
    for key, unit in units.items():
        if any(c in unit for c in ',"\n\r'):
            raise ValueError(f"results {name!r}: unit {unit!r} of {key} holds a comma or a quote")
    return dict(units)


def _csv(arrays: Mapping[str, NDArray[Any]], units: Mapping[str, str]) -> bytes:
    import numpy as np

    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([f"{key} ({units[key]})" if key in units else key for key in arrays])
    columns = [
        np.atleast_1d(array.astype(np.float64) if array.dtype.kind == "f" else array).tolist()
        for array in arrays.values()
    ]
    for row in zip(*columns, strict=True):
        writer.writerow([_text(value) for value in row])
    return stream.getvalue().encode()


def _text(value: Any) -> str:
    """A value as any program reads it: the fewest digits that give the same double."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return value if isinstance(value, str) else repr(value)


def _npz(
    arrays: Mapping[str, NDArray[Any]], units: Mapping[str, str], description: str | None
) -> bytes:
    """The bytes of an npz file: `numpy.savez` gives some names of arrays a meaning of their own."""
    import numpy as np

    told = {"units": json.dumps(dict(units), ensure_ascii=False), "description": description or ""}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, value in (*arrays.items(), *told.items()):
            entry = zipfile.ZipInfo(f"{key}.npy")  # of a fixed date: equal results, equal bytes
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(value), allow_pickle=False)
    return stream.getvalue()


def _write(file: Path, content: bytes) -> None:
    """Write aside, then rename, so that a reader finds a whole file or none."""
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    aside.write_bytes(content)
    os.replace(aside, file)
