"""Animated PNG: pictures of one size, one after another, in a palette that they share.

A browser shows it like any other picture; a program that knows no animation shows the first
frame. The bytes depend on the pictures only.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["animate", "first_frame", "in_few_colours", "is_animated"]

_PALETTES = (256, 64)  # colours, tried in this order
_EXACT = 0.25  # share of a palette that holds the most frequent colours as they are
_CODES = 1 << 24  # number of colours of 8 bits a channel; a colour's code is 0xRRGGBB


def animate(pictures: Sequence[bytes], seconds_per_frame: float, largest: int) -> bytes:
    """Make an animated PNG that loops for ever.

    It has 256 colours, or 64 where it would else be too large. Pictures of no more colours
    are stored without loss.

    Parameters
    ----------
    pictures : sequence of bytes
        Opaque pictures as PNG, all of one size.
    seconds_per_frame : float
        How long each is shown, seconds, to a millisecond.
    largest : int
        Size, bytes, from which fewer colours are tried.

    Returns
    -------
    bytes
        The animation; it may still be over `largest`.

    Raises
    ------
    ValueError
        The pictures differ in size, or not at all.
    """
    colours, counts = _count_colours(pictures)
    written = b""
    for size in _PALETTES:
        written = _write(pictures, _palette(colours, counts, size), colours, seconds_per_frame)
        if len(written) <= largest:
            break
    return written


def is_animated(picture: Path) -> bool:
    """Tell whether a file is an animated PNG."""
    from PIL import Image

    with Image.open(picture) as image:
        return image.format == "PNG" and getattr(image, "is_animated", False)


def in_few_colours(picture: bytes) -> bytes:
    """Write a still PNG again with at most 256 colours, where that makes it smaller.

    The most frequent colours stay exact. Which file comes out depends on the picture alone.
    """
    buffer = io.BytesIO()
    colours, counts = _count_colours([picture])
    palette = _palette(colours, counts, _PALETTES[0])
    _indexed([picture], palette, colours)[0].save(buffer, format="PNG", optimize=True)
    return min(picture, buffer.getvalue(), key=len)


def first_frame(animation: Path) -> bytes:
    """Read the first frame of an animated PNG, as a PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(animation) as image:
        image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _codes(picture: bytes) -> NDArray[np.uint32]:
    """Codes of a picture's colours, shape (height, width)."""
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as image:
        channels = np.asarray(image.convert("RGB"), dtype=np.uint32)
    codes = channels[..., 0] << 16 | channels[..., 1] << 8 | channels[..., 2]
    return codes.astype(np.uint32, copy=False)


def _count_colours(
    pictures: Sequence[bytes],
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Codes of all colours, ascending, and the number of pixels of each."""
    counts = np.zeros(_CODES, dtype=np.int64)
    shapes = set()
    for picture in pictures:
        codes = _codes(picture)
        shapes.add(codes.shape[::-1])
        present, times = np.unique(codes, return_counts=True)
        counts[present] += times
    if len(shapes) > 1:
        raise ValueError(f"the frames must be of one size, got {sorted(shapes)} pixels")
    colours = np.flatnonzero(counts)
    return colours.astype(np.uint32), counts[colours]


def _palette(
    colours: NDArray[np.uint32], counts: NDArray[np.int64], size: int
) -> NDArray[np.uint32]:
    """Choose at most `size` colours: the most frequent, and a median cut of the others."""
    from PIL import Image

    if len(colours) <= size:
        return colours
    ranked = colours[np.argsort(-counts, kind="stable")]
    exact, others = np.split(ranked, [round(_EXACT * size)])
    # each colour once, however rare: a small marker keeps its own
    strip = Image.fromarray(_channels(np.sort(others)).astype(np.uint8)[None])
    cut = strip.quantize(size - len(exact), method=Image.Quantize.MEDIANCUT).getpalette()
    red, green, blue = np.array(cut, dtype=np.uint32).reshape(-1, 3).T
    return np.concatenate([exact, red << 16 | green << 8 | blue])


def _channels(codes: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Red, green and blue of colours, shape (n, 3)."""
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1).astype(np.int64)


def _indexed(
    pictures: Sequence[bytes], palette: NDArray[np.uint32], colours: NDArray[np.uint32]
) -> list[Image.Image]:
    """Pictures in the nearest colours of a palette."""
    from PIL import Image

    nearest = np.zeros(_CODES, dtype=np.uint8)
    chosen = _channels(palette)
    for part in np.array_split(colours, 1 + len(colours) // 4096):
        distances = ((_channels(part)[:, None] - chosen) ** 2).sum(axis=-1)
        nearest[part] = distances.argmin(axis=1)
    frames = []
    for picture in pictures:
        indices = nearest[_codes(picture)]
        frame = Image.frombytes("P", indices.shape[::-1], indices.tobytes())
        frame.putpalette(chosen.astype(np.uint8).tobytes())
        frames.append(frame)
    return frames


def _write(
    pictures: Sequence[bytes],
    palette: NDArray[np.uint32],
    colours: NDArray[np.uint32],
    seconds_per_frame: float,
) -> bytes:
    frames = _indexed(pictures, palette, colours)
    if len({frame.tobytes() for frame in frames}) == 1:
        raise ValueError("all frames are the same")
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        format="PNG",
        save_all=True,
        append_images=frames[1:],
        duration=round(1000 * seconds_per_frame),
        loop=0,
        compress_level=9,
    )
    return buffer.getvalue()
