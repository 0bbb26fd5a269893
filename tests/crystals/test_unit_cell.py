"""The cell in the plane: exact solutions, identities and bounds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import root

from nlbook.crystals import (
    CrystalLaw,
    GrainMap,
    SlipConstants,
    StepsTooLong,
    StrainPath,
    Texture,
    UnitCell,
    VoronoiGrains,
    magnesium,
    plane_pair,
    taylor_response,
)
from nlbook.crystals.cell_steps import CellSteps
from nlbook.parallel import TaskErrors
from tests.crystals import plane_reference
from tests.crystals.test_fourier import plain_gradient

QUARTER = np.array([[0.0, -1.0], [1.0, 0.0]])
HARD = CrystalLaw(
    plane_pair().systems, (SlipConstants(0.08, 2.0, 0.5, 6.0, 0.15, 0.4),), None, 19.0, 24.0
)


def path(n_steps, strain=0.05, shear=0.03, duration=1.0):
    """A smooth stretch that begins and ends slowly; it keeps neither volume nor direction."""
    times = np.linspace(0.0, duration, n_steps + 1)
    return StrainPath(times, np.array([stretch_at(t / duration, strain, shear) for t in times]))


def stretch_at(t, strain=0.05, shear=0.03):
    rise = t * t * (3 - 2 * t)
    across = shear * np.sin(np.pi * t) ** 2
    return np.array([[1 + strain * rise, across], [across, 1 - 0.7 * strain * rise]])


def relative(one, two):
    return np.linalg.norm(one - two) / np.linalg.norm(two)


def plain_divergence(piola):
    """Of a first Piola stress, shape (2, 2, n1, n2), by shifts."""
    along, across = piola[:, 0], piola[:, 1]
    x = along - np.roll(along, 1, 1)
    y = across - np.roll(across, 1, 2)
    return (x + np.roll(x, 1, 2) + y + np.roll(y, 1, 1)) / 2


def test_a_homogeneous_cell_is_stretched_as_asked_without_iterations():
    cell = UnitCell((6, 5), VoronoiGrains(1, seed=4))
    strain_path = path(50)
    steps = CellSteps(cell.grain_map.field, cell.law, 1e-10)
    steps.begin(0.0, strain_path.stretch[0])
    for time, stretch in zip(strain_path.times[1:], strain_path.stretch[1:], strict=True):
        steps.advance(time, stretch)
    assert list(steps.counts) == [51, 0, 0]  # one evaluation a time, no linear system, none halved
    (last,) = cell.fields(strain_path)
    expected = strain_path.stretch[-1][:, :, np.newaxis, np.newaxis]
    assert np.abs(last.deformation - expected).max() < 1e-14


@pytest.mark.parametrize(("law", "shear"), [(plane_pair(), 0.03), (HARD, 0.0)])
def test_a_single_crystal_converges_at_second_order_to_its_equation(law, shear):
    angle = 0.3  # a threshold is met with a kink where slip turns, so the second path never does

    def rate(t, state):
        move = plane_reference.slip_rate(law, angle, stretch_at(t, shear=shear), *state)
        return [move, abs(move)]

    exact = solve_ivp(rate, (0, 1), [0.0, 0.0], "LSODA", rtol=1e-10, atol=1e-12).y[0, -1]
    cell = UnitCell((1, 1), GrainMap(np.zeros((1, 1)), [angle]), law)
    errors = np.array(
        [abs(cell.fields(path(n, shear=shear))[0].slip[0, 0] - exact) for n in (400, 800, 1600)]
    )
    orders = np.log2(errors[:-1] / errors[1:])
    assert np.all((orders > 1.8) & (orders < 2.2)), orders
    assert errors[-1] < 1e-4 * abs(exact)


def test_a_laminate_converges_at_second_order_to_its_exact_solution():
    law, angles, part = plane_pair(), np.array([0.2, 0.9]), 0.25
    normal = np.array([1.0, 0.0])

    def layers(t, jump):
        turn = np.outer(jump, normal)
        return stretch_at(t) + (1 - part) * turn, stretch_at(t) - part * turn

    def stresses(t, jump, slip):
        return [
            plane_reference.piola_formula(law, angle, f, gamma)
            for angle, f, gamma in zip(angles, layers(t, jump), slip, strict=True)
        ]

    jump = np.zeros(2)

    def balance(t, slip):
        """The jump of F at which the tractions on the layers' planes are the same."""
        nonlocal jump

        def difference(guess):
            one, two = stresses(t, guess, slip)
            return (one - two) @ normal

        jump = root(difference, jump, tol=1e-13).x
        return jump

    def rate(t, slip):
        both = zip(angles, layers(t, balance(t, slip)), slip, strict=True)
        return np.array([plane_reference.slip_rate(law, a, f, gamma, 0.0) for a, f, gamma in both])

    slip, step = np.zeros(2), 1 / 600  # of Runge and Kutta; half of it moves the answer by 1e-8
    for k in range(600):
        t = k * step
        first = rate(t, slip)
        second = rate(t + step / 2, slip + step / 2 * first)
        third = rate(t + step / 2, slip + step / 2 * second)
        fourth = rate(t + step, slip + step * third)
        slip = slip + step / 6 * (first + 2 * second + 2 * third + fourth)
    one, two = stresses(1.0, balance(1.0, slip), slip)
    mean = part * one + (1 - part) * two
    exact = mean @ stretch_at(1.0) / np.linalg.det(stretch_at(1.0))

    labels = np.zeros((8, 3), dtype=int)
    labels[2:] = 1
    cell = UnitCell((8, 3), GrainMap(labels, angles), law, tolerance=1e-9)
    errors = [
        np.abs(cell.response(path(n_steps)).stress[-1] - exact).max() for n_steps in (200, 400)
    ]
    assert 1.7 < np.log2(errors[0] / errors[1]) < 2.3, errors
    assert errors[1] < 1e-4 * np.abs(exact).max()
    (last,) = cell.fields(path(400))
    assert np.abs(last.deformation.std(axis=3)).max() < 1e-9  # nothing varies along the layers
    found = last.deformation[:, 0, 0, 0] - last.deformation[:, 0, 4, 0]
    assert np.abs(found - jump).max() < 1e-5


def test_one_crystal_answers_as_in_taylors_average():
    angle = 0.4
    strain_path = path(1600)
    response = UnitCell((1, 1), GrainMap(np.zeros((1, 1)), [angle])).response(strain_path)
    stretch = np.tile(np.eye(3), (len(strain_path.times), 1, 1))
    stretch[:, :2, :2] = strain_path.stretch
    texture = Texture.from_angles([angle])
    taylor = taylor_response(StrainPath(strain_path.times, stretch), texture, plane_pair())
    assert relative(response.stress, taylor.stress[:, :2, :2]) < 1e-3
    assert relative(response.activity, taylor.activity) < 1e-3


def test_taylors_average_takes_more_work():
    cell = UnitCell((16, 16), VoronoiGrains(8, seed=2))
    times = np.linspace(0.0, 1.0, 201)
    stretch = np.eye(2) + times[:, np.newaxis, np.newaxis] * np.diag([0.06, -0.055])
    response = cell.response(StrainPath(times, stretch))
    each = [
        UnitCell((1, 1), GrainMap(np.zeros((1, 1)), [angle])).response(StrainPath(times, stretch))
        for angle in cell.grain_map.angles
    ]
    bound = np.einsum("g,gtij->tij", cell.grain_map.weights, [one.kirchhoff for one in each])

    def work(kirchhoff):
        """Integral of tau : dU U^-1, so far."""
        rate = np.einsum("tij,tjk->tik", np.diff(stretch, axis=0), np.linalg.inv(stretch[1:]))
        return np.cumsum(np.einsum("tij,tij->t", kirchhoff[1:], rate))

    less, more = work(response.kirchhoff), work(bound)
    assert np.all(less[10:] < more[10:])
    assert less[-1] < 0.7 * more[-1]


@pytest.mark.parametrize("tolerance", [1e-4, 1e-8])
def test_every_kept_field_is_in_balance_and_has_the_mean_that_was_asked_for(tolerance):
    cell = UnitCell((16, 12), VoronoiGrains(6, seed=1), tolerance=tolerance)
    strain_path = path(40)
    for k, fields in zip((10, 25, 40), cell.fields(strain_path, (10, 25, -1)), strict=True):
        assert fields.time == strain_path.times[k]
        force = plain_divergence(fields.piola)
        norm = np.sqrt(np.mean(np.sum(force**2, axis=0)))
        assert norm <= tolerance * cell.law.shear_modulus * (1 + 1e-9)
        mean = fields.deformation.mean(axis=(2, 3))
        assert np.abs(mean - strain_path.stretch[k]).max() < 1e-14


def test_the_deformation_is_the_gradient_of_a_displacement():
    cell = UnitCell((12, 12), VoronoiGrains(6, seed=1))
    (last,) = cell.fields(path(20))
    change = last.deformation - last.deformation.mean(axis=(2, 3), keepdims=True)
    assert np.abs(change).max() > 0.01
    # a gradient does no work on any stress that is in balance: (D_2 a, -D_1 a) is one
    potential = np.random.default_rng(0).normal(size=(2, 12, 12))
    slopes = plain_gradient(potential).reshape(2, 2, 12, 12)
    # shifted to the pixels that the corners' neighbours are
    balanced = np.roll(np.stack([slopes[:, 1], -slopes[:, 0]], axis=1), (1, 1), (2, 3))
    assert np.abs(plain_divergence(balanced)).max() < 1e-12
    assert abs(np.sum(balanced * change)) < 1e-10


def test_the_mean_stress_is_that_of_the_field():
    cell = UnitCell((12, 12), VoronoiGrains(6, seed=1), tolerance=1e-10)
    strain_path = path(30)
    (last,) = cell.fields(strain_path)
    volume = np.linalg.det(np.moveaxis(last.deformation, (0, 1), (2, 3)))
    mean = np.mean(volume * last.cauchy, axis=(2, 3)) / np.linalg.det(strain_path.stretch[-1])
    assert relative(cell.response(strain_path).stress[-1], mean) < 1e-9


def test_turning_load_and_cell_by_a_quarter_turns_the_answer():
    shape, strain_path = (16, 12), path(60)
    grains = VoronoiGrains(7, seed=5).map(shape)
    # pixel (i, j) goes to (n2 - 1 - j, i)
    labels = np.array(
        [[grains.labels[j, shape[1] - 1 - i] for j in range(shape[0])] for i in range(shape[1])]
    )
    turned = GrainMap(labels, grains.angles + np.pi / 2)
    other = StrainPath(strain_path.times, QUARTER @ strain_path.stretch @ QUARTER.T)
    one = UnitCell(shape, grains, tolerance=1e-10).response(strain_path)
    two = UnitCell(shape[::-1], turned, tolerance=1e-10).response(other)
    assert relative(two.stress, QUARTER @ one.stress @ QUARTER.T) < 1e-8


def test_a_tight_and_a_loose_tolerance_agree():
    strain_path = path(100)
    tight, loose = (
        UnitCell((16, 16), VoronoiGrains(8, seed=0), tolerance=tolerance).response(strain_path)
        for tolerance in (1e-9, 1e-5)
    )
    assert relative(loose.deviator, tight.deviator) < 2e-3


@pytest.mark.parametrize("law", [plane_pair(), HARD])
def test_work_is_stored_or_dissipated(law):
    def missing(n_steps):
        cell = UnitCell((8, 8), VoronoiGrains(5, seed=3), law, tolerance=1e-9)
        strain_path = path(n_steps)
        response = cell.response(strain_path)
        (last,) = cell.fields(strain_path)
        inverse = np.swapaxes(np.linalg.inv(strain_path.stretch), 1, 2)
        piola = response.kirchhoff @ inverse
        middle = 0.5 * (piola[1:] + piola[:-1])
        work = np.sum(middle * np.diff(strain_path.stretch, axis=0))
        elastic = np.mean(
            [
                plane_reference.elastic_energy(
                    law,
                    plane_reference.embedded(last.deformation[:, :, i, j])
                    @ np.linalg.inv(
                        plane_reference.inelastic(law, cell.grain_map.field[i, j], last.slip[i, j])
                    ),
                )
                for i in range(8)
                for j in range(8)
            ]
        )
        assert response.stored[0] == 0.0
        return (work - elastic - response.stored[-1] - response.dissipated[-1]) / work

    coarse, fine = missing(100), missing(200)
    assert abs(fine) < 2e-3
    assert 3.0 < coarse / fine < 5.0  # all rules are of second order


def test_a_path_may_begin_strained():
    cell = UnitCell((8, 8), VoronoiGrains(4, seed=1), tolerance=1e-10)
    strain_path = StrainPath([0.0, 1e-3], np.array([np.diag([1.02, 0.99])] * 2))
    response = cell.response(strain_path)
    elastic = plane_reference.piola_formula(cell.law, 0.0, np.diag([1.02, 0.99]), 0.0)
    expected = elastic @ np.diag([1.02, 0.99]) / (1.02 * 0.99)
    assert np.abs(response.stress[0] - expected).max() < 1e-12
    assert response.activity[0, 0] == 0.0
    assert response.activity[1, 0] > 0.0


def test_long_steps_are_halved():
    cell = UnitCell((16, 16), VoronoiGrains(8, seed=0))
    steps = CellSteps(cell.grain_map.field, cell.law, 1e-5)
    steps.begin(0.0, np.eye(2))
    steps.advance(1.0, np.diag([1.9, 0.5]))
    assert steps.counts[2] > 0
    assert np.isfinite(steps.piola).all()


def test_a_step_without_a_solution_is_refused_with_time_and_strain():
    cell = UnitCell((16, 16), VoronoiGrains(8, seed=0), tolerance=1e-15)  # below rounding
    message = r"at time 0\.5 s, where U changes by 0\.1 to \[\[1\.1, 0\], \[0, 0\.9\]\]"
    with pytest.raises(StepsTooLong, match=message):
        cell.response(StrainPath([0.0, 0.5], [np.eye(2), np.diag([1.1, 0.9])]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (64,)}, "shape must be two numbers of pixels"),
        ({"shape": (0, 64)}, "shape must be"),
        ({"tolerance": 0.0}, "tolerance must be"),
        ({"law": magnesium()}, "law must hold one pair"),
        (
            {"shape": (3, 4), "grains": GrainMap(np.zeros((4, 3)), [0.0])},
            r"grains must have the cell's shape \(3, 4\), got \(4, 3\)",
        ),
    ],
)
def test_cells_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        UnitCell(**arguments)


def test_a_path_in_three_dimensions_is_refused():
    with pytest.raises(ValueError, match="strain_path must be of two dimensions"):
        UnitCell((2, 2)).response(StrainPath([0.0, 1.0], [np.eye(3)] * 2))


def test_many_paths_are_as_one_and_are_kept(tmp_path):
    cell = UnitCell((8, 8), VoronoiGrains(4, seed=2))
    paths = [path(10, strain) for strain in (0.02, -0.02, 0.03)]
    found = cell.responses(paths, store=tmp_path / "store", workers=2, progress=False)
    for strain_path, response in zip(paths, found, strict=True):
        alone = cell.response(strain_path)
        for name in ("stress", "activity", "stored", "dissipated"):
            assert np.array_equal(getattr(response, name), getattr(alone, name))
    again = cell.responses(paths[:2], store=tmp_path / "store", progress=False)
    assert all(np.array_equal(a.stress, b.stress) for a, b in zip(again, found, strict=False))


def test_a_path_that_fails_among_many_leaves_the_others():
    cell = UnitCell((8, 8), VoronoiGrains(4, seed=2))
    wrong = StrainPath([0.0, 1.0], [np.eye(3)] * 2)
    with pytest.raises(TaskErrors, match="two dimensions"):
        cell.responses([path(5), wrong], progress=False)
