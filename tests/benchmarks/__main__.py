"""Measure, print ratios, and write the tables of the book and the model of its costs."""

from __future__ import annotations

import platform
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from nlbook.publishing import costs, run_chapter
from nlbook.publishing.book import Book, find_book
from nlbook.publishing.parameters import resolve
from nlbook.publishing.records import commit, machine, read_record
from tests.benchmarks import (
    bilevel,
    densities,
    diffusion,
    dislocations,
    kernel_regression,
    two_d_four,
)
from tests.benchmarks.measuring import write_json

CREEP = "01_dislocation_creep"
DENSITIES = "02_adaptive_densities"


def main() -> int:
    book = find_book()
    here = machine()
    where = {
        "machine": f"{here['cpu_model']}, {here['cores']} cores, "
        f"Python {platform.python_version()}, numba {version('numba')}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": (commit(book)[0] or "unknown")[:12],
        "command": "`make bench`",
    }
    stress = dislocations.stress_table()
    creep, one_realization = dislocations.realization_table()
    tables = [stress, creep, dislocations.growth_table()]
    tables += filter(None, [two_d_four.two_d_four_table()])
    tables += [
        densities.density_table(),
        diffusion.evolution_table(),
        diffusion.application_table(),
        diffusion.ranks_table(),
        bilevel.evaluation_table(),
        bilevel.fit_table(),
        kernel_regression.gram_table(),
        kernel_regression.fit_table(),
    ]
    for table in tables:
        table.write(book.recorded / "benchmarks", where)
    _write_cost(book, CREEP, one_realization, where)
    _write_cost(book, DENSITIES, one_realization, where)
    missed = [line for table in tables for line in table.missed]
    for line in missed:
        print(f"LIMIT MISSED  {line}", file=sys.stderr)
    print("limits missed" if missed else "all limits held")
    return 1 if missed else 0


def _write_cost(book: Book, chapter: str, one_realization: float, where: dict[str, Any]) -> None:
    """Measure what a chapter costs beside its realizations, and write its model of cost."""
    work = {
        tier: costs.evaluate(
            costs.read_form(book, chapter)["work"],
            resolve(book.chapter(chapter), tier, {}),
            "costs.yaml",
        )
        for tier in ("book", "smoke")
    }
    per_work = one_realization / work["book"]
    with tempfile.TemporaryDirectory() as folder:
        record = read_record(run_chapter(chapter, tier="smoke", out=folder, progress=False))
    n_realizations = record["parameters"]["n_realizations"]
    fixed = record["wall_s"] - n_realizations * work["smoke"] * per_work
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
