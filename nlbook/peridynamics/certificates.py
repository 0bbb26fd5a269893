"""Where a learned solid is stable: on which grids, on which points, in the continuum; in words.

A kernel that changes sign can be stable on the grid that it was learned on and nowhere else. Stable
means that L is positive but for rigid motions, so that each load has one displacement. Each
certificate holds three numbers, for waves of every wavevector k that it speaks of, relative to
mu w(k), which is the stiffness of the local solid in shear, w(k) = |k|**2, for waves of two
horizons and more, and that at two horizons for shorter ones:

- of L itself, with the solid's lambda and mu;
- of its bonds, Gamma, and of Gamma - 2 g g^T/mu: where the two are not negative the kernel is
  stable with every mu > 0 and lambda + mu > 0 (`nlbook.peridynamics.solvability`).

On a grid these are values, one for each wave that fits, less their rounding. On a lattice without
end and in the continuum they are lower bounds over all wavevectors (`nlbook.peridynamics.bounds`,
`nlbook.peridynamics.continuum_bounds`). What comes within rounding of zero is told as undecided. A
set D of a lattice's points with the rest held has it from any periodic box of the lattice in which
D and what it reaches don't meet their images. With
L >= l on the box's fields of mean zero, and a u that vanishes outside of D, whose mean holds a
share of at most |D|/|box| of its square,

    u . L u >= l (1 - |D|/|box|) u . u.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from nlbook.checks import check_number
from nlbook.kernels import BernsteinKernel, PowerLawKernel
from nlbook.peridynamics.blocks import joined
from nlbook.peridynamics.bounds import Bound, least_stiffness
from nlbook.peridynamics.continuum import bernstein_form
from nlbook.peridynamics.continuum_bounds import least_stiffness_of_continuum
from nlbook.peridynamics.grids import PeriodicGrid, PointSet
from nlbook.peridynamics.solid import LinearPeridynamicSolid, check_solid

__all__ = [
    "PointsCertificate",
    "WaveCertificate",
    "certify_continuum",
    "certify_grid",
    "certify_lattice",
    "certify_points",
]

# Closer than this to the least value, relative to mu w, a bound is good enough.
_GAP = 1e-3
# Rounding of an eigenvalue, relative to the sum of the sizes of what it is made of.
_ROUNDING = 1e-12
# How much larger than the smallest possible the boxes around a set of points are that are tried.
_BOXES = (1.0, 1.1, 1.2, 1.4, 1.7, 2.0)
# Nodes inside up to which the eigenvalues of a set of points are taken as well: two seconds.
_DENSE = 700


@dataclass(frozen=True)
class WaveCertificate:
    """The stiffness of all waves of a grid, a lattice or the continuum, relative to mu w(k)."""

    scope: Literal["grid", "lattice", "continuum"]  #: which waves it speaks of
    subject: str  #: the same in words
    stiffness: Bound  #: of L
    bonds: Bound  #: of Gamma
    cauchy_schwarz: Bound  #: of Gamma - 2 g g^T/mu

    @property
    def holds(self) -> bool | None:
        """Whether the solid is stable, by proof; None if neither it nor its opposite is proven.

        What is within rounding of zero proves neither.
        """
        return self.stiffness.positive

    @property
    def any_moduli(self) -> bool | None:
        """Whether its kernel is stable with every mu > 0 and lambda + mu > 0."""
        if self.bonds.positive is False or self.cauchy_schwarz.positive is False:
            return False
        if self.bonds.lower > 0 and self.cauchy_schwarz.lower >= 0:
            return True
        return None

    def words(self) -> str:
        """The certificate in a few sentences."""
        bound, at = self.stiffness, _wave(self.stiffness)
        if self.holds is None and bound.within_rounding:
            return (
                f"Undecided within rounding on {self.subject}: {at} have a stiffness of "
                f"{bound.found:.1g} times the local solid's in shear, which is known to "
                f"{bound.rounding:.1g}."
            )
        if self.holds is None:
            return (
                f"Undecided on {self.subject}: the least stiffness met is {bound.found:.3g} of the "
                f"local solid's in shear, the proven bound {bound.lower:.3g}."
            )
        if not self.holds:
            return (
                f"Unstable on {self.subject}: {at} have a stiffness of {bound.found:.3g} times the "
                f"local solid's in shear."
            )
        told = (
            f"Stable on {self.subject}: every wave has at least {bound.lower:.3g} of the local "
            f"solid's stiffness in shear, the least near {at}."
        )
        return (
            told
            + {
                True: " The kernel is so with any lambda + mu > 0.",
                False: " With other moduli, lambda + mu > 0, the kernel would not be.",
                None: "",
            }[self.any_moduli]
        )


@dataclass(frozen=True)
class PointsCertificate:
    """The stiffness of a set of points with the rest held: least eigenvalues of L and of Gamma."""

    subject: str  #: in words
    n_inside: int  #: points that are free
    n_cut: int  #: points whose dilatation is needed and whose ball lacks points
    box: tuple[int, int] | None  #: nodes of the periodic box of the bound; None without a bound
    share: float  #: of the box's nodes that are free
    bound: float  #: no eigenvalue of L lies below, modulus/length**2; nan without a bound
    eigenvalue: float  #: the least of L (symmetric part) by dense eigenvalues; nan if too large
    rounding: float  #: what the eigenvalue may be off by; the bound has been lowered by its own

    @property
    def holds(self) -> bool | None:
        """Whether L is positive on the points, by the bound or else by the eigenvalue.

        Where L is not symmetric, on scattered points or with balls that are cut, an eigenvalue of
        its symmetric part below zero proves nothing: None. Nor does one within rounding of zero.
        """
        if self.bound > 0 or self.eigenvalue > self.rounding:
            return True
        return False if self.box is not None and self.eigenvalue < -self.rounding else None

    def words(self) -> str:
        """The certificate in a few sentences."""
        verdict = {True: "Stable", False: "Not stable", None: "Undecided"}[self.holds]
        if self.holds is None and abs(self.eigenvalue) <= self.rounding:
            verdict += " within rounding"
        told = f"{verdict} on {self.subject}."
        if self.box is not None:
            told += (
                f" By the waves of a periodic box of {self.box[0]} x {self.box[1]} nodes the least "
                f"eigenvalue is at least {self.bound:.3g}."
            )
        if not math.isnan(self.eigenvalue):
            of = "the matrix itself it" if self.box else "its symmetric part the least eigenvalue"
            told += f" By {of} is {self.eigenvalue:.3g}."
        if self.n_cut:
            told += f" Of {self.n_cut} points the ball lacks nodes, and L is not symmetric."
        return told


def certify_grid(solid: LinearPeridynamicSolid) -> WaveCertificate:
    """Of the waves of a periodic grid, all but the zero wavevector.

    Parameters
    ----------
    solid : LinearPeridynamicSolid
        On a periodic grid of more than one node.

    Returns
    -------
    WaveCertificate

    Raises
    ------
    ValueError
        If the grid is not periodic.
    """
    check_solid(solid)
    grid = solid.grid
    if not isinstance(grid, PeriodicGrid) or grid.n_nodes < 2:
        raise ValueError(f"grid must be periodic, of two nodes or more, got {grid!r}")
    k = grid.wavevectors[1:]
    gamma, g = (part[1:] for part in solid.symbol_parts())
    w = np.minimum((k**2).sum(axis=1), (math.pi / solid.kernel.horizon) ** 2)

    def least(kappa: float) -> Bound:
        stiffness = solid.shear_modulus * w
        values = np.linalg.eigvalsh(joined(gamma, g, kappa))[:, 0] / stiffness
        off = _rounding_of_symbols(solid, k, kappa) / stiffness
        at = int(np.argmin(values))
        place = (float(k[at, 0]), float(k[at, 1]))
        return Bound(float((values - off).min()), float(values[at]), place, float(off[at]))

    (n1, n2), (h1, h2) = grid.shape, grid.spacing
    subject = f"the periodic grid of {n1} x {n2} nodes {_apart(h1, h2)} apart"
    return WaveCertificate("grid", subject, *(least(kappa) for kappa in _kappas(solid)))


def certify_lattice(solid: LinearPeridynamicSolid) -> WaveCertificate:
    """Of all waves of a lattice, so of every periodic grid and set of points with its spacings.

    Parameters
    ----------
    solid : LinearPeridynamicSolid
        On a periodic grid or on points of a lattice.

    Returns
    -------
    WaveCertificate
        Its lower bounds are proofs but for rounding.

    Raises
    ------
    ValueError
        If the points are no lattice.
    """
    check_solid(solid)
    offsets, c = solid.lattice_coefficients()
    spacing, mu = solid.grid.spacing, solid.shear_modulus
    assert spacing is not None
    found = least_stiffness(
        offsets, c, _kappas(solid), spacing, solid.kernel.horizon, gap=_GAP * mu
    )
    subject = f"every grid with nodes {_apart(*spacing)} apart"
    return WaveCertificate("lattice", subject, *(_relative(bound, mu) for bound in found))


def certify_continuum(
    kernel: PowerLawKernel | BernsteinKernel, lame_lambda: float, shear_modulus: float
) -> WaveCertificate:
    """Of all waves of the whole plane, by exact integrals.

    Parameters
    ----------
    kernel : PowerLawKernel or BernsteinKernel
        Influence function, alpha below 3.
    lame_lambda, shear_modulus : float
        Moduli, mu positive.

    Returns
    -------
    WaveCertificate
        Its lower bounds are proofs but for rounding.

    Raises
    ------
    ValueError
        If alpha is 3 or more, m(delta) vanishes, or a number is not finite.
    """
    coefficients, alpha = bernstein_form(kernel)
    alpha = check_number("alpha", alpha, below=3)
    lame = check_number("lame_lambda", lame_lambda)
    mu = check_number("shear_modulus", shear_modulus, above=0)
    plain = BernsteinKernel(tuple(coefficients.tolist()), kernel.horizon, alpha)
    volume = plain.moment(2, dimension=2)
    size = BernsteinKernel(tuple(np.abs(coefficients).tolist()), kernel.horizon, alpha)
    if abs(volume) <= 1e-12 * size.moment(2, dimension=2):
        raise ValueError("kernel must have a weighted volume m(delta) other than zero")
    scaled = BernsteinKernel(tuple((mu / volume * coefficients).tolist()), kernel.horizon, alpha)
    kappas = ((lame - mu) / mu**2, 0.0, -2 / mu)
    found = least_stiffness_of_continuum(scaled, kappas, gap=_GAP * mu)
    subject = f"the continuum of horizon {kernel.horizon:.4g}"
    return WaveCertificate("continuum", subject, *(_relative(bound, mu) for bound in found))


def certify_points(solid: LinearPeridynamicSolid) -> PointsCertificate:
    """Of a set of points with the displacement given outside.

    Parameters
    ----------
    solid : LinearPeridynamicSolid
        On a set of points. The bound is for lattices whose balls are all complete; up to 700
        points inside the least eigenvalue is computed as well.

    Returns
    -------
    PointsCertificate

    Raises
    ------
    ValueError
        If the solid is not on a set of points.
    """
    check_solid(solid)
    points = solid.grid
    if not isinstance(points, PointSet):
        raise ValueError("grid must be a PointSet; certify_grid takes a periodic grid")
    n_inside = int(points.inside.sum())
    box, share, bound = None, math.nan, math.nan
    if points.spacing is not None and solid.n_cut == 0:
        box, share, bound = _by_periodic_box(solid, points, points.spacing)
    eigenvalue = rounding = math.nan
    if n_inside <= _DENSE:
        free = np.flatnonzero(np.repeat(points.inside, 2))
        dense = solid.matrix()[:, free].toarray()
        eigenvalue = float(linalg.eigvalsh((dense + dense.T) / 2, subset_by_index=[0, 0])[0])
        rounding = _ROUNDING * float(np.abs(dense).sum(axis=1).max())
    kind = "scattered" if points.spacing is None else f"{_apart(*points.spacing)} apart"
    subject = f"{n_inside} points {kind} with those around them held"
    return PointsCertificate(
        subject, n_inside, solid.n_cut, box, share, bound, eigenvalue, rounding
    )


def _by_periodic_box(
    solid: LinearPeridynamicSolid, points: PointSet, spacing: tuple[float, float]
) -> tuple[tuple[int, int], float, float]:
    """The best of some boxes: its nodes, the share of them that is free, the bound."""
    steps = points.steps[points.inside]
    offsets, _ = solid.lattice_coefficients()
    reach = np.rint(np.abs(offsets).max(axis=0) / np.array(spacing)).astype(int)
    smallest = np.ptp(steps, axis=0) + 1 + 2 * reach
    found: list[tuple[float, tuple[int, int], float]] = []
    kappa = _kappas(solid)[0]
    for factor in _BOXES:
        n1, n2 = (math.ceil(factor * int(n)) for n in smallest)
        k = PeriodicGrid((n1, n2), spacing).wavevectors[1:]
        values = np.linalg.eigvalsh(joined(*solid.symbol_parts(k), kappa))[:, 0]
        least = float((values - _rounding_of_symbols(solid, k, kappa)).min())
        share = len(steps) / (n1 * n2)
        found.append((least * (1 - share) if least > 0 else least, (n1, n2), share))
    bound, box, share = max(found)
    return box, share, bound


def _rounding_of_symbols(
    solid: LinearPeridynamicSolid, wavevectors: NDArray[np.float64], kappa: float
) -> NDArray[np.float64]:
    """What eigenvalues of Gamma + kappa g g^T may be off by, (n_k,)."""
    offsets, c = solid.lattice_coefficients()
    k, r, size = np.hypot(*wavevectors.T), np.hypot(*offsets.T), np.abs(c)
    # of a sum the terms are at most 1 - cos x <= min(x**2/2, 2) and |sin x| <= min(x, 1)
    bonds = np.minimum(8 * k**2 * (size @ r**2), 32 * size.sum())
    g = np.minimum(2 * k * (size @ r**2), 2 * (size @ r))
    return np.asarray(_ROUNDING * (bonds + abs(kappa) * g**2))


def _kappas(solid: LinearPeridynamicSolid) -> tuple[float, float, float]:
    """Factors of g g^T in L, in Gamma, and in Gamma - 2 g g^T/mu."""
    mu = solid.shear_modulus
    return ((solid.lame_lambda - mu) / mu**2, 0.0, -2 / mu)


def _relative(bound: Bound, mu: float) -> Bound:
    return Bound(bound.lower / mu, bound.found / mu, bound.wavevector, bound.rounding / mu)


def _apart(h1: float, h2: float) -> str:
    return f"{h1:.4g}" if h1 == h2 else f"{h1:.4g} by {h2:.4g}"


def _wave(bound: Bound) -> str:
    """Which waves: by their length and direction."""
    k = math.hypot(*bound.wavevector)
    if k == 0:
        return "the longest waves"
    angle = math.degrees(math.atan2(bound.wavevector[1], bound.wavevector[0]))
    return f"waves of length {2 * math.pi / k:.4g} at {angle:.0f} degrees"
