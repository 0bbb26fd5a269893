"""Ideal samples fulfil the symbol that they were made from."""

import numpy as np
import pytest

from nlbook.graphene import PatchLoad, WaveLoad, ideal_samples

BOX = (98.0, 101.0)


class Isotropic:
    """The local solid: mu k^2 I + (lambda + mu) k k^T."""

    def __init__(self, lame_lambda, mu):
        self.both, self.mu = lame_lambda + mu, mu

    def symbol(self, wavevectors):
        k = np.asarray(wavevectors)
        square = np.sum(k**2, axis=1)[:, np.newaxis, np.newaxis]
        return self.mu * square * np.eye(2) + self.both * k[:, :, np.newaxis] * k[:, np.newaxis]


def test_an_oblique_wave_answers_as_the_local_solid_does():
    """Plane strain by hand: cos cos along x1 moves x1 like cos cos and x2 like sin sin."""
    lame_lambda, mu, amplitude = 0.1, 0.45, 2e-3
    load = WaveLoad((2, 3), component=0, amplitude=amplitude)
    samples = ideal_samples(Isotropic(lame_lambda, mu), BOX, [load])
    k1, k2 = 4 * np.pi / BOX[0], 6 * np.pi / BOX[1]
    s11 = mu * (k1**2 + k2**2) + (lame_lambda + mu) * k1**2
    s22 = mu * (k1**2 + k2**2) + (lame_lambda + mu) * k2**2
    s12 = (lame_lambda + mu) * k1 * k2
    x1 = np.arange(20)[:, np.newaxis] * BOX[0] / 20
    x2 = np.arange(20) * BOX[1] / 20
    det = s11 * s22 - s12**2
    u1 = amplitude * s22 / det * np.cos(k1 * x1) * np.cos(k2 * x2)
    u2 = amplitude * s12 / det * np.sin(k1 * x1) * np.sin(k2 * x2)
    assert np.allclose(samples.load[0, ..., 0], amplitude * np.cos(k1 * x1) * np.cos(k2 * x2))
    assert np.allclose(samples.displacement[0], np.stack([u1, u2], axis=-1), atol=1e-12)
    assert samples.box == pytest.approx(BOX)


def test_by_default_there_are_the_seventy_training_samples():
    samples = ideal_samples(Isotropic(0.1, 0.45), BOX, nodes=(20, 18))
    assert samples.load.shape == (70, 20, 18, 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"loads": []}, "loads must be one or more"),
        ({"box": (98.0, 0.0)}, "box must be two positive numbers"),
        ({"box": (98.0, np.nan)}, "box must be finite"),
        ({"nodes": (2, 20)}, "nodes"),
    ],
)
def test_bad_input_is_refused_by_name(change, words):
    with pytest.raises(ValueError, match=words):
        ideal_samples(**{"response": Isotropic(0.1, 0.45), "box": BOX} | change)


def test_patches_have_no_net_force_on_the_nodes():
    samples = ideal_samples(Isotropic(0.1, 0.45), BOX, [PatchLoad(15.0, 1)])
    assert np.abs(samples.load.sum()) < 1e-12
