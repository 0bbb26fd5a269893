"""A linear peridynamic solid: quadrature, operator, symbols, solvability and certificates."""

from nlbook.peridynamics.bounds import Bound
from nlbook.peridynamics.certificates import (
    PointsCertificate,
    WaveCertificate,
    certify_continuum,
    certify_grid,
    certify_lattice,
    certify_points,
)
from nlbook.peridynamics.continuum import continuum_basis, continuum_parts, continuum_symbol
from nlbook.peridynamics.grids import PeriodicGrid, PointSet, lattice_spacing
from nlbook.peridynamics.quadrature import (
    LatticeQuadrature,
    lattice_quadrature,
    least_norm_weights,
)
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
from nlbook.peridynamics.symbols import SymbolBasis, symbol_basis

__all__ = [
    "Bound",
    "DiscreteModuli",
    "GridSamples",
    "LatticeQuadrature",
    "LinearPeridynamicSolid",
    "PeriodicGrid",
    "PeriodicSamples",
    "PointSamples",
    "PointSet",
    "PointsCertificate",
    "SetSamples",
    "SolvabilityConstants",
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
    "lattice_quadrature",
    "lattice_spacing",
    "least_norm_weights",
    "read_samples",
    "solvability_constants",
    "symbol_basis",
]
