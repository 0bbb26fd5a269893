"""Figures in one style, each with a caption and an alt text made by code.

White ground, so that they are legible in a dark page; colours that the colour-blind tell apart
and that stay apart in grey, each with a line style and a marker of its own. Sizes are inches at
96 pixels, the pictures have twice that density.
"""

from __future__ import annotations

import base64
import io
import re
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
    """Set `style` for this kernel; `begin` does."""
    import matplotlib

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
    figure: Figure, *, name: str, caption: str, alt: str, allow_unlabelled: bool = False
) -> None:
    """Show a figure with its caption and alt text, and close it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    name : str
        What the text refers to it by, such as ``fig-stress``; once in the book.
    caption : str
        Its caption, in MyST; may hold computed numbers.
    alt : str
        What it shows, for who doesn't see it; plain words, may hold computed numbers.
    allow_unlabelled : bool
        Let axes be without labels.

    Raises
    ------
    ValueError
        For an empty caption or alt text, an axis without label, or a picture over 1 MB.
    """
    import matplotlib.pyplot as plt
    from IPython.display import display

    if not _NAME.fullmatch(name):
        raise ValueError(f"name={name!r}: must be 'fig-', then small letters, digits and hyphens")
    for label, text in {"caption": caption, "alt": alt}.items():
        if not text.strip():
            raise ValueError(f"figure {name}: {label} must not be empty")
    if not allow_unlabelled:
        for axes in figure.axes:
            _check_labels(name, axes)
    picture = _png(figure)
    plt.close(figure)
    if len(picture) > _LARGEST:
        raise ValueError(
            f"figure {name}: {len(picture) / 1e6:.1f} MB, must be at most {_LARGEST / 1e6:.0f} MB; "
            "draw fewer points, or rasterise less noise"
        )
    width, height = (round(_DENSITY * length) for length in figure.get_size_inches())
    described = {"name": name, "caption": caption, "alt": alt, "width": width, "height": height}
    display(
        {"image/png": base64.b64encode(picture).decode(), "text/plain": alt},
        raw=True,
        metadata={
            "image/png": {"alt": alt, "width": width, "height": height},
            "nlbook": {"figure": described},
        },
    )


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # without the program's name and version the same figure gives the same bytes
    figure.savefig(buffer, format="png", dpi=2 * _DENSITY, metadata={"Software": None})
    return buffer.getvalue()


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
