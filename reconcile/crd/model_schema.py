"""Pydantic's JSON schema of a model, bent where Kubernetes says the same thing differently.

What Pydantic emits by default and the server refuses, and what is emitted here instead:

    Optional[T]             anyOf [T, null]           T, and not required
    int | str               anyOf of two types        x-kubernetes-int-or-string
    Literal["a"]            const                     an enum of one value
    Any, dict[str, Any]     {} and true               x-kubernetes-preserve-unknown-fields
    set[T]                  uniqueItems               x-kubernetes-list-type: set
    gt=, lt=                numeric exclusiveMinimum  minimum with exclusiveMinimum: true
    Decimal                 anyOf number, string      x-kubernetes-int-or-string
    list[Condition]         a plain list              a map by `type`

Each model leaves its name behind (`MODEL_KEY`), so that an error can say where it is.
"""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from reconcile.objects.pydantic_protocol import with_natural_keys

MODEL_KEY = "x-reconcile-model"
UNSUPPORTED_KEY = "x-reconcile-unsupported"

_PRESERVED: dict[str, Any] = {"x-kubernetes-preserve-unknown-fields": True}
_INT_OR_STRING: dict[str, Any] = {"x-kubernetes-int-or-string": True}


def json_schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The schema with `$ref` and `$defs`, still to be made structural."""
    return model.model_json_schema(by_alias=True, schema_generator=_Generator, mode="validation")


def _unsupported(what: str, way_out: str) -> JsonSchemaValue:
    """Left in the schema where the path to the field is not known yet; `structural` raises it."""
    return {UNSUPPORTED_KEY: (what, way_out)}


class _Generator(GenerateJsonSchema):
    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        found = super().model_schema(schema)
        cls = schema["cls"]
        extra = found.pop("additionalProperties", None)
        if extra:
            found["x-kubernetes-preserve-unknown-fields"] = True
        keys: dict[str, tuple[str, ...]] = getattr(cls, "__list_keys__", {})
        for name, list_keys in keys.items():
            field = found.get("properties", {}).get(name)
            if field is not None:
                field["x-kubernetes-list-type"] = "map"
                field["x-kubernetes-list-map-keys"] = list(list_keys)
        found[MODEL_KEY] = cls.__name__
        return found

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        if found.get("default", ...) is None:
            # "null" would be accepted and never applied.
            found = {key: value for key, value in found.items() if key != "default"}
        return found

    def any_schema(self, schema: core_schema.AnySchema) -> JsonSchemaValue:
        return dict(_PRESERVED)

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return self._enum([getattr(value, "value", value) for value in schema["expected"]])

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        found = super().enum_schema(schema)
        if "const" in found:
            found["enum"] = [found.pop("const")]
        return found

    def _enum(self, values: list[Any]) -> JsonSchemaValue:
        kinds = sorted({type(value).__name__ for value in values})
        if kinds == ["str"]:
            return {"type": "string", "enum": values}
        if kinds == ["int"]:
            return {"type": "integer", "enum": values}
        return _unsupported(
            f"a Literal of {', '.join(kinds)}",
            "use values of one type, strings or integers; None is said by Optional",
        )

    def union_schema(self, schema: core_schema.UnionSchema) -> JsonSchemaValue:
        choices = [choice[0] if isinstance(choice, tuple) else choice for choice in schema["choices"]]
        kinds = {cast("str", choice["type"]) for choice in choices}
        if kinds == {"int", "str"}:
            return dict(_INT_OR_STRING)
        inner = [self.generate_inner(choice) for choice in choices]
        if all(each == inner[0] for each in inner):
            return inner[0]
        if all("enum" in each and each.get("type") == inner[0].get("type") for each in inner):
            return {**inner[0], "enum": [value for each in inner for value in each["enum"]]}
        return _unsupported(
            "a union of different types",
            "use one type, int | str, or a model with an optional field for each variant",
        )

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        return _unsupported(
            "a discriminated union", "use a model with the tag and an optional field for each variant"
        )

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        return dict(_INT_OR_STRING)

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:
        return {"type": "string", "format": "byte"}

    def list_schema(self, schema: core_schema.ListSchema) -> JsonSchemaValue:
        return with_natural_keys(super().list_schema(schema))

    def set_schema(self, schema: core_schema.SetSchema) -> JsonSchemaValue:
        return self._set(super().set_schema(schema))

    def frozenset_schema(self, schema: core_schema.FrozenSetSchema) -> JsonSchemaValue:
        return self._set(super().frozenset_schema(schema))

    def _set(self, found: JsonSchemaValue) -> JsonSchemaValue:
        found.pop("uniqueItems", None)
        return {**found, "x-kubernetes-list-type": "set"}

    def tuple_schema(self, schema: core_schema.TupleSchema) -> JsonSchemaValue:
        items = schema["items_schema"]
        if schema.get("variadic_item_index") == 0 and len(items) == 1:
            return {"type": "array", "items": self.generate_inner(items[0])}
        return _unsupported("a tuple of fixed length", "use a list, or a model with named fields")

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        keys = schema.get("keys_schema", core_schema.any_schema())
        if keys["type"] not in ("any", "str") or keys.get("pattern"):
            return _unsupported(
                "a dict whose keys are not plain strings", "use dict[str, …], and a Rule for the keys"
            )
        values = self.generate_inner(schema.get("values_schema", core_schema.any_schema()))
        found: JsonSchemaValue = {"type": "object"}
        # A value without a type would be pruned to nothing inside additionalProperties.
        found.update(_PRESERVED if values == _PRESERVED else {"additionalProperties": values})
        for limit, keyword in (("min_length", "minProperties"), ("max_length", "maxProperties")):
            if schema.get(limit) is not None:
                found[keyword] = schema.get(limit)
        return found

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return {"format": "int64", **_bounds(super().int_schema(schema))}

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return _bounds(super().float_schema(schema))


def _bounds(found: JsonSchemaValue) -> JsonSchemaValue:
    for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in found:
            found[inclusive] = found[exclusive]
            found[exclusive] = True
    return found
