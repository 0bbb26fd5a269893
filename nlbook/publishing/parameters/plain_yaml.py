"""Read YAML as a person means it: numbers as they are written, nothing twice.

YAML 1.1, which PyYAML reads, takes ``12:30`` for 750, ``010`` for 8, ``yes`` for true and
``1e-3`` for text, and lets the last of two values of one name win. Here plain words are numbers,
``true``, ``false`` and ``null`` in the forms of YAML 1.2 (and ``none``, as on the command line);
everything else is text, and a name that is there twice is refused.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

__all__ = ["YamlError", "read_yaml"]

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_NULL = re.compile(r"~|null|Null|NULL|none|None|")


class YamlError(ValueError):
    """The text is no YAML, or names something twice; the message says where."""


def read_yaml(text: str) -> Any:
    """Read one YAML document.

    Parameters
    ----------
    text : str
        The document.

    Returns
    -------
    object
        Of plain types: None, bool, int, float, str, list, dict.

    Raises
    ------
    YamlError
        If it can't be read, or a mapping has a name twice.
    """
    import yaml

    try:
        return yaml.load(text, _loader())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise YamlError(" ".join(str(error).split())) from None


@lru_cache(maxsize=1)
def _loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Of the core schema of YAML 1.2, without its octal and hexadecimal numbers."""

        yaml_implicit_resolvers: dict[Any, Any] = {}

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            names = [self.construct_object(key, deep=True) for key, _ in node.value]
            for number, (key, _) in enumerate(node.value):
                if names[number] in names[:number]:
                    raise YamlError(
                        f"line {key.start_mark.line + 1}: {names[number]!r} is there twice"
                    )
            return super().construct_mapping(node, deep)

    def scalar(kind: str) -> str:
        return f"tag:yaml.org,2002:{kind}"

    for kind, pattern in (("null", _NULL), ("bool", _BOOL), ("int", _INT), ("float", _FLOAT)):
        whole = re.compile(f"(?:{pattern.pattern})$")
        Loader.add_implicit_resolver(scalar(kind), whole, None)
    Loader.add_constructor(scalar("int"), lambda loader, node: int(node.value, 10))
    Loader.add_constructor(scalar("bool"), lambda loader, node: node.value.lower() == "true")
    return Loader
