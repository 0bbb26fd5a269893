"""Weights of a nonlocal diffusion operator on a line of equally spaced nodes.

By symmetry the operator is an integral of second differences,

    L u(x) = int_0^delta K(r) r**2 q(r) dr,   q(r) = (u(x + r) - 2 u(x) + u(x - r)) / r**2,

so that a rule is a set of weights w_j with  L u(x_i) ~ sum_j w_j (u_{i+j} - 2 u_i + u_{i-j}).

``"nodes"``
    w_j = h K(j h) for j = 1 .. floor(delta/h), as in the paper [1]_. The part of the integral
    within the first cell is missing, which for K = D / r**alpha is of order h**(3 - alpha): near
    alpha = 3 almost all of it. The horizon counts in whole cells.

``"covered"``
    q is smooth where u is, so q, not u, is interpolated linearly between nodes, and its product
    with K(r) r**2 is integrated up to delta, which may lie between nodes (this is product
    integration, as in [2]_):

        w_j (j h)**2 = int_0^delta K(r) r**2 hat_j(r) dr,   hat_j(r) = max(0, 1 - |r/h - j|),

    where the first cell takes q(h) throughout: hat_1 = 1 below h. The weights of a positive kernel
    are positive, sum_j w_j (j h)**2 is the exact moment at every h, w_j has a continuous
    derivative in delta, and the rule converges at second order for all alpha below 3. It tends to
    the ordinary second difference as alpha tends to 3 at fixed second moment.

References
----------
.. [1] E. A. Barros de Moraes, M. D'Elia, M. Zayernouri, Comput. Methods Appl. Mech. Eng. 403
   (2023) 115743, equation (21).
.. [2] Y. Huang, A. Oberman, SIAM J. Numer. Anal. 52 (2014) 3056.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from nlbook.checks import check_choice, check_integer, check_number
from nlbook.diffusion.checks import DiffusionWarning
from nlbook.kernels import PowerLawKernel, RadialKernel, check_kernel

__all__ = [
    "LineWeights",
    "Rule",
    "check_rule",
    "covered_weights",
    "line_weights",
    "nodes_weights",
    "periodic_weights",
    "stencil_symbol",
    "weight_derivatives",
]

#: Names of the two rules.
Rule = Literal["covered", "nodes"]

Values = Callable[[NDArray[np.float64]], NDArray[np.float64]]

# K is smooth on [h, 2h] with its singularity at a distance of one cell: ten Gauss points err by
# 5.8**-20, below rounding, and by less in all further cells.
_POINTS = 10

# floor(delta/h) of a horizon that was meant to end on a node, in spite of rounding.
_NODE_TOLERANCE = 1e-9

# Without a horizon, weights from here on are summed by the expansion below: at j = 64 what it
# leaves out is below rounding.
_FAR = 64


@dataclass(frozen=True)
class LineWeights:
    """Weights of the second differences, and the sum of all of them."""

    values: NDArray[np.float64]  #: w_j, j = 1, 2, ...; shape (J,)
    total: float  #: sum of all w_j, those beyond `values` included


def line_weights(
    kernel: RadialKernel,
    spacing: float,
    rule: Rule = "covered",
    n_weights: int | None = None,
    *,
    warn: bool = True,
) -> LineWeights:
    """Weights w_j of the second differences u[i+j] - 2 u[i] + u[i-j].

    Parameters
    ----------
    kernel : PowerLawKernel or BernsteinKernel
        Its second moment must be finite for the covered rule.
    spacing : float
        Distance h of the nodes.
    rule : "covered" or "nodes"
        See the module.
    n_weights : int, optional
        How many weights to return; needed for a kernel without a horizon, otherwise all that
        are not zero.
    warn : bool
        Say so where alpha is so large that the nodes rule has no limit.

    Returns
    -------
    LineWeights
        The weights, 1/time, and their sum (without a horizon including all further ones).

    Raises
    ------
    ValueError
        If the rule is unknown, the kernel too singular for it, the horizon shorter than the
        distance of the nodes (nodes rule), or the sum diverges.
    """
    check_rule(kernel, spacing, rule, warn=warn)
    if n_weights is not None:
        check_integer("n_weights", n_weights, 0)
    if math.isfinite(kernel.horizon):
        values = _weights_up_to(kernel, spacing, rule, math.inf)
        total = float(values.sum())
    else:
        if n_weights is None:
            raise ValueError("n_weights must be given for a kernel without a horizon")
        values = _weights_up_to(kernel, spacing, rule, max(n_weights, _FAR))
        far = _far_sum(kernel, spacing, rule, np.array([values.size + 1.0]), 1.0)
        total = float(values.sum() + far[0])
    if n_weights is not None:
        values = np.pad(values[:n_weights], (0, max(0, n_weights - values.size)))
    return LineWeights(values, total)


def weight_derivatives(
    kernel: PowerLawKernel, spacing: float, n_weights: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Derivatives of the covered weights of a power law in its exponent and its horizon.

    Parameters
    ----------
    kernel : PowerLawKernel
        With alpha below 3 and a finite horizon.
    spacing : float
        Distance h of the nodes.
    n_weights : int, optional
        How many to return; by default as many as there are weights.

    Returns
    -------
    in_alpha, in_horizon : ndarray, shape (J,)
        d w_j / d alpha, 1/time, and d w_j / d delta, 1/(length time). The latter is
        K(delta) delta**2 hat_j(delta) / (j h)**2: the two nodes beside the horizon alone.

    Raises
    ------
    ValueError
        If the kernel does not suit the covered rule or has no horizon.
    """
    check_rule(kernel, spacing, "covered")
    if n_weights is not None:
        check_integer("n_weights", n_weights, 0)
    if not isinstance(kernel, PowerLawKernel):
        raise ValueError(f"kernel must be a power law for derivatives, got {kernel!r}")
    if math.isinf(kernel.horizon):
        raise ValueError("horizon must be finite for a derivative in it, got inf")
    ratio, power = kernel.horizon / spacing, 3 - kernel.alpha
    cells = math.ceil(ratio * (1 - _NODE_TOLERANCE))
    first = min(spacing, kernel.horizon)
    core = float(kernel.radial_integral(first, 2.0)) * (1 / power - math.log(first))
    in_alpha = covered_weights(lambda r: -np.log(r) * kernel(r), core, kernel.horizon, spacing)
    j = np.arange(1, cells + 1)
    hats = np.maximum(0.0, 1 - np.abs(ratio - j))
    hats[0] = 1.0 if ratio <= 1 else hats[0]
    in_horizon = float(kernel(kernel.horizon)) * ratio**2 * hats / j**2
    if n_weights is not None:
        room = (0, max(0, n_weights - cells))
        in_alpha = np.pad(in_alpha[:n_weights], room)
        in_horizon = np.pad(in_horizon[:n_weights], room)
    return in_alpha, in_horizon


def periodic_weights(
    kernel: RadialKernel,
    spacing: float,
    n_nodes: int,
    rule: Rule = "covered",
    *,
    warn: bool = True,
) -> NDArray[np.float64]:
    """Weights c_r of u[i+r] - u[i] on a ring of nodes, the kernel's images summed.

    Parameters
    ----------
    kernel, spacing, rule, warn
        As in `line_weights`.
    n_nodes : int
        Nodes in a period.

    Returns
    -------
    ndarray, shape (n_nodes,)
        c_r = sum of ``w_|j|`` over all j = r modulo n_nodes; c_0, which acts on nothing, is zero.
    """
    check_rule(kernel, spacing, rule, warn=warn)
    check_integer("n_nodes", n_nodes, 1)
    limit = math.inf if math.isfinite(kernel.horizon) else max(_FAR, n_nodes)
    values = _weights_up_to(kernel, spacing, rule, limit)
    forward = np.zeros(n_nodes)
    np.add.at(forward, np.arange(1, values.size + 1) % n_nodes, values)
    if math.isinf(kernel.horizon):
        start = values.size + 1 + np.arange(n_nodes)
        far = _far_sum(kernel, spacing, rule, start.astype(np.float64), float(n_nodes))
        np.add.at(forward, start % n_nodes, far)
    ring = forward + np.roll(forward[::-1], 1)
    ring[0] = 0.0
    return ring


def _weights_up_to(
    kernel: RadialKernel, spacing: float, rule: Rule, limit: float
) -> NDArray[np.float64]:
    """All weights, or the first `limit` of a kernel without a horizon."""
    if rule == "nodes":
        return nodes_weights(kernel, kernel.horizon, spacing, limit)
    core = kernel.radial_integral(min(spacing, kernel.horizon), 2.0)
    weights = covered_weights(kernel, core, kernel.horizon, spacing, limit + 1)
    return weights if math.isinf(limit) else weights[: int(limit)]


def nodes_weights(
    values: Values, horizon: float, spacing: float, limit: float = math.inf
) -> NDArray[np.float64]:
    """The nodes rule for any functions of the distance.

    Parameters
    ----------
    values : callable
        From distances, in any shape, to values, or to those of n functions along one more axis.
    horizon, spacing : float
        delta and h, length.
    limit : float
        Most nodes.

    Returns
    -------
    ndarray, shape (J,) or (J, n)
    """
    count = int(min(horizon / spacing * (1 + _NODE_TOLERANCE), limit))  # int() takes the floor
    # a node at the horizon, to rounding, is inside
    distance = np.minimum(spacing * np.arange(1, count + 1), horizon)
    return np.asarray(spacing * values(distance))


def covered_weights(
    values: Values,
    core: ArrayLike,
    horizon: float,
    spacing: float,
    limit: float = math.inf,
    points: int = _POINTS,
) -> NDArray[np.float64]:
    """The covered rule for any functions of the distance.

    Parameters
    ----------
    values, horizon, spacing, limit
        As in `nodes_weights`; distances are not below h.
    core : array_like, shape () or (n,)
        Integral of values(r) r**2 over 0 < r < min(h, delta).
    points : int
        Of Gauss in a cell.

    Returns
    -------
    ndarray, shape (J,) or (J, n)
        Integrals of values(r) r**2 with the hats, over (j h)**2.
    """
    first = np.asarray(core, dtype=np.float64)

    def wide(array: NDArray[Any]) -> NDArray[Any]:
        return array.reshape(array.shape + (1,) * first.ndim)

    ratio = horizon / spacing
    cells = math.ceil(min(ratio * (1 - _NODE_TOLERANCE), limit))
    gauss, gauss_weights = _gauss(points)
    moments = np.zeros((cells + 1, *first.shape))
    moments[1] += first
    left = np.arange(1.0, cells)
    width = np.minimum(left + 1, max(ratio, 1.0)) - left
    at = left[:, np.newaxis] + width[:, np.newaxis] * gauss
    integrand = values(np.minimum(spacing * at, spacing * ratio)) * wide(at**2)
    integrand *= wide(spacing**3 * width[:, np.newaxis] * gauss_weights)
    moments[1:-1] += np.sum(integrand * wide(left[:, np.newaxis] + 1 - at), axis=1)
    moments[2:] += np.sum(integrand * wide(at - left[:, np.newaxis]), axis=1)
    return np.asarray(moments[1:] / wide((spacing * np.arange(1, cells + 1)) ** 2))


@lru_cache(maxsize=8)
def _gauss(points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points and weights of Gauss on (0, 1)."""
    at, weights = np.polynomial.legendre.leggauss(points)
    return (1 + at) / 2, weights / 2


def stencil_symbol(weights: NDArray[np.float64], angle: ArrayLike) -> NDArray[np.float64]:
    """4 sum_j w_j sin(j angle / 2)**2: what minus the second differences make of exp(i k x).

    Parameters
    ----------
    weights : ndarray, shape (J,) or (J, n)
        w_j, j = 1, 2, ..., 1/time.
    angle : array_like
        k h, in any shape.

    Returns
    -------
    ndarray, shape of the angle or with one more axis (n,)
        1/time. All digits of it are right, however small the angle.
    """
    phase = np.multiply.outer(np.asarray(angle) / 2, np.arange(1, len(weights) + 1))
    return np.asarray(4 * (np.sin(phase) ** 2 @ weights))


def _far_sum(
    kernel: RadialKernel, spacing: float, rule: Rule, start: NDArray[np.float64], stride: float
) -> NDArray[np.float64]:
    """Sum of w_j over j = start, start + stride, ... for a power law without a horizon.

    With f(r) = r**(2 - alpha) and the moments 1/6, 1/15, 1/28 of the hat function,
    w_j (j h)**2 / (D h) = f + h**2 f''/12 + h**4 f''''/360 + h**6 f''''''/20160 + ...,
    and the powers of j sum to Hurwitz's zeta function.
    """
    if not isinstance(kernel, PowerLawKernel):
        raise ValueError(f"kernel must be a power law to have no horizon, got {kernel!r}")
    terms = [1.0]
    if rule == "covered":
        falling = 1.0
        for order, factor in ((2, 12.0), (4, 360.0), (6, 20160.0)):
            falling *= (2 - kernel.alpha - order + 2) * (2 - kernel.alpha - order + 1)
            terms.append(falling / factor)
    total = np.zeros(start.shape)
    for k, term in enumerate(terms):
        power = kernel.alpha + 2 * k
        total += term * stride**-power * special.zeta(power, start / stride)
    return np.asarray(kernel.coefficient * spacing ** (1 - kernel.alpha) * total)


def check_rule(
    kernel: RadialKernel, spacing: float, rule: Rule, dimension: int = 1, *, warn: bool = True
) -> None:
    """Refuse a rule for a kernel or a grid that it does not suit.

    Parameters
    ----------
    kernel, spacing, rule, warn
        As in `line_weights`.
    dimension : int
        Of space.

    Raises
    ------
    ValueError
        If the rule is unknown, the kernel too singular for it, or the horizon shorter than the
        distance of the nodes (nodes rule).
    """
    check_choice("rule", rule, ("covered", "nodes"))
    check_kernel(kernel)
    check_number("spacing", spacing, above=0)
    alpha = getattr(kernel, "alpha", 0.0)
    if math.isinf(kernel.horizon) and not alpha > dimension:
        raise ValueError(
            f"alpha must exceed {dimension} for a kernel without a horizon, got {alpha!r}"
        )
    if rule == "covered":
        kernel.radial_integral(
            min(spacing, kernel.horizon), dimension + 1.0
        )  # refuses a large alpha
    elif kernel.horizon * (1 + _NODE_TOLERANCE) < spacing:
        raise ValueError(
            f"horizon must reach a neighbour: it is {kernel.horizon!r}, and the nodes are "
            f"{spacing!r} apart; refine the grid, or take rule='covered'"
        )
    elif warn and alpha >= dimension + 2 and isinstance(kernel, PowerLawKernel):
        warnings.warn(
            f"alpha = {alpha:g} is {dimension + 2} or above: the nodes rule gives numbers, but "
            f"they belong to the spacing {spacing:g} alone, for the operator has no limit as the "
            f"grid is refined",
            DiffusionWarning,
            stacklevel=4,
        )
