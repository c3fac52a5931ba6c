"""YAML bodies, read as sigs.k8s.io/yaml reads them: YAML 1.2's JSON types, repeated keys noticed."""

from __future__ import annotations

from typing import Any


def load_yaml(raw: bytes) -> tuple[Any, list[str]]:
    """The document as JSON values, and which keys came twice. Raises ValueError in go-yaml's style."""
    import yaml

    duplicates: list[str] = []
    loader_class: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = loader_class(raw)
    try:
        node = loader.get_single_node()
        return (None if node is None else _value(loader, node, "", duplicates)), duplicates
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f"line {mark.line + 1}: " if mark is not None else ""
        raise ValueError(f"error converting YAML to JSON: yaml: {line}{error.problem}") from None
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"error converting YAML to JSON: yaml: {error}") from None
    finally:
        loader.dispose()


_MAX_DEPTH = 1000


def _value(loader: Any, node: Any, path: str, duplicates: list[str], depth: int = 0) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError("error converting YAML to JSON: yaml: exceeded max depth of 10000")
    if node.id == "mapping":
        loader.flatten_mapping(node)
        made: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _key(loader, key_node)
            if key in made:
                duplicates.append(f'duplicate field "{path}{key}"')
            made[key] = _value(loader, value_node, f"{path}{key}.", duplicates, depth + 1)
        return made
    if node.id == "sequence":
        return [
            _value(loader, item, f"{path[:-1]}[{index}].", duplicates, depth + 1)
            for index, item in enumerate(node.value)
        ]
    if node.tag in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:binary"):
        return node.value
    return loader.construct_object(node, deep=True)


def _key(loader: Any, node: Any) -> str:
    key = loader.construct_object(node, deep=True) if node.id == "scalar" else None
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, str | int | float):
        return node.value if not isinstance(key, str) else key
    return str(node.value)
