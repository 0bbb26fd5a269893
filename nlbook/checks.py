"""What an argument must be: one place for the checks that every room makes at its door.

Each function takes the parameter's name first, and refuses with a `ValueError` that names the
parameter, the value and what is allowed. Arrays come back as float64, so that a function reads
its arguments through these and goes on with what they return.

A masked array hides entries that NumPy's plain functions read all the same. Where nothing is
hidden it is taken as the array that it is; where something is, it is refused: what a hidden
entry means (left out, unknown, zero) is for the caller to say.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "check_choice",
    "check_integer",
    "check_number",
    "check_unmasked",
    "is_integer",
    "real_array",
    "uniform_grid",
    "uniform_spacing",
]

# How far a node of a uniform grid may lie from its place, in spacings: what six digits after the
# point leave of a grid of tenths. A shift of the nodes by so much moves an integral by less.
_UNIFORM = 1e-5
# Grids whose nodes are rounded by more than this, in spacings, are finer than their type can tell.
_RESOLVED = 1e-2


def is_integer(value: Any) -> bool:
    """Whether a value is an integer, Python's or NumPy's; a bool is none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def check_integer(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Refuse what is no integer, less than `least` or more than `most`, by name.

    Returns
    -------
    int
    """
    if not is_integer(value) or value < least or (most is not None and value > most):
        allowed = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be an integer {allowed}, got {value!r}")
    return int(value)


def check_number(
    name: str,
    value: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> float:
    """Refuse what is no finite real number, or out of its range, by name.

    Parameters
    ----------
    name : str
        Of the parameter.
    value : object
        What was given; a bool is no number.
    least, above : float, optional
        Bounds from below, allowed and not.
    most, below : float, optional
        Bounds from above, allowed and not.

    Returns
    -------
    float
    """
    good = isinstance(value, Real | np.floating | np.integer) and not isinstance(value, bool)
    if isinstance(value, np.ndarray) and value.ndim == 0 and not np.ma.isMaskedArray(value):
        good, value = value.dtype.kind in "iuf", value[()]
    good = good and math.isfinite(value)
    if (
        not good
        or (least is not None and value < least)
        or (above is not None and not value > above)
        or (most is not None and value > most)
        or (below is not None and not value < below)
    ):
        raise ValueError(f"{name} must be {_range(least, above, most, below)}, got {value!r}")
    return float(value)


def _range(
    least: float | None, above: float | None, most: float | None, below: float | None
) -> str:
    parts = [
        f"{word} {bound:g}"
        for word, bound in (
            ("at least", least),
            ("above", above),
            ("at most", most),
            ("below", below),
        )
        if bound is not None
    ]
    return " and ".join(["a finite number", *parts]).replace("number and", "number", 1)


def check_choice(name: str, value: Any, allowed: Collection[str]) -> None:
    """Refuse what is none of the `allowed` words, by name."""
    if not isinstance(value, str) or value not in allowed:
        *others, last = (repr(word) for word in allowed)
        words = f"{', '.join(others)} or {last}" if others else last
        raise ValueError(f"{name} must be {words}, got {value!r}")


def real_array(
    name: str, value: ArrayLike, *, ndim: int | None = None, finite: bool = True
) -> NDArray[np.float64]:
    """Read an argument as a contiguous array of float64.

    Parameters
    ----------
    name : str
        Of the parameter.
    value : array_like
        Real numbers. Masked arrays with hidden entries, complex numbers, text and other objects
        are refused.
    ndim : int, optional
        Number of axes that it must have.
    finite : bool
        Whether NaN and infinity are refused.

    Returns
    -------
    ndarray of float64
        The argument itself where it is one already, else a copy.
    """
    check_unmasked(name, value)
    try:
        array = np.asarray(value)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} must be an array of real numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be real numbers, got dtype {array.dtype}")
    if ndim is not None and array.ndim != ndim:
        axes = (
            "a single number"
            if ndim == 0
            else f"an array of {ndim} {'axis' if ndim == 1 else 'axes'}"
        )
        raise ValueError(f"{name} must be {axes}, got shape {array.shape}")
    with np.errstate(over="ignore"):
        array = np.asarray(array, dtype=np.float64, order="C")
    if finite and not np.all(np.isfinite(array)):
        place = np.unravel_index(int(np.argmin(np.isfinite(array))), array.shape)
        at = ", ".join(map(str, place))
        raise ValueError(f"{name} must be finite, got {array[place]} at [{at}]")
    return array


def check_unmasked(name: str, value: Any) -> None:
    """Refuse a masked array that hides an entry, alone or in a list, by name."""
    if _hides(value):
        raise ValueError(
            f"{name} must have no masked entries: leave them out (x.compressed()) or say what "
            f"they are (x.filled(...))"
        )


def _hides(value: Any) -> bool:
    if np.ma.isMaskedArray(value):
        return bool(np.ma.getmaskarray(value).any())
    # np.asarray drops the masks of arrays in a list
    return isinstance(value, list | tuple) and any(
        _hides(item) for item in value if isinstance(item, list | tuple | np.ma.MaskedArray)
    )


def uniform_grid(grid: ArrayLike, name: str = "grid") -> NDArray[np.float64]:
    """Nodes of a uniform grid, at their places.

    Parameters
    ----------
    grid, name
        As in `uniform_spacing`.

    Returns
    -------
    ndarray, shape (n,)
        The nodes as given where they are uniform to the rounding of float64; else, as from a file
        of a few digits or in float32, at equal distances between the outermost. So it is taken
        wherever a grid is read again.

    Raises
    ------
    ValueError
        As `uniform_spacing`.
    """
    spacing = uniform_spacing(grid, name)
    nodes = real_array(name, grid)
    places = np.linspace(nodes[0], nodes[-1], nodes.size)
    rounding = 2 * np.finfo(np.float64).eps * float(np.abs(nodes[[0, -1]]).max())
    as_given = np.all(np.abs(nodes - places) <= max(rounding, 1e-12 * spacing))
    return np.array(nodes if as_given else places)


def uniform_spacing(grid: ArrayLike, name: str = "grid") -> float:
    """Distance of the nodes of a uniform grid.

    A node may lie off its place by 1e-5 of the spacing, as in a file of a few digits, or by two
    roundings of the grid's own type, far from the origin; never by more than a hundredth.

    Parameters
    ----------
    grid : array_like, shape (n,)
        Ascending nodes, n at least 3.
    name : str
        Of the parameter.

    Returns
    -------
    float
        The distance of the outermost nodes over n - 1.

    Raises
    ------
    ValueError
        If it is not a uniform grid, with the node that is farthest from its place.
    """
    nodes = real_array(name, grid, ndim=1)
    if nodes.size < 3:
        raise ValueError(f"{name} must have three nodes or more, got {nodes.size}")
    spacing = float(nodes[-1] - nodes[0]) / (nodes.size - 1)
    if not spacing > 0 or not np.all(np.diff(nodes) > 0):
        raise ValueError(f"{name} must ascend")
    given = np.asarray(grid).dtype
    precision = np.finfo(given).eps if given.kind == "f" else np.finfo(np.float64).eps
    rounding = 2 * float(precision) * float(np.abs(nodes[[0, -1]]).max())
    if rounding > _RESOLVED * spacing:
        raise ValueError(
            f"{name} must be coarser than its numbers are rounded: nodes {spacing:.3g} apart at "
            f"{nodes[-1]:.6g} are known to {rounding:.1g}; move its origin"
        )
    off = np.abs(nodes - (nodes[0] + spacing * np.arange(nodes.size)))
    worst = int(np.argmax(off))
    if off[worst] > max(_UNIFORM * spacing, rounding):
        raise ValueError(
            f"{name} must be uniform: node {worst} lies {off[worst] / spacing:.2g} spacings of "
            f"{spacing:.6g} from its place"
        )
    return spacing
