"""Training pairs on a ring, of operators known by their symbols.

An operator that does the same everywhere multiplies cos(k x) by its symbol s(k), see
`nlbook.identification.pairs.symbols`. Pairs of it are random series and need no solver: f = s u
mode by mode. The paper [1]_ draws the coefficients of u for its manufactured kernels (section 5),
and those of the right-hand side for the biharmonic equation (section 7), in both cases exp(-0.1
k**2) times a number uniform on [0, 1].

In (7.1), u_xx - c delta**2 u_xxxx = f, the left-hand side is *minus* what a diffusion operator
tends to. So these pairs hold u and -f.

The paper compares on 101 points of [0, 1], both ends, which on a ring are one: 100 nodes. (It
counts the first one twice, in effect.) A horizon of whole spacings makes one error fewer, and
`n_nodes` is there to choose one.

References
----------
.. [1] H. You, Y. Yu, N. Trask, M. Gulian, M. D'Elia, Comput. Methods Appl. Mech. Eng. 374 (2021)
   113553.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice, check_integer, check_number, real_array
from nlbook.identification.pairs.random_series import amplitudes, condensed, uniform_numbers
from nlbook.identification.pairs.symbols import biharmonic_symbol, symbol_values
from nlbook.identification.pairs.training_pairs import TrainingPairs
from nlbook.kernels import RadialKernel

__all__ = [
    "SeriesSettings",
    "biharmonic_pairs",
    "manufactured_pairs",
    "wave_pairs",
]

Array = NDArray[np.float64]
Seed = int | Sequence[int] | np.random.SeedSequence
Symbol = Callable[[Array], Array]

# Numbers k1 and k2 of the waves that are added to half of the mixed samples, equation (5.5).
_HIGH = tuple(range(5, 16))

# Amplitude from which on a wave needs two nodes; the paper's series are below it from mode 9 on.
_HEARD = 1e-3


@dataclass(frozen=True)
class SeriesSettings:
    """How random cosine series are drawn and sampled; the defaults are the paper's."""

    n_modes: int = 100  #: modes k = 0 .. n_modes of the series
    decay: float = 0.1  #: alpha of (5.1): coefficients are exp(-decay k**2) xi, 0 <= xi < 1
    n_nodes: int = 100  #: of the ring
    period: float = 1.0  #: of the ring, length

    def __post_init__(self) -> None:
        check_integer("n_modes", self.n_modes, 1)
        check_integer("n_nodes", self.n_nodes, 3)
        check_number("period", self.period, above=0)
        check_number("decay", self.decay, least=0)


def manufactured_pairs(
    kernel: RadialKernel | Symbol,
    n_samples: int = 50_000,
    seed: Seed = 0,
    settings: SeriesSettings | None = None,
    *,
    frequencies: Literal["low", "mixed"] = "low",
    condense: bool = False,
    first: int = 0,
) -> TrainingPairs:
    """Pairs of a known kernel: u is a random series, f what the kernel's operator makes of it.

    Parameters
    ----------
    kernel : RadialKernel or callable
        Bounded, such as `linear_kernel` and `CosineKernel`; or the symbol itself, from wavenumbers
        to values.
    n_samples : int
        Number of pairs.
    seed : int, sequence of int or SeedSequence
        Of the coefficients.
    settings : SeriesSettings, optional
        Modes, decay, nodes and period.
    frequencies : "low" or "mixed"
        Series (5.2) with coefficients (5.1); or every other sample, those with odd numbers,
        xi1 sin(2 pi k1 x) + xi2 cos(2 pi k2 x) with k1 and k2 from 5 to 15 instead, (5.5).
    condense : bool
        Return as few samples as there are functions that they are sums of, with the same mean of
        all squares, and so with the same loss for every kernel.
    first : int
        Number of the first sample: samples of 0 .. n are the same drawn at once or in parts.

    Returns
    -------
    TrainingPairs
        Periodic.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    check_choice("frequencies", frequencies, ("low", "mixed"))
    n_samples, first = check_integer("n_samples", n_samples, 1), check_integer("first", first, 0)
    chosen = settings or SeriesSettings()
    mixed = frequencies == "mixed"
    scale = amplitudes(np.arange(chosen.n_modes + 1), chosen.decay)
    _check_nodes(chosen, scale, _HIGH[-1] if mixed else 0)
    numbers = uniform_numbers(seed, first, n_samples, scale.size + (4 if mixed else 0))
    cosines = np.arange(max(scale.size, _HIGH[-1] + 1) if mixed else scale.size)
    sines = np.array(_HIGH if mixed else (), dtype=int)
    coefficients = np.zeros((n_samples, cosines.size + sines.size))
    coefficients[:, : scale.size] = scale * numbers[:, : scale.size]
    if mixed:
        odd = np.flatnonzero(np.arange(first, first + n_samples) % 2)
        xi1, k1, xi2, k2 = numbers[odd, scale.size :].T
        coefficients[odd] = 0.0
        coefficients[odd, cosines.size + (k1 * len(_HIGH)).astype(int)] = xi1
        coefficients[odd, _HIGH[0] + (k2 * len(_HIGH)).astype(int)] = xi2
    factor = symbol_values(kernel, 2 * np.pi / chosen.period * np.concatenate([cosines, sines]))
    phase = 2 * np.pi * np.arange(chosen.n_nodes) / chosen.n_nodes
    basis = np.concatenate([np.cos(np.outer(cosines, phase)), np.sin(np.outer(sines, phase))])
    kept = condensed(coefficients) if condense else coefficients
    return TrainingPairs(
        kept @ basis, kept @ (factor[:, np.newaxis] * basis), chosen.period / chosen.n_nodes,
        "periodic", name=f"manufactured, {frequencies} frequencies",
    )  # fmt: skip


def biharmonic_pairs(
    c: float,
    horizon: float,
    n_samples: int = 50_000,
    seed: Seed = 0,
    settings: SeriesSettings | None = None,
    *,
    condense: bool = False,
    first: int = 0,
) -> TrainingPairs:
    """Pairs of the biharmonic equation (7.1), with random right-hand sides (7.2), (7.3).

    Parameters
    ----------
    c, horizon : float
        Of the equation; see `biharmonic_symbol`.
    n_samples, seed, settings, condense, first
        As in `manufactured_pairs`. The series of f has no mean; the paper ends it at mode 99,
        which is far below rounding.

    Returns
    -------
    TrainingPairs
        Periodic; u, and minus the right-hand side of (7.1).

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    chosen = settings or SeriesSettings()
    scale = amplitudes(np.arange(1, chosen.n_modes + 1), chosen.decay)
    _check_nodes(chosen, np.append(1.0, scale))
    modes = np.arange(1, scale.size + 1)
    symbol = biharmonic_symbol(2 * np.pi / chosen.period * modes, c, horizon)
    basis = np.cos(np.outer(modes, 2 * np.pi * np.arange(chosen.n_nodes) / chosen.n_nodes))
    # of (7.1): its right-hand side has these coefficients, its solution the same over -symbol
    coefficients = scale * uniform_numbers(seed, first, n_samples, scale.size)
    kept = condensed(coefficients) if condense else coefficients
    return TrainingPairs(
        -kept @ (basis / symbol[:, np.newaxis]), -kept @ basis, chosen.period / chosen.n_nodes,
        "periodic", name=f"biharmonic, c = {c:g}",
    )  # fmt: skip


def wave_pairs(
    symbol: RadialKernel | Symbol,
    numbers: ArrayLike,
    *,
    n_nodes: int = 100,
    period: float = 1.0,
    name: str = "waves",
) -> TrainingPairs:
    """One pair for each wave: u = sin(2 pi m x / period), and what the operator makes of it.

    With `biharmonic_symbol` and m = 1 that is the test (7.4) of the paper, whose forcing has the
    solution sin(2 pi x).

    Parameters
    ----------
    symbol : RadialKernel or callable
        A bounded kernel, or the symbol itself.
    numbers : array_like of int
        m, positive and below half of `n_nodes`.
    n_nodes, period, name
        Of the pairs.

    Returns
    -------
    TrainingPairs

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    period, n_nodes = check_number("period", period, above=0), check_integer("n_nodes", n_nodes, 3)
    modes = np.atleast_1d(real_array("numbers", numbers))
    fit = (modes == np.round(modes)) & (modes >= 1) & (modes < n_nodes / 2)
    if modes.ndim != 1 or not np.all(fit):
        raise ValueError(
            f"numbers must be whole, from 1 to below {n_nodes / 2:g} (half of n_nodes), got "
            f"{numbers!r}"
        )
    x = np.arange(n_nodes) / n_nodes
    u = np.sin(2 * np.pi * np.multiply.outer(modes, x))
    factor = symbol_values(symbol, 2 * np.pi * modes / period)
    return TrainingPairs(u, factor[:, np.newaxis] * u, period / n_nodes, "periodic", name=name)


def _check_nodes(settings: SeriesSettings, scale: Array, highest: int = 0) -> None:
    """Refuse a ring on whose nodes waves of some size look like others."""
    highest_kept = max(int(np.flatnonzero(scale > _HEARD)[-1]), highest)
    if 2 * highest_kept >= settings.n_nodes:
        raise ValueError(
            f"n_nodes must exceed {2 * highest_kept}, two for each of the waves, got "
            f"{settings.n_nodes}: lower n_modes or raise decay"
        )
