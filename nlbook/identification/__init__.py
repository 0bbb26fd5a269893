"""Learning the kernels of nonlocal models from data."""

from nlbook.identification.adam import AdamHistory, AdamSettings, adam_fit
from nlbook.identification.bands import KernelBand, kernel_band
from nlbook.identification.bernstein_fit import BernsteinFit, RegressionWarning
from nlbook.identification.bilevel import PowerLawFit, fit_power_law, predict, variance_rate
from nlbook.identification.bootstrap import BatchFits, bootstrap_power_law
from nlbook.identification.certificates import Certificate, coercivity, mengesha_du_norm
from nlbook.identification.continuum import ContinuumSettings
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
from nlbook.identification.gram import GramMatrix, gram_matrix
from nlbook.identification.least_squares import SolverFailure
from nlbook.identification.manufactured import flights, jumping_particles, manufactured_snapshots
from nlbook.identification.microstructures import (
    DarcyMedium,
    darcy_pairs,
    darcy_response,
    solve_darcy,
)
from nlbook.identification.moments import PairMoments, gather, pair_moments
from nlbook.identification.node_weights import basis_weights, grid_symbol
from nlbook.identification.objective import Objective
from nlbook.identification.one_sided import OneSidedFit, fit_one_sided
from nlbook.identification.parametric import ParametricFits, parametric_bootstrap
from nlbook.identification.periodic_pairs import (
    SeriesSettings,
    biharmonic_pairs,
    manufactured_pairs,
    wave_pairs,
)
from nlbook.identification.profiles import CostProfile, RateProfile, profile_cost, profile_rate
from nlbook.identification.regression import fit_bernstein
from nlbook.identification.rivals import (
    RivalFit,
    StableFit,
    compare_rivals,
    fit_stable_density,
    stable_density,
)
from nlbook.identification.settings import FitSettings
from nlbook.identification.solutions import (
    apply_weights,
    kernel_weights,
    ring_symbol,
    solution_errors,
    solve_pairs,
)
from nlbook.identification.symbol_bounds import SymbolBound, bernstein_symbol, symbol_bound
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
from nlbook.identification.verdicts import FitWarning
from nlbook.identification.walks import walking_counts

__all__ = [
    "AdamHistory",
    "AdamSettings",
    "BatchFits",
    "BernsteinFit",
    "Certificate",
    "ContinuumSettings",
    "CosineKernel",
    "CostProfile",
    "CumulantEstimate",
    "DarcyMedium",
    "FactorFit",
    "FitProblem",
    "FitSettings",
    "FitWarning",
    "FractionalSettings",
    "GramMatrix",
    "KernelBand",
    "Objective",
    "OneSidedFit",
    "PairMoments",
    "PairSpectrum",
    "ParametricFits",
    "PowerLawFit",
    "RateProfile",
    "RegressionWarning",
    "RivalFit",
    "SeriesSettings",
    "SolverFailure",
    "StableFit",
    "SymbolBound",
    "TrainingPairs",
    "adam_fit",
    "apply_weights",
    "basis_weights",
    "bernstein_symbol",
    "biharmonic_pairs",
    "biharmonic_symbol",
    "bootstrap_power_law",
    "coercivity",
    "compare_rivals",
    "cumulant_estimate",
    "darcy_pairs",
    "darcy_response",
    "even_cumulants",
    "fit_bernstein",
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
    "gather",
    "gram_matrix",
    "green_solution",
    "grid_symbol",
    "iter_blocks",
    "jumping_particles",
    "kernel_band",
    "kernel_symbol",
    "kernel_weights",
    "linear_kernel",
    "manufactured_pairs",
    "manufactured_snapshots",
    "mengesha_du_norm",
    "pair_moments",
    "parametric_bootstrap",
    "predict",
    "profile_cost",
    "profile_rate",
    "ring_symbol",
    "solution_errors",
    "solve_darcy",
    "solve_pairs",
    "spectrum",
    "stable_density",
    "symbol_bound",
    "variance_rate",
    "walking_counts",
    "wave_pairs",
]
