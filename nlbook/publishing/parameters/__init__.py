"""The parameters of a chapter: what they may be, their tiers, and checked values."""

from nlbook.publishing.parameters.chapter import (
    Parameter,
    declaration_text,
    matching_tiers,
    read_parameters,
    resolve,
)
from nlbook.publishing.parameters.conversion import convert, from_text
from nlbook.publishing.parameters.plain_yaml import YamlError, read_yaml

__all__ = [
    "Parameter",
    "YamlError",
    "convert",
    "declaration_text",
    "from_text",
    "matching_tiers",
    "read_parameters",
    "read_yaml",
    "resolve",
]
