"""Answers as YAML, in the style of the library that kube-apiserver writes it with."""

from __future__ import annotations

from typing import Any, Final, cast

import yaml

_Base: Final[type[yaml.SafeDumper]] = cast(
    "type[yaml.SafeDumper]", getattr(yaml, "CSafeDumper", yaml.SafeDumper)
)
_TEXT: Final = "tag:yaml.org,2002:str"


class _Dumper(_Base):
    """Text of several lines as a block; two marks around what would be read as something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if "\n" in text:
        style = "|"
    elif dumper.resolve(yaml.ScalarNode, text, (True, False)) != _TEXT or _is_old_boolean(text):
        style = '"'
    return dumper.represent_scalar(_TEXT, text, style=style)


def _is_old_boolean(text: str) -> bool:
    return text in ("y", "Y", "n", "N", "<<", "=")


_Dumper.add_representer(str, _text)


def dump_yaml(value: Any) -> bytes:
    """A JSON value as YAML, keys sorted."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=True, allow_unicode=True)
    return text.encode()
