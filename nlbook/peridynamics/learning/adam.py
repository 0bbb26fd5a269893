"""The paper's Algorithm 1: Adam in two stages, the second an augmented Lagrangian.

Stage 1, the prediction step, minimises the loss of lambda, mu, alpha and coefficients D that are
not negative: after each step D goes to ReLU(D), mu to ReLU(mu), lambda to ReLU(lambda + mu) - mu
and alpha to 3 - ReLU(3 - alpha) [1]_. Stage 2 lets D have any sign, and adds for each condition of
solvability, with a slack w and least eigenvalues Lambda,

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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.kernels import bernstein_basis
from nlbook.peridynamics.learning.choices import Adam
from nlbook.peridynamics.learning.sample_spectra import SampleSpectrum
from nlbook.peridynamics.quadrature import lattice_quadrature
from nlbook.peridynamics.symbols import sums_over_ball

__all__ = ["AdamHistory", "adam_descent"]

Array = NDArray[np.float64]

# Dilatations whose g is less than this share of the largest are the zeros that H2 leaves out.
_NO_DILATATION = 1e-9
# The loss stagnates when it falls by less than this share over so many epochs.
_STAGNANT, _OVER = 1e-4, 100


@dataclass(frozen=True, eq=False)
class AdamHistory:
    """How the optimiser came where it ended."""

    #: loss before each epoch of the prediction step (n,), the square of E_Res
    first: Array
    #: loss after each step of the augmented Lagrangian (n_steps,)
    second: Array
    #: H1, H2 and H3 after each (n_steps, 3), in 1/length**2, 1 and 1/length**2
    violation: Array
    #: lambda and mu after each, in the unit of the loads times length squared (n_steps, 2)
    moduli: Array
    #: the same after each step of Adam, of both stages (n, 2)
    path: Array
    #: steps of Adam in all
    n_steps: int
    #: whether it ended by its own rule: every |H| small, or a loss that stagnates
    stopped: bool

    @property
    def losses(self) -> Array:
        """Losses of both stages, one after the other."""
        return np.concatenate([self.first, self.second])


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
    grids = [_Grid(one, horizon, degree, unit) for one in spectra]
    generator = torch.Generator().manual_seed(settings.seed)
    drawn = torch.rand(degree + 3, generator=generator, dtype=torch.float64)
    moduli = drawn[:2].clone().requires_grad_()  # lambda, mu
    exponent = torch.tensor(float(alpha), dtype=torch.float64, requires_grad=settings.search_alpha)
    d = drawn[2:].clone().requires_grad_()
    free = [moduli, d] + ([exponent] if settings.search_alpha else [])

    def loss() -> Any:
        return sum(grid.loss(moduli, d, exponent) for grid in grids)

    path: list[Array] = []

    def admissible(positive: bool) -> None:
        """What the paper maps after each step."""
        with torch.no_grad():
            if positive:
                d.clamp_(min=0.0)
            moduli[1].clamp_(min=0.0)
            moduli[0] = torch.clamp(moduli[0] + moduli[1], min=0.0) - moduli[1]
            exponent.clamp_(max=3.0)
        path.append(unit * moduli.detach().numpy())

    first: list[float] = []
    optimiser = torch.optim.Adam(free, lr=settings.rate, foreach=False)
    for _ in range(settings.epochs):
        first.append(_step(optimiser, loss))
        admissible(positive=True)
    second: list[float] = []
    violation: list[Array] = []
    on_the_way: list[Array] = []
    n_steps = settings.epochs
    stopped = len(first) > _OVER and first[-_OVER] - first[-1] <= _STAGNANT * first[-1]
    if corrected:
        stopped = _augmented(
            grids, (moduli, d, exponent), free, loss, lambda: admissible(False), settings,
            second, violation, on_the_way,
        )  # fmt: skip
        n_steps += settings.epochs_correction * len(second)
    with torch.no_grad():
        volume = float(grids[0].volume(d, exponent))
        mu = float(moduli[1])
        last = float(exponent)
        reach = lattice_quadrature(spectra[0].grid.spacing, horizon).kernel_horizon
        a = mu * unit * d.numpy() * reach**last / volume
        rho = float(moduli[0]) / mu - 1 if mu > 0 else 0.0
    history = AdamHistory(
        np.array(first), np.array(second), np.array(violation).reshape(-1, 3),
        unit * np.array(on_the_way).reshape(-1, 2), np.array(path), n_steps, stopped,
    )  # fmt: skip
    return np.append(a, rho), last, history


class _Grid:
    """Data and symbols of one grid, by orbits of the ball: (i, j), (-i, j), (i, -j), (-i, -j)."""

    def __init__(self, one: SampleSpectrum, horizon: float, degree: int, unit: float) -> None:
        import torch

        ball = lattice_quadrature(one.grid.spacing, horizon)
        _, which = np.unique(np.abs(ball.steps), axis=0, return_inverse=True)
        members = ball.weights[:, np.newaxis] * np.eye(which.max() + 1)[which.ravel()]
        gamma, g = sums_over_ball(one.grid.wavevectors[1:], ball.offsets, members)
        three = np.stack([gamma[:, :, i, j] for i, j in ((0, 0), (0, 1), (1, 1))], axis=1)
        first = [int(np.flatnonzero(which.ravel() == n)[0]) for n in range(which.max() + 1)]
        t = ball.distances[first] / ball.kernel_horizon
        triangles = one.triangles[1:]
        self.bernstein = torch.tensor(bernstein_basis(degree, t))
        self.log = torch.tensor(np.log(t))
        self.volumes = torch.tensor(ball.distances**2 @ members)
        self.gamma = torch.tensor(three)
        self.g = torch.tensor(np.swapaxes(g, 1, 2).copy())
        self.bonds = torch.tensor(unit * (triangles @ three).reshape(-1, three.shape[2]))
        self.triangles = torch.tensor(unit * triangles)
        self.targets = torch.tensor(one.targets[1:].reshape(-1))
        self.rest = one.rest
        size = np.abs(g).sum(axis=(1, 2))
        self.dilates = torch.tensor(size > _NO_DILATATION * size.max())

    def kernel(self, d: Any, exponent: Any) -> Any:
        import torch

        return (self.bernstein @ d) * torch.exp(-exponent * self.log)

    def volume(self, d: Any, exponent: Any) -> Any:
        return self.volumes @ self.kernel(d, exponent)

    def loss(self, moduli: Any, d: Any, exponent: Any) -> Any:
        import torch

        kernel = self.kernel(d, exponent)
        kernel = kernel / (self.volumes @ kernel)
        g = self.g @ kernel
        squares = torch.stack([g[:, 0] ** 2, g[:, 0] * g[:, 1], g[:, 1] ** 2], dim=1)
        dilatation = torch.bmm(self.triangles, squares[..., None]).reshape(-1)
        residual = moduli[1] * (self.bonds @ kernel) + (moduli[0] - moduli[1]) * dilatation
        residual = residual - self.targets
        return torch.dot(residual, residual) + self.rest

    def room(self, d: Any, exponent: Any) -> Any:
        """Least eigenvalues of Gamma, of Phi Gamma^+ Phi^T and of Gamma - 2 Phi^T Phi."""
        import torch

        kernel = self.kernel(d, exponent)
        kernel = kernel / (self.volumes @ kernel)
        b11, b12, b22 = (self.gamma @ kernel).unbind(1)
        g1, g2 = (self.g @ kernel).unbind(1)
        determinant = b11 * b22 - b12 * b12
        inf_sup = (b22 * g1 * g1 - 2 * b12 * g1 * g2 + b11 * g2 * g2) / determinant
        return torch.stack(
            [
                _least(b11, b12, b22),
                torch.min(inf_sup[self.dilates]),
                _least(b11 - 2 * g1 * g1, b12 - 2 * g1 * g2, b22 - 2 * g2 * g2),
            ]
        )


def _augmented(
    grids: Sequence[_Grid],
    unknowns: tuple[Any, Any, Any],
    free: list[Any],
    loss: Callable[[], Any],
    admissible: Callable[[], None],
    settings: Adam,
    losses: list[float],
    violations: list[Array],
    on_the_way: list[Array],
) -> bool:
    """Stage 2; whether every H became small."""
    import torch

    moduli, d, exponent = unknowns
    slack = torch.ones(3, dtype=torch.float64, requires_grad=True)
    asked = torch.tensor([settings.coercivity, settings.coercivity, 0.0], dtype=torch.float64)
    multipliers, psi = torch.zeros(3, dtype=torch.float64), settings.penalty
    before = np.full(3, np.inf)

    def excess() -> Any:
        rooms = torch.stack([grid.room(d, exponent) for grid in grids])
        return torch.min(rooms, dim=0).values - asked - slack**2

    def penalised() -> Any:
        h = excess()
        return loss() + torch.dot(multipliers, h) + psi / 2 * torch.dot(h, h)

    for _ in range(settings.most_steps):
        optimiser = torch.optim.Adam([*free, slack], lr=settings.rate, foreach=False)
        for _ in range(settings.epochs_correction):
            _step(optimiser, penalised)
            admissible()
        with torch.no_grad():
            h = excess().numpy()
            losses.append(float(loss()))
            on_the_way.append(moduli.numpy().copy())
        violations.append(h)
        sizes = np.abs(h)
        if np.all(sizes <= settings.tolerance):
            return True
        if np.any(sizes >= settings.progress * before):
            psi *= settings.growth
            if psi >= settings.largest_penalty:
                return False
        else:
            multipliers = multipliers + psi * torch.tensor(h)
        before = sizes
    return False


def _step(optimiser: Any, loss: Callable[[], Any]) -> float:
    optimiser.zero_grad(set_to_none=True)
    value = loss()
    value.backward()
    optimiser.step()
    return float(value.detach())


def _least(b11: Any, b12: Any, b22: Any) -> Any:
    """Smallest eigenvalue of all symmetric 2x2 matrices."""
    import torch

    half = (b11 - b22) / 2
    # a root of zero has no slope: blocks that are multiples of the identity
    root = torch.sqrt(half * half + b12 * b12 + 1e-300)
    return torch.min((b11 + b22) / 2 - root)
