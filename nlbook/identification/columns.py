"""Columns with names, in place of tables whose column numbers mean things."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Columns"]


@dataclass(frozen=True, eq=False)
class Columns:
    """Arrays of one length, by name; as an array (n, number of columns), in their order."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.stack(list(vars(self).values()), axis=1).astype(dtype or np.float64)

    def __len__(self) -> int:
        return len(next(iter(vars(self).values())))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self), len(vars(self))

    def __getitem__(self, key: Any) -> Any:
        """What columns by number were; deprecated."""
        self._warn()
        return np.asarray(self)[key]

    def __getattr__(self, name: str) -> Any:
        """What an array has besides; deprecated."""
        if name.startswith("_") or not vars(self) or not hasattr(np.ndarray, name):
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        self._warn()
        return getattr(np.asarray(self), name)

    def _warn(self) -> None:
        warnings.warn(
            f"columns by number are deprecated: take {', '.join(vars(self))} by name",
            DeprecationWarning,
            stacklevel=3,
        )
