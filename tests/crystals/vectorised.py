"""The law in NumPy, all grains at once: what one would write without a compiler."""

import numpy as np

from tests.crystals.plain import BASIS


def euler_path(path, texture, law, tolerance=1e-9):
    """Deviators of J times the Cauchy stress of grains that slip with m = 1/2: backward Euler.

    Returns
    -------
    ndarray, shape (n_times, n_grains, 3, 3)
    """
    assert law.twin is None and all(one.rate_exponent == 0.5 for one in law.slip)
    family = law.systems.family
    schmid = law.systems.schmid_tensors.reshape(len(family), 9)
    seen = BASIS.reshape(5, 9) @ schmid.T  # resolved shear stresses of the five components of M
    tau_0, rate, hardening, sigma = np.array(
        [(one.tau_0, one.reference_rate, one.hardening, one.saturation) for one in law.slip]
    )[family].T
    decay, latent, shear = hardening / sigma, law.latent_matrix, law.shear_modulus
    stretch = path.isochoric.stretch
    inverse = texture.rotations.copy()
    n = len(inverse)
    e, moved, y = np.zeros((3, n, len(family)))
    x, before = np.zeros((2, n, 5))
    out = np.zeros((len(path.times), n, 3, 3))

    def state(x, held, hard, dt, trial):
        nonlocal y
        tau = x @ seen
        drive = np.maximum(np.abs(tau) - held - sigma + hard, 0.0)
        spread = decay * dt * rate
        y = np.clip(
            y, 2 * drive / (tau_0 + np.sqrt(tau_0**2 + 4 * hard * spread * drive)), drive / tau_0
        )
        for _ in range(2):
            left = hard * np.exp(-spread * y * y)
            slope = tau_0 + 2 * spread * left * y
            y = np.maximum(y - (tau_0 * y + hard - left - drive) / slope, 0.0)
        slips = np.copysign(dt * rate * y * y, tau)
        move = (slips @ schmid).reshape(-1, 3, 3)
        exponential = np.eye(3) - move / 8
        for k in range(7, 0, -1):
            exponential = np.eye(3) - (move / k) @ exponential
        right = np.swapaxes(exponential, 1, 2) @ trial @ exponential
        gap = x - shear * right.reshape(-1, 9) @ BASIS.reshape(5, 9).T
        return slips, 2 * dt * rate * y / slope, move, exponential, right, gap

    for k in range(1, len(path.times)):
        dt = path.times[k] - path.times[k - 1]
        ratio = dt / (path.times[k - 1] - path.times[k - 2]) if k > 1 else 0.0
        trial = np.swapaxes(inverse, 1, 2) @ (stretch[k] @ stretch[k]) @ inverse
        held = (e + ratio * np.abs(moved)) @ latent
        hard = sigma * np.exp(-decay * e)
        x, before = x + ratio * (x - before), x
        now = state(x, held, hard, dt, trial)
        for _ in range(60):
            size = np.linalg.norm(now[5], axis=1)
            if size.max() <= tolerance * shear:
                break
            _, slope, move, _, right, gap = now
            change = ((slope[:, np.newaxis] * seen) @ schmid).reshape(-1, 5, 3, 3)
            wide = move[:, np.newaxis]
            change = change + 0.5 * (wide @ change - change @ wide)
            both = (right[:, np.newaxis] @ change).reshape(-1, 5, 9) @ BASIS.reshape(5, 9).T
            matrix = np.eye(5) + 2 * shear * np.swapaxes(both, 1, 2)
            step, scale = np.linalg.solve(matrix, gap[..., np.newaxis])[..., 0], np.ones((n, 1))
            for _ in range(12):
                now = state(x - scale * step, held, hard, dt, trial)
                worse = ~(np.linalg.norm(now[5], axis=1) < np.maximum(size, 1e-5 * shear))
                if not worse.any():
                    break
                scale[worse] *= 0.5
            x = x - scale * step
        else:
            raise RuntimeError(f"no solution at time {path.times[k]:g}")
        moved = now[0]
        inverse = inverse @ now[3]
        e = e + np.abs(moved)
        kirchhoff = shear * stretch[k] @ inverse @ np.swapaxes(inverse, 1, 2) @ stretch[k]
        out[k] = kirchhoff - np.trace(kirchhoff, axis1=1, axis2=2)[:, None, None] / 3 * np.eye(3)
    return out
