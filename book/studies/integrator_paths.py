"""Creep of one relaxed crystal by several integrators, path by path.

Creep is not chaotic over a few hundred t0: from one relaxed crystal all integrators must lead to
the same place. Births are the exception that may stay: a source whose stress grazes its critical
one, or a pair at the edge of where it is lost, tips over at any error; and where a dislocation
glides over a source the stress there turns round within 1e-4 t0, which restarts the clock and which
no step of Euler's sees. What comes after is another path. So paths are compared up to the first
birth that differs.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.dislocations import (
    CreepProtocol,
    CreepRun,
    Trajectory,
    repeat_creep,
    replay_creep,
    simulate_creep,
)
from nlbook.dislocations.protocol import Integrator

#: Raised by hand when a path of the same protocol and seed comes out otherwise.
PATH_SCHEMA = 2

#: What follows the path of the reference, by name: integrator, and step (t0) or tolerance (b).
PATHS: dict[str, tuple[Integrator, float]] = {
    "euler 0.01": ("euler", 0.01),
    "euler 0.005": ("euler", 0.005),
    "adaptive 0.1": ("adaptive", 0.1),
    "adaptive 0.03": ("adaptive", 0.03),
    "adaptive 0.01": ("adaptive", 0.01),
    "adaptive 0.003": ("adaptive", 0.003),
    "adaptive 0.001": ("adaptive", 0.001),
    "adaptive 0.0001": ("adaptive", 0.0001),
}
# A birth is the same one if its time (t0) and place (b) differ by less than this.
_SAME_BIRTH = 0.1

# Looks at the path, evenly spread over the creep.
_LOOKS = 50

_REFERENCE: tuple[Integrator, float] = ("euler", 0.0025)


def path_task(protocol: CreepProtocol, seed: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """Creep of one relaxed crystal along all `PATHS`, against Euler with steps of 0.0025 t0.

    Parameters
    ----------
    protocol : CreepProtocol
        Its integrator relaxes the crystal.
    seed : tuple of int
        See `simulate_creep`.

    Returns
    -------
    dict
        For each path: ``until``, the last of 50 times at which all births so far agree with those
        of the reference, t0; ``median``, ``percent_99`` and ``largest`` distance from it then, of
        those that both have, b; ``deaths_off``, how many are there in one of the two only;
        ``births``, how many pairs were born until then; ``latest``, the largest difference of
        their times, t0; and, of all of creep, ``n_steps`` and ``n_forces``. And the crystal:
        ``x``, ``y``, ``sign``, ``sources``; ``shift`` and ``alive`` at its end by the reference.
    """
    run = simulate_creep(protocol, seed)
    old = run.relaxed_x.size
    reference = _follow(protocol, run, *_REFERENCE)
    results: dict[str, list[float]] = {}
    for integrator, step in PATHS.values():
        path = _follow(protocol, run, integrator, step)
        parted = _first_difference(path, reference)
        last = np.count_nonzero(reference.snapshot_time < parted) - 1
        times = (path.birth_time, reference.birth_time)
        born = [np.sort(time[time < parted]) for time in times]
        pairs = min(part.size for part in born)
        there = path.alive[last][:old], reference.alive[last][:old]
        distance = np.abs(path.shift[last][:old] - reference.shift[last][:old])[there[0] & there[1]]
        values = {
            "until": reference.snapshot_time[last],
            "median": np.median(distance) if distance.size else 0.0,
            "percent_99": np.quantile(distance, 0.99) if distance.size else 0.0,
            "largest": np.max(distance, initial=0.0),
            "deaths_off": np.count_nonzero(there[0] != there[1]),
            "births": pairs // 2,
            "latest": np.max(np.abs(born[0][:pairs] - born[1][:pairs]), initial=0.0),
            "n_steps": path.n_steps,
            "n_forces": path.n_forces,
        }
        for name, value in values.items():
            results.setdefault(name, []).append(float(value))
    return {name: np.array(values) for name, values in results.items()} | {
        "x": run.relaxed_x,
        "y": run.relaxed_y,
        "sign": run.burgers_sign[:old],
        "sources": run.sources,
        "shift": reference.shift[-1][:old],
        "alive": reference.alive[-1][:old],
    }


def euler_task(protocol: CreepProtocol, seed: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """Creep by forward Euler of the crystals that `protocol` relaxes: a `CreepRun`, by name."""
    run = simulate_creep(protocol, seed)
    return asdict(repeat_creep(replace(protocol, integrator="euler"), run))


def _first_difference(path: Trajectory, reference: Trajectory) -> float:
    """Time of the first birth that the other has at another time or place, or not at all."""
    births = [
        np.stack([one.birth_y, one.birth_time, one.birth_x], axis=1)[::2]
        for one in (path, reference)
    ]
    first = np.inf
    for source in np.unique(np.concatenate([one[:, 0] for one in births])):
        here = [one[one[:, 0] == source, 1:] for one in births]
        both = min(len(one) for one in here)
        off = np.abs(here[0][:both] - here[1][:both]) > _SAME_BIRTH
        differ = np.flatnonzero(np.any(off, axis=1))
        place = int(differ[0]) if differ.size else both
        for one in here:
            if place < len(one):
                first = min(first, float(one[place, 0]))
    return first


def _follow(
    protocol: CreepProtocol, run: CreepRun, integrator: Integrator, step: float
) -> Trajectory:
    """Creep of the run to its end, with a step of Euler's or a tolerance."""
    dt = protocol.creep_dt if integrator == "adaptive" else step
    n_steps = round(protocol.creep_steps * protocol.creep_dt / dt)
    looks = np.unique(n_steps * np.arange(_LOOKS + 1) // _LOOKS).tolist()
    tolerance = step if integrator == "adaptive" else protocol.tolerance
    like = replace(protocol, integrator=integrator, tolerance=tolerance)
    return replay_creep(like, run, looks, creep_dt=dt)
