"""Strain paths to sample a material with: random ones, and those that a reader knows.

A random path is a walk that a cubic Hermite interpolation makes smooth [1]_. The time T is divided
into N intervals dt_n, and at the end of each

    x_n = x_{n-1} + nu U_max sqrt(dt_n / T),    nu = +1 or -1,

with a sign of its own for each component; so each has the standard deviation U_max at the end. By
the paper's measure, "stretch", x are the components U_ij, i <= j, starting at U = I. Such a walk
may reach a stretch that turns matter inside out, against which the paper does not say what it
does. Here a path is drawn again, whole and from the same stream of random numbers, until the least
eigenvalue of U is above a bound at 2001 even times, whatever the steps; `rejected_share` says how
many are lost, which is how far the distribution is no longer that of the walk. By the measure
"logarithm", x are the components of log(U/J^(1/d)) in an orthonormal basis of symmetric tensors
without trace: that is all that stress depends on but for a formula, and no path is rejected.

Three more things are not printed. The intervals are either all T/N, or random: a shortest one,
and of what it leaves a share that is even over all divisions. Slopes at the knots are, by default,
those of the monotone interpolant of Fritsch and Carlson [2]_, which never leaves the range of its
knots; or those of the parabola through three knots.

References
----------
.. [1] B. Liu, N. Kovachki, Z. Li, K. Azizzadenesheli, A. Anandkumar, A. M. Stuart and
   K. Bhattacharya, J. Mech. Phys. Solids 158 (2022) 104668, section 3.1.
.. [2] F. N. Fritsch and R. E. Carlson, SIAM J. Numer. Anal. 17 (1980) 238.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice, check_integer, check_number, real_array
from nlbook.crystals.response import StrainPath
from nlbook.parallel import seed_sequence, task_seed

__all__ = [
    "Intervals",
    "Measure",
    "PathRule",
    "Slopes",
    "cavity_path",
    "draw_strain_path",
    "load_unload_path",
    "rejected_share",
    "rotated_path",
    "sample_strain_paths",
    "shear_path",
    "uniaxial_path",
]

#: how the intervals of a path are drawn
Intervals = Literal["random", "fixed"]
#: in what a path is a cubic
Measure = Literal["stretch", "logarithm"]
#: how slopes at the knots are chosen
Slopes = Literal["monotone", "parabola"]

IMPACT_TIME = 2e-5  # s, of the paper's impacts; a rate of 1e5/s belongs to it
_LOOKS = 2001  # even times at which U is looked at
_MOST_DRAWS = 10_000  # of one path, before the rule is said to be hopeless


@dataclass(frozen=True)
class PathRule:
    """How random strain paths are drawn; see `nlbook.crystals.strain_paths`."""

    #: U_max, standard deviation of each component at the end
    largest_strain: float = 0.1
    #: T, s
    duration: float = IMPACT_TIME
    #: steps of equal length along the path
    n_steps: int = 200
    #: N, intervals of the walk
    n_intervals: int = 10
    #: "random" or "fixed" lengths of the intervals
    intervals: Intervals = "random"
    #: shortest random interval, in mean intervals T/N
    shortest: float = 0.2
    #: "stretch" for the paper's walk of U, "logarithm" for one of log(U/J^(1/d))
    measure: Measure = "stretch"
    #: "monotone" or "parabola"
    slopes: Slopes = "monotone"
    #: a path whose least eigenvalue of U is not above this is drawn again
    least_stretch: float = 0.1
    #: d, 3 or 2
    dimension: int = 3

    def __post_init__(self) -> None:
        check_number("largest_strain", self.largest_strain, above=0.0)
        check_number("duration", self.duration, above=0.0)
        check_integer("n_steps", self.n_steps, 1)
        check_integer("n_intervals", self.n_intervals, 1)
        check_choice("intervals", self.intervals, get_args(Intervals))
        check_number("shortest", self.shortest, least=0.0, most=1.0)
        check_choice("measure", self.measure, get_args(Measure))
        check_choice("slopes", self.slopes, get_args(Slopes))
        check_number("least_stretch", self.least_stretch, least=0.0, below=1.0)
        check_integer("dimension", self.dimension, 2, 3)


def draw_strain_path(
    seed: int | Sequence[int], rule: PathRule | None = None
) -> tuple[StrainPath, int]:
    """One random strain path, and how many were rejected before it.

    Parameters
    ----------
    seed : int or tuple of int
        As `nlbook.parallel.task_seed` makes them.
    rule : PathRule, optional
        By default the paper's, with random intervals and U_max of 0.1.

    Returns
    -------
    path : StrainPath
        At the start and after each of n_steps steps.
    n_rejected : int

    Raises
    ------
    ValueError
        If so many paths are rejected that none can be hoped for.
    """
    rule = PathRule() if rule is None else rule
    generator = np.random.default_rng(seed_sequence(seed))
    times = np.linspace(0.0, rule.duration, rule.n_steps + 1)
    for n_rejected in range(_MOST_DRAWS):
        walk = _walk(generator, rule)
        if _admissible(walk, rule):
            return StrainPath(times, _stretch(walk(times / rule.duration), rule)), n_rejected
    raise ValueError(
        f"largest_strain must be less: of {_MOST_DRAWS} paths with {rule.largest_strain:g} none "
        f"kept its stretches above least_stretch, {rule.least_stretch:g}"
    )


def sample_strain_paths(
    n_paths: int, seed: int | Sequence[int], rule: PathRule | None = None
) -> list[StrainPath]:
    """Random strain paths; path k depends on the seed, k and the rule alone.

    Parameters
    ----------
    n_paths : int
        At least 1.
    seed, rule
        See `draw_strain_path`; path k has the seed ``task_seed(seed, k)``.

    Returns
    -------
    list of StrainPath
    """
    check_integer("n_paths", n_paths, 1)
    return [draw_strain_path(task_seed(seed, k), rule)[0] for k in range(n_paths)]


def rejected_share(n_paths: int, seed: int | Sequence[int], rule: PathRule | None = None) -> float:
    """Share of the drawn paths that are rejected, from as many draws as `n_paths` paths need."""
    check_integer("n_paths", n_paths, 1)
    rejected = sum(draw_strain_path(task_seed(seed, k), rule)[1] for k in range(n_paths))
    return rejected / (rejected + n_paths)


def uniaxial_path(
    strain: float, *, duration: float = IMPACT_TIME, n_steps: int = 200, dimension: int = 3
) -> StrainPath:
    """U_11 = f, U_22 = 1/f with f = 1 + strain t/T.

    Parameters
    ----------
    strain : float
        At the end; above -1. The paper prints f = ct, which starts with no volume.
    duration : float
        T, s.
    n_steps : int
        Steps of equal length.
    dimension : int
        3 or 2.

    Returns
    -------
    StrainPath
    """
    check_number("strain", strain, above=-1.0)
    clock = _clock(duration, n_steps)
    return _stretched(1.0 + strain * clock, duration, dimension)


def load_unload_path(
    strain: float, *, duration: float = IMPACT_TIME, n_steps: int = 200, dimension: int = 3
) -> StrainPath:
    """As `uniaxial_path` with f = 1 + strain t/T in the first half, and back to 1 in the second.

    The paper prints c(t - 1/2) for the second half, which jumps.
    """
    check_number("strain", strain, above=-2.0)
    clock = _clock(duration, n_steps)
    return _stretched(1.0 + strain * np.minimum(clock, 1.0 - clock), duration, dimension)


def cavity_path(
    strain: float, *, duration: float = IMPACT_TIME, n_steps: int = 200, dimension: int = 3
) -> StrainPath:
    """U_11 = 1/U_22 = 1/sqrt(1 + c (t/T)^2), as beside a cavity that opens.

    Parameters
    ----------
    strain : float
        c, above -1.
    duration, n_steps, dimension
        See `uniaxial_path`.
    """
    check_number("strain", strain, above=-1.0)
    clock = _clock(duration, n_steps)
    return _stretched(1.0 / np.sqrt(1.0 + strain * clock**2), duration, dimension)


def shear_path(
    strain: float, *, duration: float = IMPACT_TIME, n_steps: int = 200, dimension: int = 3
) -> StrainPath:
    """Stretch of simple shear, U^2 = F^T F with F = I + strain t/T e_1 (x) e_2.

    Parameters
    ----------
    strain : float
        Shear at the end.
    duration, n_steps, dimension
        See `uniaxial_path`.
    """
    check_number("strain", strain)
    check_integer("dimension", dimension, 2, 3)
    clock = _clock(duration, n_steps)
    gradient = np.tile(np.eye(dimension), (len(clock), 1, 1))
    gradient[:, 0, 1] = strain * clock
    values, vectors = np.linalg.eigh(np.swapaxes(gradient, 1, 2) @ gradient)
    return StrainPath(duration * clock, _of_values(np.sqrt(values), vectors))


def rotated_path(path: StrainPath, rotation: ArrayLike) -> StrainPath:
    """The same load on a sample turned: R U R^T.

    Raises
    ------
    ValueError
        If the matrix is no rotation of the path's dimension.
    """
    turn = real_array("rotation", rotation, ndim=2)
    n = path.stretch.shape[1]
    if turn.shape != (n, n):
        raise ValueError(f"rotation must have shape ({n}, {n}), got {turn.shape}")
    if np.abs(turn.T @ turn - np.eye(n)).max() > 1e-9 or np.linalg.det(turn) < 0:
        raise ValueError("rotation must be orthogonal, with determinant 1")
    return StrainPath(path.times, turn @ path.stretch @ turn.T)


def _clock(duration: float, n_steps: int) -> NDArray[np.float64]:
    """t/T at the start and after each step."""
    check_number("duration", duration, above=0.0)
    check_integer("n_steps", n_steps, 1)
    return np.linspace(0.0, 1.0, n_steps + 1)


def _stretched(f: NDArray[np.float64], duration: float, dimension: int) -> StrainPath:
    """U_11 = f and U_22 = 1/f, the rest as it was."""
    check_integer("dimension", dimension, 2, 3)
    stretch = np.tile(np.eye(dimension), (len(f), 1, 1))
    stretch[:, 0, 0], stretch[:, 1, 1] = f, 1.0 / f
    return StrainPath(np.linspace(0.0, duration, len(f)), stretch)


def _walk(
    generator: np.random.Generator, rule: PathRule
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Components of one smooth walk as a function of t/T."""
    from scipy.interpolate import CubicHermiteSpline, PchipInterpolator

    n, d = rule.n_intervals, rule.dimension
    n_components = d * (d + 1) // 2 - (rule.measure == "logarithm")
    lengths = np.full(n, 1.0 / n)
    if rule.intervals == "random":
        lengths = (rule.shortest + (1 - rule.shortest) * n * generator.dirichlet(np.ones(n))) / n
    signs = generator.choice([-1.0, 1.0], size=(n, n_components))
    steps = signs * rule.largest_strain * np.sqrt(lengths)[:, np.newaxis]
    knots = np.concatenate([[0.0], np.cumsum(lengths)])
    knots[-1] = 1.0
    values = np.concatenate([np.zeros((1, n_components)), np.cumsum(steps, axis=0)])
    if rule.slopes == "parabola" and n > 1:
        slopes = np.gradient(values, knots, axis=0, edge_order=2)
        return CubicHermiteSpline(knots, values, slopes)
    return PchipInterpolator(knots, values)


def _admissible(walk: Callable[[NDArray[np.float64]], NDArray[np.float64]], rule: PathRule) -> bool:
    if rule.measure == "logarithm":
        return True
    looks = _stretch(walk(np.linspace(0.0, 1.0, _LOOKS)), rule)
    return bool(np.min(np.linalg.eigvalsh(looks)) > rule.least_stretch)


def _stretch(components: NDArray[np.float64], rule: PathRule) -> NDArray[np.float64]:
    """U of the components of a walk, shape (n_times, d, d)."""
    if rule.measure == "stretch":
        strain = np.tensordot(components, _symmetric_basis(rule.dimension), axes=1)
        return np.asarray(np.eye(rule.dimension) + strain)
    strain = np.tensordot(components, _traceless_basis(rule.dimension), axes=1)
    logarithms, vectors = np.linalg.eigh(strain)
    return _of_values(np.exp(logarithms), vectors)


def _of_values(values: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Symmetric tensors of their eigenvalues and eigenvectors."""
    return np.asarray((vectors * values[:, np.newaxis, :]) @ np.swapaxes(vectors, 1, 2))


def _symmetric_basis(d: int) -> NDArray[np.float64]:
    """Tensors that have one component i <= j, and its mirror, shape (d (d + 1) / 2, d, d)."""
    basis = []
    for i in range(d):
        for j in range(i, d):
            tensor = np.zeros((d, d))
            tensor[i, j] = tensor[j, i] = 1.0
            basis.append(tensor)
    return np.array(basis)


def _traceless_basis(d: int) -> NDArray[np.float64]:
    """Orthonormal symmetric tensors without trace, shape (d (d + 1) / 2 - 1, d, d)."""
    basis = [
        tensor / np.linalg.norm(tensor) for tensor in _symmetric_basis(d) if np.trace(tensor) == 0
    ]
    for k in range(1, d):
        diagonal = np.concatenate([np.ones(k), [-k], np.zeros(d - k - 1)])
        basis.append(np.diag(diagonal / np.linalg.norm(diagonal)))
    return np.array(basis)
