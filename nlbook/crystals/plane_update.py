"""Stress of a plane crystal of two systems that share one Schmid tensor, pixel by pixel.

With S = P_1 + P_2 symmetric both systems have the same resolved shear stress, and so the same slip
Gamma: F_in = exp(Gamma S) for any history. In the unit eigenvectors a and b of S,

    F_in^-1 F_in^-T = E a (x) a + b (x) b / E,    E = exp(-2 Gamma),
    tau = (alpha - beta) / 2,    alpha = G J^(-2/3) |F a|^2 E,    beta = G J^(-2/3) |F b|^2 / E,

for plane strain. A step of the rule y_n' = f_n, `weight` dt f + `known` with dt the step, is for
every pixel one scalar equation for y >= 0, the excess of tau's size over g(e) in units of tau_0::

    |tau|(Gamma_known + d) - g(e_known + |d|) = tau_0 y,    |d| = weight dt rate y^(1/m),

whose left side falls as y grows: it has one root, found by Newton's method between bounds. The
derivative of the first Piola stress P by F is symmetric, as the step has a potential.
"""

from __future__ import annotations

import numpy as np

from nlbook.crystals.law import CrystalLaw

__all__ = ["PlaneConstants", "plane_constants"]

_SHARED = 1e-9  # of the Schmid tensors' entries

#: constants of a plane crystal, as the loops take them
PlaneConstants = tuple[float, float, float, float, float, float, float, float]


def plane_constants(law: CrystalLaw) -> tuple[PlaneConstants, float]:
    """Constants of a law as the loop reads them, and the angle of a in the crystal.

    Returns
    -------
    constants : tuple of float
        G, lambda_e, tau_0, rate, 1/m, h/sigma (zero without), sigma, latent hardening.
    angle : float
        Of the eigenvector a of S with the eigenvalue 1, in the crystal's frame.

    Raises
    ------
    ValueError
        If the law is no pair of orthogonal systems in the plane z = 0 of one family.
    """
    systems = law.systems
    schmid = systems.schmid_tensors
    pair = systems.n_slip == 2 and systems.n_twin == 0 and len(law.slip) == 1
    if not pair or np.abs(schmid[:, :, 2]).max() + np.abs(schmid[:, 2]).max() > _SHARED:
        raise ValueError("law must hold one pair of slip systems in the plane z = 0, and no twins")
    first, second = schmid[:, :2, :2]
    sign = 1.0 if np.sum(first * second.T) > 0 else -1.0
    if np.abs(first - sign * second.T).max() > _SHARED:
        raise ValueError(
            "law must hold two systems that share a Schmid tensor: the direction of one is the "
            "normal of the other"
        )
    shear = first + first.T
    slip = law.slip[0]
    angle = 0.5 * np.arctan2(shear[0, 1], shear[0, 0])
    # a threshold without a saturation stress is none
    decay = slip.hardening / slip.saturation if slip.saturation > 0 else 0.0
    saturation = slip.saturation if decay > 0 else 0.0
    constants = (
        law.shear_modulus, law.lambda_e, slip.tau_0, slip.reference_rate,
        1.0 / slip.rate_exponent, decay, saturation, slip.latent,
    )  # fmt: skip
    return constants, float(angle)
