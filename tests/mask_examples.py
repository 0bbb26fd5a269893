"""Example arguments of every public function that takes arrays, for the test of masks.

`EXAMPLES` holds arguments by name of the function, each array plain, and `FUNCTIONS` how to come by
what is not a name of its room: a method, from an example of its class.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nlbook import (
    convex,
    densities,
    diffusion,
    dislocations,
    identification,
    interior_point,
    kernels,
)
from tests.crystals import mask_examples as crystals_examples
from tests.graphene import mask_examples as graphene_examples
from tests.impact import mask_examples as impact_examples
from tests.peridynamics import mask_examples as peridynamics_examples

GRID = np.linspace(-4.0, 4.0, 81)
EDGES = np.geomspace(1.0, 1e3, 31)
COUNTS = np.round(1e5 * EDGES[:-1] ** -1.5)
BATCHES = np.stack([COUNTS, COUNTS + 1.0])
X, Y, SIGN = (
    np.array([1.0, 7.0, 4.0, 2.0]),
    np.array([1.0, 3.0, 6.0, 8.0]),
    np.array([1, -1, 1, -1]),
)
TIMES = np.linspace(0.0, 1.0, 5)
CURVES = np.ones((2, 5))
KERNEL = kernels.PowerLawKernel(2.2, 0.5, 0.1)
BERNSTEIN = kernels.BernsteinKernel([1.0, 2.0], 0.5)
RING = np.arange(8) / 8


def operator() -> diffusion.NonlocalDiffusion:
    return diffusion.NonlocalDiffusion(KERNEL, GRID)


def distributed() -> diffusion.DistributedDiffusion:
    return diffusion.DistributedDiffusion(KERNEL, [GRID])


def pairs() -> identification.TrainingPairs:
    waves = np.sin(2 * np.pi * np.outer([1, 2, 3], RING))
    return identification.TrainingPairs(waves, 2.0 * waves, 1 / 8, "periodic")


def snapshots() -> densities.DensitySnapshots:
    rows = np.stack([np.exp(-(GRID**2) / (1 + time)) for time in TIMES])
    rows /= 0.1 * rows.sum(axis=1, keepdims=True)
    return densities.DensitySnapshots(GRID, TIMES, rows)


def gram() -> identification.GramMatrix:
    return identification.gram_matrix(pairs(), 0.25, 2)


@functools.cache
def fit() -> identification.PowerLawFit:
    settings = identification.FitSettings(evolution=identification.ExactEvolution(0.05))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the fit is worth
        return identification.fit_power_law(snapshots(), settings, start=(2.2, 0.5))


@functools.cache
def fitted(kind: str) -> Any:
    """One of each kind of fit, of no data in particular."""
    settings, kernel = identification.FitSettings(), kernels.BernsteinKernel([0.1], 0.5, 2.2)
    costs = {"training_cost": 0.1, "testing_cost": 0.1, "final_error": 0.1}
    search = {"n_evaluations": 1, "converged": True, "warnings": (), "settings": settings}
    made = {
        "BatchFits": lambda: identification.BatchFits(fit(), (), 2),
        "CumulantEstimate": lambda: identification.CumulantEstimate(
            identification.CumulantRates(1.0, 1.0, 1.0), KERNEL
        ),
        "FactorFit": lambda: identification.FactorFit(kernel, 0.1, **costs, **search),
        "OneSidedFit": lambda: identification.OneSidedFit(
            2.2, 0.5, 0.1, 0.1, 0.0, 0.1, 0.1, **search
        ),
        "ParametricFits": lambda: identification.ParametricFits(
            fit(), (2.2, 0.5, 0.1, 0.1), True, 0.0, 1, (), 0.1, np.ones((1, 3)), np.ones((1, 3)), 1
        ),
        "PowerLawFit": fit,
        "RivalFit": lambda: identification.RivalFit(
            "local", {}, **costs, kernel=kernel, coefficient=1.0, settings=settings
        ),
        "StableFit": lambda: identification.StableFit(1.5, 0.5, 0.1, 0.1),
    }
    return made[kind]()


FITTED = (
    "BatchFits",
    "CumulantEstimate",
    "FactorFit",
    "OneSidedFit",
    "ParametricFits",
    "PowerLawFit",
    "RivalFit",
    "StableFit",
)
FUNCTIONS: Mapping[str, Callable[[], Callable[..., Any]]] = {
    **{f"identification.{kind}.predict": lambda kind=kind: fitted(kind).predict for kind in FITTED},
    "convex.BoundedLeastSquares.excess": lambda: convex.BoundedLeastSquares(**PROGRAMME).excess,
    "convex.BoundedLeastSquares.loss": lambda: convex.BoundedLeastSquares(**PROGRAMME).loss,
    "densities.DensitySnapshots.at": lambda: snapshots().at,
    "diffusion.DistributedDiffusion.apply": lambda: distributed().apply,
    "diffusion.DistributedDiffusion.evolve": lambda: distributed().evolve,
    "diffusion.DistributedDiffusion.gather": lambda: distributed().gather,
    "diffusion.DistributedDiffusion.total": lambda: distributed().total,
    "diffusion.NonlocalDiffusion.apply": lambda: operator().apply,
    "diffusion.NonlocalDiffusion.evolve": lambda: operator().evolve,
    "diffusion.NonlocalDiffusion.evolve_blocks": lambda: operator().evolve_blocks,
    "diffusion.NonlocalDiffusion.solve": lambda: operator().solve,
    "diffusion.NonlocalDiffusion.symbol": lambda: operator().symbol,
    "dislocations.TailFit.density": lambda: (
        dislocations.fit_tail(COUNTS, EDGES, 2.0, 500.0).density
    ),
    "identification.BernsteinFit.symbol": lambda: (
        identification.fit_bernstein(pairs(), 0.25, 2).symbol
    ),
    "identification.CosineKernel.__call__": lambda: identification.CosineKernel(1.0, 0.5),
    "identification.CosineKernel.radial_integral": lambda: (
        identification.CosineKernel(1.0, 0.5).radial_integral
    ),
    "identification.GramMatrix.loss": lambda: gram().loss,
    "identification.GramMatrix.lowest_eigenpair": lambda: gram().lowest_eigenpair,
    "identification.PairSpectrum.loss": lambda: identification.gather(pairs()).loss,
    "interior_point.MatrixBound.at": lambda: interior_point.MatrixBound(**CONE).at,
    "kernels.BernsteinKernel.__call__": lambda: BERNSTEIN,
    "kernels.BernsteinKernel.radial_integral": lambda: BERNSTEIN.radial_integral,
    "kernels.PowerLawKernel.__call__": lambda: KERNEL,
    "kernels.PowerLawKernel.radial_integral": lambda: KERNEL.radial_integral,
    **crystals_examples.FUNCTIONS,
    **graphene_examples.FUNCTIONS,
    **peridynamics_examples.FUNCTIONS,
}
HISTOGRAM = {"counts": COUNTS, "edges": EDGES}
TAIL = {"batch_counts": BATCHES, "edges": EDGES, "v_min": 2.0, "v_max": 500.0, "seed": 1}
PLANE = {"x": X, "y": Y, "burgers_sign": SIGN, "box_length": 10.0}
EVOLUTION = {"p0": np.exp(-(GRID**2)), "dt": 0.1, "n_steps": 4}
SHIFTS = {"batch_counts": np.ones((2, 5, 30)), "edges": np.linspace(-3.0, 3.0, 31), "times": TIMES}
RANDOM = {"grid": GRID, "n_resamples": 2, "seed": 1}
PROGRAMME = {
    "matrix": np.eye(2),
    "target": np.ones(2),
    "rows": np.eye(2),
    "least": np.zeros(2),
}
CONE = {"slopes": np.ones((1, 2, 2, 2)), "levels": np.ones((1, 2, 2))}
WEIGHTS = {"node_weights": np.array([1.0, 0.5])}
WAVES = np.array([1.0, 2.0])
# Arguments of each public name of a room that takes an array.
EXAMPLES: Mapping[str, Callable[[], dict[str, Any]]] = {
    "checks.real_array": lambda: {"name": "value", "value": GRID},
    "checks.uniform_grid": lambda: {"grid": GRID},
    "checks.uniform_spacing": lambda: {"grid": GRID},
    "convex.BoundedLeastSquares": lambda: {**PROGRAMME, "start": np.zeros(2)},
    "convex.BoundedLeastSquares.excess": lambda: {"x": np.zeros(2)},
    "convex.BoundedLeastSquares.loss": lambda: {"x": np.zeros(2)},
    "densities.DensitySnapshots": lambda: {
        "grid": GRID,
        "times": TIMES,
        "density": np.ones((5, 81)),
        "support": np.ones((5, 2)),
        **dict.fromkeys(
            ["n_samples", "n_trimmed", "bandwidth", "mean", "skewness", "raw_mass", "asymmetry"],
            np.ones(5),
        ),
    },
    "densities.DensitySnapshots.at": lambda: {"times": TIMES},
    "densities.adaptive_bandwidths": lambda: {"samples": GRID},
    "densities.adaptive_kde": lambda: {"samples": GRID, "grid": GRID, "weights": np.ones(81)},
    "densities.adaptive_kde_from_counts": lambda: {**HISTOGRAM, "grid": GRID},
    "densities.bootstrap_interval": lambda: {"draws": CURVES, "n_batches": 2},
    "densities.bootstrap_snapshots": lambda: {**SHIFTS, **RANDOM},
    "densities.central_ends": lambda: {**HISTOGRAM},
    "densities.counts_by_distance": lambda: {**HISTOGRAM, "marks": WAVES},
    "densities.density_interval": lambda: {
        "estimate": np.ones(5),
        "draws": CURVES,
        "n_batches": 2,
    },
    "densities.mass_by_distance": lambda: {
        "density": snapshots().density,
        "grid": GRID,
        "marks": WAVES,
    },
    "densities.density_snapshots": lambda: {
        "data": np.ones((5, 30)),
        "edges": np.linspace(-3.0, 3.0, 31),
        "times": TIMES,
        "grid": GRID,
    },
    "densities.errors_by_decade": lambda: {
        "density": GRID + 5,
        "reference": GRID + 5,
        "decades": EDGES[:3],
    },
    "densities.relative_l2": lambda: {"density": GRID + 5, "reference": GRID + 5},
    "densities.resolved_times": lambda: {**HISTOGRAM, "counts": np.ones((2, 30))},
    "densities.shift_counts": lambda: {"counts": np.ones((2, 2, 5, 30))},
    "diffusion.DistributedDiffusion": lambda: {"kernel": KERNEL, "axes": [GRID]},
    "diffusion.DistributedDiffusion.apply": lambda: {"u": GRID},
    "diffusion.DistributedDiffusion.evolve": lambda: {**EVOLUTION, "snapshots": [0, 2]},
    "diffusion.DistributedDiffusion.gather": lambda: {"u": GRID},
    "diffusion.DistributedDiffusion.total": lambda: {"u": GRID},
    "diffusion.NonlocalDiffusion": lambda: {"kernel": KERNEL, "grid": GRID},
    "diffusion.NonlocalDiffusion.apply": lambda: {"u": GRID},
    "diffusion.NonlocalDiffusion.evolve": lambda: {**EVOLUTION, "snapshots": [0, 2]},
    "diffusion.NonlocalDiffusion.evolve_blocks": lambda: {**EVOLUTION, "steps": [0, 2]},
    "diffusion.NonlocalDiffusion.solve": lambda: {"f": GRID},
    "diffusion.NonlocalDiffusion.symbol": lambda: {"wavenumbers": WAVES},
    "diffusion.check_evolution": lambda: {"before": GRID + 5, "after": GRID + 5, "spacing": 0.1},
    "dislocations.FrankReadSources": lambda: dict.fromkeys(["x", "y", "length", "delay"], X),
    "dislocations.TailFit.density": lambda: {"v": WAVES},
    "dislocations.avalanche_threshold": lambda: {"activity": X},
    "dislocations.bootstrap_exponents": lambda: {**TAIL},
    "dislocations.choose_v_min": lambda: {**HISTOGRAM, "v_max": 500.0},
    "dislocations.compare_counts": lambda: {"first": BATCHES, "second": BATCHES, "seed": 1},
    "dislocations.evolve": lambda: {
        **PLANE,
        "dt": 0.1,
        "n_steps": 4,
        "records": [0, 2],
        "snapshots": [0, 2],
    },
    "dislocations.evolve_adaptive": lambda: {
        **PLANE,
        "duration": 1.0,
        **dict.fromkeys(["record_times", "snapshot_times", "count_speeds_times"], [0.0, 1.0]),
    },
    "dislocations.exponent_interval": lambda: {"draws": X, "n_batches": 2},
    "dislocations.extrapolation_errors": lambda: {
        "time": TIMES,
        "curves": CURVES,
        "start": 0.2,
        "stop": 0.5,
    },
    "dislocations.find_avalanches": lambda: {"time": TIMES, "activity": TIMES, "threshold": 0.5},
    "dislocations.fit_tail": lambda: {**HISTOGRAM, "v_min": 2.0, "v_max": 500.0},
    "dislocations.fit_tail_samples": lambda: {"samples": EDGES, "v_min": 2.0, "v_max": 500.0},
    "dislocations.fit_with_interval": lambda: {**TAIL},
    "dislocations.internal_stress": lambda: {**PLANE},
    "dislocations.local_exponents": lambda: {"time": TIMES + 1, "curves": CURVES},
    "dislocations.logarithmic_histogram": lambda: {"values": EDGES},
    "dislocations.number_changes": lambda: {"before": X, "after": X},
    "dislocations.paired_equivalence": lambda: {"first": X, "second": X, "margin": 1.0, "seed": 1},
    "dislocations.periodic_shear_stress": lambda: {"dx": X, "dy": X, "box_length": 10.0},
    "dislocations.poisson_speed_tail": lambda: {"speed": WAVES, "density": 0.1},
    "dislocations.replay_creep": lambda: {
        "protocol": dislocations.CreepProtocol(),
        "run": object.__new__(dislocations.CreepRun),
        "snapshots": [0, 2],
    },
    "dislocations.sweep_windows": lambda: {**HISTOGRAM, "v_min": EDGES[:2], "v_max": EDGES[-2:]},
    "identification.BernsteinFit.symbol": lambda: {"wavenumbers": WAVES},
    "identification.CosineKernel.__call__": lambda: {"r": WAVES},
    "identification.CosineKernel.radial_integral": lambda: {"radius": WAVES, "power": 2.0},
    "identification.GramMatrix.loss": lambda: {"coefficients": np.ones(3)},
    "identification.GramMatrix.lowest_eigenpair": lambda: {**WEIGHTS},
    "identification.PairSpectrum.loss": lambda: {"symbol": np.ones(4)},
    **{
        f"identification.{kind}.predict": lambda: {"snapshots": snapshots(), "times": TIMES}
        for kind in FITTED
    },
    "identification.TrainingPairs": lambda: {
        "u": np.ones((1, 8)),
        "f": np.ones((1, 8)),
        "spacing": 1 / 8,
        "boundary": "periodic",
    },
    "identification.adam_fit": lambda: {
        "pairs": pairs(),
        "gram": gram(),
        "positive": np.ones(3),
        "start": np.ones(3),
    },
    "identification.apply_weights": lambda: {**WEIGHTS, "pairs": pairs()},
    "identification.bernstein_symbol": lambda: {"horizon": 0.5, "degree": 2, "wavenumbers": WAVES},
    "identification.biharmonic_symbol": lambda: {"wavenumbers": WAVES, "c": 0.1, "horizon": 0.5},
    "identification.bootstrap_power_law": lambda: {**SHIFTS, **RANDOM},
    "identification.coercivity": lambda: {"gram": gram(), "coefficients": np.ones(3)},
    "identification.darcy_response": lambda: {"wavelengths": WAVES},
    "identification.flights": lambda: {
        "exponent": 2.5,
        "slowest": 0.1,
        "fastest": 1.0,
        "persistence": 1.0,
        "times": TIMES,
        "start": X,
        "seed": 1,
    },
    "identification.fractional_green": lambda: {"x": WAVES / 8, "y": WAVES / 4, "order": 0.75},
    "identification.fractional_solution": lambda: {"forcing": 1.0, "x": WAVES / 8, "order": 0.75},
    "identification.green_solution": lambda: {
        "forcing": np.cos,
        "x": WAVES / 8,
        "order": 0.75,
        "spacing": 0.1,
    },
    "identification.grid_symbol": lambda: {
        "kernel": BERNSTEIN,
        "wavenumbers": WAVES,
        "spacing": 0.1,
    },
    "identification.jumping_particles": lambda: {
        "kernel": KERNEL,
        "times": TIMES,
        "start": X,
        "seed": 1,
    },
    "identification.kernel_symbol": lambda: {"kernel": KERNEL, "wavenumbers": WAVES},
    "identification.manufactured_snapshots": lambda: {
        "kernel": KERNEL,
        "grid": GRID,
        "dt": 0.01,
        "n_steps": 4,
        "start": np.exp(-(GRID**2)),
    },
    "identification.mengesha_du_norm": lambda: {**WEIGHTS},
    "identification.parametric_bootstrap": lambda: {
        "counts": np.ones((5, 30)),
        "edges": SHIFTS["edges"],
        "times": TIMES,
        "grid": GRID,
        "seed": 1,
    },
    "identification.predict": lambda: {"fit": fit(), "snapshots": snapshots(), "times": TIMES},
    "identification.profile_cost": lambda: {
        "snapshots": snapshots(),
        "settings": None,
        "alpha": WAVES,
        "horizon": WAVES / 4,
    },
    "identification.profile_rate": lambda: {
        "snapshots": snapshots(),
        "settings": None,
        "alpha": WAVES,
        "rate": WAVES,
        "horizon": 0.5,
    },
    "identification.ring_symbol": lambda: {**WEIGHTS, "n_nodes": 8},
    "identification.solution_errors": lambda: {**WEIGHTS, "pairs": pairs()},
    "identification.solve_darcy": lambda: {"wavelengths": WAVES},
    "identification.solve_pairs": lambda: {**WEIGHTS, "pairs": pairs()},
    "identification.stable_density": lambda: {"grid": GRID, "index": 1.5, "scale": np.ones(81)},
    "identification.walking_counts": lambda: {
        "operator": operator(),
        "coefficient": 1.0,
        "times": TIMES,
        "start_counts": np.ones(30),
        "edges": SHIFTS["edges"],
        "seed": 1,
        "numbers": np.full(5, 30),
    },
    "identification.wave_pairs": lambda: {"symbol": KERNEL, "numbers": np.array([1, 2])},
    "interior_point.AbsoluteBound": lambda: {"matrix": np.eye(2), "slope": np.zeros(2)},
    "interior_point.MatrixBound": lambda: {**CONE},
    "interior_point.MatrixBound.at": lambda: {"x": np.zeros(2)},
    "interior_point.Programme": lambda: {**PROGRAMME},
    "interior_point.by_clarabel": lambda: {
        "programme": interior_point.Programme(**PROGRAMME),
        "scale": 1.0,
        "formulation": interior_point.Formulation(),
        "origin": np.zeros(2),
    },
    "kernels.BernsteinKernel.__call__": lambda: {"r": WAVES},
    "kernels.BernsteinKernel.radial_integral": lambda: {"radius": WAVES, "power": 2.0},
    "kernels.PowerLawKernel.__call__": lambda: {"r": WAVES},
    "kernels.PowerLawKernel.radial_integral": lambda: {"radius": WAVES, "power": 2.0},
    "kernels.bernstein_basis": lambda: {"degree": 2, "fraction": WAVES / 4},
    **crystals_examples.EXAMPLES,
    **graphene_examples.EXAMPLES,
    **impact_examples.EXAMPLES,
    **peridynamics_examples.EXAMPLES,
}
