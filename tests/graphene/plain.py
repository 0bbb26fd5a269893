"""Tersoff's potential as its papers print it: over all pairs and triples of atoms, with NumPy."""

import itertools

import numpy as np


def separations(positions, box=None):
    """Vectors from each atom to each other, over the nearest image."""
    vectors = positions[np.newaxis] - positions[:, np.newaxis]
    if box is not None:
        vectors[..., :2] -= np.rint(vectors[..., :2].real / box) * box
    return vectors


def cutoff(p, r):
    if r.real < p.R - p.D:
        return 1.0
    if r.real > p.R + p.D:
        return 0.0
    # 1/2 - sin(pi (r - R) / (2 D)) / 2, whose terms cancel where it ends
    return np.sin(0.25 * np.pi * (p.R + p.D - r) / p.D) ** 2


def bond_order(p, zeta):
    """(1 + (beta zeta)**n)**(-1 / (2 n)) by logarithms, as the power may overflow."""
    if p.beta == 0 or zeta == 0:
        return 1.0
    power = p.n * np.log(p.beta * zeta)
    far = np.log(1 + np.exp(power)) if power.real < 0 else power + np.log(1 + np.exp(-power))
    return np.exp(-far / (2 * p.n))


def energy(p, positions, box=None):
    """Energy of atoms; of complex positions the analytic continuation."""
    vectors = separations(positions, box)
    lengths = np.sqrt(np.sum(vectors**2, axis=-1))
    near = [
        [j for j in range(len(positions)) if j != i and row[j].real < p.R + p.D]
        for i, row in enumerate(lengths)
    ]
    total = 0.0
    for i, j in itertools.chain.from_iterable(
        itertools.product([i], n) for i, n in enumerate(near)
    ):
        zeta = 0.0
        for k in set(near[i]) - {j}:
            cosine = vectors[i, j] @ vectors[i, k] / (lengths[i, j] * lengths[i, k])
            # 1 + (c/d)**2 - c**2 / (d**2 + u**2), of which the last two cancel by eight digits
            u = p.h - cosine
            g = 1 + (p.c / p.d) ** 2 * u**2 / (p.d**2 + u**2)
            zeta = zeta + cutoff(p, lengths[i, k]) * p.gamma * g
        b = bond_order(p, zeta)
        repulsion = p.A * np.exp(-p.lambda1 * lengths[i, j])
        attraction = p.B * np.exp(-p.lambda2 * lengths[i, j])
        total = total + 0.5 * cutoff(p, lengths[i, j]) * (repulsion - b * attraction)
    return total


def forces(p, positions, box=None):
    """Minus the gradient of `energy`, exact to rounding: by an imaginary step of 1e-30."""
    result = np.zeros(positions.shape)
    for place in np.ndindex(positions.shape):
        moved = positions.astype(complex)
        moved[place] += 1e-30j
        result[place] = -energy(p, moved, box).imag / 1e-30
    return result


def hessian(forces_at, positions, step=1e-4):
    """Minus the derivatives of forces, by differences of fourth order in the step."""
    result = np.zeros((positions.size, positions.size))
    for k in range(positions.size):
        for times, weight in ((1, 8 / 12), (-1, -8 / 12), (2, -1 / 12), (-2, 1 / 12)):
            moved = positions.copy()
            moved.flat[k] += times * step
            result[k] -= weight / step * forces_at(moved).ravel()
    return result
