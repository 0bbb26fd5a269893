"""From pairs: Bernstein kernels by convex programmes, with certificates, bands and proofs."""

from nlbook.identification.regression.adam import AdamHistory, adam_fit
from nlbook.identification.regression.bands import KernelBand, kernel_band
from nlbook.identification.regression.certificates import (
    Certificate,
    RegressionWarning,
    coercivity,
    mengesha_du_norm,
)
from nlbook.identification.regression.choices import (
    Adam,
    Continuum,
    Exact,
    MengeshaDu,
    Nonnegative,
    PositiveSymbol,
    Unconstrained,
)
from nlbook.identification.regression.fit import fit_bernstein
from nlbook.identification.regression.gram import GramMatrix, gram_matrix
from nlbook.identification.regression.moments import PairMoments, gather, pair_moments
from nlbook.identification.regression.node_weights import basis_weights, grid_symbol
from nlbook.identification.regression.result import AlphaSearch, BernsteinFit
from nlbook.identification.regression.solutions import (
    apply_weights,
    kernel_weights,
    ring_symbol,
    solution_errors,
    solve_pairs,
)
from nlbook.identification.regression.symbol_bounds import (
    SymbolBound,
    bernstein_symbol,
    symbol_bound,
)

__all__ = [
    "Adam",
    "AdamHistory",
    "AlphaSearch",
    "BernsteinFit",
    "Certificate",
    "Continuum",
    "Exact",
    "GramMatrix",
    "KernelBand",
    "MengeshaDu",
    "Nonnegative",
    "PairMoments",
    "PositiveSymbol",
    "RegressionWarning",
    "SymbolBound",
    "Unconstrained",
    "adam_fit",
    "apply_weights",
    "basis_weights",
    "bernstein_symbol",
    "coercivity",
    "fit_bernstein",
    "gather",
    "gram_matrix",
    "grid_symbol",
    "kernel_band",
    "kernel_weights",
    "mengesha_du_norm",
    "pair_moments",
    "ring_symbol",
    "solution_errors",
    "solve_pairs",
    "symbol_bound",
]
