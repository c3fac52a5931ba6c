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
    if node.value in ("y", "Y", "n", "N") and node.tag == "tag:yaml.org,2002:str" and not node.style:
        return node.value in "yY"
    if node.tag in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:binary"):
        return node.value
    return loader.construct_object(node, deep=True)


def repeated_keys(raw: bytes) -> list[str]:
    """`line 4: key "a" already set in map` for each key of a YAML document that comes twice in one map."""
    import yaml

    found: list[str] = []

    def walk(node: Any) -> None:
        if node.id == "mapping":
            seen: set[str] = set()
            for key, value in node.value:
                if key.id == "scalar":
                    if key.value in seen:
                        found.append(f'line {key.start_mark.line + 1}: key "{key.value}" already set in map')
                    seen.add(key.value)
                walk(value)
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
