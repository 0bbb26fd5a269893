import warnings

import numpy as np
import pytest

from nlbook.diffusion import DiffusionWarning, NonlocalDiffusion, check_evolution
from nlbook.kernels import BernsteinKernel, PowerLawKernel

GRID = np.linspace(-1, 1, 101)


def bump(width):
    return np.exp(-(GRID**2) / (2 * width**2))


def test_a_diffusion_that_keeps_what_it_should_says_nothing():
    operator = NonlocalDiffusion(PowerLawKernel(2.2, 0.3, 1e-3), GRID)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        later = operator.evolve(bump(0.1), 0.1, 5, "all")
    assert check_evolution(bump(0.1), later, operator.spacing, kept=False) == []


def test_mass_that_leaves_over_the_ends_is_told_in_percent():
    operator = NonlocalDiffusion(PowerLawKernel(2.2, 0.3), GRID)
    with pytest.warns(DiffusionWarning, match=r"\d+\.\d% of the mass left over the ends"):
        operator.evolve(bump(0.3), 0.5, 1, method="exact")


def test_a_step_too_long_for_signs_is_told():
    operator = NonlocalDiffusion(PowerLawKernel(1.0, 0.9), GRID)
    dt = 0.999 * operator.stable_step
    assert dt > 1.5 * operator.positive_step
    spike = np.zeros(101)
    spike[50] = 1.0
    with pytest.warns(DiffusionWarning, match="values that were not negative fell to -"):
        operator.evolve(spike, dt, 1, method="euler")


def test_a_growing_maximum_is_told():
    kernel = BernsteinKernel((-40.0, 0.0), horizon=0.2)
    operator = NonlocalDiffusion(kernel, GRID, "periodic")
    with pytest.warns(DiffusionWarning) as told:
        operator.evolve(bump(0.3), 0.01, 10, method="euler")
    assert any("against the maximum principle" in str(entry.message) for entry in told)


def test_mass_that_a_ring_should_keep_is_told():
    with pytest.warns(DiffusionWarning, match="the mass changed from .* which diffusion keeps"):
        found = check_evolution(bump(0.3), 0.9 * bump(0.3), 0.02)
    assert len(found) == 1


@pytest.mark.parametrize(
    ("after", "spacing", "said"),
    [
        (bump(0.3)[:5], 0.02, "after must have the 101 nodes of before along its last axis"),
        (np.empty((0, 101)), 0.02, "after must have the 101 nodes"),
        (np.ma.masked_less(bump(0.3), 0.1), 0.02, "after must have no masked"),
        (bump(0.3), 0.0, "spacing must be a finite number above 0"),
    ],
)
def test_states_that_can_t_be_compared_are_refused(after, spacing, said):
    with pytest.raises(ValueError, match=said):
        check_evolution(bump(0.3), after, spacing)
