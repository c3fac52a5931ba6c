"""Pydantic's JSON schema of a model, bent where Kubernetes says the same thing differently.

What Pydantic emits by default and the server refuses, and what is emitted here instead:

    Optional[T]             anyOf [T, null]           T, and not required
    int | str               anyOf of two types        x-kubernetes-int-or-string
    Literal["a"]            const                     an enum of one value
    Any, dict[str, Any]     {} and true               x-kubernetes-preserve-unknown-fields
    set[T]                  uniqueItems               x-kubernetes-list-type: set
    gt=, lt=                numeric exclusiveMinimum  minimum with exclusiveMinimum: true
    Decimal                 anyOf number, string      x-kubernetes-int-or-string with a pattern
    timedelta, time         formats nobody enforces   a pattern
    dict[Literal, T], …     propertyNames             a rule on the keys
    list[Condition]         a plain list              a map by `type`
    A | B of models         anyOf, oneOf of schemas   left for `unions`, under UNION_KEY

Each model leaves its name behind (`MODEL_KEY`), so that an error can say where it is. What cannot be said
stays in the schema under `UNSUPPORTED_KEY` until the path to the field is known.
"""

from __future__ import annotations

import base64
from typing import Any, Final, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from reconcile.crd.markers import add_rule, markers_of
from reconcile.crd.rule_text import quoted
from reconcile.objects.pydantic_protocol import with_natural_keys

MODEL_KEY: Final = "x-reconcile-model"
NAMES_KEY: Final = "x-reconcile-names"
UNION_KEY: Final = "x-reconcile-union"
UNSUPPORTED_KEY: Final = "x-reconcile-unsupported"

_INT64: Final = 2.0**63
_MOST_REPEATED: Final = 1000
_PRESERVED: Final[dict[str, Any]] = {"x-kubernetes-preserve-unknown-fields": True}
_INT_OR_STRING: Final[dict[str, Any]] = {"x-kubernetes-int-or-string": True}
_DECIMAL: Final = r"^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$"
_SPAN: Final = r"^[-+]?P(([0-9]+[YMWD])+(T([0-9]+(\.[0-9]+)?[HMS])+)?|T([0-9]+(\.[0-9]+)?[HMS])+)$"
_TIME_OF_DAY: Final = r"^[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[-+][0-9]{2}:[0-9]{2})?$"
_NUMBERS: Final = {"int": "integer", "float": "number", "str": "string", "bool": "boolean"}


def json_schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The schema with `$ref` and `$defs`, still to be made structural."""
    return model.model_json_schema(by_alias=True, schema_generator=_Generator, mode="validation")


def _unsupported(what: str, way_out: str) -> JsonSchemaValue:
    """Left in the schema where the path to the field is not known yet; `structural` raises it."""
    return {UNSUPPORTED_KEY: [what, way_out]}


class _Generator(GenerateJsonSchema):
    # A `default: null` is left out, and said nowhere.
    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    # -- objects -----------------------------------------------------------------------------------

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        found = super().model_schema(schema)
        cls = schema["cls"]
        if not cls.model_config.get("title"):
            found.pop("title", None)
        if schema.get("root_model"):
            return found
        names = {name: _wire_name(name, info) for name, info in cls.model_fields.items()}
        self._class_says(found, cls, names)
        keys: dict[str, tuple[str, ...]] = getattr(cls, "__list_keys__", {})
        for name, list_keys in keys.items():
            field = found.get("properties", {}).get(name)
            if field is not None:
                field["x-kubernetes-list-type"] = "map"
                field["x-kubernetes-list-map-keys"] = list(list_keys)
        for name, info in cls.model_fields.items():
            self._write_default(found, cls, name, info)
            self._check_names(found, name, info)
        return found

    def _write_default(self, found: JsonSchemaValue, cls: type[BaseModel], name: str, info: Any) -> None:
        """A default as the model itself writes it, since the model has to read it back from the server."""
        field = found.get("properties", {}).get(_wire_name(name, info), {})
        if "default" not in field:
            return
        part = cls.model_construct(**{name: info.default})
        dumped = part.model_dump(
            mode="json", by_alias=True, include={name}, exclude_none=True, warnings=False
        )
        if len(dumped) == 1:
            (field["default"],) = dumped.values()

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        found = super().dataclass_schema(schema)
        found.pop("title", None)
        # The text that Python makes for a dataclass without one is its signature.
        if str(found.get("description", "")).startswith(f"{schema['cls'].__name__}("):
            del found["description"]
        self._class_says(found, schema["cls"], {name: name for name in found.get("properties", {})})
        return found

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        found = super().typed_dict_schema(schema)
        found.pop("title", None)
        cls = schema.get("cls")
        if cls is not None:
            self._class_says(found, cls, {name: name for name in found.get("properties", {})})
        return found

    def _class_says(self, found: JsonSchemaValue, cls: type[Any], names: dict[str, str]) -> None:
        if found.pop("additionalProperties", None):
            found.update(_PRESERVED)
        for marker in markers_of(cls):
            marker.mark(found)
        found[MODEL_KEY] = cls.__name__
        found[NAMES_KEY] = names

    def _check_names(self, found: JsonSchemaValue, name: str, info: Any) -> None:
        read, written = info.validation_alias, info.serialization_alias
        problem: JsonSchemaValue | None = None
        if read is not None and not isinstance(read, str):
            problem = _unsupported(f"a field read under {type(read).__name__}", "give it one name by alias=")
        elif read is not None and written is not None and read != written:
            problem = _unsupported(
                f"a field that is read as {read!r} and written as {written!r}", "give it one name by alias="
            )
        if problem is not None:
            found.setdefault("properties", {})[name] = problem

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def computed_field_schema(self, schema: Any, field_serialization_alias: Any = None) -> JsonSchemaValue:
        return dict(_PRESERVED)

    # -- defaults, and nothing ---------------------------------------------------------------------

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        if found.get("default", ...) is None:
            # "null" would be accepted and never applied.
            found = {key: value for key, value in found.items() if key != "default"}
        return found

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, BaseModel):
            return dft.model_dump(mode="json", by_alias=True, exclude_none=True)
        if isinstance(dft, bytes) and self._config.val_json_bytes == "base64":
            return base64.b64encode(dft).decode()
        return super().encode_default(dft)

    def none_schema(self, schema: core_schema.NoneSchema) -> JsonSchemaValue:
        return _unsupported("a field that is always None", "leave it out")

    # -- scalars -----------------------------------------------------------------------------------

    def any_schema(self, schema: core_schema.AnySchema) -> JsonSchemaValue:
        return dict(_PRESERVED)

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return self._enum([getattr(value, "value", value) for value in schema["expected"]])

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        found = self._enum([member.value for member in schema["members"]])
        described = super().enum_schema(schema).get("description")
        return {**found, "description": described} if described else found

    def _enum(self, values: list[Any]) -> JsonSchemaValue:
        kinds = {type(value).__name__ for value in values if value is not None}
        values = [value for value in values if value is not None]
        if len(kinds) == 1 and kinds <= set(_NUMBERS):
            return {"type": _NUMBERS[kinds.pop()], "enum": values}
        if kinds == {"int", "str"}:
            return {**_INT_OR_STRING, "enum": values}
        return _unsupported(
            f"a Literal of {', '.join(sorted(kinds)) or 'None'}",
            "use values of one type, strings or integers; None is said by Optional",
        )

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        found = {"format": "int64", **_bounds(super().int_schema(schema))}
        for bound in ("minimum", "maximum"):
            # The format says that already, and a server reads bounds as floats, which cannot.
            if bound in found and abs(float(found[bound])) >= _INT64:
                del found[bound]
        return found

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return _bounds(super().float_schema(schema))

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        found: JsonSchemaValue = {**_INT_OR_STRING, "pattern": _DECIMAL}
        for limit, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<")):
            bound = schema.get(limit)
            if bound is not None:
                found.setdefault("maxLength", 64)
                rule = f"quantity(string(self)).compareTo(quantity({quoted(str(bound))})) {sign} 0"
                add_rule(found, {"rule": rule, "message": f"must be {sign} {bound}"})
        return found

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        found = super().str_schema(schema)
        if isinstance(found.get("pattern"), str) or "pattern" not in found:
            return found
        return {**found, "pattern": found["pattern"].pattern}

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:
        if self._config.val_json_bytes != "base64":
            return super().bytes_schema(schema) | {"format": None}
        found: JsonSchemaValue = {"type": "string", "format": "byte"}
        # In base64, three bytes are four characters; its padding tells how many the last four stand for. A
        # rule could count bytes, but servers read a text with this format as that of URLs there.
        patterns: list[str] = []
        least, most = (
            schema.get("min_length"),
            schema.get("max_length"),
        )
        if least:
            found["minLength"] = 4 * -(-least // 3)
            patterns += _padding(found["minLength"] + 1, None, {0: "[^=]$", 2: "[^=]=?$"}.get(least % 3))
        if most is not None:
            found["maxLength"] = 4 * -(-most // 3)
            patterns += _padding(0, found["maxLength"] - 4, {1: "==$", 2: "=$"}.get(most % 3))
        if len(patterns) == 1:
            found["pattern"] = patterns[0]
        elif patterns:
            found["allOf"] = [{"pattern": pattern} for pattern in patterns]
        return found

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        return {"type": "string", "pattern": _SPAN, "maxLength": 64}

    def time_schema(self, schema: core_schema.TimeSchema) -> JsonSchemaValue:
        return {"type": "string", "pattern": _TIME_OF_DAY}

    def url_schema(self, schema: core_schema.UrlSchema) -> JsonSchemaValue:
        return self._with_schemes(super().url_schema(schema), schema.get("allowed_schemes"))

    def multi_host_url_schema(self, schema: core_schema.MultiHostUrlSchema) -> JsonSchemaValue:
        # Several hosts are no URI to the server.
        found = {
            key: value for key, value in super().multi_host_url_schema(schema).items() if key != "format"
        }
        return self._with_schemes(found, schema.get("allowed_schemes"))

    def _with_schemes(self, found: JsonSchemaValue, schemes: list[str] | None) -> JsonSchemaValue:
        if not schemes:
            return found
        escaped = "|".join(scheme.replace("+", r"\+").replace(".", r"\.") for scheme in schemes)
        return {**found, "pattern": f"^(?i:{escaped}):"}

    def json_schema(self, schema: core_schema.JsonSchema) -> JsonSchemaValue:
        return {"type": "string"}

    # -- unions ------------------------------------------------------------------------------------

    def union_schema(self, schema: core_schema.UnionSchema) -> JsonSchemaValue:
        choices = [choice[0] if isinstance(choice, tuple) else choice for choice in schema["choices"]]
        kinds = {cast("str", choice["type"]) for choice in choices}
        if kinds == {"int", "str", "float"}:
            return {**_INT_OR_STRING, "pattern": _DECIMAL[:-1] + "([KMGTPE]i|[numkMGTPE])?$"}
        inner = [self.generate_inner(choice) for choice in choices if choice["type"] != "none"]
        return inner[0] if len(inner) == 1 else {UNION_KEY: {"choices": inner, "tag": None, "values": []}}

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        values: list[list[Any]] = []
        choices: list[JsonSchemaValue] = []
        for value, choice in schema["choices"].items():
            inner = self.generate_inner(choice)
            if inner not in choices:
                choices.append(inner)
                values.append([])
            values[choices.index(inner)].append(getattr(value, "value", value))
        tag = self._tag_of(schema, choices)
        # A function in Python that tells variants apart is nothing that the server could ask.
        return {UNION_KEY: {"choices": choices, "tag": tag, "values": values if tag else []}}

    def _tag_of(self, schema: core_schema.TaggedUnionSchema, choices: list[JsonSchemaValue]) -> str | None:
        """The wire name of the field that tells the variants apart."""
        given = schema["discriminator"]
        if isinstance(given, str):
            return given
        if not isinstance(given, list):
            return None
        paths = cast("list[Any]", given)
        names = [str(cast("list[Any]", path)[0] if isinstance(path, list) else path) for path in paths]
        for choice in choices:
            properties = self.resolve_ref_schema(choice).get("properties", {})
            for name in names:
                if name in properties:
                    return name
        return names[-1]

    # -- lists and maps ----------------------------------------------------------------------------

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
            found: JsonSchemaValue = {"type": "array", "items": self.generate_inner(items[0])}
            for limit, keyword in (("min_length", "minItems"), ("max_length", "maxItems")):
                if schema.get(limit) is not None:
                    found[keyword] = schema.get(limit)
            return found
        inner = [self.generate_inner(item) for item in items]
        if inner and schema.get("variadic_item_index") is None and all(each == inner[0] for each in inner):
            return {"type": "array", "items": inner[0], "minItems": len(inner), "maxItems": len(inner)}
        return _unsupported("a tuple of fixed length", "use a list, or a model with named fields")

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        values = self.generate_inner(schema.get("values_schema", core_schema.any_schema()))
        found: JsonSchemaValue = {"type": "object"}
        # A value without a type would be pruned to nothing inside additionalProperties.
        found.update(_PRESERVED if values == _PRESERVED else {"additionalProperties": values})
        for limit, keyword in (("min_length", "minProperties"), ("max_length", "maxProperties")):
            if schema.get(limit) is not None:
                found[keyword] = schema.get(limit)
        keys = self.generate_inner(schema.get("keys_schema", core_schema.any_schema()))
        rules = _rules_of_keys(keys)
        if rules is None or (rules and values == _PRESERVED):
            return _unsupported(
                "a dict whose keys are not plain strings", "use dict[str, …], and a Rule for the keys"
            )
        for rule in rules:
            add_rule(found, rule)
        return found

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        kind = cast("str", schema.get("type", "")).replace("-", " ")
        named = schema.get("cls") or schema.get("function")
        name = getattr(named, "__name__", "") if not isinstance(named, dict) else ""
        return _unsupported(
            f"a type without a JSON form ({name or kind})",
            "use a type that has one, or Annotated[…, Schemaless()] to keep whatever is there",
        )


def _padding(least: int, most: int | None, end: str | None) -> list[str]:
    """The pattern of a text that is so long, or else ends so; nothing where RE2 does not count so far."""
    if end is None or max(least, most or 0) > _MOST_REPEATED:
        return []
    return [f"^.{{{least},{'' if most is None else most}}}$|{end}"]


def _wire_name(name: str, info: Any) -> str:
    alias = info.validation_alias if isinstance(info.validation_alias, str) else info.alias
    return alias or name


def _rules_of_keys(keys: JsonSchemaValue) -> list[dict[str, Any]] | None:
    """Rules that say of a dict's keys what its type says; None where no rule does."""
    if keys in ({"type": "string"}, _PRESERVED):
        return []
    if "$ref" in keys or keys.get("type") != "string":
        return None
    found: list[dict[str, Any]] = []
    if "enum" in keys:
        allowed = ", ".join(quoted(value) for value in keys["enum"])
        named = ", ".join(str(value) for value in keys["enum"])
        found.append({"rule": f"self.all(key, key in [{allowed}])", "message": f"the keys are among {named}"})
    if "pattern" in keys:
        rule = f"self.all(key, key.matches({quoted(keys['pattern'])}))"
        found.append({"rule": rule, "message": f"the keys match {keys['pattern']}"})
    for limit, sign, word in (("minLength", ">=", "at least"), ("maxLength", "<=", "at most")):
        if limit in keys:
            rule = f"self.all(key, key.size() {sign} {keys[limit]})"
            found.append({"rule": rule, "message": f"the keys have {word} {keys[limit]} characters"})
    if not found:
        return None
    return found


def _bounds(found: JsonSchemaValue) -> JsonSchemaValue:
    for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in found:
            found[inclusive] = found[exclusive]
            found[exclusive] = True
    return found
