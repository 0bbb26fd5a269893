import numpy as np
import pytest

from nlbook.identification import fit_bernstein, kernel_band
from nlbook.kernels import BernsteinKernel, bernstein_basis
from tests.identification.regression_data import biharmonic, biharmonic_gram


def test_kernels_on_the_edge_of_the_band_do_as_well():
    data = biharmonic()
    fit = fit_bernstein(data, 0.5, 4)
    tolerance = 1e-4
    band = fit.band(tolerance, size=1e9, n_points=50)  # what the data see is all that holds
    assert np.all(band.lower < band.kernel)
    assert np.all(band.kernel < band.upper)
    # the farthest kernel at each distance, by the inverse of the Gram matrix
    gram = fit.gram
    inverse = np.linalg.inv(gram.matrix)
    values = bernstein_basis(4, band.distance / 0.5)
    half = np.sqrt(tolerance * gram.response * np.einsum("ij,jk,ik->i", values, inverse, values))
    # the condition of the Gram matrix is 1e7
    np.testing.assert_allclose(band.upper - band.kernel, half, rtol=1e-5)
    farthest = inverse @ values[20] * tolerance * gram.response / half[20]
    coefficients = np.asarray(fit.kernel.coefficients) + farthest
    rise = gram.loss(coefficients) - fit.loss
    assert rise == pytest.approx(tolerance * gram.response, rel=1e-5)


def test_what_the_data_do_not_see_is_held_by_size():
    gram = biharmonic_gram()
    kernel = fit_bernstein(biharmonic(), 0.5, 20, "nonnegative").kernel
    narrow, wide = (kernel_band(gram, kernel, size=size) for size in (0.1, 1.0))
    assert np.all(wide.upper - wide.lower > narrow.upper - narrow.lower)
    assert narrow.seen(1e-4) == wide.seen(1e-4) < 21
    # the operator sees K(r) r**2: near r = 0 least is known
    spread = wide.upper - wide.lower
    assert np.argmax(spread) == 0


def test_a_band_of_another_kernel_is_refused():
    gram = biharmonic_gram()
    with pytest.raises(ValueError, match="^kernel must have horizon 0.5, degree 20"):
        kernel_band(gram, BernsteinKernel((1.0, 2.0), 0.5))
    kernel = BernsteinKernel((1.0,) * 21, 0.5)
    for name, value in (("tolerance", 0.0), ("size", np.inf), ("n_points", 1.5)):
        with pytest.raises(ValueError, match=f"^{name} must"):
            kernel_band(gram, kernel, **{name: value})
