"""Figures that a reader moves: what they hold, what they say, and that they move."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import nbformat
import numpy as np
import pytest
from scipy.linalg import expm

from nlbook.diffusion import NonlocalDiffusion
from nlbook.kernels import PowerLawKernel
from nlbook.publishing import explorable, figures
from nlbook.publishing.book import find_book
from nlbook.publishing.explorable import Axis, Slider, explore
from tests.site.browser import Browser, find_chromium

matplotlib.use("agg")
ALPHAS, STRENGTHS = (1.5, 2.0, 2.5), (0.05, 0.1)
X_AXIS, Y_AXIS = Axis("place (m)", 0.0, 3.0), Axis("density (1/m)", 1e-4, 1.0, log=True)


@pytest.mark.parametrize(
    "axis, labels",
    [
        (Axis("x", 2.0, 8.0, log=True), ["2", "4", "6", "8"]),
        (Axis("x", 0.3, 60.0, log=True), ["0.5", "1", "2", "5", "10", "20", "50"]),
        (Axis("x", 0.3, 8.0, log=True), ["0.5", "1", "2", "5"]),
        (Axis("x", 1e-4, 1.0, log=True), ["10−4", "10−3", "10−2", "10−1", "100"]),
        (Axis("x", 0.0, 5e6), ["0"] + [f"{k} × 10⁶" for k in range(1, 6)]),
        (Axis("x", -1.0, 1.0), ["−1", "−0.5", "0", "0.5", "1"]),
        (Axis("x", 0.0, 1.4e-5), ["0", "5 × 10⁻⁶", "1 × 10⁻⁵"]),
    ],
)
def test_an_axis_has_ticks_as_a_printer_sets_them(axis, labels):
    ticks = axis.ticks()
    said = [re.sub("<[^>]*>", "", text).replace("\u202f", " ") for _, text in ticks]
    assert said == labels
    shares = axis.share([value for value, _ in ticks])
    assert np.all(np.diff(shares) > 0) and 0 <= shares[0] < shares[-1] <= 1


@pytest.fixture(autouse=True)
def style():
    with matplotlib.rc_context(figures.style()):
        yield


@pytest.fixture(scope="module")
def densities():
    """Places, the start, and its evolution under six laws: shape (3, 2, n)."""
    grid = np.linspace(-3, 3, 61)
    start = np.exp(-(grid**2) / 0.5) / np.sqrt(0.5 * np.pi)
    frames = np.array(
        [
            [
                NonlocalDiffusion(PowerLawKernel(a, 1.0, d), grid).evolve(
                    start, 1.0, 1, method="exact"
                )
                for d in STRENGTHS
            ]
            for a in ALPHAS
        ]
    )
    return grid[30:], start[30:], frames[..., 30:]


@pytest.fixture
def shown(monkeypatch):
    """What a call displays: a list of bundles."""
    bundles = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: bundles.append(data))
    return bundles


def show(densities, **changed):
    x, start, frames = densities
    given = {
        "name": "fig-try",
        "caption": "Try.",
        "alt": "A curve that two sliders move.",
        "x": x,
        "curves": frames,
        "sliders": [
            Slider("exponent", [f"{a:g}" for a in ALPHAS], 1),
            Slider("strength", [f"{d:g} m" for d in STRENGTHS]),
        ],
        "said": [[f"Law {a:g} and {d:g}." for d in STRENGTHS] for a in ALPHAS],
        "x_axis": X_AXIS,
        "y_axis": Y_AXIS,
        "curve": "law",
        "references": {"start": (start, "#8c8c8c")},
    }
    explore(**(given | changed))


def told(bundles):
    """The data in a displayed page."""
    found = re.search(
        r'<script type="application/json">(.*?)</script>', bundles[-1]["text/html"], re.S
    )
    return json.loads(found.group(1))


def decoded(data):
    """Values of the curves, from their digits and the axis."""
    numbers = np.array([data["digits"].index(digit) for digit in data["curves"]]).reshape(-1, 2)
    height = (numbers[:, 0] * len(data["digits"]) + numbers[:, 1]) * data["unit"]
    axis = explorable._HEIGHT - explorable._TOP - explorable._BOTTOM
    share = 1 - (height - explorable._TOP) / axis
    values = Y_AXIS.low * (Y_AXIS.high / Y_AXIS.low) ** share
    return values.reshape(len(ALPHAS), len(STRENGTHS), -1)


def test_each_curve_is_the_operators_exponential(densities, shown):
    show(densities)
    grid = np.linspace(-3, 3, 61)
    start = np.exp(-(grid**2) / 0.5) / np.sqrt(0.5 * np.pi)
    curves = decoded(told(shown))
    # half a step of 330/8099 on 270 units of height that are ln(1e4)
    rounding = 0.5 * 330 / (90**2 - 1) / 270 * np.log(1e4)
    for i, alpha in enumerate(ALPHAS):
        for j, strength in enumerate(STRENGTHS):
            operator = NonlocalDiffusion(PowerLawKernel(alpha, 1.0, strength), grid)
            exact = (expm(operator.matrix()) @ start)[30:]
            exact = np.clip(exact, Y_AXIS.low, Y_AXIS.high)
            assert np.abs(np.log(curves[i, j] / exact)).max() < 1.001 * rounding + 1e-9


class _Page(HTMLParser):
    """Inputs, labels and live texts of a page."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def test_every_slider_has_a_label_and_the_text_is_live(densities, shown):
    show(densities)
    page = _Page(shown[-1]["text/html"])
    sliders = page.all("input")
    assert [one["type"] for one in sliders] == ["range", "range"]
    assert {one["id"] for one in sliders} == {one["for"] for one in page.all("label")}
    assert any(one.get("aria-live") == "polite" for one in page.all("p"))
    assert "hidden" in page.all("div")[0]  # until the script runs


def test_nothing_comes_from_elsewhere(densities, shown):
    show(densities)
    page = _Page(shown[-1]["text/html"])
    assert not any({"src", "href"} & attributes.keys() for _, attributes in page.found)
    assert "http" not in shown[-1]["text/html"]


def test_a_still_stands_before_it_and_text_in_its_place(densities, shown):
    show(densities)
    still, moving = shown
    assert "image/png" in still and still["text/plain"] == "A curve that two sliders move."
    assert moving["text/plain"] == "exponent 2, strength 0.05 m. Law 2 and 0.05."


def test_texts_cannot_end_the_script(densities, shown):
    show(densities, said=[["</script><b>"] * 2] * 3)
    assert told(shown)["said"][0] == "</script><b>"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sliders": [Slider("exponent", ["1", "2", "3"], 3), Slider("s", ["1", "2"])]}, "start=3"),
        ({"said": [["a"] * 3] * 3}, "said must have the shape"),
        ({"references": {"start": (np.full(31, np.nan), "#000000")}}, "start must be finite"),
        ({"sliders": []}, "at least one"),
        ({"x": np.zeros(201)}, "2 to 200"),
        ({"said": [["x" * 40_000] * 2] * 3}, "at most 200000"),
    ],
)
def test_what_does_not_fit_is_refused(densities, shown, changed, words):
    with pytest.raises(ValueError, match=words):
        show(densities, **changed)


def test_an_axis_without_length_or_a_logarithm_of_zero_is_refused():
    for axis in ({"low": 1.0, "high": 1.0}, {"low": 0.0, "high": 1.0, "log": True}):
        with pytest.raises(ValueError, match="must lie below"):
            Axis("x", **axis)


def test_a_chapter_has_the_script_as_it_now_is():
    """No key of a chapter has it: a change of the script alone leaves the chapter fresh."""
    script = Path(explorable.__file__).with_name("explorable.js").read_text("utf-8")
    pages = [
        output.data["text/html"]
        for copy in sorted(find_book(__file__).copies.glob("*.ipynb"))
        for cell in nbformat.read(copy, 4).cells
        for output in cell.get("outputs", [])
        if "nlbook-explore" in output.get("data", {}).get("text/html", "")
    ]
    assert pages and all(script in page for page in pages)


def test_arrow_keys_move_the_curve_and_the_text(densities, shown, tmp_path):
    if (program := find_chromium()) is None:
        pytest.skip("no Chromium here")
    show(densities)
    page = tmp_path / "page.html"
    page.write_text(
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>try</title>"
        "<meta name='viewport' content='width=device-width'>"
        "<figure id='fig-try'><img alt='still' src='data:,'><figcaption>c</figcaption></figure>"
        + shown[-1]["text/html"],
        encoding="utf-8",
    )
    seen = "[document.querySelector('.nlbook-explore-curve').getAttribute('d'), " + (
        "document.querySelector('.nlbook-explore-said').textContent, "
        "document.querySelector('figure .nlbook-explore') !== null, "
        "getComputedStyle(document.querySelector('img')).display]"
    )
    with Browser(program) as browser:
        view = browser.open(page.as_uri(), 390, 800)
        before, words, within, still = browser.run(seen)
        assert words == "exponent 2, strength 0.05 m. Law 2 and 0.05."
        assert within and still == "none"  # in place of the still
        assert view.content_width <= 390
        browser.run("document.getElementById('fig-try-0').focus()")
        browser.press("ArrowRight", 39)
        after, words, *_ = browser.run(seen)
        assert words == "exponent 2.5, strength 0.05 m. Law 2.5 and 0.05."
        assert after != before
        drawn = [float(pair.split()[1]) for pair in after[1:].split("L")]
        browser.emulate(media="print")
        assert browser.run(seen)[3] != "none"  # paper has the still
    share = Y_AXIS.share(densities[2][2, 0])
    height = explorable._HEIGHT - explorable._BOTTOM - 270 * share
    assert np.abs(np.array(drawn) - height).max() < 0.1  # written to a tenth
