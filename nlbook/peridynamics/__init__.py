"""A linear peridynamic solid: its quadrature, its operator, its symbols."""

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
from nlbook.peridynamics.symbols import SymbolBasis, symbol_basis

__all__ = [
    "GridSamples",
    "LatticeQuadrature",
    "LinearPeridynamicSolid",
    "PeriodicGrid",
    "PeriodicSamples",
    "PointSamples",
    "PointSet",
    "SetSamples",
    "SymbolBasis",
    "continuum_basis",
    "continuum_parts",
    "continuum_symbol",
    "lattice_quadrature",
    "lattice_spacing",
    "least_norm_weights",
    "read_samples",
    "symbol_basis",
]
