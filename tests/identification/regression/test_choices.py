"""Constraints as objects, and the words by which they were asked for before."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest

from nlbook import identification
from nlbook.identification import (
    Adam,
    Continuum,
    Exact,
    MengeshaDu,
    Nonnegative,
    PositiveSymbol,
    RegressionWarning,
    Unconstrained,
    biharmonic_pairs,
    fit_bernstein,
)
from nlbook.identification.regression.choices import same_kind
from nlbook.kernels import BernsteinKernel

POSITIVE = BernsteinKernel((30.0,) * 7, 0.25)
FEW = Adam(epochs=2, epochs_correction=1, most_steps=2)
# What was given after the degree, and what it means now.
WORDS = {
    "nothing": ((None,), {}, Unconstrained()),
    "nonnegative": (("nonnegative",), {}, Nonnegative()),
    "joint": (("mengesha-du",), {}, MengeshaDu()),
    "joint by name": (("mengesha-du", "joint"), {"solver": "SCS"}, MengeshaDu(solver=Exact("SCS"))),
    "two stages": (("mengesha-du", "two-stage"), {}, MengeshaDu(stages=2)),
    "given C": (
        ("mengesha-du",),
        {"method": "two-stage", "positive": POSITIVE},
        MengeshaDu(stages=2, positive=POSITIVE),
    ),
    "symbol": (("symbol",), {"margin": 0.5}, PositiveSymbol(margin=0.5)),
    "continuum": (("continuum",), {"margin": 0.2}, Continuum(margin=0.2)),
    "continuum, settings": (
        (),
        {"constraint": "continuum", "settings": Continuum(limit=4.0)},
        Continuum(limit=4.0),
    ),
    "Adam": (("nonnegative", "adam"), {"settings": FEW}, Nonnegative(solver=FEW)),
    "Adam, two stages": (
        ("mengesha-du", "adam"),
        {"settings": FEW, "positive": POSITIVE},
        MengeshaDu(stages=2, positive=POSITIVE, solver=FEW),
    ),
}


@pytest.fixture(scope="module")
def pairs():
    return biharmonic_pairs(0.03, 0.25, 200)


@pytest.mark.parametrize("name", WORDS)
def test_words_are_what_the_objects_are_and_warn_once(pairs, name):
    words, named, constraint = WORDS[name]
    if isinstance(getattr(constraint, "solver", None), Adam):
        pytest.importorskip("torch")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DeprecationWarning)
        warnings.simplefilter("ignore", RegressionWarning)
        before = fit_bernstein(pairs, 0.25, 6, *words, **named)
    (said,) = caught
    assert said.category is DeprecationWarning
    assert said.filename == __file__
    assert repr(constraint) in str(said.message)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        warnings.simplefilter("ignore", RegressionWarning)
        now = fit_bernstein(pairs, 0.25, 6, constraint)
    assert before.kernel == now.kernel
    assert repr(before.certificate) == repr(now.certificate)  # nan is not equal to itself
    assert before.constraint == now.constraint == constraint


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"constraint": "positive"}, "^constraint must be one of"),
        ({"method": "newton"}, "^method must be one of"),
        ({"constraint": "symbol", "method": "two-stage"}, "^method must be 'joint' for constraint"),
        (
            {"constraint": "symbol", "margin": 1.0},
            "^margin must be a finite number above 0 and at most 0.9",
        ),
        ({"constraint": "symbol", "settings": Continuum()}, "^settings must be None"),
        ({"constraint": "continuum", "settings": Adam()}, "^settings must be Continuum"),
        (
            {"constraint": "nonnegative", "positive": POSITIVE},
            "^positive must be None unless a correction",
        ),
    ],
)
def test_words_that_make_no_sense_are_refused(pairs, asked, message):
    with pytest.raises(ValueError, match=message):
        fit_bernstein(pairs, 0.25, 6, **asked)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (lambda: MengeshaDu(stages=3), "^stages must be an integer from 1 to 2"),
        (lambda: MengeshaDu(positive=POSITIVE), "^positive must be None unless"),
        (lambda: MengeshaDu(solver=Adam()), r"^solver must be Exact\(\) for this constraint"),
        (lambda: Nonnegative(solver="OSQP"), r"^solver must be Exact\(\) or Adam\(\)"),
        (lambda: Continuum(solver=Adam()), r"^solver must be Exact\(\) for this constraint"),
        (lambda: PositiveSymbol(margin=1.0), "^margin must be a finite number above 0 and at most"),
        (lambda: Exact(3), "^name must be that of a solver"),
    ],
)
def test_choices_that_make_no_sense_are_refused(choice, message):
    with pytest.raises(ValueError, match=message):
        choice()


def test_fits_of_a_kind_lend_each_other_the_size_of_their_residual():
    assert same_kind(Continuum(0.1), Continuum(0.5))
    assert same_kind(MengeshaDu(2), MengeshaDu(2, POSITIVE, Exact("OSQP")))
    assert not same_kind(MengeshaDu(1), MengeshaDu(2))
    assert not same_kind(Nonnegative(), Nonnegative(Adam()))
    assert not same_kind(Nonnegative(), Unconstrained())


@pytest.mark.parametrize(("old", "new"), [("AdamSettings", Adam), ("ContinuumSettings", Continuum)])
def test_names_of_before_are_those_of_now(old, new):
    with pytest.warns(DeprecationWarning, match=f"^{old} is deprecated: its name is"):
        assert getattr(identification, old) is new
    with pytest.raises(AttributeError, match=re.escape("no attribute 'AdamSetting'")):
        identification.AdamSetting  # noqa: B018


def test_what_is_said_of_a_fit_stands_in_it(pairs):
    turned = replace(pairs, f=-pairs.f)
    with pytest.warns(RegressionWarning) as caught:
        fit = fit_bernstein(turned, 0.25, 6, Nonnegative())
    assert [str(said.message) for said in caught] == list(fit.warnings)
    assert "K = 0 is the nearest" in fit.warnings[0]
    assert caught[0].filename == __file__
    assert np.all(np.array(fit.kernel.coefficients) == 0)
