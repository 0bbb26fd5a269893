"""The chapter of densities, from a record of the reader's own."""

import re

import nbformat
import pytest

from nlbook.dislocations import CreepProtocol, run_ensemble
from nlbook.dislocations.records import RecordWriter, seen_by_record
from nlbook.publishing.runner import run_chapter


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_chapter_takes_a_record_of_another_load(tmp_path):
    for case in (1, 2, 3):
        protocol = CreepProtocol.for_case(
            case, integrator="adaptive", n_dislocations=100, box_length=80.0, relaxation_steps=500,
            creep_steps=2000, n_sources=3 if case > 1 else 0, applied_stress=0.03,
        )  # fmt: skip
        protocol = seen_by_record(protocol)
        writer = RecordWriter(protocol, case=case, seed=3, n_kept=0)
        run_ensemble(protocol, 3, 3, also=writer.add, progress=False, n_kept=0)
        writer.write(tmp_path / "record")
    path = run_chapter(
        "02_adaptive_densities",
        tier="smoke",
        parameters={
            "record": str(tmp_path / "record"),
            "n_samples": 1000,
            "n_repeats": 2,
            "n_slow": 100,
            "n_resamples": 20,
        },
        out=tmp_path,
        progress=False,
    )
    notebook = nbformat.read(path, 4)
    words = [
        output["metadata"]["nlbook"]["figure"]["caption"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "figure" in output.get("metadata", {}).get("nlbook", {})
    ]
    # of 20 t0, from when shifts are wider than their bins on
    assert any(re.search(r"the last 1\d(\.\d+)? \$t_0\$", caption) for caption in words)
    assert not any("100 $t_0$" in caption for caption in words)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert re.findall(r"\{[a-z:]+\}`[^`]*`", prose) == []  # a number that no cell computed
    assert (path.with_suffix(".results") / "densities.npz").is_file()
