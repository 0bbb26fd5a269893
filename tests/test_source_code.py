"""Reading source: what it imports, and what of it counts."""

import ast

import pytest

from nlbook.source_code import canonical_tree, follow_imports, imported_names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import a.b", {"a.b"}),
        ("from a import b", {"a", "a.b"}),
        ("from . import b", {"house.room", "house.room.b"}),
        ("from ..b import c", {"house.b", "house.b.c"}),
        ("def f():\n    import a", {"a"}),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {"b"}),
    ],
)
def test_names_that_a_module_imports(text, names):
    tree = ast.parse(text)
    assert set(imported_names(tree, "house.room.desk", is_package=False)) == names
    if text.startswith("from ."):  # a package is itself the place that one dot means
        assert set(imported_names(tree, "house.room", is_package=True)) == names


def test_a_circle_of_imports_is_followed_once(tmp_path):
    (tmp_path / "a.py").write_text("import b")
    (tmp_path / "b.py").write_text("import a")

    def locate(name):
        return path if (path := tmp_path / f"{name}.py").is_file() else None

    assert list(follow_imports(["b", "math"], locate)) == ["a", "b"]


def test_comments_never_count_and_docstrings_where_asked():
    one, two = ast.parse('def f():\n    "One."\n    return 1'), ast.parse("def f(): return 1  # c")
    assert canonical_tree(one, docstrings=False) == canonical_tree(two, docstrings=False)
    assert canonical_tree(one, docstrings=True) != canonical_tree(two, docstrings=True)
