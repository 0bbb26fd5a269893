r"""The stress of N dislocations on one another, in less than N**2 work.

The box is cut into horizontal strips. Dislocations in the same strip or in neighbouring ones are
summed pair by pair. All others, and all images of the box, are at least one strip height h away
in y, where a row of images is a short Fourier series,

    row(X, Y) = (2 pi/L) sum_n (1 - n |Y|) exp(-n |Y|) sin n X ,

which factors into one part for each dislocation of a pair. So every strip gathers, for each mode
n, the moments sum b exp(-n d) exp(-i n X) and sum b d exp(-n d) exp(-i n X) of its dislocations,
d being their distance to its edge; moments travel from strip to strip by a factor exp(-n h), once
around the box and by a geometric series for ever; and each dislocation reads its stress off the
sums that reach its strip. With the number of strips growing like N**(1/2) the work grows like
N**(3/2). Doubly periodic images cost nothing extra.

Glide is along x, so whatever depends on y alone (order, strips, exponentials) is a `StripPlan`
that lasts until dislocations appear or vanish. Pairs need no transcendental function. With
e = exp(-Y + iX), a product of one part for each of the pair,

    cosh Y - cos X = |1 - e|**2 / (2 |e|),

and 1 - e has no more cancellation than the difference of their positions.
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice, check_number, real_array
from nlbook.dislocations.glide.interaction import Images, wrap
from nlbook.dislocations.glide.strips import LANES, StripPlan, glide_loop

__all__ = ["check_configuration", "internal_stress", "make_plan"]


def internal_stress(
    x: ArrayLike,
    y: ArrayLike,
    burgers_sign: ArrayLike,
    box_length: float,
    *,
    images: Images = "periodic",
) -> NDArray[np.float64]:
    """Shear stress that each dislocation feels from all others and from all images.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Positions in b.
    burgers_sign : array_like, shape (n,)
        +1 or -1.
    box_length : float
        Side of the box, in b.
    images : {"periodic", "one_row"}
        See `periodic_shear_stress`.

    Returns
    -------
    ndarray of float64, shape (n,)
        sum over m of b_m s(r_i - r_m), in sigma0. The glide force on i is b_i times it.

    Raises
    ------
    ValueError
        If positions are not finite or coincide, signs are not +1 or -1, or shapes differ.

    Notes
    -----
    A pair's stress is accurate to 1e-9/L, and to what it would be if positions erred by 1e-15 L:
    for two at a distance r that is an error of 1e-15 L/r**2, which is the larger one below
    r = L/1000. So two that are one above the other, whose stress is zero, get that instead.
    """
    position, sign = check_configuration(x, y, burgers_sign, box_length)
    check_choice("images", images, get_args(Images))
    x_wrapped, y_wrapped = wrap(position, box_length)
    order = np.lexsort((x_wrapped, y_wrapped))
    plan = make_plan(y_wrapped[order], box_length, images=images)
    stress, force = np.empty((2, order.size))
    # the one compiled entry to the sum: each more would be compiled for half a minute
    glide_loop(plan, position[0][order], sign[order], 0.0, np.empty((2, order.size)), stress, force)
    result = np.empty(order.size)
    result[order] = stress
    return result


def check_configuration(
    x: ArrayLike, y: ArrayLike, burgers_sign: ArrayLike, box_length: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Refuse what is no configuration of dislocations; give positions (2, n) and signs (n,)."""
    box_length = check_number("box_length", box_length, above=0.0)
    arrays = [
        real_array(name, values)
        for name, values in (("x", x), ("y", y), ("burgers_sign", burgers_sign))
    ]
    if arrays[0].ndim != 1 or len({values.shape for values in arrays}) != 1:
        raise ValueError(
            "x, y and burgers_sign must be one-dimensional and of one length, got shapes "
            + ", ".join(str(values.shape) for values in arrays)
        )
    position, sign = np.stack(arrays[:2]), arrays[2]
    if not np.all(np.abs(sign) == 1.0):
        bad = int(np.flatnonzero(np.abs(sign) != 1.0)[0])
        raise ValueError(f"burgers_sign must be +1 or -1, got {sign[bad]!r} at index {bad}")
    wrapped = wrap(position, box_length)
    _, first, times = np.unique(wrapped, axis=1, return_index=True, return_counts=True)
    if np.any(times > 1):
        bad = int(first[times > 1][0])
        raise ValueError(
            f"positions must differ, got two dislocations at {tuple(position[:, bad].tolist())}"
        )
    return position, sign


def make_plan(
    y: NDArray[np.float64],
    box_length: float,
    *,
    images: Images = "periodic",
    n_strips: int | None = None,
    tolerance: float | None = None,
    single_precision: bool = False,
) -> StripPlan:
    """Prepare sums over dislocations whose y, wrapped into the box, are sorted.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Positions in b, in ascending order.
    box_length : float
        Side of the box, in b.
    images : {"periodic", "one_row"}
    n_strips : int, optional
        Number of strips; chosen for speed when not given. It does not matter for "one_row".
    tolerance : float, optional
        Bound, times 1/L, on what is left out of a pair's stress: 1e-9, or 1e-7 in single
        precision.
    single_precision : bool
        Sum near pairs in float32, as if positions erred by some 1e-7 L.
    """
    height = 2.0 * np.pi * (np.asarray(y, dtype=np.float64) / box_length)
    count = height.size
    periodic = images == "periodic"
    if n_strips is None:
        n_strips = best_strips(count, single_precision)
    if tolerance is None:
        tolerance = 1e-7 if single_precision else 1e-9
    if not periodic:
        n_strips = 1
    step = 2.0 * np.pi / n_strips
    strip = np.clip((height / step).astype(np.int64), 0, n_strips - 1)
    starts = np.searchsorted(strip, np.arange(n_strips + 1))
    height -= strip * step
    modes = n_modes(step, tolerance) if periodic else 0
    kind: Any = np.float32 if single_precision else np.float64
    edge = np.stack([step - height, height]).astype(kind)
    widest = int(np.max(np.diff(starts), initial=0)) if periodic else count
    return StripPlan(
        float(box_length),
        periodic,
        modes + modes % 2,
        starts,
        step,
        height,
        np.exp(height),
        edge,
        np.exp(-edge),
        _room((9, count), kind, count),
        _room((6, (2 * widest // LANES + 2) * LANES), kind, count),
    )


def _room(shape: tuple[int, int], kind: Any, count: int) -> NDArray[Any]:
    """Zeros to write to, with nothing near them.

    Where an array of n numbers that is read ends shortly before one that is written, compiled
    loops take them for overlapping and go without vector instructions, which round otherwise:
    results would hang on where arrays happen to lie.
    """
    size, apart = shape[0] * shape[1], 2 * count * 8 // np.dtype(kind).itemsize
    return np.zeros(size + 2 * apart, dtype=kind)[apart : apart + size].reshape(shape)


def n_modes(step: float, tolerance: float) -> int:
    """Fourier modes that leave less than `tolerance` (times 1/L) at the distance `step`."""
    modes = 1
    while 2.0 * np.pi * (modes + 1) * step * np.exp(-(modes + 1) * step) > tolerance:
        modes += 1
    return modes


def best_strips(count: int, single_precision: bool = False) -> int:
    """Strips that balance pairs (3 N**2 / 2 n_strips) and modes (4 N n_strips): measured."""
    return max(1, round((0.29 if single_precision else 0.28) * np.sqrt(count)))
