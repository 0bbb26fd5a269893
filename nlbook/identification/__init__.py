"""Learning the kernels of nonlocal models from data."""

from nlbook.identification.bilevel import PowerLawFit, fit_power_law, predict, variance_rate
from nlbook.identification.bootstrap import BatchFits, bootstrap_power_law
from nlbook.identification.cumulants import CumulantEstimate, cumulant_estimate, even_cumulants
from nlbook.identification.factor import FactorFit, fit_factor
from nlbook.identification.fits import FitProblem, fit_each, fit_on_ranks
from nlbook.identification.manufactured import flights, jumping_particles, manufactured_snapshots
from nlbook.identification.objective import Objective
from nlbook.identification.one_sided import OneSidedFit, fit_one_sided
from nlbook.identification.profiles import CostProfile, RateProfile, profile_cost, profile_rate
from nlbook.identification.rivals import (
    RivalFit,
    StableFit,
    compare_rivals,
    fit_stable_density,
    stable_density,
)
from nlbook.identification.settings import FitSettings

__all__ = [
    "BatchFits",
    "CostProfile",
    "CumulantEstimate",
    "FactorFit",
    "FitProblem",
    "FitSettings",
    "Objective",
    "OneSidedFit",
    "PowerLawFit",
    "RateProfile",
    "RivalFit",
    "StableFit",
    "bootstrap_power_law",
    "compare_rivals",
    "cumulant_estimate",
    "even_cumulants",
    "fit_each",
    "fit_factor",
    "fit_on_ranks",
    "fit_one_sided",
    "fit_power_law",
    "fit_stable_density",
    "flights",
    "jumping_particles",
    "manufactured_snapshots",
    "predict",
    "profile_cost",
    "profile_rate",
    "stable_density",
    "variance_rate",
]
