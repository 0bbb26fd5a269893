"""The cell in the plane, against the schemes that one would write first."""

from __future__ import annotations

import time

import numpy as np
from scipy.interpolate import PchipInterpolator

from nlbook.crystals import StepsTooLong, StrainPath, UnitCell, VoronoiGrains
from nlbook.crystals.cell_steps import CellSteps
from nlbook.crystals.fourier import GreenOperator, discrete_divergence
from tests.benchmarks.measuring import Table, seconds

N_STEPS, PART = 1000, 100  # steps of a path, and those that rivals are timed over
SHAPE = (64, 64)
TOLERANCE = 1e-5


def random_path() -> StrainPath:
    """Ten random intervals, increments of 10 % of the root of each, smooth in between."""
    rng = np.random.default_rng(1)
    knots = np.concatenate([[0.0], np.cumsum(rng.dirichlet(np.ones(10)))])
    times = np.linspace(0.0, 1.0, N_STEPS + 1)
    stretch = np.zeros((N_STEPS + 1, 2, 2))
    for i, j in ((0, 0), (1, 1), (0, 1)):
        steps = rng.choice([-1, 1], 10) * 0.1 * np.sqrt(np.diff(knots))
        values = float(i == j) + np.concatenate([[0.0], np.cumsum(steps)])
        stretch[:, i, j] = stretch[:, j, i] = PchipInterpolator(knots, values)(times)
    return StrainPath(times, stretch)


class FixedPoint(CellSteps):
    """The basic scheme, u - Green Div P, and with a depth Anderson's mixing of iterates."""

    depth, most = 0, 300

    def _balanced(self, guess, mean, amount):
        displacement, first = guess, np.inf
        places, changes = [], []
        for _ in range(self.most):
            left = self._evaluate(displacement, mean, amount, False)
            first = min(first, left)
            if left <= self._target:
                return displacement
            if not left < 1e8 * max(first, self._target):
                return None
            change = -self._green(self._force)
            places = [*places, displacement][-self.depth - 1 :]
            changes = [*changes, change][-self.depth - 1 :]
            displacement = displacement + change
            if len(changes) > 1:
                rise = np.diff(np.reshape(changes, (len(changes), -1)), axis=0)
                move = np.diff(np.reshape(places, (len(places), -1)), axis=0)
                mix = np.linalg.lstsq(rise @ rise.T, rise @ change.ravel(), rcond=1e-12)[0]
                displacement = displacement - (mix @ (rise + move)).reshape(change.shape)
        return None


class Anderson(FixedPoint):
    depth, most = 5, 60


def plain_step(cell, green, displacement, slip, stretch, amount):
    """A step of backward Euler by the basic scheme, in NumPy: displacement and slip."""
    law = cell.law
    angle = cell.grain_map.field + np.pi / 4
    a = np.stack([np.cos(angle), np.sin(angle)])
    b = np.stack([-a[1], a[0]])
    tau_0 = law.slip[0].tau_0
    target = TOLERANCE * law.shear_modulus
    for _ in range(300):
        right, up = np.roll(displacement, -1, 1), np.roll(displacement, -1, 2)
        both = np.roll(right, -1, 2)
        x, y = right + both - displacement - up, up + both - displacement - right
        f = stretch[:, :, np.newaxis, np.newaxis] + 0.5 * np.stack([x, y], axis=1)
        volume = f[0, 0] * f[1, 1] - f[0, 1] * f[1, 0]
        scale = law.shear_modulus * volume ** (-2 / 3)
        fa, fb = np.einsum("ijxy,jxy->ixy", f, a), np.einsum("ijxy,jxy->ixy", f, b)
        alpha = scale * np.sum(fa * fa, axis=0) * np.exp(-2 * slip)
        beta = scale * np.sum(fb * fb, axis=0) * np.exp(2 * slip)
        drive, stiff = 0.5 * np.abs(alpha - beta), 4 * (alpha + beta) * amount
        over = 2 * drive / (tau_0 + np.sqrt(tau_0**2 + stiff * drive))
        big, small = np.maximum(alpha, beta), np.minimum(alpha, beta)
        for _ in range(2):
            decay = np.exp(-2 * amount * over**2)
            rest = 0.5 * (big * decay - small / decay) - tau_0 * over
            fall = 2 * amount * over * (big * decay + small / decay) + tau_0
            over = over + rest / fall
        moved = slip + np.sign(alpha - beta) * amount * over**2
        first, second = scale * np.exp(-2 * moved), scale * np.exp(2 * moved)
        third = (first * np.sum(fa**2, axis=0) + second * np.sum(fb**2, axis=0) + scale) / 3
        cofactor = np.array([[f[1, 1], -f[1, 0]], [-f[0, 1], f[0, 0]]])
        piola = first * fa[:, np.newaxis] * a + second * fb[:, np.newaxis] * b
        piola += (2 * law.lambda_e * (volume - 1) - third / volume) * cofactor
        force = discrete_divergence(piola.reshape(4, *SHAPE))
        if np.sqrt(np.mean(np.sum(force**2, axis=0))) <= target:
            return displacement, moved
        displacement = displacement - green(force)
    raise RuntimeError("the basic scheme does not converge")


def cell_table() -> Table:
    """One path of 1000 steps, and how far its rivals come at what cost."""
    table = Table(
        "unit_cell",
        "A cell of 16 plane crystals on 64 x 64 pixels: 1000 steps of a random path",
        "All to the same tolerance, steps cut up to 64 times. Where a scheme came to no balance, "
        "its time is in proportion to the steps that it solved; that in NumPy was timed over the "
        "first 100.",
        threads=1,
    )
    cell, path = UnitCell(SHAPE, VoronoiGrains(16, 1), tolerance=TOLERANCE), random_path()
    part = StrainPath(path.times[: PART + 1], path.stretch[: PART + 1])

    def march(kind):
        """Seconds for 1000 steps, and how many were solved."""
        steps = kind(cell.grain_map.field, cell.law, TOLERANCE)
        steps.begin(0.0, path.stretch[0])
        begin, solved = time.thread_time(), 0
        try:
            for moment, stretch in zip(path.times[1:], path.stretch[1:], strict=True):
                steps.advance(moment, stretch)
                solved += 1
        except StepsTooLong:
            pass
        return (time.thread_time() - begin) * N_STEPS / solved, solved

    eye = np.eye(2)
    shear, lame = cell.law.shear_modulus, 2 * cell.law.lambda_e - 2 * cell.law.shear_modulus / 3
    stiffness = lame * np.einsum("ij,kl->ijkl", eye, eye)
    stiffness += shear * np.einsum("ik,jl->ijkl", eye, eye)
    stiffness += shear * np.einsum("il,jk->ijkl", eye, eye)
    green = GreenOperator(SHAPE, stiffness)

    def plain():
        displacement, before, slip = *np.zeros((2, 2, *SHAPE)), np.zeros(SHAPE)
        amounts = np.diff(part.times) * cell.law.slip[0].reference_rate
        for amount, stretch in zip(amounts, part.stretch[1:], strict=True):
            guess, before = 2 * displacement - before, displacement
            displacement, slip = plain_step(cell, green, guess, slip, stretch, amount)

    whole = seconds(lambda: cell.response(path), clock=time.thread_time)
    numpy = N_STEPS / PART * seconds(plain, clock=time.thread_time)
    table.add("basic scheme (NumPy)", numpy, "s", conditions=f"{PART} steps")
    for name, kind in (("basic scheme", FixedPoint), ("Anderson mixing", Anderson)):
        taken, solved = march(kind)
        table.add(f"{name}, our loops", taken, "s", conditions=f"{solved} steps solved")
    table.add("ours", whole, "s", at_most=7.0, ratio=numpy / whole, against="basic scheme (NumPy)")
    return table
