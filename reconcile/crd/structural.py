"""From a JSON schema to a structural one: references inlined, noise dropped, the rest checked.

A structural schema says the type of every field and knows no references, so that the server can prune,
default and merge by it. What cannot be said in it raises `ConfigurationError` with the model, the path of
the field, and a way out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from reconcile.crd.model_schema import MODEL_KEY, UNSUPPORTED_KEY
from reconcile.errors import ConfigurationError

_KEPT = (
    "type",
    "format",
    "description",
    "default",
    "enum",
    "example",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "nullable",
    "properties",
    "required",
    "additionalProperties",
    "items",
)
_EXTENSION = "x-kubernetes-"
_TYPE_FREE = ("x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")
_SCALARS = ("string", "integer", "number", "boolean")
_DROPPED_FORMATS = frozenset({"json-string", "path", "file-path", "directory-path"})


def structural(schema: Mapping[str, Any], *, model: str) -> dict[str, Any]:
    """The structural form of a model's schema.

    Raises:
        ConfigurationError: something cannot be said; the text names model, field and way out.
    """
    definitions = cast("Mapping[str, Any]", schema.get("$defs", {}))
    return _Pass(definitions, model).convert(schema, path="", within=())


class _Pass:
    def __init__(self, definitions: Mapping[str, Any], model: str) -> None:
        self._definitions = definitions
        self._model = model

    def convert(self, schema: Mapping[str, Any], *, path: str, within: tuple[str, ...]) -> dict[str, Any]:
        """One schema and all below it. `within` are the definitions that are being inlined."""
        schema, within = self._resolve(schema, path, within)
        if UNSUPPORTED_KEY in schema:
            what, way_out = schema[UNSUPPORTED_KEY]
            raise self._error(path, what, way_out)
        found = {key: schema[key] for key in _KEPT if key in schema}
        found |= {key: value for key, value in schema.items() if key.startswith(_EXTENSION)}
        if "examples" in schema and "example" not in found:
            found["example"] = schema["examples"][0]
        if found.get("format") in _DROPPED_FORMATS:
            del found["format"]
        if "pattern" in found:
            self._check_pattern(found["pattern"], path)
        if "properties" in found:
            found["properties"] = {
                name: self.convert(below, path=f"{path}.{name}", within=within)
                for name, below in found["properties"].items()
            }
        if isinstance(found.get("additionalProperties"), Mapping):
            found["additionalProperties"] = self.convert(
                found["additionalProperties"], path=f"{path}[*]", within=within
            )
        if found.get("type") == "array":
            if not found.get("items"):
                raise self._error(path, "a list without a type of its items", "write list[…] with the type")
            found["items"] = self.convert(found["items"], path=f"{path}[]", within=within)
            self._check_topology(found, path)
        if "type" not in found and not any(found.get(key) for key in _TYPE_FREE):
            raise self._error(path, "a field without a type", "give it one, or Any to keep whatever is there")
        if found.get("x-kubernetes-preserve-unknown-fields") and "items" not in found:
            found.pop("additionalProperties", None)
        return found

    def _resolve(
        self, schema: Mapping[str, Any], path: str, within: tuple[str, ...]
    ) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """Follow `$ref`; what stands beside it (a description, a default) is stronger."""
        while "$ref" in schema:
            name = cast("str", schema["$ref"]).rpartition("/")[2]
            if name in within:
                raise self._error(
                    path,
                    f"the model {self._definitions[name].get(MODEL_KEY, name)} contains itself",
                    "a structural schema has no references: limit the depth with a model for each level, "
                    "or type the field Any",
                )
            within = (*within, name)
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**self._definitions[name], **beside}
        return schema, within

    def _check_pattern(self, pattern: str, path: str) -> None:
        for construct, name in (
            ("(?=", "lookahead"),
            ("(?!", "lookahead"),
            ("(?<=", "lookbehind"),
            ("(?<!", "lookbehind"),
            ("\\Z", "\\Z"),
            ("(?P=", "a backreference"),
        ):
            if construct in pattern:
                raise self._error(
                    path, f"the pattern {pattern!r} uses {name}", "the server's RE2 has none: write a Rule"
                )

    def _check_topology(self, found: Mapping[str, Any], path: str) -> None:
        kind = found.get("x-kubernetes-list-type")
        items = cast("Mapping[str, Any]", found["items"])
        if kind == "set" and items.get("type") not in _SCALARS:
            raise self._error(path, "a set of objects", "use a list with __list_keys__ on its model")
        for key in found.get("x-kubernetes-list-map-keys", ()):
            field = items.get("properties", {}).get(key)
            if field is None or not (key in items.get("required", ()) or "default" in field):
                raise self._error(
                    path,
                    f"the list key {key!r} is not a field that every item has",
                    "make the field required, or give it a default",
                )

    def _error(self, path: str, what: str, way_out: str) -> ConfigurationError:
        field = path or "the model itself"
        return ConfigurationError(
            f"model {self._model}, field {field.lstrip('.')}: {what} cannot be part of a "
            f"CustomResourceDefinition; {way_out}"
        )
