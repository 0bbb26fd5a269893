"""The potential: its parameters."""

import dataclasses
import re

import pytest

from nlbook.graphene import LINDSAY_BROIDO, TERSOFF_CARBON, Tersoff, relaxed_bond_length

FILE = """# two elements
C C C 3.0 1.0 0.0 38049 4.3484 -.57058 .72751  # over two lines
      0.00000015724 2.2119 346.7 1.95 0.15 3.4879 1393.6
Si Si Si 3.0 1.0 1.3 100390 16.217 -.59825 .78734 0.0000011 1.73222 471.18 2.85 0.15 2.4799 1830.8
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "two.tersoff"
    path.write_text(FILE)
    return path


def test_the_original_set_is_that_of_the_file_of_lammps(file):
    assert Tersoff.read(file) == TERSOFF_CARBON


def test_lindsay_and_broido_change_two_numbers():
    changed = {"h": -0.930, "B": 430.0}
    assert dataclasses.replace(TERSOFF_CARBON, **changed) == LINDSAY_BROIDO


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FILE.replace("C C C", "N N N"), "has no entry C C C; its elements are N, Si"),
        (FILE.replace("1393.6", ""), "must hold entries of three elements and 14 numbers"),
        (FILE.replace("1393.6", "many"), "entry C C C: could not convert string to float: 'many'"),
        (FILE.replace("1393.6", "nan"), "A must be a finite number above 0, got nan"),
        ("", "must hold entries"),
    ],
)
def test_a_file_without_carbon_or_of_another_form_is_refused(tmp_path, text, message):
    path = tmp_path / "foreign.tersoff"
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)):
        Tersoff.read(path)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "foreign.tersoff"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is no text file"):
        Tersoff.read(path)


def test_the_term_that_is_left_out_is_refused(file):
    with pytest.raises(ValueError, match="lambda3 must be zero for Si"):
        Tersoff.read(file, "Si")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"D": 2.0}, r"D must be less than R = 1\.95, got 2\.0"),
        ({"A": 0.0}, "A must be a finite number above 0, got 0.0"),
        ({"beta": -1.0}, "beta must be a finite number at least 0"),
        ({"h": float("nan")}, "h must be a finite number"),
    ],
)
def test_parameters_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(TERSOFF_CARBON, **change)


@pytest.mark.parametrize(
    "change", [{"B": 10.0}, {"lambda1": 2.0}, {"R": 1.5}, {"R": 3.0}, {"B": 1e9}]
)
def test_a_potential_that_holds_no_flat_sheet_is_refused(change):
    with pytest.raises(ValueError, match="potential must hold a flat sheet of three bonds"):
        relaxed_bond_length(dataclasses.replace(TERSOFF_CARBON, **change))
