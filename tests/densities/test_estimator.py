"""Density estimates against the plain sums, and the facts that hold for them."""

import numpy as np
import pytest

from nlbook.densities import adaptive_kde
from tests.densities.plain import plain_kde

GRID = np.linspace(-20.0, 20.0, 201)


@pytest.mark.parametrize("method", ["binned", "direct"])
def test_the_estimate_is_its_equations(method):
    samples = np.random.default_rng(1).standard_t(3, 2000)
    found = adaptive_kde(samples, GRID, method=method)
    # the binned sum leaves out third moments of narrow cells
    assert found == pytest.approx(
        plain_kde(samples, GRID), rel=1e-4 if method == "binned" else 1e-9
    )
