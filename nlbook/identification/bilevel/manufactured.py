"""Data whose law is known: the paper's manufactured solution, and particles that jump.

A fit that recovers the kernel from a solution on the same grid, by the same rule, shows that its
search works, and no more. A solution on a finer grid adds the error of the quadrature; particles
add their noise, and the estimate of a density from samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, check_number, real_array, uniform_spacing
from nlbook.densities import DensitySnapshots
from nlbook.diffusion import NonlocalDiffusion
from nlbook.diffusion.quadrature import Rule
from nlbook.kernels import PowerLawKernel
from nlbook.parallel import seed_sequence

__all__ = ["flights", "jumping_particles", "manufactured_snapshots"]


def manufactured_snapshots(
    kernel: PowerLawKernel,
    grid: ArrayLike,
    dt: float,
    n_steps: int,
    *,
    rule: Rule = "covered",
    refine: int = 1,
    start: ArrayLike | None = None,
    every: int = 1,
    method: Literal["euler", "exact"] = "euler",
) -> DensitySnapshots:
    """A solution of the nonlocal diffusion equation.

    Parameters
    ----------
    kernel : PowerLawKernel
        With its coefficient.
    grid : array_like, shape (m,)
        Uniform nodes with u = 0 beyond.
    dt : float
        Time step.
    n_steps : int
        Number of steps.
    rule : "covered" or "nodes"
        Quadrature.
    refine : int
        Solve on a grid so many times finer, and keep the nodes of `grid`.
    start : array_like, shape ((m - 1) refine + 1,), optional
        Density at the nodes that are solved on. By default all mass is on the middle one, 1/h
        there; on a finer grid that would be another start, and one must be given.
    every : int
        Keep each so many-th step.
    method : "euler" or "exact"
        Forward Euler steps, as in the paper, or the exact exponential.

    Returns
    -------
    DensitySnapshots
        At times 0, every dt, ...

    Raises
    ------
    ValueError
        If dt is not stable (the bound is named), or an argument is out of range.
    """
    nodes = real_array("grid", grid, ndim=1)
    uniform_spacing(nodes)
    check_number("dt", dt, above=0.0)
    n_steps = check_integer("n_steps", n_steps, 1)
    every, refine = check_integer("every", every, 1), check_integer("refine", refine, 1)
    fine = np.linspace(nodes[0], nodes[-1], (nodes.size - 1) * refine + 1)
    spacing = (fine[-1] - fine[0]) / (fine.size - 1)
    if start is None:
        if nodes.size % 2 == 0 or refine > 1:
            raise ValueError(
                f"start must be given, got {nodes.size} nodes and refine={refine}: all mass on "
                f"the middle node needs a middle node, and means another start on a finer grid"
            )
        p0 = np.zeros(fine.size)
        p0[fine.size // 2] = 1 / spacing
    else:
        p0 = real_array("start", start, ndim=1)
    steps = np.arange(0, n_steps + 1, every)
    operator = NonlocalDiffusion(kernel, fine, rule=rule)
    density = operator.evolve(p0, dt, n_steps, snapshots=steps, method=method, check=False)
    times = np.asarray(steps * dt, dtype=np.float64)
    return DensitySnapshots(nodes, times, np.maximum(density[:, ::refine], 0.0))


def jumping_particles(
    kernel: PowerLawKernel,
    times: Sequence[float] | NDArray[np.float64],
    start: ArrayLike,
    seed: int | Sequence[int] | np.random.SeedSequence,
    *,
    smallest_jump: float | None = None,
) -> NDArray[np.float64]:
    """Particles that jump by r at the rate K(|r|), whose density obeys the diffusion equation.

    There are infinitely many small jumps if alpha is 1 or more. Those below `smallest_jump` are
    replaced by a Brownian motion of the same variance (S. Asmussen and J. Rosinski, J. Appl.
    Probab. 38 (2001) 482); the density then errs by their fourth moment, a part
    (smallest_jump/width)**(5 - alpha) or so.

    Parameters
    ----------
    kernel : PowerLawKernel
        With a finite horizon, and alpha below 3.
    times : sequence of float
        Ascending, from the time of the start on.
    start : array_like, shape (n,)
        Places at times[0].
    seed : int, sequence of int or SeedSequence
        Of the jumps.
    smallest_jump : float, optional
        By default a hundredth of the horizon.

    Returns
    -------
    ndarray, shape (n_times, n)
        Places; the first row is the start.

    Raises
    ------
    ValueError
        If the kernel has no finite variance, or times do not ascend.
    """
    least = kernel.horizon / 100 if smallest_jump is None else smallest_jump
    moments = _moments(times)
    place = real_array("start", start, ndim=1)
    if not (kernel.alpha < 3 and math.isfinite(kernel.horizon)):
        raise ValueError(f"kernel must have alpha below 3 and a finite horizon, got {kernel!r}")
    if not 0 < least < kernel.horizon:
        raise ValueError(f"smallest_jump must lie in 0 .. {kernel.horizon:g}, got {least!r}")
    generator = np.random.default_rng(seed_sequence(seed))
    alpha, delta = kernel.alpha, kernel.horizon
    rate = 2 * kernel.coefficient * _integral(least, delta, alpha)
    spread = 2 * float(kernel.radial_integral(least, 2.0))
    out = np.empty((moments.size, place.size))
    out[0] = place
    for k, elapsed in enumerate(np.diff(moments), 1):
        place = place + math.sqrt(spread * elapsed) * generator.standard_normal(place.size)
        number = generator.poisson(rate * elapsed, place.size)
        size = _sizes(generator.random(int(number.sum())), least, delta, alpha)
        size *= generator.choice((-1.0, 1.0), size.size)
        owner = np.repeat(np.arange(place.size), number)
        place += np.bincount(owner, weights=size, minlength=place.size)
        out[k] = place
    return out


def _moments(times: ArrayLike) -> NDArray[np.float64]:
    """Times that ascend, one at least."""
    moments = real_array("times", times, ndim=1)
    if not moments.size or not np.all(np.diff(moments) > 0):
        raise ValueError("times must ascend")
    return moments


def _integral(low: float, high: float, alpha: float) -> float:
    """Of r**-alpha."""
    if alpha == 1:
        return math.log(high / low)
    return (high ** (1 - alpha) - low ** (1 - alpha)) / (1 - alpha)


def _sizes(
    uniform: NDArray[np.float64], low: float, high: float, alpha: float
) -> NDArray[np.float64]:
    """Sizes with density r**-alpha between low and high."""
    if alpha == 1:
        return np.asarray(low * (high / low) ** uniform)
    power = 1 - alpha
    return np.asarray((low**power + uniform * (high**power - low**power)) ** (1 / power))


def flights(
    exponent: float,
    slowest: float,
    fastest: float,
    persistence: float,
    times: Sequence[float] | NDArray[np.float64],
    start: ArrayLike,
    seed: int | Sequence[int] | np.random.SeedSequence,
) -> NDArray[np.float64]:
    """Particles that fly at speeds of a power law and choose anew from time to time.

    Speeds between `slowest` and `fastest` have the density v**-exponent, to either side; a flight
    lasts a random time, exponential with the mean `persistence`. Over times long against that,
    flights are jumps at the rate K(r) ~ r**-exponent Gamma(exponent, r/(fastest persistence)), an
    incomplete gamma function: a power law up to about `fastest` x `persistence`. A fit finds the
    speeds' exponent in it only if that is well beyond the width of the density; where it is not,
    the law is nearly local, and a fitted alpha lies between the exponent and 3. For particles that
    never turn no jump kernel is right, and a fit gives a number all the same.

    Parameters
    ----------
    exponent : float
        beta, of the density of speeds.
    slowest, fastest : float
        Ends of the speeds, length / time.
    persistence : float
        Mean duration of a flight, time; inf for one flight without an end.
    times : sequence of float
        Ascending, from the time of the start on.
    start : array_like, shape (n,)
        Places at times[0].
    seed : int, sequence of int or SeedSequence
        Of speeds and durations.

    Returns
    -------
    ndarray, shape (n_times, n)
        Places; the first row is the start.

    Raises
    ------
    ValueError
        If speeds, durations or times are out of range.
    """
    moments = _moments(times)
    place = real_array("start", start, ndim=1).copy()
    check_number("exponent", exponent)
    if not 0 < slowest < fastest < math.inf:
        raise ValueError(f"slowest must be positive, below fastest, got {slowest!r}, {fastest!r}")
    if not persistence > 0:
        raise ValueError(f"persistence must be positive, got {persistence!r}")
    generator = np.random.default_rng(seed_sequence(seed))

    def velocities(n: int) -> NDArray[np.float64]:
        size = _sizes(generator.random(n), slowest, fastest, exponent)
        return size * generator.choice((-1.0, 1.0), n)

    velocity = velocities(place.size)
    left = generator.exponential(1.0, place.size) * persistence  # time to the next choice
    out = np.empty((moments.size, place.size))
    out[0] = place
    for k, elapsed in enumerate(np.diff(moments), 1):
        rest = np.full(place.size, elapsed)
        flying = np.arange(place.size)
        while flying.size:
            step = np.minimum(left[flying], rest[flying])
            place[flying] += velocity[flying] * step
            left[flying] -= step
            rest[flying] -= step
            turned = flying[left[flying] <= 0]
            velocity[turned] = velocities(turned.size)
            left[turned] = generator.exponential(1.0, turned.size) * persistence
            flying = flying[rest[flying] > 0]
        out[k] = place
    return out
