"""Tables of benchmarks: what is recorded of a rival that is not installed stays, and says so."""

import json

import pytest

from tests.benchmarks.measuring import Table

THERE = {"machine": "a workstation", "date": "2026-01-01"}
HERE = {"machine": "a laptop", "date": "2026-02-02"}


@pytest.fixture
def recorded(tmp_path):
    """Measure ours, and a rival where it is installed; return the rows of the file."""

    def measure(where, rival_s=None):
        table = Table("sums", "Sums", "", threads=1)
        table.add("ours", 1.0, "s")
        if rival_s is None:
            table.keep_rows_of("2D4")
        else:
            table.add("2D4", rival_s, "s", conditions="equal error")
            table.add("ours again", 1.0, "s", ratio=rival_s, against="2D4")
        table.write(tmp_path, where)
        return json.loads((tmp_path / "sums.json").read_text())["rows"]

    return measure


def test_rows_of_an_absent_rival_are_kept_with_where_and_when_they_were_measured(recorded):
    recorded(THERE, 7.0)
    for _ in range(2):  # the second time they are old already, and of the first place still
        rows = recorded(HERE)
        assert [row["name"] for row in rows] == ["ours", "2D4", "ours again"]
        assert [row.get("conditions") for row in rows] == [
            None,
            "equal error; recorded on a workstation, at 2026-01-01",
            "recorded on a workstation, at 2026-01-01",
        ]


def test_a_rival_that_is_there_again_replaces_its_rows(recorded):
    recorded(THERE, 7.0)
    rows = recorded(HERE, 5.0)
    assert [(row["name"], row["value"]) for row in rows] == [
        ("ours", 1.0), ("2D4", 5.0), ("ours again", 1.0),
    ]  # fmt: skip


def test_an_absent_rival_of_which_nothing_is_recorded_leaves_no_row(recorded):
    assert [row["name"] for row in recorded(HERE)] == ["ours"]
