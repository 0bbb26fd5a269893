"""The cache of compiled loops is a convenience: without it all else stays."""

import errno
import warnings

import numpy as np
import pytest
from numba.core import caching

from nlbook import compilation
from nlbook.compilation import CompilationWarning, compiled


def twice(x):
    return 2.0 * x


@pytest.fixture
def no_warning_yet(monkeypatch):
    monkeypatch.setattr(compilation, "_warned", False)


def test_division_by_zero_is_that_of_numpy(no_warning_yet):
    ratio = compiled()(lambda a, b: a / b)
    assert ratio(1.0, 0.0) == np.inf


def test_where_no_folder_can_be_written_loops_compile_uncached(no_warning_yet, monkeypatch):
    monkeypatch.setattr(caching.CompileResultCacheImpl, "_locator_classes", [])
    with pytest.warns(CompilationWarning, match="each process compiles anew") as said:
        assert compiled()(twice)(1.5) == 3.0
        assert compiled()(twice)(1.0) == 2.0
    assert len(said) == 1


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no space left"), EOFError()])
@pytest.mark.parametrize("step", ["save", "load"])
def test_a_full_or_damaged_cache_ends_no_call(no_warning_yet, monkeypatch, tmp_path, step, error):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(caching.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(caching.IndexDataCacheFile, step, fail)
    with pytest.warns(CompilationWarning, match="kept|compiled anew"):
        assert compiled()(twice)(1.5) == 3.0


def test_what_was_compiled_is_found_again(no_warning_yet, monkeypatch, tmp_path):
    monkeypatch.setattr(caching.config, "CACHE_DIR", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compiled()(twice)(1.5) == 3.0
        again = compiled()(twice)
        assert again(1.5) == 3.0
    assert sum(again.stats.cache_hits.values()) == 1
