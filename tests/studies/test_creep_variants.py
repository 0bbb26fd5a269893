"""Records that differ in one choice."""

import numpy as np
import pytest

from creep import record_case
from creep_variants import VARIANTS, record_variants
from nlbook.dislocations import CreepProtocol, read_record
from nlbook.dislocations.records import paired_difference
from tests.studies.test_creep import SMALL

FAST = {name: value for name, value in SMALL.items() if name != "nucleation_time"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("variants")
    names = ["case_2_clock_1", "case_2_one_row"]
    record_case(2, folder, n_realizations=7, seed=8, n_kept=0, **FAST)
    record_variants(folder, names, n_realizations=6, seed=8, **FAST)
    return folder


def test_every_variant_is_a_protocol():
    for case, changes in VARIANTS.values():
        assert CreepProtocol.for_case(case, **changes).integrator == "adaptive"


def test_variants_of_one_seed_start_from_the_same_crystals(folder):
    base, other = (read_record(folder, name=name) for name in ("case_2", "case_2_clock_1"))
    relaxed = other.numbers["relaxed_number"]
    assert np.array_equal(base.numbers["relaxed_number"][:6], relaxed)
    assert other.protocol.nucleation_time == 1.0
    assert other.provenance["command"].endswith("case_2_clock_1 --realizations 6 --seed 8")


def test_a_difference_is_taken_realization_by_realization(folder):
    base, other = (read_record(folder, name=name) for name in ("case_2", "case_2_clock_1"))
    mean, error = paired_difference(base, other, "births")
    each = other.numbers["births"] - base.numbers["births"][:6]
    assert mean == pytest.approx(each.mean())
    assert error == pytest.approx(each.std(ddof=1) / np.sqrt(6))


def test_an_unknown_variant_or_number_is_refused(folder):
    with pytest.raises(ValueError, match="case_2_clock_1"):
        record_variants(folder, ["case_9"])
    base = read_record(folder, name="case_2")
    with pytest.raises(ValueError, match="final_number"):
        paired_difference(base, base, "numbr")
