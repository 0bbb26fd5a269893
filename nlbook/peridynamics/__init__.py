"""A linear peridynamic solid: its operator, symbols and certificates; and learning it."""

from nlbook.peridynamics.adam import AdamHistory
from nlbook.peridynamics.alpha_search import AlphaTrials
from nlbook.peridynamics.bounds import Bound
from nlbook.peridynamics.certificates import (
    PointsCertificate,
    WaveCertificate,
    certify_continuum,
    certify_grid,
    certify_lattice,
    certify_points,
)
from nlbook.peridynamics.choices import (
    Adam,
    ExactIntegrals,
    ExactLongWaves,
    FreeLongWaves,
    GaussNewton,
    GridQuadrature,
    Nonnegative,
    Solvable,
)
from nlbook.peridynamics.continuum import continuum_basis, continuum_parts, continuum_symbol
from nlbook.peridynamics.grids import PeriodicGrid, PointSet, lattice_spacing
from nlbook.peridynamics.learning import LearningWarning, fit_lps
from nlbook.peridynamics.quadrature import LatticeQuadrature, lattice_quadrature, least_norm_weights
from nlbook.peridynamics.result import LongWaveModuli, LPSFit
from nlbook.peridynamics.sample_spectra import SampleSpectrum, gather_samples
from nlbook.peridynamics.samples import (
    GridSamples,
    PeriodicSamples,
    PointSamples,
    SetSamples,
    read_samples,
)
from nlbook.peridynamics.solid import LinearPeridynamicSolid
from nlbook.peridynamics.solvability import (
    DiscreteModuli,
    SolvabilityConstants,
    dense_constants,
    discrete_moduli,
    solvability_constants,
)
from nlbook.peridynamics.sweeps import LPSSweep, SweepRow, sweep_lps
from nlbook.peridynamics.symbols import SymbolBasis, symbol_basis

__all__ = [
    "Adam",
    "AdamHistory",
    "AlphaTrials",
    "Bound",
    "DiscreteModuli",
    "ExactIntegrals",
    "ExactLongWaves",
    "FreeLongWaves",
    "GaussNewton",
    "GridQuadrature",
    "GridSamples",
    "LPSFit",
    "LPSSweep",
    "LatticeQuadrature",
    "LearningWarning",
    "LinearPeridynamicSolid",
    "LongWaveModuli",
    "Nonnegative",
    "PeriodicGrid",
    "PeriodicSamples",
    "PointSamples",
    "PointSet",
    "PointsCertificate",
    "SampleSpectrum",
    "SetSamples",
    "SolvabilityConstants",
    "Solvable",
    "SweepRow",
    "SymbolBasis",
    "WaveCertificate",
    "certify_continuum",
    "certify_grid",
    "certify_lattice",
    "certify_points",
    "continuum_basis",
    "continuum_parts",
    "continuum_symbol",
    "dense_constants",
    "discrete_moduli",
    "fit_lps",
    "gather_samples",
    "lattice_quadrature",
    "lattice_spacing",
    "least_norm_weights",
    "read_samples",
    "solvability_constants",
    "sweep_lps",
    "symbol_basis",
]
