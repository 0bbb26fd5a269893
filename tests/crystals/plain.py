"""The law by plain NumPy and scipy, from its equations: one grain, one implicit step."""

import numpy as np
from scipy import optimize
from scipy.interpolate import PchipInterpolator
from scipy.linalg import expm

from nlbook.crystals import StrainPath

BASIS = np.zeros((5, 3, 3))
BASIS[0] = np.diag([1.0, -1.0, 0.0]) / np.sqrt(2)
BASIS[1] = np.diag([-1.0, -1.0, 2.0]) / np.sqrt(6)
for row, (i, j) in enumerate(((1, 2), (0, 2), (0, 1)), start=2):
    BASIS[row, i, j] = BASIS[row, j, i] = 1 / np.sqrt(2)


def random_path(seed, n_steps, duration=2e-5, size=0.1, isochoric=False, uneven=False):
    """A path through ten random points of the logarithmic strain.

    In an uneven one the first of each two steps takes a quarter of their time.
    """
    generator = np.random.default_rng(seed)
    knots = generator.choice([-1, 1], size=(10, 6)) * size * np.sqrt(0.1)
    values = np.concatenate([np.zeros((1, 6)), np.cumsum(knots, axis=0)])
    times = np.linspace(0.0, duration, n_steps + 1)
    if uneven:
        times[1::2] -= 0.25 * duration / n_steps * 2
    components = PchipInterpolator(np.linspace(0.0, duration, 11), values)(times)
    strain = np.zeros((n_steps + 1, 3, 3))
    for k, (i, j) in enumerate(((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))):
        strain[:, i, j] = strain[:, j, i] = components[:, k] * (1.0 if i == j else 0.5)
    if isochoric:
        strain -= np.trace(strain, axis1=1, axis2=2)[:, None, None] * np.eye(3) / 3
    return StrainPath(times, expm(strain))


def along_axis(times, stretch):
    """Isochoric path of an axial stretch along z."""
    stretch = np.asarray(stretch)
    tensor = np.zeros((len(stretch), 3, 3))
    tensor[:, 0, 0] = tensor[:, 1, 1] = stretch**-0.5
    tensor[:, 2, 2] = stretch
    return StrainPath(times, tensor)


def threshold(law, e, held):
    """dW_p/de of the slip systems, that from other systems at slips `held`."""
    family = law.systems.family[: law.systems.n_slip]
    constants = [law.slip[number] for number in family]
    saturation = np.array([c.saturation for c in constants])
    hardening = np.array([c.hardening for c in constants])
    own = saturation * (1 - np.exp(-hardening * e / np.where(saturation > 0, saturation, 1.0)))
    return own + law.latent_matrix @ held


def plain_slips(law, tau, e, held, dt):
    """Slips at given shear stresses, each by bisection."""
    family = law.systems.family[: law.systems.n_slip]
    slips = np.zeros(len(family))
    latent = law.latent_matrix @ held
    for a, number in enumerate(family):
        c = law.slip[number]

        def excess(step, a=a, c=c):
            own = c.saturation * (1 - np.exp(-c.hardening * (e[a] + step) / c.saturation))
            rate = step / (dt * c.reference_rate)
            return own + latent[a] + c.tau_0 * rate**c.rate_exponent - abs(tau[a])

        if excess(0.0) < 0:
            most = dt * c.reference_rate * (abs(tau[a]) / c.tau_0) ** (1 / c.rate_exponent)
            slips[a] = optimize.brentq(excess, 0.0, most, xtol=1e-17, rtol=1e-15)
    return np.copysign(slips, tau)


def plain_step(law, inverse, e, held, right_cauchy, dt):
    """B, slips and M after a step of backward Euler without twins, by a general root finder."""
    schmid = law.systems.schmid_tensors[: law.systems.n_slip]
    trial = inverse.T @ right_cauchy @ inverse

    def state(x):
        stress = np.einsum("k,kij->ij", x, BASIS)
        slips = plain_slips(law, np.einsum("aij,ij->a", schmid, stress), e, held, dt)
        exponential = expm(-np.einsum("a,aij->ij", slips, schmid))
        elastic = exponential.T @ trial @ exponential
        return slips, exponential, np.einsum("kij,ij->k", BASIS, law.shear_modulus * elastic)

    # from no rate to the whole: the fixed stress of a step that is too short is the elastic one
    x = np.einsum("kij,ij->k", BASIS, law.shear_modulus * trial)
    whole = dt
    for part in (1e-4, 1e-3, 1e-2, 0.1, 0.3, 1.0):
        dt = part * whole
        solution = optimize.root(lambda x: (x - state(x)[2]) / law.shear_modulus, x, tol=1e-14)
        x = solution.x
    slips, exponential, _ = state(x)
    residual = np.max(np.abs(x - state(x)[2]))
    return inverse @ exponential, slips, np.einsum("k,kij->ij", x, BASIS), residual


def elastic_energy(law, elastic):
    """W_e as (A.3) is printed, GPa."""
    volume = np.linalg.det(elastic)
    shape = np.trace(elastic.T @ elastic) / volume ** (2 / 3) - 3
    return 0.5 * law.shear_modulus * shape + law.lambda_e * (volume - 1) ** 2
