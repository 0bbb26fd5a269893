"""Benchmarks call what they time as it is; nobody runs them with the tests."""

import pytest

from nlbook.identification import RegressionWarning
from tests.benchmarks import kernel_regression


@pytest.mark.filterwarnings(f"ignore::{RegressionWarning.__module__}.RegressionWarning")
def test_the_table_of_fits_times_each_of_them(monkeypatch):
    def once(call):
        call()
        return 1.0

    monkeypatch.setattr(kernel_regression, "seconds", once)
    monkeypatch.setattr(kernel_regression, "N_SAMPLES", 50)
    monkeypatch.setattr(kernel_regression, "FRACTIONAL_HORIZONS", ())
    for name in ("stated_correction", "stated_joint", "stated_continuum"):
        monkeypatch.setattr(kernel_regression, name, lambda *_: 1.0)
    monkeypatch.setattr(kernel_regression, "adam_rows", lambda *_: None)
    table = kernel_regression.fit_table()
    names = {row["name"] for row in table.rows}
    assert {"nonnegative", "two stages", "joint", "unconstrained"} <= names
