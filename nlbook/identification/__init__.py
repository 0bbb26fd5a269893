"""Learning the kernels of nonlocal models from data."""

from nlbook.identification.bilevel import PowerLawFit, fit_power_law, predict, variance_rate
from nlbook.identification.bootstrap import BatchFits, bootstrap_power_law
from nlbook.identification.cumulants import CumulantEstimate, cumulant_estimate, even_cumulants
from nlbook.identification.factor import FactorFit, fit_factor
from nlbook.identification.fits import FitProblem, fit_each, fit_on_ranks
from nlbook.identification.fractional import (
    FractionalSettings,
    fractional_green,
    fractional_kernel,
    fractional_pairs,
    fractional_solution,
    green_solution,
)
from nlbook.identification.manufactured import flights, jumping_particles, manufactured_snapshots
from nlbook.identification.microstructures import (
    DarcyMedium,
    darcy_pairs,
    darcy_response,
    solve_darcy,
)
from nlbook.identification.objective import Objective
from nlbook.identification.one_sided import OneSidedFit, fit_one_sided
from nlbook.identification.periodic_pairs import (
    SeriesSettings,
    biharmonic_pairs,
    manufactured_pairs,
    wave_pairs,
)
from nlbook.identification.profiles import CostProfile, RateProfile, profile_cost, profile_rate
from nlbook.identification.rivals import (
    RivalFit,
    StableFit,
    compare_rivals,
    fit_stable_density,
    stable_density,
)
from nlbook.identification.settings import FitSettings
from nlbook.identification.symbols import (
    CosineKernel,
    biharmonic_symbol,
    kernel_symbol,
    linear_kernel,
)
from nlbook.identification.training_pairs import (
    PairSpectrum,
    TrainingPairs,
    iter_blocks,
    spectrum,
)

__all__ = [
    "BatchFits",
    "CosineKernel",
    "CostProfile",
    "CumulantEstimate",
    "DarcyMedium",
    "FactorFit",
    "FitProblem",
    "FitSettings",
    "FractionalSettings",
    "Objective",
    "OneSidedFit",
    "PairSpectrum",
    "PowerLawFit",
    "RateProfile",
    "RivalFit",
    "SeriesSettings",
    "StableFit",
    "TrainingPairs",
    "biharmonic_pairs",
    "biharmonic_symbol",
    "bootstrap_power_law",
    "compare_rivals",
    "cumulant_estimate",
    "darcy_pairs",
    "darcy_response",
    "even_cumulants",
    "fit_each",
    "fit_factor",
    "fit_on_ranks",
    "fit_one_sided",
    "fit_power_law",
    "fit_stable_density",
    "flights",
    "fractional_green",
    "fractional_kernel",
    "fractional_pairs",
    "fractional_solution",
    "green_solution",
    "iter_blocks",
    "jumping_particles",
    "kernel_symbol",
    "linear_kernel",
    "manufactured_pairs",
    "manufactured_snapshots",
    "predict",
    "profile_cost",
    "profile_rate",
    "solve_darcy",
    "spectrum",
    "stable_density",
    "variance_rate",
    "wave_pairs",
]
