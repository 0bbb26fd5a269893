"""Numbers of chapter 5, from the record: residuals in real space, and the paper's moduli."""

import functools
import warnings

import numpy as np
import pytest

from nlbook.graphene import WrappedBoxWarning, read_graphene_record
from nlbook.peridynamics import LearningWarning, PeriodicGrid, fit_lps, gather_samples
from nlbook.publishing.book import find_book

FOLDER = find_book(__file__).book / "recorded" / "graphene"


@functools.cache
def samples(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WrappedBoxWarning)  # sets that are made to be wrapped
        return read_graphene_record(FOLDER, name).samples


def fit(name, horizon, degree, relative=True):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LearningWarning)
        return fit_lps(gather_samples(samples(name), relative=relative), horizon, degree)


def norms(fields):
    return np.sqrt(np.sum(fields.reshape(len(fields), -1) ** 2, axis=1))


def errors(learned, data):
    """E_Res and E_u by matrices of all nodes, not by waves."""
    grid = PeriodicGrid(data.load.shape[1:3], data.spacing)
    matrix = learned.solid(grid).matrix().toarray()
    u, b = (field.reshape(len(field), -1) for field in (data.displacement, data.load))
    residual = np.sqrt(np.mean((norms(u @ matrix.T - b) / norms(b)) ** 2))
    answers = np.linalg.lstsq(matrix, b.T, rcond=1e-10)[0].T
    return residual, np.sqrt(np.mean((norms(answers - u) / norms(u)) ** 2))


def test_errors_at_degree_ten_are_those_of_matrices():
    learned = fit("training_0K", 20.0, 10)
    residual, displacement = errors(learned, samples("training_0K"))
    assert residual == pytest.approx(learned.residual_error, rel=1e-6)
    assert residual == pytest.approx(0.0354, abs=0.0005)
    assert displacement == pytest.approx(0.0245, abs=0.0005)
    residual, displacement = errors(learned, samples("validation_0K"))
    assert residual < 0.13
    assert displacement < 0.0716  # the paper's


@pytest.mark.parametrize(
    "name, relative, poisson_ratio",
    [
        ("training_0K", True, -0.191),
        ("training_0K", False, -0.181),
        ("training_wrapped_waves", True, -0.368),
        ("training_wrapped_waves", False, -0.423),
    ],
)
def test_wrapped_nodes_and_the_plain_sum_together_have_the_paper_s_poisson_ratio(
    name, relative, poisson_ratio
):
    """Which is -0.4297; the lattice's is -0.158."""
    found = fit(name, 20.0, 10, relative)
    assert found.poisson_ratio == pytest.approx(poisson_ratio, abs=0.005)


def test_one_coefficient_leaves_what_the_paper_prints():
    """13.91 and 17.54 %, table 3, M = 0: wrapped nodes, plain sum."""
    found = fit("training_wrapped_waves", 12.5, 0, False)
    residual, displacement = errors(found, samples("training_wrapped_waves"))
    assert residual == pytest.approx(0.1391, abs=0.002)
    assert displacement == pytest.approx(0.1754, abs=0.005)
