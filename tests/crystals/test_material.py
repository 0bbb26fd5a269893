"""The polycrystal in a body that moves: as along a path, rotated, stored, in threads."""

import numpy as np
import pytest
from scipy.linalg import expm

from nlbook.crystals import (
    CrystalMaterial,
    ReducedPolycrystal,
    StrainPath,
    TaylorPolycrystal,
    Texture,
    magnesium,
    random_texture,
    recorded_paths,
    taylor_response,
)
from nlbook.impact import (
    ImpactError,
    Material,
    Simulation,
    box_mesh,
    rod_mesh,
    stress_along,
    taylor_anvil,
)

TIMES = np.linspace(0.0, 2e-5, 101)
SLIPPING = magnesium(twins=None)


def stretches(seed=0, size=0.06):
    """A smooth history of U without reversals of sign."""
    generator = np.random.default_rng(seed)
    ends = generator.normal(scale=size, size=(2, 3, 3))
    ends = ends + ends.swapaxes(1, 2)
    s = TIMES / TIMES[-1]
    return np.array([expm(np.sin(1.5 * t) * ends[0] / 2 + t**2 * ends[1] / 2) for t in s])


def material(n_grains=20, law=SLIPPING, rule="euler", tolerance=1e-9):
    return CrystalMaterial(
        TaylorPolycrystal(random_texture(n_grains, 1), law), 1740.0, rule, tolerance
    )


@pytest.mark.parametrize("twins", [None, "reversible", "one-way"])
@pytest.mark.parametrize("n_grains", [8, 20])
def test_the_answer_is_that_along_a_strain_path(n_grains, twins):
    law = magnesium(twins=twins)
    path = StrainPath(TIMES, stretches())
    expected = taylor_response(path, random_texture(n_grains, 1), law, rule="euler")
    answer = stress_along(material(n_grains, law), TIMES, path.stretch)
    tau = 1e9 * expected.stress * path.volume_ratio[:, None, None]
    # the same loops on the same numbers, of which det U is taken in another order
    assert np.max(np.abs(answer.stress - tau)) < 1e-10 * np.max(np.abs(tau))
    slips = expected.activity[:, : law.systems.n_slip_families].sum(axis=1)
    assert answer.observables["slip"] == pytest.approx(slips, rel=1e-9, abs=1e-15)
    if twins:
        grown = expected.activity[:, -1]
        assert answer.observables["twin_fraction"] == pytest.approx(grown, rel=1e-9, abs=1e-15)


def test_two_stages_converge_to_the_same_answer():
    """The middle of a step lies on a straight line of C, and not of U: a matter of their square."""
    path = StrainPath(TIMES, stretches())
    expected = taylor_response(path, random_texture(20, 1), SLIPPING)
    answer = stress_along(material(rule="two-stage"), TIMES, path.stretch)
    tau = 1e9 * expected.stress * path.volume_ratio[:, None, None]
    euler = stress_along(material(), TIMES, path.stretch)
    size = np.max(np.abs(tau))
    assert np.max(np.abs(answer.stress - tau)) < 2e-5 * size
    assert np.max(np.abs(euler.stress - tau)) > 2e-4 * size


@pytest.mark.parametrize("rule", ["euler", "two-stage"])
def test_a_rotated_history_has_the_rotated_stress(rule):
    path = stretches(2)
    spin = np.array([[0.0, -1.0, 0.4], [1.0, 0.0, -0.3], [-0.4, 0.3, 0.0]])
    turns = np.array([expm(3.0 * t / TIMES[-1] * spin) for t in TIMES])
    law = material(rule=rule)
    plain, turned = stress_along(law, TIMES, path), stress_along(law, TIMES, turns @ path)
    expected = turns @ plain.stress @ turns.swapaxes(1, 2)
    assert np.max(np.abs(turned.stress - expected)) < 1e-9 * np.max(np.abs(expected))


def test_several_points_answer_as_each_alone():
    paths = np.stack([stretches(seed) for seed in range(9)], axis=1)
    together = stress_along(material(), TIMES, paths)
    for k in (0, 7, 8):
        assert np.array_equal(
            together.stress[:, k], stress_along(material(), TIMES, paths[:, k]).stress
        )


def test_a_reduced_polycrystal_is_taken_with_its_weights():
    rotations = random_texture(3, 4).rotations
    few = ReducedPolycrystal(Texture(rotations, np.array([0.5, 0.3, 0.2])), SLIPPING, 3, 1, 0.0)
    path = stretches(3)
    alone = [
        CrystalMaterial(TaylorPolycrystal(Texture(one[np.newaxis]), SLIPPING), 1740.0)
        for one in rotations
    ]
    stresses = [stress_along(one, TIMES, path).stress for one in alone]
    expected = np.tensordot([0.5, 0.3, 0.2], stresses, axes=1)
    answer = stress_along(CrystalMaterial(few, 1740.0), TIMES, path).stress
    # both are solved to 1e-7 of G, some thousandths of the stress
    assert np.max(np.abs(answer - expected)) < 1e-5 * np.max(np.abs(expected))


def test_a_step_that_is_too_long_is_taken_in_parts_or_named():
    """Along a straight line from no strain to one in a single step."""
    law = material(8)
    far = stretches()[-1]
    (_, once) = stress_along(law, [0.0, 2e-5], [np.eye(3), far]).stress
    assert np.all(np.isfinite(once))
    huge = np.diag([1e40, 1e-20, 1e-20])
    (_, lost) = stress_along(law, [0.0, 1e-30], [np.eye(3), huge]).stress
    assert np.all(np.isnan(lost))


def test_it_is_a_material():
    assert isinstance(material(), Material)
    assert material().wave_modulus == pytest.approx(1e9 * (48.0 + 100.0 / 3.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"density": 0.0}, "density must be"),
        ({"rule": "newton"}, "rule must be 'euler' or 'two-stage'"),
        ({"tolerance": 0.1}, "tolerance must be"),
    ],
)
def test_choices_out_of_range_are_refused(change, message):
    options = {"density": 1740.0} | change
    with pytest.raises(ValueError, match=message):
        CrystalMaterial(TaylorPolycrystal(random_texture(2, 1), SLIPPING), **options)


def anvil(law=SLIPPING, until=4e-7, **options):
    mesh = rod_mesh(2e-3, 0.5e-3, layers=8, core=1, rings=1)
    return taylor_anvil(material(8, law, tolerance=1e-7), mesh=mesh, until=until, **options)


def test_a_rod_of_crystals_moves_by_the_laws_of_mechanics():
    rod = anvil()
    history = rod.history
    assert np.ptp(history.total) < 1e-13 * history.kinetic[0]
    momentum = np.sum(rod.mass * rod.v, axis=0)[2] + 200.0 * np.sum(rod.mass[:, 2])
    assert history.impulse[-1, 0, 2] == pytest.approx(momentum, rel=1e-12)
    assert rod.observables["slip"].max() > 0.1


def test_recorded_elements_answer_along_their_paths_as_in_the_body():
    """The rod gives paths, and the law along them what the rod had."""
    rod = anvil(record=[0, 7, 20])
    paths = recorded_paths(rod.history)
    assert len(paths) == 3
    for number, path in zip((0, 7, 20), paths, strict=True):
        f = rod.deformation[number]
        assert path.stretch[-1] @ path.stretch[-1] == pytest.approx(f.T @ f, abs=1e-12)
        answer = taylor_response(path, random_texture(8, 1), SLIPPING, rule="euler", tolerance=1e-7)
        turn = f @ np.linalg.inv(path.stretch[-1])
        expected = 1e9 * turn @ answer.stress[-1] @ turn.T
        assert np.max(np.abs(rod.stress[number] - expected)) < 1e-7 * np.max(np.abs(expected))


@pytest.mark.parametrize("twins", [None, "reversible"])
def test_it_goes_on_from_a_checkpoint_to_the_same_bits(tmp_path, twins):
    law = magnesium(twins=twins)
    whole = anvil(law)
    file = tmp_path / "rod.npz"
    half = anvil(law, until=0.0)
    for _ in range(5):
        half.step(4e-7)
    half.save(file)
    again = anvil(law, until=0.0).resume(file).run(4e-7)
    assert np.array_equal(again.x, whole.x)
    assert np.array_equal(again.stress, whole.stress)


def test_a_checkpoint_of_other_grains_is_refused(tmp_path):
    file = tmp_path / "rod.npz"
    anvil(until=0.0).save(file)
    with pytest.raises(ValueError, match="checkpoint of this body"):
        anvil(SLIPPING.with_tau_0(basal=0.02), until=0.0).resume(file)


def test_two_threads_change_no_bit():
    mesh = box_mesh(*[np.linspace(0.0, 1e-3, 10)] * 3)  # 729 elements, two chunks
    v = 50.0 * np.sin(3e3 * mesh.nodes[:, ::-1])
    one, two = (
        Simulation(mesh, material(2), velocity=v, workers=workers).run(3e-8) for workers in (1, 2)
    )
    assert np.array_equal(one.x, two.x)


def test_a_point_without_an_answer_ends_the_run_with_its_element(monkeypatch):
    from nlbook.crystals import material as module

    def lose(c, before, kept, *others):
        others[-1][:] = np.nan

    rod = anvil(until=0.0)
    monkeypatch.setattr(module, "points_loop", lose)
    with pytest.raises(ImpactError, match=r"in step 1, element 0 has a stress that is no number"):
        rod.run(1e-7)
