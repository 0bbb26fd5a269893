"""The paper's own algorithm: Adam in two stages, the second an augmented Lagrangian.

Algorithm 1 of [1]_ with its batches, rate and penalties. Stage 1 minimises the loss of ReLU(C) and
maps C to ReLU(C) after each step; a coefficient that has come to zero stays there, for the gradient
of ReLU is zero at zero. Stage 2 minimises over D and a slack theta

    loss(C + D) + lambda H + (mu/2) H**2,   H = 1 / (2 kappa(C)) - N(D) - theta**2,

where the paper's H leaves out the absolute values that N has: here N is whole, and |H|, not H, is
what must become small. On a periodic grid the loss of a batch is a sum over modes, the same number
as the paper's sum over nodes.

It is here to compare with: `nlbook.identification.fit_bernstein` solves both stages exactly.

References
----------
.. [1] H. You, Y. Yu, N. Trask, M. Gulian, M. D'Elia, Comput. Methods Appl. Mech. Eng. 374 (2021)
   113553, section 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.identification.bernstein_programmes import correction, nonnegative
from nlbook.identification.certificates import Optimum, coercivity, mengesha_du_norm
from nlbook.identification.gram import GramMatrix
from nlbook.identification.training_pairs import TrainingPairs

__all__ = ["AdamHistory", "AdamSettings", "adam_fit"]

Array = NDArray[np.float64]

# Modes with less than this share of the mean square of f, or of what the largest symbol makes of
# u, change no digit of a loss.
_SILENT = 1e-18


@dataclass(frozen=True)
class AdamSettings:
    """Algorithm 1; the defaults are the paper's where it gives them."""

    epochs: int = 100  #: of stage 1; the paper: 200 to 500, but its losses are those of about 100
    epochs_correction: int = 10  #: of stage 2, in each step of the augmented Lagrangian
    batch_size: int = 100  #: samples
    rate: float = 5e-3  #: of Adam
    most_steps: int = 100  #: of the augmented Lagrangian
    penalty: float = 1.0  #: mu at first
    growth: float = 10.0  #: rho, by which mu grows
    progress: float = 0.25  #: c: mu grows unless |H| falls below this share of what it was
    tolerance: float = 1e-8  #: epsilon: |H| at which it stops, units of the kernel's symbol
    largest_penalty: float = 1e20  #: mu at which it gives up
    seed: int = 0  #: of first coefficients and batches

    def __post_init__(self) -> None:
        for name in ("epochs", "epochs_correction", "batch_size", "most_steps"):
            value = getattr(self, name)
            if value != int(value) or value < 1:
                raise ValueError(f"{name} must be a positive whole number, got {value!r}")
        for name in ("rate", "penalty", "tolerance", "largest_penalty"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")
        if not self.growth > 1 or not 0 < self.progress < 1:
            raise ValueError(
                f"growth must exceed 1 and progress lie between 0 and 1, got {self.growth!r} and "
                f"{self.progress!r}"
            )


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
    settings: AdamSettings | None = None,
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
    settings : AdamSettings, optional
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
        If pairs are not periodic, or alpha is not zero.
    ImportError
        If PyTorch is not installed.
    """
    import torch

    settings = settings or AdamSettings()
    if pairs.boundary != "periodic" or gram.alpha != 0:
        raise ValueError(
            f"method 'adam' must have periodic pairs and alpha 0, got {pairs.boundary!r} and "
            f"{gram.alpha!r}"
        )
    scale = gram.horizon**-3  # the paper's coefficients are those of K times delta**3
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
    else:
        positive = np.asarray(positive, dtype=np.float64)
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


class _Batches:
    """Samples by mode, and epochs over them."""

    def __init__(
        self,
        pairs: TrainingPairs,
        gram: GramMatrix,
        scale: float,
        settings: AdamSettings,
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
        heard = size > _SILENT * np.sum(size)
        self.symbols = torch.tensor(np.vstack([symbols[heard]] * 2))
        self.u, self.f = (
            torch.tensor(np.hstack([values[:, heard].real, values[:, heard].imag]))
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
    settings: AdamSettings,
) -> tuple[Array, list[float], list[float]]:
    """Stage 2: D, and the losses and violations on the way."""
    import torch

    size = 1 / np.sqrt(gram.degree + 1)
    d = torch.rand(gram.degree + 1, generator=batches.generator, dtype=torch.float64)
    d = ((2 * d - 1) * size).requires_grad_()
    theta = torch.ones((), dtype=torch.float64, requires_grad=True)
    weights = torch.tensor(gram.weights * scale)
    fixed = torch.tensor(positive / scale)

    def excess() -> Any:
        w = weights @ d
        return allowed - torch.sum(torch.abs(w)) - torch.abs(torch.sum(w)) - theta**2

    multiplier, mu, before = 0.0, settings.penalty, float("inf")
    losses: list[float] = []
    violations: list[float] = []
    for _ in range(settings.most_steps):
        optimiser = torch.optim.Adam([d, theta], lr=settings.rate, foreach=False)

        def penalty(multiplier: float = multiplier, mu: float = mu) -> Any:
            h = excess()
            return multiplier * h + mu / 2 * h * h

        for _ in range(settings.epochs_correction):
            batches.epoch(optimiser, lambda: fixed + d, penalty)
        with torch.no_grad():
            h = float(excess())
        losses.append(gram.loss(positive + scale * d.detach().numpy()))
        violations.append(h)
        if abs(h) <= settings.tolerance:
            break
        if abs(h) >= settings.progress * before:
            mu *= settings.growth
            if mu >= settings.largest_penalty:
                break
        else:
            multiplier += mu * h
        before = abs(h)
    return scale * d.detach().numpy(), losses, violations
