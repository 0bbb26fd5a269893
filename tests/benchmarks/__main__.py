"""Measure, print ratios, and write the tables of the book and the model of its costs."""

from __future__ import annotations

import argparse
import functools
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from nlbook.publishing import run_chapter
from nlbook.publishing.book import Book, find_book
from nlbook.publishing.parameters import resolve
from nlbook.publishing.running import costs
from nlbook.publishing.running.records import commit, machine, read_record
from tests.benchmarks import (
    bilevel,
    crystals,
    densities,
    diffusion,
    dislocations,
    graphene,
    impact,
    kernel_regression,
    peridynamic_solid,
    peridynamics,
    two_d_four,
    unit_cell,
)
from tests.benchmarks.measuring import Table, write_json

CREEP = "01_dislocation_creep"
DENSITIES = "02_adaptive_densities"
# Chapters that share nothing among workers: their cost is taken from two tiers.
WITHOUT_TASKS = (
    "03_bilevel_fit",
    "04_sign_changing_kernels",
    "05_graphene_peridynamics",
    "06_crystal_plasticity",
    "07_impact",
)


_realizations = functools.cache(dislocations.realization_table)  # a table, and a part of costs

# By the name of the file that each writes; of what is not installed here there is no table.
TABLES: dict[str, Callable[[], Table | None]] = {
    "dislocation_stress": dislocations.stress_table,
    "dislocation_creep": lambda: _realizations()[0],
    "dislocation_growth": dislocations.growth_table,
    "dislocation_2d4": two_d_four.two_d_four_table,
    "densities": densities.density_table,
    "nonlocal_evolution": diffusion.evolution_table,
    "nonlocal_application": diffusion.application_table,
    "nonlocal_ranks": diffusion.ranks_table,
    "bilevel_evaluation": bilevel.evaluation_table,
    "bilevel_fit": bilevel.fit_table,
    "kernel_regression_gram": kernel_regression.gram_table,
    "kernel_regression_fits": kernel_regression.fit_table,
    "crystals": crystals.taylor_table,
    "unit_cell": unit_cell.cell_table,
    "graphene": graphene.graphene_table,
    "impact": impact.impact_table,
    "peridynamic_solid": peridynamic_solid.solid_table,
    "peridynamics_evaluation": peridynamics.evaluation_table,
    "peridynamics_fits": peridynamics.fit_table,
}
COSTS = "costs"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__, allow_abbrev=False
    )
    parser.add_argument(
        "tables",
        nargs="*",
        metavar="TABLE",
        help=f"what to measure, by default everything: {', '.join([*TABLES, COSTS])}",
    )
    asked = parser.parse_args(arguments).tables or [*TABLES, COSTS]
    unknown = [name for name in asked if name not in TABLES and name != COSTS]
    if unknown:
        parser.error(f"no table is called {unknown[0]!r}; there are {', '.join([*TABLES, COSTS])}")
    book = find_book()
    where = provenance(book)
    missed = []
    for name in asked:
        table = TABLES[name]() if name != COSTS else None
        if table is not None:
            table.write(book.recorded / "benchmarks", where)
            missed += table.missed
    if COSTS in asked:
        _, one_realization = _realizations()
        _write_cost(book, CREEP, one_realization, where)
        _write_cost(book, DENSITIES, one_realization, where)
        for chapter in WITHOUT_TASKS:
            write_cost_by_tiers(book, chapter, where)
    for line in missed:
        print(f"LIMIT MISSED  {line}", file=sys.stderr)
    print("limits missed" if missed else "all limits held")
    return 1 if missed else 0


def provenance(book: Book) -> dict[str, str]:
    """Where and when something is measured, and by what."""
    here = machine()
    return {
        "machine": f"{here['cpu_model']}, {here['cores']} cores, "
        f"Python {platform.python_version()}, numba {version('numba')}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": (commit(book)[0] or "unknown")[:12],
        "command": "`make bench`",
    }


def _work(book: Book, chapter: str, tier: str) -> float:
    form = costs.read_form(book, chapter)
    return costs.evaluate(form["work"], resolve(book.chapter(chapter), tier, {}), "costs.yaml")


def _write_cost(book: Book, chapter: str, one_realization: float, where: dict[str, Any]) -> None:
    """Measure what a chapter costs beside its realizations, and write its model of cost."""
    per_work = one_realization / _work(book, chapter, "book")
    record, _ = _run(chapter, "smoke")
    n_realizations = record["parameters"]["n_realizations"]
    fixed = record["wall_s"] - n_realizations * _work(book, chapter, "smoke") * per_work
    _write(book, chapter, per_work, fixed, record, where)


def write_cost_by_tiers(book: Book, chapter: str, where: dict[str, Any]) -> None:
    """Write the model of cost that goes through a chapter's core-seconds at two tiers."""
    small, large = (_work(book, chapter, tier) for tier in ("smoke", "book"))
    _, fewer = _run(chapter, "smoke")
    record, more = _run(chapter, "book")
    per_work = max(more - fewer, 0.0) / (large - small)
    _write(book, chapter, per_work, fewer - small * per_work, record, where)


def _run(chapter: str, tier: str) -> tuple[dict[str, Any], float]:
    """The record of a run, and the seconds of a core that it took."""
    before = os.times()
    with tempfile.TemporaryDirectory() as folder:
        record = read_record(run_chapter(chapter, tier=tier, out=folder, progress=False))
    after = os.times()
    spent = (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )
    return record, spent


def _write(
    book: Book,
    chapter: str,
    per_work: float,
    fixed: float,
    record: dict[str, Any],
    where: dict[str, Any],
) -> None:
    write_json(
        book.recorded / "costs" / f"{chapter}.json",
        {
            "core_seconds_per_work": float(f"{per_work:.3g}"),
            "fixed_core_seconds": float(f"{max(fixed, 0.0):.2g}"),
            "memory_mib": float(f"{record['peak_memory_mib']:.3g}"),
            "provenance": where,
        },
    )


if __name__ == "__main__":
    sys.exit(main())
