"""The law of a single crystal that slips and twins: every constant, printed or not.

With A = F F_in^-1, slips gamma, e_a the integral of |d gamma_a| and twin fractions lambda, the
energy per volume is W_e(A) + W_p(e) + W_t(lambda) [1]_,

    W_e = G/2 (tr(A^T A) (det A)^(-2/3) - 3) + lambda_e (det A - 1)^2,
    W_p = e.He/2 + sum sigma (e + sigma/h exp(-h e/sigma)),
    W_t = lambda.K lambda + h_t lambda^2/2,

and dF_in/dt F_in^-1 = sum d gamma_a/dt P_a + shear sum d lambda_b/dt s_b (x) m_b, where P_a is the
Schmid tensor of system a, averaged over the grain and its twins. With the resolved shear stress
tau_a = M : P_a, M = A^T dW_e/dA, a system moves as its dissipation tau_0 rate (x/rate)^(m+1)/(m+1)
says::

    |d gamma_a/dt| = rate ((|tau_a| - dW_p/de_a) / tau_0)^(1/m), if that is positive, else zero,
    d lambda_b/dt  = rate (f/tau_0)^(1/m) in the sense of f = shear tau_b - dW_t/d lambda_b,

with lambda >= 0 and their sum at most one. As F_in keeps its volume, the mean stress is
2 lambda_e (det F - 1) whatever the history, and the rest depends on that of F/(det F)^(1/3) alone.

What the paper prints wrongly is mended: in (A.8) the factor is F_in^-T, in (A.9) the rate is that
of F_in times F_in^-1, the twin fractions sum to at most one, and not to one.

References
----------
.. [1] B. Liu, N. Kovachki, Z. Li, K. Azizzadenesheli, A. Anandkumar, A. M. Stuart and
   K. Bhattacharya, J. Mech. Phys. Solids 158 (2022) 104668, appendix; after Y. Chang and
   D. M. Kochmann, Int. J. Plast. 73 (2015) 39.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_choice, check_number
from nlbook.crystals.systems import (
    SlipSystems,
    fcc,
    hcp,
    tension_twin_shear,
    two_dimensional_pair,
)

__all__ = [
    "CrystalLaw",
    "SlipConstants",
    "TwinConstants",
    "TwinMode",
    "cubic",
    "magnesium",
    "plane_pair",
]

_LEAST_EXPONENT = 0.01  # down to which the update of the grains is tested

#: whether twins may shrink again
TwinMode = Literal["reversible", "one-way"]
"""Whether a twin that its stress drives back shrinks, or stays."""


@dataclass(frozen=True)
class SlipConstants:
    """Constants of one family of slip systems; stresses in GPa."""

    #: tau_0, stress above the threshold at which slip has the reference rate, GPa
    tau_0: float
    #: reference rate, 1/s
    reference_rate: float
    #: m: the rate goes with the power 1/m of the stress, m from 0.01 to 1; 1/2 in the paper
    rate_exponent: float = 0.5
    #: h, first slope of the threshold over its own slip, GPa
    hardening: float = 0.0
    #: sigma, stress at which the threshold ends, GPa
    saturation: float = 0.0
    #: entries of H between two systems of the family, GPa; none on its diagonal
    latent: float = 0.0

    def __post_init__(self) -> None:
        check_number("tau_0", self.tau_0, above=0.0)
        check_number("reference_rate", self.reference_rate, above=0.0)
        check_number("rate_exponent", self.rate_exponent, least=_LEAST_EXPONENT, most=1.0)
        check_number("hardening", self.hardening, least=0.0)
        check_number("saturation", self.saturation, least=0.0)
        check_number("latent", self.latent, least=0.0)


@dataclass(frozen=True)
class TwinConstants:
    """Constants of one family of twins; stresses in GPa."""

    #: tau_0 of the driving force shear * tau, GPa
    tau_0: float
    #: reference rate of the fraction, 1/s
    reference_rate: float
    #: shear of a twin
    shear: float
    #: m: the rate goes with the power 1/m of the driving force, m from 0.01 to 1
    rate_exponent: float = 0.5
    #: h, slope of the threshold over the twin's own fraction, GPa
    hardening: float = 0.0
    #: entries of K between two twins, GPa; none on its diagonal
    interaction: float = 0.0
    #: "reversible", which is what the printed law says; or "one-way", which needs steps about
    #: four times as short
    mode: TwinMode = "reversible"
    #: whether slip in a twin has the directions of the twin's lattice
    reorientation: bool = True

    def __post_init__(self) -> None:
        check_number("tau_0", self.tau_0, above=0.0)
        check_number("reference_rate", self.reference_rate, above=0.0)
        check_number("shear", self.shear, above=0.0)
        check_number("rate_exponent", self.rate_exponent, least=_LEAST_EXPONENT, most=1.0)
        check_number("hardening", self.hardening, least=0.0)
        check_number("interaction", self.interaction, least=0.0)
        check_choice("mode", self.mode, get_args(TwinMode))


@dataclass(frozen=True, eq=False)
class CrystalLaw:
    """A crystal: its systems, the constants of each family, and its elastic constants."""

    #: slip and twin systems in the crystal's frame
    systems: SlipSystems
    #: constants of the families that slip, in the order of the systems
    slip: tuple[SlipConstants, ...]
    #: constants of the twins, if there are any
    twin: TwinConstants | None = None
    #: G, GPa
    shear_modulus: float = 25.0
    #: lambda_e, GPa; as (A.3) is printed the bulk modulus is twice this
    lambda_e: float = 24.0

    def __post_init__(self) -> None:
        check_number("shear_modulus", self.shear_modulus, above=0.0)
        check_number("lambda_e", self.lambda_e, above=0.0)
        families = self.systems.n_slip_families
        if len(self.slip) != families:
            raise ValueError(f"slip must have {families} entries, got {len(self.slip)}")
        if (self.twin is None) != (self.systems.n_twin == 0):
            raise ValueError("twin must be given where the systems hold twins, and only there")
        if len(self.systems.names) > families + 1:
            raise ValueError("systems must hold at most one family of twins")

    def without_twins(self) -> CrystalLaw:
        """The same crystal that slips only."""
        return replace(self, systems=self.systems.without_twins(), twin=None)

    def with_tau_0(self, **tau_0: float) -> CrystalLaw:
        """The same crystal with another tau_0, GPa, of families by name (``twin`` for twins)."""
        slip, twin = list(self.slip), self.twin
        for name, value in tau_0.items():
            if name in self.systems.names[: len(slip)]:
                number = self.systems.names.index(name)
                slip[number] = replace(slip[number], tau_0=value)
            elif name == "twin" and twin is not None:
                twin = replace(twin, tau_0=value)
            else:
                known = [*self.systems.names[: len(slip)], *(["twin"] if twin else [])]
                raise ValueError(f"tau_0 must be of {', '.join(known)}, got {name!r}")
        return replace(self, slip=tuple(slip), twin=twin)

    @property
    def latent_matrix(self) -> NDArray[np.float64]:
        """H between slip systems, shape (n_slip, n_slip), GPa."""
        family = self.systems.family[: self.systems.n_slip]
        latent = np.array([constants.latent for constants in self.slip])[family]
        matrix = np.where(family[:, np.newaxis] == family, latent, 0.0)
        np.fill_diagonal(matrix, 0.0)
        return np.asarray(matrix)

    @property
    def interaction_matrix(self) -> NDArray[np.float64]:
        """K between twins, shape (n_twin, n_twin), GPa; where it is not zero it has both signs."""
        n = self.systems.n_twin
        value = 0.0 if self.twin is None else self.twin.interaction
        return np.asarray(value * (np.ones((n, n)) - np.eye(n)))


def magnesium(
    *,
    twins: TwinMode | None = "reversible",
    tau_0: Mapping[str, float] | None = None,
    c_over_a: float = 1.624,
) -> CrystalLaw:
    """The paper's magnesium, Table A.1, with the resistances that it does not print.

    Parameters
    ----------
    twins : {"reversible", "one-way", None}
        None leaves twins out. In 800 steps of two stages along four random paths of 10 %, one-way
        twins of 128 grains err by 9 to 27 %, reversible ones by 0.7 to 1.6 %; in 3200 steps by 0.2
        to 1.4 %, and 0 to 4 %, as which twin wins a grain may still depend on the steps.
    tau_0 : mapping, optional
        tau_0 by family ("basal", "prismatic", "pyramidal", "twin"), GPa, in place of the defaults:
        0.0505 of pyramidal is printed; 0.010, 0.055 and, for the shear stress on a twin, 0.040
        are the initial resistances of DAMASK's phenomenological magnesium, as the paper's are
        missing in print. A twin's tau_0 is of shear * tau, so its default is 0.129 times that.
    c_over_a : float
        Not printed; of magnesium.

    Returns
    -------
    CrystalLaw
    """
    printed_shear = 0.129
    slip = (
        SlipConstants(0.010, 1e5, 0.5, hardening=7.1, saturation=0.0007, latent=0.0),
        SlipConstants(0.055, 1e5, 0.5, hardening=40.0, saturation=0.170, latent=0.020),
        SlipConstants(0.0505, 1e5, 0.5, hardening=30.0, saturation=0.200, latent=0.025),
    )
    systems = hcp(c_over_a)
    if twins is None:
        law = CrystalLaw(systems.without_twins(), slip)
    else:
        shear = printed_shear if c_over_a == 1.624 else tension_twin_shear(c_over_a)
        twin = TwinConstants(
            0.040 * shear, 1e5, shear, 0.5, hardening=0.007, interaction=40.0, mode=twins
        )
        law = CrystalLaw(systems, slip, twin)
    return law.with_tau_0(**(tau_0 or {}))


def plane_pair(
    *, hardening: float = 0.0, saturation: float = 0.0, latent: float = 0.0
) -> CrystalLaw:
    """The paper's crystal of the plane: two orthogonal systems, no twins.

    Parameters
    ----------
    hardening, saturation, latent : float
        GPa; the paper does not print them for the plane, and none is the default.
    """
    slip = SlipConstants(0.100, 1.0, 0.5, hardening, saturation, latent)
    return CrystalLaw(two_dimensional_pair(), (slip,), shear_modulus=19.0, lambda_e=24.0)


def cubic(slip: SlipConstants, *, shear_modulus: float, lambda_e: float) -> CrystalLaw:
    """A face-centred cubic crystal with constants of one's own; see `CrystalLaw`."""
    return CrystalLaw(fcc(), (slip,), shear_modulus=shear_modulus, lambda_e=lambda_e)
