"""Chapters as notebooks: joined with their outputs, cut in two pages, in plain Markdown.

What reads a chapter by jupytext, `staging` and `reading`, is imported when it is called for.
"""

from nlbook.publishing.notebooks.normal_form import is_injected, normalise
from nlbook.publishing.notebooks.prose import render_prose

__all__ = [
    "is_injected",
    "normalise",
    "render_prose",
]
