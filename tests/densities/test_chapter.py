"""The chapter of densities, from a record of the reader's own."""

import re

import nbformat
import numpy as np
import pytest

from nlbook.dislocations import CreepProtocol, run_ensemble
from nlbook.dislocations.records import RecordWriter, seen_by_record
from nlbook.publishing.running.runner import run_chapter

CHAPTER = "02_adaptive_densities"
SMALL = {"n_samples": 1000, "n_repeats": 2, "n_slow": 100, "n_resamples": 20}


def write_record(folder, cases):
    for case in cases:
        protocol = CreepProtocol.for_case(
            case, integrator="adaptive", n_dislocations=100, box_length=80.0, relaxation_steps=500,
            creep_steps=2000, n_sources=3 if case > 1 else 0, applied_stress=0.03,
        )  # fmt: skip
        protocol = seen_by_record(protocol)
        writer = RecordWriter(protocol, case=case, seed=3, n_kept=0)
        run_ensemble(protocol, 3, 3, also=writer.add, progress=False, n_kept=0)
        writer.write(folder)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("cases", [(1, 2, 3), (2,)])
def test_the_chapter_takes_a_record_of_another_load_and_the_cases_that_it_has(tmp_path, cases):
    write_record(tmp_path / "record", cases)
    path = run_chapter(
        CHAPTER,
        tier="smoke",
        parameters={"record": str(tmp_path / "record")} | SMALL,
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
    assert any(re.search(r"% of their 1\d(\.\d+)?[^%]* \$t_0\$", caption) for caption in words)
    assert not any("100 $t_0$" in caption for caption in words)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert re.findall(r"\{[a-z:]+\}`[^`]*`", prose) == []  # a number that no cell computed
    with np.load(path.with_suffix(".results") / "densities.npz") as stored:
        assert {name[-1] for name in stored.files if name.startswith("density_")} == set(
            map(str, cases)
        )


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda folder: None, "case_1.npz, case_2.npz, case_3.npz.*holds none of them"),
        (
            lambda folder: (folder / "case_2.npz").write_bytes(b"no arrays"),
            "case_2.npz is no such record",
        ),
        (
            lambda folder: np.savez(folder / "case_3.npz", half=3),
            "case_3.npz is no such record",
        ),
    ],
    ids=["empty", "not npz", "other arrays"],
)
def test_a_folder_that_holds_no_record_is_refused_in_the_first_cell(tmp_path, spoil, said):
    folder = tmp_path / "record"
    folder.mkdir()
    spoil(folder)
    with pytest.raises(Exception, match="record must be a folder that chapter 1 wrote") as refused:
        run_chapter(
            CHAPTER, tier="smoke", parameters={"record": str(folder)}, out=tmp_path, progress=False
        )
    assert re.search(said, str(refused.value))
    (kept,) = tmp_path.glob("*.failed.ipynb")
    code = [cell for cell in nbformat.read(kept, 4).cells if cell.cell_type == "code"]
    assert sum(cell.execution_count is not None for cell in code) <= 3  # parameters, twice; this
