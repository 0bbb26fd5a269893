"""Discrete dislocation dynamics of edge dislocations on parallel glide planes.

Lengths are in Burgers vectors b, stresses in sigma0 = mu / (2 pi (1 - nu)), times in
t0 = 1/(M sigma0).
"""

from nlbook.dislocations.adaptive import evolve_adaptive
from nlbook.dislocations.avalanches import (
    Avalanches,
    avalanche_threshold,
    find_avalanches,
    logarithmic_histogram,
)
from nlbook.dislocations.creep import CreepRun, repeat_creep, replay_creep, simulate_creep
from nlbook.dislocations.dynamics import (
    BlowUp,
    Trajectory,
    evolve,
    random_dislocations,
    speed_bins,
)
from nlbook.dislocations.ensemble import CreepEnsemble, creep_task, run_ensemble
from nlbook.dislocations.equivalence import Equivalence, paired_equivalence
from nlbook.dislocations.fast_sum import internal_stress
from nlbook.dislocations.integrator_study import IntegratorStudy, read_integrator_study
from nlbook.dislocations.interaction import periodic_shear_stress
from nlbook.dislocations.null_model import null_speed_counts, poisson_speed_tail
from nlbook.dislocations.observables import activity, birth_slips, run_numbers
from nlbook.dislocations.protocol import CreepProtocol
from nlbook.dislocations.resampling import (
    Comparison,
    TailInterval,
    bootstrap_exponents,
    compare_counts,
    exponent_interval,
    fit_with_interval,
)
from nlbook.dislocations.sources import FrankReadSources, random_sources
from nlbook.dislocations.statistics import extrapolation_errors, local_exponents, number_changes
from nlbook.dislocations.tails import (
    TailFit,
    WindowSweep,
    choose_v_min,
    fit_tail,
    fit_tail_samples,
    sweep_windows,
)

__all__ = [
    "Avalanches",
    "BlowUp",
    "Comparison",
    "CreepEnsemble",
    "CreepProtocol",
    "CreepRun",
    "Equivalence",
    "FrankReadSources",
    "IntegratorStudy",
    "TailFit",
    "TailInterval",
    "Trajectory",
    "WindowSweep",
    "activity",
    "avalanche_threshold",
    "birth_slips",
    "bootstrap_exponents",
    "choose_v_min",
    "compare_counts",
    "creep_task",
    "evolve",
    "evolve_adaptive",
    "exponent_interval",
    "extrapolation_errors",
    "find_avalanches",
    "fit_tail",
    "fit_tail_samples",
    "fit_with_interval",
    "internal_stress",
    "local_exponents",
    "logarithmic_histogram",
    "null_speed_counts",
    "number_changes",
    "paired_equivalence",
    "periodic_shear_stress",
    "poisson_speed_tail",
    "random_dislocations",
    "random_sources",
    "read_integrator_study",
    "repeat_creep",
    "replay_creep",
    "run_ensemble",
    "run_numbers",
    "simulate_creep",
    "speed_bins",
    "sweep_windows",
]
