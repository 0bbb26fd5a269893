"""Pairs of functions u and f = L u to learn from: what they are, and operators that make them."""

from nlbook.identification.pairs.darcy import DarcyMedium, darcy_pairs, darcy_response, solve_darcy
from nlbook.identification.pairs.fractional import (
    FractionalSettings,
    fractional_green,
    fractional_kernel,
    fractional_pairs,
    fractional_solution,
    green_solution,
)
from nlbook.identification.pairs.periodic import (
    SeriesSettings,
    biharmonic_pairs,
    manufactured_pairs,
    wave_pairs,
)
from nlbook.identification.pairs.symbols import (
    CosineKernel,
    biharmonic_symbol,
    kernel_symbol,
    linear_kernel,
)
from nlbook.identification.pairs.training_pairs import (
    PairSpectrum,
    TrainingPairs,
    iter_blocks,
    spectrum,
)

__all__ = [
    "CosineKernel",
    "DarcyMedium",
    "FractionalSettings",
    "PairSpectrum",
    "SeriesSettings",
    "TrainingPairs",
    "biharmonic_pairs",
    "biharmonic_symbol",
    "darcy_pairs",
    "darcy_response",
    "fractional_green",
    "fractional_kernel",
    "fractional_pairs",
    "fractional_solution",
    "green_solution",
    "iter_blocks",
    "kernel_symbol",
    "linear_kernel",
    "manufactured_pairs",
    "solve_darcy",
    "spectrum",
    "wave_pairs",
]
