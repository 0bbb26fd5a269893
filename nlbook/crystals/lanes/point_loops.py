"""Many points of a body, each of the same grains, moved over one step.

What a step leaves of a batch to the next is kept apart from the array that it is moved in.
"""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled
from nlbook.crystals.lanes.path_loops import advance_loop, begin_loop
from nlbook.crystals.lanes.rows import (
    BEFORE,
    BLOCK,
    DISSIPATED,
    EXCESS,
    FIRST_STAGE,
    INVERSE,
    LANES,
    LEFT,
    MOVE,
    PAST,
    SLIP,
    STRESS,
    SYSTEMS,
)

__all__ = ["KEPT_ROWS", "begin_points_loop", "points_loop"]

#: rows that are kept of a batch for B, M now and before, and what is dissipated; each system has
#: y, e and its move besides, and a twin its fraction now and before as well
KEPT_ROWS = 20


@compiled(forceinline=True)
def _keep_row(w, place, kept, at, back):
    """Copy a row from the batch to what is kept, or back."""
    for i in range(LANES):
        if back:
            w[place + i] = kept[at + i]
        else:
            kept[at + i] = w[place + i]


@compiled()
def _keep_loop(w, kept, n, n_twin, back):
    """Take what a step needs of the one before from the batch, or give it back."""
    for k in range(9):
        _keep_row(w, INVERSE + k * LANES, kept, k * LANES, back)
    for k in range(5):
        _keep_row(w, STRESS + k * LANES, kept, (9 + k) * LANES, back)
        _keep_row(w, BEFORE + k * LANES, kept, (14 + k) * LANES, back)
    _keep_row(w, DISSIPATED, kept, 19 * LANES, back)
    at = KEPT_ROWS * LANES
    for a in range(n + n_twin):
        s = SYSTEMS + a * BLOCK
        _keep_row(w, s + EXCESS, kept, at, back)
        _keep_row(w, s + SLIP, kept, at + LANES, back)
        _keep_row(w, s + MOVE, kept, at + 2 * LANES, back)
        at += 3 * LANES
        if a >= n:
            _keep_row(w, s + LEFT, kept, at, back)
            _keep_row(w, s + PAST, kept, at + LANES, back)
            at += 2 * LANES


@compiled()
def begin_points_loop(kept, rotations, schmid, law):
    """What is kept of unstrained batches, shape (n_batches, kept_size LANES)."""
    n, n_twin = law[1].shape[0], law[1].shape[1]
    w = np.empty(SYSTEMS + len(schmid) * BLOCK)
    for batch in range(len(kept)):
        begin_loop(w, rotations[batch * LANES : (batch + 1) * LANES], schmid)
        _keep_loop(w, kept[batch], n, n_twin, False)


@compiled()
def points_loop(
    c, before, kept, dt, ratio, rotations, schmid, law, tolerance, stages, weights, out
):
    """Move many points, each of the same grains, over one step; how many found no solution.

    A step without a solution is tried again in four parts, and in sixteen, along which Cbar goes
    straight from what it was.

    Parameters
    ----------
    c, before : ndarray, shape (n_points, 6)
        Cbar at the end of the step and at its start: 11, 22, 33, 12, 13, 23.
    kept : ndarray, shape (n_points, n_batches, kept_size LANES)
        What the grains were left in.
    dt, ratio : float
        Length of the step, s, and over that of the step before.
    rotations, schmid, law, tolerance, stages
        As in `begin_loop` and `advance_loop`.
    weights : ndarray, shape (n_batches LANES,)
        Of the grains.
    out : ndarray, shape (n_points, 6)
        Written: average of B B^T, or NaN.
    """
    n, n_twin = law[1].shape[0], law[1].shape[1]
    w = np.empty(SYSTEMS + len(schmid) * BLOCK)
    begin_loop(w, rotations[:LANES], schmid)
    middle, end = np.empty(6), np.empty(6)
    lost = 0
    for point in range(len(c)):
        out[point] = 0.0
        for batch in range(kept.shape[1]):
            parts = 1
            while True:
                _keep_loop(w, kept[point, batch], n, n_twin, True)
                done = True
                for part in range(parts):
                    from_here, to = part / parts, (part + 1.0) / parts
                    _isochoric(before[point], c[point], to, end)
                    if stages == 2:
                        there = from_here + FIRST_STAGE * (to - from_here)
                        _isochoric(before[point], c[point], there, middle)
                    own = 1.0 if part else ratio / parts
                    if advance_loop(w, middle, end, dt / parts, own, law, tolerance, stages) < 0:
                        done = False
                        break
                if done or parts == 16:
                    break
                parts *= 4
            if not done:
                lost += 1
                out[point] = np.nan
                break
            _keep_loop(w, kept[point, batch], n, n_twin, False)
            _average_loop(w, weights[batch * LANES : (batch + 1) * LANES], out[point])
    return lost


@compiled()
def _isochoric(start, stop, share, out):
    """A tensor between two of determinant one, scaled to determinant one."""
    for k in range(6):
        out[k] = start[k] + share * (stop[k] - start[k])
    det = (
        out[0] * (out[1] * out[2] - out[5] * out[5])
        - out[3] * (out[3] * out[2] - out[5] * out[4])
        + out[4] * (out[3] * out[5] - out[1] * out[4])
    )
    scale = 1.0 / np.cbrt(det)
    for k in range(6):
        out[k] *= scale


@compiled()
def _average_loop(w, weights, out):
    """Add the weighted B B^T (11, 22, 33, 12, 13, 23)."""
    for i in range(LANES):
        b11, b12, b13 = w[INVERSE + i], w[INVERSE + LANES + i], w[INVERSE + 2 * LANES + i]
        b21, b22 = w[INVERSE + 3 * LANES + i], w[INVERSE + 4 * LANES + i]
        b23, b31 = w[INVERSE + 5 * LANES + i], w[INVERSE + 6 * LANES + i]
        b32, b33 = w[INVERSE + 7 * LANES + i], w[INVERSE + 8 * LANES + i]
        share = weights[i]
        out[0] += share * (b11 * b11 + b12 * b12 + b13 * b13)
        out[1] += share * (b21 * b21 + b22 * b22 + b23 * b23)
        out[2] += share * (b31 * b31 + b32 * b32 + b33 * b33)
        out[3] += share * (b11 * b21 + b12 * b22 + b13 * b23)
        out[4] += share * (b11 * b31 + b12 * b32 + b13 * b33)
        out[5] += share * (b21 * b31 + b22 * b32 + b23 * b33)
