"""Sets of field paths.

A path is a tuple of elements spelled as FieldsV1 spells them: `f:name` a field, `k:{"name":"a"}` an item of
a list with keys, `v:"a"` an item of a set, `i:0` a position. A set holds the paths themselves; a path being
in it says nothing about what is above or below.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

Path = tuple[str, ...]
FieldSet = frozenset[Path]

EMPTY: FieldSet = frozenset()


def element_of(kind: str, value: Any) -> str:
    return f"{kind}:{msgspec.json.encode(value, order='sorted').decode()}"


def on_the_wire(element: str) -> str:
    """Orders `.`, fields, keys, values, positions: the alphabet but for the positions."""
    return f"~{element}" if element[0] == "i" else element


def in_order(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: [on_the_wire(element) for element in path])


def to_fields_v1(paths: FieldSet) -> dict[str, Any]:
    """The trie that goes on the wire."""
    root: dict[str, Any] = {}
    for path in paths:
        node = root
        for element in path:
            below = node.get(element)
            if below is None:
                below = node[element] = {}
            node = below
        node["."] = {}
    return _in_wire_form(root)


def _in_wire_form(node: dict[str, Any]) -> dict[str, Any]:
    """In order. A path without anything below it is an empty map; only others need the dot."""
    if len(node) == 1 and "." in node:
        return {}
    order = sorted(node, key=on_the_wire) if len(node) > 1 else node
    return {key: _in_wire_form(node[key]) if key != "." else {} for key in order}


def from_fields_v1(trie: Any) -> FieldSet:
    """Raises ValueError for what is no FieldsV1."""
    found: set[Path] = set()

    def walk(node: Any, path: Path) -> None:
        if not isinstance(node, dict):
            raise ValueError(f"not a set of fields: {node!r}")
        if path and (not node or "." in node):
            found.add(path)
        for key, inner in node.items():
            if key == ".":
                continue
            if not isinstance(key, str) or key[:2] not in ("f:", "k:", "v:", "i:"):
                raise ValueError(f"not a path element: {key!r}")
            walk(inner, (*path, key))

    walk(trie, ())
    return frozenset(found)


def path_text(path: Path) -> str:
    """The path as messages show it: `.spec.containers[name="a"].image`."""
    parts: list[str] = []
    for element in path:
        kind, text = element[0], element[2:]
        if kind == "f":
            parts.append(f".{text}")
        elif kind == "k":
            keys = msgspec.json.decode(text)
            inner = ",".join(
                f"{key}={msgspec.json.encode(value).decode()}" for key, value in sorted(keys.items())
            )
            parts.append(f"[{inner}]")
        elif kind == "v":
            parts.append(f"[={text}]")
        else:
            parts.append(f"[{text}]")
    return "".join(parts)
