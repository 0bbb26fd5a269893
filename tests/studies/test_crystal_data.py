"""The record of chapter 6 against what a few of its paths are when computed again."""

import json
from pathlib import Path

import numpy as np
import pytest

import crystal_data
import crystal_few
from crystal_rivals import WAYS, simplex_weights
from nlbook.crystals import (
    DataSet,
    ReducedPolycrystal,
    Response,
    TaylorPolycrystal,
    choose_few,
    magnesium,
    stress_errors,
)

RECORDED = Path(__file__).resolve().parents[2] / "book/recorded/crystals"


@pytest.fixture(scope="module")
def errors():
    return json.loads((RECORDED / "errors.json").read_text())


@pytest.mark.parametrize(
    ("file", "seed"), [("training", crystal_data.TRAINING), ("held_out", crystal_data.HELD_OUT)]
)
def test_recorded_paths_are_what_is_computed_again(file, seed):
    recorded = DataSet.load(RECORDED / f"{file}.npz")
    material = TaylorPolycrystal(crystal_data.polycrystal(), magnesium(twins=None))
    again = crystal_data.data_set(material, 2, seed, None)
    largest = np.abs(again.stress).max()
    assert recorded.stress[:2] == pytest.approx(again.stress, rel=2e-7, abs=1e-7 * largest)
    assert recorded.stretch[:2] == pytest.approx(again.stretch, rel=2e-7, abs=1e-8)


@pytest.mark.parametrize("size", [4, 8, 16, 24, 32])
def test_recorded_few_grains_err_on_unseen_paths_as_recorded(errors, size):
    few = ReducedPolycrystal.load(RECORDED / f"grains_{size}.json")
    assert few.n_grains <= size and few.n_polycrystal == 128
    recorded = DataSet.load(RECORDED / "held_out.npz")
    ours = crystal_data.data_set(few, 3, crystal_data.HELD_OUT, None).responses
    # a record's stretch has 32 bits
    theirs = [
        Response(one.times, one.stretch, stress)
        for one, stress in zip(ours, recorded.stress, strict=False)
    ]
    found = [stress_errors(*both).deviatoric for both in zip(ours, theirs, strict=True)]
    assert max(found) <= errors["grains"]["reduced"][str(size)]["largest"] * (1 + 1e-4)


def test_more_grains_err_less_and_chosen_ones_less_than_half_of_random_ones(errors):
    table = errors["grains"]
    sizes = sorted(table["reduced"], key=int)
    found = [table["reduced"][n]["deviatoric"] for n in sizes]
    assert found == sorted(found, reverse=True)
    random = [np.mean(table["random"][n]) for n in sizes]
    assert all(one < 0.6 * other for one, other in zip(found, random, strict=True))


@pytest.mark.parametrize("size", ["4", "8", "16", "24", "32"])
def test_grains_do_as_well_on_unseen_paths_as_on_those_that_they_were_chosen_on(errors, size):
    table = errors["grains"]
    # 1.07 with 24 grains; chosen on 16 paths in place of 100 they had 1.25
    assert table["reduced"][size]["deviatoric"] < 1.1 * table["training"][size]


@pytest.mark.parametrize(
    ("size", "most"), [("8", 0.115), ("16", 0.064), ("24", 0.044), ("32", 0.034)]
)
def test_few_grains_err_no_more_than_was_reached(errors, size, most):
    # 11.3, 6.2, 4.3 and 3.3 %; a choice on fewer paths or from fewer starts had 13.6, 7.9 and 5.3
    assert errors["grains"]["reduced"][size]["deviatoric"] < most


def test_grains_that_differ_less_are_stood_for_by_fewer(errors):
    table = errors["sharpness"]
    ways = ["one tau_0", "one tau_0, half the time", "one tau_0, an eighth of the time"]
    for size in ("8", "16", "24"):
        for part in ("reduced", "random"):
            found = [float(np.mean(table[way][part][size])) for way in ways]
            assert found == sorted(found, reverse=True)
    # 20.9 and 13.8 % with 8 and 16 random grains; the chosen ones have 7.5, 4.1 and 2.8 %
    least = table[ways[-1]]
    assert np.mean(least["random"]["8"]) > 0.19 and np.mean(least["random"]["16"]) > 0.13
    for size, most in (("8", 0.10), ("16", 0.05), ("24", 0.035)):
        assert least["reduced"][size] < most


def test_how_smooth_a_grain_is_in_its_orientation_is_as_recorded(errors):
    again = crystal_few.turn_changes(magnesium(twins=None))
    assert again["spread"] == pytest.approx(errors["turns"]["slip"]["spread"], rel=1e-4)
    for name in ("root_mean_square", "median"):
        assert again[name] == pytest.approx(errors["turns"]["slip"][name], rel=1e-3)


def test_twins_make_a_grain_rough_in_its_orientation(errors):
    # a degree moves the mean square as ten degrees do without twins, though not the median
    slip, twins = errors["turns"]["slip"], errors["turns"]["twins"]
    assert twins["root_mean_square"]["1"] > slip["root_mean_square"]["10"]
    assert twins["median"]["1"] < slip["median"]["10"] / 2


def test_as_many_other_random_grains_err_more_than_sixteen_chosen_ones(errors):
    assert errors["grains"]["reduced"]["16"]["deviatoric"] < np.mean(errors["grains"]["floor"])


def test_the_formula_alone_has_all_of_the_pressure_and_none_of_the_deviator(errors):
    formula = errors["formula"]
    assert formula["pressure"] < 1e-6 and formula["deviatoric"] == pytest.approx(1.0)
    assert formula["total"] < 0.2


def test_no_rival_is_better_on_the_paths_chosen_on(errors):
    rows = [row for row in errors["rivals"] if row["way"] in WAYS]
    for n in {row["n_grains"] for row in rows}:
        ours = next(
            row["training"] for row in rows
            if row["n_grains"] == n and row["way"].endswith("restarts")
        )  # fmt: skip
        assert ours <= min(row["training"] for row in rows if row["n_grains"] == n) * (1 + 1e-6)


def test_the_record_says_where_it_comes_from():
    provenance = json.loads((RECORDED / "provenance.json").read_text())
    assert set(provenance["parts"]) == set(crystal_data.PARTS)
    for part in (provenance, *provenance["parts"].values()):
        assert part["dirty"] is False and len(part["commit"]) == 40
    assert provenance["n_held_out"] >= 1000
    assert sum(file.stat().st_size for file in RECORDED.iterdir()) < 3e6


def test_scipy_s_weights_on_a_set_are_those_of_the_choice():
    rows = np.random.default_rng(3).normal(size=(30, 20))
    gram = rows @ rows.T
    chosen, weights = choose_few(gram, 6)
    columns, again = simplex_weights(gram, chosen)
    assert np.array_equal(columns, chosen)
    assert again == pytest.approx(weights, abs=1e-9)


@pytest.mark.parametrize("way", list(WAYS))
def test_a_way_chooses_so_many_of_sum_one(way):
    rows = np.random.default_rng(4).normal(size=(60, 40)) + 0.05
    chosen, weights = WAYS[way](rows @ rows.T, 7)
    assert len(chosen) <= 7 and weights.sum() == pytest.approx(1.0) and weights.min() > 0


def test_a_small_record_is_made(tmp_path):
    crystal_data.record(
        tmp_path, store=tmp_path / "store", parts=("paths", "grains"), n_paths=2, n_held_out=2,
        n_sample=2, n_choosing=2, n_candidates=12, n_turns=1, sizes=(4,), n_draws=2, n_judging=2,
        n_unseen=1,
    )  # fmt: skip
    assert len(DataSet.load(tmp_path / "training.npz")) == 2
    assert ReducedPolycrystal.load(tmp_path / "grains_4.json").n_paths == 2
    assert "floor" in json.loads((tmp_path / "errors.json").read_text())["grains"]
