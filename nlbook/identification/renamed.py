"""Fields that had another name before."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["renamed_fields"]

T = TypeVar("T", bound=type)


def renamed_fields(**names: str) -> Callable[[T], T]:
    """Let a dataclass be made, and read, by its fields' names of before, and say so.

    Parameters
    ----------
    **names : str
        The name of now by that of before.
    """

    def warn(before: str) -> None:
        text = f"{before} is deprecated: its name is {names[before]}"
        warnings.warn(text, DeprecationWarning, stacklevel=3)

    def decorate(cls: T) -> T:
        init = cls.__init__  # type: ignore[misc]

        @functools.wraps(init)
        def accepting(self: Any, *arguments: Any, **named: Any) -> None:
            for before, now in names.items():
                if before in named:
                    warn(before)
                    if now in named:
                        raise TypeError(f"{now} is given twice, once as {before}")
                    named[now] = named.pop(before)
            init(self, *arguments, **named)

        def reading(before: str) -> property:
            def read(self: Any) -> Any:
                warn(before)
                return getattr(self, names[before])

            return property(read, doc=f"Deprecated: `{names[before]}`.")

        cls.__init__ = accepting  # type: ignore[misc]
        for before in names:
            setattr(cls, before, reading(before))
        return cls

    return decorate
