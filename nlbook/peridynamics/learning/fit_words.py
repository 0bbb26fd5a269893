"""Where the answer of a fit is not what it seems, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nlbook.peridynamics.learning.alpha_search import SAME
from nlbook.peridynamics.learning.choices import GridQuadrature
from nlbook.peridynamics.learning.gauss_newton import Descent
from nlbook.peridynamics.learning.objective import Objective
from nlbook.peridynamics.learning.result import LPSFit
from nlbook.peridynamics.learning.sample_spectra import SampleSpectrum
from nlbook.peridynamics.quadrature import distinct, lattice_quadrature

__all__ = ["disagreement_words", "fit_words"]

# E_Res that no symbol removes, above which the data themselves are said to be at fault.
_INCONSISTENT = 0.02
# Losses below this are rounding, a share of the squares of the loads.
_ROUNDED = 1e-20
# Ends whose losses are as near as this fit equally well; moduli that differ by more than the other
# share of them are not the same.
_EQUAL, _APART = 1e-6, 0.02
# mu, as a share of loads over displacements, at which there is no solid.
_NO_STIFFNESS = 1e-6
# lambda + mu, as a share of mu, at which it counts as held by its bound; and volumes likewise.
_HELD = 1e-5


def fit_words(fit: LPSFit, spectra: Sequence[SampleSpectrum]) -> list[str]:
    """What to say of a fit to some data."""
    said = []
    on_grid = isinstance(fit.quadrature, GridQuadrature)
    n_coefficients = fit.kernel.degree + 1
    if on_grid:
        balls = [lattice_quadrature(one.grid.spacing, fit.horizon).shells for one in spectra]
        shells = len(distinct(np.concatenate(balls)))
        if n_coefficients >= shells:
            said.append(
                f"alpha and the {n_coefficients} coefficients can't be told apart: sums over "
                f"{shells} shells of nodes see the kernel at or near {shells} distances only, "
                f"where any alpha fits as well; between them the kernel means nothing"
            )
    seen = fit.objective.turn.shape[1]
    if seen < n_coefficients and not said:
        said.append(
            f"degree {fit.kernel.degree} has {n_coefficients} coefficients, of which symbols see "
            f"{seen} combinations: the rest is chosen as small as possible and means nothing"
        )
    apart = fit.starts.max() / max(fit.starts.min(), _ROUNDED) - 1
    if apart > SAME:
        ends = int(np.sum(fit.starts <= (1 + SAME) * max(fit.starts.min(), _ROUNDED)))
        said.append(
            f"{ends} of {len(fit.starts)} starts came to the least loss that was found, the others "
            f"ended up to {100 * apart:.2g} % above it: there may be a lower one; ask for more "
            f"starts"
        )
    if not fit.converged:
        said.append(
            "the fit is not known to be stationary: the solver ended before its steps won nothing"
        )
    if min(fit.margins) < 0:
        said.append(
            f"the conditions of solvability are violated, by margins of {fit.margins[0]:.2g} and "
            f"{fit.margins[1]:.2g}: the solid need not be solvable"
        )
    if fit.shear_modulus <= _NO_STIFFNESS * fit.objective.stiffness:
        share = fit.shear_modulus / fit.objective.stiffness
        said.append(
            f"the shear modulus is {share:.1g} of what loads over displacements show: no stable "
            f"solid fits these data better than none; L u = b takes the load on the body, not what "
            f"it answers with"
        )
    elif fit.lame_lambda + fit.shear_modulus <= _HELD * fit.shear_modulus:
        said.append(
            "lambda + mu is at its bound of zero: the data ask for a solid that grows under "
            "pressure, or the horizon and degree for another one"
        )
    y = fit.objective.unknowns @ np.asarray(fit.kernel.coefficients)
    room = fit.objective.stability.volume_rows @ y
    if np.min(room, initial=np.inf) <= _HELD * fit.shear_modulus:
        said.append(
            "the weighted volumes of the kernel on the grids differ by as much as is allowed: each "
            "grid is fitted by a part of the kernel that the other one hardly sees"
        )
    if np.sqrt(fit.rest) > _INCONSISTENT:
        said.append(
            f"no symbol at all brings the residual below {100 * np.sqrt(fit.rest):.2g} % of the "
            f"load: noise, strains beyond the linear, or nodes that don't fit the periodic box"
        )
    return said


def disagreement_words(objective: Objective, descents: Sequence[Descent]) -> list[str]:
    """Say so if starts that fit equally well end at different moduli."""
    least = max(min(one.loss for one in descents), _ROUNDED)
    ends = np.array([one.x for one in descents if one.loss <= (1 + _EQUAL) * least])
    mu = ends[:, :-1] @ objective.mu_row
    moduli = np.stack([mu, mu * (1 + ends[:, -1])])
    spread = float(np.max(np.ptp(moduli, axis=1)) / np.abs(moduli).max())
    if spread <= _APART:
        return []
    return [
        f"starts that fit equally well ended at moduli that differ by {100 * spread:.2g} % of the "
        f"larger one: these data don't determine the solid"
    ]
