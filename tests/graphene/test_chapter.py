"""Numbers of chapter 5 on heat, from the arrays of the record and nothing of the package."""

import json

import numpy as np
import pytest

from nlbook.publishing.book import find_book

FOLDER = find_book(__file__).book / "recorded" / "graphene"


def recorded(name):
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def size(values):
    return np.sqrt(np.mean(np.square(values, dtype=float)))


def test_the_paper_s_smoothing_leaves_many_times_the_noise_of_a_mean():
    mean, smoothed = (recorded(f"unloaded_300K{end}") for end in ("", "_iota"))
    # the same runs: the same atoms, stresses and temperatures
    np.testing.assert_array_equal(mean["stress"], smoothed["stress"])
    assert size(smoothed["displacement"]) / size(mean["displacement"]) == pytest.approx(27, abs=2)


def test_the_pressure_is_that_of_the_thermal_strain():
    """A square that may not grow by e is under the pressure e (C11 + C12) in plane stress."""
    strain = json.loads((FOLDER / "provenance.json").read_text())["sets"]["disk_300K"]
    expected = strain["thermal_strain"] * (1.247 - 0.197)
    pressure = -recorded("unloaded_300K")["stress"].mean()
    assert pressure == pytest.approx(expected, rel=0.1)


def test_weak_loads_at_300_kelvin_move_atoms_in_proportion():
    low, medium = (recorded(f"training_300K_{level}") for level in ("low", "medium"))
    ratio = size(medium["displacement"]) / size(low["displacement"])
    assert ratio == pytest.approx(0.25, rel=0.01)
