"""At which parameters, other than its defaults, a chapter is run, and what it must say then."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

CREEP = {  # a crystal that is done in a second
    "n_dislocations": 60,
    "relaxation_steps": 300,
    "settling_steps": 50,
    "creep_steps": 1800,
    "data_steps": 500,
}
DENSITIES = {
    "n_samples": 2000,
    "n_repeats": 2,
    "n_slow": 100,
    "n_resamples": 20,
    "n_dislocations": 60,
    "relaxation_steps": 300,
    "creep_steps": 1800,
}

PAIRS = {"n_samples": 4000, "n_test": 1000}
FIT = {"n_resamples": 2, "n_particles": 5000, "n_replicates": 4, "n_flights": 1000}


@dataclass(frozen=True)
class Case:
    """A run, and what its notebook must say."""

    chapter: str
    parameters: dict[str, Any]
    labels: tuple[str, ...] = ()  # patterns that captions, axes or legends must hold
    prose: tuple[str, ...] = ()  # patterns that the text must hold
    never: tuple[str, ...] = ()  # patterns that neither may hold
    may_show: tuple[str, ...] = field(default=())  # changed parameters whose default is said too

    @property
    def name(self) -> str:
        return f"{self.chapter[:2]}: {', '.join(self.parameters)}"


PIPELINE = [  # each takes the record that the first wrote
    Case(
        "01_dislocation_creep",
        CREEP
        | {
            "load": 0.02,
            "load_3": 0.05,
            "nucleation_time": 5.0,
            "creep_dt": 0.03,
            "window_low": 2e-3,
            "newborn": "counted",
            "seed": 7,
        },
        prose=(r"\b0\.02, 0\.02 and 0\.05 \$", r"load=0\.02"),
        may_show=("nucleation_time",),  # the data are of 500 steps of 0.02 t0
    ),
    Case("02_adaptive_densities", DENSITIES | {"newborn": "counted", "sensitivity": 0.3}),
    Case("03_bilevel_fit", FIT | {"newborn": "counted", "every": 10}),
]

CASES = [
    Case(
        "01_dislocation_creep",
        CREEP
        | {
            "images": "one_row",
            "integrator": "euler",
            "window_low": 2e-3,
            "window_ratio": 20.0,
            "nucleation_length": 20.0,
            "box_length": 60.0,
        },
    ),
    Case(
        "02_adaptive_densities",
        DENSITIES
        | {
            "sensitivity": 0.8,
            "bandwidth_factor": 2.0,
            "mass": 0.999,
            "support": "each",
            "symmetry": "mirror",
            "newborn": "counted",
            "spacing": 0.2,
            "seed": 7,
        },
        labels=(r"central 99\.9 %", r"known laws from 2000 samples", r"2 times\. Top"),
        prose=(r"nodes 0\.2 \$b\$ apart", r"central 99\.9 %"),
    ),
    Case(
        "03_bilevel_fit",
        FIT
        | {
            "spacing": 0.2,
            "every": 100,
            "split": 0.6,
            "alpha_start": 1.5,
            "newborn": "counted",
            "mass": 0.999,
            "seed": 7,
        },
    ),
    Case(
        "04_sign_changing_kernels",
        PAIRS | {"horizon": 0.3, "degree": 8, "forcing": "continuous", "seed": 7},
    ),
    Case(
        "04_sign_changing_kernels",
        PAIRS | {"horizon": 0.8, "degree": 30, "period": 3.0, "with_mean": False},
    ),
    Case(
        "05_graphene_peridynamics",
        {
            "most_waves": 2,
            "strain": 0.01,
            "nodes": 24,
            "smoothing_radius": 8.0,
            "horizon": 17.0,
            "degree": 6,
            "finest": 50,
            "seed": 7,
        },
        labels=(r"of degree 6",),
        may_show=("horizon_step",),  # 2.5 is a spacing of nodes as well
    ),
    Case(
        "06_crystal_plasticity",
        {
            "n_grains": 40,
            "strain": 0.06,
            "duration": 3e-6,
            "n_steps": 120,
            "n_paths": 3,
            "n_choosing": 2,
            "n_candidates": 48,
            "n_few": 5,
            "pixels": 24,
            "n_sets": 3,
            "seed": 7,
        },
        labels=(
            r"U_\{\\max\}\$ = 0\.06, \$T\$ = 3 µs",
            r"24 × 24 pixels",
            r"chosen grains lies on",
        ),
        prose=(r"40 random grains of magnesium",),
        may_show=("n_grains", "n_few", "pixels"),  # the record is of 128, and 16 of them are chosen
    ),
    Case(
        "07_impact",
        {
            "n_grains": 8,
            "density": 3000.0,
            "other_density": 8000.0,
            "speed": 150.0,
            "until": 6e-7,
            "rest_time": 1.5e-6,
            "layers": 8,
            "across": 1,
            "through": 2,
            "n_paths": 8,
            "n_frames": 4,
            "bar_elements": 20,
            "copper_layers": 12,
            "seed": 7,
        },
        labels=(
            r"0\.6 µs after the impact at 150 m/s, 3000 kg/m³",
            r"88 elements of 8 grains",
            r"from the impact to 1\.5 µs",
            r"rod, 8000 kg/m³",
        ),
        prose=(r"hits a wall at 150 m/s", r"8 grains in every element"),
        may_show=("n_grains", "density", "other_density", "speed"),  # the record's
    ),
]
