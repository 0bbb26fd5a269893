"""Independent values: symbols by quadrature in a variable without the singularity."""

import math

import numpy as np
from scipy.integrate import quad


def continuum_symbol(alpha, horizon, wavenumber):
    """-2 int_0^horizon (1 - cos kr) r**-alpha dr; in s = r**(3 - alpha) nothing is singular."""
    power = 3 - alpha

    def integrand(s):
        r = s ** (1 / power)
        return 2 * (math.sin(wavenumber * r / 2) / r) ** 2 if r > 1e-9 else wavenumber**2 / 2

    found, _ = quad(integrand, 0, horizon**power, epsabs=0, epsrel=1e-12, limit=500)
    return -2 / power * found


def grid_symbol(weights, spacing, wavenumber):
    """-2 sum_j w_j (1 - cos kjh)."""
    j = np.arange(1, weights.size + 1)
    return -4 * np.sum(weights * np.sin(wavenumber * spacing * j / 2) ** 2)


def observed_orders(errors):
    """Exponents of the spacing, for errors at spacings that halve."""
    sizes = np.abs(np.asarray(errors))
    return np.log2(sizes[:-1] / sizes[1:])
