"""Animated PNG: colours, size, and the first frame."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from nlbook.publishing.animation import animate, first_frame, in_few_colours, is_animated

PLENTY = 10**9  # bytes


def picture(channels):
    """A PNG of red, green and blue, shape (height, width, 3)."""
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(channels, dtype=np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


def read(animation):
    """Frames of an animation, shape (n, height, width, 3)."""
    image = Image.open(io.BytesIO(animation))
    return np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)])


def noise(n_frames, shape=(40, 60), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n_frames, *shape, 3))


def few_colours(n_frames, n_colours):
    colours = np.random.default_rng(1).permutation(256)[:n_colours, None] * [1, 0, 0] + [0, 7, 9]
    return colours[np.random.default_rng(2).integers(0, n_colours, (n_frames, 30, 50))]


@pytest.mark.parametrize("n_colours", [2, 5, 200])
def test_few_colours_are_kept_without_loss(n_colours):
    frames = few_colours(4, n_colours)
    assert np.array_equal(read(animate(list(map(picture, frames)), 0.1, PLENTY)), frames)


def test_many_colours_become_near_ones():
    ramps = np.linspace(0, 255, 512).astype(int)
    frames = np.zeros((2, 64, 512, 3), dtype=int)
    frames[0] = np.stack([ramps, ramps, 255 - ramps], axis=-1)
    frames[1] = np.stack([ramps, 128 + ramps // 2, ramps], axis=-1)
    shown = read(animate(list(map(picture, frames)), 0.1, PLENTY))
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) <= 256
    assert np.abs(shown.astype(int) - frames).max() <= 8  # 510 colours on two lines


def test_the_most_frequent_colour_stays_as_it_is():
    frames = noise(2)
    frames[:, 10:30] = 255
    shown = read(animate(list(map(picture, frames)), 0.1, PLENTY))
    assert (shown[:, 10:30] == 255).all()


def test_fewer_colours_are_taken_where_it_would_be_too_large():
    frames = list(map(picture, noise(3)))
    large, small = animate(frames, 0.1, PLENTY), animate(frames, 0.1, 1)
    assert len(small) < len(large)
    assert len(np.unique(read(small).reshape(-1, 3), axis=0)) <= 64


def test_frames_of_two_sizes_are_refused():
    frames = [picture(noise(1)[0]), picture(noise(1, (50, 60))[0])]
    with pytest.raises(ValueError, match=r"one size, got \[\(60, 40\), \(60, 50\)\] pixels"):
        animate(frames, 0.1, PLENTY)


def test_the_first_frame_is_a_still_picture_of_its_own(tmp_path):
    frames = few_colours(3, 20)
    moving, still = tmp_path / "moving.png", tmp_path / "still.png"
    moving.write_bytes(animate(list(map(picture, frames)), 0.1, PLENTY))
    still.write_bytes(first_frame(moving))
    assert (is_animated(moving), is_animated(still)) == (True, False)
    assert np.array_equal(np.asarray(Image.open(still).convert("RGB")), frames[0])


def test_other_pictures_are_not_animated(tmp_path):
    path = tmp_path / "picture.jpg"
    Image.new("RGB", (8, 8)).save(path)
    assert not is_animated(path)


def test_a_still_picture_keeps_its_frequent_colours_and_comes_near_all_others():
    ramp = np.zeros((64, 900, 3), dtype=np.uint8)  # more colours than a palette has
    ramp[8:16, :, 0] = np.arange(900) // 4
    ramp[8:16, :, 1] = np.arange(900) % 64 * 4
    ramp[16:] = (238, 238, 238)
    still = picture(ramp)
    reduced = in_few_colours(still)
    seen = read(reduced)[0].astype(int)
    assert np.array_equal(seen[16:], ramp[16:])
    assert np.abs(seen - ramp).max() <= 32  # 900 colours of a plane by 192
    assert len(reduced) <= len(still)
    assert in_few_colours(reduced) == reduced
