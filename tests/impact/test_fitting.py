"""Laws fitted to their own answers, and to those of others."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from nlbook.impact import J2, Elastic, JohnsonCook, StressHistory, fit_law

VOCE = J2(
    1740.0, 25e9, 48e9, 50e6, hardening=100e6, saturation=200e6, saturation_strain=0.02,
    reference_rate=1e6,
)  # fmt: skip
COOK = JohnsonCook(
    1740.0, 25e9, 48e9, 60e6, 300e6, 0.3, rate_sensitivity=0.05, reference_rate=1e3
)  # fmt: skip
TIMES = np.linspace(0.0, 1e-6, 61)


def histories(law, n_points=5):
    """Of stretches and turns by tenths, at rates that differ by ten."""
    generator = np.random.default_rng(3)
    found = []
    for duration in (1.0, 10.0):
        ways = generator.normal(scale=0.1, size=(n_points, 3, 3))
        path = np.array([[expm(t * way) for way in ways] for t in TIMES / TIMES[-1]])
        found.append(StressHistory.of(law, duration * TIMES, path))
    return found


def test_a_law_finds_its_own_constants():
    # where all of it is seen the squares vanish, and the search ends at 1e-8 of the constants
    found = fit_law(
        histories(VOCE),
        replace(VOCE, yield_stress=20e6, hardening=300e6, saturation=100e6,
                saturation_strain=0.05, reference_rate=1e5),
    )  # fmt: skip
    for name in ("yield_stress", "hardening", "saturation", "saturation_strain", "reference_rate"):
        assert getattr(found, name) == pytest.approx(getattr(VOCE, name), rel=1e-5)
    assert found.rate_exponent == VOCE.rate_exponent
    found = fit_law(
        histories(COOK),
        replace(COOK, yield_stress=20e6, hardening=100e6, hardening_exponent=0.6,
                rate_sensitivity=0.01),
    )  # fmt: skip
    for name in ("yield_stress", "hardening", "hardening_exponent", "rate_sensitivity"):
        assert getattr(found, name) == pytest.approx(getattr(COOK, name), rel=1e-5)


def test_a_law_of_another_kind_comes_nearer_and_its_other_constants_stay():
    wanted = histories(VOCE)

    def error(law):
        return np.linalg.norm(
            [StressHistory.of(law, one.times, one.deformation).error(one) for one in wanted]
        )

    found = fit_law(wanted, COOK)
    assert error(found) < 0.3 * error(COOK)  # 0.23 of it: its rate is a logarithm, not a root
    assert found.density == COOK.density and found.reference_rate == COOK.reference_rate
    assert found.hardening_exponent <= 1.0
    # no constant alone is better by a tenth more or less of it
    for name in ("hardening", "rate_sensitivity"):
        for factor in (0.9, 1.1):
            assert error(replace(found, **{name: factor * getattr(found, name)})) > error(found)


def test_one_constant_may_be_fitted():
    found = fit_law(histories(VOCE), replace(VOCE, saturation=90e6), ["saturation"])
    assert found.saturation == pytest.approx(200e6, rel=1e-6)
    assert replace(found, saturation=200e6) == VOCE


def test_what_counts_is_the_share_of_each_history():
    """A history in which all times are doubled, with the same stress, counts as before."""
    one, other = histories(VOCE)
    longer = StressHistory(2.0 * other.times, other.deformation, other.stress)
    assert one.error(one) == 0.0
    doubled = StressHistory(other.times, other.deformation, 2.0 * other.stress)
    assert doubled.error(other) == pytest.approx(1.0, rel=1e-12)
    assert longer.size == pytest.approx(np.sqrt(2.0) * other.size, rel=1e-12)


def test_the_pressure_does_not_count():
    one = histories(VOCE)[0]
    pressed = StressHistory(one.times, one.deformation, one.stress + 1e12 * np.eye(3))
    # rounding of 1e12 against stresses of 1e8
    assert pressed.error(one) < 1e-10


def test_what_cannot_be_fitted_is_refused():
    wanted = histories(VOCE)
    with pytest.raises(ValueError, match="histories must be one or more"):
        fit_law([], VOCE)
    with pytest.raises(ValueError, match="names must be constants of J2, got"):
        fit_law(wanted, VOCE, ["heat_share"])
    with pytest.raises(ValueError, match="names must be constants of J2, got"):
        fit_law(wanted, VOCE, [])
    with pytest.raises(ValueError, match="hardening must be"):
        fit_law(wanted, replace(VOCE, hardening=0.0))
    with pytest.raises(ValueError, match="reference_rate must be a number to be fitted"):
        fit_law(wanted, replace(VOCE, reference_rate=None))
    with pytest.raises(ValueError, match="n_evaluations must be"):
        fit_law(wanted, VOCE, n_evaluations=0)
    volumes = np.array([s * np.eye(3) for s in (1.0, 1.1, 1.2)])
    still = StressHistory.of(Elastic(1.0, 1.0, 1.0), [0.0, 1.0, 2.0], volumes)
    still = StressHistory(still.times, still.deformation, 0.0 * still.stress)
    with pytest.raises(ValueError, match="histories must have a deviator"):
        fit_law([still], VOCE)
    with pytest.raises(ValueError, match="stress must be of the shape"):
        StressHistory(TIMES, np.zeros((61, 3, 3)), np.zeros((61, 6)))
