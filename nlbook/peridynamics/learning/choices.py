"""What can be asked of a learned peridynamic solid, and how: small objects with their settings.

``Solvable()``
    The sufficient conditions of the paper [1]_ for a solid that can be solved for, with an
    influence function of any sign, on a set of wavevectors finer than the grid's own.
``Nonnegative()``
    No Bernstein coefficient is negative: the paper's prediction step.
``FreeLongWaves()``, ``ExactLongWaves(lame_lambda, shear_modulus)``
    Whether lambda and mu are learned with the rest, or the waves longer than everything else move
    as given moduli say, in every direction.
``GridQuadrature()``, ``ExactIntegrals()``
    Whether the integrals are the least-norm sums over the nodes of the data, as in the paper, or
    exact, so that what is learned does not hang on a grid.
``GaussNewton()``, ``Adam()``
    Exactly, from several starts, or by the paper's Algorithm 1, to compare with.

References
----------
.. [1] H. You, Y. Yu, S. Silling, M. D'Elia, Comput. Methods Appl. Mech. Eng. 389 (2022) 114400.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from nlbook.checks import check_integer, check_number

__all__ = [
    "Adam",
    "Constraint",
    "ExactIntegrals",
    "ExactLongWaves",
    "FreeLongWaves",
    "GaussNewton",
    "GridQuadrature",
    "LongWaves",
    "Nonnegative",
    "QuadratureChoice",
    "Solvable",
    "Solver",
    "check_kind",
]


@dataclass(frozen=True)
class Solvable:
    """Gamma >= coercivity mu q I, and Gamma - 2 g g^T/mu >= reserve mu q I, at many wavevectors.

    q(k) = min(|k|**2, 4/h**2), h the nominal spacing of the data. The reserve, which costs some
    hundred-thousandths of the loss, is for the wavevectors between those that are looked at. On
    several grids the weighted volumes m(delta) of the kernel, sums for one and the same integral,
    must not differ by more than `volume_ratio`: without a bound, a part of the kernel that the
    coarse grid doesn't see grows until the fine grid sees nothing else.
    """

    coercivity: float = 1e-4  #: least eigenvalue of Gamma over mu q(k)
    reserve: float = 2e-3  #: least eigenvalue of Gamma - 2 g g^T/mu over mu q(k)
    refinement: int = 4  #: wavevectors lie that many times closer than the grid's, along each axis
    volume_ratio: float = 4.0  #: of hybrid data: largest m(delta) on a grid over that on the first

    def __post_init__(self) -> None:
        check_number("coercivity", self.coercivity, above=0, below=1)
        check_number("reserve", self.reserve, least=0, below=1)
        check_number("volume_ratio", self.volume_ratio, above=1)
        check_integer("refinement", self.refinement, 1, 16)


@dataclass(frozen=True)
class Nonnegative:
    """No Bernstein coefficient is negative, so that the continuum's solid is well-posed."""


@dataclass(frozen=True)
class FreeLongWaves:
    """Moduli are learned with the rest; on a grid those of long waves may differ from them."""


@dataclass(frozen=True)
class ExactLongWaves:
    """Waves much longer than the horizon move as given moduli say, on the grid of the data.

    Examples
    --------
    >>> ExactLongWaves.of_moduli(youngs_modulus=1.22, poisson_ratio=-0.16)
    ExactLongWaves(lame_lambda=-0.2003..., shear_modulus=0.7261...)
    """

    lame_lambda: float  #: of plane stress, in the unit of the loads times length squared
    shear_modulus: float  #: mu, in the same unit

    def __post_init__(self) -> None:
        mu = check_number("shear_modulus", self.shear_modulus, above=0)
        value = check_number("lame_lambda", self.lame_lambda)
        if not value + mu > 0:
            raise ValueError(
                f"lame_lambda must exceed minus the shear modulus {mu:g}, got {value!r}: the area "
                f"would grow under pressure"
            )
        object.__setattr__(self, "shear_modulus", mu)
        object.__setattr__(self, "lame_lambda", value)

    @classmethod
    def of_moduli(cls, youngs_modulus: float, poisson_ratio: float) -> ExactLongWaves:
        """From Young's modulus E and Poisson's ratio nu of plane stress, -1 < nu < 1."""
        stiffness = check_number("youngs_modulus", youngs_modulus, above=0)
        ratio = check_number("poisson_ratio", poisson_ratio, above=-1, below=1)
        mu = stiffness / (2 * (1 + ratio))
        return cls(2 * mu * ratio / (1 - ratio), mu)


@dataclass(frozen=True)
class GridQuadrature:
    """Least-norm sums over the nodes of each grid of the data: the paper's discrete solid."""


@dataclass(frozen=True)
class ExactIntegrals:
    """Integrals over the plane, by Bessel functions; constraints hold up to a wavenumber."""

    largest_wavenumber: float = 60.0  #: up to which constraints hold, times the horizon
    n_wavenumbers: int = 1200  #: from zero to there

    def __post_init__(self) -> None:
        check_number("largest_wavenumber", self.largest_wavenumber, least=5.0)
        check_integer("n_wavenumbers", self.n_wavenumbers, 20)


@dataclass(frozen=True)
class GaussNewton:
    """Conic programmes in which the square of the dilatation is linearised, from several starts."""

    starts: int = 4  #: influence functions to start from: a constant one, then random ones
    seed: int = 0  #: of the random ones
    most_steps: int = 60  #: conic programmes from each start
    tolerance: float = 1e-9  #: decrease of the loss, of its own size, at which it ends

    def __post_init__(self) -> None:
        check_integer("starts", self.starts, 1)
        check_integer("seed", self.seed, 0)
        check_integer("most_steps", self.most_steps, 1)
        check_number("tolerance", self.tolerance, above=0, below=1)


@dataclass(frozen=True)
class Adam:
    """Algorithm 1 of the paper; the defaults are its numbers. `Nonnegative` is its first stage."""

    epochs: int = 2000  #: of the prediction step; the paper: 1000 to 2000
    epochs_correction: int = 500  #: of each step of the augmented Lagrangian
    rate: float = 1e-3  #: of Adam
    most_steps: int = 100  #: of the augmented Lagrangian
    penalty: float = 1.0  #: psi at first
    growth: float = 5.0  #: r1, by which psi grows
    progress: float = 0.25  #: r2: psi grows unless |H| falls below this share of what it was
    tolerance: float = 1e-8  #: epsilon: H at which it stops
    largest_penalty: float = 1e20  #: psi at which it gives up
    coercivity: float = 1e-5  #: zeta of (4.6), 1/length squared
    search_alpha: bool = False  #: learn alpha too, as the paper does, from the one that is given
    seed: int = 0  #: of the first coefficients

    def __post_init__(self) -> None:
        for name in ("epochs", "epochs_correction", "most_steps"):
            check_integer(name, getattr(self, name), 1)
        check_integer("seed", self.seed, 0)
        for name in ("rate", "penalty", "tolerance", "largest_penalty", "coercivity"):
            check_number(name, getattr(self, name), above=0)
        check_number("growth", self.growth, least=1)
        check_number("progress", self.progress, above=0, below=1)
        if not isinstance(self.search_alpha, bool):
            raise ValueError(f"search_alpha must be True or False, got {self.search_alpha!r}")


#: What is asked of the influence function.
Constraint = Solvable | Nonnegative
#: What is asked of waves much longer than the horizon.
LongWaves = FreeLongWaves | ExactLongWaves
#: What the integrals are.
QuadratureChoice = GridQuadrature | ExactIntegrals
#: How the least loss is sought.
Solver = GaussNewton | Adam


def check_kind(name: str, value: Any, kinds: Any) -> None:
    """Refuse what is none of a union of kinds of objects, by name."""
    if not isinstance(value, kinds):
        names = ", ".join(f"{kind.__name__}(...)" for kind in get_args(kinds))
        raise ValueError(f"{name} must be one of {names}, got {value!r}")
