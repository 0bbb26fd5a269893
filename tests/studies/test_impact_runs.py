"""The record of chapter 7 against a part of it that is computed again."""

import json
from pathlib import Path

import numpy as np
import pytest

import impact_errors
import impact_materials
import impact_runs
from impact_runs import HISTORY, Run
from nlbook.impact import StressHistory, plate_impact, taylor_anvil

RECORDED = Path(__file__).resolve().parents[2] / "book/recorded/impact"
CASES = [(p, d) for p in impact_runs.PROBLEMS for d in impact_materials.DENSITIES]
NAMES = [f"{problem}_{density:.0f}" for problem, density in CASES]


def recorded(run):
    with np.load(RECORDED / f"{run.name}.npz") as kept:
        return {name: kept[name] for name in kept.files}


@pytest.fixture(scope="module")
def errors():
    return json.loads((RECORDED / "errors.json").read_text())


@pytest.mark.parametrize("name", ["j2", "johnson_cook"])
@pytest.mark.parametrize(("problem", "density"), CASES[:4], ids=NAMES[:4])
def test_runs_of_laws_are_what_is_computed_again(problem, density, name):
    run = Run(problem, density, name)
    kept, again = recorded(run), impact_runs.make(run, RECORDED)
    for key, values in impact_runs.sample(run, again).items():
        if key != "seconds":
            # 32 bits, of stresses of K times J - 1
            size = float(np.abs(values).max())
            assert kept[key] == pytest.approx(values, rel=1e-5, abs=2e-6 * size), key


@pytest.mark.parametrize(("problem", "density"), CASES[:4], ids=NAMES[:4])
def test_the_first_steps_with_grains_are_what_is_computed_again(problem, density):
    run = Run(problem, density, impact_runs.WHOLE)
    kept = recorded(run)
    start = plate_impact if problem == "plate" else taylor_anvil
    mesh = run.mesh
    body = start(
        impact_materials.material(run.material, density, RECORDED),
        mesh=mesh, until=0.0, record=kept["path_elements"],
    )  # fmt: skip
    n = 3 if problem == "plate" else 6  # a second of a core
    for _ in range(n):
        body.step(run.end)
    history = body.history
    for name in HISTORY:
        size = float(np.abs(kept[name]).max())
        assert getattr(history, name) == pytest.approx(
            kept[name][: n + 1], rel=1e-5, abs=1e-7 * size
        )
    assert history.deformation == pytest.approx(kept["paths"][: n + 1], abs=1e-6)


@pytest.mark.parametrize("name", NAMES[:4])
def test_errors_along_the_recorded_paths_are_those_recorded(errors, name):
    """Of the paths that are kept at every step: 32 bits of F make stresses of K times 6e-8."""
    problem, density = name.split("_")
    kept = recorded(Run(problem, float(density), impact_runs.WHOLE))
    assert len(kept["path_times"]) == len(kept["time"])  # none is thinned
    times, paths = (kept[key].astype(np.float64) for key in ("path_times", "paths"))

    def answer(material):
        law = impact_materials.material(material, float(density), RECORDED)
        return StressHistory.of(law, times, paths)

    direct = answer("taylor_32")
    for material in ("few_8", "johnson_cook", "j2"):
        found = errors[name]["paths"]["taylor_32"][material]
        assert answer(material).error(direct) == pytest.approx(found, rel=1e-2)


@pytest.mark.parametrize("name", NAMES)
def test_few_grains_are_nearer_than_laws_and_than_the_floor(errors, name):
    """Along the paths, against 128 grains; the floor is another set of 32."""
    against = errors[name]["paths"]["taylor_128"]
    few, sixteen, floor = (against[one] for one in ("few_8", "few_16", "others_32"))
    assert sixteen < few < min(against["johnson_cook"], against["j2"])
    # on the way to rest strains go ten times beyond those on which the few were chosen
    assert sixteen < floor and (few < floor or name == "rest_10000")


@pytest.mark.parametrize("name", NAMES)
def test_hourglasses_take_little(errors, name):
    for one in errors[name]["measures"].values():
        assert one["hourglass"] < 0.06  # of what the elements took, most of which is elastic


def test_the_record_says_where_it_comes_from():
    provenance = json.loads((RECORDED / "provenance.json").read_text())
    for part in (provenance, *provenance["runs"].values()):
        assert part["dirty"] is False and len(part["commit"]) == 40
    made = {file.stem for file in RECORDED.glob("*.npz")}
    assert set(provenance["runs"]) == made
    needed = (impact_runs.WHOLE, "johnson_cook", "j2")
    assert made >= {Run(*case, name).name for case in CASES for name in needed}
    assert sum(file.stat().st_size for file in RECORDED.iterdir()) < 8e6


def test_strains_are_those_of_the_stretch_alone():
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    stretch = np.diag(np.exp([0.3, -0.1, -0.2]))
    found = impact_errors.strains(np.array([1.1 * turn @ stretch, turn]))
    assert found == pytest.approx([np.sqrt(0.09 + 0.01 + 0.04), 0.0], abs=1e-14)


def test_a_small_record_is_made_and_resumed(tmp_path, monkeypatch):
    choices = {
        "problems": ("anvil", "plate"), "densities": (1740.0,), "coarse": True, "until": 2e-8,
        "materials": ("taylor_32", "few_8", "j2"),
    }  # fmt: skip
    (tmp_path / "record").mkdir()
    (tmp_path / "record/fits.json").write_text((RECORDED / "fits.json").read_text())
    impact_runs.record(tmp_path / "record", tmp_path / "store", **choices)
    files = {file.name for file in (tmp_path / "record").glob("*.npz")}
    assert "plate_1740_few_8.npz" in files and len(files) == 6
    told = json.loads((tmp_path / "record/errors.json").read_text())["plate_1740"]
    assert set(told["against_taylor_32"]) == {"few_8", "j2"}
    with np.load(tmp_path / "record/plate_1740_taylor_32.npz") as kept:
        assert kept["deformation"].dtype == np.float32
        assert len(kept["elements"]) == Run("plate", 1740.0, "j2", coarse=True).mesh.n_elements
        assert len(kept["path_elements"]) == impact_runs.N_PATHS
    monkeypatch.setattr(impact_runs, "make", None)  # all is in the store
    impact_runs.record(tmp_path / "record", tmp_path / "store", **choices)
