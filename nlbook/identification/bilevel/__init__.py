"""From densities: kernels whose evolution repeats them.

Level two searches the kernel's shape, level one finds its coefficient for each shape tried, in
closed form. Beside the truncated power law stand a factor of its own, two sides, rivals that are
local, and cumulants; `manufactured` makes data whose kernel is known.
"""

from nlbook.identification.bilevel.cumulants import (
    CumulantEstimate,
    CumulantRates,
    EvenCumulants,
    cumulant_estimate,
    even_cumulants,
)
from nlbook.identification.bilevel.factor import FactorFit, fit_factor
from nlbook.identification.bilevel.fits import FitProblem, fit_each, fit_on_ranks
from nlbook.identification.bilevel.manufactured import (
    flights,
    jumping_particles,
    manufactured_snapshots,
)
from nlbook.identification.bilevel.objective import Objective
from nlbook.identification.bilevel.one_sided import OneSidedFit, fit_one_sided
from nlbook.identification.bilevel.power_law import (
    PowerLawFit,
    SearchProgress,
    SearchTrials,
    fit_power_law,
    predict,
    variance_rate,
)
from nlbook.identification.bilevel.rivals import (
    RivalFit,
    StableFit,
    compare_rivals,
    fit_stable_density,
    stable_density,
)
from nlbook.identification.bilevel.search import Searches
from nlbook.identification.bilevel.settings import ExactEvolution, FitSettings, ForwardEuler
from nlbook.identification.bilevel.verdicts import FitWarning

__all__ = [
    "CumulantEstimate",
    "CumulantRates",
    "EvenCumulants",
    "ExactEvolution",
    "FactorFit",
    "FitProblem",
    "FitSettings",
    "FitWarning",
    "ForwardEuler",
    "Objective",
    "OneSidedFit",
    "PowerLawFit",
    "RivalFit",
    "SearchProgress",
    "SearchTrials",
    "Searches",
    "StableFit",
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
    "stable_density",
    "variance_rate",
]
