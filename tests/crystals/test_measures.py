"""Errors and isotropy, against numbers known by hand."""

import numpy as np
import pytest

from nlbook.crystals import (
    PathRule,
    Response,
    StrainPath,
    StressErrors,
    anisotropy,
    formula_response,
    magnesium,
    mean_errors,
    sample_strain_paths,
    stress_errors,
    uniaxial_path,
)

TIMES = np.array([0.0, 1.0, 3.0])
STRETCH = np.tile(np.eye(3), (3, 1, 1))


def answer(pressure, shear, times=TIMES):
    stress = -np.asarray(pressure, float)[:, None, None] * np.eye(3)
    stress[:, 0, 1] = stress[:, 1, 0] = shear
    return Response(times, STRETCH, stress)


def test_errors_are_ratios_of_norms_over_time():
    # trapezoidal weights 1/2, 3/2 and 1
    errors = stress_errors(answer([1, 2, 2], [0, 1, 1]), answer([1, 1, 2], [0, 2, 2]))
    pressure, shear = 0.5 + 1.5 + 4.0, 2.5 * 4.0
    assert errors.pressure == pytest.approx(np.sqrt(1.5 / pressure))
    assert errors.deviatoric == pytest.approx(0.5)
    whole = 3 * pressure + 2 * shear
    assert errors.total == pytest.approx(np.sqrt((3 * 1.5 + 2 * 2.5) / whole))


def test_a_part_that_the_reference_has_not_has_no_error():
    errors = stress_errors(answer([0, 0, 0], [0, 1, 2]), answer([0, 0, 0], [0, 1, 1]))
    assert np.isnan(errors.pressure) and errors.deviatoric > 0
    errors = stress_errors(answer([1, 1, 2], [0, 0, 0]), answer([1, 1, 1], [0, 0, 0]))
    assert np.isnan(errors.deviatoric) and errors.pressure > 0


def test_mean_errors_leave_out_parts_that_are_not_there():
    references = [answer([1, 1, 1], [0, 0, 0]), answer([1, 1, 1], [1, 1, 1])]
    responses = [answer([1, 1, 1], [0, 0, 0]), answer([2, 2, 2], [2, 2, 2])]
    assert mean_errors(responses, references) == StressErrors(
        total=0.5, pressure=0.5, deviatoric=1.0
    )


def test_the_formula_has_no_deviator_and_twice_lambda_times_the_change_of_volume():
    path = sample_strain_paths(1, 4, PathRule(n_steps=5))[0]
    law = magnesium()
    response = formula_response(path, law)
    assert response.pressure == pytest.approx(-48.0 * (np.linalg.det(path.stretch) - 1))
    assert np.abs(response.deviator).max() < 1e-14


def test_an_isotropic_material_answers_a_rotated_load_rotated():
    def elastic(path):
        return Response(path.times, path.stretch, path.stretch @ path.stretch)

    paths = sample_strain_paths(2, 4, PathRule(n_steps=5))
    assert np.max(anisotropy(elastic, paths, n_rotations=3)) < 1e-12


def test_anisotropy_is_that_of_a_stiffness_along_one_axis():
    # stress a e1 (x) e1 for the strain along e1: its deviator after rotation, by hand
    def fibre(path):
        stress = np.zeros_like(path.stretch)
        stress[:, 0, 0] = path.stretch[:, 0, 0] - 1
        return Response(path.times, path.stretch, stress)

    path = StrainPath([0.0, 1.0], [np.eye(3), np.diag([1.5, 1.0, 1.0])])
    found = anisotropy(fibre, [path], n_rotations=2, seed=5)
    from nlbook.crystals import random_texture

    for error, turn in zip(found[0], random_texture(2, 5).rotations, strict=True):
        c = turn[0, 0] ** 2  # R U R^T has 1 + c/2 along e1, and R^T e1 is the first row of R
        back = c * np.outer(turn[0], turn[0])
        gap = back - np.diag([1.0, 0, 0])
        gap -= np.trace(gap) / 3 * np.eye(3)
        assert error == pytest.approx(np.linalg.norm(gap) / np.sqrt(2 / 3), rel=1e-9)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: stress_errors(answer([1, 1, 1], 0), answer([0, 0, 0], 0)), "reference"),
        (lambda: stress_errors(answer([1, 1, 1], 0), answer([1, 1, 1], 0, 2 * TIMES)), "answer"),
        (lambda: mean_errors([], []), "responses"),
        (lambda: mean_errors([answer([1, 1, 1], 0)], []), "responses"),
        (lambda: anisotropy(lambda path: None, []), "paths"),
        (lambda: anisotropy(lambda path: None, [uniaxial_path(0.1)], n_rotations=0), "n_rotations"),
    ],
)
def test_bad_arguments_are_refused_by_name(call, named):
    with pytest.raises(ValueError, match=named):
        call()
