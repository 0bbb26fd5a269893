"""The plane pair written as the law is, in three dimensions: slow, and independent of the loops."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from nlbook.crystals import CrystalLaw


def elastic_energy(law: CrystalLaw, elastic):
    """W_e of (A.3) at A, shape (3, 3)."""
    volume = np.linalg.det(elastic)
    shear = np.trace(elastic.T @ elastic) / volume ** (2 / 3) - 3
    return 0.5 * law.shear_modulus * shear + law.lambda_e * (volume - 1) ** 2


def embedded(plane):
    """A matrix of the plane, shape (2, 2), in plane strain."""
    whole = np.eye(3)
    whole[:2, :2] = plane
    return whole


def rotation(angle):
    whole = np.eye(3)
    whole[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return whole


def inelastic(law: CrystalLaw, angle, slip):
    """F_in of a crystal at an angle after equal slips of both systems, in the sample's frame."""
    values, vectors = np.linalg.eigh(law.systems.schmid_tensors.sum(axis=0))
    axes = rotation(angle) @ vectors
    return (axes * np.exp(slip * values)) @ axes.T


def derivative(function, place, step=1e-6):
    """By central differences, of the shape of `place`."""
    out = np.zeros_like(place)
    for index in np.ndindex(place.shape):
        ahead, behind = place.copy(), place.copy()
        ahead[index] += step
        behind[index] -= step
        out[index] = (function(ahead) - function(behind)) / (2 * step)
    return out


def piola(law: CrystalLaw, angle, deformation, slip):
    """dW_e/dF in the plane, GPa, by differences."""
    inverse = np.linalg.inv(inelastic(law, angle, slip))
    return derivative(lambda f: elastic_energy(law, embedded(f) @ inverse), deformation)


def piola_formula(law: CrystalLaw, angle, deformation, slip):
    """The same as `piola` from J sigma = G dev(B_e) + 2 lambda_e (J - 1) J I, to rounding."""
    whole = embedded(deformation)
    elastic = whole @ np.linalg.inv(inelastic(law, angle, slip))
    volume = np.linalg.det(whole)
    left = law.shear_modulus * elastic @ elastic.T / volume ** (2 / 3)
    pressure = 2 * law.lambda_e * (volume - 1) * volume
    kirchhoff = left + (pressure - np.trace(left) / 3) * np.eye(3)
    return (kirchhoff @ np.linalg.inv(whole).T)[:2, :2]


def slip_rate(law: CrystalLaw, angle, deformation, slip, accumulated):
    """d Gamma/dt of either system."""
    constants = law.slip[0]
    tau = resolved_stress(law, angle, deformation, slip)
    over = max(abs(tau) - threshold(law, accumulated), 0.0) / constants.tau_0
    return np.sign(tau) * constants.reference_rate * over ** (1 / constants.rate_exponent)


def resolved_stress(law: CrystalLaw, angle, deformation, slip):
    """M : P of either system, M = A^T dW_e/dA, GPa."""
    turn = rotation(angle)
    elastic = embedded(deformation) @ np.linalg.inv(inelastic(law, angle, slip))
    right = elastic.T @ elastic
    isochoric = right / np.linalg.det(elastic) ** (2 / 3)
    mandel = law.shear_modulus * (isochoric - np.trace(isochoric) / 3 * np.eye(3))
    both = np.einsum("ij,nij->n", turn.T @ mandel @ turn, law.systems.schmid_tensors)
    assert abs(both[0] - both[1]) < 1e-10 * (1 + abs(both[0]))
    return both[0]


def threshold(law: CrystalLaw, slip):
    """dW_p/de of either system where both have slipped as much."""
    constants = law.slip[0]
    own = 0.0
    if constants.saturation > 0:
        own = constants.saturation * (
            1 - np.exp(-constants.hardening / constants.saturation * slip)
        )
    return own + constants.latent * slip


def step(law: CrystalLaw, angle, deformation, slip, accumulated, time):
    """Slip and |slip| after a step of backward Euler that lasts `time`, by bisection."""
    constants = law.slip[0]
    start = resolved_stress(law, angle, deformation, slip)
    sign = np.sign(start)

    def excess(move):
        tau = sign * resolved_stress(law, angle, deformation, slip + sign * move)
        rate = (move / (time * constants.reference_rate)) ** constants.rate_exponent
        return tau - threshold(law, accumulated + move) - constants.tau_0 * rate

    if excess(0.0) <= 0:
        return slip, accumulated
    move = brentq(excess, 0.0, 2.0, xtol=1e-15, rtol=1e-13)
    return slip + sign * move, accumulated + move
