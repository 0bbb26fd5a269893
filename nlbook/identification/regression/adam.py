"""The paper's own algorithm: Adam in two stages, the second an augmented Lagrangian.

Algorithm 1 of [1]_ with its batches, rate and penalties. Stage 1 minimises the loss of ReLU(C) and
maps C to ReLU(C) after each step; a coefficient that has come to zero stays there, for the gradient
of ReLU is zero at zero. Stage 2 minimises over D and a slack theta

    loss(C + D) + lambda H + (mu/2) H**2,   H = 1 / (2 kappa(C)) - N(D) - theta**2,

where the paper's H leaves out the absolute values that N has: here N is whole, and |H|, not H, is
what must become small. On a periodic grid the loss of a batch is a sum over modes, the same number
as the paper's sum over nodes.

As printed, stage 2 stalls. Adam's steps have the size of its rate whatever the gradient's. The
slack theta has to walk from 1 to where H = 0, while (mu/2) H**2 is many orders above the loss and
drags D along; H then stays as rough as the steps, so that mu grows tenfold again and again, and
with it the share of the penalty in the gradient, until the loss moves nothing. But theta can be
minimised over exactly: with a = 1 / (2 kappa(C)) - N(D)

    min over theta of lambda H + (mu/2) H**2 = (min(lambda + mu a, 0)**2 - lambda**2) / (2 mu),

reached at H = min(a, -lambda / mu): nothing at all while D is well within its bound. With
`exact_slack` and a penalty that does not grow, stage 2 ends below stage 1. H is then 0 wherever D
is within its bound, at its optimum or not, and is no reason to stop: all steps are taken.

It is here to compare with: `nlbook.identification.fit_bernstein` solves both stages exactly.

References
----------
.. [1] H. You, Y. Yu, N. Trask, M. Gulian, M. D'Elia, Comput. Methods Appl. Mech. Eng. 374 (2021)
   113553, section 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import real_array
from nlbook.identification.pairs.training_pairs import TrainingPairs
from nlbook.identification.regression.certificates import Optimum, coercivity, mengesha_du_norm
from nlbook.identification.regression.choices import Adam
from nlbook.identification.regression.gram import GramMatrix
from nlbook.identification.regression.mengesha_du import correction
from nlbook.identification.regression.programmes import nonnegative

__all__ = ["AdamHistory", "adam_fit"]

Array = NDArray[np.float64]

# Modes with less than this share of the mean square of f, or of what the largest symbol makes of
# u, change no digit of a loss.
_SILENT = 1e-18


@dataclass(frozen=True, eq=False)
class AdamHistory:
    """How the optimiser came where it ended."""

    #: loss after each epoch of stage 1 (n,), units of f squared; empty if C was given
    first: Array
    #: loss after each step of the augmented Lagrangian (n,)
    second: Array
    #: H after each step (n,), 1/time
    violation: Array
    #: steps of Adam in all
    n_steps: int
    #: by how much D was scaled to fulfil the constraint exactly; 1 where it did
    repair: float


def adam_fit(
    pairs: TrainingPairs,
    gram: GramMatrix,
    settings: Adam | None = None,
    *,
    corrected: bool = True,
    positive: Array | None = None,
    start: Array | None = None,
) -> tuple[Optimum, AdamHistory]:
    """Fit a kernel by the paper's algorithm.

    Parameters
    ----------
    pairs : TrainingPairs
        Periodic samples; batches are drawn from them.
    gram : GramMatrix
        Of the same data, with alpha = 0; its horizon, degree and rule are used.
    settings : Adam, optional
        Of the algorithm.
    corrected : bool
        Go on to stage 2.
    positive : ndarray, shape (M + 1,), optional
        C, instead of stage 1.
    start : ndarray, shape (M + 1,), optional
        C from which stage 1 starts, instead of random numbers.

    Returns
    -------
    Optimum
        D scaled into its bound; the lower bound is the exact optimum's, of the same stage and C.
    AdamHistory

    Raises
    ------
    ValueError
        If pairs are not periodic, alpha is not zero, or coefficients are of another degree.
    ImportError
        If PyTorch is not installed.
    """
    import torch

    settings = settings or Adam()
    if pairs.boundary != "periodic" or gram.alpha != 0:
        raise ValueError(
            f"pairs must be periodic and alpha 0 for Adam, got {pairs.boundary!r} and "
            f"{gram.alpha!r}"
        )
    scale = gram.horizon**-3  # the paper's coefficients are those of K times delta**3
    positive, start = (_given(*item, gram) for item in (("positive", positive), ("start", start)))
    generator = torch.Generator().manual_seed(settings.seed)
    batches = _Batches(pairs, gram, scale, settings, generator)
    first: list[float] = []
    n_coefficients = gram.degree + 1
    if positive is None:
        if start is None:
            c = torch.rand(n_coefficients, generator=generator, dtype=torch.float64)
        else:
            c = torch.tensor(np.maximum(start, 0.0) / scale, dtype=torch.float64)
        c.requires_grad_()
        optimiser = torch.optim.Adam([c], lr=settings.rate, foreach=False)
        for _ in range(settings.epochs):
            batches.epoch(optimiser, lambda: torch.relu(c), clamped=c)
            first.append(gram.loss(scale * c.detach().numpy()))
        positive = scale * c.detach().numpy()
    if not corrected:
        bound = nonnegative(gram).lower_bound
        history = AdamHistory(np.array(first), np.empty(0), np.empty(0), batches.n_steps, 1.0)
        return Optimum(positive, positive, bound), history
    allowed = coercivity(gram, positive) / 2
    change, second, violation = _augmented(batches, gram, positive, allowed, scale, settings)
    norm = mengesha_du_norm(gram.weights @ change)
    repair = min(1.0, allowed * (1 - 1e-14) / norm) if norm > 0 else 1.0
    bound = correction(gram, positive).lower_bound
    history = AdamHistory(
        np.array(first), np.array(second), np.array(violation), batches.n_steps, repair
    )
    return Optimum(positive + repair * change, positive, bound), history


def _given(name: str, value: Array | None, gram: GramMatrix) -> Array | None:
    if value is None:
        return None
    given = real_array(name, value, ndim=1)
    if given.size != gram.degree + 1:
        raise ValueError(f"{name} must be {gram.degree + 1} coefficients, got {given.size}")
    return given


class _Batches:
    """Samples by mode, and epochs over them."""

    def __init__(
        self,
        pairs: TrainingPairs,
        gram: GramMatrix,
        scale: float,
        settings: Adam,
        generator: Any,
    ) -> None:
        import torch

        n = pairs.n_nodes
        both = np.full(n // 2 + 1, np.sqrt(2.0))  # a mode and its conjugate
        if n % 2 == 0:
            both[-1] = 1.0
        u, f = ((both * np.fft.rfft(values, axis=1) / n)[:, 1:] for values in (pairs.u, pairs.f))
        symbols = gram.mode_rows @ gram.weights * scale
        made = np.mean(np.abs(u) ** 2, axis=0) * np.max(np.abs(symbols), axis=1) ** 2
        size = np.mean(np.abs(f) ** 2, axis=0) + made
        counts = size > _SILENT * np.sum(size)
        self.symbols = torch.tensor(np.vstack([symbols[counts]] * 2))
        self.u, self.f = (
            torch.tensor(np.hstack([values[:, counts].real, values[:, counts].imag]))
            for values in (u, f)
        )
        self.batch_size, self.generator = settings.batch_size, generator
        self.n_steps = 0

    def epoch(
        self,
        optimiser: Any,
        coefficients: Callable[[], Any],
        penalty: Callable[[], Any] | None = None,
        clamped: Any = None,
    ) -> None:
        """One pass over the samples, in random batches."""
        import torch

        order = torch.randperm(len(self.u), generator=self.generator)
        batches = (torch.split(values[order], self.batch_size) for values in (self.u, self.f))
        for u, f in zip(*batches, strict=True):
            optimiser.zero_grad(set_to_none=True)
            residual = (u * (self.symbols @ coefficients()) - f).reshape(-1)
            loss = torch.dot(residual, residual) / len(u)
            if penalty is not None:
                loss = loss + penalty()
            loss.backward()
            optimiser.step()
            if clamped is not None:
                with torch.no_grad():
                    clamped.clamp_(min=0.0)
            self.n_steps += 1


def _augmented(
    batches: _Batches,
    gram: GramMatrix,
    positive: Array,
    allowed: float,
    scale: float,
    settings: Adam,
) -> tuple[Array, list[float], list[float]]:
    """Stage 2: D, and the losses and violations on the way."""
    import torch

    size = 1 / np.sqrt(gram.degree + 1)
    d = torch.rand(gram.degree + 1, generator=batches.generator, dtype=torch.float64)
    d = ((2 * d - 1) * size).requires_grad_()
    theta = torch.ones((), dtype=torch.float64, requires_grad=True)
    weights = torch.tensor(gram.weights * scale)
    fixed = torch.tensor(positive / scale)

    def room() -> Any:
        w = weights @ d
        return allowed - torch.sum(torch.abs(w)) - torch.abs(torch.sum(w))

    def excess(multiplier: float, mu: float) -> Any:
        if settings.exact_slack:
            return torch.clamp(room(), max=-multiplier / mu)
        return room() - theta**2

    def penalty(multiplier: float, mu: float) -> Any:
        if settings.exact_slack:
            pull = torch.clamp(multiplier + mu * room(), max=0.0)
            return (pull * pull - multiplier**2) / (2 * mu)
        h = excess(multiplier, mu)
        return multiplier * h + mu / 2 * h * h

    multiplier, mu, before = 0.0, settings.penalty, float("inf")
    losses: list[float] = []
    violations: list[float] = []
    for _ in range(settings.most_steps):
        optimiser = torch.optim.Adam([d, theta], lr=settings.rate, foreach=False)
        for _ in range(settings.epochs_correction):
            batches.epoch(optimiser, lambda: fixed + d, partial(penalty, multiplier, mu))
        with torch.no_grad():
            h = float(excess(multiplier, mu))
        losses.append(gram.loss(positive + scale * d.detach().numpy()))
        violations.append(h)
        if abs(h) <= settings.tolerance and not settings.exact_slack:
            break
        stays = abs(h) > settings.tolerance and abs(h) >= settings.progress * before
        if settings.growth > 1 and stays:
            mu *= settings.growth
            if mu >= settings.largest_penalty:
                break
        else:
            multiplier += mu * h
        before = abs(h)
    return scale * d.detach().numpy(), losses, violations
