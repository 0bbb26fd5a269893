"""The paper's Algorithm 1: Adam in two stages, the second an augmented Lagrangian.

Stage 1, the prediction step, minimises the loss of lambda, mu, alpha and coefficients D that are
not negative: after each step D goes to ReLU(D), mu to ReLU(mu), lambda to ReLU(lambda + mu) - mu
and alpha to 3 - ReLU(3 - alpha) [1]_; here to 2.99 at most, as there is no operator at 3. Stage 2
lets D have any sign, and adds for each condition of solvability, with a slack w and least
eigenvalues Lambda,

    phi H + (psi/2) H**2,     H1 = Lambda(Gamma) - zeta - w1**2,
    H2 = Lambda(Phi Gamma^+ Phi^T) - zeta - w2**2,     H3 = Lambda(Gamma - 2 Phi^T Phi) - w3**2.

On a periodic grid all eigenvalues are those of 2 x 2 blocks: Gamma/mu, the number
g^T Gamma^-1 g/mu where g is not zero, and Gamma/mu - 2 g g^T/mu**2 at each wavevector. The loss is
that of all samples, the paper's batch of 70, from its triangles. Moduli are in units of the data's
own stiffness, which for graphene is about the paper's TPa.

It is here to compare with: `nlbook.peridynamics.GaussNewton` ends lower, sooner.

References
----------
.. [1] H. You, Y. Yu, S. Silling, M. D'Elia, Comput. Methods Appl. Mech. Eng. 389 (2022) 114400,
   section 4.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.convex import SolverFailure
from nlbook.peridynamics.learning.adam_terms import GridTerms
from nlbook.peridynamics.learning.choices import Adam
from nlbook.peridynamics.learning.sample_spectra import SampleSpectrum
from nlbook.peridynamics.quadrature import lattice_quadrature

__all__ = ["LARGEST_ALPHA", "AdamHistory", "adam_descent"]

Array = NDArray[np.float64]

#: Where a learned alpha is held: at 3 the integrals that m(delta) of the kernel stands for diverge.
LARGEST_ALPHA = 2.99
# The loss stagnates when it falls by less than this share over so many epochs.
_STAGNANT, _OVER = 1e-4, 100


@dataclass(frozen=True, eq=False)
class AdamHistory:
    """How the optimiser came where it ended."""

    #: loss before each epoch of the prediction step (n,), the square of E_Res
    first: Array
    #: loss after each step of the augmented Lagrangian (n_second,)
    second: Array
    #: H1, H2 and H3 after each (n_second, 3), in 1/length**2, 1 and 1/length**2
    violation: Array
    #: lambda and mu after each step of Adam, of both stages, in the unit of the loads times length
    #: squared (n, 2)
    path: Array
    #: whether it ended by its own rule: every |H| small, or a loss that stagnates
    stopped: bool

    @property
    def losses(self) -> Array:
        """Losses of both stages, one after the other."""
        return np.concatenate([self.first, self.second])

    @property
    def n_steps(self) -> int:
        """Steps of Adam in all."""
        return len(self.path)

    @property
    def moduli(self) -> Array:
        """Lambda and mu after each step of the augmented Lagrangian (n_second, 2)."""
        n_first, n_second = len(self.first), len(self.second)
        each = (len(self.path) - n_first) // max(1, n_second)
        return self.path[n_first + each - 1 :: each] if n_second else self.path[:0]


def adam_descent(
    spectra: Sequence[SampleSpectrum],
    horizon: float,
    degree: int,
    alpha: float,
    settings: Adam,
    *,
    corrected: bool = True,
) -> tuple[Array, float, AdamHistory]:
    """Fit by the paper's algorithm.

    Parameters
    ----------
    spectra : sequence of SampleSpectrum
        Data, one a grid.
    horizon : float
        delta on the nominal spacing, length.
    degree : int
        M.
    alpha : float
        Exponent of 1/r**alpha, or the first one where it is learned too.
    settings : Adam
        Of the algorithm.
    corrected : bool
        Go on to the correction step.

    Returns
    -------
    found : ndarray, shape (M + 2,)
        Coefficients a = mu D/m(delta), and rho = (lambda - mu)/mu.
    alpha : float
    history : AdamHistory

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    SolverFailure
        If it ends at a shear modulus or a weighted volume of zero.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # blocks of 2 x 2: more threads wait for each other
    try:
        return _descent(spectra, horizon, degree, alpha, settings, corrected)
    finally:
        torch.set_num_threads(threads)


def _descent(
    spectra: Sequence[SampleSpectrum],
    horizon: float,
    degree: int,
    alpha: float,
    settings: Adam,
    corrected: bool,
) -> tuple[Array, float, AdamHistory]:
    import torch

    unit = max(one.stiffness for one in spectra)
    grids = [GridTerms(one, horizon, degree, unit) for one in spectra]
    generator = torch.Generator().manual_seed(settings.seed)
    drawn = torch.rand(degree + 3, generator=generator, dtype=torch.float64)
    # lambda, mu, D, alpha; the array and the tensor are one piece of memory
    theta = torch.cat([drawn, torch.tensor([float(alpha)], dtype=torch.float64)])
    unknowns = theta.numpy()
    moduli, d = unknowns[:2], unknowns[2:-1]

    def loss() -> tuple[float, Array]:
        each = [grid.loss(moduli, d, unknowns[-1]) for grid in grids]
        slope = np.sum([one[1] for one in each], axis=0)
        if not settings.search_alpha:
            slope[-1] = 0.0
        return sum(one[0] for one in each), slope

    path: list[Array] = []

    def admissible(positive: bool) -> None:
        """What the paper maps after each step."""
        if positive:
            np.maximum(d, 0.0, out=d)
        moduli[1] = max(moduli[1], 0.0)
        moduli[0] = max(moduli[0] + moduli[1], 0.0) - moduli[1]
        if settings.search_alpha:
            unknowns[-1] = min(unknowns[-1], LARGEST_ALPHA)
        path.append(unit * moduli)

    first: list[float] = []
    optimiser = torch.optim.Adam([theta], lr=settings.rate, foreach=False)
    for _ in range(settings.epochs):
        value, slope = loss()
        first.append(value)
        _step(optimiser, theta, slope)
        admissible(positive=True)
    second: list[float] = []
    violation: list[Array] = []
    stopped = len(first) > _OVER and first[-_OVER] - first[-1] <= _STAGNANT * first[-1]
    if corrected:
        stopped = _augmented(
            grids, theta, loss, lambda: admissible(False), settings, second, violation
        )
    last, mu = float(unknowns[-1]), float(moduli[1])
    volume = grids[0].volume(d, last)
    if not (mu > 0 and math.isfinite(mu) and abs(volume) > 0):
        raise SolverFailure(
            f"Adam ended without a solid, at a shear modulus of {unit * mu:.3g} and a weighted "
            f"volume of {volume:.3g}: give it another seed or a lower rate"
        )
    reach = lattice_quadrature(spectra[0].grid.spacing, horizon).kernel_horizon
    a = mu * unit * d * reach**last / volume
    rho = float(moduli[0]) / mu - 1
    history = AdamHistory(
        np.array(first), np.array(second), np.array(violation).reshape(-1, 3), np.array(path),
        stopped,
    )  # fmt: skip
    return np.append(a, rho), last, history


def _augmented(
    grids: Sequence[GridTerms],
    theta: Any,
    loss: Callable[[], tuple[float, Array]],
    admissible: Callable[[], None],
    settings: Adam,
    losses: list[float],
    violations: list[Array],
) -> bool:
    """Stage 2; whether every H became small."""
    import torch

    unknowns = theta.numpy()
    d = unknowns[2:-1]
    slack = torch.ones(3, dtype=torch.float64)
    w = slack.numpy()
    asked = np.array([settings.coercivity, settings.coercivity, 0.0])
    multipliers, psi = np.zeros(3), settings.penalty
    before = np.full(3, np.inf)

    def excess() -> tuple[Array, Array]:
        each = [grid.rooms(d, unknowns[-1]) for grid in grids]
        least = np.argmin([one[0] for one in each], axis=0)
        rooms = np.array([each[g][0][n] for n, g in enumerate(least)])
        slopes = np.array([each[g][1][n] for n, g in enumerate(least)])
        if not settings.search_alpha:
            slopes[:, -1] = 0.0
        return rooms - asked - w**2, slopes

    for _ in range(settings.most_steps):
        optimiser = torch.optim.Adam([theta, slack], lr=settings.rate, foreach=False)
        for _ in range(settings.epochs_correction):
            _, slope = loss()
            h, slopes = excess()
            force = multipliers + psi * h
            slope[2:] += force @ slopes
            slack.grad = torch.from_numpy(-2 * force * w)
            _step(optimiser, theta, slope)
            admissible()
        h, _ = excess()
        losses.append(loss()[0])
        violations.append(h)
        sizes = np.abs(h)
        if np.all(sizes <= settings.tolerance):
            return True
        if np.any(sizes >= settings.progress * before):
            psi *= settings.growth
            if psi >= settings.largest_penalty:
                return False
        else:
            multipliers = multipliers + psi * h
        before = sizes
    return False


def _step(optimiser: Any, theta: Any, slope: Array) -> None:
    """One step of Adam with slopes that are known."""
    import torch

    theta.grad = torch.from_numpy(slope)
    optimiser.step()
