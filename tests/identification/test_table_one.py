"""All 40 cells of Table 1 of the paper: ten c, four horizons, degree 20, 50,000 samples."""

import numpy as np
import pytest

from nlbook.identification import RegressionWarning, fit_bernstein
from tests.identification.regression_data import biharmonic

CONSTANTS = (0.0001, 0.0003, 0.0005, 0.001, 0.003, 0.005, 0.01, 0.03, 0.05, 0.1)
HORIZONS = (0.125, 0.25, 0.5, 0.99)


@pytest.mark.parametrize("horizon", HORIZONS)
def test_every_cell_is_in_order_and_certified(horizon):
    for c in CONSTANTS:
        data = biharmonic(c, horizon)
        first, two, both, certified = (
            fit_bernstein(data, horizon, 20, *asked)
            for asked in (
                ("nonnegative",),
                ("mengesha-du", "two-stage"),
                ("mengesha-du", "joint"),
                ("continuum",),
            )
        )
        with pytest.warns(RegressionWarning, match="of which the data determine"):
            free = fit_bernstein(data, horizon, 20)
        with pytest.warns(RegressionWarning, match="of which the data determine"):
            symbol = fit_bernstein(data, horizon, 20, "symbol")
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
