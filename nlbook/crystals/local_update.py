"""One implicit step of many grains: backward Euler in the exponential map.

With B = Q F_in^-1 (rows in the sample, columns in the crystal) a step of the stretch from U_n to U
is: find the slips dgamma and twin fractions dlambda of the step such that, with

    X = sum dgamma_a P_a + shear sum dlambda_b P_b,   B = B_n exp(-X),   C = B^T U^2 B (det U)^(-2/3),

the stress M = G dev C drives them at their rates. The determinant of B stays one as X has no
trace. The unknowns are the five components of M and the forces on the twins; the slips follow one
by one from a scalar root each. Newton's method, halving steps that make the residual larger.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlbook.compilation import compiled
from nlbook.crystals.law import CrystalLaw

__all__ = ["LawArrays", "law_arrays"]

_TRACELESS = np.zeros((5, 3, 3))
_TRACELESS[0] = np.diag([1.0, -1.0, 0.0]) / np.sqrt(2.0)
_TRACELESS[1] = np.diag([-1.0, -1.0, 2.0]) / np.sqrt(6.0)
for _row, (_i, _j) in enumerate(((1, 2), (0, 2), (0, 1)), start=2):
    _TRACELESS[_row, _i, _j] = _TRACELESS[_row, _j, _i] = 1.0 / np.sqrt(2.0)


class LawArrays(NamedTuple):
    """Constants of a law as the loops read them."""

    schmid: NDArray[np.float64]  #: slip systems, shape (n_slip, 3, 3)
    twin_schmid: NDArray[np.float64]  #: twins, shape (n_twin, 3, 3)
    turned: NDArray[np.float64]  #: change of the slip systems in each twin, (n_slip, n_twin, 3, 3)
    slip: NDArray[np.float64]  #: tau_0, rate, 1/m, h/sigma, sigma; shape (n_slip, 5)
    latent: NDArray[np.float64]  #: H, shape (n_slip, n_slip)
    twin: NDArray[np.float64]  #: tau_0, rate, 1/m, h, shear, 1 if one-way; shape (6,)
    interaction: NDArray[np.float64]  #: K, shape (n_twin, n_twin)
    shear_modulus: float  #: G


def law_arrays(law: CrystalLaw) -> LawArrays:
    """Constants of a law as the loops read them."""
    systems = law.systems
    n, family = systems.n_slip, systems.family
    schmid = systems.schmid_tensors
    slip = np.array(
        [
            (
                c.tau_0,
                c.reference_rate,
                1.0 / c.rate_exponent,
                c.hardening / c.saturation if c.saturation > 0 else 0.0,
                c.saturation,
            )
            for c in law.slip
        ]
    )[family[:n]]
    turned = np.zeros((n, systems.n_twin, 3, 3))
    twin = np.ones(6)
    if law.twin is not None:
        t = law.twin
        one_way = float(t.mode == "one-way")
        twin = np.array(
            [t.tau_0, t.reference_rate, 1.0 / t.rate_exponent, t.hardening, t.shear, one_way]
        )
        if t.reorientation:
            turned = systems.twinned_schmid_tensors - schmid[:n, np.newaxis]
    return LawArrays(
        schmid[:n].copy(),
        schmid[n:].copy(),
        turned,
        slip,
        law.latent_matrix,
        twin,
        law.interaction_matrix,
        law.shear_modulus,
    )


@compiled()
def _exponential(x):
    """exp(x) of a small 3 x 3 matrix, by its series."""
    out = np.eye(3) + x
    term = x.copy()
    for k in range(2, 30):
        term = _product(term, x) / k
        out += term
        if np.abs(term).max() < 1e-17:
            break
    return out


@compiled()
def _product(a, b):
    out = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            for k in range(3):
                out[i, j] += a[i, k] * b[k, j]
    return out


@compiled()
def _congruence(c, b):
    """b^T c b."""
    return _product(b.T, _product(c, b))


@compiled()
def _components(c, basis):
    out = np.zeros(5)
    for k in range(5):
        for i in range(3):
            for j in range(3):
                out[k] += basis[k, i, j] * c[i, j]
    return out


@compiled()
def _slip_root(tau, threshold, e, scale, tau_0, power, rate, sigma, guess):
    """Root y of tau_0 y + threshold + sigma (1 - exp(-rate (e + scale y^power))) = tau, or zero."""
    low = 0.0
    if tau <= threshold + sigma * (1.0 - np.exp(-rate * e)):
        return 0.0
    high = (tau - threshold - sigma * (1.0 - np.exp(-rate * e))) / tau_0
    y = min(max(guess, low), high)
    for _ in range(60):
        step = scale * y**power
        hard = sigma * np.exp(-rate * (e + step))
        value = tau_0 * y + threshold + sigma - hard - tau
        if value > 0.0:
            high = y
        else:
            low = y
        slope = tau_0 + hard * rate * scale * power * y ** (power - 1.0)
        new = y - value / slope
        if not low <= new <= high:
            new = 0.5 * (low + high)
        if abs(new - y) <= 1e-15 * (1.0 + y):
            return new
        y = new
    return y


@compiled()
def _evaluate(x, force, trial, e, fraction, dt, law, basis, y, dgamma, slope, new, growth, schmid):
    """Slips, twin fractions and residuals at a stress x and forces on the twins; see the module."""
    n_slip, n_twin = len(law.schmid), len(law.twin_schmid)
    tau_0, rate, power, hard, shear, one_way = law.twin
    residual = np.zeros(5 + n_twin)
    left = 1.0
    for b in range(n_twin):
        left -= fraction[b]
    for b in range(n_twin):
        f = force[b]
        step = dt * rate * abs(f) ** power
        growth[b] = dt * rate * power * abs(f) ** (power - 1.0)
        if f < 0.0:
            step = -step
            if one_way > 0.0:
                step = growth[b] = 0.0
        if step < -fraction[b]:
            step, growth[b] = -fraction[b], 0.0
        if step > left:
            step, growth[b] = left, 0.0
        left -= step
        new[b] = fraction[b] + step
    for a in range(n_slip):
        schmid[a] = law.schmid[a]
        for b in range(n_twin):
            schmid[a] += new[b] * law.turned[a, b]
    exponent = np.zeros((3, 3))
    for a in range(n_slip):
        tau = np.sum(_components(schmid[a], basis) * x)
        threshold = 0.0
        for k in range(n_slip):
            threshold += law.latent[a, k] * (e[k] + abs(dgamma[k]))
        t0, r0, p, k_rate, sigma = law.slip[a]
        y[a] = _slip_root(abs(tau), threshold, e[a], dt * r0, t0, p, k_rate, sigma, y[a])
        step = dt * r0 * y[a] ** p
        by_y = dt * r0 * p * y[a] ** (p - 1.0) if y[a] > 0.0 else 0.0
        slope[a] = by_y / (t0 + sigma * k_rate * np.exp(-k_rate * (e[a] + step)) * by_y)
        dgamma[a] = step if tau > 0.0 else -step
        exponent += dgamma[a] * schmid[a]
    for b in range(n_twin):
        exponent += shear * (new[b] - fraction[b]) * law.twin_schmid[b]
    exponential = _exponential(-exponent)
    c = _congruence(trial, exponential)
    residual[:5] = x - law.shear_modulus * _components(c, basis)
    for b in range(n_twin):
        f = shear * np.sum(_components(law.twin_schmid[b], basis) * x) - hard * new[b]
        for k in range(n_twin):
            f -= 2.0 * law.interaction[b, k] * new[k]
        residual[5 + b] = tau_0 * force[b] - f
    return residual, c, exponential


@compiled()
def _jacobian(c, slope, growth, schmid, law, basis):
    n_slip, n_twin = len(law.schmid), len(law.twin_schmid)
    tau_0, _, _, hard, shear, _ = law.twin
    out = np.zeros((5 + n_twin, 5 + n_twin))
    for k in range(5):
        out[k, k] = 1.0
    for a in range(n_slip):
        by_x = _components(schmid[a], basis)
        moved = _product(c, schmid[a])
        by_step = 2.0 * law.shear_modulus * _components(moved, basis)
        for i in range(5):
            for j in range(5):
                out[i, j] += slope[a] * by_step[i] * by_x[j]
    for b in range(n_twin):
        moved = _product(c, law.twin_schmid[b])
        out[:5, 5 + b] = 2.0 * law.shear_modulus * shear * growth[b] * _components(moved, basis)
        out[5 + b, :5] = -shear * _components(law.twin_schmid[b], basis)
        out[5 + b, 5 + b] = tau_0 + hard * growth[b]
        for k in range(n_twin):
            out[5 + b, 5 + k] += 2.0 * law.interaction[b, k] * growth[k]
    return out


@compiled()
def _advance_loop(right_cauchy, dt, law, basis, tolerance, b, e, fraction, x, y, force, dgamma):
    """Move the grains over one step; returns the largest number of iterations, -1 if one fails.

    b, e and fraction are their states, shapes (g, 3, 3), (g, n_slip), (g, n_twin); x, y and force
    the stress, slip rates and twin forces at which the search starts, and dgamma the slips.
    """
    n_slip, n_twin = len(law.schmid), len(law.twin_schmid)
    slope, growth, new = np.zeros(n_slip), np.zeros(n_twin), np.zeros(n_twin)
    schmid = np.zeros((n_slip, 3, 3))
    most = 0
    for g in range(len(b)):
        trial = _congruence(right_cauchy, b[g])
        unknown = np.concatenate((x[g], force[g]))
        done = False
        residual, c, exponential = _evaluate(
            unknown[:5], unknown[5:], trial, e[g], fraction[g], dt, law, basis,
            y[g], dgamma[g], slope, new, growth, schmid,
        )  # fmt: skip
        size = np.sqrt(np.sum(residual**2))
        for iteration in range(200):
            if size <= tolerance * law.shear_modulus:
                most = max(most, iteration)
                done = True
                break
            step = np.linalg.solve(_jacobian(c, slope, growth, schmid, law, basis), residual)
            scale = 1.0
            start = unknown.copy()
            for _ in range(12):
                unknown = start - scale * step
                residual, c, exponential = _evaluate(
                    unknown[:5], unknown[5:], trial, e[g], fraction[g], dt, law, basis,
                    y[g], dgamma[g], slope, new, growth, schmid,
                )  # fmt: skip
                reached = np.sqrt(np.sum(residual**2))
                if reached < size:
                    break
                scale *= 0.5
            size = reached
        if not done:
            return -1 - g
        x[g], force[g] = unknown[:5], unknown[5:]
        b[g] = _product(b[g], exponential)
        e[g] += np.abs(dgamma[g])
        fraction[g] = new
    return most
