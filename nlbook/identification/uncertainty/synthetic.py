"""Which laws make such fits: a likelihood learned from replicates of many laws.

A fit f of data is a statistic with no density in closed form. Replicates of laws theta that are
spread over a neighbourhood show it: a regression of second degree gives the mean fit m(theta), its
residuals the covariance S(theta), whose size is log-linear in theta. The likelihood is that of
Student's t about m(theta), with the degrees of freedom that the regression leaves and its own error
added: the synthetic likelihood [1]_, learned over a range of laws. With a flat prior over the range
of laws tried it is a distribution of the law given the fit, whose quantiles are intervals. They
feel that the map m is bent, that it hardly feels some directions, that scatter changes with the
law, and that replicates are few; where a fit does not tell a number, they fill the range.

References
----------
.. [1] S. N. Wood, "Statistical inference for noisy nonlinear ecological dynamic systems", Nature
   466 (2010) 1102.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["LearnedLikelihood", "sample_laws"]

Array = NDArray[np.float64]

# Laws whose mean fit is so far from the data's, in standard deviations, count by a quarter.
_FAR = 3.0
# ... or farther, until so many count for each term of the regression.
_ENOUGH = 5
# Least tie of slopes to none, in the scale of the laws tried: numerically only.
_RIDGE = 1e-3
# Tie of the logarithmic slopes of scatter to none: as three residuals would, each.
_STEADY = 3.0
# Largest change of scatter that is believed, as a logarithm.
_MOST = 1.5
_REWEIGHTED = 6
_AGAIN = 8
# Degrees of freedom of the scatter of fits: some replicates are fitted far off.
_TAILS = (3.0, 4.0, 6.0, 10.0, 20.0, 40.0)
# Walkers, their steps, those left aside, and every which is kept.
_WALKERS, _STEPS, _BURN, _THIN = 400, 120, 20, 5


class LearnedLikelihood:
    """log p(f | theta), from replicates.

    Parameters
    ----------
    laws, fitted : ndarray, shape (n, k)
        Laws, and the fit of one replicate of each.
    target : ndarray, shape (k,)
        The fit of the data; laws that are fitted near it count most.
    extra : ndarray, shape (k, k), optional
        Covariance of fits of the data beyond that of replicates.
    """

    def __init__(self, laws: Array, fitted: Array, target: Array, extra: Array | None = None):
        self.target = target
        self.extra = np.zeros((target.size, target.size)) if extra is None else extra
        weight = np.ones(len(laws))
        for _ in range(_REWEIGHTED):
            self._learn(laws, fitted, weight)
            weight = self._near(laws)

    def _near(self, laws: Array) -> Array:
        """Weights of laws: those fitted near the data's count most, and enough of them count."""
        squares = self._distance(laws)[0]
        enough = min(_ENOUGH * self.slopes.shape[0], 0.8 * len(laws))
        far = _FAR
        while True:
            weight = 1 / (1 + squares / far**2) ** 2
            if weight.sum() ** 2 / np.sum(weight**2) >= enough:
                return np.asarray(weight)
            far *= 1.3

    def _learn(self, laws: Array, fitted: Array, weight: Array) -> None:
        self.centre = np.average(laws, axis=0, weights=weight)
        self.scale = np.sqrt(np.average((laws - self.centre) ** 2, axis=0, weights=weight))
        self.scale = np.maximum(self.scale, 1e-9)
        n, k = fitted.shape
        terms = self._terms(laws)
        first = terms[:, : 1 + k]
        total = weight.sum()
        size = total**2 / np.sum(weight**2)
        self.growth = np.zeros((1 + k, k))
        believed = np.ones(n)  # less where a fit is far from the mean of its law's: Student's t
        for _ in range(_AGAIN):
            even = self._size(terms)
            # rows of one law scatter alike, as the geometric mean of its numbers has it
            used = weight * believed / np.prod(even, axis=1) ** (2 / k)
            used *= total / used.sum()
            tie = np.diag([0.0] + [_RIDGE] * (terms.shape[1] - 1))
            self.inverse = np.linalg.inv(terms.T @ (used[:, np.newaxis] * terms) + tie)
            self.slopes = self.inverse @ terms.T @ (used[:, np.newaxis] * fitted)
            left = fitted - terms @ self.slopes
            spent = np.sum(np.einsum("ij,jk,ik->i", terms, self.inverse, terms) * used)
            self.freedom = max(size - float(spent), 3.0)
            logs = np.log(np.maximum(np.abs(left), 1e-2 * np.median(np.abs(left), axis=0) + 1e-12))
            tie = np.diag([0.0] + [_STEADY] * k)
            self.growth = np.linalg.solve(
                first.T @ (weight[:, np.newaxis] * first) + tie,
                first.T @ (weight[:, np.newaxis] * logs),
            )
            self.growth[0] = 0.0  # the size itself is the covariance's
            even = left / self._size(terms)
            counts = (weight * believed)[:, np.newaxis]
            self.covariance = even.T @ (counts * even) / total * size / self.freedom
            self.covariance += 1e-12 * np.eye(k)
            far = np.einsum("ij,jk,ik->i", even, np.linalg.inv(self.covariance), even)
            tails = self._tails(far, weight, even)
            believed = (tails + k) / (tails + far)
        self.freedom = min(self.freedom, tails)

    def _tails(self, far: Array, weight: Array, even: Array) -> float:
        """Degrees of freedom that make the residuals likeliest, of a few."""
        k = even.shape[1]
        logs = [
            math.lgamma((t + k) / 2) - math.lgamma(t / 2) - 0.5 * k * math.log(t)
            - 0.5 * (t + k) * float(np.average(np.log1p(far / t), weights=weight))
            for t in _TAILS
        ]  # fmt: skip
        return _TAILS[int(np.argmax(logs))]

    def _terms(self, laws: Array) -> Array:
        u = (laws - self.centre) / self.scale
        k = u.shape[1]
        products = [u[:, i] * u[:, j] for i in range(k) for j in range(i, k)]
        return np.column_stack([np.ones(len(u)), u, *products])

    def _size(self, terms: Array) -> Array:
        logs = terms[:, : self.growth.shape[0]] @ self.growth
        return np.asarray(np.exp(np.clip(logs, -_MOST, _MOST)))

    def mean(self, laws: Array) -> Array:
        """Mean fit of replicates, (n, k)."""
        return np.asarray(self._terms(laws) @ self.slopes)

    def covariances(self, laws: Array) -> Array:
        """Covariances of fits of replicates, (n, k, k)."""
        size = self._size(self._terms(laws))
        return np.asarray(size[:, :, np.newaxis] * self.covariance * size[:, np.newaxis, :])

    def response(self, law: Array, step: float = 1e-4) -> Array:
        """Derivatives of the mean fit by the law, (k, k)."""
        moved = step * np.eye(law.size)
        return np.asarray((self.mean(law + moved) - self.mean(law - moved)).T / (2 * step))

    def _distance(self, laws: Array) -> tuple[Array, Array, Array]:
        terms = self._terms(laws)
        spread = 1 + np.einsum("ij,jk,ik->i", terms, self.inverse, terms)
        off = self.target - terms @ self.slopes
        size = self._size(terms)
        whole = size[:, :, np.newaxis] * self.covariance * size[:, np.newaxis, :]
        whole = spread[:, np.newaxis, np.newaxis] * whole + self.extra
        squares = np.einsum("ij,ij->i", off, np.linalg.solve(whole, off[..., np.newaxis])[..., 0])
        return squares, np.linalg.slogdet(whole)[1], spread

    def __call__(self, laws: Array) -> Array:
        """Logarithm of the likelihood, but for a constant, (n,)."""
        squares, logs, _ = self._distance(laws)
        k = self.target.size
        return -0.5 * (self.freedom + k) * np.log1p(squares / self.freedom) - 0.5 * logs


def sample_laws(
    likelihood: LearnedLikelihood,
    low: Array,
    high: Array,
    generator: np.random.Generator,
    *,
    tempered: float = 1.0,
) -> Array:
    """Laws between `low` and `high`, as the likelihood to the power 1/`tempered` has them."""
    walkers = low + (high - low) * generator.random((10 * _WALKERS, low.size))
    kept: list[Array] = []
    for hotter in (9.0, 3.0, 1.0):
        logs = likelihood(walkers) / (tempered * hotter)
        chance = np.exp(logs - logs.max())
        if hotter < 9.0:  # from the distribution before, three times as hot
            chance = chance ** (2 / 3)
        pick = generator.choice(len(walkers), _WALKERS, p=chance / chance.sum())
        walkers = walkers[pick]
        logs = likelihood(walkers) / (tempered * hotter)
        spread = np.cov(walkers.T) + np.diag((1e-4 * (high - low)) ** 2)
        step = np.linalg.cholesky(0.6 * spread)
        steps = _STEPS if hotter == 1.0 else _BURN
        for number in range(steps):
            moved = walkers + generator.standard_normal(walkers.shape) @ step.T
            inside = np.all((moved >= low) & (moved <= high), axis=1)
            there = np.where(inside, likelihood(moved) / (tempered * hotter), -np.inf)
            taken = np.log(generator.random(_WALKERS)) < there - logs
            walkers = np.where(taken[:, np.newaxis], moved, walkers)
            logs = np.where(taken, there, logs)
            if hotter == 1.0 and number >= _BURN and number % _THIN == 0:
                kept.append(walkers)
    return np.concatenate(kept)
