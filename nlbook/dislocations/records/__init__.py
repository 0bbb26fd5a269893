"""Recorded ensembles of creep: writing them while they are computed, and reading them."""

from nlbook.dislocations.records.integrator_study import IntegratorStudy, read_integrator_study
from nlbook.dislocations.records.read import Recorded, paired_difference, read_record
from nlbook.dislocations.records.sessions import describe_record
from nlbook.dislocations.records.writer import RecordWriter, seen_by_record, steps_apart

__all__ = [
    "IntegratorStudy",
    "RecordWriter",
    "Recorded",
    "describe_record",
    "paired_difference",
    "read_integrator_study",
    "read_record",
    "seen_by_record",
    "steps_apart",
]
