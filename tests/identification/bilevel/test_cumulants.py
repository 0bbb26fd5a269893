import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlbook.densities import DensitySnapshots
from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification import cumulant_estimate, even_cumulants
from nlbook.identification.bilevel.cumulants import _kernel
from nlbook.kernels import PowerLawKernel

GRID = np.linspace(-20, 20, 2001)


def spreading(kernel):
    p0 = np.exp(-(GRID**2) / 2) / np.sqrt(2 * np.pi)
    operator = NonlocalDiffusion(kernel, GRID)
    density = operator.evolve(p0, 0.1, 10, snapshots="all", method="exact", check=False)
    return DensitySnapshots(GRID, 0.1 * np.arange(11), np.maximum(density, 0.0))


@settings(max_examples=50, deadline=None)
@given(alpha=st.floats(0.0, 2.95), delta=st.floats(0.1, 30.0), strength=st.floats(1e-4, 10.0))
def test_moments_of_a_kernel_give_the_kernel(alpha, delta, strength):
    kernel = PowerLawKernel(alpha, delta, strength)
    rates = np.array([kernel.moment(n) for n in (2, 4, 6)])
    found = _kernel(rates, None)
    # u = 3 - alpha follows from a difference of numbers near one, less exact as u is small
    assert found.alpha == pytest.approx(alpha, abs=1e-9 / (3 - alpha))
    assert found.horizon == pytest.approx(delta, rel=1e-6)
    known = _kernel(rates, delta)
    assert known.alpha == pytest.approx(alpha, abs=1e-12)
    assert known.coefficient == pytest.approx(strength, rel=1e-10)


def test_cumulants_of_a_spreading_density_grow_at_the_moments():
    kernel = PowerLawKernel(1.8, 3.0, 0.4)
    found = cumulant_estimate(spreading(kernel))
    # the covered rule has the second moment exactly, the higher ones within (h/delta)**2
    assert found.rates.second == pytest.approx(kernel.moment(2), rel=1e-9)
    np.testing.assert_allclose(found.rates[1:], [kernel.moment(4), kernel.moment(6)], rtol=1e-4)
    assert found.kernel.alpha == pytest.approx(1.8, abs=1e-3)
    assert found.kernel.horizon == pytest.approx(3.0, rel=1e-3)
    known = cumulant_estimate(spreading(kernel), horizon=3.0, split=0.5)
    assert known.kernel.alpha == pytest.approx(1.8, abs=1e-3)


def test_cumulants_of_a_gaussian_vanish_from_the_fourth_on():
    density = np.exp(-(GRID**2) / 8) / np.sqrt(8 * np.pi)
    snapshots = DensitySnapshots(GRID, np.array([0.0]), density[np.newaxis])
    # beside a variance of 4, whose cube is 64
    np.testing.assert_allclose(even_cumulants(snapshots), [[4.0, 0.0, 0.0]], atol=1e-9)


def test_shrinking_or_flat_tailed_densities_have_no_kernel():
    shots = spreading(PowerLawKernel(1.8, 3.0, 0.4))
    back = dataclasses.replace(shots, density=shots.density[::-1].copy())
    assert cumulant_estimate(back).kernel is None
    assert cumulant_estimate(shots, horizon=0.5).kernel is None  # jumps are longer than that


def test_a_density_of_nothing_has_no_cumulants():
    shots = spreading(PowerLawKernel(1.8, 3.0, 0.4))
    with pytest.raises(ValueError, match="density must not vanish"):
        even_cumulants(dataclasses.replace(shots, density=0 * shots.density))


@pytest.mark.parametrize(
    ("options", "name"),
    [({"split": 0.0}, "split"), ({"split": 0.01}, "split"), ({"horizon": 0.0}, "horizon")],
)
def test_arguments_out_of_range_are_refused(options, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        cumulant_estimate(spreading(PowerLawKernel(1.8, 3.0, 0.4)), **options)
