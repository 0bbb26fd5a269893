"""The operator on ranks, against the one on a line, slow sums, and itself on one rank."""

import itertools
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from nlbook.diffusion import DistributedDiffusion, NonlocalDiffusion, plane_weights, tiles
from nlbook.kernels import PowerLawKernel
from nlbook.parallel import require_mpi
from tests.diffusion.rank_work import CASES, SPACING, make
from tests.parallel.running import ROOT

# Rounding of transforms whose tiles differ, relative to the largest value: 2e-15 was seen.
ROUNDING = 1e-13


def serial():
    found = {}
    for name in CASES:
        operator, u = make(name)
        found[f"{name} apply"] = operator.apply(u)
        later = operator.evolve(u, operator.positive_step, 50, method="euler", check=False)
        found[f"{name} evolve"] = later
        found[f"{name} total"] = operator.total(later)
    return found


@pytest.fixture(scope="module")
def on_ranks(tmp_path_factory):
    """What 1, 2 and 4 ranks of the environment's mpiexec gather."""
    folder, found = tmp_path_factory.mktemp("ranks"), {}
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    for n_ranks in (1, 2, 4):
        file = folder / f"{n_ranks}.npz"
        command = [sys.executable, "-m", "tests.diffusion.rank_work", str(file)]
        done = subprocess.run(
            [str(require_mpi()), "-n", str(n_ranks), *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        with np.load(file) as arrays:
            found[n_ranks] = dict(arrays)
    return found


@pytest.mark.parametrize("n_ranks", [1, 2, 4])
def test_ranks_of_the_environment_s_mpiexec_give_the_serial_result(on_ranks, n_ranks):
    for name, expected in serial().items():
        found = on_ranks[n_ranks][name]
        assert np.max(np.abs(found - expected)) < ROUNDING * np.max(np.abs(expected)), name


def test_memory_of_a_rank_falls_with_their_number(on_ranks):
    one, two, four = (int(on_ranks[n]["memory"]) for n in (1, 2, 4))
    # what remains is the halo of 8 rows on each side of 300 and 150, and a tile
    assert two < 0.6 * one
    assert four < 0.4 * one


@pytest.mark.parametrize("n_ranks", [1, 2, 4])
def test_rank_0_alone_is_told_of_lost_mass_and_of_the_whole_grid_s(on_ranks, n_ranks):
    first, *others = on_ranks[n_ranks]["warnings"].tolist()
    assert first == on_ranks[1]["warnings"][0]
    assert first.endswith(
        "of the mass left over the ends of the grid: widen it if that mass was to be kept"
    )
    assert others == [""] * (n_ranks - 1)


@pytest.mark.parametrize("boundary", ["volume", "periodic"])
@pytest.mark.parametrize("rule", ["covered", "nodes"])
def test_on_a_line_it_is_the_operator_of_the_line(boundary, rule):
    grid = np.linspace(-1, 1, 90)
    kernel = PowerLawKernel(2.2, 0.61, 0.1)
    line = NonlocalDiffusion(kernel, grid, boundary, rule)
    shared = DistributedDiffusion(kernel, [grid], None, boundary, rule)
    u = np.exp(np.sin(3 * grid))
    scale = line.rate * u.max()
    assert np.max(np.abs(shared.apply(u) - line.apply(u))) < ROUNDING * scale
    steps = [0, 3, 40]
    for method in ("euler", "exact"):
        dt = line.positive_step
        ours, theirs = (
            shared.evolve(u, dt, 40, steps, method, check=False),
            line.evolve(u, dt, 40, steps, method, check=False),
        )
        assert np.max(np.abs(ours - theirs)) < ROUNDING * u.max()


@pytest.mark.parametrize("boundary", ["volume", "periodic"])
@pytest.mark.parametrize("rule", ["covered", "nodes"])
@pytest.mark.parametrize("tile", [tiles._TILE, 400])
def test_in_the_plane_it_is_its_sum_of_differences(monkeypatch, boundary, rule, tile):
    monkeypatch.setattr(tiles, "_TILE", tile)
    axes = [SPACING * np.arange(n) for n in (23, 19)]
    kernel = PowerLawKernel(2.7, 0.44)
    operator = DistributedDiffusion(kernel, axes, None, boundary, rule)
    weights = plane_weights(kernel, SPACING, rule)
    reach = weights.shape[0] // 2
    u = np.random.default_rng(3).normal(size=(23, 19))
    expected = np.zeros_like(u)
    for i, j in itertools.product(range(23), range(19)):
        for a, b in itertools.product(range(-reach, reach + 1), repeat=2):
            if boundary == "periodic":
                neighbour = u[(i + a) % 23, (j + b) % 19]
            else:
                inside = 0 <= i + a < 23 and 0 <= j + b < 19
                neighbour = u[i + a, j + b] if inside else 0.0
            expected[i, j] += weights[a + reach, b + reach] * (neighbour - u[i, j])
    scale = operator.rate * np.abs(u).max()
    assert np.max(np.abs(operator.apply(u) - expected)) < ROUNDING * scale


def test_a_wave_on_a_torus_decays_by_the_symbol():
    axis = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    kernel = PowerLawKernel(3.1, 0.9, 0.2)
    operator = DistributedDiffusion(kernel, (axis, axis), None, "periodic")
    weights = plane_weights(kernel, axis[1])
    r = axis[1] * (np.arange(weights.shape[0]) - weights.shape[0] // 2)
    symbol = np.sum(weights * (np.cos(2 * r[:, np.newaxis] + 3 * r) - 1))
    rows, columns = operator.coordinates()
    u = np.cos(2 * rows + 3 * columns)
    later = operator.evolve(u, 0.5, 4, method="exact")
    assert np.max(np.abs(later - np.exp(2 * symbol) * u)) < 1e-12


def test_on_a_torus_the_mass_is_kept():
    operator, u = make("torus")
    later = operator.evolve(u, operator.positive_step, 30)
    assert operator.total(later) == pytest.approx(operator.total(u), rel=1e-13)
    assert later.min() > 0


def test_an_unstable_step_is_refused_and_its_bound_named():
    operator, u = make("plane")
    with pytest.raises(ValueError, match=f"dt must not exceed {operator.stable_step:.6g}"):
        operator.evolve(u, 1.01 * operator.stable_step, 10, method="euler")


class Alone:
    """A communicator's face, for what is refused before anything is sent."""

    def __init__(self, size):
        self.Get_rank, self.Get_size = (lambda: 0), (lambda: size)


X = np.linspace(0, 1, 21)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda k: DistributedDiffusion(k, (X, 2 * X)), "axes must have one distance of nodes"),
        (lambda k: DistributedDiffusion(k, (X, X, X)), "axes must be one or two, got 3"),
        (lambda k: DistributedDiffusion(k, (X**2, X)), r"axes\[0\] must be uniform: node"),
        (lambda k: DistributedDiffusion(k, (X,), Alone(22)), "21 rows, 22 ranks"),
        (lambda k: DistributedDiffusion(k, (X,), None, "open"), "boundary must be 'volume' or"),
        (
            lambda k: DistributedDiffusion(PowerLawKernel(2.5, 0.7), (X, X), None, "periodic"),
            "horizon must fit on the grid: with 'periodic' it needs 29 nodes",
        ),
        (
            lambda k: DistributedDiffusion(PowerLawKernel(2.5, math.inf), (X,)),
            "horizon must be finite on ranks, got inf",
        ),
        (
            lambda k: DistributedDiffusion(k, (X, X)).apply(np.ones((21, 20))),
            r"u must have the shape of this rank's block, \(21, 21\), got \(21, 20\)",
        ),
        (
            lambda k: DistributedDiffusion(k, (X, X)).apply(np.full((21, 21), np.nan)),
            "u must be finite",
        ),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make(PowerLawKernel(2.5, 0.3))
