"""Atoms at rest under loads, at 0 K.

In equilibrium the loads f balance the forces of the potential, F(x + u) + f = 0. Around rest F is
nearly -K u, and K is inverted once: by Fourier transforms on a periodic sheet, by a sparse
factorisation on a disk. Then

    u <- u + K^-1 (F(x + u) + f)

shrinks what is left by a factor of six each time at bond strains of 2 %. Where it shrinks by less
than two, Newton's own steps follow, with the second derivatives at x + u, by conjugate gradients
preconditioned by K^-1.

A free disk can also move as a whole. Loads with a net force are refused. The disk is kept from
turning by forces that form a rotation; the torque that they supply is that of the loads on the
deformed disk, and is reported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, check_number
from nlbook.graphene.fields import read_fields, read_loads
from nlbook.graphene.harmonic import harmonic_body, stiffness_matrix
from nlbook.graphene.sheet import GrapheneDisk, GrapheneSheet
from nlbook.graphene.tersoff import TERSOFF_CARBON, Tersoff

__all__ = ["Equilibria", "equilibrate"]

# Steps with K at rest that leave more than this of the forces are given up for Newton's own.
_SLOW = 0.5
_MOST_HALVINGS = 8
_MOST_CONJUGATE_GRADIENTS = 200


@dataclass(frozen=True)
class Equilibria:
    """Atoms at rest under loads, one sample a load."""

    #: from the body's positions, angstrom, shape (n_samples, n_atoms, 2)
    displacement: NDArray[np.float64]
    #: of the potential, without that of the loads, eV, shape (n_samples,)
    energy: NDArray[np.float64]
    #: greatest component of the force left on an atom, eV/angstrom, shape (n_samples,)
    residual: NDArray[np.float64]
    #: greatest relative change of the length of a bond, shape (n_samples,)
    bond_strain: NDArray[np.float64]
    #: that kept a disk from turning, eV, shape (n_samples,); of a periodic sheet zero
    torque: NDArray[np.float64]
    #: with K at rest and Newton's own, shape (n_samples,)
    n_steps: NDArray[np.int64]


def equilibrate(
    body: GrapheneSheet | GrapheneDisk,
    forces: ArrayLike,
    potential: Tersoff = TERSOFF_CARBON,
    *,
    start: ArrayLike | None = None,
    tolerance: float = 1e-9,
    most_steps: int = 60,
) -> Equilibria:
    """Equilibria of a sheet or disk under loads on its atoms, in the plane.

    Parameters
    ----------
    body : GrapheneSheet or GrapheneDisk
    forces : array_like, shape (n_samples, n_atoms, 2) or (n_atoms, 2)
        Loads, eV/angstrom, without net force.
    potential : Tersoff
    start : array_like, shape of `forces` or (n_atoms, 2), optional
        Displacements to start from, angstrom; by default none.
    tolerance : float
        What may be left of a force, eV/angstrom.
    most_steps : int
        For each sample, of both kinds together: if the forces left after so many are not within
        the tolerance, it gives up.

    Returns
    -------
    Equilibria
        The mean displacement is zero, and that of a disk has no part in the field of a rotation.

    Raises
    ------
    ValueError
        If loads have a net force, or pull bonds to where they break, or press atoms together, or
        an argument is out of its range.
    RuntimeError
        If what is left doesn't get below the tolerance.
    """
    if not isinstance(body, GrapheneSheet | GrapheneDisk):
        raise ValueError(f"body must be a GrapheneSheet or a GrapheneDisk, got {body!r}")
    check_number("tolerance", tolerance, least=1e-11)
    check_integer("most_steps", most_steps, 1)
    loads = read_loads(forces, body.n_atoms)
    problem = _Problem(body, potential, tolerance, most_steps)
    moved = np.zeros_like(loads)
    if start is not None:
        given = read_fields("start", start, body.n_atoms)
        if len(given) not in (1, len(loads)):
            raise ValueError(
                f"start must be one field or as many as forces, {len(loads)}, got {len(given)}"
            )
        moved[:] = given
        moved = problem.harmonic.without_rigid_motion(moved)
    n_steps = np.zeros(len(loads), dtype=np.int64)
    left = np.stack([problem.left(u, f) for u, f in zip(moved, loads, strict=True)])
    before = np.full(len(loads), np.inf)
    active = np.nonzero(_size(left) > tolerance)[0]
    slow: list[int] = []
    while active.size and n_steps.max() < most_steps:
        steps = problem.harmonic.solve(left[active])
        lengths = np.linalg.norm(steps, axis=(1, 2))
        for sample, step, length in zip(active, steps, lengths, strict=True):
            tried = moved[sample] + step
            if length > _SLOW * before[sample] or not problem.is_whole(tried):
                slow.append(int(sample))
                continue
            moved[sample], before[sample] = tried, length
            left[sample] = problem.left(tried, loads[sample])
            n_steps[sample] += 1
        active = active[_size(left[active]) > tolerance]
        active = active[~np.isin(active, slow)]
    for sample in [*slow, *active]:
        moved[sample], left[sample], n_steps[sample] = problem.newton(
            moved[sample], left[sample], loads[sample], int(n_steps[sample]), int(sample)
        )
    places = body.positions + moved
    return Equilibria(
        displacement=moved,
        energy=np.array([potential.energy_and_forces(x, body.bonds)[0] for x in places]),
        residual=_size(left),
        bond_strain=np.array([problem.strain(x, sample) for sample, x in enumerate(places)]),
        torque=problem.torque(places, loads),
        n_steps=n_steps,
    )


def _size(left: NDArray[np.float64]) -> NDArray[np.float64]:
    """Greatest component of each sample."""
    return np.maximum(left.max(axis=(1, 2)), -left.min(axis=(1, 2)))


class _Problem:
    """A body, its potential, and what the steps need of them."""

    def __init__(
        self,
        body: GrapheneSheet | GrapheneDisk,
        potential: Tersoff,
        tolerance: float,
        most_steps: int,
    ) -> None:
        self.body, self.potential = body, potential
        self.tolerance, self.most_steps = tolerance, most_steps
        self.harmonic = harmonic_body(body, potential)

    def left(self, moved: NDArray[np.float64], loads: NDArray[np.float64]) -> NDArray[np.float64]:
        """F(x + u) + f, without what shifts or turns the whole."""
        _, forces = self.potential.energy_and_forces(self.body.positions + moved, self.body.bonds)
        return self.harmonic.without_rigid_motion(forces + loads)

    def is_whole(self, moved: NDArray[np.float64]) -> bool:
        """Whether no bond reaches the cutoff."""
        _, longest, _ = self.body.bonds.extent(self.body.positions + moved)
        return longest < self.potential.R - self.potential.D

    def newton(
        self,
        moved: NDArray[np.float64],
        left: NDArray[np.float64],
        loads: NDArray[np.float64],
        n_steps: int,
        sample: int,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
        """Displacement, what is left, and the number of steps, by Newton's after `n_steps`."""
        while np.abs(left).max() > self.tolerance:
            if n_steps >= self.most_steps:
                raise RuntimeError(
                    f"forces of sample {sample} are not balanced to {self.tolerance:g} "
                    f"eV/angstrom: after {n_steps} steps {np.abs(left).max():.3g} are left"
                )
            direction = self._newton_direction(moved, left, sample)
            for halving in range(_MOST_HALVINGS + 1):
                tried = moved + 0.5**halving * direction
                after = self.left(tried, loads)
                if self.is_whole(tried) and np.linalg.norm(after) < np.linalg.norm(left):
                    break
            else:
                raise ValueError(
                    f"forces of sample {sample} must let the atoms find rest with all bonds "
                    f"shorter than {self.potential.R - self.potential.D:g} angstrom: they break"
                )
            moved, left, n_steps = tried, after, n_steps + 1
        return moved, left, n_steps

    def _newton_direction(
        self, moved: NDArray[np.float64], left: NDArray[np.float64], sample: int
    ) -> NDArray[np.float64]:
        """Solve K(x + u) d = left by conjugate gradients, to a tenth of what is left squared."""
        places = self.body.positions + moved
        matrix = stiffness_matrix(places, self.body.bonds, self.potential)
        rest, direction = left.copy(), np.zeros_like(left)
        step = self.harmonic.solve(rest)
        product = float(np.vdot(rest, step))
        goal = product * min(1e-2, float(np.abs(left).max())) ** 2
        for _ in range(_MOST_CONJUGATE_GRADIENTS):
            image = self.harmonic.without_rigid_motion((matrix @ step.ravel()).reshape(left.shape))
            curvature = float(np.vdot(step, image))
            if not curvature > 0:
                raise ValueError(
                    f"forces of sample {sample} must leave the atoms stable: on the way to rest "
                    f"a motion lowers the energy"
                )
            direction += product / curvature * step
            rest -= product / curvature * image
            conditioned = self.harmonic.solve(rest)
            before, product = product, float(np.vdot(rest, conditioned))
            if product <= goal:
                break
            step = conditioned + product / before * step
        return direction

    def strain(self, places: NDArray[np.float64], sample: int) -> float:
        """Greatest strain of a bond; broken bonds and atoms that came near others are refused."""
        shortest, longest, nearest = self.body.bonds.extent(places)
        if not longest < self.potential.R - self.potential.D:
            raise ValueError(
                f"forces of sample {sample} must leave the atoms with all bonds shorter than "
                f"{self.potential.R - self.potential.D:g} angstrom, from where on they break: the "
                f"longest is {longest:.4g}"
            )
        if nearest < self.potential.cutoff:
            raise ValueError(
                f"forces of sample {sample} must not press atoms together: two that share a "
                f"neighbour come within {nearest:.4g} angstrom, the reach of bonds is "
                f"{self.potential.cutoff:g}"
            )
        length = self.body.bond_length
        return max(longest / length - 1, 1 - shortest / length)

    def torque(
        self, positions: NDArray[np.float64], loads: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Torque of the loads about the centre, eV."""
        if self.body.box is not None:
            return np.zeros(len(positions))
        turning = positions[..., 0] * loads[..., 1] - positions[..., 1] * loads[..., 0]
        return np.sum(turning, axis=-1)
