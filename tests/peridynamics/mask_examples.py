"""Example arguments of what takes arrays in peridynamics, for `tests.mask_examples`."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nlbook import kernels, peridynamics

SQUARE = peridynamics.PeriodicGrid((4, 4), (1.0, 1.0))
POINTS = SQUARE.nodes.reshape(-1, 2)
FIELDS = SQUARE.nodes[np.newaxis]
KERNEL = kernels.PowerLawKernel(1.0, 2.0)
WAVES = np.array([1.0, 2.0])
SAMPLES = peridynamics.GridSamples(
    SQUARE, np.sin(np.pi / 2 * FIELDS), 2.0 * np.sin(np.pi / 2 * FIELDS)
)


@functools.cache
def fit() -> peridynamics.LPSFit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the fit is worth
        return peridynamics.fit_lps(SAMPLES, 2.0, 1)


FUNCTIONS: Mapping[str, Callable[[], Callable[..., Any]]] = {
    **{
        f"peridynamics.LinearPeridynamicSolid.{name}": lambda name=name: getattr(
            peridynamics.LinearPeridynamicSolid(KERNEL, 0.1, 0.5, SQUARE), name
        )
        for name in ("apply", "symbol", "symbol_parts")
    },
    "peridynamics.LPSFit.predict": lambda: fit().predict,
    "peridynamics.LPSFit.symbol": lambda: fit().symbol,
    "peridynamics.LinearPeridynamicSolid.solve": lambda: (
        peridynamics.LinearPeridynamicSolid(
            KERNEL, 0.1, 0.5, peridynamics.PointSet(POINTS, np.ones(16, dtype=bool), (1.0, 1.0))
        ).solve
    ),
    "peridynamics.PeriodicGrid.fields": lambda: SQUARE.fields,
    "peridynamics.SampleSpectrum.loss": lambda: peridynamics.gather_samples(SAMPLES)[0].loss,
    "peridynamics.PointSet.fields": lambda: (
        peridynamics.PointSet(POINTS, np.ones(16, dtype=bool)).fields
    ),
    **{
        f"peridynamics.SymbolBasis.{name}": lambda name=name: getattr(
            peridynamics.symbol_basis(SQUARE, 2.0, 1, 1.0), name
        )
        for name in ("kernel", "parts", "symbol")
    },
}
EXAMPLES: Mapping[str, Callable[[], dict[str, Any]]] = {
    "peridynamics.PeriodicGrid.fields": lambda: {"name": "value", "value": SQUARE.nodes},
    "peridynamics.GridSamples": lambda: {
        "grid": SQUARE,
        "displacement": FIELDS,
        "load": FIELDS,
    },
    "peridynamics.LPSFit.predict": lambda: {"load": SAMPLES.load},
    "peridynamics.LPSFit.symbol": lambda: {"wavevectors": POINTS},
    "peridynamics.LinearPeridynamicSolid.apply": lambda: {"displacement": FIELDS},
    "peridynamics.LinearPeridynamicSolid.solve": lambda: {"load": POINTS, "displacement": POINTS},
    "peridynamics.LinearPeridynamicSolid.symbol": lambda: {"wavevectors": POINTS},
    "peridynamics.LinearPeridynamicSolid.symbol_parts": lambda: {"wavevectors": POINTS},
    "peridynamics.SetSamples": lambda: {
        "grid": peridynamics.PointSet(POINTS, np.ones(16, dtype=bool)),
        "displacement": POINTS[np.newaxis],
        "load": POINTS[np.newaxis],
    },
    "peridynamics.PointSet": lambda: {"points": POINTS, "inside": np.ones(16, dtype=bool)},
    "peridynamics.PointSet.fields": lambda: {"name": "value", "value": POINTS},
    "peridynamics.SymbolBasis.kernel": lambda: {"a": WAVES},
    "peridynamics.SymbolBasis.parts": lambda: {"a": WAVES},
    "peridynamics.SampleSpectrum.loss": lambda: {"symbols": np.ones((12, 2, 2))},
    "peridynamics.sweep_lps": lambda: {
        "training": SAMPLES,
        "validation": SAMPLES,
        "horizons": np.array([2.0]),
        "degrees": np.array([0, 1]),
        "progress": False,
    },
    "peridynamics.SymbolBasis.symbol": lambda: {"a": WAVES, "kappa": 0.1},
    "peridynamics.continuum_basis": lambda: {
        "wavevectors": POINTS,
        "horizon": 2.0,
        "degree": 1,
        "alpha": 1.0,
    },
    "peridynamics.continuum_parts": lambda: {
        "wavenumbers": WAVES,
        "horizon": 2.0,
        "degree": 1,
        "alpha": 1.0,
    },
    "peridynamics.continuum_symbol": lambda: {
        "kernel": KERNEL,
        "lame_lambda": 0.1,
        "shear_modulus": 0.5,
        "wavevectors": POINTS,
    },
    "peridynamics.lattice_spacing": lambda: {"points": POINTS},
    "peridynamics.least_norm_weights": lambda: {"offsets": POINTS[1:], "horizon": 5.0},
    "peridynamics.symbol_basis": lambda: {
        "grid": SQUARE,
        "horizon": 2.0,
        "degree": 1,
        "alpha": 1.0,
        "wavevectors": POINTS,
    },
}
