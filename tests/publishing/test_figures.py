"""Figures: one style, caption and alt text, labels, size."""

from __future__ import annotations

import base64
import io
import os
import struct
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageSequence

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


def test_a_lower_density_gives_fewer_pixels_of_the_same_size_on_the_page(begun, labelled):
    shown = begun()
    figures.show(labelled[0], name="fig-a", density=1, **WORDS)
    data, metadata = shown[0]
    width, height = struct.unpack(">II", base64.b64decode(data["image/png"])[16:24])
    figure = metadata["nlbook"]["figure"]
    assert (width, height) == (figure["width"], figure["height"])


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


@pytest.fixture
def moving(labelled):
    """A figure, and what draws a frame of it."""
    figure, axes = labelled
    (line,) = axes.plot([0, 1], [1.5, 1.5])

    def draw(level):
        line.set_ydata([level, level])
        axes.set_title(f"at {level}")

    return figure, draw


LEVELS = (1.2, 1.5, 1.8)


def animate(shown, figure, draw, **options):
    options = {"frames": LEVELS, **options}
    figures.show(figure, name="fig-a", draw=draw, **WORDS | options)
    return base64.b64decode(shown[-1][0]["image/png"])


def test_frames_give_one_animated_png_that_loops_for_ever(begun, moving):
    picture = Image.open(io.BytesIO(animate(begun(), *moving, seconds_per_frame=0.25)))
    assert (picture.format, picture.n_frames, picture.info["loop"]) == ("PNG", 3, 0)
    assert [frame.info["duration"] for frame in ImageSequence.Iterator(picture)] == [250] * 3


def test_an_animation_has_caption_alt_and_size_as_a_picture_has(begun, moving):
    shown = begun()
    picture = Image.open(io.BytesIO(animate(shown, *moving)))
    data, metadata = shown[0]
    figure = metadata["nlbook"]["figure"]
    assert data["text/plain"] == metadata["image/png"]["alt"] == WORDS["alt"]
    assert figure.items() >= {"name": "fig-a", **WORDS}.items()
    assert picture.size == (2 * figure["width"], 2 * figure["height"])


def test_the_first_frame_is_the_figure_as_it_is_drawn_first(begun, moving):
    figure, draw = moving
    draw(LEVELS[0])
    still = Image.open(io.BytesIO(figures._png(figure, 2.0))).convert("RGB")
    first = Image.open(io.BytesIO(animate(begun(), figure, draw))).convert("RGB")
    # of 255: a palette changes shades of edges; a line elsewhere would change white to a colour
    assert np.abs(np.asarray(still, int) - np.asarray(first, int)).max() < 64


def test_the_same_frames_give_the_same_bytes(begun):
    shown = begun()

    def once():
        figure, axes = figures.subplots(width="half")
        (line,) = axes.plot([0, 1], [0, 1])
        axes.set(xlabel="x", ylabel="y")
        return animate(shown, figure, lambda level: line.set_ydata([0, level]))

    assert once() == once()


def test_axes_keep_their_place_from_frame_to_frame(begun, moving):
    figure, _ = moving
    axes = figure.axes[0]
    places = []

    def draw(level):
        places.append(axes.get_position().bounds)
        axes.set_ylim(0, 10**level)  # longer and longer tick labels

    animate(begun(), figure, draw, frames=(1, 3, 5, 7))
    assert len(set(places[1:])) == 1


@pytest.mark.parametrize("given", [{"frames": None}, {"draw": None}])
def test_an_animation_needs_frames_and_what_draws_them(moving, given):
    figure, draw = moving
    options = {"frames": LEVELS, "draw": draw, **WORDS, **given}
    with pytest.raises(ValueError, match="needs both frames and draw"):
        figures.show(figure, name="fig-a", **options)


@pytest.mark.parametrize("frames", [[], [1.2]])
def test_fewer_than_two_frames_are_refused(begun, moving, frames):
    with pytest.raises(ValueError, match=f"at least 2, got {len(frames)}"):
        animate(begun(), *moving, frames=frames)


def test_frames_that_are_all_the_same_are_refused(begun, moving):
    with pytest.raises(ValueError, match="figure fig-a: all frames are the same"):
        animate(begun(), *moving, frames=[1.2, 1.2])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seconds_per_frame", 0.0),
        ("seconds_per_frame", float("nan")),
        ("seconds_per_frame", 61),
        ("density", 0.5),
        ("density", float("nan")),
    ],
)
def test_a_time_or_density_out_of_range_is_refused(moving, name, value):
    with pytest.raises(ValueError, match=f"{name}={value!r} must be from"):
        animate([], *moving, **{name: value})


def test_an_animation_with_an_axis_without_label_is_refused(begun, moving):
    moving[0].axes[0].set_xlabel("")
    with pytest.raises(ValueError, match="the x axis 'at 1.2' has no label"):
        animate(begun(), *moving)


def test_an_animation_over_a_megabyte_is_refused_with_what_makes_it_smaller(moving, monkeypatch):
    monkeypatch.setattr(figures, "_LARGEST", 10_000)
    with pytest.raises(ValueError, match=r"in 3 frames; draw about \d frames, or lower density"):
        animate([], *moving)


def test_the_words_in_a_figure_are_kept_with_it(begun):
    shown = begun()
    figure, (left, right) = figures.subplots(1, 2)
    left.plot([1, 2], label="Case 1")
    left.set(xlabel="x ($b$)", ylabel="y", title="at 3 $t_0$")
    left.legend(title="cases")
    right.annotate("here", (0.5, 0.5))
    right.set(xlabel="t", ylabel="y")
    figure.suptitle("Both")
    figures.show(figure, name="fig-words", caption="A caption.", alt="Two lines.")
    (row,) = [metadata["nlbook"]["figure"] for _, metadata in shown]
    expected = ["Both", "at 3 $t_0$", "x ($b$)", "y", "Case 1", "cases", "t", "here"]
    assert row["words"] == expected


def test_nothing_of_a_users_matplotlibrc_enters_the_figures(tmp_path):
    own = "text.usetex: True\nfont.size: 30\nlines.linestyle: --\ntimezone: Asia/Tokyo\n"
    (tmp_path / "matplotlibrc").write_text(own)
    code = (
        "import matplotlib; from nlbook.publishing import figures; before = matplotlib.rcParams"
        "['text.usetex']; figures.apply_style(); print(before); print(sorted((k, str(v)) for k, v "
        "in matplotlib.rcParams.items() if k not in ('backend', 'docstring.hardcopy')))"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "MATPLOTLIBRC": str(rc), "MPLBACKEND": "agg"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for rc in (tmp_path / "matplotlibrc", tmp_path / "none")
    ]
    assert [said[0][0], said[1][0]] == ["True", "False"]  # it was read
    assert said[0][1] == said[1][1]
