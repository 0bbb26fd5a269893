"""The reference of the package."""

from nlbook.publishing.site import reference


def make_package(folder):
    package = folder / "walks"
    (package / "paths").mkdir(parents=True)
    (package / "__init__.py").write_text('__all__ = ["__version__"]\n')
    (package / "paths" / "__init__.py").write_text('"""Paths, and more."""\n__all__ = ["walk"]\n')
    (package / "paths" / "steps.py").write_text('__all__ = ["walk", "step"]\n')
    (package / "paths" / "private.py").write_text("x = 1\n")
    (package / "paths" / "long").mkdir()
    (package / "paths" / "long" / "__init__.py").write_text('"""Long."""\n__all__ = ["far"]\n')
    (package / "ground.py").write_text('"""The ground.\n\nMore."""\n__all__ = ["stand"]\n')
    return package


def test_public_names_are_read_without_importing(tmp_path):
    assert reference.public_names(make_package(tmp_path)) == {
        "walks": ["__version__"],
        "walks.ground": ["stand"],
        "walks.paths": ["walk"],
        "walks.paths.long": ["far"],
        "walks.paths.steps": ["walk", "step"],
    }


def test_each_room_has_a_page_and_modules_in_none_share_one(tmp_path):
    pages = reference.reference_pages(make_package(tmp_path))
    assert set(pages) == {"api_paths", "api_paths_long", "api_modules"}
    assert pages["api_paths"].startswith("walks.paths\n===========\n")
    assert ".. automodule:: walks.ground\n   :members: stand\n" in pages["api_modules"]
    assert "long" not in pages["api_paths"]


def test_a_name_that_the_room_exports_is_listed_once(tmp_path):
    page = reference.reference_pages(make_package(tmp_path))["api_paths"]
    assert ".. automodule:: walks.paths\n   :members: walk\n" in page
    assert ".. automodule:: walks.paths.steps\n   :members: step\n" in page


def test_a_module_without_names_of_its_own_lists_none():
    assert reference._automodule("walks", []) == [".. automodule:: walks", ""]


def test_names_of_a_room_inside_are_read_where_they_are_listed(tmp_path):
    package = make_package(tmp_path)
    (package / "paths" / "__init__.py").write_text('__all__ = ["walk", *long.__all__]\n')
    assert reference.public_names(package)["walks.paths"] == ["walk", "far"]


def test_the_rooms_are_listed_with_what_they_are(tmp_path):
    assert reference.rooms_list(make_package(tmp_path)).splitlines() == [
        "* :doc:`walks.paths <api_paths>`: Paths, and more.",
        "* :doc:`walks.paths.long <api_paths_long>`: Long.",
        "* :doc:`walks.ground <api_modules>`: The ground.",
    ]


def test_the_comment_of_a_field_begins_with_its_type():
    name = "nlbook.kernels.PowerLawKernel.alpha"
    lines = ["decay exponent", "and more"]
    reference._add_type(None, "attribute", name, None, None, lines)
    assert lines == ["``float``: decay exponent", "and more"]
    reference._add_type(None, "method", name, None, None, lines)
    assert lines[0] == "``float``: decay exponent"


def test_bars_of_an_absolute_value_are_kept_and_code_is_left():
    lines = [r"for |y| < 1 and \|x\|, ``a | b``", "| a line block"]
    reference._escape(None, "function", "f", None, None, lines)
    assert lines == [r"for \|y\| < 1 and \|x\|, ``a | b``", "| a line block"]
