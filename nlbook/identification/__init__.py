"""Learning the kernels of nonlocal models from data."""

from nlbook.identification.bilevel import PowerLawFit, fit_power_law, variance_rate
from nlbook.identification.fits import FitProblem, fit_each, fit_on_ranks
from nlbook.identification.manufactured import jumping_particles, manufactured_snapshots
from nlbook.identification.objective import Objective
from nlbook.identification.settings import FitSettings

__all__ = [
    "FitProblem",
    "FitSettings",
    "Objective",
    "PowerLawFit",
    "fit_each",
    "fit_on_ranks",
    "fit_power_law",
    "jumping_particles",
    "manufactured_snapshots",
    "variance_rate",
]
