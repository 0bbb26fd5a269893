"""Training pairs from Darcy flow through layers, averaged over the layers.

    d/dx (-kappa(x) du/dx) = f(x) on a ring,   kappa alternating between layers of width L,

section 6 of [1]_. Solved by linear finite elements whose nodes stand at the layers' ends: in one
dimension their values are those of the exact solution. Both u and f are then averaged over a
period 2L of the layers, and pairs of averages are what a nonlocal model without layers is learned
from.

**What the average must be.** The paper's averages are constant on blocks of length 2L, and the 500
points of the fit see staircases. A *moving* average over 2L is smooth, and makes the answer known:
the flux F of a forcing exp(i q x) is proportional to it, and the mean of F/kappa over any period
of the layers has at wavenumber q exactly the mean of 1/kappa times that of F. So the average of u
obeys -kappa* u'' = f at q, with the harmonic mean kappa*, for *every* q; what the layers add to it
lies at other wavenumbers. The moving average is the default here, blocks are an option.

**What the forcing must be.** sin(2 pi x / lambda) with lambda uniform on [lambda_min, length] is
neither periodic nor of mean zero. By default a wavelength is rounded so that a whole number of
waves fits; "continuous" keeps it, takes the mean out, and leaves a jump at the ring's seam.

References
----------
.. [1] H. You, Y. Yu, N. Trask, M. Gulian, M. D'Elia, Comput. Methods Appl. Mech. Eng. 374 (2021)
   113553.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse import linalg

from nlbook.checks import check_choice, check_integer, check_number, real_array
from nlbook.identification.pairs.random_series import uniform_numbers
from nlbook.identification.pairs.training_pairs import TrainingPairs

__all__ = ["DarcyMedium", "darcy_pairs", "darcy_response", "solve_darcy"]

Array = NDArray[np.float64]
Average = Literal["moving", "block"]
Forcing = Literal["whole", "continuous"]


@dataclass(frozen=True)
class DarcyMedium:
    """Layers of alternating conductivity on a ring, and the mesh; the defaults are the paper's.

    Examples
    --------
    >>> DarcyMedium().harmonic_mean
    1.6
    """

    length: float = 10.0  #: of the ring
    layer: float = 0.1  #: L, width of a layer, length
    conductivities: tuple[float, float] = (1.0, 4.0)  #: of the layers by turns, length**2 / time
    elements_per_layer: int = 16  #: linear elements

    def __post_init__(self) -> None:
        check_number("length", self.length, above=0)
        check_number("layer", self.layer, above=0, below=self.length)
        pairs = self.length / (2 * self.layer)
        if abs(pairs - round(pairs)) > 1e-9 * pairs:
            raise ValueError(
                f"length must be a whole number of pairs of layers, got {self.length!r} for "
                f"layer={self.layer!r}"
            )
        given = real_array("conductivities", self.conductivities, ndim=1)
        if given.size != 2 or not np.all(given > 0):
            raise ValueError(
                f"conductivities must be two positive numbers, got {self.conductivities!r}"
            )
        check_integer("elements_per_layer", self.elements_per_layer, 1)

    @property
    def n_elements(self) -> int:
        """Elements, and nodes, on the ring."""
        return 2 * round(self.length / (2 * self.layer)) * self.elements_per_layer

    @property
    def harmonic_mean(self) -> float:
        """Conductivity of slow flow."""
        first, second = self.conductivities
        return 2 * first * second / (first + second)


def darcy_pairs(
    shortest: float = 1.0,
    n_samples: int = 1000,
    seed: int | Sequence[int] | np.random.SeedSequence = 0,
    medium: DarcyMedium | None = None,
    *,
    n_nodes: int = 500,
    average: Average = "moving",
    forcing: Forcing = "whole",
    first: int = 0,
) -> TrainingPairs:
    """Averages of flow under waves of random length.

    Parameters
    ----------
    shortest : float
        lambda_min: wavelengths are uniform between it and the length of the ring.
    n_samples : int
        Number of pairs.
    seed : int, sequence of int or SeedSequence
        Of the wavelengths.
    medium : DarcyMedium, optional
        Layers and mesh.
    n_nodes : int
        Points on the ring at which averages are kept.
    average : "moving" or "block"
        Mean over a period of the layers about each node, or over fixed blocks of that length.
    forcing : "whole" or "continuous"
        Wavelengths rounded to whole numbers of waves, or left, with the mean taken out.
    first : int
        Number of the first sample.

    Returns
    -------
    TrainingPairs
        Periodic.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    chosen = medium or DarcyMedium()
    shortest = check_number("shortest", shortest, above=0, below=chosen.length)
    numbers = uniform_numbers(seed, first, n_samples, 1)[:, 0]
    wavelengths = shortest + (chosen.length - shortest) * numbers
    return darcy_response(wavelengths, chosen, n_nodes=n_nodes, average=average, forcing=forcing)


def darcy_response(
    wavelengths: ArrayLike,
    medium: DarcyMedium | None = None,
    *,
    n_nodes: int = 500,
    average: Average = "moving",
    forcing: Forcing = "whole",
) -> TrainingPairs:
    """Averages of flow under waves of given length: the test problems of the paper.

    Parameters
    ----------
    wavelengths : array_like, shape (n,)
        lambda of the forcings sin(2 pi x / lambda), length.
    medium, n_nodes, average, forcing
        As in `darcy_pairs`.

    Returns
    -------
    TrainingPairs
        Periodic; averages of u, which has mean zero, and of f.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    chosen = medium or DarcyMedium()
    check_choice("average", average, ("moving", "block"))
    n_nodes = check_integer("n_nodes", n_nodes, 3)
    wavenumbers = _wavenumbers(wavelengths, chosen, forcing)
    nodal = _solve(wavenumbers, chosen)
    window = 2 * chosen.layer
    x = chosen.length / n_nodes * np.arange(n_nodes)
    low = x - chosen.layer if average == "moving" else window * np.floor(x / window + 1e-9)
    ends = np.mod([low, low + window], chosen.length)
    u = np.diff(_integral_of_solution(nodal, ends, chosen), axis=1)[:, 0] / window
    f = np.diff(_integral_of_forcing(wavenumbers, ends, chosen), axis=1)[:, 0] / window
    return TrainingPairs(
        u, f, chosen.length / n_nodes, "periodic", name=f"Darcy flow, {average} average"
    )


def solve_darcy(
    wavelengths: ArrayLike, medium: DarcyMedium | None = None, *, forcing: Forcing = "whole"
) -> Array:
    """Solutions at the nodes of the mesh, before any average.

    Parameters
    ----------
    wavelengths : array_like, shape (n,)
        lambda of the forcings sin(2 pi x / lambda), length.
    medium, forcing
        As in `darcy_pairs`.

    Returns
    -------
    ndarray, shape (n, n_elements)
        At the places 0, h, 2h, ..., with mean zero.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    chosen = medium or DarcyMedium()
    return _solve(_wavenumbers(wavelengths, chosen, forcing), chosen)


def _wavenumbers(wavelengths: ArrayLike, medium: DarcyMedium, forcing: str) -> Array:
    check_choice("forcing", forcing, ("whole", "continuous"))
    values = np.atleast_1d(real_array("wavelengths", wavelengths))
    if values.ndim != 1 or not values.size or not np.all((values > 0) & (values <= medium.length)):
        raise ValueError(
            f"wavelengths must be positive, at most {medium.length:g}, got {wavelengths!r}"
        )
    waves = medium.length / values
    return 2 * np.pi / medium.length * (np.round(waves) if forcing == "whole" else waves)


def _mean(wavenumbers: Array, medium: DarcyMedium) -> Array:
    """Of sin(q x) over the ring."""
    return np.asarray((1 - np.cos(wavenumbers * medium.length)) / (wavenumbers * medium.length))


def _solve(wavenumbers: Array, medium: DarcyMedium) -> Array:
    n = medium.n_elements
    h = medium.length / n
    layers = np.arange(n) // medium.elements_per_layer % 2
    stiffness = np.asarray(medium.conductivities)[layers] / h
    before = np.roll(stiffness, 1)
    matrix = sparse.diags_array(
        [-stiffness[-1:], -stiffness[:-1], before + stiffness, -stiffness[:-1], -stiffness[-1:]],
        offsets=[-(n - 1), -1, 0, 1, n - 1],
        format="csc",
    )
    # Integrals of the forcing, less its mean, times the falling and the rising hat of each element.
    q = wavenumbers[:, np.newaxis]
    left, right = h * np.arange(n), h * np.arange(1, n + 1)
    whole = (np.cos(q * left) - np.cos(q * right)) / q
    rising = -np.cos(q * right) / q + (np.sin(q * right) - np.sin(q * left)) / (q**2 * h)
    load = whole - rising + np.roll(rising, 1, axis=1) - h * _mean(q, medium)
    u = np.zeros((wavenumbers.size, n))
    u[:, 1:] = linalg.splu(matrix[1:, 1:]).solve(load[:, 1:].T).T  # constants are free: u = 0 at 0
    return np.asarray(u - u.mean(axis=1, keepdims=True))


def _integral_of_solution(nodal: Array, x: Array, medium: DarcyMedium) -> Array:
    """From 0 to each x of the ring, of the piecewise linear function; periodic."""
    n = nodal.shape[1]
    h = medium.length / n
    following = np.roll(nodal, -1, axis=1)
    steps = np.cumsum(h * (nodal + following) / 2, axis=1)
    at_nodes = np.concatenate([np.zeros((nodal.shape[0], 1)), steps[:, :-1]], axis=1)
    element = np.minimum((x / h).astype(int), n - 1)
    t = x / h - element
    here, rise = nodal[:, element], following[:, element] - nodal[:, element]
    return np.asarray(at_nodes[:, element] + h * (here * t + rise * t**2 / 2))


def _integral_of_forcing(wavenumbers: Array, x: Array, medium: DarcyMedium) -> Array:
    """From 0 to each x of the ring, of sin(q x) less its mean; periodic."""
    q = wavenumbers[:, np.newaxis, np.newaxis]
    return np.asarray((1 - np.cos(q * x)) / q - _mean(q, medium) * x)
