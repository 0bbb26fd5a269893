"""The equations of impact in plain NumPy, one point or element at a time."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm
from scipy.optimize import brentq

from nlbook.impact.mesh import CORNERS, HexMesh, box_mesh, gauss_volumes

# h = yz, xz, xy, xyz at the corners
PATTERNS = np.stack(
    [
        CORNERS[:, 1] * CORNERS[:, 2],
        CORNERS[:, 0] * CORNERS[:, 2],
        CORNERS[:, 0] * CORNERS[:, 1],
        CORNERS.prod(axis=1),
    ]
)


def deviator(tensor):
    return tensor - np.trace(tensor) / 3 * np.eye(3)


def plain_step(f, cp_inverse, plastic, shear, bulk, yield_stress):
    """tau, Cp^-1 and plastic strain after a step; yield_stress takes p and dp."""
    volume = np.linalg.det(f)
    square = volume ** (-2 / 3) * f @ cp_inverse @ f.T
    trial = shear * deviator(square)
    size = np.sqrt(1.5 * np.sum(trial**2))
    back = shear * np.trace(square)
    step = 0.0
    if size > yield_stress(plastic, 0.0):
        step = brentq(
            lambda dp: size - back * dp - yield_stress(plastic + dp, dp),
            0.0,
            size / back,
            xtol=1e-16,
        )
    s = trial * (1 - back * step / size) if step else trial
    if step:
        level = brentq(lambda y: np.linalg.det(s / shear + y * np.eye(3)) - 1, 0.9, 3.0, xtol=1e-15)
        inverse = np.linalg.inv(f)
        cp_inverse = volume ** (2 / 3) * inverse @ (s / shear + level * np.eye(3)) @ inverse.T
    return s + bulk * (volume - 1) * volume * np.eye(3), cp_inverse, plastic + step


def plain_force(corners, x, v, tau, density, speed, kappa, linear, quadratic):
    """Forces of an element's nodes, its stable step and the powers of both viscosities."""
    gradients, volumes = gauss_volumes(corners[np.newaxis])
    volume = volumes.sum()
    b = np.einsum("p,pni->ni", volumes[0], gradients[0]) / volume
    f, rate = x.T @ b, v.T @ b
    inverse = np.linalg.inv(f)
    flow = rate @ inverse
    now = b @ inverse
    square = np.sum(now**2)
    length = np.sqrt(1.5 / square)
    closing = max(-np.trace(flow), 0.0)
    viscous = linear + quadratic * length * closing / speed
    pressure = density * length * speed * closing * viscous
    kirchhoff = tau - pressure * np.eye(3)
    forces = volume * now @ kirchhoff.T
    gamma = PATTERNS - PATTERNS @ x @ now.T
    q = gamma @ v
    damping = kappa / 8 * density * speed * volume ** (2 / 3)
    forces = forces + damping * gamma.T @ q
    step = (np.sqrt(1 + viscous**2) - viscous) / (speed * np.sqrt(2 * np.linalg.det(f) * square))
    return forces, step, damping * np.sum(q**2), volume * pressure * closing


def distorted_mesh(seed=0, size=0.25, n=3):
    """A cube of n^3 bricks of sides 1/n whose inner nodes are moved by up to `size` of a side."""
    side = np.linspace(0.0, 1.0, n + 1)
    mesh = box_mesh(side, side, side)
    moves = np.random.default_rng(seed).uniform(-size / n, size / n, mesh.nodes.shape)
    inner = np.all((mesh.nodes > 0) & (mesh.nodes < 1), axis=1)
    return HexMesh(mesh.nodes + np.where(inner[:, None], moves, 0.0), mesh.elements)


def random_rotation(seed):
    a = np.random.default_rng(seed).normal(size=(3, 3))
    return expm(a - a.T)
