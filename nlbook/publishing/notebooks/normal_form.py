"""An executed notebook without what differs between two equal runs."""

from __future__ import annotations

import hashlib
import re
from typing import Any

__all__ = ["GLUE", "INJECTED", "cell_id", "is_injected", "normalise"]

#: The tag of the cell of values that papermill puts in.
INJECTED = "injected-parameters"
#: The type of an output that glues a value to its name.
GLUE = "application/papermill.record/text/plain"
_LONGEST = 64  # letters of a cell's id


def cell_id(name: str) -> str:
    """A cell's id from the name of what it shows: of at most 64 letters, as notebooks ask.

    What is too long ends in digits of its hash, so that two names have two ids.
    """
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    if plain == name and len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{plain[: _LONGEST - 9]}-{digest}"


def is_injected(cell: Any) -> bool:
    """Tell whether papermill put this cell in."""
    return INJECTED in cell.metadata.get("tags", [])


def normalise(notebook: Any) -> Any:
    """Drop what differs between two equal runs: times, ids, versions, progress on stderr.

    The code of a cell of claims and numbers is folded, for JupyterLab.

    Parameters
    ----------
    notebook : NotebookNode
        An executed notebook; changed in place.

    Returns
    -------
    NotebookNode
        The same notebook.
    """
    for number, cell in enumerate(notebook.cells):
        for key in ("execution", "papermill"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            if "bookkeeping" in cell.metadata.get("tags", []):
                cell.metadata["jupyter"] = {"source_hidden": True}  # JupyterLab folds the code
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
            for output in cell.outputs:
                _round_claim(output.get("metadata", {}).get("nlbook", {}).get("claim"))
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
        cell["id"] = "code-injected" if is_injected(cell) else f"{cell.cell_type}-{number:03d}"
    for key in ("widgets", "nlbook"):
        notebook.metadata.pop(key, None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    return notebook


def _round_claim(row: dict[str, Any] | None) -> None:
    """Keep of a claim's numbers what it shows; their last bits differ between runs."""
    if row is None:
        return
    for key in ("expected", "atol", "rtol", "minimum", "maximum"):
        if isinstance(row[key], float):
            row[key] = float(f"{row[key]:.6g}")
    try:
        row["value"] = float(row["text"])
    except ValueError:
        row["value"] = None
