"""Steps of a periodic cell in time: prediction, Newton's method, and shorter steps where it fails.

The rules are those of `nlbook.crystals.unit_cell`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlbook.crystals.fourier import GreenOperator, conjugate_gradients
from nlbook.crystals.law import CrystalLaw
from nlbook.crystals.pixel_loops import divergence_loop, dot_loop, gradient_loop
from nlbook.crystals.plane_loops import LANES, N_ROWS, stress_loop
from nlbook.crystals.plane_update import plane_constants
from nlbook.crystals.response import StepsTooLong

__all__ = ["CellSteps"]

_SMALLEST = 1 / 64  # part of a step of the path that is still tried
_NEWTON = 12  # iterations of a step before it is halved
_HALVINGS = 6  # of one of Newton's steps
_FORCING = 0.1  # part of the force that a linear system may leave
_RENEWED = 0.05  # change of the mean F after which the uniform medium is renewed
_LONGER = 2.0  # up to here a step may exceed the one before; the formula is stable up to 2.4


class CellSteps:
    """State of a cell, moved along a strain path step by step.

    Parameters
    ----------
    angles : ndarray, shape (n1, n2)
        Of the crystals of the pixels, radians.
    law : CrystalLaw
        A pair of the plane.
    tolerance : float
        Root mean square of Div P, times the side of a pixel over the shear modulus.
    """

    def __init__(self, angles: NDArray[np.float64], law: CrystalLaw, tolerance: float) -> None:
        shape = (angles.shape[0], angles.shape[1])
        self._constants, own = plane_constants(law)
        self._axes = np.stack([np.cos(angles + own), np.sin(angles + own)])
        self._green = GreenOperator(shape, _elastic(law))
        self._green_mean = np.eye(2).ravel()
        self._target = (tolerance * law.shear_modulus) ** 2 * angles.size
        self._deformation = np.zeros((4, *shape))
        self._known = np.ones((2, *shape))
        self._trial_piola = np.zeros((4, *shape))
        self._trial_moved = np.zeros((2, *shape))
        self._tangent = np.zeros((10, *shape))
        self._force = np.zeros((2, *shape))
        self._room = np.zeros(N_ROWS * LANES)
        #: displacement of the corners from the mean, in sides of a pixel, shape (2, n1, n2)
        self.displacement = np.zeros((2, *shape))
        #: slip Gamma and accumulated slip e, shape (n1, n2)
        self.slip, self.accumulated = np.zeros(shape), np.zeros(shape)
        #: y = (|tau| - g)/tau_0, shape (n1, n2)
        self.excess = np.zeros(shape)
        #: first Piola stress, GPa, shape (4, n1, n2)
        self.piola = np.zeros((4, *shape))
        #: what was done: evaluations of the stress, linear systems, halved steps
        self.counts = np.zeros(3, dtype=np.int64)
        self._time, self._stretch, self._before = 0.0, np.eye(2), 0.0
        self._old_slip, self._old_accumulated = self.slip, self.accumulated
        self._history: list[tuple[float, NDArray[np.float64]]] = []

    def begin(self, time: float, stretch: NDArray[np.float64]) -> None:
        """Stretch the cell at once, without slip."""
        self._time = time
        self.advance(time, stretch)

    def advance(self, time: float, stretch: NDArray[np.float64]) -> None:
        """Move on to a time and stretch.

        Raises
        ------
        StepsTooLong
            If no balance is found.
        """
        start, origin = self._time, self._stretch
        done, part = 0.0, 1.0
        while done < 1.0:
            part = min(part, 1.0 - done)
            reached = done + part
            there = time if reached == 1.0 else start + reached * (time - start)
            if self._step(there, origin + reached * (stretch - origin)):
                done, part = reached, 2.0 * part
                continue
            self.counts[2] += 1
            part *= 0.5
            if part < _SMALLEST:
                change = np.abs(stretch - origin).max()
                raise StepsTooLong(
                    f"strain_path must have shorter steps: at time {time:g} s, where U changes by "
                    f"{change:.3g} to [[{stretch[0, 0]:.4g}, {stretch[0, 1]:.4g}], "
                    f"[{stretch[1, 0]:.4g}, {stretch[1, 1]:.4g}]], no balance was found even in "
                    f"parts of 1/{round(1 / _SMALLEST)}; take more and shorter steps there"
                )

    def _step(self, time: float, stretch: NDArray[np.float64]) -> bool:
        """One implicit step; whether it has a solution."""
        dt = time - self._time
        w = dt / self._before if 0.0 < dt <= _LONGER * self._before else 0.0
        now, old = (1 + w) ** 2 / (1 + 2 * w), w**2 / (1 + 2 * w)
        slip = now * self.slip - old * self._old_slip
        np.exp(-2 * slip, out=self._known[0])
        self._known[1] = now * self.accumulated - old * self._old_accumulated
        amount = (1 + w) / (1 + 2 * w) * dt * self._constants[3]
        mean = np.ascontiguousarray(stretch, dtype=np.float64).ravel()
        found = self._balanced(self._predicted(time), mean, amount)
        if found is None:
            found = self._balanced(self.displacement, mean, amount)
        if found is None:
            return False
        self._old_slip, self._old_accumulated = self.slip, self.accumulated
        self.slip = slip + self._trial_moved[0]
        self.accumulated = self._known[1] + np.abs(self._trial_moved[0])
        self.excess = self._trial_moved[1].copy()
        self.displacement = found
        self.piola, self._trial_piola = self._trial_piola, self.piola
        self._time, self._stretch, self._before = time, stretch, dt
        if self._history and self._history[-1][0] == time:
            self._history.pop()
        self._history = [*self._history[-2:], (time, found)]
        return True

    def _predicted(self, time: float) -> NDArray[np.float64]:
        """Displacement at a time on the polynomial through the last three steps."""
        guess = np.zeros_like(self.displacement)
        for at, displacement in self._history:
            others = [other for other, _ in self._history if other != at]
            guess += np.prod([(time - other) / (at - other) for other in others]) * displacement
        return guess

    def _balanced(
        self, guess: NDArray[np.float64], mean: NDArray[np.float64], amount: float
    ) -> NDArray[np.float64] | None:
        """Displacement with Div P = 0, by Newton's method from a guess."""
        left = self._evaluate(guess, mean, amount, True)
        if not left < np.inf:
            return None
        displacement = guess
        for _ in range(_NEWTON):
            if left <= self._target:
                return displacement
            self.counts[1] += 1
            self._renew_green(mean)
            step = conjugate_gradients(
                self._tangent, self._force, self._green,
                max(_FORCING**2 * left, 0.25 * self._target),
            )  # fmt: skip
            for halving in range(_HALVINGS + 1):
                trial = displacement + 0.5**halving * step
                now = self._evaluate(trial, mean, amount, False)
                if now < left:
                    break
            else:
                return None
            displacement, left = trial, now
            if left > self._target:
                self._evaluate(displacement, mean, amount, True)
        return None

    def _renew_green(self, mean: NDArray[np.float64]) -> None:
        """Take the mean tangent for the uniform medium where the mean F has moved on."""
        if np.abs(mean - self._green_mean).max() <= _RENEWED:
            return
        upper = np.zeros((4, 4))
        upper[np.triu_indices(4)] = self._tangent.mean(axis=(1, 2))
        stiffness = upper + np.triu(upper, 1).T
        self._green_mean = mean.copy()
        if np.linalg.eigvalsh(stiffness)[1] > 0:  # of a rotation alone it may be soft
            found = GreenOperator(
                (self.slip.shape[0], self.slip.shape[1]), stiffness.reshape(2, 2, 2, 2)
            )
            self._green = found if found.positive else self._green

    def _evaluate(
        self,
        displacement: NDArray[np.float64],
        mean: NDArray[np.float64],
        amount: float,
        with_tangent: bool,
    ) -> float:
        """Stress and Div P at a displacement; the sum of its squares, infinite if det F <= 0."""
        self.counts[0] += 1
        gradient_loop(displacement, mean, self._deformation)
        flat = (2, -1)
        if not stress_loop(
            self._deformation.reshape(4, -1), self._axes.reshape(flat), self._known.reshape(flat),
            amount, self._constants, self._trial_moved.reshape(flat),
            self._trial_piola.reshape(4, -1), self._tangent.reshape(10, -1), with_tangent,
            self._room,
        ):  # fmt: skip
            return np.inf
        divergence_loop(self._trial_piola, self._force)
        return float(dot_loop(self._force, self._force))


def _elastic(law: CrystalLaw) -> NDArray[np.float64]:
    """Stiffness of the unstrained crystal in plane strain, GPa, shape (2, 2, 2, 2)."""
    eye = np.eye(2)
    shear = law.shear_modulus
    stiffness = (2 * law.lambda_e - 2 * shear / 3) * np.einsum("ij,kl->ijkl", eye, eye)
    stiffness += shear * np.einsum("ik,jl->ijkl", eye, eye)
    stiffness += shear * np.einsum("il,jk->ijkl", eye, eye)
    return np.asarray(stiffness)
