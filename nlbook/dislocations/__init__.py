"""Discrete dislocation dynamics of edge dislocations on parallel glide planes.

Lengths are in Burgers vectors b, stresses in sigma0 = mu / (2 pi (1 - nu)), times in
t0 = 1/(M sigma0).
"""

from nlbook.dislocations.creep import CreepProtocol, CreepRun, replay_creep, simulate_creep
from nlbook.dislocations.dynamics import (
    BlowUp,
    Trajectory,
    evolve,
    random_dislocations,
    speed_bins,
)
from nlbook.dislocations.ensemble import CreepEnsemble, creep_task, run_ensemble
from nlbook.dislocations.fast_sum import internal_stress
from nlbook.dislocations.interaction import periodic_shear_stress
from nlbook.dislocations.sources import FrankReadSources, random_sources
from nlbook.dislocations.statistics import extrapolation_errors, local_exponents

__all__ = [
    "BlowUp",
    "CreepEnsemble",
    "CreepProtocol",
    "CreepRun",
    "FrankReadSources",
    "Trajectory",
    "creep_task",
    "evolve",
    "extrapolation_errors",
    "internal_stress",
    "local_exponents",
    "periodic_shear_stress",
    "random_dislocations",
    "random_sources",
    "replay_creep",
    "run_ensemble",
    "simulate_creep",
    "speed_bins",
]
