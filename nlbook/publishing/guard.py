"""Begin a chapter in its kernel: refuse wrong parameters, whoever started the kernel.

The parameters cell annotates its names; a cell that papermill injects doesn't. So Python's own
``__annotations__`` lists what the chapter declares, and any other plain value that exists when
the chapter begins is a misspelt parameter. This needs neither the chapter's file nor the
history of cells, and holds under ``nlbook run``, papermill, nbval and a hub alike.
"""

from __future__ import annotations

import itertools
import os
import shlex
import sys
import warnings
from dataclasses import dataclass, field
from typing import Any

from nlbook.publishing import figures
from nlbook.publishing.book import did_you_mean, find_book
from nlbook.publishing.errors import BookError, ParameterError
from nlbook.publishing.parameters.chapter import declaration_text, matching_tiers, read_parameters
from nlbook.publishing.parameters.conversion import check_relations, convert

__all__ = ["PYTHON", "ChapterRun", "begin", "current_run"]

#: The environment variable that names the Python which a run's record is of.
PYTHON = "NLBOOK_PYTHON"
_PLAIN = (type(None), bool, int, float, str, list, dict)  # what papermill can inject
_DECLARED = "_nlbook_declared"
_KERNEL_MODULES = r"(ipykernel|IPython|jupyter_client|zmq|tornado|traitlets|asyncio)(\.|$)"
_DEPRECATIONS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ResourceWarning)


@dataclass(frozen=True)
class ChapterRun:
    """A chapter that has begun."""

    chapter: str  #: its name
    parameters: dict[str, Any]  #: checked and converted values
    tiers: tuple[str, ...]  #: the tiers that these values are; often one, or none
    changed: tuple[str, ...] = ()  #: the parameters whose values are not the defaults
    #: texts by the names under which the prose shows them
    glued: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def command(self) -> str:
        """What computes the same again, for the records that a chapter writes."""
        words = ["nlbook", "run", self.chapter]
        if self.tier is not None:
            return shlex.join([*words, "--tier", self.tier])
        given = (("-p", f"{name}={self.parameters[name]}") for name in self.changed)
        return shlex.join([*words, *itertools.chain(*given)])

    @property
    def tier(self) -> str | None:
        """The first of `tiers`."""
        return self.tiers[0] if self.tiers else None


_run: ChapterRun | None = None


def begin(chapter: str) -> ChapterRun:
    """Check the parameters in the kernel and start the record of claims.

    Called in the first cell after the parameters, as ``_ = publishing.begin("NN_name")``. It
    converts values to their declared types in place, sets the figures' style, and makes
    warnings errors (except the kinds that announce deprecations, and the kernel's own).

    Parameters
    ----------
    chapter : str
        Name of the chapter.

    Returns
    -------
    ChapterRun
        The parameters, and the tiers that they are.

    Raises
    ------
    ParameterError
        For a name that the chapter doesn't declare, or a value of the wrong type or out of its
        range.
    RuntimeError
        Outside a notebook, before the parameters cell, or in another Python than that of
        ``nlbook run``, whose record would be wrong.
    """
    global _run
    shell = _shell()
    told = os.environ.get(PYTHON, sys.executable)
    if told != sys.executable:
        raise RuntimeError(f"this kernel is {sys.executable}, and nlbook run is {told}")
    space = shell.user_ns
    first = _DECLARED not in space  # later, the chapter's own variables are there too
    declared = dict(space.get("__annotations__", {}) if first else space[_DECLARED])
    if not declared:
        raise RuntimeError("begin(): run the cell of parameters first")
    if first:
        _refuse_undeclared(space, declared, shell.user_ns_hidden, chapter)
    texts = {name: declaration_text(kind) for name, kind in declared.items()}
    for name, text in texts.items():
        space[name] = convert(name, space[name], text)
    space[_DECLARED] = declared
    values = {name: space[name] for name in declared}
    check_relations(texts, values)
    figures.apply_style()
    _make_warnings_errors()
    _run = ChapterRun(chapter, values, *_compared(chapter, values))
    return _run


def current_run() -> ChapterRun:
    """The run that has begun in this kernel.

    Raises
    ------
    RuntimeError
        If none has.
    """
    if _run is None:
        raise RuntimeError("call publishing.begin() first, in the cell after the parameters")
    return _run


def _shell() -> Any:
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        raise RuntimeError("begin() belongs in a notebook")
    return shell


def _refuse_undeclared(
    space: dict[str, Any], declared: dict[str, Any], hidden: dict[str, Any], chapter: str
) -> None:
    for name, value in space.items():
        if name.startswith("_") or name in hidden or name in declared:
            continue
        if isinstance(value, _PLAIN):
            hint = did_you_mean(name, declared)
            listed = ", ".join(declared)
            raise ParameterError(f"{chapter} has no parameter {name!r}: {hint}It has {listed}")


def _make_warnings_errors() -> None:
    warnings.simplefilter("error")
    for category in _DEPRECATIONS:
        warnings.simplefilter("ignore", category)
    warnings.filterwarnings("default", module=_KERNEL_MODULES)
    # where nothing compiled can be kept a chapter takes longer, and its results are the same
    warnings.filterwarnings("default", module=r"nlbook\.compilation$")


def _compared(chapter: str, values: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tiers that the values are, and the names of those that are not the defaults."""
    try:
        known = read_parameters(chapter, find_book())
    except BookError:
        return (), tuple(values)
    changed = (name for name, v in values.items() if name not in known or v != known[name].default)
    return matching_tiers(known, values), tuple(changed)
