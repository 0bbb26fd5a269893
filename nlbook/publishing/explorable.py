"""Figures that a reader moves: sliders choose among curves that the chapter computed.

Everything is in the output itself: plain HTML, SVG and a short script, so that it works offline,
without a kernel, and by keyboard (each slider is the browser's own; a live text says the values
and what is to be seen). A still of it, shown by `figures.show`, carries name, caption and alt
text; it is what paper, PDF and readers without scripts get.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import real_array
from nlbook.publishing import figures
from nlbook.publishing.typography import number_text

__all__ = ["Axis", "Slider", "explore"]

_LARGEST = 200_000  # bytes of the output
# Two digits of base 90 a height: printable, and none that HTML or JSON would write longer.
_DIGITS = "".join(chr(code) for code in range(32, 127) if chr(code) not in '\\"<>&')
_WIDTH, _HEIGHT = 480, 330  # of the picture, its own units
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 10, 12, 48  # around the axes
_INK = "#1a1a1a"


@dataclass(frozen=True)
class Slider:
    """One number that the reader chooses."""

    label: str  #: what is read before it, such as "exponent α"
    texts: Sequence[str]  #: its values, as they are told
    start: int = 0  #: which of them is shown first


@dataclass(frozen=True)
class Axis:
    """One axis of the picture."""

    label: str  #: with its unit
    low: float  #: where it begins
    high: float  #: where it ends
    log: bool = False  #: to base ten; low and high are values, not exponents

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and not self.low > 0):
            raise ValueError(
                f"axis {self.label!r}: low={self.low!r} must lie below high={self.high!r}"
                + (" and above zero" if self.log else "")
            )

    def share(self, values: ArrayLike) -> NDArray[np.float64]:
        """Where values lie between both ends, 0 to 1; outside they stay at the ends."""
        bounded = np.clip(np.asarray(values, dtype=float), self.low, self.high)
        if not self.log:
            return (bounded - self.low) / (self.high - self.low)
        shares: NDArray[np.float64] = np.log(bounded / self.low) / np.log(self.high / self.low)
        return shares

    def ticks(self) -> list[tuple[float, str]]:
        """Values with their labels, six or so."""
        if self.log:
            first = int(np.ceil(np.log10(self.low) - 1e-9))
            last = int(np.floor(np.log10(self.high) + 1e-9))
            if last > first + 1:
                return self._powers(first, last)
            # within a decade or two few powers of ten, or none, lie on the axis
            leading = [k * 10.0**d for d in range(first - 1, last + 1) for k in (1, 2, 5)]
            values = [v for v in leading if self.low * 0.999 <= v <= self.high * 1.001]
            if len(values) > 2:
                return [(v, number_text(v, ".6g")) for v in values]
        raw = (self.high - self.low) / 5
        size = 10.0 ** np.floor(np.log10(raw))
        step = size * next(k for k in (1, 2, 5, 10) if k * size >= raw * 0.999)
        first = int(np.ceil(self.low / step - 1e-9))
        last = int(np.floor(self.high / step + 1e-9))
        return [(k * step, number_text(k * step, ".6g")) for k in range(first, last + 1)]

    @staticmethod
    def _powers(first: int, last: int) -> list[tuple[float, str]]:
        """Powers of ten from one exponent to another, no more than six."""
        step = -(-(last - first + 1) // 6)
        raised = '10<tspan dy="-5" font-size="11">{}</tspan>'
        return [
            (10.0**k, raised.format(number_text(k)))
            for k in range(first, last + 1)
            if k % step == 0
        ]


def explore(
    *,
    name: str,
    caption: str,
    alt: str,
    x: ArrayLike,
    curves: ArrayLike,
    sliders: Sequence[Slider],
    said: ArrayLike,
    x_axis: Axis,
    y_axis: Axis,
    curve: str,
    references: Mapping[str, tuple[ArrayLike, str]] | None = None,
    color: str = figures.PALETTE[2],
) -> None:
    """Show curves of which sliders choose one, and a still of the first.

    Parameters
    ----------
    name, caption, alt : str
        As for `figures.show`; those of the still.
    x : array_like, shape (n,)
        Where curves are known; 2 to 200 places.
    curves : array_like, shape (len(sliders[0].texts), ..., n)
        Their values, one axis a slider. Drawn to one part in eight thousand of the picture's
        height; what is off the `y_axis` is drawn at its end.
    sliders : sequence of Slider
        The numbers that the reader chooses.
    said : array_like of str, shape (len(sliders[0].texts), ...)
        What is to be seen in each curve, in a sentence: it stands below the sliders, and screen
        readers say it after the values.
    x_axis, y_axis : Axis
        The axes.
    curve : str
        What the curve is, for the key.
    references : mapping of str to (array_like, str), optional
        Curves that stay, by what they are: values, shape (n,), and a colour.
    color : str
        Of the curve.

    Raises
    ------
    ValueError
        If shapes don't fit, a value isn't finite, a slider starts at none of its values, or the
        whole is over 200 kB.
    """
    from IPython.display import display

    places, values, texts = _checked(name, x, curves, sliders, said)
    kept = {
        label: (_shaped(name, label, given, places.shape), of_color)
        for label, (given, of_color) in (references or {}).items()
    }
    start = tuple(slider.start for slider in sliders)
    _still(name, caption, alt, places, values[start], kept, x_axis, y_axis, curve, color)
    across = _LEFT + (_WIDTH - _LEFT - _RIGHT) * x_axis.share(places)
    encoded, unit = _encoded(y_axis, values)
    told = {
        "name": name,
        "labels": [slider.label for slider in sliders],
        "texts": [list(slider.texts) for slider in sliders],
        "x": [round(float(place), 1) for place in across],
        "digits": _DIGITS,
        "unit": unit,
        "curves": encoded,
        "said": [str(text) for text in texts.ravel()],
    }
    page = _page(name, alt, told, sliders, kept, across, x_axis, y_axis, curve, color)
    if len(page.encode()) > _LARGEST:
        raise ValueError(
            f"figure {name}: {len(page.encode())} bytes, must be at most {_LARGEST}; give fewer "
            "places, or fewer values a slider"
        )
    values_first = ", ".join(f"{slider.label} {slider.texts[slider.start]}" for slider in sliders)
    display(
        {"text/html": page, "text/plain": f"{values_first}. {texts[start]}"},
        raw=True,
    )


def _checked(
    name: str, x: ArrayLike, curves: ArrayLike, sliders: Sequence[Slider], said: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.str_]]:
    places = real_array(f"figure {name}: x", x, ndim=1)
    if not 2 <= places.size <= 200:
        raise ValueError(f"figure {name}: x must be a row of 2 to 200 places, got {places.shape}")
    if not sliders:
        raise ValueError(f"figure {name}: sliders must be at least one")
    for slider in sliders:
        if not 0 <= slider.start < len(slider.texts):
            raise ValueError(
                f"figure {name}: slider {slider.label!r} has {len(slider.texts)} values, and "
                f"start={slider.start!r} is none of them"
            )
    shape = tuple(len(slider.texts) for slider in sliders)
    texts = np.asarray(said, dtype=str)
    if texts.shape != shape:
        raise ValueError(f"figure {name}: said must have the shape {shape}, got {texts.shape}")
    return places, _shaped(name, "curves", curves, (*shape, places.size)), texts


def _shaped(name: str, what: str, given: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    values = real_array(f"figure {name}: {what}", given)
    if values.shape != shape:
        raise ValueError(f"figure {name}: {what} must be of shape {shape}, got {values.shape}")
    return values


def _encoded(axis: Axis, values: NDArray[np.float64]) -> tuple[str, float]:
    """Heights from the picture's top, two digits each, and how much a step is worth."""
    steps = len(_DIGITS) ** 2 - 1
    unit = _HEIGHT / steps
    height = _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - axis.share(values))
    numbers = np.rint(height / unit).astype(int).ravel()
    high, low = np.divmod(numbers, len(_DIGITS))
    letters = np.array(list(_DIGITS))
    return "".join(np.stack([letters[high], letters[low]], axis=1).ravel()), unit


def _still(
    name: str,
    caption: str,
    alt: str,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    references: Mapping[str, tuple[NDArray[np.float64], str]],
    x_axis: Axis,
    y_axis: Axis,
    curve: str,
    color: str,
) -> None:
    figure, axes = figures.subplots(width=5.0, height=3.6)
    for label, (values, of_color) in references.items():
        axes.plot(x, values, color=of_color, linestyle="-", label=label)
    axes.plot(x, y, color=color, linestyle="--", label=curve)
    if x_axis.log:
        axes.set_xscale("log")
    if y_axis.log:
        axes.set_yscale("log")
    axes.set(
        xlabel=x_axis.label,
        ylabel=y_axis.label,
        xlim=(x_axis.low, x_axis.high),
        ylim=(y_axis.low, y_axis.high),
    )
    figure.legend(loc="outside lower center", ncols=2)
    figures.show(figure, name=name, caption=caption, alt=alt)


def _page(
    name: str,
    alt: str,
    told: Mapping[str, Any],
    sliders: Sequence[Slider],
    references: Mapping[str, tuple[NDArray[np.float64], str]],
    across: NDArray[np.float64],
    x_axis: Axis,
    y_axis: Axis,
    curve: str,
    color: str,
) -> str:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    drawn = []
    for value, text in x_axis.ticks():
        place = _LEFT + (right - _LEFT) * float(x_axis.share(value))
        drawn.append(f'<path d="M{place:.1f} {_TOP}V{bottom}" stroke="#ddd"/>')
        drawn.append(f'<text x="{place:.1f}" y="{bottom + 18}" text-anchor="middle">{text}</text>')
    for value, text in y_axis.ticks():
        place = bottom - (bottom - _TOP) * float(y_axis.share(value))
        drawn.append(f'<path d="M{_LEFT} {place:.1f}H{right}" stroke="#ddd"/>')
        drawn.append(f'<text x="{_LEFT - 6}" y="{place + 5:.1f}" text-anchor="end">{text}</text>')
    drawn.append(f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#444"/>')
    middle = (_LEFT + right) / 2
    drawn.append(
        f'<text x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle">'
        f"{html.escape(x_axis.label)}</text>"
        f'<text transform="translate(15 {(_TOP + bottom) / 2}) rotate(-90)" text-anchor="middle">'
        f"{html.escape(y_axis.label)}</text>"
    )
    key = []
    for label, (values, of_color) in references.items():
        height = bottom - (bottom - _TOP) * y_axis.share(values)
        path = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(across, height, strict=True))
        drawn.append(f'<path d="M{path}" fill="none" stroke="{of_color}" stroke-width="2"/>')
        key.append((label, of_color, ""))
    drawn.append(
        f'<path class="nlbook-explore-curve" fill="none" stroke="{color}" stroke-width="2.5" '
        'stroke-dasharray="8 4"/>'
    )
    key.append((curve, color, ' stroke-dasharray="8 4"'))
    keys = " ".join(
        '<span style="white-space:nowrap;margin-right:1em"><svg width="28" height="8" '
        f'aria-hidden="true"><path d="M0 4H28" stroke="{of_color}" stroke-width="2.5"{dashes}/>'
        f"</svg> {html.escape(label)}</span>"
        for label, of_color, dashes in key
    )
    controls = "".join(
        f'<label for="{name}-{k}">{html.escape(slider.label)}</label>'
        f'<input type="range" id="{name}-{k}" min="0" max="{len(slider.texts) - 1}" step="1" '
        f'value="{slider.start}" style="width:100%;min-width:0"/>'
        f'<output for="{name}-{k}" aria-live="off">'
        f"{html.escape(slider.texts[slider.start])}</output>"
        for k, slider in enumerate(sliders)
    )
    said = json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    script = Path(__file__).with_name("explorable.js").read_text(encoding="utf-8")
    return (
        f'<div class="nlbook-explore" role="group" aria-label="{html.escape(alt)}" hidden>'
        "<style>@media print {.nlbook-explore {display: none}}"
        "@media screen {.nlbook-explore-still {display: none !important}}</style>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" aria-hidden="true" style="display:block;'
        f'width:100%;max-width:{_WIDTH}px;height:auto;background:#fff;margin:auto" font-size="14" '
        f'font-family="sans-serif" fill="{_INK}">{"".join(drawn)}</svg>'
        f'<p style="margin:0 auto;background:#fff;color:{_INK};max-width:{_WIDTH}px">{keys}</p>'
        '<div style="display:grid;grid-template-columns:auto 1fr auto;gap:.3em .8em;'
        f'align-items:center;max-width:{_WIDTH}px;margin:auto">{controls}</div>'
        f'<p class="nlbook-explore-said" aria-live="polite" style="max-width:{_WIDTH}px;'
        'margin:.6em auto;min-height:4.5em;text-align:left"></p>'
        f'<script type="application/json">{said}</script><script>{script}</script></div>'
    )
