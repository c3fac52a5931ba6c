"""Definitions as files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def file_name(definition: Mapping[str, Any], ending: str = "yaml") -> str:
    """`<group>_<plural>.yaml`, as controller-gen names them."""
    spec = definition["spec"]
    return f"{spec['group']}_{spec['names']['plural']}.{ending}"


def to_json(definition: Mapping[str, Any]) -> str:
    """The definition as JSON, the same bytes for the same definition."""
    return json.dumps(definition, indent=2, ensure_ascii=False) + "\n"


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
