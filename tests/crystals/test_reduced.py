"""A reduced polycrystal against the grains that it is chosen from, and its file."""

import json
from dataclasses import replace

import numpy as np
import pytest

from nlbook.crystals import (
    GrainDictionary,
    PathRule,
    ReducedPolycrystal,
    Texture,
    choose_few,
    grain_stresses,
    magnesium,
    mean_errors,
    random_texture,
    reduce_polycrystal,
    rotated_path,
    sample_strain_paths,
    stress_errors,
    taylor_response,
    uniaxial_path,
)

LAW = magnesium(twins=None)
POLYCRYSTAL = random_texture(48, 1)
RULE = PathRule(n_steps=100)
PATHS = sample_strain_paths(6, 2, RULE)
UNSEEN = sample_strain_paths(4, 3, RULE)


@pytest.fixture(scope="module")
def dictionary():
    return GrainDictionary.along(PATHS, POLYCRYSTAL, LAW, candidates=96, seed=4)


@pytest.fixture(scope="module")
def reduced(dictionary):
    return reduce_polycrystal(dictionary, 8, n_turns=0)


@pytest.fixture(scope="module")
def judged(reduced):
    return reduced.judged(POLYCRYSTAL, UNSEEN, n_rotated=2, n_rotations=2)


def test_the_gram_matrix_is_that_of_relative_errors(dictionary):
    weights = np.random.default_rng(5).dirichlet(np.ones(96))
    mixed = Texture(dictionary.candidates.rotations, weights)
    errors = [
        stress_errors(taylor_response(path, mixed, LAW), answer).deviatoric
        for path, answer in zip(PATHS, dictionary.answers, strict=True)
    ]
    assert weights @ dictionary.gram @ weights == pytest.approx(
        np.mean(np.square(errors)), rel=1e-8
    )


def test_the_training_error_is_that_of_its_response(dictionary, reduced):
    errors = [
        stress_errors(reduced.response(path), answer).deviatoric
        for path, answer in zip(PATHS, dictionary.answers, strict=True)
    ]
    assert reduced.training_error == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=1e-8)


def test_its_error_is_less_than_half_that_of_random_grains(judged):
    random = [
        mean_errors(
            taylor_response(UNSEEN, random_texture(8, seed), LAW),
            taylor_response(UNSEEN, POLYCRYSTAL, LAW),
        ).deviatoric
        for seed in range(5)
    ]
    assert judged.held_out.deviatoric < np.mean(random) / 2


def test_chosen_grains_are_candidates_and_their_weights_a_whole(dictionary, reduced):
    chosen, weights = choose_few(dictionary.gram, 8, n_restarts=50)
    assert np.array_equal(reduced.texture.rotations, dictionary.candidates.rotations[chosen])
    assert reduced.texture.weights == pytest.approx(weights)
    assert reduced.n_grains == 8 and reduced.n_polycrystal == 48 and reduced.n_paths == 6


def test_turning_lowers_the_error_and_says_it_truly(dictionary, reduced):
    turned = reduce_polycrystal(dictionary, 8, n_turns=3)
    assert turned.training_error < 0.98 * reduced.training_error  # 0.93 measured
    again = GrainDictionary.along(PATHS, POLYCRYSTAL, LAW, candidates=turned.texture).gram
    weights = turned.texture.weights
    assert weights @ again @ weights == pytest.approx(turned.training_error**2, rel=1e-8)


def test_all_grains_of_the_polycrystal_leave_no_error():
    few = random_texture(5, 8)
    dictionary = GrainDictionary.along(PATHS[:2], few, LAW, candidates=few)
    reduced = reduce_polycrystal(dictionary, 5, n_turns=0)
    assert reduced.texture.weights == pytest.approx(np.full(5, 0.2), abs=1e-6)
    assert reduced.training_error < 1e-6


def test_more_paths_are_as_if_they_had_been_there(dictionary):
    more = [uniaxial_path(0.2, n_steps=100), uniaxial_path(-0.2, n_steps=100)]
    extended = dictionary.extended(more)
    whole = GrainDictionary.along([*PATHS, *more], POLYCRYSTAL, LAW, candidates=96, seed=4)
    assert extended.gram == pytest.approx(whole.gram, rel=1e-10, abs=1e-14)
    assert len(extended.paths) == len(extended.answers) == 8


def test_paths_that_are_all_there_twice_change_nothing(dictionary):
    twice = GrainDictionary.along([*PATHS, *PATHS], POLYCRYSTAL, LAW, candidates=96, seed=4)
    assert twice.gram == pytest.approx(dictionary.gram, rel=1e-12, abs=1e-15)
    again = reduce_polycrystal(twice, 8, n_turns=0)
    once = reduce_polycrystal(dictionary, 8, n_turns=0)
    assert np.array_equal(again.texture.rotations, once.texture.rotations)
    assert again.texture.weights == pytest.approx(once.texture.weights, rel=1e-9)


def test_threads_change_nothing(dictionary):
    alone = GrainDictionary.along(PATHS, POLYCRYSTAL, LAW, candidates=96, seed=4, workers=1)
    assert np.array_equal(alone.gram, dictionary.gram)


def test_a_rotated_polycrystal_answers_a_rotated_load_rotated(reduced):
    turn = random_texture(1, 6).rotations[0]
    path = UNSEEN[0]
    turned = replace(reduced, texture=reduced.texture.rotated(turn))
    answer = turned.response(rotated_path(path, turn)).stress
    expected = turn @ reduced.response(path).stress @ turn.T
    assert answer == pytest.approx(expected, abs=1e-9 * np.abs(expected).max())


def test_it_is_causal(reduced):
    path, other = UNSEEN[:2]
    stretch = path.stretch.copy()
    stretch[31:] = stretch[30]
    assert other is not path
    held = reduced.response(replace(path, stretch=stretch))
    assert np.array_equal(held.stress[:31], reduced.response(path).stress[:31])


def test_judging_tells_the_errors_of_paths_held_out(judged, reduced):
    ours = [reduced.response(path) for path in UNSEEN]
    theirs = [taylor_response(path, POLYCRYSTAL, LAW) for path in UNSEEN]
    assert judged.held_out == mean_errors(ours, theirs)
    assert judged.n_held_out == 4
    assert judged.held_out.pressure < 1e-12  # a formula for both
    assert 0 < judged.polycrystal_anisotropy < 1 and 0 < judged.anisotropy < 1


def test_a_file_gives_back_every_bit(judged, tmp_path):
    judged.save(tmp_path / "eight.json")
    again = ReducedPolycrystal.load(tmp_path / "eight.json")
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "eight.json").read_bytes()
    assert again.held_out == judged.held_out and again.anisotropy == judged.anisotropy
    path = UNSEEN[0]
    assert np.array_equal(again.response(path).stress, judged.response(path).stress)


def test_a_file_keeps_twins(tmp_path):
    law = magnesium(twins="one-way")
    one = ReducedPolycrystal(random_texture(2, 1), law, 5, 1, 0.1)
    one.save(tmp_path / "two.json")
    again = ReducedPolycrystal.load(tmp_path / "two.json").law
    assert again.twin == law.twin and again.slip == law.slip
    assert np.array_equal(again.systems.directions, law.systems.directions)
    assert again.systems.names == law.systems.names


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("no json", "written by save"),
        ("[1, 2]", "written by save"),
        ("{}", "format"),
        ('{"format": 7}', "format"),
        ('{"format": 1}', "texture"),
        ('{"format": 1, "texture": 3, "law": {}}', "n_polycrystal"),
        ('{"format": 1, "more": 3}', "more"),
    ],
)
def test_other_files_are_refused(tmp_path, text, named):
    (tmp_path / "a_file").write_text(text)
    with pytest.raises(ValueError, match=named) as refused:
        ReducedPolycrystal.load(tmp_path / "a_file")
    assert "a_file" in str(refused.value)


def test_a_file_of_bytes_is_refused(tmp_path):
    (tmp_path / "a_file").write_bytes(b"\x80\x81")
    with pytest.raises(ValueError, match="a_file"):
        ReducedPolycrystal.load(tmp_path / "a_file")


def places(words, path=()):
    """Where each entry of nested objects stands."""
    for name, value in words.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from places(value, (*path, name))


def test_a_file_that_lacks_anything_is_refused_and_says_what(tmp_path):
    law = magnesium(twins="reversible")
    ReducedPolycrystal(random_texture(2, 1), law, 5, 1, 0.1).save(tmp_path / "a_file")
    text = (tmp_path / "a_file").read_text()
    for *path, name in places(json.loads(text)):
        words = json.loads(text)
        part = words
        for step in path:
            part = part[step]
        del part[name]
        (tmp_path / "a_file").write_text(json.dumps(words))
        with pytest.raises(ValueError, match=name) as refused:
            ReducedPolycrystal.load(tmp_path / "a_file")
        assert "a_file" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_paths", "six"),
        ("n_polycrystal", 0),
        ("training_error", -0.1),
        ("n_held_out", None),
        ("anisotropy", "none"),
        ("texture", {"rotations": [[1.0]], "weights": [1.0]}),
        ("held_out", {"total": 0.1}),
        ("law", []),
    ],
)
def test_a_file_with_a_wrong_entry_is_refused(tmp_path, name, value):
    ReducedPolycrystal(random_texture(2, 1), LAW, 5, 1, 0.1).save(tmp_path / "a_file")
    words = json.loads((tmp_path / "a_file").read_text()) | {name: value}
    (tmp_path / "a_file").write_text(json.dumps(words))
    with pytest.raises(ValueError, match="a_file"):
        ReducedPolycrystal.load(tmp_path / "a_file")


def test_a_file_with_weights_that_are_no_whole_is_refused(judged, tmp_path):
    judged.save(tmp_path / "file")
    words = json.loads((tmp_path / "file").read_text())
    words["texture"]["weights"][0] += 0.1
    (tmp_path / "file").write_text(json.dumps(words))
    with pytest.raises(ValueError, match="weights"):
        ReducedPolycrystal.load(tmp_path / "file")


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda _: GrainDictionary.along([], POLYCRYSTAL, LAW), "paths"),
        (lambda _: GrainDictionary.along(PATHS, POLYCRYSTAL, LAW, candidates=0), "candidates"),
        (
            lambda _: GrainDictionary.along(
                [replace(PATHS[0], stretch=np.tile(np.eye(3), (101, 1, 1)))],
                POLYCRYSTAL, LAW, candidates=2,
            ),
            "paths",
        ),
        (lambda dictionary: reduce_polycrystal(dictionary, 0), "n_chosen"),
        (lambda dictionary: reduce_polycrystal(dictionary, 97), "n_chosen"),
        (lambda dictionary: reduce_polycrystal(dictionary, 4, n_turns=-1), "n_turns"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(dictionary, call, named):
    with pytest.raises(ValueError, match=named):
        call(dictionary)


def test_grain_stresses_are_what_the_dictionary_compares(dictionary):
    # one candidate, one path, written out
    path, grain = PATHS[0], Texture(dictionary.candidates.rotations[:1])
    own = grain_stresses(path, grain, LAW)[0] / path.volume_ratio[:, None, None]
    target = dictionary.answers[0].deviator
    inner = [
        np.trapezoid(np.sum(values**2, axis=(1, 2)), path.times)
        for values in (own - target, target)
    ]
    alone = GrainDictionary.along(PATHS[:1], POLYCRYSTAL, LAW, candidates=grain)
    assert alone.gram[0, 0] == pytest.approx(inner[0] / inner[1], rel=1e-10)
