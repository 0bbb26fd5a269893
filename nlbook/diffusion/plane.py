"""Weights of a nonlocal diffusion operator on a square grid in the plane.

    L u(x) = integral over |y - x| < delta of K(|y - x|) (u(y) - u(x)) dy
           ~ sum_a w_a (u_{i+a} - u_i),   a two whole numbers.

``"nodes"``: w_a = h**2 K(|a| h) for 0 < |a| h <= delta.

``"covered"``: cells of side h around the nodes; what the disc covers of each counts,

    w_a (|a| h)**2 = integral over cell a within the disc of K(r) r**2,

and the moment of the cell around x itself, where a node rule sees nothing, is given to the four
nearest neighbours as a second difference. The weights of a positive kernel are positive and
continuous in delta; sum_a w_a (|a| h)**2 is the exact second moment, so that by the symmetry of
the square long waves see the exact diffusivity, and the rule converges at second order for
alpha below 4.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nlbook.diffusion.quadrature import Rule, check_rule
from nlbook.kernels import RadialKernel

__all__ = ["plane_weights"]

# Nearest to a cut is the circle's steep end by cell (1, 1), and to a cell the kernel's
# singularity by cell (1, 0): 32 Gauss points err by 1.7**-64 and (2 + sqrt(3))**-64.
_GAUSS, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(32)


def plane_weights(
    kernel: RadialKernel, spacing: float, rule: Rule = "covered"
) -> NDArray[np.float64]:
    """Weights w_a of the differences u[i+a] - u[i] on a square grid.

    Parameters
    ----------
    kernel : PowerLawKernel or BernsteinKernel
        K(r), 1/(length**2 time); its horizon finite and, for the covered rule, its second moment
        in the plane too.
    spacing : float
        Distance h of the nodes.
    rule : "covered" or "nodes"
        See the module.

    Returns
    -------
    ndarray, shape (2 J + 1, 2 J + 1)
        1/time, a = (0, 0) in the middle, where the weight is zero.

    Raises
    ------
    ValueError
        If the rule is unknown, the kernel has no horizon or is too singular, or the horizon is
        shorter than the distance of the nodes (nodes rule).
    """
    check_rule(kernel, spacing, rule, dimension=2)
    if math.isinf(kernel.horizon):
        raise ValueError("horizon must be finite in the plane, got inf")
    ratio = kernel.horizon / spacing
    size = int(ratio * (1 + 1e-9)) if rule == "nodes" else max(1, math.ceil(ratio - 0.5))
    quadrant = np.zeros((size + 1, size + 1))
    for a in range(1, size + 1):
        for b in range(a + 1):  # one octant; the others follow by symmetry
            distance = spacing * math.hypot(a, b)
            if rule == "covered":
                value = _cell_moment(kernel, spacing, a, b) / distance**2
            elif distance <= kernel.horizon * (1 + 1e-9):
                value = spacing**2 * float(kernel(min(distance, kernel.horizon)))
            else:
                value = 0.0
            quadrant[a, b] = quadrant[b, a] = value
    if rule == "covered":
        share = _core_moment(kernel, spacing) / (4 * spacing**2)
        quadrant[1, 0] += share
        quadrant[0, 1] += share
    half = np.concatenate([quadrant[:0:-1], quadrant])
    return np.concatenate([half[:, :0:-1], half], axis=1)


def _cell_moment(kernel: RadialKernel, spacing: float, a: int, b: int) -> float:
    """Integral of K(r) r**2 over what the disc covers of the cell around (a, b), a >= b >= 0.

    Along y outside and x inside: in this octant the circle is not steep as x(y).
    """
    radius = kernel.horizon / spacing
    left, right, low, high = a - 0.5, a + 0.5, b - 0.5, b + 0.5
    nearest = math.hypot(left, max(low, 0.0))
    if nearest >= radius:
        return 0.0
    # where the circle enters and leaves the cell's left and right side
    turns = [math.sqrt(radius**2 - x**2) for x in (left, right) if x < radius]
    cuts = sorted({low, high, *(y for t in turns for y in (t, -t) if low < y < high)})
    total = 0.0
    for start, stop in zip(cuts[:-1], cuts[1:], strict=True):
        y = (start + stop) / 2 + (stop - start) / 2 * _GAUSS
        ends = np.clip(np.sqrt(np.maximum(radius**2 - y**2, 0.0)), left, right)
        half = (ends - left) / 2
        x = left + half[:, np.newaxis] * (1 + _GAUSS)
        r = np.minimum(np.hypot(x, y[:, np.newaxis]), radius)
        inner = (kernel(spacing * r) * r**2) @ _GAUSS_WEIGHTS * half
        total += (stop - start) / 2 * float(inner @ _GAUSS_WEIGHTS)
    return total * spacing**4


def _core_moment(kernel: RadialKernel, spacing: float) -> float:
    """Integral of K(r) r**2 over what the disc covers of the cell around the point itself."""
    ratio = spacing / (2 * kernel.horizon)
    cuts = [0.0, math.pi / 4]
    if math.sqrt(0.5) < ratio < 1:  # the circle crosses the sides
        cuts.insert(1, math.acos(ratio))
    total = 0.0
    for start, stop in zip(cuts[:-1], cuts[1:], strict=True):
        angle = (start + stop) / 2 + (stop - start) / 2 * _GAUSS
        values = kernel.radial_integral(spacing / (2 * np.cos(angle)), 3.0)
        total += (stop - start) / 2 * float(values @ _GAUSS_WEIGHTS)
    return 8 * total
