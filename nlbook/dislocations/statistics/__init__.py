"""What creep leaves to count: tails of speeds, avalanches, and how sure one can be of both."""

from nlbook.dislocations.statistics.avalanches import (
    Avalanches,
    avalanche_threshold,
    find_avalanches,
    logarithmic_histogram,
)
from nlbook.dislocations.statistics.equivalence import Equivalence, paired_equivalence
from nlbook.dislocations.statistics.exponents import (
    extrapolation_errors,
    local_exponents,
    number_changes,
)
from nlbook.dislocations.statistics.null_model import null_speed_counts, poisson_speed_tail
from nlbook.dislocations.statistics.resampling import (
    Comparison,
    TailInterval,
    bootstrap_exponents,
    compare_counts,
    exponent_interval,
    fit_with_interval,
)
from nlbook.dislocations.statistics.tails import (
    TailFit,
    WindowSweep,
    choose_v_min,
    fit_tail,
    fit_tail_samples,
    sweep_windows,
)

__all__ = [
    "Avalanches",
    "Comparison",
    "Equivalence",
    "TailFit",
    "TailInterval",
    "WindowSweep",
    "avalanche_threshold",
    "bootstrap_exponents",
    "choose_v_min",
    "compare_counts",
    "exponent_interval",
    "extrapolation_errors",
    "find_avalanches",
    "fit_tail",
    "fit_tail_samples",
    "fit_with_interval",
    "local_exponents",
    "logarithmic_histogram",
    "null_speed_counts",
    "number_changes",
    "paired_equivalence",
    "poisson_speed_tail",
    "sweep_windows",
]
