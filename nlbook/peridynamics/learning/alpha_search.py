"""The exponent alpha of an influence function, sought in an interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from nlbook.checks import check_number

__all__ = ["SAME", "AlphaTrials", "seek_alpha"]

Array = NDArray[np.float64]

#: Losses that differ by less than this share are taken for equal.
SAME = 1e-4
# Exponents at which an interval is looked at before the best is refined, and how finely.
_LOOKS, _TOLERANCE = 9, 5e-3
# An exponent so near to an end of its interval, as a share of it, is held by the end.
_AT_THE_END = 0.01


@dataclass(frozen=True, eq=False)
class AlphaTrials:
    """Exponents that were tried, ascending, and what came of them."""

    alpha: Array  #: (n,)
    loss: Array  #: of the best solid with it (n,), the square of E_Res

    @property
    def best(self) -> float:
        """The first exponent that is as good as the best: which is that may hang on rounding.

        Where all fit equally well it is the smallest.
        """
        if not self.loss.size:
            raise ValueError("search must hold trials: alpha was given, none was sought")
        as_good = self.loss <= (1 + (SAME if self.alike else 1e-8)) * self.loss.min()
        return float(self.alpha[np.flatnonzero(as_good)[0]])

    @property
    def alike(self) -> bool:
        """Whether all exponents fit equally well."""
        return bool(np.ptp(self.loss) <= SAME * self.loss.min())


def seek_alpha(
    loss_of: Callable[[float], float], interval: tuple[float, float]
) -> tuple[AlphaTrials, list[str]]:
    """Exponents tried, the best within a tolerance among them, and what is to be said of that.

    Parameters
    ----------
    loss_of : callable
        The loss of the best solid with an exponent.
    interval : (float, float)
        Rising.

    Returns
    -------
    trials : AlphaTrials
    words : list of str
    """
    if len(interval) != 2:
        raise ValueError(f"alpha must be a number or a rising pair, got {interval!r}")
    low, high = (check_number("alpha", end) for end in interval)
    if not low < high:
        raise ValueError(f"alpha must be a number or a rising pair, got {interval!r}")
    tried: dict[float, float] = {}

    def loss(alpha: float) -> float:
        tried[alpha] = loss_of(alpha)
        return tried[alpha]

    looks = np.linspace(low, high, _LOOKS)
    losses = np.array([loss(float(one)) for one in looks])
    words = []
    if AlphaTrials(looks, losses).alike:
        words = [
            f"alpha from {low:g} to {high:g} fits equally well: it can't be told from these data; "
            f"the smallest is taken"
        ]
    else:
        at, step = int(np.argmin(losses)), float(looks[1] - looks[0])
        optimize.minimize_scalar(
            loss,
            bounds=(max(low, looks[at] - step), min(high, looks[at] + step)),
            method="bounded",
            options={"xatol": _TOLERANCE},
        )
    exponents, least = np.array(sorted(tried.items())).T
    trials = AlphaTrials(exponents, least)
    best = trials.best
    end = low if best - low < high - best else high
    if not words and abs(best - end) <= _AT_THE_END * (high - low):
        words = [
            f"alpha ended at {best:.4g}, at the end of the interval from {low:g} to {high:g}: "
            f"what it would be beyond is not known"
        ]
    return trials, words
