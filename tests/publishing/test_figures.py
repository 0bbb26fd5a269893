"""Figures: one style, caption and alt text, labels, size."""

from __future__ import annotations

import base64
import struct

import matplotlib
import numpy as np
import pytest

from nlbook.publishing import figures

matplotlib.use("agg")
WORDS = {"caption": "A caption.", "alt": "What it shows."}


@pytest.fixture(autouse=True)
def style():
    with matplotlib.rc_context(figures.style()):
        yield


@pytest.fixture
def labelled():
    figure, axes = figures.subplots(width="half")
    axes.plot([0, 1], [1, 2])
    axes.set(xlabel="time (s)", ylabel="strain")
    return figure, axes


def lightness(colour):
    """CIE L*, 0 to 100: how light the colour is in grey."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in matplotlib.colors.to_rgb(colour)
    ]
    luminance = np.dot(linear, [0.2126, 0.7152, 0.0722])
    return 116 * luminance ** (1 / 3) - 16


def red_blind(colour):
    """What a person without red or green cones sees (Viénot 1999), as the two that remain."""
    red, green, blue = np.array(matplotlib.colors.to_rgb(colour)) ** 2.2
    return np.array([0.11 * red + 0.89 * green, blue]) ** (1 / 2.2)


def test_the_colours_are_distinct_in_grey():
    found = [lightness(colour) for colour in figures.PALETTE]
    assert min(np.diff(found)) > 10  # about ten just noticeable differences


def test_the_colours_are_distinct_without_red_or_green_cones():
    seen = [red_blind(colour) for colour in figures.PALETTE]
    distances = [np.linalg.norm(a - b) for n, a in enumerate(seen) for b in seen[:n]]
    assert min(distances) > 0.1


def test_each_colour_has_a_line_style_and_a_marker_of_its_own():
    assert len(set(figures.PALETTE)) == len(figures.PALETTE)
    assert len(set(map(str, figures.LINE_STYLES))) == len(figures.PALETTE)
    assert len(set(figures.MARKERS)) == len(figures.PALETTE)


def test_a_figure_is_shown_with_caption_alt_and_its_size_on_the_page(begun, labelled):
    shown = begun()
    figures.show(labelled[0], name="fig-a", **WORDS)
    data, metadata = shown[0]
    assert data["text/plain"] == WORDS["alt"]
    figure = metadata["nlbook"]["figure"]
    assert figure.items() >= {"name": "fig-a", **WORDS}.items()
    width, height = struct.unpack(">II", base64.b64decode(data["image/png"])[16:24])
    assert (width, height) == (2 * figure["width"], 2 * figure["height"])
    assert metadata["image/png"] == {
        "alt": WORDS["alt"],
        "width": figure["width"],
        "height": figure["height"],
    }


def test_the_same_figure_gives_the_same_bytes(begun):
    shown = begun()
    for _ in range(2):
        figure, axes = figures.subplots()
        axes.plot([0, 1])
        axes.set(xlabel="x", ylabel="y")
        figures.show(figure, name="fig-a", **WORDS)
    assert shown[0] == shown[1]


def test_a_shown_figure_is_closed(begun, labelled):
    import matplotlib.pyplot as plt

    begun()
    figures.show(labelled[0], name="fig-a", **WORDS)
    assert not plt.fignum_exists(labelled[0].number)


@pytest.mark.parametrize("missing", ["caption", "alt"])
def test_an_empty_caption_or_alt_text_is_refused(labelled, missing):
    with pytest.raises(ValueError, match=f"figure fig-a: {missing} must not be empty"):
        figures.show(labelled[0], name="fig-a", **WORDS | {missing: " "})


def test_a_name_that_cannot_be_referred_to_is_refused(labelled):
    with pytest.raises(ValueError, match="must be 'fig-'"):
        figures.show(labelled[0], name="stress", **WORDS)


@pytest.mark.parametrize("axis", ["x", "y"])
def test_an_axis_without_label_is_refused_unless_allowed(begun, labelled, axis):
    begun()
    figure, axes = labelled
    axes.set(**{f"{axis}label": ""})
    with pytest.raises(ValueError, match=f"the {axis} axis has no label"):
        figures.show(figure, name="fig-a", **WORDS)
    figures.show(figure, name="fig-a", allow_unlabelled=True, **WORDS)


def test_a_shared_axis_needs_one_label(begun):
    begun()
    figure, axes = figures.subplots(2, sharex=True)
    axes[1].set_xlabel("x")
    for part in axes:
        part.set_ylabel("y")
    figures.show(figure, name="fig-a", **WORDS)


def test_a_colour_bar_without_label_is_refused(begun, labelled):
    begun()
    figure, axes = labelled
    bar = figure.colorbar(axes.imshow(np.eye(2)), ax=axes)
    with pytest.raises(ValueError, match="a colour bar has no label"):
        figures.show(figure, name="fig-a", **WORDS)
    bar.set_label("stress (MPa)")
    figures.show(figure, name="fig-a", **WORDS)


def test_a_picture_over_a_megabyte_is_refused(labelled, monkeypatch):
    monkeypatch.setattr(figures, "_LARGEST", 1000)
    with pytest.raises(ValueError, match="must be at most"):
        figures.show(labelled[0], name="fig-a", **WORDS)


@pytest.mark.parametrize("width", ["wide", 0.5, 20.0])
def test_a_width_that_does_not_fit_is_refused(width):
    with pytest.raises(ValueError, match="width="):
        figures.subplots(width=width)
