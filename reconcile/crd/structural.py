"""From a JSON schema to a structural one: references inlined, noise dropped, the rest checked.

A structural schema says the type of every field and knows no references, so that the server can prune,
default and merge by it. What cannot be said in it raises `ConfigurationError` with the model, the path of
the field, and a way out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from reconcile.crd.defaults import problem_of
from reconcile.crd.formats import with_known_format
from reconcile.crd.markers import (
    IMMUTABLE_KEY,
    ONE_OF_KEY,
    RECURSIVE_KEY,
    RULES_KEY,
    SCHEMALESS_KEY,
    add_rule,
    field_group_rule,
)
from reconcile.crd.model_schema import MODEL_KEY, NAMES_KEY, UNION_KEY, UNSUPPORTED_KEY
from reconcile.crd.notes import Note
from reconcile.crd.patterns import problem_of_pattern
from reconcile.crd.rule_text import field_name
from reconcile.crd.unions import VALIDATIONS, union_of
from reconcile.crd.unsayable import UnsayableError
from reconcile.errors import ConfigurationError

_ORDER: Final = (
    "type",
    "format",
    "title",
    "description",
    "externalDocs",
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
    "allOf",
    "anyOf",
    "oneOf",
    "not",
)
_NO_COUNTERPART: Final = frozenset(
    {
        "if", "then", "else", "patternProperties", "propertyNames", "contains", "minContains", "maxContains",
        "prefixItems", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedItems",
        "unevaluatedProperties", "additionalItems", "$dynamicRef", "$anchor",
    }
)  # fmt: skip
_EXTENSION: Final = "x-kubernetes-"
_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
_TYPE_FREE: Final = ("x-kubernetes-int-or-string", _PRESERVE)
_SCALARS: Final = ("string", "integer", "number", "boolean")
_EITHER: Final = [{"type": "integer"}, {"type": "string"}]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the pass is.

    Attributes:
        path: of the field, as `.spec.ports[]`.
        within: the definitions that are being inlined.
        levels: how often one of them may stand in itself; None where nobody asked for that.
    """

    path: str = ""
    within: tuple[str, ...] = ()
    levels: int | None = None

    def below(self, step: str) -> _Place:
        return dataclasses.replace(self, path=self.path + step)


def structural(schema: Mapping[str, Any], *, model: str, notes: list[Note] | None = None) -> dict[str, Any]:
    """The structural form of a model's schema.

    Args:
        notes: what is worth telling is appended here.

    Raises:
        ConfigurationError: something cannot be said; the text names model, field and way out.
    """
    definitions = cast("Mapping[str, Any]", schema.get("$defs", {}))
    converter = _Pass(definitions, model, [] if notes is None else notes)
    return ordered(converter.convert(schema, _Place()))


def cannot_say(model: str, path: str, what: str, way_out: str) -> ConfigurationError:
    field = f"field {path.lstrip('.')}" if path else "the model itself"
    return ConfigurationError(
        f"model {model}, {field}: {what} cannot be part of a CustomResourceDefinition; {way_out}"
    )


def ordered(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same schema, keywords always in the same order, fields in that of the model."""
    found = {key: schema[key] for key in _ORDER if key in schema}
    found |= {key: schema[key] for key in sorted(schema) if key not in found}
    for key in ("properties",):
        if key in found:
            found[key] = {name: ordered(below) for name, below in found[key].items()}
    for key in ("items", "additionalProperties", "not"):
        if isinstance(found.get(key), Mapping):
            found[key] = ordered(found[key])
    for key in ("allOf", "anyOf", "oneOf"):
        if key in found:
            found[key] = [ordered(each) for each in found[key]]
    if RULES_KEY in found:
        found[RULES_KEY] = [dict(sorted(rule.items())) for rule in found[RULES_KEY]]
    return found


class _Pass:
    def __init__(self, definitions: Mapping[str, Any], model: str, notes: list[Note]) -> None:
        self._definitions = definitions
        self._model = model
        self._notes = notes

    def convert(self, schema: Mapping[str, Any], at: _Place) -> dict[str, Any]:
        """One schema and all below it."""
        if schema.get(SCHEMALESS_KEY):
            return {key: schema[key] for key in ("description",) if key in schema} | {_PRESERVE: True}
        resolved = self._resolve(schema, at)
        if resolved is None:
            return {"type": "object", _PRESERVE: True}
        schema, at = resolved
        if UNSUPPORTED_KEY in schema:
            what, way_out = schema[UNSUPPORTED_KEY]
            raise self._error(at, what, way_out)
        try:
            if UNION_KEY in schema:
                schema = self._union(schema, at)
            return self._finish(schema, at)
        except UnsayableError as error:
            raise self._error(at, error.what, error.way_out) from error

    def _finish(self, schema: Mapping[str, Any], at: _Place) -> dict[str, Any]:
        for key in sorted(_NO_COUNTERPART & set(schema)):
            raise UnsayableError(f"the keyword {key!r}", "leave it out and write a Rule")
        found = {key: schema[key] for key in _ORDER if key in schema}
        found |= {key: value for key, value in schema.items() if key.startswith(_EXTENSION)}
        self._read_annotations(schema, found, at)
        with_known_format(found)
        if "pattern" in found:
            self._check_pattern(found["pattern"])
        if "properties" in found:
            found["properties"] = {
                name: self.convert(below, at.below(f".{name}")) for name, below in found["properties"].items()
            }
        self._convert_contents(found, at)
        if "type" not in found and not any(found.get(key) for key in _TYPE_FREE):
            raise UnsayableError("a field without a type", "give it one, or Any to keep whatever is there")
        if found.get(_PRESERVE) and "items" not in found:
            found.pop("additionalProperties", None)
        if found.get("nullable") and "enum" in found and None not in found["enum"]:
            # The server asks the enum of a null too.
            found["enum"] = [*found["enum"], None]
        self._say_for_fields(schema, found)
        self._check_junctors(found)
        if "default" in found and (problem := problem_of(found, found["default"])):
            raise UnsayableError(
                f"the default {found['default']!r} ({problem})", "give one that the type allows"
            )
        for key in (IMMUTABLE_KEY,):
            if key in schema:
                found[key] = schema[key]
        return found

    # -- references --------------------------------------------------------------------------------

    def _resolve(self, schema: Mapping[str, Any], at: _Place) -> tuple[Mapping[str, Any], _Place] | None:
        """Follow `$ref`; what stands beside it (a description, a default) is stronger. None: cut here."""
        if RECURSIVE_KEY in schema:
            at = dataclasses.replace(at, levels=schema[RECURSIVE_KEY])
        while "$ref" in schema:
            name = cast("str", schema["$ref"]).rpartition("/")[2]
            if name not in self._definitions:
                raise self._error(at, f"the reference {schema['$ref']}", "use the model itself as type")
            target = cast("Mapping[str, Any]", self._definitions[name])
            if name in at.within:
                if at.levels is None:
                    raise self._error(
                        at,
                        f"the model {target.get(MODEL_KEY, name)} contains itself",
                        "a structural schema has no references: limit the depth with Annotated[…, "
                        "Recursive(levels=1)] or with a model for each level, or type the field Any",
                    )
                if at.within.count(name) > at.levels:
                    return None
            at = dataclasses.replace(at, within=(*at.within, name))
            if MODEL_KEY not in target:
                # Pydantic calls an enum by its class.
                target = {key: value for key, value in target.items() if key != "title"}
            schema = _laid_over(target, {key: value for key, value in schema.items() if key != "$ref"})
            if at.levels is None and RECURSIVE_KEY in schema:
                at = dataclasses.replace(at, levels=schema[RECURSIVE_KEY])
        return schema, at

    def _union(self, schema: Mapping[str, Any], at: _Place) -> Mapping[str, Any]:
        said = cast("Mapping[str, Any]", schema[UNION_KEY])
        choices: list[dict[str, Any]] = []
        for choice in cast("Sequence[Mapping[str, Any]]", said["choices"]):
            converted = self.convert(choice, at)
            if converted.get("x-kubernetes-int-or-string") and converted.get("anyOf") == _EITHER:
                del converted["anyOf"]
            choices.append(converted)
        beside = {key: value for key, value in schema.items() if key != UNION_KEY}
        merged = union_of(choices, tag=said["tag"], values=said["values"])
        return _laid_over(merged, beside)

    # -- keywords ----------------------------------------------------------------------------------

    def _read_annotations(self, schema: Mapping[str, Any], found: dict[str, Any], at: _Place) -> None:
        if "const" in schema:
            found["enum"] = [schema["const"]]
        if schema.get("uniqueItems"):
            raise UnsayableError("the keyword 'uniqueItems'", 'use set[…] or ListType("set")')
        if schema.get("examples") and "example" not in found:
            found["example"] = schema["examples"][0]
        deprecated = schema.get("deprecated")
        if deprecated:
            words = f"Deprecated: {deprecated}" if isinstance(deprecated, str) else "Deprecated."
            found["description"] = "\n\n".join(filter(None, [found.get("description"), words]))
        if schema.get("writeOnly"):
            self._note(
                at,
                "a SecretStr is written as asterisks; give the field a PlainSerializer, "
                "or name a Secret in place of the value",
            )

    def _convert_contents(self, found: dict[str, Any], at: _Place) -> None:
        additional = found.get("additionalProperties")
        if isinstance(additional, Mapping):
            if found.get("properties"):
                raise UnsayableError(
                    "an object with both named fields and fields of any name",
                    "put the latter into a dict in a field of its own",
                )
            found["additionalProperties"] = self.convert(
                cast("Mapping[str, Any]", additional), at.below("[*]")
            )
            found["additionalProperties"].pop(IMMUTABLE_KEY, None)
        elif additional is False:
            # Pruning does that; `fieldValidation: Strict` refuses.
            del found["additionalProperties"]
        if found.get("type") == "array":
            if not found.get("items"):
                raise UnsayableError("a list without a type of its items", "write list[…] with the type")
            found["items"] = self.convert(found["items"], at.below("[]"))
            found["items"].pop(IMMUTABLE_KEY, None)
            self._check_topology(found)

    def _say_for_fields(self, schema: Mapping[str, Any], found: dict[str, Any]) -> None:
        """Rules of an object that its fields, or groups of them, ask for."""
        properties = cast("Mapping[str, dict[str, Any]]", found.get("properties", {}))
        required = found.get("required", ())
        for name, field in properties.items():
            message = field.pop(IMMUTABLE_KEY, None)
            if message is not None and name not in required and "default" not in field:
                written = field_name(name)
                rule = f"!has(oldSelf.{written}) || has(self.{written})"
                add_rule(found, {"rule": rule, "message": f"{name}: {message}"})
        names = cast("Mapping[str, str]", schema.get(NAMES_KEY, {}))
        for group in schema.get(ONE_OF_KEY, ()):
            wire = [names.get(name, name) for name in group["names"]]
            for name in wire:
                if name not in properties:
                    raise UnsayableError(
                        f"{group['kind']} of {name!r}, which is no field",
                        f"name some of its fields: {', '.join(properties) or 'there are none'}",
                    )
                if name in required or "default" in properties[name]:
                    raise UnsayableError(
                        f"{group['kind']} of {name!r}, which is always set",
                        "make it optional: `| None = None`",
                    )
            escaped = [field_name(name) for name in wire]
            add_rule(found, field_group_rule(group["kind"], wire, group["message"], escaped))

    # -- checks ------------------------------------------------------------------------------------

    def _check_pattern(self, pattern: str) -> None:
        if problem := problem_of_pattern(pattern):
            raise UnsayableError(f"the pattern {pattern!r} {problem}", _way_out_of_pattern(problem))

    def _check_topology(self, found: Mapping[str, Any]) -> None:
        kind = found.get("x-kubernetes-list-type")
        items = cast("Mapping[str, Any]", found["items"])
        if (
            kind == "set"
            and items.get("type") not in _SCALARS
            and items.get("x-kubernetes-map-type") != "atomic"
        ):
            raise UnsayableError("a set of objects", "use a list with __list_keys__ on its model")
        keys = found.get("x-kubernetes-list-map-keys", ())
        if bool(keys) != (kind == "map"):
            raise UnsayableError(
                f"a list of type {kind} with{'' if keys else 'out'} keys",
                'write ListType("map", keys=("name",))',
            )
        for key in keys:
            field = items.get("properties", {}).get(key)
            if field is None or not (key in items.get("required", ()) or "default" in field):
                raise UnsayableError(
                    f"the list key {key!r} that is not a field of every item",
                    "make the field required, or give it a default",
                )
            if field.get("type") not in _SCALARS:
                raise UnsayableError(
                    f"the list key {key!r} of no scalar type", "use a text or a number as key"
                )

    def _check_junctors(self, found: Mapping[str, Any]) -> None:
        for key in ("allOf", "anyOf", "oneOf"):
            for branch in found.get(key, ()):
                if found.get("x-kubernetes-int-or-string") and (found.get(key) == _EITHER or key == "allOf"):
                    continue
                self._check_branch(key, branch)
        if "not" in found:
            self._check_branch("not", found["not"])

    def _check_branch(self, junctor: str, branch: Mapping[str, Any]) -> None:
        for key in branch:
            if key not in (*VALIDATIONS, "properties", "items"):
                raise UnsayableError(
                    f"{key!r} inside {junctor!r}", "say it outside: a branch may only narrow what is allowed"
                )
        for below in (*branch.get("properties", {}).values(), *filter(None, [branch.get("items")])):
            self._check_branch(junctor, below)
        for key in ("allOf", "anyOf", "oneOf"):
            for below in branch.get(key, ()):
                self._check_branch(key, below)

    def _note(self, at: _Place, text: str) -> None:
        self._notes.append(Note(self._model, at.path.lstrip("."), text))

    def _error(self, at: _Place, what: str, way_out: str) -> ConfigurationError:
        return cannot_say(self._model, at.path, what, way_out)


def _way_out_of_pattern(problem: str) -> str:
    if problem.startswith("uses"):
        return "the server's RE2 has none: write a Rule"
    return "write one that the server takes"


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two schemas of one field: what is said above is stronger, but rules add up."""
    found = {**below, **above}
    for key in (RULES_KEY, ONE_OF_KEY):
        if key in below and key in above:
            found[key] = [*below[key], *(each for each in above[key] if each not in below[key])]
    return found
