"""Pairs of a function and what an operator makes of it, to learn the operator's kernel from.

A pair is a solution u and its right-hand side f at the nodes of a uniform grid, for which a kernel
K with

    -integral over |y - x| < delta of K(|y - x|) (u(y) - u(x)) dy = f(x)

is wanted [1]_; the left-hand side is minus `nlbook.diffusion.NonlocalDiffusion.apply`. On a
periodic grid f is given where u is. Otherwise u must be known beyond f, on a collar as wide as the
horizon.

On a periodic grid an operator that does the same everywhere multiplies each Fourier mode by its
symbol. The mean square of what a kernel misses is then a sum over modes, and three numbers a mode,
gathered in one pass over the samples, are all that any fit needs to know: see `spectrum`.

References
----------
.. [1] H. You, Y. Yu, N. Trask, M. Gulian, M. D'Elia, Comput. Methods Appl. Mech. Eng. 374 (2021)
   113553.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_choice, check_integer, check_number, real_array

__all__ = ["PairSpectrum", "TrainingPairs", "check_length", "iter_blocks", "spectrum"]

Array = NDArray[np.float64]

# Largest values of u and of f, and lengths, may be as small or large as this: squares of modes
# 1e-16 times as large, and powers of lengths, are still numbers in double precision.
_SMALLEST, _LARGEST = 1e-120, 1e120
_SHORTEST, _LONGEST = 1e-40, 1e40


def check_length(name: str, value: float) -> float:
    """Refuse what is no length, or so short or long that its powers overflow, by name."""
    length = check_number(name, value, above=0.0)
    if not _SHORTEST <= length <= _LONGEST:
        raise ValueError(
            f"{name} must be from {_SHORTEST:g} to {_LONGEST:g}, got {value!r}: take another unit "
            f"of length"
        )
    return length


def _check_size(name: str, largest: float, power: int) -> None:
    """Refuse values whose squares double precision does not hold; zero is one of its numbers."""
    if largest and not _SMALLEST**power <= largest <= _LARGEST**power:
        raise ValueError(
            f"{name} must have its largest value from {_SMALLEST**power:g} to "
            f"{_LARGEST**power:g}, got {largest:.3g}: give u and f in other units, the same factor "
            f"on both leaves the kernel as it is"
        )


@dataclass(frozen=True)
class TrainingPairs:
    """Samples of u and f at the nodes of a uniform grid.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(8) / 8
    >>> wave = np.sin(2 * np.pi * x)[np.newaxis]
    >>> pairs = TrainingPairs(wave, 4 * np.pi**2 * wave, spacing=1 / 8, boundary="periodic")
    >>> pairs.n_samples, pairs.n_nodes, pairs.period
    (1, 8, 1.0)
    """

    u: Array  #: (n_samples, n_nodes + 2 collar), on the nodes of f and a collar on either side
    f: Array  #: (n_samples, n_nodes), units of u / time
    spacing: float  #: of the nodes, length
    boundary: Literal["periodic", "volume"]  #: a ring without a collar, or u given on the collar
    collar: int = 0  #: nodes on either side on which u alone is given
    start: float = 0.0  #: place of the first node of f, length
    name: str = "pairs"  #: where they come from, in a word or two

    def __post_init__(self) -> None:
        u, f = (real_array(name, getattr(self, name)) for name in ("u", "f"))
        object.__setattr__(self, "u", u)
        object.__setattr__(self, "f", f)
        check_choice("boundary", self.boundary, ("periodic", "volume"))
        object.__setattr__(self, "spacing", check_length("spacing", self.spacing))
        object.__setattr__(self, "start", check_number("start", self.start))
        object.__setattr__(self, "collar", check_integer("collar", self.collar, 0))
        if self.boundary == "periodic" and self.collar:
            raise ValueError(f"collar must be 0 on a periodic grid, got {self.collar!r}")
        if self.boundary == "volume" and not self.collar:
            raise ValueError(
                "collar must be positive for boundary='volume', got 0: without u beyond the nodes "
                "of f, on as many as the horizon reaches, the operator is not known there"
            )
        if f.ndim != 2 or f.shape[0] < 1 or f.shape[1] < 3:
            raise ValueError(
                f"f must have the shape (n_samples, n_nodes), three nodes at least, got {f.shape}"
            )
        if u.shape != (f.shape[0], f.shape[1] + 2 * self.collar):
            raise ValueError(
                f"u must have the shape {(f.shape[0], f.shape[1] + 2 * self.collar)} for f of "
                f"shape {f.shape} and collar {self.collar}, got {u.shape}"
            )
        if np.all(np.ptp(u, axis=1) == 0):
            raise ValueError(
                "u must vary, got constant samples alone: every kernel makes 0 of a constant"
            )
        for name, values in (("u", u), ("f", f)):
            _check_size(name, float(np.max(np.abs(values))), 1)

    @property
    def n_samples(self) -> int:
        """Number of pairs."""
        return self.f.shape[0]

    @property
    def n_nodes(self) -> int:
        """Number of nodes of f."""
        return self.f.shape[1]

    @property
    def period(self) -> float:
        """Length of the ring.

        Raises
        ------
        ValueError
            If the pairs are not periodic.
        """
        if self.boundary != "periodic":
            raise ValueError(f"boundary must be 'periodic' for a period, got {self.boundary!r}")
        return self.n_nodes * self.spacing

    @property
    def nodes(self) -> Array:
        """Places of the nodes of f."""
        return np.asarray(self.start + self.spacing * np.arange(self.n_nodes), np.float64)

    @property
    def all_nodes(self) -> Array:
        """Places of the nodes of u, the collar included."""
        numbers = np.arange(-self.collar, self.n_nodes + self.collar)
        return np.asarray(self.start + self.spacing * numbers, np.float64)


@dataclass(frozen=True)
class PairSpectrum:
    """What periodic pairs say of a kernel, mode by mode: means over all samples.

    An operator with the symbol s(k) (of minus the integral, so positive for diffusion) leaves the
    mean square residual, over samples and nodes,

        sum over modes of s**2 power - 2 s cross + response.

    A mode and its conjugate count as one, so that the sum of `power` is the mean square of u.
    """

    wavenumbers: Array  #: (n_modes,) 2 pi m / period, m = 0, 1, ..., n_nodes // 2
    power: Array  #: (n_modes,) mean of |u_k|**2, both signs of k together
    cross: Array  #: (n_modes,) mean of the real part of conj(u_k) f_k, both signs together
    response: Array  #: (n_modes,) mean of |f_k|**2, both signs together
    period: float  #: length of the ring
    n_nodes: int  #: of the grid
    n_samples: int  #: that the means are over
    name: str = "pairs"  #: where they come from

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_nodes", check_integer("n_nodes", self.n_nodes, 3))
        object.__setattr__(self, "n_samples", check_integer("n_samples", self.n_samples, 1))
        shape = (self.n_nodes // 2 + 1,)
        for name in ("wavenumbers", "power", "cross", "response"):
            values = real_array(name, getattr(self, name))
            object.__setattr__(self, name, values)
            if values.shape != shape:
                raise ValueError(
                    f"{name} must be {shape[0]} numbers for {self.n_nodes} nodes, got shape "
                    f"{values.shape}"
                )
        object.__setattr__(self, "period", check_length("period", self.period))
        for name in ("power", "response"):
            values = getattr(self, name)
            if np.min(values) < 0:
                raise ValueError(f"{name} must be means of squares, got {np.min(values):g}")
            _check_size(name, float(np.max(values)), 2)
        if not np.any(self.power[1:] > 0):
            raise ValueError(
                "power must be positive at a mode that is not constant: every kernel makes 0 of "
                "a constant"
            )

    @property
    def spacing(self) -> float:
        """Of the nodes, length."""
        return self.period / self.n_nodes

    def loss(self, symbol: Array) -> float:
        """Mean square residual of an operator with this symbol.

        Parameters
        ----------
        symbol : ndarray, shape (n_modes,)
            At `wavenumbers`, 1/time.

        Returns
        -------
        float
            Over samples and nodes, units of f squared.
        """
        s = real_array("symbol", symbol, ndim=1)
        if s.shape != self.power.shape:
            raise ValueError(f"symbol must have {self.power.size} values, got {s.size}")
        return float(np.sum(s * (s * self.power - 2 * self.cross) + self.response))


def spectrum(pairs: TrainingPairs | Iterable[TrainingPairs]) -> PairSpectrum:
    """Gather periodic pairs mode by mode, in one pass.

    Parameters
    ----------
    pairs : TrainingPairs or iterable of TrainingPairs
        Periodic; blocks must share their grid, and are not kept.

    Returns
    -------
    PairSpectrum
        The same, up to rounding, however the samples come in blocks.

    Raises
    ------
    ValueError
        If pairs are not periodic, differ in their grids, or there are none.
    """
    blocks = (pairs,) if isinstance(pairs, TrainingPairs) else pairs
    sums: Array | None = None
    n_samples, first = 0, None
    for block in blocks:
        first = first or block
        if block.boundary != "periodic":
            raise ValueError(f"pairs must be periodic for a spectrum, got {block.boundary!r}")
        if (block.n_nodes, block.spacing) != (first.n_nodes, first.spacing):
            raise ValueError(
                f"pairs must share a grid, got {block.n_nodes} nodes {block.spacing!r} apart "
                f"after {first.n_nodes} nodes {first.spacing!r} apart"
            )
        u, f = (np.fft.rfft(values, axis=1) / block.n_nodes for values in (block.u, block.f))
        here = np.array(
            [
                np.einsum("ij,ij->j", one.real, two.real)
                + np.einsum("ij,ij->j", one.imag, two.imag)
                for one, two in ((u, u), (u, f), (f, f))
            ]
        )
        sums = here if sums is None else sums + here
        n_samples += block.n_samples
    if sums is None or first is None:
        raise ValueError("pairs must hold at least one block, got none")
    n = first.n_nodes
    both = np.full(n // 2 + 1, 2.0)  # a mode and its conjugate
    both[0] = 1.0
    if n % 2 == 0:
        both[-1] = 1.0
    power, cross, response = both * sums / n_samples
    wavenumbers = np.asarray(2 * np.pi / first.period * np.arange(n // 2 + 1), dtype=np.float64)
    return PairSpectrum(wavenumbers, power, cross, response, first.period, n, n_samples, first.name)


def iter_blocks(
    generator: Callable[..., TrainingPairs], n_samples: int, block_size: int = 5000
) -> Iterator[TrainingPairs]:
    """Samples in blocks, so that all need not be kept; the same that one call would return.

    Parameters
    ----------
    generator : callable
        Takes `n_samples` and `first` by name, as those of this room do: give the rest by
        `functools.partial`. (A block may be made anywhere: engines can share the blocks.)
    n_samples : int
        How many in all.
    block_size : int
        In a block; the last may have fewer.

    Yields
    ------
    TrainingPairs

    Raises
    ------
    ValueError
        If `n_samples` or `block_size` is not positive.

    Examples
    --------
    >>> from functools import partial
    >>> from nlbook.identification import linear_kernel, manufactured_pairs
    >>> generator = partial(manufactured_pairs, linear_kernel(0.2), seed=1)
    >>> [block.n_samples for block in iter_blocks(generator, 250, block_size=100)]
    [100, 100, 50]
    """
    n_samples = check_integer("n_samples", n_samples, 1)
    block_size = check_integer("block_size", block_size, 1)
    for low in range(0, n_samples, block_size):
        yield generator(n_samples=min(block_size, n_samples - low), first=low)
