"""How the loops of the package are compiled: without Python's lock, by IEEE rules, and cached.

numba keeps what it has compiled beside the source, or in the user's cache folder; where neither
can be written, a folder of the user's own among the temporary ones serves. None of them is a
need: without any a loop is compiled anew in each process, and a cache that is full or damaged
costs time, never a result. One warning says so. numba alone watches the file of a loop; here those
of the compiled functions that it calls are watched too, so that loops may be spread over files.
"""

from __future__ import annotations

import inspect
import os
import pickle
import warnings
from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core import caching

from nlbook.host import temporary_folder

__all__ = ["CompilationWarning", "compiled"]

_warned = False


class CompilationWarning(UserWarning):
    """What was compiled could not be kept, or not be read again."""


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function when it is first called, and keep the result where that can be done.

    Division by zero gives infinity as in NumPy, and Python's lock is released.

    Parameters
    ----------
    **options
        More options of `numba.njit`, such as ``fastmath`` or ``forceinline``.

    Returns
    -------
    callable
        The decorator.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        loop = njit(error_model="numpy", nogil=True, **options)(function)
        if hasattr(loop, "enable_caching"):  # else NUMBA_DISABLE_JIT is set
            try:
                loop._cache = _Cache(function)
            except RuntimeError as error:  # numba finds no folder that it may write
                _warn(f"compiled code can't be kept, so each process compiles anew: {error}")
        return loop

    return decorate


class _TemporaryFolder(caching._SourceFileBackedLocatorMixin, caching._CacheLocator):
    """Where to keep what was compiled if nowhere else can be written."""

    def __init__(self, function: Any, file: str) -> None:
        self._py_file = file
        self._lineno = function.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        """Folder of the loops of this file."""
        name: str = self.get_suitable_cache_subpath(self._py_file)
        return str(temporary_folder() / "numba" / name)


class _Places(caching.CompileResultCacheImpl):
    _locator_classes = [*caching.CompileResultCacheImpl._locator_classes, _TemporaryFolder]


class _Cache(caching.FunctionCache):
    """numba's cache; a failure to read or write it is no failure of the call."""

    _impl_class = _Places

    def _watch(self) -> None:
        """Make what is kept depend on all files that it was compiled from.

        Not before it is needed: a loop may stand above what it calls.
        """
        files: set[str] = set()
        _add_files(self._py_func, files, set())
        others = sorted(files - {inspect.getfile(self._py_func)})
        if others:
            stamps = [(stat.st_mtime, stat.st_size) for stat in map(os.stat, others)]
            self._cache_file = caching.IndexDataCacheFile(
                cache_path=self._cache_path,
                filename_base=self._impl.filename_base,
                source_stamp=(self._impl.locator.get_source_stamp(), *stamps),
            )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        self._watch()
        try:
            return super().load_overload(sig, target_context)
        except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ValueError) as error:
            _warn(f"compiled code can't be read again, so it is compiled anew: {error}")
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            _warn(f"compiled code can't be kept: {error}")


def _add_files(function: Any, files: set[str], seen: set[Any]) -> None:
    """Add the files of a function, of the compiled functions that it names, and of theirs."""
    if function in seen:
        return
    seen.add(function)
    files.add(inspect.getfile(function))
    for name in function.__code__.co_names:
        called = getattr(function.__globals__.get(name), "py_func", None)
        if called is not None:
            _add_files(called, files, seen)


def _warn(message: str) -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"{message}. NUMBA_CACHE_DIR names another folder", CompilationWarning, stacklevel=2
        )
