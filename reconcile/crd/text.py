"""Definitions as files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def file_name(definition: Mapping[str, Any]) -> str:
    """`<group>_<plural>.yaml`, as controller-gen names them."""
    spec = definition["spec"]
    return f"{spec['group']}_{spec['names']['plural']}.yaml"


def to_yaml(definition: Mapping[str, Any]) -> str:
    """The definition as YAML, the same bytes for the same definition."""
    import yaml

    return yaml.dump(
        dict(definition),
        Dumper=_dumper(),
        sort_keys=False,
        default_flow_style=False,
        width=100,
        allow_unicode=True,
    )


def _dumper() -> Any:
    import yaml

    class Plain(yaml.SafeDumper):
        """Lists indented below their key, and no anchors: a reader is no graph."""

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
            return super().increase_indent(flow, False)

        def ignore_aliases(self, data: Any) -> bool:
            return True

    return Plain
