"""How well densities determine a fit: resampled particles, replicates of tried laws, profiles."""

from nlbook.identification.uncertainty.bootstrap import BatchFits, bootstrap_power_law
from nlbook.identification.uncertainty.corrected_law import ParametricFits
from nlbook.identification.uncertainty.parametric import parametric_bootstrap
from nlbook.identification.uncertainty.profiles import (
    CostProfile,
    RateProfile,
    profile_cost,
    profile_rate,
)
from nlbook.identification.uncertainty.walks import walking_counts

__all__ = [
    "BatchFits",
    "CostProfile",
    "ParametricFits",
    "RateProfile",
    "bootstrap_power_law",
    "parametric_bootstrap",
    "profile_cost",
    "profile_rate",
    "walking_counts",
]
