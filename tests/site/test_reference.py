"""The reference of the package."""

from dataclasses import dataclass

from nlbook.publishing import reference


@dataclass(frozen=True)
class Walk:
    """A random walk."""

    n_steps: int  # number of steps
    length: float = 1.0  # of a step, b
    # between reactions
    name: str = "a # b"


def make_package(folder):
    package = folder / "walks"
    (package / "paths").mkdir(parents=True)
    (package / "__init__.py").write_text('__all__ = ["__version__"]\n')
    (package / "paths" / "__init__.py").write_text('__all__ = ["walk"]\n')
    (package / "paths" / "steps.py").write_text('__all__ = ["walk", "step"]\n')
    (package / "paths" / "private.py").write_text("x = 1\n")
    return package


def test_public_names_are_read_without_importing(tmp_path):
    assert reference.public_names(make_package(tmp_path)) == {
        "walks": ["__version__"],
        "walks.paths": ["walk"],
        "walks.paths.steps": ["walk", "step"],
    }


def test_a_name_that_the_subpackage_exports_is_listed_once(tmp_path):
    page = reference.reference_page(make_package(tmp_path))
    assert ".. automodule:: walks.paths\n   :members: walk\n" in page
    assert ".. automodule:: walks.paths.steps\n   :members: step\n" in page


def test_comments_of_fields_are_found():
    assert reference.field_comments(Walk) == {
        "n_steps": "number of steps",
        "length": "of a step, b between reactions",
        "name": "",
    }


def test_a_dataclass_gets_a_section_of_its_fields():
    lines = ["A random walk."]
    reference._add_fields(None, "class", "Walk", Walk, None, lines)
    assert lines[:5] == ["A random walk.", "", "Attributes", "----------", "n_steps : ``int``"]


def test_bars_of_an_absolute_value_are_kept_and_code_is_left():
    lines = [r"for |y| < 1 and \|x\|, ``a | b``", "| a line block"]
    reference._escape(None, "function", "f", None, None, lines)
    assert lines == [r"for \|y\| < 1 and \|x\|, ``a | b``", "| a line block"]
