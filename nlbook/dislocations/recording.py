"""Deprecated: `Recorded` and `read_record` are in `nlbook.dislocations`.

The program that was here is ``python book/studies/creep.py``.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from nlbook import dislocations

if TYPE_CHECKING:
    from nlbook.dislocations import Recorded, read_record

__all__ = ["Recorded", "read_record"]


def __getattr__(name: str) -> Any:
    """Hand on what moved, with a warning."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    message = f"import {name} from nlbook.dislocations, not from {__name__}"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return getattr(dislocations, name)


if __name__ == "__main__":  # or the command of before would do nothing, and succeed
    raise SystemExit("the program that was here is python book/studies/creep.py")
