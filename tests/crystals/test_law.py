"""The constants of the law: those that are printed, and those that are refused."""

import numpy as np
import pytest

from nlbook.crystals import (
    CrystalLaw,
    SlipConstants,
    TwinConstants,
    fcc,
    hcp,
    magnesium,
    plane_pair,
)


def test_magnesium_has_the_printed_constants():
    basal, prismatic, pyramidal = magnesium().slip
    assert (basal.hardening, basal.saturation, basal.latent) == (7.1, 0.0007, 0.0)
    assert (prismatic.hardening, prismatic.saturation, prismatic.latent) == (40.0, 0.17, 0.02)
    assert (pyramidal.hardening, pyramidal.saturation, pyramidal.latent) == (30.0, 0.2, 0.025)
    assert pyramidal.tau_0 == 0.0505
    twin = magnesium().twin
    assert (twin.hardening, twin.interaction, twin.shear) == (0.007, 40.0, 0.129)


def test_a_missing_resistance_is_a_parameter():
    law = magnesium(tau_0={"basal": 0.02, "twin": 0.004})
    assert law.slip[0].tau_0 == 0.02
    assert law.twin.tau_0 == 0.004
    assert law.slip[1] == magnesium().slip[1]


def test_twins_can_be_left_out():
    assert magnesium().without_twins().systems.n_twin == 0
    assert magnesium(twins=None).twin is None


def test_systems_of_one_family_harden_each_other():
    matrix = magnesium().latent_matrix
    assert np.array_equal(matrix[3:6, 3:6], 0.02 * (np.ones((3, 3)) - np.eye(3)))
    assert not matrix[:3].any()
    assert not matrix[3:6, 6:].any()


def test_twins_that_exclude_each_other_gain_energy_by_it():
    """40 GPa (1 1^T - 1) has the eigenvalues -40, five times, and 5 * 40."""
    values = np.linalg.eigvalsh(magnesium().interaction_matrix)
    np.testing.assert_allclose(values, [-40.0] * 5 + [200.0], atol=1e-12)
    assert magnesium(twins=None).interaction_matrix.shape == (0, 0)


def test_the_plane_has_its_own_moduli():
    law = plane_pair()
    assert (law.shear_modulus, law.lambda_e, law.slip[0].reference_rate) == (19.0, 24.0, 1.0)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SlipConstants(0.0, 1.0), "tau_0 must be a finite number above 0"),
        (lambda: SlipConstants(1.0, np.nan), "reference_rate"),
        (lambda: SlipConstants(1.0, 1.0, rate_exponent=2.0), "rate_exponent"),
        (lambda: SlipConstants(1.0, 1.0, rate_exponent=0.005), "rate_exponent .* at least 0.01"),
        (lambda: TwinConstants(1.0, 1.0, 0.1, rate_exponent=0.005), "rate_exponent .* 0.01"),
        (lambda: SlipConstants(1.0, 1.0, hardening=-1.0), "hardening"),
        (lambda: TwinConstants(1.0, 1.0, 0.1, mode="both"), "mode must be"),
        (lambda: CrystalLaw(fcc(), ()), "slip must have 1 entries"),
        (lambda: CrystalLaw(hcp(), magnesium().slip), "twin must be given"),
        (lambda: magnesium(tau_0={"basel": 0.01}), "tau_0 must be of basal"),
        (lambda: magnesium(c_over_a=1.8), "c_over_a"),
    ],
)
def test_constants_that_make_no_sense_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
