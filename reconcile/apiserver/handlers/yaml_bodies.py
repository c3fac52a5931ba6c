"""YAML bodies, read as sigs.k8s.io/yaml reads them: YAML 1.2's JSON types, repeated keys noticed."""

from __future__ import annotations

import re
from typing import Any

from reconcile.apiserver.handlers.nesting import shortened


def load_yaml(raw: bytes) -> tuple[Any, list[str]]:
    """The document as JSON values, keys in order, as they are once it was made JSON; and its `repeated_keys`.

    Of a key that comes twice the last value counts. Raises ValueError in go-yaml's style.
    """
    import yaml

    check_depth(raw)
    loader_class: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = loader_class(raw)
    try:
        node = loader.get_single_node()
        values = _Values(loader)
        found = None if node is None else values.of(node)
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(yaml_problem(error)) from None
    finally:
        loader.dispose()
    return found, repeated_keys(raw) if values.repeat else []


def yaml_problem(error: Exception) -> str:
    """What go-yaml says of the same mistake. It counts lines from 0, but in what its scanner finds."""
    import yaml
    from yaml.scanner import ScannerError

    if isinstance(error, RecursionError):
        return "yaml: exceeded max depth of 10000"
    if not isinstance(error, yaml.MarkedYAMLError):
        return f"yaml: {error}"
    line = 0
    for mark in (error.problem_mark, error.context_mark):
        if mark is not None and mark.line:
            line = mark.line + isinstance(error, ScannerError)
            break
    return f"yaml: line {line}: {error.problem}" if line else f"yaml: {error.problem}"


_MAX_DEPTH = 500
_NESTS = re.compile(rb"[\[{:?-]")


def check_depth(raw: bytes) -> None:
    """Raises ValueError for a document that is nested too deeply, before a parser goes down into it.

    libyaml's parser is told what is open by a list, the composer on top of it by the C stack, which ends.
    """
    import yaml

    # Each level has one of these before it: most documents need no second look.
    if sum(1 for _ in _NESTS.finditer(raw)) <= _MAX_DEPTH:
        return
    if raw.lstrip()[:1] == b"{":
        # JSON, it seems: of that the levels below can be cut off.
        try:
            cut = shortened(raw) != raw
        except (ValueError, RecursionError):
            cut = False
        if cut:
            raise RecursionError
    depth = 0
    try:
        for event in yaml.parse(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _MAX_DEPTH:
                    raise ValueError("yaml: exceeded max depth of 10000")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:
        # The parser that comes next says what is wrong.
        return


# Aliases make much of little; three megabytes can spell out about so many values.
_MAX_VALUES = 1_500_000


class _Values:
    """Nodes of a document as JSON values.

    Attributes:
        repeat: whether a key may have come twice in one map.
    """

    def __init__(self, loader: Any) -> None:
        self.repeat = False
        self._loader = loader
        self._left = _MAX_VALUES

    def of(self, node: Any, depth: int = 0) -> Any:
        if depth > _MAX_DEPTH:
            raise ValueError("yaml: exceeded max depth of 10000")
        self._left -= 1
        if self._left < 0:
            raise ValueError("yaml: document contains excessive aliasing")
        if node.id == "mapping":
            self._loader.flatten_mapping(node)
            made = {_key(self._loader, key): self.of(value, depth + 1) for key, value in node.value}
            self.repeat |= len(made) < len(node.value)
            return dict(sorted(made.items()))
        if node.id == "sequence":
            return [self.of(item, depth + 1) for item in node.value]
        if node.value in ("y", "Y", "n", "N") and node.tag == "tag:yaml.org,2002:str" and not node.style:
            return node.value in "yY"
        if node.tag in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:binary"):
            return node.value
        return self._loader.construct_object(node, deep=True)


def repeated_keys(raw: bytes) -> list[str]:
    """`line 4: key "a" already set in map` for each key of a YAML document that comes twice in one map.

    In the order in which go-yaml tells them, which has read the value before it looks at the key, and names
    the line on which the value begins. Raises ValueError when the document is nested too deeply.
    """
    import yaml

    check_depth(raw)
    found: list[str] = []

    def walk(node: Any) -> None:
        if node.id == "mapping":
            seen: set[str] = set()
            for key, value in node.value:
                walk(value)
                if key.id == "scalar":
                    if key.value in seen:
                        found.append(
                            f'line {value.start_mark.line + 1}: key "{key.value}" already set in map'
                        )
                    seen.add(key.value)
        elif node.id == "sequence":
            for item in node.value:
                walk(item)

    node = yaml.compose(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if node is not None:
        walk(node)
    return found


def _key(loader: Any, node: Any) -> str:
    key = loader.construct_object(node, deep=True) if node.id == "scalar" else None
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, str | int | float):
        return node.value if not isinstance(key, str) else key
    return str(node.value)
