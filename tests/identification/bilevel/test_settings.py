"""Evolutions as objects, and the words by which they were asked for before."""

import dataclasses
import warnings

import pytest

from nlbook.identification import ExactEvolution, FitSettings, ForwardEuler


@pytest.mark.parametrize(
    ("arguments", "named", "evolution"),
    [
        ((), {"method": "euler", "dt": 0.01}, ForwardEuler(0.01)),
        ((), {"method": "euler"}, ForwardEuler()),
        ((), {"method": "exact"}, ExactEvolution()),
        ((), {"dt": 0.02}, ExactEvolution(0.02)),
        (("nodes", 0.02, 0.5), {}, ExactEvolution(0.02)),
        (("nodes", 0.02), {"method": "euler"}, ForwardEuler(0.02)),
    ],
)
def test_words_are_what_the_objects_are_and_warn_once(arguments, named, evolution):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = FitSettings(*arguments, **named, every=3)
    (said,) = caught
    assert said.category is DeprecationWarning
    assert said.filename == __file__
    assert repr(evolution) in str(said.message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rest = dict(zip(("rule", "split"), arguments[::2], strict=False))
        assert before == FitSettings(**rest, evolution=evolution, every=3)
    assert (before.dt, before.method) == (evolution.dt, named.get("method", "exact"))


def test_eight_arguments_in_the_order_of_before_are_what_they_were():
    old = ("nodes", 0.01, 0.5, 2, 1e-4, "continued", "euler", "steps")
    with pytest.warns(DeprecationWarning, match="method and dt of settings are deprecated"):
        before = FitSettings(*old)
    assert before == FitSettings(
        rule="nodes",
        evolution=ForwardEuler(0.01),
        split=0.5,
        every=2,
        floor=1e-4,
        testing="continued",
        level_one="steps",
    )
    with pytest.warns(DeprecationWarning, match="deprecated"):
        assert FitSettings(*old[:7]).method == "euler"


def test_a_step_alone_changes_the_step_alone():
    paper = FitSettings.as_in_paper(every=5)
    assert paper.evolution == ForwardEuler(0.01)
    with pytest.warns(DeprecationWarning, match=r"give evolution=ForwardEuler\(dt=0.02\)"):
        changed = dataclasses.replace(paper, dt=0.02)
    assert changed == paper.with_step(0.02)
    assert changed == FitSettings.as_in_paper(evolution=ForwardEuler(0.02), every=5)
    with pytest.warns(DeprecationWarning, match="give evolution"):
        assert FitSettings("nodes", ForwardEuler(0.01), dt=0.02).evolution == ForwardEuler(0.02)


@pytest.mark.parametrize("kind", [ExactEvolution, ForwardEuler])
def test_an_evolution_that_makes_no_sense_is_refused(kind):
    with pytest.raises(ValueError, match="^dt must be a finite number above 0"):
        kind(dt=0.0)
    with pytest.raises(ValueError, match=r"^evolution must be ExactEvolution\(\) or Forward"):
        FitSettings(evolution=kind)
