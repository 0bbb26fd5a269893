import sys

import pytest

from nlbook.parallel.store.code_tree import code_tree_hash

MODEL = '''"""A model."""
from . import helpers


def simulate(seed):
    """Simulate."""
    from .deep.inner import constant
    return {"x": helpers.square(seed) + constant}  # a comment
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose function imports in several ways."""
    folder = tmp_path / "codetreesample"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "model.py").write_text(MODEL)
    (folder / "helpers.py").write_text("def square(x):\n    return x * x\n")
    (folder / "deep" / "__init__.py").write_text("")
    (folder / "deep" / "inner.py").write_text("from ..base import one\nconstant = one\n")
    (folder / "base.py").write_text("one = 1\n")
    (folder / "unused.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.startswith("codetreesample")]:
        del sys.modules[name]


def present():
    return code_tree_hash("codetreesample.model:simulate")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("model.py", MODEL.replace("+", "-")),
        ("helpers.py", "def square(x):\n    return x**2\n"),
        ("deep/inner.py", "from ..base import one\nconstant = -one\n"),
        ("base.py", "one = 2\n"),
        ("deep/__init__.py", "two = 2\n"),
    ],
)
def test_a_change_of_code_that_the_function_imports_is_seen(package, file, text):
    before = present()
    (package / file).write_text(text)
    assert present() != before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("model.py", MODEL.replace("A model.", "Another text.").replace("a comment", "why")),
        ("model.py", MODEL.replace("\n\n\n", "\n\n\n\n")),
        ("unused.py", "three = 3\n"),
    ],
)
def test_comments_docstrings_and_other_modules_do_not_count(package, file, text):
    before = present()
    (package / file).write_text(text)
    assert present() == before


def test_of_this_package_s_own_machinery_only_the_seeds_count(package):
    bare = present()
    (package / "base.py").write_text("import nlbook.parallel\none = 1\n")
    with_parallel = present()
    (package / "base.py").write_text("import nlbook.parallel.seeds\none = 1\n")
    with_seeds = present()
    assert len({bare, with_parallel, with_seeds}) == 3  # the import itself is code


def test_a_function_without_source_has_a_hash_too():
    assert len(code_tree_hash("math:sin")) == 64
