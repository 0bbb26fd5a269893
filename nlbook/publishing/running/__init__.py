"""Chapters run: whole or not at all, only the stale ones, on record, at what cost."""

from nlbook.publishing.running.build import execute_stale
from nlbook.publishing.running.copies import check_copies, make_copies
from nlbook.publishing.running.costs import Estimate, estimate
from nlbook.publishing.running.doctor import findings
from nlbook.publishing.running.freshness import chapter_key, why_stale
from nlbook.publishing.running.records import read_record
from nlbook.publishing.running.runner import run_chapter

__all__ = [
    "Estimate",
    "chapter_key",
    "check_copies",
    "estimate",
    "execute_stale",
    "findings",
    "make_copies",
    "read_record",
    "run_chapter",
    "why_stale",
]
