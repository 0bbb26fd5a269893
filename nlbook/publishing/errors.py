"""Errors of the book's machinery that the command line shows as one line."""

from __future__ import annotations

__all__ = ["BookError", "ClaimFailed", "ParameterError", "RunFailed"]


class BookError(ValueError):
    """Bad input: a chapter, tier, file or option that the book doesn't have."""


class ParameterError(BookError):
    """A parameter that the chapter doesn't have, or a value of the wrong type."""


class RunFailed(RuntimeError):
    """A chapter that did not run to its end."""


class ClaimFailed(AssertionError):
    """A claimed value that is outside its bounds."""
