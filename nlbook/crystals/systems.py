"""Slip and twin systems of a crystal, in its own frame.

A system is a direction s and the normal m of the plane that holds it. Its Schmid tensor is
s (x) m; of it a stress sees the symmetric part.

In a hexagonal crystal the frame has x along a1 and z along c. The four indices of a direction
[uvtw] and of a plane (hkil) mean u a1 + v a2 + t a3 + w c and h a1* + k a2* + l c* [1]_.

References
----------
.. [1] J. P. Hirth and J. Lothe, Theory of Dislocations, 2nd ed. (1982), chapter 11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_number, real_array

__all__ = [
    "Families",
    "SlipSystems",
    "fcc",
    "hcp",
    "miller_systems",
    "tension_twin_shear",
    "two_dimensional_pair",
]

_ROUNDING = 4 * np.finfo(np.float64).eps
#: names of families, and their systems
Families = Mapping[str, Sequence[tuple[tuple[int, ...], tuple[int, ...]]]]
"""Pairs of indices, of a direction and of its plane, by name of the family."""

_ORTHOGONAL = 1e-6  # largest cosine between a direction and its plane's normal


@dataclass(frozen=True, eq=False)
class SlipSystems:
    """Slip systems, and after them twin systems, of one crystal.

    Raises
    ------
    ValueError
        If a direction does not lie in its plane, a vector is zero, a family's number names none,
        or a twin comes before a slip system.
    """

    #: slip or shear directions s, shape (n, 3); made of unit length
    directions: NDArray[np.float64]
    #: normals m of the planes, shape (n, 3); made of unit length
    normals: NDArray[np.float64]
    #: number of the family of each system, shape (n,)
    family: NDArray[np.int64]
    #: names of the families, slip before twin
    names: tuple[str, ...]
    #: whether a family twins, one entry a name
    twins: tuple[bool, ...]

    def __post_init__(self) -> None:
        vectors = {}
        for name in ("directions", "normals"):
            array = real_array(name, getattr(self, name), ndim=2)
            if array.shape[1] != 3 or not len(array):
                raise ValueError(f"{name} must have shape (n, 3), n >= 1, got {array.shape}")
            length = np.linalg.norm(array, axis=1, keepdims=True)
            if not np.all(length > 0):
                raise ValueError(f"{name} must not be zero, as number {int(np.argmin(length))} is")
            # what has unit length to rounding stays as it is, so that a copy is the same to the bit
            vectors[name] = np.where(np.abs(length - 1) < _ROUNDING, array, array / length)
        if vectors["directions"].shape != vectors["normals"].shape:
            raise ValueError("directions and normals must be as many")
        cosine = np.abs(np.sum(vectors["directions"] * vectors["normals"], axis=1))
        if np.any(cosine > _ORTHOGONAL):
            worst = int(np.argmax(cosine))
            raise ValueError(
                f"directions must lie in their planes: number {worst} makes a cosine of "
                f"{cosine[worst]:.3g} with the normal"
            )
        family = real_array("family", self.family, ndim=1)
        number = family.astype(np.int64)
        if family.shape != cosine.shape or np.any(number != family):
            raise ValueError("family must be a whole number for each system")
        if set(number.tolist()) != set(range(len(self.names))):
            raise ValueError(f"family must count the {len(self.names)} names, from 0 on")
        if len(self.twins) != len(self.names):
            raise ValueError(f"twins must have {len(self.names)} entries, got {len(self.twins)}")
        twin = np.array(self.twins, bool)[number]
        if np.any(np.diff(twin.astype(int)) < 0) or np.any(np.diff(number) < 0):
            raise ValueError("systems must stand family by family, and twins after slip")
        for name, value in (*vectors.items(), ("family", number)):
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    @property
    def n_slip(self) -> int:
        """Number of slip systems, which come first."""
        return int(np.count_nonzero(~np.array(self.twins, bool)[self.family]))

    @property
    def n_twin(self) -> int:
        """Number of twin systems."""
        return len(self.family) - self.n_slip

    @property
    def n_slip_families(self) -> int:
        """Number of families that slip."""
        return sum(not twin for twin in self.twins)

    @property
    def schmid_tensors(self) -> NDArray[np.float64]:
        """s (x) m of each system, shape (n, 3, 3)."""
        return np.asarray(self.directions[:, :, np.newaxis] * self.normals[:, np.newaxis, :])

    @property
    def symmetric_schmid_tensors(self) -> NDArray[np.float64]:
        """(s (x) m + m (x) s) / 2, shape (n, 3, 3)."""
        tensors = self.schmid_tensors
        return np.asarray(0.5 * (tensors + np.swapaxes(tensors, 1, 2)))

    @property
    def twinned_schmid_tensors(self) -> NDArray[np.float64]:
        """Schmid tensor of slip system a in the lattice of twin b, shape (n_slip, n_twin, 3, 3).

        A twin's lattice is turned by half a turn about the normal of its plane.
        """
        normal = self.normals[self.n_slip :]
        turn = 2 * normal[:, :, np.newaxis] * normal[:, np.newaxis, :] - np.eye(3)
        slip = self.schmid_tensors[: self.n_slip]
        return np.asarray(np.einsum("bij,ajk,blk->abil", turn, slip, turn))

    def rank(self, names: Sequence[str] | None = None) -> int:
        """Number of independent strains that some families, or all, can make; 5 is any."""
        names = self.names if names is None else names
        for name in names:
            if name not in self.names:
                raise ValueError(f"names must be of {', '.join(self.names)}, got {name!r}")
        chosen = np.isin(self.family, [self.names.index(name) for name in names])
        rows = self.symmetric_schmid_tensors[chosen].reshape(-1, 9)
        return int(np.linalg.matrix_rank(rows, tol=1e-9))

    def schmid_factors(self, axis: ArrayLike) -> NDArray[np.float64]:
        """Resolved shear stress of unit tension along an axis of the crystal, shape (n,)."""
        along = real_array("axis", axis, ndim=1)
        if along.shape != (3,) or not np.linalg.norm(along) > 0:
            raise ValueError(f"axis must be three numbers, not all zero, got {axis!r}")
        along = along / np.linalg.norm(along)
        return np.asarray((self.directions @ along) * (self.normals @ along))

    def without_twins(self) -> SlipSystems:
        """The slip systems alone."""
        n, families = self.n_slip, self.n_slip_families
        return SlipSystems(
            self.directions[:n],
            self.normals[:n],
            self.family[:n],
            self.names[:families],
            self.twins[:families],
        )


def miller_systems(
    slip: Families,
    twins: Families | None = None,
    c_over_a: float | None = None,
) -> SlipSystems:
    """Systems from Miller indices, or in a hexagonal crystal from Miller-Bravais indices.

    Parameters
    ----------
    slip, twins : mapping
        For each family's name, pairs of the indices of a direction and of its plane: three each
        in a cubic crystal, four in a hexagonal one.
    c_over_a : float, optional
        Of a hexagonal crystal; without it the crystal is cubic.

    Returns
    -------
    SlipSystems

    Raises
    ------
    ValueError
        If the number of indices is another, a plane's third index is not minus the sum of its
        first two, or a direction does not lie in its plane.
    """
    if c_over_a is not None:
        check_number("c_over_a", c_over_a, above=0.0)
    names: list[str] = []
    kinds: list[bool] = []
    family: list[int] = []
    directions, normals = [], []
    for twin, families in ((False, slip), (True, twins or {})):
        for name, pairs in families.items():
            for direction, plane in pairs:
                directions.append(_vector(name, direction, c_over_a, reciprocal=False))
                normals.append(_vector(name, plane, c_over_a, reciprocal=True))
                family.append(len(names))
            names.append(name)
            kinds.append(twin)
    return SlipSystems(
        np.array(directions), np.array(normals), np.array(family), tuple(names), tuple(kinds)
    )


def _vector(
    name: str, indices: Sequence[int], c_over_a: float | None, *, reciprocal: bool
) -> NDArray[np.float64]:
    values = real_array(f"indices of {name}", indices, ndim=1)
    expected = 3 if c_over_a is None else 4
    if values.size != expected:
        raise ValueError(f"indices of {name} must be {expected}, got {tuple(indices)}")
    if c_over_a is None:
        return values
    if values[0] + values[1] + values[2]:
        raise ValueError(f"indices of {name} must have a third of minus the sum of the first two")
    a1, a2 = np.array([1.0, 0.0, 0.0]), np.array([-0.5, 0.5 * np.sqrt(3.0), 0.0])
    c = np.array([0.0, 0.0, c_over_a])
    if not reciprocal:
        return np.asarray(
            (values[0] - values[2]) * a1 + (values[1] - values[2]) * a2 + values[3] * c
        )
    dual = np.linalg.inv(np.stack([a1, a2, c])).T
    return np.asarray(values[0] * dual[0] + values[1] * dual[1] + values[3] * dual[2])


def two_dimensional_pair() -> SlipSystems:
    """Two orthogonal systems in the plane z = 0: s = (1, 0), m = (0, 1), and the other way round.

    The paper prints s = (0, 1), m = (0, -1) for the second, which is no slip system.
    """
    x, y = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    return SlipSystems(np.stack([x, y]), np.stack([y, x]), np.array([0, 0]), ("plane",), (False,))


def fcc() -> SlipSystems:
    """The twelve systems <110>{111} of a face-centred cubic crystal."""
    pairs = []
    for plane in ((1, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -1)):
        for direction in ((0, 1, -1), (1, 0, -1), (1, -1, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)):
            if not np.dot(plane, direction):
                pairs.append((direction, plane))
    return miller_systems({"octahedral": pairs})


def hcp(c_over_a: float = 1.624) -> SlipSystems:
    """Systems of a hexagonal crystal: basal 3, prismatic 3, pyramidal II 6, tension twin 6.

    <2-1-10>{0001}, <2-1-10>{01-10}, <11-23>{11-22} and <-1011>{10-12}. The twin's direction is
    that in which it shears; it stretches c.

    Parameters
    ----------
    c_over_a : float
        Of magnesium by default; below sqrt(3), where the twin stretches c.
    """
    check_number("c_over_a", c_over_a, above=0.0, below=float(np.sqrt(3.0)))
    a = [(2, -1, -1, 0), (-1, 2, -1, 0), (-1, -1, 2, 0)]
    planes = [(0, 1, -1, 0), (-1, 0, 1, 0), (1, -1, 0, 0)]
    second = [
        (1, 1, -2, 2), (-1, 2, -1, 2), (-2, 1, 1, 2), (-1, -1, 2, 2), (1, -2, 1, 2), (2, -1, -1, 2)
    ]  # fmt: skip
    twin = [
        (1, 0, -1, 2), (0, 1, -1, 2), (-1, 1, 0, 2), (-1, 0, 1, 2), (0, -1, 1, 2), (1, -1, 0, 2)
    ]  # fmt: skip
    return miller_systems(
        {
            "basal": [(s, (0, 0, 0, 1)) for s in a],
            "prismatic": list(zip(a, planes, strict=True)),
            "pyramidal": [((-h, -k, -i, 3), (h, k, i, m)) for h, k, i, m in second],
        },
        {"tension twin": [((-h, -k, -i, 1), (h, k, i, m)) for h, k, i, m in twin]},
        c_over_a,
    )


def tension_twin_shear(c_over_a: float) -> float:
    """Shear of the tension twin, (3 - (c/a)^2) / (sqrt(3) c/a); 0.1289 in magnesium."""
    check_number("c_over_a", c_over_a, above=0.0)
    return float((3.0 - c_over_a**2) / (np.sqrt(3.0) * c_over_a))
