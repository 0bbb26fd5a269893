"""Figures in one style, each with a caption and an alt text made by code.

White ground, so that they are legible in a dark page; colours that the colour-blind tell apart
and that stay apart in grey, each with a line style and a marker of its own. Sizes are inches at
96 pixels, the pictures have twice that density, in at most 256 colours.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["LINE_STYLES", "MARKERS", "PALETTE", "apply_style", "show", "style", "subplots"]

#: Colours, from dark to light, with lightness at least 12 apart; the last suits areas, not lines.
PALETTE = ("#1a1a1a", "#004488", "#b0303f", "#2a9d8f", "#e0a526", "#a6dcf5")
#: A line style for each colour.
LINE_STYLES = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)), (0, (1, 1)), (0, (10, 3)))
#: A marker for each colour.
MARKERS = ("o", "s", "^", "D", "v", "P")

_WIDTHS = {"full": 7.0, "half": 3.5}  # inches; the text column is about 7.3 wide
_DENSITY = 96  # pixels an inch on the page
_LARGEST = 1_000_000  # bytes of one picture
_NAME = re.compile(r"fig-[a-z0-9-]+")


def style() -> dict[str, Any]:
    """Matplotlib's settings for the book's figures."""
    from cycler import cycler

    return {
        "axes.axisbelow": True,
        "axes.edgecolor": "#444444",
        "axes.grid": True,
        "axes.prop_cycle": cycler(color=PALETTE[:5], linestyle=LINE_STYLES[:5]),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": 10,
        "figure.constrained_layout.use": True,
        "figure.dpi": _DENSITY,
        "figure.facecolor": "white",
        "font.size": 10,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.6,
        "image.cmap": "viridis",
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "lines.markersize": 4,
        "savefig.facecolor": "white",
    }


def apply_style() -> None:
    """Set `style` for this kernel, and nothing of a user's ``matplotlibrc``; `begin` does."""
    import matplotlib

    matplotlib.rcdefaults()
    matplotlib.rcParams["timezone"] = matplotlib.rcParamsDefault["timezone"]  # rcdefaults leaves it
    matplotlib.rcParams.update(style())  # type: ignore[arg-type]


def subplots(
    nrows: int = 1,
    ncols: int = 1,
    *,
    width: str | float = "full",
    height: float | None = None,
    **options: Any,
) -> tuple[Figure, Any]:
    """Make a figure of the book's width, and its axes.

    Parameters
    ----------
    nrows, ncols : int
        Rows and columns of axes.
    width : {"full", "half"} or float
        Width of the figure; a number is in inches.
    height : float, optional
        Height, inches; by default in proportion to the width of one column of axes.
    **options
        Passed to `matplotlib.pyplot.subplots`.

    Returns
    -------
    figure : matplotlib.figure.Figure
        The figure.
    axes : matplotlib.axes.Axes or ndarray
        As pyplot's ``subplots`` gives them.
    """
    import matplotlib.pyplot as plt

    if isinstance(width, str):
        if width not in _WIDTHS:
            raise ValueError(f"width={width!r}: must be 'full', 'half' or a number of inches")
        width = _WIDTHS[width]
    if not 1.0 <= width <= _WIDTHS["full"]:
        raise ValueError(f"width={width!r}: must be from 1 to {_WIDTHS['full']} inches")
    if height is None:
        height = nrows * min(0.75 * width / ncols, 4.0)
    return plt.subplots(nrows, ncols, figsize=(width, height), **options)


def show(
    figure: Figure,
    *,
    name: str,
    caption: str,
    alt: str,
    allow_unlabelled: bool = False,
    frames: Iterable[Any] | None = None,
    draw: Callable[[Any], object] | None = None,
    seconds_per_frame: float = 0.1,
    density: float = 2.0,
) -> None:
    """Show a figure, still or animated, with its caption and alt text, and close it.

    With `frames` and `draw` it is an animated PNG that loops for ever, in at most 256 colours.
    Other tools see one more picture. On the site it has a box to stop it at its first frame;
    readers who ask their system for less motion, and paper, get that frame alone. So the first
    frame should say by itself what the caption says: ``frames=[last, *range(last)]`` begins
    with the end.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    name : str
        What the text refers to it by, such as ``fig-stress``; once in the book.
    caption : str
        Its caption, in MyST; may hold computed numbers.
    alt : str
        What it shows, and how it moves, for who doesn't see it; plain words, may hold computed
        numbers.
    allow_unlabelled : bool
        Let axes be without labels.
    frames : iterable, optional
        What `draw` is called with, one call a frame; at least two.
    draw : callable, optional
        ``draw(frame)`` changes the artists of `figure`, best without clearing its axes. Limits of
        the axes are the author's to fix; their places stay those of the first frame.
    seconds_per_frame : float
        How long a frame is shown, seconds; from 0.02 to 60.
    density : float
        Pixels of the picture to a pixel of the page, from 1 to 4. Fewer make it smaller and less
        sharp.

    Raises
    ------
    ValueError
        For an empty caption or alt text, an axis without label, a picture over 1 MB, only one of
        `frames` and `draw`, or frames that are fewer than two or all the same.

    Examples
    --------
    A wave that moves to the right, one period in 20 frames::

        figure, axes = figures.subplots(width="half")
        (line,) = axes.plot(x, np.sin(x))
        axes.set(xlabel="x (m)", ylabel="displacement (m)")

        def draw(frame):
            line.set_ydata(np.sin(x - 2 * np.pi * frame / 20))

        figures.show(figure, name="fig-wave", caption=..., alt=..., frames=range(20), draw=draw)
    """
    import matplotlib.pyplot as plt
    from IPython.display import display

    from nlbook.publishing.animation import in_few_colours

    if not _NAME.fullmatch(name):
        raise ValueError(f"name={name!r}: must be 'fig-', then small letters, digits and hyphens")
    for label, text in {"caption": caption, "alt": alt}.items():
        if not text.strip():
            raise ValueError(f"figure {name}: {label} must not be empty")
    if not 1 <= density <= 4:
        raise ValueError(f"figure {name}: density={density!r} must be from 1 to 4")
    if (frames is None) != (draw is None):
        raise ValueError(f"figure {name}: an animation needs both frames and draw")
    if frames is not None and draw is not None:
        if not 0.02 <= seconds_per_frame <= 60:  # browsers slow down what is faster
            raise ValueError(
                f"figure {name}: seconds_per_frame={seconds_per_frame!r} must be from 0.02 to 60"
            )
        picture = _animation(
            figure, name, frames, draw, seconds_per_frame, density, allow_unlabelled
        )
    else:
        if not allow_unlabelled:
            _check_all_labels(name, figure)
        picture = in_few_colours(_png(figure, density))
        if len(picture) > _LARGEST:
            raise ValueError(
                f"figure {name}: {_megabytes(picture)}; draw fewer points, or rasterise less "
                f"noise, or lower density (now {density:g})"
            )
    plt.close(figure)
    width, height = (round(_DENSITY * length) for length in figure.get_size_inches())
    described = {
        "name": name,
        "caption": caption,
        "alt": alt,
        "words": _words(figure),
        "width": width,
        "height": height,
    }
    display(
        {"image/png": base64.b64encode(picture).decode(), "text/plain": alt},
        raw=True,
        metadata={
            "image/png": {"alt": alt, "width": width, "height": height},
            "nlbook": {"figure": described},
        },
    )


def _png(figure: Figure, density: float, **options: Any) -> bytes:
    buffer = io.BytesIO()
    # without the program's name and version the same figure gives the same bytes
    figure.savefig(
        buffer, format="png", dpi=density * _DENSITY, metadata={"Software": None}, **options
    )
    return buffer.getvalue()


def _animation(
    figure: Figure,
    name: str,
    frames: Iterable[Any],
    draw: Callable[[Any], object],
    seconds_per_frame: float,
    density: float,
    allow_unlabelled: bool,
) -> bytes:
    from nlbook.publishing.animation import animate

    pictures: list[bytes] = []
    for frame in frames:
        draw(frame)
        if not (pictures or allow_unlabelled):
            _check_all_labels(name, figure)
        pictures.append(_png(figure, density, pil_kwargs={"compress_level": 1}))
        figure.set_layout_engine("none")  # else a longer tick label moves the axes
    if len(pictures) < 2:
        raise ValueError(f"figure {name}: frames must be at least 2, got {len(pictures)}")
    try:
        animation = animate(pictures, seconds_per_frame, _LARGEST)
    except ValueError as error:
        raise ValueError(f"figure {name}: {error}") from None
    if len(animation) > _LARGEST:
        fewer = int(len(pictures) * _LARGEST / len(animation))
        raise ValueError(
            f"figure {name}: {_megabytes(animation)} in {len(pictures)} frames; draw about "
            f"{fewer} frames, or lower density (now {density:g}), or a smaller figure, or fewer "
            "points that move"
        )
    return animation


def _megabytes(picture: bytes) -> str:
    return f"{len(picture) / 1e6:.1f} MB, must be at most {_LARGEST / 1e6:.0f} MB"


def _words(figure: Figure) -> list[str]:
    """What is written in a figure but for its ticks, for who searches the notebook."""
    words = [text.get_text() for text in figure.texts]
    words += [figure.get_suptitle(), figure.get_supxlabel(), figure.get_supylabel()]
    for axes in figure.axes:
        words += [axes.get_title(), axes.get_title("left"), axes.get_title("right")]
        words += [axes.get_xlabel(), axes.get_ylabel(), *(text.get_text() for text in axes.texts)]
        for legend in (axes.get_legend(), *figure.legends):
            if legend is not None:
                words += [text.get_text() for text in legend.get_texts()]
                words.append(legend.get_title().get_text())
    return list(dict.fromkeys(word for word in words if word.strip() and word != "None"))


def _check_all_labels(name: str, figure: Figure) -> None:
    for axes in figure.axes:
        _check_labels(name, axes)


def _check_labels(name: str, axes: Axes) -> None:
    if not axes.axison or not axes.get_visible():
        return
    if axes.get_label() == "<colorbar>":
        if not (axes.get_xlabel() or axes.get_ylabel()):
            raise ValueError(f"figure {name}: a colour bar has no label")
        return
    for which in ("x", "y", "z"):
        axis = getattr(axes, f"{which}axis", None)
        if axis is None or not axis.get_visible() or axis.get_label_text():
            continue
        shared = getattr(axes, f"get_shared_{which}_axes", None)
        siblings = shared().get_siblings(axes) if shared else []
        if any(getattr(s, f"{which}axis").get_label_text() for s in siblings):
            continue
        if any(text.get_text() for text in axis.get_ticklabels()):
            raise ValueError(
                f"figure {name}: the {which} axis {axes.get_title()!r} has no label".replace(
                    " ''", ""
                )
            )
