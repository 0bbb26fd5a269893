"""The series that stand for exp and log in the loops, and the bond order made of them."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from nlbook.compilation import compiled
from nlbook.graphene import site_loops

EPSILON = np.finfo(float).eps


@compiled()
def each(function, values):
    """A scalar function of every value."""
    result = np.empty_like(values)
    for i in range(values.size):
        result[i] = function(values[i])
    return result


def test_exp_is_that_of_the_library_to_rounding():
    x = np.concatenate([np.linspace(-690.0, 690.0, 100_001), np.linspace(-1.0, 1.0, 100_001)])
    found = each(site_loops._exp, x)
    assert np.max(np.abs(found / np.exp(x) - 1)) < 2 * EPSILON


def test_exp_ends_at_zero():
    x = np.array([-708.5, -745.0, -1e3, -15858.0, -1e9, -1e300, -np.inf])
    assert np.all(each(site_loops._exp, x) == 0)
    # beyond the least normal number the library's goes on with fewer digits
    assert np.max(np.abs(each(site_loops._exp, x) - np.exp(x))) < 1e-307


def test_log_is_that_of_the_library_to_rounding():
    x = np.concatenate([np.geomspace(1e-300, 1e300, 100_001), np.linspace(0.5, 2.0, 100_001)])
    found = each(site_loops._log, x)
    exact = np.log(x)
    assert np.all(np.abs(found - exact) <= 2 * EPSILON * np.abs(exact))


@compiled()
def orders(zeta, beta, n):
    """b, p/(1 + p) and db/dzeta of every zeta."""
    result = np.empty((zeta.size, 3))
    for i in range(zeta.size):
        result[i, 0], result[i, 1] = site_loops.bond_order(zeta[i], beta, n)
        result[i, 2] = site_loops._order(zeta[i], beta, n)[1]
    return result


@pytest.mark.parametrize("beta", [1.5724e-7, 1.0, 1e12])
@pytest.mark.parametrize("n", [0.2, 0.72751, 22.956, 400.0])
def test_the_bond_order_is_that_of_its_formula_at_any_size(beta, n):
    """In decimals of 50 digits, whose powers don't overflow."""
    zeta = np.geomspace(1e-30, 1e12, 85)
    with localcontext(prec=50):
        exact = []
        for one in zeta:
            p = (Decimal(beta) * Decimal(one)) ** Decimal(n)
            b, share = (1 + p) ** (-1 / (2 * Decimal(n))), p / (1 + p)
            exact.append([float(x) for x in (b, share, -b * share / 2 / Decimal(one))])
    exact = np.array(exact)
    # rounded beta zeta and n log(beta zeta) are relative errors of p; below 1e-307 it is zero
    bound = 2 * EPSILON * (2 + n * (1 + np.abs(np.log(beta * zeta))))[:, np.newaxis]
    assert np.all(np.abs(orders(zeta, beta, n) - exact) <= bound * np.abs(exact) + 1e-270)


@pytest.mark.parametrize("n", [1e-3, 0.72751, 22.956])
@pytest.mark.parametrize(("zeta", "beta"), [(0.0, 1.5724e-7), (3e4, 0.0), (0.0, 0.0)])
def test_a_bond_that_none_weakens_is_whole(n, zeta, beta):
    assert orders(np.array([zeta]), beta, n).tolist() == [[1.0, 0.0, 0.0]]
