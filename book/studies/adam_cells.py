"""Adam and the augmented Lagrangian of chapter 4's paper, all cells of its Table 1 side by side.

The cells share first coefficients, batches and rates, as they would one by one with the same seed,
and what one does to another is nothing. So each is what `nlbook.identification.fit_bernstein`
returns with `Adam()`, to rounding. A `Change` is what the second stage may do otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nlbook.identification import (
    Adam,
    biharmonic_pairs,
    biharmonic_symbol,
    gather,
    gram_matrix,
)

SEED = 2021
DEGREE = 20
SETTINGS = Adam()


@dataclass(frozen=True)
class Change:
    """What a run of the second stage does otherwise than Algorithm 1."""

    words: str  #: what is changed, in words
    signed: bool = False  #: stop at H <= epsilon, as printed, instead of at |H| <= epsilon
    moments: bool = False  #: keep Adam's moments from step to step
    fade: float = 1.0  #: by which Adam's rate is multiplied from step to step
    relative: bool = False  #: H over its bound 1 / (2 kappa)
    epochs: int = SETTINGS.epochs_correction  #: in each step
    growth: float = SETTINGS.growth  #: of mu; 1 keeps it and renews lambda in each step
    exact_slack: bool = False  #: theta minimised over exactly
    most_steps: int = 10  #: of the augmented Lagrangian


CHANGES = {
    "printed": Change("nothing, |H| judged"),
    "signed": Change("H judged with its sign, as printed", signed=True),
    "moments": Change("Adam's moments kept from step to step", moments=True),
    "fading": Change("rate halved from step to step", fade=0.5),
    "longer": Change("fifty epochs a step", epochs=50, most_steps=2),
    "relative": Change("H over its bound", relative=True),
    "constant": Change("penalty that does not grow", growth=1.0),
    "slack": Change("slack exact", exact_slack=True),
    "both": Change("slack exact, penalty that does not grow", exact_slack=True, growth=1.0),
}


class Cells:
    """All cells, by mode: the loss of a batch is sum of power (symbol of C + D / true - 1)**2."""

    def __init__(self, cs: list[float], horizons: list[float], n_samples: int) -> None:
        self.keys = [(i, j) for j in range(len(horizons)) for i in range(len(cs))]
        self.problems = [(cs[i], horizons[j]) for i, j in self.keys]
        self.grams = [
            gram_matrix(
                gather(biharmonic_pairs(c, delta, n_samples, SEED, condense=True)), delta, DEGREE
            )
            for c, delta in self.problems
        ]
        pairs = biharmonic_pairs(*self.problems[0], n_samples, SEED)
        modes = np.fft.rfft(pairs.f, axis=1)[:, 1:40] / pairs.n_nodes
        power = 2 * np.abs(modes) ** 2
        excited = np.mean(power, axis=0) > 1e-18 * np.mean(power, axis=0).sum()
        self.power = torch.tensor(power[:, excited])
        k = 2 * np.pi * (np.flatnonzero(excited) + 1)
        self.scale = np.array([delta**-3 for _, delta in self.problems])
        self.ratio = torch.tensor(
            np.array(
                [
                    (gram.mode_rows[np.flatnonzero(excited)] @ gram.weights)
                    / gram.horizon**3
                    / biharmonic_symbol(k, c, gram.horizon)[:, np.newaxis]
                    for gram, (c, _) in zip(self.grams, self.problems, strict=True)
                ]
            )
        )
        # node weights of the paper's coefficients, those of shorter horizons filled with zeros
        longest = max(gram.weights.shape[0] for gram in self.grams)
        self.weights = torch.tensor(
            np.array(
                [
                    np.pad(gram.weights, [(0, longest - gram.weights.shape[0]), (0, 0)])
                    / gram.horizon**3
                    for gram in self.grams
                ]
            )
        )

    def losses(self, coefficients: torch.Tensor) -> list[float]:
        """Of all samples."""
        scaled = coefficients.detach().numpy() * self.scale[:, np.newaxis]
        return [gram.loss(c) for gram, c in zip(self.grams, scaled, strict=True)]

    def epoch(
        self,
        optimiser: torch.optim.Optimizer,
        coefficients: Callable[[], torch.Tensor],
        generator: torch.Generator,
        penalty: Callable[[], torch.Tensor] | None = None,
        after: Callable[[], Any] = lambda: None,
    ) -> None:
        """One pass over the samples, in the batches that the package would draw."""
        n, size = len(self.power), SETTINGS.batch_size
        order = torch.randperm(n, generator=generator)
        for part in torch.split(order, size):
            power = self.power[part].mean(dim=0)
            optimiser.zero_grad(set_to_none=True)
            missed = torch.einsum("ckm,cm->ck", self.ratio, coefficients()) - 1
            loss = (power * missed**2).sum(dim=1)
            if penalty is not None:
                loss = loss + penalty()
            loss.sum().backward()
            optimiser.step()
            after()


def first_stage(
    cells: Cells, generator: torch.Generator, epochs: int
) -> tuple[torch.Tensor, list[list[float]]]:
    """C of all cells, and their losses after each epoch."""
    start = torch.rand(DEGREE + 1, generator=generator, dtype=torch.float64)
    c = start.repeat(len(cells.keys), 1).requires_grad_()
    optimiser = torch.optim.Adam([c], lr=SETTINGS.rate)
    history = []

    def clamp() -> None:
        with torch.no_grad():
            c.clamp_(min=0.0)

    for _ in range(epochs):
        cells.epoch(optimiser, lambda: torch.relu(c), generator, after=clamp)
        history.append(cells.losses(c))
    return c.detach(), history


def second_stage(
    cells: Cells, generator: torch.Generator, c: torch.Tensor, change: Change
) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """D of all cells, how far they are from their bounds, and the steps taken."""
    n = len(cells.keys)
    positive = c.numpy() * cells.scale[:, np.newaxis]
    allowed = torch.tensor(
        [
            gram.lowest_eigenpair(gram.weights @ one)[0] / 2
            for gram, one in zip(cells.grams, positive, strict=True)
        ]
    )
    start = torch.rand(DEGREE + 1, generator=generator, dtype=torch.float64)
    d = ((2 * start - 1) / np.sqrt(DEGREE + 1)).repeat(n, 1).requires_grad_()
    theta = torch.ones(n, dtype=torch.float64, requires_grad=True)
    unit = allowed if change.relative else torch.ones_like(allowed)
    multiplier, mu = torch.zeros_like(allowed), torch.full_like(allowed, SETTINGS.penalty)
    before = np.full(n, np.inf)
    going, steps = np.ones(n, dtype=bool), np.zeros(n, dtype=int)

    def norm() -> torch.Tensor:
        w = torch.einsum("cjm,cm->cj", cells.weights, d)
        return w.abs().sum(dim=1) + w.sum(dim=1).abs()

    def excess() -> torch.Tensor:
        room = (allowed - norm()) / unit
        return torch.minimum(room, -multiplier / mu) if change.exact_slack else room - theta**2

    def penalty() -> torch.Tensor:
        if change.exact_slack:
            pull = torch.clamp(multiplier + mu * (allowed - norm()) / unit, max=0.0)
            return (pull * pull - multiplier**2) / (2 * mu)
        h = excess()
        return multiplier * h + mu / 2 * h * h

    optimiser = torch.optim.Adam([d, theta], lr=SETTINGS.rate)
    for step in range(change.most_steps):
        kept = d.detach().clone(), theta.detach().clone()
        if not change.moments:
            rate = SETTINGS.rate * change.fade**step
            optimiser = torch.optim.Adam([d, theta], lr=rate)
        for _ in range(change.epochs):
            cells.epoch(optimiser, lambda: c + d, generator, penalty)
        with torch.no_grad():
            done = torch.tensor(~going)
            d[done], theta[done] = kept[0][done], kept[1][done]  # these have stopped
            h = excess().numpy()
        steps += going
        judged = h if change.signed else np.abs(h)
        for k in np.flatnonzero(going):
            near = judged[k] <= SETTINGS.tolerance
            if near and not change.exact_slack:
                going[k] = False
            elif change.growth > 1 and not near and judged[k] >= SETTINGS.progress * before[k]:
                mu[k] *= change.growth
                going[k] = bool(mu[k] < SETTINGS.largest_penalty)
            else:
                multiplier[k] += mu[k] * h[k]
            before[k] = judged[k]
        if not going.any():
            break
    with torch.no_grad():
        repair = np.minimum(1.0, allowed.numpy() * (1 - 1e-14) / norm().numpy())
        return d.detach() * torch.tensor(repair)[:, None], h, steps
