"""Glide of straight edge dislocations: their stress, their steps in time, their reactions."""

from nlbook.dislocations.glide.adaptive import evolve_adaptive
from nlbook.dislocations.glide.euler import evolve
from nlbook.dislocations.glide.fast_sum import internal_stress
from nlbook.dislocations.glide.interaction import periodic_shear_stress
from nlbook.dislocations.glide.sources import FrankReadSources, random_sources
from nlbook.dislocations.glide.trajectory import (
    BlowUp,
    Trajectory,
    random_dislocations,
    speed_bins,
)

__all__ = [
    "BlowUp",
    "FrankReadSources",
    "Trajectory",
    "evolve",
    "evolve_adaptive",
    "internal_stress",
    "periodic_shear_stress",
    "random_dislocations",
    "random_sources",
    "speed_bins",
]
