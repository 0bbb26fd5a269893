"""Where a record comes from: code, machine, time and memory, honest about what a store held.

Realizations that were in the store are not computed again, so the wall time of the program that
writes a record need not be the time that its realizations took. What they took is in the
provenance of the records that were written when they were computed; each such *session* is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlbook.dislocations.ensemble import creep_task
from nlbook.host import describe_run
from nlbook.parallel.store import code_tree_hash, function_name

__all__ = ["describe_record"]


def describe_record(
    found: Mapping[str, int],
    earlier: Sequence[Path],
    *,
    n_realizations: int,
    processes: int,
    wall_seconds: float,
) -> dict[str, Any]:
    """Everything about a record but its parameters.

    Parameters
    ----------
    found : mapping
        Realizations that the store held before anything was computed, by the hash of their code.
    earlier : sequence of path
        Provenance of records made from the same store.
    n_realizations : int
        In this record.
    processes : int
        That shared the work.
    wall_seconds : float
        Of all of it.

    Returns
    -------
    dict
        ``sessions`` lists who computed how many realizations and what that took, this program
        last; ``unaccounted`` counts realizations from the store of which no session tells.

    Raises
    ------
    ValueError
        If an earlier record was made by code that made nothing in the store.
    """
    sessions: list[dict[str, Any]] = []
    for path in earlier:
        for session in json.loads(path.read_text("utf-8"))["sessions"]:
            if session["n_computed"] and session["code"] not in found:
                raise ValueError(f"earlier: {path} was computed by code that the store has not")
            if session not in sessions:
                sessions.append(session)
    sessions.append(
        {
            "n_computed": n_realizations - sum(found.values()),
            "code": code_tree_hash(function_name(creep_task)),
            "processes": processes,
            "wall_seconds": round(wall_seconds, 1),
            **describe_run(("numpy", "numba", "scipy")),
        }
    )
    computed = sum(session["n_computed"] for session in sessions)
    return {
        "code_of_store": dict(found),
        "sessions": sessions,
        "unaccounted": n_realizations - computed,
        "wall_seconds": round(sum(session["wall_seconds"] for session in sessions), 1),
        "peak_memory_mib": max(session["peak_memory_mib"] for session in sessions),
    }
