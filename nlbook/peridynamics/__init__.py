"""A linear peridynamic solid: its quadrature, its operator, its symbols."""

from nlbook.peridynamics.continuum import continuum_basis, continuum_parts
from nlbook.peridynamics.grids import PeriodicGrid, PointSet
from nlbook.peridynamics.quadrature import (
    LatticeQuadrature,
    lattice_quadrature,
    least_norm_weights,
)
from nlbook.peridynamics.symbols import SymbolBasis, symbol_basis

__all__ = [
    "LatticeQuadrature",
    "PeriodicGrid",
    "PointSet",
    "SymbolBasis",
    "continuum_basis",
    "continuum_parts",
    "lattice_quadrature",
    "least_norm_weights",
    "symbol_basis",
]
