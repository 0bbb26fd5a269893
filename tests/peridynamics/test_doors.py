"""What public functions of the room refuse, by name, whatever its type."""

from types import SimpleNamespace

import numpy as np
import pytest

from nlbook.kernels import BernsteinKernel, PowerLawKernel
from nlbook.peridynamics import (
    ExactIntegrals,
    ExactLongWaves,
    LinearPeridynamicSolid,
    PeriodicGrid,
    certify_continuum,
    certify_grid,
    certify_lattice,
    certify_points,
    continuum_symbol,
    dense_constants,
    discrete_moduli,
    gather_samples,
    lattice_quadrature,
    lattice_spacing,
    read_samples,
    solvability_constants,
    sweep_lps,
    symbol_basis,
)

GRID = PeriodicGrid((8, 8), (5.0, 5.0))
KERNEL = PowerLawKernel(1.0, 12.5)
FIELDS = np.random.default_rng(0).normal(size=(3, 8, 8, 2))
SAMPLES = SimpleNamespace(spacing=(5.0, 5.0), displacement=FIELDS, load=FIELDS)
NUMBERS = {
    "nan": np.nan,
    "infinity": np.inf,
    "a truth": True,
    "none": None,
    "a word": "x",
    "complex": 1 + 2j,
    "masked": np.ma.masked,
    "a list": [1.0],
    "an array": np.array([1.0, 2.0, 3.0]),
    "negative": -1.0,
    "zero": 0.0,
}


def one_node():
    return LinearPeridynamicSolid(KERNEL, 0.1, 1.0, PeriodicGrid((1, 1), (5.0, 5.0)))


def samples(**changed):
    return SimpleNamespace(**(vars(SAMPLES) | changed))


@pytest.mark.parametrize("value", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("place", ["both", "first", "second"])
def test_a_spacing_that_is_no_length_is_refused_everywhere(place, value):
    given = {"both": value, "first": (value, 5.0), "second": (5.0, value)}[place]
    lattice_quadrature((1.0, 5.0), 12.5)  # what is equal to True is in the cache
    for call in (
        lambda: PeriodicGrid((4, 4), given),
        lambda: PeriodicGrid.of_box((5.0, 5.0), given),
        lambda: lattice_quadrature(given, 12.5),
        lambda: read_samples(samples(spacing=given)),
    ):
        with pytest.raises(ValueError, match="^spacing must"):
            call()


def test_a_spacing_may_be_an_array_or_one_number():
    expected = PeriodicGrid((8, 8), (5.0, 5.0))
    for given in (5.0, 5, [5.0, 5.0], np.array([5.0, 5.0]), np.array(5.0), np.float32(5.0)):
        assert PeriodicGrid((8, 8), given) == expected
        assert read_samples(samples(spacing=given)).grid == expected
        assert len(lattice_quadrature(given, 12.5).steps) == 20


def test_a_spacing_of_points_that_is_zero_is_not_taken_for_none():
    points = GRID.nodes.reshape(-1, 2)
    given = SimpleNamespace(
        points=points, inside=np.ones(64, dtype=bool), spacing=0.0,
        displacement=np.ones((1, 64, 2)), load=np.ones((1, 64, 2)),
    )  # fmt: skip
    with pytest.raises(ValueError, match="^spacing must"):
        read_samples(given)
    given.spacing = np.array([5.0, 5.0])
    assert read_samples(given).grid.spacing == (5.0, 5.0)


@pytest.mark.parametrize("value", [*NUMBERS.values(), KERNEL, GRID])
@pytest.mark.parametrize(
    "function",
    [
        certify_grid, certify_lattice, certify_points, dense_constants, discrete_moduli,
        solvability_constants,
    ],
)  # fmt: skip
def test_what_is_no_solid_is_refused(function, value):
    with pytest.raises(ValueError, match="^solid must be a LinearPeridynamicSolid"):
        function(value)


@pytest.mark.parametrize("function", [certify_grid, dense_constants, solvability_constants])
def test_a_grid_of_one_node_has_no_waves(function):
    with pytest.raises(ValueError, match="^grid must"):
        function(one_node())


@pytest.mark.parametrize("name", [name for name in NUMBERS if name not in ("negative", "zero")])
def test_a_factor_that_is_no_number_is_refused(name):
    basis = symbol_basis(GRID, 12.5, 1, 1.0)
    with pytest.raises(ValueError, match="^kappa must"):
        basis.symbol([1.0, 2.0], NUMBERS[name])


@pytest.mark.parametrize("kind", [np.int8, np.float32, np.float16])
def test_moduli_of_a_short_type_are_taken_in_double_precision(kind):
    """The square of twelve is no int8, and a difference of float32 has seven digits."""
    short, long = (kind(-7), kind(12)), (-7.0, 12.0)
    k, kernel = GRID.wavevectors, BernsteinKernel((1.0, 2.0), 12.5, 1.0)
    for of in (
        lambda moduli: LinearPeridynamicSolid(KERNEL, *moduli, GRID).symbol(),
        lambda moduli: continuum_symbol(kernel, *moduli, k),
        lambda moduli: certify_continuum(kernel, *moduli).stiffness.lower,
        lambda moduli: vars(ExactLongWaves(*moduli))["lame_lambda"] / 3,
    ):
        np.testing.assert_array_equal(of(short), of(long))


@pytest.mark.parametrize("value", [None, 0, 1, "yes", np.nan])
def test_whether_residuals_are_relative_is_true_or_false(value):
    with pytest.raises(ValueError, match="^relative must"):
        gather_samples(SAMPLES, relative=value)


def test_a_load_that_is_constant_is_refused():
    """It has a mean alone, which nothing balances."""
    with pytest.raises(ValueError, match="^load must vary in space"):
        gather_samples(samples(load=np.ones_like(FIELDS)))


@pytest.mark.parametrize("name", ["horizons", "degrees"])
@pytest.mark.parametrize("value", [12.5, 3, None, np.array(2), [[1.0]], ["x"], [1 + 2j], [np.nan]])
def test_horizons_and_degrees_are_sequences_of_numbers(name, value):
    asked = {"horizons": [12.5], "degrees": [1]} | {name: value}
    with pytest.raises(ValueError, match=f"^{name} must"):
        sweep_lps(SAMPLES, SAMPLES, progress=False, **asked)


@pytest.mark.parametrize(("quadrature", "limit"), [("grid", 3.0), ("continuum", 4.0)])
def test_an_exponent_at_its_limit_is_refused(quadrature, limit):
    with pytest.raises(ValueError, match="^alpha must"):
        symbol_basis(GRID, 12.5, 1, limit, quadrature=quadrature)
    symbol_basis(GRID, 12.5, 1, limit - 0.01, quadrature=quadrature)


def test_points_in_one_row_of_numbers_are_refused():
    with pytest.raises(ValueError, match="^points must"):
        lattice_spacing([1.0, 2.0])
    with pytest.raises(ValueError, match="^n_wavenumbers must"):
        ExactIntegrals(n_wavenumbers=20.0)
