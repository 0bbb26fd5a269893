"""The compiled loops of discrete dislocation dynamics.

They stand in one file because numba's cache watches, for each function, the file that holds it
and not the files of the functions that it calls. The equations are those of
`nlbook.dislocations.glide.fast_sum` and `nlbook.dislocations.glide.euler`.

Loops are written for vector instructions: no branch and no transcendental function inside,
reductions that may be reassociated, and pair loops over a multiple of `LANES` dislocations, the
last of them without effect, so that no slow remainder is left.

Every function is inlined by force. Left to itself, LLVM keeps some as functions, and a process
that compiles then calls another machine code of them than one that reads numba's cache: the sums
are associated otherwise, and the last bits differ.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlbook.compilation import compiled

__all__ = [
    "LANES",
    "StripPlan",
    "annihilate_loop",
    "euler_loop",
    "glide_loop",
    "half_angle_loop",
    "stress_loop",
]

# Reassociation and contraction let the compiler use vectors; arithmetic is IEEE otherwise.
_FAST = {"contract", "reassoc", "nsz", "arcp"}

# Keeps 1/D finite at D = 0, in single precision as well, and vanishes beside every D that two
# separate dislocations can have.
_TINY = 1e-30

#: Pair loops run over a multiple of so many dislocations.
LANES = 16


class StripPlan(NamedTuple):
    """What depends on y alone, for dislocations sorted by y; see `make_plan`."""

    box_length: float  #: side of the periodic box
    periodic: bool  #: images in y as well
    n_modes: int  #: of the Fourier series, even
    starts: NDArray[np.int64]  #: (n_strips + 1,), first dislocation of each strip; last: N
    step: float  #: height of a strip, scaled by 2 pi/L
    height: NDArray[np.float64]  #: (N,), Y = 2 pi y/L less that of the strip's lower edge
    growth: NDArray[np.float64]  #: (N,), exp(Y)
    #: these in the precision in which pairs are summed, float64 or float32:
    edge: NDArray[Any]  #: (2, N), distance to the upper and the lower edge of the strip, scaled
    decay: NDArray[Any]  #: (2, N), exp(-distance)
    work: NDArray[Any]  #: (9, N)
    block: NDArray[Any]  #: (6, n), where near pairs are summed


@compiled(forceinline=True, fastmath=_FAST)
def half_angle_loop(x, box_length, sine, cosine):
    """sin and cos of pi u, u = x/L - round(x/L) in [-1/2, 1/2], by their Taylor series.

    The first terms left out are 3e-16 and 1e-16 at |u| = 1/2. A polynomial, so that the loop
    becomes vector instructions; a change of u by one changes both signs, which cancel in pairs.
    """
    for i in range(x.size):
        u = x[i] / box_length
        a = np.pi * (u - np.rint(u))
        z = a * a
        p = 1.0 - z * (1.0 / 342.0)
        p = 1.0 - z * (1.0 / 272.0) * p
        p = 1.0 - z * (1.0 / 210.0) * p
        p = 1.0 - z * (1.0 / 156.0) * p
        p = 1.0 - z * (1.0 / 110.0) * p
        p = 1.0 - z * (1.0 / 72.0) * p
        p = 1.0 - z * (1.0 / 42.0) * p
        p = 1.0 - z * (1.0 / 20.0) * p
        sine[i] = a * (1.0 - z * (1.0 / 6.0) * p)
        p = 1.0 - z * (1.0 / 380.0)
        p = 1.0 - z * (1.0 / 306.0) * p
        p = 1.0 - z * (1.0 / 240.0) * p
        p = 1.0 - z * (1.0 / 182.0) * p
        p = 1.0 - z * (1.0 / 132.0) * p
        p = 1.0 - z * (1.0 / 90.0) * p
        p = 1.0 - z * (1.0 / 56.0) * p
        p = 1.0 - z * (1.0 / 30.0) * p
        p = 1.0 - z * (1.0 / 12.0) * p
        cosine[i] = 1.0 - z * 0.5 * p


@compiled(forceinline=True, fastmath=_FAST)
def stress_loop(plan, sine, cosine, sign, stress):
    """stress[i] = sum over m != i of b_m s(r_i - r_m), in sigma0.

    A sign of zero makes a probe: it feels the others, and they do not feel it.
    """
    for i in range(stress.size):
        stress[i] = 0.0
    if plan.periodic:
        _near_loop(plan, sine, cosine, sign, stress)
        _far_loop(plan, sine, cosine, sign, stress)
    else:
        _one_row_loop(plan, sine, cosine, sign, stress)
    for i in range(stress.size):
        stress[i] *= np.pi / plan.box_length


@compiled(forceinline=True, fastmath=_FAST)
def _near_loop(plan, sine, cosine, sign, stress):
    """Add pairs within a strip and between neighbours, each once, in units of pi/L.

    The block holds the strip above, then this strip, whose signs are zero until a dislocation
    has met those before it. What the ones that wait receive in the meantime is struck out.
    """
    n_strips = plan.starts.size - 1
    block = plan.block
    for strip in range(n_strips):
        i, k = plan.starts[strip], plan.starts[strip + 1]
        above = (strip + 1) % n_strips
        j, m = plan.starts[above], plan.starts[above + 1]
        _fill_block(block, 0, plan, 1, j, m, sine, cosine, sign, 1.0)
        _fill_block(block, m - j, plan, 0, i, k, sine, cosine, sign, 0.0)
        for p in range(m - j + k - i, block.shape[1]):
            block[4, p] = 0.0
            block[5, p] = 0.0
        for p in range(i, k):
            place = m - j + p - i
            last = (place + LANES - 1) // LANES * LANES
            total = _pairs_loop(block, place, sign[p], 0, last)
            for waiting in range(place, last):
                block[5, waiting] = 0.0
            block[5, place] = total
            block[4, place] = sign[p]
        for p in range(j, m):
            stress[p] += 2.0 * block[5, p - j]
        for p in range(i, k):
            stress[p] += 2.0 * block[5, m - j + p - i]


@compiled(forceinline=True, fastmath=_FAST)
def _one_row_loop(plan, sine, cosine, sign, stress):
    """Add every pair once, at its nearest image in y, in units of pi/L; the box is one strip."""
    count = plan.height.size
    block = plan.block
    for turn in range(2):
        _fill_block(block, turn * count, plan, turn, 0, count, sine, cosine, sign, 1.0)
    this_turn, next_turn = 0, 0
    for i in range(count):
        # partners up to half a box above: i + 1 and on in this turn, then the first of the next
        while this_turn < count and plan.height[this_turn] <= plan.height[i] + np.pi:
            this_turn += 1
        while next_turn < i and plan.height[next_turn] + np.pi < plan.height[i]:
            next_turn += 1
        total = _pairs_loop(block, i, sign[i], i + 1, this_turn)
        block[5, i] += total + _pairs_loop(block, i, sign[i], count, count + next_turn)
    for i in range(count):
        stress[i] = 2.0 * (block[5, i] + block[5, count + i])


@compiled(forceinline=True, fastmath=_FAST)
def _fill_block(block, place, plan, lift, first, last, sine, cosine, sign, there):
    """Copy dislocations first..last, `lift` strips up, to `place` in the block.

    Its rows are exp(Y) cos X, exp(Y) sin X, exp(2 Y), Y, sign times `there`, and no stress yet.
    """
    rise = lift * plan.step
    factor = np.exp(rise)
    for j in range(first, last):
        to = place + j - first
        growth = factor * plan.growth[j]
        block[0, to] = growth * (1.0 - 2.0 * sine[j] * sine[j])
        block[1, to] = growth * (2.0 * sine[j] * cosine[j])
        block[2, to] = growth * growth
        block[3, to] = plan.height[j] + rise
        block[4, to] = there * sign[j]
        block[5, to] = 0.0


@compiled(forceinline=True, fastmath=_FAST)
def _pairs_loop(block, i, sign, first, last):
    """Half the stress on i of first..last, sum of b_j t; and theirs less b_i t. With

    e = exp(-(Y_i - Y_j)) (cos X, sin X) = (1 - u, v),   q = 1/(u**2 + v**2),
    w = 1 - exp(-2 (Y_i - Y_j)):   t = v q (1 - (Y_i - Y_j) w q).

    In u, v and w what cancels for near pairs is positions alone. Where i itself is among them its
    sign is zero.
    """
    # constants of the block's precision
    one, tiny, b_i = block.dtype.type(1.0), block.dtype.type(_TINY), block.dtype.type(sign)
    m_i, y_i = one / block[2, i], block[3, i]
    c_i, s_i = m_i * block[0, i], m_i * block[1, i]
    c, s, m = block[0, first:last], block[1, first:last], block[2, first:last]
    y, b, out = block[3, first:last], block[4, first:last], block[5, first:last]
    total = block.dtype.type(0.0)
    for j in range(c.size):
        u = one - (c_i * c[j] + s_i * s[j])
        v = s_i * c[j] - c_i * s[j]
        q = one / (u * u + (v * v + tiny))
        w = one - m_i * m[j]
        t = v * q * (one - (y_i - y[j]) * w * q)
        total += b[j] * t
        out[j] -= b_i * t
    return total


@compiled(forceinline=True, fastmath=_FAST)
def _far_loop(plan, sine, cosine, sign, stress):
    """Add all images that are not in the same strip or a neighbouring one, in units of pi/L."""
    n_strips, modes, work = plan.starts.size - 1, plan.n_modes, plan.work
    # seen from above (0) and from below (1): S cos, S sin, R cos, R sin; of each strip and mode
    moment = np.empty((2, 4, n_strips, modes))
    for j in range(sign.size):
        u, v = 1.0 - 2.0 * sine[j] * sine[j], 2.0 * sine[j] * cosine[j]
        work[0, j] = work[2, j] = sign[j]
        work[1, j] = work[3, j] = 0.0
        work[4, j], work[5, j] = plan.decay[0, j] * u, plan.decay[0, j] * v
        work[6, j], work[7, j] = plan.decay[1, j] * u, plan.decay[1, j] * v
    for strip in range(n_strips):
        i, k = plan.starts[strip], plan.starts[strip + 1]
        for side in range(2):
            r, q = 2 * side, 4 + 2 * side
            for mode in range(0, modes, 2):
                _gather_loop(
                    work[r, i:k], work[r + 1, i:k], work[q, i:k], work[q + 1, i:k],
                    plan.edge[side, i:k], moment[side, :, strip], mode,
                )  # fmt: skip
    field = _travel_loop(moment)
    for j in range(sign.size):
        work[0, j] = work[2, j] = 2.0
        work[1, j] = work[3, j] = work[8, j] = 0.0
    for strip in range(n_strips):
        i, k = plan.starts[strip], plan.starts[strip + 1]
        for side in range(2):
            # what comes from below is seen at the lower edge
            r, q = 2 - 2 * side, 6 - 2 * side
            for mode in range(0, modes, 2):
                _scatter_loop(
                    work[r, i:k], work[r + 1, i:k], work[q, i:k], work[q + 1, i:k],
                    plan.edge[1 - side, i:k], field[side, :, strip], mode, work[8, i:k],
                )  # fmt: skip
    for j in range(sign.size):
        stress[j] += work[8, j]


@compiled(forceinline=True, fastmath=_FAST)
def _gather_loop(r, i, u, v, t, moment, mode):
    """One strip's moments of two modes, at one of its edges.

    With f = u + iv = exp(-t + iX), t the distance to the edge, r + ii holds b f**(n - 1) and
    leaves with b f**(n + 1), n = mode + 1.
    """
    zero = r.dtype.type(0.0)
    a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = zero
    for j in range(r.size):
        c = r[j] * u[j] - i[j] * v[j]
        s = r[j] * v[j] + i[j] * u[j]
        a0 += c
        a1 += s
        a2 += t[j] * c
        a3 += t[j] * s
        d = c * u[j] - s * v[j]
        s = c * v[j] + s * u[j]
        b0 += d
        b1 += s
        b2 += t[j] * d
        b3 += t[j] * s
        r[j] = d
        i[j] = s
    moment[0, mode], moment[1, mode], moment[2, mode], moment[3, mode] = a0, a1, a2, a3
    mode += 1
    moment[0, mode], moment[1, mode], moment[2, mode], moment[3, mode] = b0, b1, b2, b3


@compiled(forceinline=True)
def _travel_loop(moment):
    """Sums of the moments of all strips two or more away, images included, at each near edge.

    Over a gap h, S -> exp(-n h) S and R -> exp(-n h) (R + h S). A first turn around the box
    from zero, then the images of all turns: S/(1 - w) and (R + 2 pi w S/(1 - w))/(1 - w),
    w = exp(-2 pi n); a second turn gives the value at every strip. Same axes as `moment`:
    (direction, [S cos, S sin, R cos, R sin], strip, mode).
    """
    n_strips, modes = moment.shape[2], moment.shape[3]
    gap = 2.0 * np.pi / n_strips
    field = np.empty(moment.shape)
    e, w, s, r = np.empty(modes), np.empty(modes), np.empty(modes), np.empty(modes)
    for mode in range(modes):
        e[mode] = np.exp(-(mode + 1) * gap)
        w[mode] = np.exp(-2.0 * np.pi * (mode + 1))
    for direction in range(2):
        for part in range(2):
            for mode in range(modes):
                s[mode] = 0.0
                r[mode] = 0.0
            for turn in range(2):
                for k in range(n_strips):
                    # from below: strips 0, 1, ... each adds the one before the one before
                    strip = k if direction == 0 else n_strips - 1 - k
                    if turn == 1:
                        for mode in range(modes):
                            field[direction, part, strip, mode] = s[mode]
                            field[direction, part + 2, strip, mode] = r[mode]
                    last = strip - 1 + 2 * direction
                    if last < 0:
                        last += n_strips
                    elif last == n_strips:
                        last = 0
                    more, beyond = moment[direction, part, last], moment[direction, part + 2, last]
                    for mode in range(modes):
                        a = s[mode] + more[mode]
                        r[mode] = e[mode] * (r[mode] + beyond[mode] + gap * a)
                        s[mode] = e[mode] * a
                if turn == 0:
                    for mode in range(modes):
                        s[mode] /= 1.0 - w[mode]
                        r[mode] = (r[mode] + 2.0 * np.pi * w[mode] * s[mode]) / (1.0 - w[mode])
    return field


@compiled(forceinline=True, fastmath=_FAST)
def _scatter_loop(r, i, u, v, t, field, mode, total):
    """total += sin nX A - cos nX B, A and B the sums of (1 - n d) exp(-n d) {cos, sin}.

    At distance t beyond the edge such a sum is exp(-n t) ((S - n R) - n t S). Two modes at once;
    r, i, u and v as in `_gather_loop`, b = 2.
    """
    kind = r.dtype.type
    n, m = mode + 1.0, mode + 2.0
    p0, q0 = kind(field[0, mode] - n * field[2, mode]), kind(n * field[0, mode])
    p1, q1 = kind(field[1, mode] - n * field[3, mode]), kind(n * field[1, mode])
    p2, q2 = kind(field[0, mode + 1] - m * field[2, mode + 1]), kind(m * field[0, mode + 1])
    p3, q3 = kind(field[1, mode + 1] - m * field[3, mode + 1]), kind(m * field[1, mode + 1])
    for j in range(r.size):
        c = r[j] * u[j] - i[j] * v[j]
        s = r[j] * v[j] + i[j] * u[j]
        both = s * (p0 - t[j] * q0) - c * (p1 - t[j] * q1)
        d = c * u[j] - s * v[j]
        s = c * v[j] + s * u[j]
        total[j] += both + (s * (p2 - t[j] * q2) - d * (p3 - t[j] * q3))
        r[j] = d
        i[j] = s


@compiled()
def glide_loop(plan, x, sign, applied_stress, work, stress, velocity):
    """stress = that of all others and the applied one; velocity = sign stress."""
    half_angle_loop(x, plan.box_length, work[0], work[1])
    stress_loop(plan, work[0], work[1], sign, stress)
    for i in range(x.size):
        stress[i] += applied_stress
        velocity[i] = sign[i] * stress[i]


@compiled()
def euler_loop(
    plan, x, sign, pairs, dy, annihilation_distance, sources, dt, applied_stress, series, limits
):
    """x += dt sign (stress + applied), then annihilation, for as many steps as `series` is long.

    Parameters
    ----------
    plan, x, sign
        Sorted by y; sign is zero for the vanished and for the sources' places.
    pairs, dy, annihilation_distance
        See `annihilate_loop`.
    sources : tuple of arrays (place, critical stress, delay, clock, direction)
        Index in x of each source, and its state: the clock runs while the stress exceeds the
        critical one, whose sign is kept as the direction.
    series : tuple of arrays (number, speed, slip rate, slip, first)
        Entries of each step, at its start: living, mean abs(v), mean sign v, sum of sign dx in
        this call so far; and the stresses at the start of the first, where there is room.
    limits : tuple (most vanished, longest step)
        Where to stop early: after the step in which so many have vanished, and before one in
        which a dislocation would move farther.

    Returns
    -------
    steps done, slip in them, how many vanished, whether a source is due, index of the one that
    would move too far or -1
    """
    place, critical, delay, clock, direction = sources
    number, speed, rate, slips, first = series
    most_vanished, longest_step = limits
    count = x.size
    sine, cosine, stress = np.empty(count), np.empty(count), np.empty(count)
    alive = 0
    for i in range(count):
        alive += sign[i] != 0.0
    slip = 0.0
    vanished = 0
    for step in range(number.size):
        half_angle_loop(x, plan.box_length, sine, cosine)
        stress_loop(plan, sine, cosine, sign, stress)
        total, absolute, fastest, runaway = 0.0, 0.0, 0.0, 0
        for i in range(count):
            stress[i] += applied_stress
            pull = sign[i] * sign[i] * stress[i]
            total += pull
            absolute += abs(pull)
            if not abs(pull) <= fastest:  # also where it is not a number
                fastest, runaway = abs(pull), i
        number[step] = alive
        speed[step] = absolute / max(alive, 1)
        rate[step] = total / max(alive, 1)
        slips[step] = slip
        if not fastest * dt <= longest_step:
            return step, slip, vanished, False, runaway
        if first.size > 0 and step == 0:
            first[:] = stress
        due = False
        for k in range(place.size):
            local = stress[place[k]]
            if abs(local) > critical[k]:
                clock[k] += dt
                direction[k] = np.sign(local)
                due |= clock[k] > delay[k]
            else:
                clock[k] = 0.0
        for i in range(count):
            x[i] += dt * sign[i] * stress[i]
        slip += dt * total
        gone = annihilate_loop(pairs, dy, x, sign, plan.box_length, annihilation_distance)
        vanished += gone
        alive -= gone
        if due or vanished >= most_vanished:
            return step + 1, slip, vanished, due, -1
    return number.size, slip, vanished, False, -1


@compiled(forceinline=True)
def annihilate_loop(pairs, dy, x, sign, box_length, annihilation_distance):
    """Set the signs of annihilating pairs to zero, nearest first; how many vanished."""
    hits = 0
    for k in range(pairs.shape[0]):
        if _near(pairs, dy, k, x, sign, box_length) < annihilation_distance * annihilation_distance:
            hits += 1
    if hits == 0:
        return 0
    nearest = np.empty(hits, dtype=np.int64)
    square = np.empty(hits)
    hits = 0
    for k in range(pairs.shape[0]):
        distance = _near(pairs, dy, k, x, sign, box_length)
        if distance < annihilation_distance * annihilation_distance:
            place = hits
            while place > 0 and square[place - 1] > distance:
                nearest[place], square[place] = nearest[place - 1], square[place - 1]
                place -= 1
            nearest[place], square[place] = k, distance
            hits += 1
    vanished = 0
    for hit in nearest:
        i, j = pairs[hit, 0], pairs[hit, 1]
        if sign[i] != 0.0 and sign[j] != 0.0:
            sign[i] = 0.0
            sign[j] = 0.0
            vanished += 2
    return vanished


@compiled(forceinline=True)
def _near(pairs, dy, k, x, sign, box_length):
    """Square of the distance of pair k; infinite once one of it has vanished."""
    i, j = pairs[k, 0], pairs[k, 1]
    if sign[i] * sign[j] == 0.0:
        return np.inf
    u = (x[i] - x[j]) / box_length
    dx = box_length * (u - np.rint(u))
    return dx * dx + dy[k] * dy[k]
