"""An isotropic metal in the same elastic law: what a polycrystal is held against.

Fitted to stresses of grains it is the second row of every table, after `formula_response`, which
has no constant at all: what a grain knows that these few constants do not is worth its cost. With
C = F_in^-1 F_in^-T and the isochoric stretch U, the elastic part is b = U C U and J times the
deviator of Cauchy stress s = G dev b. Its equivalent q, the root of 3/2 s : s, drives the plastic
strain p along s as a slip system is driven::

    dp/dt = rate ((q - Y(p)) / drag)^(1/m)  if q > Y(p),  else zero,
    Y(p)  = yield + saturation (1 - exp(-p/strain)) + hardening p,

of which Y is Voce's. A step is backward Euler by radial return [1]_: s keeps the direction that it
had without flow, and the mean of b is such that det b = 1. The mean stress is 2 lambda_e (det U -
1).

References
----------
.. [1] J. C. Simo and T. J. R. Hughes, Computational Inelasticity (1998), box 9.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer, check_number
from nlbook.compilation import compiled
from nlbook.crystals.measures import time_weights
from nlbook.crystals.response import Response, StrainPath

__all__ = ["J2Metal", "fit_j2"]

_BISECTIONS = 60  # of the plastic strain of a step, between bounds that hold it
_CONSTANTS = ("yield_stress", "saturation", "saturation_strain", "hardening", "drag")


@dataclass(frozen=True)
class J2Metal:
    """J2 plasticity with Voce's hardening and a rate; see the module. Stresses in GPa."""

    #: Y at no plastic strain, GPa
    yield_stress: float
    #: what Y gains until it saturates, GPa
    saturation: float
    #: plastic strain in which it gains most of that
    saturation_strain: float
    #: slope of Y beyond, GPa
    hardening: float
    #: stress above Y at which the plastic strain has the reference rate, GPa
    drag: float
    #: reference rate, 1/s
    reference_rate: float = 1e5
    #: m: the rate goes with the power 1/m of the stress
    rate_exponent: float = 0.5
    #: G, GPa
    shear_modulus: float = 25.0
    #: lambda_e, GPa; the bulk modulus is twice this, as in `CrystalLaw`
    lambda_e: float = 24.0

    def __post_init__(self) -> None:
        for name in ("yield_stress", "saturation", "hardening"):
            check_number(name, getattr(self, name), least=0.0)
        for name in ("saturation_strain", "drag", "reference_rate", "shear_modulus", "lambda_e"):
            check_number(name, getattr(self, name), above=0.0)
        check_number("rate_exponent", self.rate_exponent, above=0.0, most=1.0)

    def response(self, strain_path: StrainPath) -> Response:
        """Stress along a path.

        Parameters
        ----------
        strain_path : StrainPath
            In three dimensions; from each of its times to the next is one step.

        Returns
        -------
        Response
            Activity: the plastic strain p, shape (n_times, 1).

        Raises
        ------
        ValueError
            If the path is not of three dimensions.
        """
        if strain_path.stretch.shape[1] != 3:
            raise ValueError("strain_path must be of three dimensions")
        volume = strain_path.volume_ratio[:, np.newaxis, np.newaxis]
        # a path may start strained: its first step takes no time, and is elastic
        dt = np.diff(strain_path.times, prepend=strain_path.times[0])
        constants = np.array(
            [
                *(getattr(self, name) for name in _CONSTANTS), self.reference_rate,
                self.rate_exponent, self.shear_modulus,
            ]
        )  # fmt: skip
        stretch = np.ascontiguousarray(strain_path.isochoric.stretch)
        deviator, strain = np.zeros_like(stretch), np.zeros_like(dt)
        _march_loop(stretch, np.linalg.inv(stretch), dt, constants, deviator, strain)
        stress = deviator / volume + 2 * self.lambda_e * (volume - 1) * np.eye(3)
        return Response(strain_path.times, strain_path.stretch, stress, strain[:, np.newaxis])


def fit_j2(
    responses: Sequence[Response],
    start: J2Metal,
    *,
    n_evaluations: int = 200,
) -> J2Metal:
    """Fit yield stress, saturation and its strain, hardening and drag to stresses.

    Least squares of the deviators, each path relative to its own, in the logarithms of the
    constants.

    Parameters
    ----------
    responses : sequence of Response
        Of three dimensions; what is to be met.
    start : J2Metal
        First guess, whose five constants are not zero; the others stay as they are.
    n_evaluations : int
        Largest number of times that the paths are run, apart from those for derivatives.

    Returns
    -------
    J2Metal

    Raises
    ------
    ValueError
        If there is no response, one has no deviator, or a constant to be fitted is zero.
    """
    from scipy.optimize import least_squares

    if not len(responses):
        raise ValueError("responses must be one or more")
    check_integer("n_evaluations", n_evaluations, 1)
    first = [check_number(name, getattr(start, name), above=0.0) for name in _CONSTANTS]
    paths = [StrainPath(one.times, one.stretch) for one in responses]
    roots = [np.sqrt(time_weights(one.times))[:, np.newaxis, np.newaxis] for one in responses]
    sizes = [np.linalg.norm(w * one.deviator) for w, one in zip(roots, responses, strict=True)]
    if min(sizes) == 0.0:
        raise ValueError("responses must have a deviator: one has none")

    def metal(logarithms: NDArray[np.float64]) -> J2Metal:
        values = np.exp(logarithms).tolist()
        return replace(start, **dict(zip(_CONSTANTS, values, strict=True)))

    def differences(logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
        ours = metal(logarithms)
        rows = [
            (w * (ours.response(path).deviator - one.deviator)).ravel() / size
            for path, one, w, size in zip(paths, responses, roots, sizes, strict=True)
        ]
        return np.concatenate(rows)

    # a decade or five each way; bisection's plastic strain is smooth to 1e-12 or better
    low, high = np.log(first) - np.log(1e4), np.log(first) + np.log(1e4)
    found = least_squares(
        differences, np.log(first), bounds=(low, high), diff_step=1e-5, max_nfev=n_evaluations
    )
    return metal(found.x)


@compiled()
def _march_loop(
    stretch: NDArray[np.float64],
    inverse: NDArray[np.float64],
    dt: NDArray[np.float64],
    constants: NDArray[np.float64],
    deviator: NDArray[np.float64],
    strain: NDArray[np.float64],
) -> None:
    """s and p at all times: b' = U C U; q from q = q' - 3 g dp; dev b = s/G; C = U^-1 b U^-1.

    g = G tr(b')/3; a dash is what there is without flow.
    """
    modulus, p = constants[7], 0.0
    part, plastic, room = np.eye(3), np.eye(3), np.eye(3)
    for k in range(len(dt)):
        _turned_loop(stretch[k], plastic, room, part)
        mean = (part[0, 0] + part[1, 1] + part[2, 2]) / 3
        squares = 0.0
        for i in range(3):
            part[i, i] -= mean
            for j in range(3):
                squares += part[i, j] ** 2
        q = modulus * np.sqrt(1.5 * squares)
        step = _plastic_step(q, p, 3 * modulus * mean, dt[k], constants)
        left = 1 - 3 * modulus * mean * step / q if step > 0 else 1.0
        p += step
        strain[k] = p
        for i in range(3):
            for j in range(3):
                part[i, j] *= left
                deviator[k, i, j] = modulus * part[i, j]
        # det(D + x 1) = x^3 - |D|^2 x / 2 + det D = 1, D = dev b; from above Newton's steps fall
        half = 0.5 * squares * left**2
        third = (
            part[0, 0] * (part[1, 1] * part[2, 2] - part[1, 2] ** 2)
            - part[0, 1] * (part[0, 1] * part[2, 2] - part[1, 2] * part[0, 2])
            + part[0, 2] * (part[0, 1] * part[1, 2] - part[1, 1] * part[0, 2])
        )
        x = 1.0 + np.sqrt(half)
        for _ in range(50):
            change = (x * x * x - half * x + third - 1) / (3 * x * x - half)
            x -= change
            if abs(change) < 1e-15 * x:
                break
        for i in range(3):
            part[i, i] += x
        _turned_loop(inverse[k], part, room, plastic)


@compiled()
def _turned_loop(
    u: NDArray[np.float64],
    c: NDArray[np.float64],
    room: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """out = u c u; in loops, as BLAS takes seconds to compile against."""
    for i in range(3):
        for j in range(3):
            room[i, j] = u[i, 0] * c[0, j] + u[i, 1] * c[1, j] + u[i, 2] * c[2, j]
    for i in range(3):
        for j in range(3):
            out[i, j] = room[i, 0] * u[0, j] + room[i, 1] * u[1, j] + room[i, 2] * u[2, j]


@compiled()
def _plastic_step(
    q: float, p: float, stiffness: float, dt: float, constants: NDArray[np.float64]
) -> float:
    """Root dp >= 0 of q - stiffness dp - Y(p + dp) - drag (dp/(rate dt))^m, which falls with dp."""
    first, saturation, scale = constants[0], constants[1], constants[2]
    slope, drag, rate, exponent = constants[3], constants[4], constants[5], constants[6]
    low, high = 0.0, q / stiffness
    start = first + saturation * (1 - np.exp(-p / scale)) + slope * p
    if dt <= 0 or q <= start:
        return 0.0
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        after = p + middle
        resisted = first + saturation * (1 - np.exp(-after / scale)) + slope * after
        if q - stiffness * middle - resisted > drag * (middle / (rate * dt)) ** exponent:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
