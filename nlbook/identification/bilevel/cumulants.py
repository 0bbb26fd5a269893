"""A power law from the growth of cumulants: no search, no logarithm, no evolution.

Under dp/dt = L p on an unbounded line the cumulants of even order grow at constant rates, the
moments of the kernel,

    dk_n/dt = 2 D delta**(n + 1 - alpha) / (n + 1 - alpha),   n = 2, 4, 6.

Three rates give all three parameters. With u = 3 - alpha and q = k_6' k_2' / k_4'**2,

    q = (u + 2)**2 / (u (u + 4)),   delta**2 = (k_4'/k_2') (u + 2)/u,   D = k_2' u / (2 delta**u),

and two of them give alpha and D for a known delta. High cumulants are all tail: as an estimator
this is poor where samples are few, and as a check on a fit it is independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.densities import DensitySnapshots
from nlbook.identification.bilevel.prediction import evolved
from nlbook.identification.bilevel.settings import FitSettings
from nlbook.identification.columns import Columns
from nlbook.kernels import PowerLawKernel

__all__ = [
    "CumulantEstimate",
    "CumulantRates",
    "EvenCumulants",
    "cumulant_estimate",
    "even_cumulants",
]


@dataclass(frozen=True, eq=False)
class EvenCumulants(Columns):
    """The first three cumulants of even order, at each time."""

    second: NDArray[np.float64]  #: length**2 (n_times,)
    fourth: NDArray[np.float64]  #: length**4
    sixth: NDArray[np.float64]  #: length**6


class CumulantRates(NamedTuple):
    """How fast they grow."""

    second: float  #: length**2 / time
    fourth: float  #: length**4 / time
    sixth: float  #: length**6 / time


@dataclass(frozen=True)
class CumulantEstimate:
    """Growth of the cumulants, and the power law that has it."""

    #: of the second, fourth and sixth cumulants
    rates: CumulantRates
    #: kernel with these rates; None if there is none
    kernel: PowerLawKernel | None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why there is no kernel, in words."""
        if self.kernel is not None:
            return ()
        rates = self.rates
        return (
            f"no power law has cumulants that grow at {rates.second:.4g}, {rates.fourth:.4g} and "
            f"{rates.sixth:.4g}: "
            f"the tails on which the higher ones hang may be few samples, or the law another",
        )

    def predict(
        self, snapshots: DensitySnapshots, times: ArrayLike | None = None
    ) -> DensitySnapshots:
        """Evolve the first density of some data, without error; see `PowerLawFit.predict`.

        Raises
        ------
        ValueError
            As there; or if there is no kernel.
        """
        if self.kernel is None:
            raise ValueError(f"kernel must be known for a prediction: {self.warnings[0]}")
        return evolved(self.kernel, 1.0, FitSettings(), snapshots, times)

    def uncertainty(self) -> str:
        """Why the estimate has no intervals."""
        return (
            "one estimate has no interval: the sixth cumulant is all tail, and its scatter over "
            "realizations (nlbook.densities.bootstrap_snapshots) is far from a normal law's"
        )


def cumulant_estimate(
    snapshots: DensitySnapshots, horizon: float | None = None, *, split: float = 1.0
) -> CumulantEstimate:
    """Estimate a power law from the growth of cumulants.

    Parameters
    ----------
    snapshots : DensitySnapshots
        Even densities whose tails lie on the grid.
    horizon : float, optional
        delta, if it is known; otherwise the sixth cumulant is used.
    split : float
        Part of the time from which rates are taken, by least squares in time.

    Returns
    -------
    CumulantEstimate
        Its kernel is None where no power law has such rates.
    """
    if not 0 < split <= 1:
        raise ValueError(f"split must lie in 0..1, above 0, got {split!r}")
    if horizon is not None and not horizon > 0:
        raise ValueError(f"horizon must be positive, got {horizon!r}")
    times = snapshots.times
    used = times <= times[0] + split * (times[-1] - times[0]) * (1 + 1e-9)
    if np.count_nonzero(used) < 2:
        raise ValueError(f"split must leave two snapshots or more, got {split!r}")
    cumulants = np.asarray(even_cumulants(snapshots))
    slopes = np.polynomial.polynomial.polyfit(times[used], cumulants[used], 1)[1]
    rates = CumulantRates(*slopes.tolist())
    return CumulantEstimate(rates, _kernel(rates, horizon))


def even_cumulants(snapshots: DensitySnapshots) -> EvenCumulants:
    """Second, fourth and sixth cumulants of the even part of each density.

    Raises
    ------
    ValueError
        If a density vanishes everywhere.
    """
    if not np.all(snapshots.mass > 0):
        raise ValueError("density must not vanish at all nodes")
    share = snapshots.density / snapshots.density.sum(axis=1, keepdims=True)
    m2, m4, m6 = (share @ snapshots.grid**n for n in (2, 4, 6))
    return EvenCumulants(m2, m4 - 3 * m2**2, m6 - 15 * m4 * m2 + 30 * m2**3)


def _kernel(rates: CumulantRates, horizon: float | None) -> PowerLawKernel | None:
    second, fourth, sixth = rates
    if not (second > 0 and fourth > 0):
        return None
    if horizon is None:
        q = sixth * second / fourth**2
        if not q > 1:
            return None
        u = 2 * math.sqrt(q / (q - 1)) - 2
        delta = math.sqrt(fourth / second * (u + 2) / u)
    else:
        ratio, delta = fourth / second, horizon
        if not ratio < delta**2:
            return None
        u = 2 * ratio / (delta**2 - ratio)
    return PowerLawKernel(3 - u, delta, second * u / (2 * delta**u))
