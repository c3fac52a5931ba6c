"""Rules in CEL: asked of the schema they stand in when a definition is made, and of objects in Python."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from pydantic import BaseModel

from reconcile.cel import CompiledSchema, RuleProblem, Violation, compile_schema
from reconcile.crd.markers import RULES_KEY
from reconcile.crd.schema import structural_schema
from reconcile.errors import ConfigurationError
from reconcile.objects.codecs import codec_of
from reconcile.objects.custom import CustomResource

_STEP: Final = re.compile(r"properties\[(.*?)\]\.?|(items)\.?|(additionalProperties)\.?")
_WAYS_OUT: Final = {
    "syntax": "write it as the Common Expression Language has it, with `self` for the value",
    "type": "write it for the type that the field has on the wire",
    "cost": "bound what it reads: max_length on the texts, lists and dicts, also of those around it",
}


def check_rules(model: str, schema: Mapping[str, Any]) -> None:
    """Type-check every rule and estimate what it costs, as the server will.

    Raises:
        ConfigurationError: a rule is wrong or too dear; names the model, the field, the rule and the way out.
    """
    if not _has_rules(schema):
        return
    problems = compile_schema(schema).problems
    if problems:
        # The first is the cause; a schema that is too dear as a whole is said for each of its rules.
        raise ConfigurationError(_explained(model, schema, problems[0]))


def violations_of(obj: BaseModel, old: BaseModel | None) -> tuple[Violation, ...]:
    """The rules that an object breaks, with the server's words and places.

    Args:
        obj: a kind's object, or a part of one.
        old: what it was before, for transition rules; None at its creation.
    """
    compiled = _compiled(type(obj))
    if compiled is None:
        return ()
    return tuple(compiled.validate(_on_the_wire(obj), None if old is None else _on_the_wire(old)))


@functools.cache
def _compiled(model: type[BaseModel]) -> CompiledSchema | None:
    schema = structural_schema(model)
    if not _has_rules(schema):
        return None
    compiled = compile_schema(schema)
    if compiled.problems:
        raise ConfigurationError(_explained(model.__name__, schema, compiled.problems[0]))
    return compiled


def _on_the_wire(obj: BaseModel) -> dict[str, Any]:
    if isinstance(obj, CustomResource):
        return codec_of(obj).to_plain(obj)
    return obj.model_dump(mode="json", by_alias=True, exclude_none=True)


def _has_rules(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        return RULES_KEY in schema or any(map(_has_rules, cast("Mapping[str, Any]", schema).values()))
    return False


def _explained(model: str, schema: Mapping[str, Any], problem: RuleProblem) -> str:
    path, rule = _place(schema, problem.field)
    field = f"field {path}" if path else "the model itself"
    what = {"syntax": " is no CEL: ", "type": " does not fit: ", "cost": " costs too much: "}.get(
        problem.kind
    )
    if what is None:
        part = problem.field.rpartition("].")[2]
        what = ": " if part == "rule" else f": its {part} "
    if problem.issues:
        issue = problem.issues[0]
        words = f"{issue.message} (line {issue.line}, column {issue.column})"
    else:
        words = " ".join(problem.message.split())
    way_out = _WAYS_OUT.get(problem.kind, "")
    if "uncorrelatable" in words:
        way_out = 'give the list keys, so that its items are known again: ListType("map", keys=("name",))'
    shown = problem.expression or rule
    return f"model {model}, {field}: the rule {shown!r}{what}{words}{'; ' if way_out else ''}{way_out}"


def _place(schema: Mapping[str, Any], field: str) -> tuple[str, str]:
    """The field's path and the rule of a problem's place, as `properties[spec].items.x-…[0].rule`."""
    before, _, after = field.partition(RULES_KEY)
    path = ""
    for name, items, _ in _STEP.findall(before):
        if name:
            path += f".{name}"
            schema = schema.get("properties", {}).get(name, {})
        else:
            path += "[]" if items else "[*]"
            schema = schema.get("items" if items else "additionalProperties", {})
    index = re.match(r"\[(\d+)\]", after)
    rules = schema.get(RULES_KEY, ())
    rule = rules[int(index[1])]["rule"] if index and int(index[1]) < len(rules) else ""
    return path.lstrip("."), rule
