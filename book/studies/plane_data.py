"""Data of chapter 6 in the plane: what a unit cell of grains answers to random strain paths.

    python book/studies/plane_data.py book/recorded/crystals --store STORE

moves a cell of 64 x 64 pixels along random paths of 10 % strain in 1 s, in 1000 steps each, and
writes `plane.npz`, a sample of the paths, and `plane.json`, what is to be known of all. The store
keeps each path: the same command goes on from there, and with more `--paths` adds to it; the
seconds told are those of the last call alone. A path takes about a second of a core, so that the
paper's 6000 take two hours of one; `--workers` shares them among threads.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from nlbook.crystals import (
    DataSet,
    PathRule,
    UnitCell,
    VoronoiGrains,
    formula_response,
    make_data_set,
    mean_errors,
)
from nlbook.host import describe_run

SEED, GRAINS, N_GRAINS = 21, 1, 16
RULE = PathRule(dimension=2, duration=1.0)
SUBSTEPS = 5


def cell(shape: tuple[int, int] = (64, 64)) -> UnitCell:
    """The grains of the record on a grid."""
    return UnitCell(shape, VoronoiGrains(N_GRAINS, GRAINS))


def data_set(
    n_paths: int,
    *,
    shape: tuple[int, int] = (64, 64),
    store: str | Path | None = None,
    workers: int | None = None,
) -> DataSet:
    """What the cell answers."""
    return make_data_set(
        cell(shape), n_paths, SEED, RULE, substeps=SUBSTEPS, store=store, workers=workers
    )


def record(
    folder: str | Path,
    *,
    n_paths: int = 600,
    n_sample: int = 100,
    shape: tuple[int, int] = (64, 64),
    store: str | Path | None = None,
    workers: int | None = None,
) -> None:
    """Make the record of all paths and keep the first of them; parameters of the command line."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    data = data_set(n_paths, shape=shape, store=store, workers=workers)
    first(data, n_sample).save(folder / "plane.npz")
    deviators = [float(np.abs(one.deviator).max()) for one in data.responses]
    formula = [formula_response(path, cell().law) for path in data.paths]
    provenance = {
        "command": f"python book/studies/plane_data.py FOLDER --store STORE --paths {n_paths} "
        f"--sample {n_sample}",
        "n_paths": n_paths,
        "n_sample": min(n_sample, n_paths),
        "n_rejected": int(data.n_rejected.sum()),
        "substeps_taken": np.unique(data.substeps).tolist(),
        "shape": list(shape),
        "n_grains": N_GRAINS,
        "seeds": {"paths": SEED, "grains": GRAINS},
        "rule": asdict(RULE),
        "substeps": SUBSTEPS,
        "formula": asdict(mean_errors(formula, data.responses)),
        "largest_deviator": max(deviators),
        "median_of_largest_deviators": float(np.median(deviators)),
        "seconds": time.perf_counter() - started,
    } | describe_run(["numpy", "numba", "scipy"])
    (folder / "plane.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")


def first(data: DataSet, n: int) -> DataSet:
    """The first paths of a data set."""
    return DataSet(
        data.times, data.stretch[:n], data.stress[:n], data.n_rejected[:n], data.substeps[:n]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the record from the command line."""
    parser = argparse.ArgumentParser(prog="python book/studies/plane_data.py")
    parser.add_argument("folder", help="where the record goes")
    parser.add_argument("--store", help="folder of finished paths, to resume")
    parser.add_argument("--paths", type=int, default=600)
    parser.add_argument("--sample", type=int, default=100, help="of the paths that are kept")
    parser.add_argument("--workers", type=int, help="threads")
    given = parser.parse_args(arguments)
    record(
        given.folder,
        n_paths=given.paths,
        n_sample=given.sample,
        store=given.store,
        workers=given.workers,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
