"""Level 1 of the bi-level fit: the coefficients of a kernel by least squares.

Between two steps of the data, dt apart, the density should change by dt times the operator. With
weights w_j of second differences, S_j p_i = p_{i+j} - 2 p_i + p_{i-j}, and p = 0 beyond the grid,
that is a linear system for D over all nodes and steps [1]_,

    (p^{k+1}_i - p^k_i)/dt = D sum_j w_j (S_j p^k)_i.

Least squares needs its inner products alone, and these are quadratic in the data and linear, or
quadratic, in the weights:

    <L p, dp/dt> = sum_j w_j c_j,      c_j  = sum_k <S_j p^k, (p^{k+1} - p^k)/dt>,
    <L p, L p>   = sum_ij w_i w_j G_ij,  G_ij = sum_k <S_i p^k, S_j p^k>.

c and G do not depend on the kernel: they are computed once for a set of data, from its
autocorrelations, and Level 1 is then one product of G with the weights. On an unbounded line
G_ij = 2 R(i+j) + 2 R(i-j) - 4 R(i) - 4 R(j) + 4 R(0), R(l) = sum_k sum_i p^k_i p^k_{i+l}. From
that we take what lies beyond the ends of the grid, where the equation is not asked for: with e_i
the i-th value from an end, Q_ij = e_i e_j + Q_{i-1,j-1}.

That answer is moved by noise: an error of p^k enters the operator, which magnifies its short waves,
and the change that follows, with opposite signs, so that their product doesn't average to zero.
Integrated from the first time on,

    p^k_i - p^0_i = D sum_j w_j (S_j P^k)_i,   P^k = sum of p dt over the steps before k,

the errors in P^k are averaged over time and hardly those of p^k - p^0. Both are sums of the same
kind, over rows whose left sides and right sides are combinations of the snapshots: the equations
of `step_equations`, and of `summed_equations` and `integrated_equations`.

Between snapshots the data are linear in time, so that sums over rows are sums over pairs of
snapshots.

References
----------
.. [1] E. A. Barros de Moraes, M. D'Elia, M. Zayernouri, Comput. Methods Appl. Mech. Eng. 403
   (2023) 115743, equations (22) to (24).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft, interpolate, linalg, optimize

__all__ = [
    "Equations",
    "InnerProducts",
    "inner_products",
    "integrated_equations",
    "interpolation_matrix",
    "relative_coefficients",
    "step_equations",
    "summed_equations",
]


@dataclass(frozen=True)
class Equations:
    """Rows of Level 1: the operator of one combination of the snapshots should be another."""

    #: shares of the snapshots in what the operator is applied to (n_rows, n_snapshots)
    applied: NDArray[np.float64]
    #: shares in what should come of it (n_rows, n_snapshots)
    change: NDArray[np.float64]

    def __getitem__(self, rows: slice) -> Equations:
        """Some of the rows."""
        return Equations(self.applied[rows], self.change[rows])


@dataclass(frozen=True)
class InnerProducts:
    """What Level 1 needs of the data; m is the number of nodes.

    The last of the m entries stands for all distances of m nodes and more, at which both
    neighbours lie beyond the grid: S p = -2 p.
    """

    #: c_j (m,)
    response: NDArray[np.float64]
    #: G_ij (m, m)
    gram: NDArray[np.float64]
    #: <dp/dt, dp/dt>
    square: float

    def __add__(self, other: InnerProducts) -> InnerProducts:
        """Those of the data of both together."""
        return InnerProducts(
            self.response + other.response, self.gram + other.gram, self.square + other.square
        )

    def coefficients(
        self, columns: NDArray[np.float64], *, positive: bool = False
    ) -> NDArray[np.float64]:
        """Best coefficients of several sets of weights at once.

        Parameters
        ----------
        columns : ndarray, shape (m,) or (n_columns, m)
            Weights of the second differences, each set with unit coefficient; see `pad_weights`.
        positive : bool
            Among coefficients that are not negative.

        Returns
        -------
        ndarray, shape (n_columns,)
            Least-squares solution, of least norm if columns depend on one another.
        """
        weights = np.atleast_2d(columns)
        n_used = int(np.flatnonzero(weights.any(axis=0))[-1]) + 1
        near = weights[:, :n_used]
        normal = near @ self.gram[:n_used, :n_used] @ near.T
        right = near @ self.response[:n_used]
        return _solve(normal, right, positive)

    def pad_weights(self, weights: NDArray[np.float64], total: float) -> NDArray[np.float64]:
        """Weights w_1, w_2, ... brought to m entries; `total` is the sum of all of them."""
        m = self.response.size
        out = np.zeros(m)
        near = weights[: m - 1]
        out[: near.size] = near
        out[-1] = total - near.sum()
        if out[-1] < 1e-14 * total:  # rounding
            out[-1] = 0.0
        return out


def inner_products(density: NDArray[np.float64], equations: Equations) -> InnerProducts:
    """Inner products of the data over the equations of Level 1.

    Parameters
    ----------
    density : ndarray, shape (n_snapshots, m)
        Densities at the nodes.
    equations : Equations
        What the operator is applied to, and what should come of it.
    """
    now, change = equations.applied, equations.change
    partner = (now.T @ now) @ density  # sum over rows of p^k x p^k = sum of density x partner
    rate = (now.T @ change) @ density
    square = float(np.sum((change.T @ change @ density) * density))

    m = density.shape[1]
    size = fft.next_fast_len(2 * m, real=True)
    modes, partner_modes, rate_modes = (fft.rfft(a, size) for a in (density, partner, rate))
    lags = np.arange(m)
    correlation = fft.irfft(np.sum(modes.conj() * partner_modes, axis=0), size)
    crossed = fft.irfft(np.sum(modes.conj() * rate_modes, axis=0), size)

    # R is even, since sums over pairs of snapshots are symmetric
    even = np.zeros(2 * m)
    even[:m] = (correlation[lags] + correlation[-lags]) / 2
    near = np.arange(1, m)
    gram = np.empty((m, m))
    inner = gram[:-1, :-1]
    inner[:] = sliding_window_view(even[2:], m - 1)[: m - 1]
    both = np.concatenate([even[m - 2 : 0 : -1], even[: m - 1]])
    inner += sliding_window_view(both, m - 1)[::-1]
    inner -= 2 * even[near]
    inner -= 2 * even[near, np.newaxis]
    inner += 2 * even[0]
    inner *= 2
    for ends in (slice(None, 0, -1), slice(None, -1)):
        inner -= _beyond(density[:, ends], partner[:, ends])
    gram[-1, :-1] = gram[:-1, -1] = -4 * (even[near] - even[0])
    gram[-1, -1] = 4 * even[0]
    response = np.empty(m)
    response[:-1] = crossed[near] + crossed[-near] - 2 * crossed[0]
    response[-1] = -2 * crossed[0]
    return InnerProducts(response, gram, square)


def step_equations(
    weights_in_time: NDArray[np.float64], dt: float, *, centred: bool = False
) -> Equations:
    """Those of each step: the operator of the data, and their rate of change.

    Parameters
    ----------
    weights_in_time : ndarray, shape (n_steps + 1, n_snapshots)
        Share of each snapshot in the data at each step: see `interpolation_matrix`.
    dt : float
        Time between two steps.
    centred : bool
        Apply the operator to the mean of both ends of a step, which for data that evolve exactly
        errs by dt**2, and not to its start, as a step of forward Euler has it.
    """
    now = weights_in_time[:-1]
    if centred:
        now = (now + weights_in_time[1:]) / 2
    return Equations(now, np.diff(weights_in_time, axis=0) / dt)


def summed_equations(weights_in_time: NDArray[np.float64], dt: float) -> Equations:
    """Those from the first step to each later one, of data that take steps of forward Euler.

    Parameters
    ----------
    weights_in_time, dt
        As in `step_equations`.
    """
    before = dt * np.cumsum(weights_in_time[:-1], axis=0)
    return Equations(before, weights_in_time[1:] - weights_in_time[0])


def integrated_equations(times: NDArray[np.float64]) -> Equations:
    """Those from the first time to each later one, of data that evolve exactly.

    The data are integrated as a cubic spline in time; a line or a parabola through two or three
    snapshots. Trapezia would err by the square of the distance in time: at 3 snapshots over which
    a variance doubles, by 3 to 4 % of D where the parabola errs by less than one.

    Parameters
    ----------
    times : ndarray, shape (n_snapshots,)
        Ascending.
    """
    unit = np.eye(times.size)
    integral = interpolate.CubicSpline(times - times[0], unit).antiderivative()
    return Equations(np.asarray(integral(times[1:] - times[0])), unit[1:] - unit[0])


def interpolation_matrix(
    times: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Shares of the snapshots at `times` in the data at `wanted`, linear in between.

    Parameters
    ----------
    times : ndarray, shape (n_snapshots,)
        Ascending.
    wanted : ndarray, shape (n,)
        Within `times`.

    Returns
    -------
    ndarray, shape (n, n_snapshots)
        Rows sum to one.
    """
    after = np.clip(np.searchsorted(times, wanted), 1, times.size - 1)
    share = np.clip((wanted - times[after - 1]) / (times[after] - times[after - 1]), 0.0, 1.0)
    out = np.zeros((wanted.size, times.size))
    rows = np.arange(wanted.size)
    out[rows, after - 1] = 1.0 - share
    out[rows, after] = share
    return out


def relative_coefficients(
    columns: NDArray[np.float64],
    change: NDArray[np.float64],
    weight: NDArray[np.float64],
    *,
    positive: bool = False,
) -> NDArray[np.float64]:
    """Least squares of relative residuals, (dp/dt - sum of D_c L_c p) / p.

    A logarithm's rate of change is dp/dt / p, so this Level 1 asks for what the logarithmic cost
    of Level 2 compares; plain least squares hears the middle of a density alone.

    Parameters
    ----------
    columns : ndarray, shape (n_columns, n_times, m)
        L_c p, with unit coefficients.
    change : ndarray, shape (n_times, m)
        dp/dt.
    weight : ndarray, shape (n_times, m)
        1/p, zero where nothing is compared.
    positive : bool
        Among coefficients that are not negative.

    Returns
    -------
    ndarray, shape (n_columns,)
    """
    weighted = (columns * weight).reshape(len(columns), -1)
    return _solve(weighted @ weighted.T, weighted @ (change * weight).ravel(), positive)


def _solve(
    normal: NDArray[np.float64], right: NDArray[np.float64], positive: bool
) -> NDArray[np.float64]:
    # columns may differ by orders of magnitude: solve with unit diagonal
    scale = 1.0 / np.sqrt(np.diagonal(normal))
    scaled = normal * np.multiply.outer(scale, scale)
    if not positive:
        return np.asarray(scale * linalg.lstsq(scaled, right * scale)[0])
    # the normal matrix as a square: |root x - b|**2 is the sum of squares, less a constant
    values, vectors = linalg.eigh(scaled)
    root = np.sqrt(np.maximum(values, 1e-14 * values[-1]))
    target = vectors.T @ (right * scale) / root
    solution, _ = optimize.nnls(root[:, np.newaxis] * vectors.T, target)
    return np.asarray(scale * solution)


def _beyond(ends: NDArray[np.float64], partner: NDArray[np.float64]) -> NDArray[np.float64]:
    """Part of G from the nodes beyond one end, whose i-th values inside are the columns."""
    product = ends.T @ partner
    product = (product + product.T) / 2
    for i in range(1, len(product)):
        product[i, 1:] += product[i - 1, :-1]
    return product
