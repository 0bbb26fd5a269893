"""Arrays with hidden entries, NaN and numbers out of range are refused at every door."""

import numpy as np
import pytest

from nlbook.identification import (
    CosineKernel,
    PairMoments,
    PairSpectrum,
    PositiveSymbol,
    TrainingPairs,
    apply_weights,
    basis_weights,
    bernstein_symbol,
    biharmonic_symbol,
    coercivity,
    fit_bernstein,
    gather,
    gram_matrix,
    grid_symbol,
    kernel_symbol,
    kernel_weights,
    linear_kernel,
    mengesha_du_norm,
    ring_symbol,
    solution_errors,
    solve_pairs,
    symbol_bound,
)
from nlbook.kernels import BernsteinKernel

U = np.sin(2 * np.pi * np.arange(8) / 8)[np.newaxis]
PAIRS = TrainingPairs(U, 40 * U, 1 / 8, "periodic")
KERNEL = linear_kernel(0.3)
GRAM = gram_matrix(PAIRS, 0.3, 1)
ONES = {name: np.ones(5) for name in ("wavenumbers", "power", "cross", "response")}

#: Every argument that is an array, and a good one: what is called, with the argument's name.
ARRAYS = {
    "u": (lambda u: TrainingPairs(u, U, 1 / 8, "periodic"), U),
    "f": (lambda f: TrainingPairs(U, f, 1 / 8, "periodic"), U),
    "power": (lambda power: PairSpectrum(**(ONES | {"power": power}), **RING), np.ones(5)),
    "cross": (lambda cross: PairSpectrum(**(ONES | {"cross": cross}), **RING), np.ones(5)),
    "products": (lambda products: PairMoments(products, 3, 1, 0.1, 1), np.eye(8)),
    "symbol": (lambda symbol: gather(PAIRS).loss(symbol), np.ones(5)),
    "node_weights": (lambda w: apply_weights(w, PAIRS), np.array([2.0, 1.0])),
    "node_weights ": (lambda w: ring_symbol(w, 8), np.array([2.0, 1.0])),
    "node_weights  ": (lambda w: solve_pairs(w, PAIRS), np.array([2.0, 1.0])),
    "node_weights   ": (lambda w: solution_errors(w, PAIRS), np.array([2.0, 1.0])),
    "node_weights    ": (mengesha_du_norm, np.array([2.0, 1.0])),
    "coefficients": (lambda c: coercivity(GRAM, c), np.array([2.0, 1.0])),
    "coefficients ": (GRAM.loss, np.array([2.0, 1.0])),
    "wavenumbers": (lambda k: bernstein_symbol(0.3, 2, k), np.array([1.0, 2.0])),
    "wavenumbers ": (lambda k: grid_symbol(KERNEL, k, 0.1), np.array([1.0, 2.0])),
    "wavenumbers  ": (lambda k: kernel_symbol(KERNEL, k), np.array([1.0, 2.0])),
    "wavenumbers   ": (lambda k: biharmonic_symbol(k, 0.1, 0.3), np.array([1.0, 2.0])),
    "r": (CosineKernel(0.5), np.array([0.1, 0.2])),
}
RING = {"period": 1.0, "n_nodes": 8, "n_samples": 1}


@pytest.mark.parametrize("name", ARRAYS)
def test_what_a_mask_hides_is_not_read(name):
    call, good = ARRAYS[name]
    call(good)
    call(np.ma.array(good, mask=False))  # nothing is hidden
    hidden = np.ma.array(good, mask=False)
    hidden[..., 0] = np.ma.masked
    with pytest.raises(ValueError, match=f"^{name.strip()} must have no masked entries"):
        call(hidden)


@pytest.mark.parametrize("name", ARRAYS)
def test_nan_is_refused_by_name(name):
    call, good = ARRAYS[name]
    bad = good.copy()
    bad[..., -1] = np.nan
    with pytest.raises(ValueError, match=f"^{name.strip()} must be"):
        call(bad)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("n_nodes", lambda: ring_symbol([1.0, 2.0], 0)),
        ("n_nodes", lambda: ring_symbol([1.0, 2.0], 8.0)),
        ("node_weights", lambda: ring_symbol([], 8)),
        ("node_weights", lambda: ring_symbol([[1.0]], 8)),
        ("collar", lambda: TrainingPairs(U, U, 0.1, "periodic", collar=0.5)),
        ("boundary", lambda: TrainingPairs(U, U, 0.1, None)),
        ("n_samples", lambda: PairSpectrum(**ONES, **(RING | {"n_samples": 0}))),
        ("power", lambda: PairSpectrum(**(ONES | {"power": -np.ones(5)}), **RING)),
        ("products", lambda: PairMoments(np.eye(7), 3, 1, 0.1, 1)),
        ("symbol", lambda: gather(PAIRS).loss(np.ones(4))),
        ("degree", lambda: basis_weights(0.3, 2.0, 0.1)),
        ("alpha", lambda: basis_weights(0.3, 2, 0.1, alpha=np.nan)),
        ("rule", lambda: kernel_weights(KERNEL, 0.1, "midpoint")),
        ("refinement", lambda: gram_matrix(PAIRS, 0.3, 1, refinement=2.0)),
        ("lowest", lambda: symbol_bound(BernsteinKernel((1.0,), 0.3), np.inf)),
        ("degree", lambda: bernstein_symbol(0.3, -1, [1.0])),
        ("alpha", lambda: bernstein_symbol(0.3, 1, [1.0], 3.0)),
        ("radius", lambda: CosineKernel(0.5).radial_integral(-1.0, 2)),
        ("margin", lambda: fit_bernstein(PAIRS, 0.3, 1, PositiveSymbol(margin=np.nan))),
        ("alpha", lambda: fit_bernstein(PAIRS, 0.3, 1, alpha=(0.0, 1.0, 2.0))),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(name, call):
    with pytest.raises(ValueError, match=f"^{name} must"):
        call()
