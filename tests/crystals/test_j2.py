"""The isotropic metal against plain NumPy, exact answers and its own data."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import brentq

from nlbook.crystals import (
    J2Metal,
    PathRule,
    Response,
    StrainPath,
    fit_j2,
    formula_response,
    magnesium,
    mean_errors,
    random_texture,
    rotated_path,
    sample_strain_paths,
    shear_path,
    uniaxial_path,
)

METAL = J2Metal(0.05, 0.25, 0.02, 0.1, 0.06)
RULE = PathRule(n_steps=100)
PATHS = sample_strain_paths(4, 5, RULE)


def threshold(metal, p):
    voce = metal.saturation * (1 - np.exp(-p / metal.saturation_strain))
    return metal.yield_stress + voce + metal.hardening * p


def plain_response(metal, path):
    """Deviators and plastic strains, step by step, the roots by SciPy and NumPy."""
    stretch, modulus = path.isochoric.stretch, metal.shear_modulus
    plastic, p, deviators, strains = np.eye(3), 0.0, [], []
    for u, dt in zip(stretch, np.diff(path.times, prepend=path.times[0]), strict=True):
        elastic = u @ plastic @ u
        mean = np.trace(elastic) / 3
        s = modulus * (elastic - mean * np.eye(3))
        q = np.sqrt(1.5) * np.linalg.norm(s)
        if dt > 0 and q > threshold(metal, p):

            def over(step, q=q, p=p, mean=mean, dt=dt):
                rate = (step / (metal.reference_rate * dt)) ** metal.rate_exponent
                left = q - 3 * modulus * mean * step
                return left - threshold(metal, p + step) - metal.drag * rate

            step = brentq(over, 0.0, q / (3 * modulus * mean), xtol=1e-16)
            s, p = s * (1 - 3 * modulus * mean * step / q), p + step
        part = s / modulus
        roots = np.roots([1, 0, -0.5 * np.sum(part**2), np.linalg.det(part) - 1])
        elastic = part + np.max(roots.real) * np.eye(3)
        plastic = np.linalg.inv(u) @ elastic @ np.linalg.inv(u)
        deviators.append(s)
        strains.append(p)
    return np.array(deviators) / path.volume_ratio[:, None, None], np.array(strains)


@pytest.mark.parametrize("path", [*PATHS[:2], shear_path(2.0, n_steps=50)])
def test_the_loop_is_that_of_plain_numpy(path):
    deviator, strain = plain_response(METAL, path)
    response = METAL.response(path)
    np.testing.assert_allclose(response.deviator, deviator, atol=1e-10)
    np.testing.assert_allclose(response.activity[:, 0], strain, atol=1e-12)


def test_below_yield_it_is_elastic():
    path = uniaxial_path(0.005)
    strong = replace(METAL, yield_stress=10.0)
    kirchhoff = path.isochoric.stretch @ path.isochoric.stretch * strong.shear_modulus
    mean = np.trace(kirchhoff, axis1=1, axis2=2)[:, None, None] / 3 * np.eye(3)
    np.testing.assert_allclose(strong.response(path).deviator, kirchhoff - mean, atol=1e-12)


def test_in_steady_flow_the_stress_is_the_threshold_and_the_drag():
    """Without hardening a stretch at the rate r ends at q = yield + drag (r/rate)^m."""
    steady = replace(METAL, saturation=0.0, hardening=0.0)
    times = np.linspace(0.0, 2e-5, 401)
    stretch = expm(np.multiply.outer(times / 2e-5, 0.2 * np.diag([1.0, -0.5, -0.5])))
    deviator = steady.response(StrainPath(times, stretch)).deviator[-1]
    expected = 0.05 + 0.06 * (0.2 / 2e-5 / 1e5) ** 0.5
    # radial return is exact for small elastic strains; here they are q/3G = 9e-4
    assert np.sqrt(1.5) * np.linalg.norm(deviator) == pytest.approx(expected, rel=1e-3)


def test_the_pressure_is_the_formula_and_the_volume_matters_to_nothing_else():
    law = magnesium()
    for path in PATHS:
        response = METAL.response(path)
        np.testing.assert_allclose(
            response.pressure, formula_response(path, law).pressure, atol=1e-12
        )
        alone = METAL.response(path.isochoric).kirchhoff
        mean = np.trace(response.kirchhoff, axis1=1, axis2=2)[:, None, None] / 3 * np.eye(3)
        np.testing.assert_allclose(response.kirchhoff - mean, alone, atol=1e-11)


def test_a_rotated_load_rotates_the_answer():
    turn = random_texture(1, 6).rotations[0]
    for path in PATHS:
        rotated = METAL.response(rotated_path(path, turn)).stress
        np.testing.assert_allclose(rotated, turn @ METAL.response(path).stress @ turn.T, atol=1e-11)


def test_half_the_step_halves_the_error():
    fine = sample_strain_paths(1, 7, PathRule(n_steps=3200))[0]
    exact = METAL.response(fine)
    errors = []
    for every in (16, 8, 4):
        path = StrainPath(fine.times[::every], fine.stretch[::every])
        errors.append(np.abs(METAL.response(path).deviator - exact.deviator[::every]).max())
    # against 3200 steps, not none: errors go as 16 - 1, 8 - 1 and 4 - 1, by 2.14 and 2.33
    assert errors[0] / errors[1] == pytest.approx(2.14, abs=0.3)
    assert errors[1] / errors[2] == pytest.approx(2.33, abs=0.3)


def test_fitted_to_itself_it_finds_its_constants():
    answers = [METAL.response(path) for path in PATHS]
    found = fit_j2(answers, J2Metal(0.1, 0.1, 0.05, 0.3, 0.03))
    for name in ("yield_stress", "saturation", "saturation_strain", "hardening", "drag"):
        assert getattr(found, name) == pytest.approx(getattr(METAL, name), rel=1e-4)


def test_a_fit_is_no_worse_than_its_start_on_data_of_another():
    other = [replace(METAL, rate_exponent=1.0).response(path) for path in PATHS]
    start = J2Metal(0.1, 0.1, 0.05, 0.3, 0.03)
    found = fit_j2(other, start)

    def error(metal):
        return mean_errors([metal.response(path) for path in PATHS], other).deviatoric

    assert error(found) < 0.5 * error(start)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"drag": 0.0}, "drag"),
        ({"yield_stress": -0.1}, "yield_stress"),
        ({"saturation_strain": 0.0}, "saturation_strain"),
        ({"rate_exponent": 1.5}, "rate_exponent"),
        ({"shear_modulus": np.nan}, "shear_modulus"),
    ],
)
def test_constants_out_of_range_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        replace(METAL, **change)


def test_a_plane_path_and_a_fit_to_nothing_are_refused():
    with pytest.raises(ValueError, match="three dimensions"):
        METAL.response(uniaxial_path(0.1, dimension=2))
    with pytest.raises(ValueError, match="one or more"):
        fit_j2([], METAL)
    path = PATHS[0]
    still = Response(path.times, path.stretch, np.zeros_like(path.stretch))
    with pytest.raises(ValueError, match="deviator"):
        fit_j2([still], METAL)
    with pytest.raises(ValueError, match="hardening"):
        fit_j2([METAL.response(path)], replace(METAL, hardening=0.0))
