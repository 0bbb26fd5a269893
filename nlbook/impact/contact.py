"""Rigid bodies that a body meets: a wall, and a cylinder that moves.

A node that would end a step inside is stopped at the surface (predictor and corrector): the
impulse is that which takes it there, so momentum is exact; a node that would leave is not held, so
it releases by itself. A penalty pushes back by 0.1 m / dt^2 for each metre inside instead, which
lets nodes in a little and gives their energy back. Coulomb's friction takes of the tangential
velocity what it can, at most the coefficient times the normal impulse.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_number, real_array
from nlbook.impact.contact_loops import cylinder_loop, wall_loop

__all__ = ["Contact", "Corrector", "Penalty", "RigidCylinder", "RigidWall"]

_TOUCHING = 1e-9  # over the body's size: how far inside a node may start


@dataclass(frozen=True)
class Corrector:
    """Nodes end a step outside."""


@dataclass(frozen=True)
class Penalty:
    """Nodes inside are pushed back."""

    #: force for each metre inside, over mass / step^2
    stiffness: float = 0.1

    def __post_init__(self) -> None:
        check_number("stiffness", self.stiffness, above=0.0, most=1.0)


class Contact(Protocol):
    """A rigid body."""

    def depth(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far points of shape (n, dimension) are inside at the start, m; negative outside."""

    def correct(
        self,
        x: NDArray[np.float64],
        v: NDArray[np.float64],
        mass: NDArray[np.float64],
        nodes: NDArray[np.int64],
        time: float,
        step: float,
    ) -> NDArray[np.float64]:
        """Change the velocities of a step that starts at a time; the impulse on the body, N s.

        Places, velocities and masses are of shape (n_nodes, dimension), the impulse of shape
        (dimension,).
        """


@dataclass(frozen=True)
class RigidWall:
    """A plane that does not move; the body lies on the side of its normal."""

    #: a point of it, m
    point: tuple[float, ...] = (0.0, 0.0, 0.0)
    #: towards the body; of any length
    normal: tuple[float, ...] = (0.0, 0.0, 1.0)
    #: coefficient of friction
    friction: float = 0.0
    #: how nodes are kept outside
    rule: Corrector | Penalty = field(default_factory=Corrector)

    def __post_init__(self) -> None:
        point, normal = real_array("point", self.point, ndim=1), real_array("normal", self.normal)
        if point.shape != normal.shape:
            raise ValueError(f"normal must be of shape {point.shape}, got {normal.shape}")
        if not np.linalg.norm(normal) > 0:
            raise ValueError("normal must have a length")
        check_number("friction", self.friction, least=0.0)

    def depth(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `Contact`."""
        if x.shape[1] != len(self.point):
            raise ValueError(f"point must have as many numbers as a node, {x.shape[1]}")
        return np.asarray((np.array(self.point) - x) @ self._unit)

    @property
    def _unit(self) -> NDArray[np.float64]:
        normal = np.array(self.normal, dtype=np.float64)
        return np.asarray(normal / np.linalg.norm(normal))

    def correct(
        self,
        x: NDArray[np.float64],
        v: NDArray[np.float64],
        mass: NDArray[np.float64],
        nodes: NDArray[np.int64],
        time: float,
        step: float,
    ) -> NDArray[np.float64]:
        """See `Contact`."""
        impulse = np.zeros(x.shape[1])
        wall_loop(
            x, v, mass, nodes, np.array(self.point, dtype=np.float64), self._unit, step,
            self.friction, _stiffness(self.rule), impulse,
        )  # fmt: skip
        return impulse


@dataclass(frozen=True)
class RigidCylinder:
    """A cylinder with a flat end that comes down along z, too heavy to be slowed.

    Its axis is that of z. A node outside its radius when the end passes stays outside; its side is
    without friction.
    """

    #: m
    radius: float
    #: downwards, m/s
    speed: float
    #: height of its end at the start, m
    face: float = 0.0
    #: coefficient of friction of its end
    friction: float = 0.0
    #: how nodes are kept outside
    rule: Corrector | Penalty = field(default_factory=Corrector)

    def __post_init__(self) -> None:
        check_number("radius", self.radius, above=0.0)
        check_number("speed", self.speed, least=0.0)
        check_number("face", self.face)
        check_number("friction", self.friction, least=0.0)

    def depth(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `Contact`."""
        inside = self.radius - np.hypot(*x.T[:2]) if x.shape[1] == 3 else self.radius - x[:, 0]
        return np.asarray(np.minimum(x[:, -1] - self.face, inside))

    def correct(
        self,
        x: NDArray[np.float64],
        v: NDArray[np.float64],
        mass: NDArray[np.float64],
        nodes: NDArray[np.int64],
        time: float,
        step: float,
    ) -> NDArray[np.float64]:
        """See `Contact`."""
        impulse = np.zeros(x.shape[1])
        cylinder_loop(
            x, v, mass, nodes, self.radius, self.speed, self.face - self.speed * time, step,
            self.friction, _stiffness(self.rule), impulse,
        )  # fmt: skip
        return impulse


def _stiffness(rule: Corrector | Penalty) -> float:
    return rule.stiffness if isinstance(rule, Penalty) else 0.0


def check_start(contacts: tuple[Contact, ...], x: NDArray[np.float64]) -> None:
    """Refuse a body of which a node lies inside a rigid body."""
    size = float(np.ptp(x, axis=0).max())
    for contact in contacts:
        depth = contact.depth(x)
        worst = int(np.argmax(depth))
        if depth[worst] > _TOUCHING * size:
            raise ValueError(
                f"contacts must leave the body outside at the start: node {worst} lies "
                f"{depth[worst]:.3g} m inside {contact!r}"
            )
