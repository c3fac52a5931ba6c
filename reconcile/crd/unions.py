"""One structural schema for a value that is of one of several.

A structural schema gives each field one type; what differs between the variants may only narrow it. So the
fields of all variants stand side by side, and

    tag          each variant a branch of `oneOf` with its values of the tag, and rules in CEL for what it
                 alone requires: `self.kind != 'git' || has(self.url)`, which blame the field by its path
    no tag       each variant a branch of `anyOf` with what it requires
    scalars      one type, each variant a branch of `anyOf` with its limits; numbers and strings together
                 are x-kubernetes-int-or-string

Variants that give one field two types cannot be told to the server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconcile.crd.markers import RULES_KEY, add_rule
from reconcile.crd.rule_text import field_name, quoted
from reconcile.crd.unsayable import UnsayableError

Schema = dict[str, Any]

VALIDATIONS: Final = (
    "format",
    "enum",
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
    "required",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
)
"""Keywords that narrow a value, and may stand inside allOf, anyOf, oneOf and not."""

_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
_OF_NUMBERS: Final = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf")
_OF_STRINGS: Final = ("minLength", "maxLength", "pattern")


def _two_types() -> UnsayableError:
    return UnsayableError(
        "a union of different types",
        "use one type, int | str, or a model with an optional field for each variant",
    )


def union_of(choices: Sequence[Schema], *, tag: str | None, values: Sequence[Sequence[Any]]) -> Schema:
    """The schema of a value that is one of the choices, which are structural already.

    Args:
        tag: wire name of the field that tells which, or None.
        values: of the tag, for each choice.

    Raises:
        UnsayableError: there is none.
    """
    if tag is None:
        choices = list(_different(choices))
    if len(choices) == 1 and tag is None:
        return dict(choices[0])
    if all(choice.get("type") == "object" and "additionalProperties" not in choice for choice in choices):
        return _objects(choices, tag, values)
    if all(set(choice) <= {_PRESERVE, "description"} for choice in choices):
        return {_PRESERVE: True}
    return _scalars(choices)


def _different(choices: Sequence[Schema]) -> Iterator[Schema]:
    seen: list[Schema] = []
    for choice in choices:
        bare = {key: value for key, value in choice.items() if key != "description"}
        if bare not in seen:
            seen.append(bare)
            yield choice


# -- scalars -------------------------------------------------------------------------------------------


def _scalars(choices: Sequence[Schema]) -> Schema:
    types = {choice.get("type", _INT_OR_STRING if choice.get(_INT_OR_STRING) else "") for choice in choices}
    if any(choice.get("x-kubernetes-validations") for choice in choices):
        raise UnsayableError("a union whose variants have rules", "put one Rule on the whole field")
    if types == {"integer", "number"}:
        choices = [{**choice, "type": "number"} for choice in choices]
        for choice in choices:
            choice.pop("format", None)
        types = {"number"}
    if len(types) == 1 and types <= {"string", "integer", "number", "boolean", "array"}:
        return _of_one_type(choices)
    if types == {"integer", "string"}:
        return _number_or_text(choices)
    raise _two_types()


def _of_one_type(choices: Sequence[Schema]) -> Schema:
    common = {key: value for key, value in choices[0].items() if key not in VALIDATIONS}
    rest = [{key: each[key] for key in VALIDATIONS if key in each} for each in choices]
    for each in choices:
        other = {key: value for key, value in each.items() if key not in (*VALIDATIONS, "description")}
        if other != {key: value for key, value in common.items() if key != "description"}:
            raise _two_types()
    if all(set(each) == {"enum"} for each in rest):
        values = [value for each in rest for value in each["enum"]]
        return {**common, "enum": list(dict.fromkeys(values))}
    shared = {key: value for key, value in rest[0].items() if all(each.get(key) == value for each in rest)}
    branches = [{key: value for key, value in each.items() if key not in shared} for each in rest]
    return {**common, **shared} if {} in branches else {**common, **shared, "anyOf": branches}


def _number_or_text(choices: Sequence[Schema]) -> Schema:
    """Limits of numbers are asked of numbers only, those of texts of texts only; an enum is asked of both."""
    found: Schema = {_INT_OR_STRING: True}
    numbers = [choice for choice in choices if choice["type"] == "integer"]
    texts = [choice for choice in choices if choice["type"] == "string"]
    if all("enum" in choice for choice in choices):
        return {**found, "enum": [value for choice in choices for value in choice["enum"]]}
    if len(numbers) > 1 or any("enum" in number for number in numbers):
        raise _two_types()
    found |= {key: numbers[0][key] for key in _OF_NUMBERS if key in numbers[0]}
    if all("enum" in text for text in texts):
        allowed = "|".join(re.escape(value) for text in texts for value in text["enum"])
        found["pattern"] = f"^({allowed})$"
    elif len(texts) == 1:
        found |= {key: texts[0][key] for key in _OF_STRINGS if key in texts[0]}
    else:
        raise _two_types()
    return found


# -- objects -------------------------------------------------------------------------------------------


def _objects(choices: Sequence[Schema], tag: str | None, values: Sequence[Sequence[Any]]) -> Schema:
    found: Schema = {"type": "object"}
    for key in {key for choice in choices for key in choice if key.startswith("x-kubernetes-")}:
        if key == RULES_KEY:
            continue
        if key != _PRESERVE and any(choice.get(key) != choices[0].get(key) for choice in choices):
            raise UnsayableError(f"a union whose variants differ in {key}", "say the same in all of them")
        found[key] = next(choice[key] for choice in choices if key in choice)
    names = list(dict.fromkeys(name for choice in choices for name in choice.get("properties", {})))
    narrowed: list[dict[str, Schema]] = [{} for _ in choices]
    found["properties"] = {name: _property(name, choices, narrowed) for name in names if name != tag}
    if tag is not None:
        found["properties"] = {tag: _tag_field(tag, choices, values), **found["properties"]}
    required = [
        name for name in names if name == tag or all(name in choice.get("required", ()) for choice in choices)
    ]
    if required:
        found["required"] = required
    _add_branches(found, choices, narrowed, tag, values)
    return found


def _tag_field(tag: str, choices: Sequence[Schema], values: Sequence[Sequence[Any]]) -> Schema:
    fields = [choice.get("properties", {}).get(tag) for choice in choices]
    described = next((field["description"] for field in fields if field and "description" in field), None)
    kinds = {field.get("type") for field in fields if field}
    if len(kinds) != 1:
        raise UnsayableError(f"a union whose tag {tag!r} has different types", "use strings for the tag")
    found: Schema = {"type": kinds.pop(), "enum": [value for each in values for value in each]}
    return {**found, "description": described} if described else found


def _property(name: str, choices: Sequence[Schema], narrowed: Sequence[dict[str, Schema]]) -> Schema:
    """The field for all variants that have it; what they disagree on goes into their branches."""
    having = [
        (index, choice["properties"][name])
        for index, choice in enumerate(choices)
        if name in choice.get("properties", {})
    ]
    schemas = [schema for _, schema in having]
    if len(schemas) < len(choices) or any(
        each.get("default") != schemas[0].get("default") for each in schemas
    ):
        # The server would fill it in for variants that have no such field.
        schemas = [{key: value for key, value in each.items() if key != "default"} for each in schemas]
    if all(each == schemas[0] for each in schemas):
        return schemas[0]
    shared = {
        key: value
        for key, value in schemas[0].items()
        if key in VALIDATIONS and all(each.get(key) == value for each in schemas)
    }
    for (index, _), schema in zip(having, schemas, strict=True):
        if limits := narrowing({key: value for key, value in schema.items() if key not in shared}):
            narrowed[index][name] = limits
    return {**widest(name, schemas), **shared}


def widest(name: str, schemas: Sequence[Schema]) -> Schema:
    """The types of all of them, without what only narrows."""
    clash = UnsayableError(
        f"a union whose variants give the field {name!r} different types",
        "rename it in one of them, or type it Any in all",
    )
    first = schemas[0]
    found: Schema = {
        key: value
        for key, value in first.items()
        if key not in (*VALIDATIONS, RULES_KEY, "properties", "items", "additionalProperties")
        and (key == "type" or all(each.get(key) == value for each in schemas))
    }
    if any(each.get("type") != first.get("type") for each in schemas):
        raise clash
    if any(each.get(key) != first.get(key) for each in schemas for key in (_INT_OR_STRING, RULES_KEY)):
        raise clash
    for key in ("items", "additionalProperties"):
        having = [each[key] for each in schemas if key in each]
        if having and len(having) < len(schemas):
            raise clash
        if having:
            found[key] = having[0] if all(each == having[0] for each in having) else widest(name, having)
    if any("properties" in each for each in schemas):
        names = dict.fromkeys(below for each in schemas for below in each.get("properties", {}))
        found["properties"] = {
            below: widest(
                below, [each["properties"][below] for each in schemas if below in each["properties"]]
            )
            for below in names
        }
    return found


def narrowing(schema: Mapping[str, Any]) -> Schema:
    """What of a schema only narrows: no types, and so allowed in a branch."""
    found: Schema = {key: schema[key] for key in VALIDATIONS if key in schema}
    below = {
        name: limits for name, each in schema.get("properties", {}).items() if (limits := narrowing(each))
    }
    if below:
        found["properties"] = below
    if isinstance(schema.get("items"), Mapping) and (limits := narrowing(schema["items"])):
        found["items"] = limits
    return found


def _add_branches(
    found: Schema,
    choices: Sequence[Schema],
    narrowed: Sequence[Mapping[str, Schema]],
    tag: str | None,
    values: Sequence[Sequence[Any]],
) -> None:
    branches: list[Schema] = []
    common = found.get("required", [])
    for index, choice in enumerate(choices):
        branch: Schema = {key: choice[key] for key in VALIDATIONS if key in choice and key != "required"}
        required = [name for name in choice.get("required", ()) if name not in common]
        limits: dict[str, Schema] = dict(narrowed[index])
        if tag is None:
            if choice.get(RULES_KEY):
                raise UnsayableError(
                    "a union of models that have rules", "tell them apart by a tag: Field(discriminator=…)"
                )
            if required:
                branch["required"] = required
        else:
            limits[tag] = {"enum": list(values[index])}
            _add_rules(found, choice, required, tag, values[index])
        if limits:
            branch["properties"] = limits
        branches.append(branch)
    if {} not in branches:
        found["anyOf" if tag is None else "oneOf"] = branches


def _add_rules(found: Schema, choice: Schema, required: list[str], tag: str, values: Sequence[Any]) -> None:
    """What one variant asks, asked where the tag says that it is this one."""
    field = f"self.{field_name(tag)}"
    written = [quoted(value) if isinstance(value, str) else str(value).lower() for value in values]
    other = " && ".join(f"{field} != {value}" for value in written)
    named = " or ".join(str(value) for value in values)
    for name in required:
        add_rule(
            found,
            {
                "rule": f"{other} || has(self.{field_name(name)})",
                "message": f"{name} is required where {tag} is {named}",
                "reason": "FieldValueRequired",
                "fieldPath": f".{name}" if re.fullmatch(r"[A-Za-z_]\w*", name) else f"['{name}']",
            },
        )
    for rule in choice.get(RULES_KEY, ()):
        add_rule(found, {**rule, "rule": f"{other} || ({rule['rule']})"})
