"""One implicit step of many grains, side by side.

With B = Q F_in^-1 (rows in the sample, columns in the crystal) a step of the stretch from U_n to U
is: find the slips dgamma and the twin fractions dlambda of the step such that, with

    X = sum dgamma_a P_a + shear sum dlambda_b P_b,    B = B_n exp(-X),    C = B^T Cbar B,

and Cbar = U^2 (det U)^(-2/3), the stress M = G dev C drives them at their rates: backward Euler in
the exponential map, or two such stages. The determinant of B stays one, as X has no trace. The
unknowns are the five components of M; each slip and each twin follows from its resolved shear
stress by a scalar root. Newton's method, with its step halved where the residual grows. What other
systems add to a threshold, and how the twins turn the lattice, is extrapolated.

The grains are treated in batches, by the loops of `nlbook.crystals.lanes`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlbook.crystals.lanes.point_loops import KEPT_ROWS
from nlbook.crystals.law import CrystalLaw

__all__ = ["kept_size", "law_arrays"]


def law_arrays(law: CrystalLaw) -> tuple[NDArray[np.float64], tuple]:
    """Constants of a law as the loops read them.

    Returns
    -------
    schmid : ndarray, shape (n_systems, 8)
        Schmid tensors of all systems.
    law : tuple
        Those of the slip systems; their changes in the twins, shape (n_slip, n_twin, 8); tau_0,
        rate, 1/m, h/sigma, sigma, latent hardening and number in its family of the slip systems,
        shape (n_slip, 7); tau_0, rate, 1/m, h, shear, whether one-way, and the interaction of the
        twins; and G.
    """
    systems = law.systems
    n, n_twin = systems.n_slip, systems.n_twin
    schmid = _eight(systems.schmid_tensors)
    slip = np.array(
        [
            (
                constants.tau_0,
                constants.reference_rate,
                1.0 / constants.rate_exponent,
                constants.hardening / constants.saturation if constants.saturation > 0 else 0.0,
                # a threshold that never rises is none, and stores nothing
                constants.saturation if constants.hardening > 0 else 0.0,
                constants.latent,
                np.count_nonzero(systems.family == number),
            )
            for number, constants in enumerate(law.slip)
        ]
    ).reshape(-1, 7)[systems.family[:n]]
    turned = np.zeros((n, n_twin, 8))
    twin = np.ones(7)
    if law.twin is not None:
        t = law.twin
        one_way = float(t.mode == "one-way")
        twin = np.array(
            [
                t.tau_0,
                t.reference_rate,
                1.0 / t.rate_exponent,
                t.hardening,
                t.shear,
                one_way,
                t.interaction,
            ]
        )
        if t.reorientation:
            turned = _eight(systems.twinned_schmid_tensors) - schmid[:n, np.newaxis]
    constants = (
        schmid[:n].copy(), turned, slip, twin, law.shear_modulus
    )  # fmt: skip
    return schmid, constants


def _eight(tensor: NDArray[np.float64]) -> NDArray[np.float64]:
    """11, 22, 12, 13, 23, 21, 31 and 32 of tensors without a trace."""
    flat = tensor.reshape(*tensor.shape[:-2], 9)
    return np.ascontiguousarray(flat[..., [0, 4, 1, 2, 5, 3, 6, 7]])


def kept_size(law: CrystalLaw) -> int:
    """Numbers of a grain that a step leaves to the next: what `points_loop` keeps of a batch."""
    return KEPT_ROWS + 3 * law.systems.n_slip + 5 * law.systems.n_twin
