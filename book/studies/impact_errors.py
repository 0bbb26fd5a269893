"""What happens to the elements in the runs of chapter 7, and what the rivals miss of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impact_materials import MATERIALS, material
from nlbook.impact import HexMesh, StressHistory
from nlbook.impact.blocks import tensors_of

#: What others are held against, where it is there: many grains, and the grains of the direct runs.
REFERENCES = ("taylor_128", "taylor_32")
_QUANTILES = (0.5, 0.9, 0.99, 1.0)


def all_errors(
    mesh: HexMesh, density: float, runs: dict[str, dict[str, NDArray]], folder: Path
) -> dict[str, Any]:
    """Errors of all runs of a problem, and what occurs in the direct one with 32 grains.

    Parameters
    ----------
    mesh : HexMesh
        Of all runs.
    density : float
        kg/m^3.
    runs : dict
        By material, what `impact_runs.make` gives.
    folder : Path
        With the constants and the grains of the rivals.
    """
    found: dict[str, Any] = {"measures": {name: measures(mesh, run) for name, run in runs.items()}}
    for reference in (name for name in REFERENCES if name in runs):
        others = {name: run for name, run in runs.items() if name != reference}
        found[f"against_{reference}"] = {
            name: field_errors(mesh, run, runs[reference]) for name, run in others.items()
        }
    if "taylor_32" in runs:
        found["paths"] = path_errors(density, runs["taylor_32"], folder)
        for reference in (name for name in REFERENCES if name in runs):
            for name, errors in found[f"against_{reference}"].items():
                errors["stress_along_paths"] = found["paths"][reference][name]
        found["occurs"] = occurs(runs["taylor_32"])
    return found


def field_errors(
    mesh: HexMesh, run: dict[str, NDArray], reference: dict[str, NDArray]
) -> dict[str, float]:
    """Relative errors at the end: of the shape, of F and of the deviator of Cauchy stress.

    The shape's is of places from their mean, over how these places have changed; F's over F - I;
    by volume, in the mean square. The largest distance of a node is in m.
    """

    def from_mean(x: NDArray) -> NDArray:
        return x - x.mean(axis=0)

    def norm(values: NDArray) -> float:
        squares = np.sum(values.reshape(len(values), -1) ** 2, axis=1)
        return float(np.sqrt(np.sum(mesh.volumes * squares)))

    x, true = from_mean(run["x"][-1]), from_mean(reference["x"][-1])
    f, f_true = run["deformation"][-1], reference["deformation"][-1]
    s, s_true = (deviator(one["stress"][-1]) for one in (run, reference))
    found = {
        "shape": float(np.linalg.norm(x - true) / np.linalg.norm(true - from_mean(mesh.nodes))),
        "largest_distance": float(np.linalg.norm(x - true, axis=1).max()),
        "deformation": norm(f - f_true) / norm(f_true - np.eye(3)),
        "stress": norm(s - s_true) / norm(s_true),
    }
    return {name: float(f"{value:.4g}") for name, value in found.items()}


def deviator(six: NDArray) -> NDArray:
    """Of symmetric tensors of six numbers each, shape (..., 3, 3)."""
    full = tensors_of(six)
    mean = np.trace(full, axis1=-2, axis2=-1)[..., np.newaxis, np.newaxis] / 3.0
    return full - mean * np.eye(3)


def path_errors(
    density: float, direct: dict[str, NDArray], folder: Path
) -> dict[str, dict[str, float]]:
    """Relative errors of the deviator along the elements' paths of the run with 32 grains.

    Of all materials, against both references: this takes no run of theirs.
    """
    answers = {
        name: StressHistory.of(
            material(name, density, folder), direct["path_times"], direct["paths"]
        )
        for name in MATERIALS
    }
    return {
        reference: {
            name: float(f"{answer.error(answers[reference]):.4g}")
            for name, answer in answers.items()
            if name != reference
        }
        for reference in REFERENCES
    }


def measures(mesh: HexMesh, run: dict[str, NDArray]) -> dict[str, float]:
    """Length, foot and its roundness of a rod, or depth of a plate, m; energies, and the strain."""
    nodes, x = mesh.nodes, run["x"][-1]
    height = nodes[:, 2] - nodes[:, 2].min()
    low, high = height < 1e-9, height > height.max() - 1e-9
    found = {
        "largest_strain": float(strains(run["deformation"][-1]).max()),
        "kinetic": float(run["kinetic"][-1] / run["kinetic"].max()),
        "hourglass": float(run["hourglass"][-1] / run["internal"][-1]),
    }
    if nodes[:, 2].max() > 1e-9:
        rim = np.hypot(*nodes[low, :2].T)
        foot = np.hypot(*x[low, :2].T)
        on_rim = foot[rim > rim.max() - 1e-9]
        found |= {
            "length": float(x[high, 2].mean() - x[low, 2].mean()),
            "foot_radius": float(foot.max()),
            "out_of_round": float(on_rim.max() / on_rim.min() - 1.0),
        }
    else:
        found["depth"] = float(-x[low, 2].min() - np.ptp(nodes[:, 2]))
    return {name: float(f"{value:.5g}") for name, value in found.items()}


def strains(deformation: NDArray) -> NDArray:
    """|log U| of F / J^(1/3), shape (...,)."""
    stretches = np.linalg.svd(deformation, compute_uv=False)
    logarithms = np.log(stretches)
    return np.asarray(np.linalg.norm(logarithms - logarithms.mean(axis=-1, keepdims=True), axis=-1))


def occurs(run: dict[str, NDArray]) -> dict[str, dict[str, float]]:
    """Strains at the end, and the largest rates, 1/s, and pressures, Pa, of elements: quantiles."""
    values = {
        "strain": strains(run["deformation"][-1]),
        "rate": run["largest_rate"],
        "pressure": run["largest_pressure"],
    }
    return {
        name: {
            f"{100 * q:g}": float(f"{value:.4g}")
            for q, value in zip(_QUANTILES, np.quantile(numbers, _QUANTILES), strict=True)
        }
        for name, numbers in values.items()
    } | {"beyond": {"0.1": float(f"{np.mean(values['strain'] > 0.1):.4g}")}}
