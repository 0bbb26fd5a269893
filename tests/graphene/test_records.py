"""What is recorded of a set is enough to make its samples again."""

import numpy as np
import pytest

from nlbook.graphene import (
    GrapheneRecord,
    RecordedSet,
    atom_runs,
    read_graphene_record,
    recorded_arrays,
)


def record(folder, made, n, name="set"):
    """Write the first loads of a set, the others as zeros, as its file has all."""
    loads = made.chosen_loads()
    runs = atom_runs(loads[:n], made.body, potential=made.tersoff, strain=made.strain,
                     factor=made.factor, progress=False)  # fmt: skip
    arrays = recorded_arrays(made, runs)
    whole = {
        key: array if key == "made" else np.concatenate(
            [array, np.zeros((len(loads) - n, *array.shape[1:]), array.dtype)]
        )
        for key, array in arrays.items()
    }  # fmt: skip
    np.savez_compressed(folder / f"{name}.npz", **whole)
    return runs


def test_a_sheet_comes_back_with_its_loads(tmp_path):
    made = RecordedSet("training", strain=0.02, nodes=20)
    runs = record(tmp_path, made, 2)
    found = read_graphene_record(tmp_path, "set")
    assert isinstance(found, GrapheneRecord) and found.made == made
    known = runs.atoms.on_grid((20, 20))
    assert found.samples.spacing == known.spacing
    assert np.allclose(found.samples.load[:2], known.load, atol=1e-15)
    assert np.allclose(found.samples.displacement[:2], known.displacement, rtol=1e-7, atol=1e-9)
    assert np.array_equal(found.amplitude[:2], runs.amplitude)


def test_a_disk_comes_back_with_the_points_that_it_is_asked_at(tmp_path):
    made = RecordedSet("disk", nodes=None, spacing=5.0)
    runs = record(tmp_path, made, 1)
    found = read_graphene_record(tmp_path, "set").samples
    known = runs.atoms.on_lattice(5.0)
    assert np.array_equal(found.points, known.points)
    assert np.array_equal(found.inside, known.inside)
    assert np.allclose(found.load[:1], known.load, atol=1e-15)
    assert np.allclose(found.displacement[:1], known.displacement, rtol=1e-6, atol=1e-9)


def test_a_set_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    (tmp_path / "training_0K.npz").write_bytes(b"")
    with pytest.raises(ValueError, match="name must be one of training_0K, got 'trainin'"):
        read_graphene_record(tmp_path, "trainin")


def test_the_atoms_of_a_set_are_made_once():
    made = RecordedSet("disk", nodes=None)
    assert made.body is made.body


def test_a_file_of_too_few_samples_is_refused(tmp_path):
    made = RecordedSet("validation")
    runs = atom_runs(made.chosen_loads()[:1], made.body, strain=None, progress=False)
    np.savez_compressed(tmp_path / "set.npz", **recorded_arrays(made, runs))
    with pytest.raises(ValueError, match="set.npz is no record of this book, or damaged"):
        read_graphene_record(tmp_path, "set")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"text"])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "set.npz").write_bytes(content)
    with pytest.raises(ValueError, match="set.npz is no record of this book, or damaged"):
        read_graphene_record(tmp_path, "set")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"loads": "trainning"}, "loads must be 'training'"),
        ({"loads": "disk"}, "nodes must be None on a disk"),
        ({"loads": "training", "potential": "c"}, "potential must be 'tersoff'"),
        ({"loads": "training", "temperature": -1.0}, "temperature"),
        ({"loads": "training", "nodes": 0}, "nodes must be an integer of at least 3, got 0"),
        ({"loads": "training", "nodes": 20.0}, "nodes must be an integer"),
        ({"loads": "training", "spacing": 0.0}, "spacing must be a finite number above 0"),
        ({"loads": "disk", "nodes": None, "spacing": 0.0}, "spacing"),
        ({"loads": "training", "period": 0.0}, "period must be a finite number above 0"),
        ({"loads": "training", "period": (100.0, 100.0)}, "period must be a finite number"),
        ({"loads": "validation", "period": 100.0}, "period must be None"),
        ({"loads": "training", "strain": 0.0}, "strain"),
    ],
)
def test_a_set_that_makes_no_sense_is_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        RecordedSet(**fields)
