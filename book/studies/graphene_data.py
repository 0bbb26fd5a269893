"""The sheet under its loads, at 0 K and at 300 K: what chapter 5 learns from.

``python book/studies/graphene_data.py book/recorded/graphene`` writes each of `SETS` that is not
there yet as ``NAME.npz``, and ``provenance.json``. Equilibria and runs of molecular dynamics are
kept in a store as they finish, by default a folder of the user's own among the temporary ones, so
that the same call goes on after an interruption. One core takes ten minutes. LAMMPS is asked for by
the sets at 300 K alone.

The sets at 300 K are made in the box of 0 K: a sheet that can't leave its plane would expand by
0.15 %, and stands under the pressure that the record shows instead.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nlbook.graphene import (
    Dynamics,
    RecordedSet,
    WrappedBoxWarning,
    atom_runs,
    recorded_arrays,
)
from nlbook.host import describe_run, temporary_folder
from nlbook.parallel.store.files import write_atomically

SEED = 2022
#: Of the sheet at 300 K, whose slowest waves swing in 0.6 ps, and of the disk, where they take 2.
DYNAMICS = {
    "sheet": Dynamics(temperature=300.0, equilibration=500, steps=4000),
    "disk": Dynamics(temperature=300.0, first_damping=0.2, equilibration=1500, steps=5000),
}

_WAVES = {"loads": "training", "strain": 0.02}
_HOT = {"temperature": 300.0}
_LEVELS = {"low": 1.0, "medium": 0.25, "high": 0.1}
#: What is recorded, by name; sets of one run stand together.
SETS: dict[str, RecordedSet] = {
    name: RecordedSet(**fields)
    for name, fields in {
        "training_0K": _WAVES,
        "training_0K_fine": _WAVES | {"nodes": 40},
        "training_0K_small": _WAVES | {"strain": 0.002},
        "validation_0K": {"loads": "validation"},
        "validation_0K_fine": {"loads": "validation", "nodes": 40},
        "validation_0K_small": {"loads": "validation", "factor": 0.1},
        "disk_0K": {"loads": "disk", "nodes": None, "spacing": 5.0},
        "disk_0K_fine": {"loads": "disk", "nodes": None, "spacing": 2.5},
        "disk_0K_small": {"loads": "disk", "nodes": None, "spacing": 5.0, "factor": 0.1},
        # nodes 5 angstrom apart, on a box that they don't divide: the paper's, it seems
        "training_wrapped": _WAVES | {"spacing": 5.0},
        "training_wrapped_waves": _WAVES | {"spacing": 5.0, "period": 100.0},
        "training_lindsay_broido": _WAVES | {"potential": "lindsay_broido"},
        "validation_lindsay_broido": {"loads": "validation", "potential": "lindsay_broido"},
        "unloaded_300K": {"loads": "unloaded", **_HOT},
        "unloaded_300K_iota": {"loads": "unloaded", "averaged": False, **_HOT},
        "training_300K_low": _WAVES | _HOT,
        "training_300K_low_iota": _WAVES | _HOT | {"averaged": False},
        "validation_300K": {"loads": "validation", **_HOT},
        "disk_300K": {"loads": "disk", "nodes": None, "spacing": 5.0, **_HOT},
        "disk_300K_fine": {"loads": "disk", "nodes": None, "spacing": 2.5, **_HOT},
        **{
            f"training_300K_{level}{end}": _WAVES | _HOT | {"factor": factor, "averaged": not end}
            for level, factor in _LEVELS.items()
            if level != "low"
            for end in ("", "_iota")
        },
    }.items()
}
#: Child of the seed of each group of runs at 300 K; one not to be used again.
_CHILDREN = {"unloaded": 0, "training": 1, "validation": 4, "disk": 5}


def record_set(
    name: str,
    folder: Path,
    *,
    store: Path | None = None,
    dynamics: Dynamics | None = None,
    workers: int = 1,
) -> dict[str, Any]:
    """Make a set, write its file, and say where it comes from.

    Parameters
    ----------
    name : str
        One of `SETS`.
    folder : Path
        Where ``NAME.npz`` goes.
    store : Path, optional
        Of finished runs; without one they are not kept.
    dynamics : Dynamics, optional
        For the sets at 300 K; by default from `DYNAMICS`.
    workers : int
        Runs at once.

    Returns
    -------
    dict
        Provenance of the set. Its seconds are those of this call, which finds in the store what
        an earlier one had finished.
    """
    made = SETS[name]
    moving = dynamics or DYNAMICS["disk" if made.loads == "disk" else "sheet"]
    started, cpu = time.perf_counter(), time.process_time()
    child = _CHILDREN[made.loads]
    if made.loads == "training":
        child += list(_LEVELS.values()).index(made.factor)
    runs = atom_runs(
        made.chosen_loads(),
        made.body,
        potential=made.tersoff,
        strain=made.strain,
        factor=made.factor,
        dynamics=moving if made.temperature else None,
        averaged=made.averaged,
        seed=(SEED, child),
        store=store,
        workers=workers,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WrappedBoxWarning)  # these sets are made to be wrapped
        arrays = recorded_arrays(made, runs)
    write_atomically(folder / f"{name}.npz", lambda file: np.savez_compressed(file, **arrays))
    packages = ["numpy", "numba", "scipy", *(["lammps"] if made.temperature else [])]
    run = describe_run(packages)
    return {
        **run,
        "wall_seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "thermal_strain": runs.thermal_strain,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Record sets from the command line."""
    parser = argparse.ArgumentParser(prog="python book/studies/graphene_data.py")
    parser.add_argument("folder", type=Path, help="where the record goes")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all by default")
    parser.add_argument(
        "--store",
        type=Path,
        default=temporary_folder() / "graphene_data",
        help="folder of finished runs (default %(default)s)",
    )
    parser.add_argument("--workers", type=int, default=1, help="runs at once (default 1)")
    given = parser.parse_args(arguments)
    unknown = sorted(set(given.names) - set(SETS))
    if unknown:
        parser.error(f"NAME must be among {', '.join(SETS)}, got {', '.join(unknown)}")
    given.folder.mkdir(parents=True, exist_ok=True)
    about = given.folder / "provenance.json"
    provenance = json.loads(about.read_text()) if about.exists() else {"sets": {}}
    provenance |= {
        "command": "python book/studies/graphene_data.py book/recorded/graphene",
        "seed": SEED,
        "dynamics": {body: vars(dynamics) for body, dynamics in DYNAMICS.items()},
    }
    for name in given.names or SETS:
        if name in provenance["sets"] and name not in given.names:
            continue
        provenance["sets"][name] = record_set(
            name, given.folder, store=given.store, workers=given.workers
        )
        text = json.dumps(provenance, separators=(",", ":")) + "\n"
        write_atomically(about, lambda file, text=text: file.write(text.encode()))
        print(name, provenance["sets"][name], flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
