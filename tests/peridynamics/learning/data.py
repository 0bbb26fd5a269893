"""Samples of a made-up lattice, isotropic, stiff as graphene and softer for short waves.

Its symbol is f(k) (mu I + (lambda + mu) k k^T/|k|**2) with f = (2/a sin(|k| a/2))**2, a chain's.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from nlbook.peridynamics import PeriodicGrid

YOUNGS_MODULUS, POISSON_RATIO = 1.22, -0.16  # TPa and 1, as graphene's by Tersoff's potential
MU = YOUNGS_MODULUS / (2 * (1 + POISSON_RATIO))
LAMBDA = 2 * MU * POISSON_RATIO / (1 - POISSON_RATIO)
BOND = 2.53  # angstrom


def lattice_symbol(k):
    """Load over displacement at wavevectors (n, 2), shape (n, 2, 2)."""
    length = np.hypot(k[:, 0], k[:, 1])
    factor = (2 / BOND * np.sin(np.minimum(length, np.pi / BOND) * BOND / 2)) ** 2
    unit = k / np.where(length > 0, length, 1.0)[:, None]
    along = unit[:, :, None] * unit[:, None, :]
    return factor[:, None, None] * (MU * np.eye(2) + (LAMBDA + MU) * along)


def lattice_samples(shape=(20, 20), spacing=(5.0, 5.0), most=5, symbol=lattice_symbol):
    """Loads cos cos, along x1 and x2, of up to `most` waves in the box, and exact answers."""
    grid = PeriodicGrid(shape, spacing)
    phases = 2 * np.pi * grid.nodes / np.array(grid.box)
    inverse = symbol(grid.wavevectors)
    inverse[0] = np.eye(2)
    inverse = np.linalg.inv(inverse)
    loads, answers = [], []
    for component in (0, 1):
        for n1 in range(most + 1):
            for n2 in range(most + 1):
                if n1 == n2 == 0:
                    continue
                load = np.zeros((*shape, 2))
                load[..., component] = np.cos(n1 * phases[..., 0]) * np.cos(n2 * phases[..., 1])
                waves = np.fft.rfft2(load, axes=(0, 1))
                flat = np.einsum("kij,kj->ki", inverse, waves.reshape(-1, 2))
                answer = np.fft.irfft2(flat.reshape(waves.shape), s=shape, axes=(0, 1))
                largest = np.abs(answer).max()
                loads.append(load / largest)
                answers.append(answer / largest)
    return SimpleNamespace(spacing=spacing, displacement=np.array(answers), load=np.array(loads))
