"""From displacements and loads: a peridynamic solid that can be solved for."""

from nlbook.peridynamics.learning.adam import AdamHistory
from nlbook.peridynamics.learning.alpha_search import AlphaTrials
from nlbook.peridynamics.learning.choices import (
    Adam,
    ExactIntegrals,
    ExactLongWaves,
    FreeLongWaves,
    GaussNewton,
    GridQuadrature,
    Nonnegative,
    Solvable,
)
from nlbook.peridynamics.learning.fit import LearningWarning, fit_lps
from nlbook.peridynamics.learning.result import LongWaveModuli, LPSFit
from nlbook.peridynamics.learning.sample_spectra import SampleSpectrum, gather_samples
from nlbook.peridynamics.learning.sweeps import LPSSweep, SweepRow, sweep_lps

__all__ = [
    "Adam",
    "AdamHistory",
    "AlphaTrials",
    "ExactIntegrals",
    "ExactLongWaves",
    "FreeLongWaves",
    "GaussNewton",
    "GridQuadrature",
    "LPSFit",
    "LPSSweep",
    "LearningWarning",
    "LongWaveModuli",
    "Nonnegative",
    "SampleSpectrum",
    "Solvable",
    "SweepRow",
    "fit_lps",
    "gather_samples",
    "sweep_lps",
]
