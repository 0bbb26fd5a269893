"""Elastic and plastic points against plain loops with general root finders."""

import numpy as np
import pytest
from scipy.linalg import expm

from nlbook.impact import J2, Elastic, JohnsonCook, Material, stress_along
from tests.impact.plain import deviator, plain_step, random_rotation

SHEAR, BULK = 40e9, 110e9
VOCE = J2(
    8930.0, SHEAR, BULK, 90e6, hardening=50e6, saturation=200e6, saturation_strain=0.12,
    reference_rate=4e5, rate_exponent=0.4,
)  # fmt: skip
COOK = JohnsonCook(
    8930.0, SHEAR, BULK, 90e6, 292e6, 0.31, rate_sensitivity=0.025, softening_exponent=1.09,
    melting_temperature=1356.0, heat_capacity=383.0, heat_share=0.9,
)  # fmt: skip
LAWS = [J2(8930.0, SHEAR, BULK, 400e6, 100e6), VOCE, COOK]
TIMES = np.linspace(0.0, 1e-5, 41)


def random_path(seed, size=0.05):
    """A smooth history of F: stretches of up to some tenths, and rotations."""
    generator = np.random.default_rng(seed)
    waves = generator.normal(scale=size, size=(3, 3, 3))
    t = TIMES / TIMES[-1]
    return np.array(
        [expm(sum(w * np.sin((k + 1) * 2 * s) for k, w in enumerate(waves))) for s in t]
    )


def hardening(law, temperature, dt):
    """yield(p, dp) of a step."""
    if isinstance(law, J2):

        def value(p, dp):
            static = law.yield_stress + law.hardening * p
            static += law.saturation * (1 - np.exp(-p / law.saturation_strain))
            if law.reference_rate is None:
                return static
            return static * (1 + (dp / dt / law.reference_rate) ** law.rate_exponent)
    else:

        def value(p, dp):
            room = law.room_temperature
            soft = (
                (temperature - room) / (law.melting_temperature - room)
            ) ** law.softening_exponent
            static = law.yield_stress + law.hardening * p**law.hardening_exponent
            rate = max(dp / dt / law.reference_rate, 1.0)
            return static * (1 + law.rate_sensitivity * np.log(rate)) * (1 - soft)

    return value


@pytest.mark.parametrize("law", LAWS, ids=["linear", "voce", "johnson-cook"])
@pytest.mark.parametrize("seed", range(3))
def test_a_path_is_that_of_the_plain_loop(law, seed):
    path = random_path(seed)
    answer = stress_along(law, TIMES, path)
    inverse, plastic, temperature = np.eye(3), 0.0, 293.0
    for k in range(1, len(TIMES)):
        rule = hardening(law, temperature, TIMES[k] - TIMES[k - 1])
        tau, inverse, new = plain_step(path[k], inverse, plastic, SHEAR, BULK, rule)
        # brentq ends within 1e-16 of dp, and 3 G dp is the stress: 1e-5 Pa, and rounding of 1e9
        assert np.max(np.abs(answer.stress[k] - tau)) < 1e-2
        assert answer.observables["plastic_strain"][k] == pytest.approx(new, abs=1e-12)
        if isinstance(law, JohnsonCook):
            level = np.sqrt(1.5 * np.sum(deviator(tau) ** 2))
            temperature += 0.9 * level * (new - plastic) / (8930.0 * 383.0)
            seen = answer.observables["temperature"][k]
            assert seen == pytest.approx(temperature, abs=1e-8)
        plastic = new
    assert plastic > 0.05  # the path was worth the comparison


@pytest.mark.parametrize("law", [*LAWS, Elastic(8930.0, SHEAR, BULK)])
def test_a_rotated_history_has_the_rotated_stress(law):
    path = random_path(4)
    turns = np.array([expm(2e5 * s * (random_rotation(8) - random_rotation(8).T)) for s in TIMES])
    plain, turned = stress_along(law, TIMES, path), stress_along(law, TIMES, turns @ path)
    expected = turns @ plain.stress @ turns.swapaxes(1, 2)
    assert np.max(np.abs(turned.stress - expected)) < 1e-11 * BULK  # rounding of K times J - 1


@pytest.mark.parametrize("law", LAWS)
def test_plastic_strain_keeps_the_volume(law):
    state = law.new_state(1)
    stress = np.zeros((1, 6, 8))
    for f in random_path(5, size=0.1):
        law.update(np.repeat(f.reshape(1, 9, 1), 8, axis=2), state, stress, 2.5e-7)
        c = state[0, :6, 0]
        inverse = np.array([[c[0], c[3], c[4]], [c[3], c[1], c[5]], [c[4], c[5], c[2]]])
        assert np.linalg.det(inverse) == pytest.approx(1.0, abs=1e-13)


def test_small_strains_follow_hooke():
    strain = 1e-7 * np.array([[1.0, 0.3, -0.2], [0.3, -0.5, 0.7], [-0.2, 0.7, 0.4]])
    law = Elastic(8930.0, SHEAR, BULK)
    (_, tau) = stress_along(law, [0.0, 1.0], [np.eye(3), np.eye(3) + strain]).stress
    hooke = 2 * SHEAR * deviator(strain) + BULK * np.trace(strain) * np.eye(3)
    assert np.max(np.abs(tau - hooke)) < 1e-6 * np.max(np.abs(hooke))  # second order in the strain


@pytest.mark.parametrize("volume", [0.02, 0.19, 0.2, 0.5, 4.9, 5.1, 30.0])
def test_any_volume_is_taken(volume):
    """The cube root is a series near one, and a library's beyond."""
    law = Elastic(8930.0, SHEAR, BULK)
    f = np.diag([2.0, 0.5, volume])
    (tau,) = stress_along(law, [0.0], [f]).stress
    square = volume ** (-2 / 3) * f @ f.T
    expected = SHEAR * deviator(square) + BULK * (volume - 1) * volume * np.eye(3)
    assert np.max(np.abs(tau - expected)) < 1e-14 * np.max(np.abs(expected))


def test_steady_shear_flows_at_the_yield_stress():
    law = LAWS[0]
    f = np.tile(np.eye(3), (301, 1, 1))
    f[:, 0, 1] = np.linspace(0.0, 0.3, 301)
    answer = stress_along(law, np.linspace(0.0, 1e-5, 301), f)
    plastic = answer.observables["plastic_strain"][-1]
    level = np.sqrt(1.5 * np.sum(deviator(answer.stress[-1]) ** 2))
    assert level == pytest.approx(400e6 + 100e6 * plastic, rel=1e-12)
    # a shear of 0.3 is a strain of 0.3/sqrt(3); what is elastic of it is the stress over 3 G
    assert plastic == pytest.approx(0.3 / np.sqrt(3) - level / (3 * SHEAR), rel=2e-3)


def test_without_sensitivity_the_rate_does_not_matter():
    path = random_path(1)
    slow, fast = (stress_along(LAWS[0], times, path).stress for times in (TIMES, 1e-3 * TIMES))
    assert np.array_equal(slow, fast)


def test_faster_is_harder_and_heat_softens():
    path = random_path(2)
    slow, fast = (stress_along(VOCE, times, path).stress[-1] for times in (TIMES, 0.1 * TIMES))
    assert np.linalg.norm(deviator(fast)) > 1.1 * np.linalg.norm(deviator(slow))
    cold = JohnsonCook(**{**COOK.__dict__, "heat_share": 0.0})
    warm, cool = (stress_along(law, TIMES, path).stress[-1] for law in (COOK, cold))
    assert np.linalg.norm(deviator(warm)) < np.linalg.norm(deviator(cool))


def test_several_points_answer_as_each_alone():
    paths = np.stack([random_path(seed) for seed in range(11)], axis=1)  # a block and a part
    together = stress_along(VOCE, TIMES, paths)
    for k in (0, 7, 8, 10):
        alone = stress_along(VOCE, TIMES, paths[:, k])
        assert np.array_equal(together.stress[:, k], alone.stress)
        plastic = together.observables["plastic_strain"][:, k]
        assert np.array_equal(plastic, alone.observables["plastic_strain"])


@pytest.mark.parametrize("law", LAWS)
def test_a_law_is_a_material(law):
    assert isinstance(law, Material)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"density": -1.0}, "density must be a finite number above 0, got -1.0"),
        ({"yield_stress": 0.0}, "yield_stress must be"),
        ({"reference_rate": 0.0}, "reference_rate must be"),
        ({"rate_exponent": 2.0}, "rate_exponent must be"),
    ],
)
def test_constants_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        J2(**{**VOCE.__dict__, **change})


def test_paths_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="times must ascend"):
        stress_along(VOCE, [0.0, 0.0], [np.eye(3)] * 2)
    with pytest.raises(ValueError, match="deformation must be of shape"):
        stress_along(VOCE, [0.0, 1.0], [np.eye(3)])
    with pytest.raises(ValueError, match="positive determinants"):
        stress_along(VOCE, [0.0], [np.diag([1.0, 1.0, -1.0])])
