"""All 40 cells of Table 1 of the paper: ten c, four horizons, degree 20, 50,000 samples."""

from dataclasses import replace

import numpy as np
import pytest

from nlbook.identification import (
    Continuum,
    MengeshaDu,
    Nonnegative,
    PositiveSymbol,
    RegressionWarning,
    fit_bernstein,
)
from tests.identification.regression.test_rounding import WAYS, distance_allowed, shaken
from tests.identification.regression_data import biharmonic

CONSTANTS = (0.0001, 0.0003, 0.0005, 0.001, 0.003, 0.005, 0.01, 0.03, 0.05, 0.1)
HORIZONS = (0.125, 0.25, 0.5, 0.99)


@pytest.mark.parametrize("horizon", HORIZONS)
def test_every_cell_is_in_order_and_certified(horizon):
    for c in CONSTANTS:
        data = biharmonic(c, horizon)
        first, two, both, certified = (
            fit_bernstein(data, horizon, 20, asked)
            for asked in (
                Nonnegative(),
                MengeshaDu(stages=2),
                MengeshaDu(),
                Continuum(),
            )
        )
        with pytest.warns(RegressionWarning, match="of which the data determine"):
            free = fit_bernstein(data, horizon, 20)
        with pytest.warns(RegressionWarning, match="of which the data determine"):
            symbol = fit_bernstein(data, horizon, 20, PositiveSymbol())
        assert first.loss > two.loss > both.loss > free.loss
        assert certified.loss < two.loss
        # on the grid the symbol's condition is idle
        assert symbol.kernel == free.kernel
        for fit in (first, two, both, certified):
            # rounding is 2.5e-14; the smallest of what is minimised is 6e-10
            assert 0 <= fit.certificate.gap < 1e-4
            assert fit.certificate.smallest_symbol > 0
        assert two.certificate.norm <= two.certificate.allowed
        assert both.certificate.norm <= both.certificate.allowed
        assert certified.certificate.continuum > 0
        if horizon >= 0.25:
            # h/8 and h/3 are not among the grids that the fit looks at
            beyond = np.array(certified.losses_beyond_grid((2, 3, 4, 8)))
            assert np.max(np.abs(beyond / certified.loss - 1)) < 0.2


@pytest.mark.parametrize("way", ["nonnegative", "two stages", "joint", "continuum"])
@pytest.mark.parametrize("horizon", HORIZONS)
def test_every_cell_gives_the_same_kernel_in_another_unit_and_off_by_rounding(horizon, way):
    """One unit a cell, from 1e-6 to 1e6, and all numbers shaken, the horizon too.

    Coefficients are not compared: of 21 combinations the data determine 7 to 12.
    """
    rng = np.random.default_rng(round(1000 * horizon))
    # the loss of a continuum fit is a mean over four operators, of which this is one
    terms = 4 if way == "continuum" else 1
    for number, c in enumerate(CONSTANTS):
        data = biharmonic(c, horizon)
        unit = 10.0 ** (number % 7 * 2 - 6)
        fit = fit_bernstein(data, horizon, 20, WAYS[way])
        other = fit_bernstein(
            shaken(data, rng, unit), np.nextafter(horizon, number % 2), 20, WAYS[way]
        )
        assert 0 <= other.certificate.gap < 1e-4
        assert fit.converged
        assert other.converged
        scaled = replace(
            other.certificate,
            loss=other.certificate.loss / unit**2,
            lower_bound=other.certificate.lower_bound / unit**2,
            rounding=other.certificate.rounding / unit**2,
        )
        allowed = distance_allowed(fit, replace(other, certificate=scaled))
        # the sums over modes, of what is known to allowed**2, are at most that
        apart = np.subtract(fit.kernel.coefficients, other.kernel.coefficients)
        assert np.linalg.norm(fit.gram.factor @ apart) <= np.sqrt(terms) * allowed
        # and this is no wide allowance: a thousandth of what no kernel explains, or of rounding
        assert allowed < 1e-2 * np.sqrt(fit.certificate.loss) + 3 * np.sqrt(fit.gram.rounding)
