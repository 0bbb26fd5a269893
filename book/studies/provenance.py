"""What a store of creep holds already, before a study computes the rest."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlbook.dislocations.ensemble import SCHEMA, creep_task
from nlbook.parallel.code_tree import code_tree_hash
from nlbook.parallel.keys import check_tasks, function_name, task_key
from nlbook.parallel.store import open_store
from nlbook.parallel.store_files import read_header


def note_store(
    store: str | os.PathLike[str] | None, tasks: Sequence[Mapping[str, Any]]
) -> dict[str, int]:
    """Count the realizations that a store holds already, by the hash of the code that made them.

    Parameters
    ----------
    store : path or None
        The store's folder, which need not exist.
    tasks : sequence of mapping
        Tasks of `creep_task`.

    Returns
    -------
    dict of str to int
    """
    if store is None:
        return {}
    name = function_name(creep_task)
    shelf = open_store(store, name, SCHEMA, code_tree_hash(name))
    keys = [task_key(name, SCHEMA, task) for task in check_tasks(creep_task, tasks)]
    files = shelf.locate(keys).values()
    return dict(Counter(read_header(Path(shelf.folder, file))["code"] for file in files))
