"""Rules in schemas: what a server refuses of them, what they cost, and what they say of objects."""

from __future__ import annotations

from typing import Any

import pytest

from reconcile.cel import (
    PER_EXPRESSION_ESTIMATE_LIMIT,
    CelCostError,
    CelSyntaxError,
    CompiledSchema,
    compile_rule,
    compile_schema,
)

RULES = "x-kubernetes-validations"
TEXT = {"type": "string"}


def schema(*rules: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "count": {"type": "integer"},
                    "limit": {"type": "integer"},
                    "name": {"type": "string", "maxLength": 10},
                    **properties,
                },
                RULES: list(rules),
            }
        },
    }


def problems(*rules: dict[str, Any], **properties: Any) -> list[tuple[str, str, str, str]]:
    found = compile_schema(schema(*rules, **properties)).problems
    return [(each.kind, each.field, each.reason, each.message) for each in found]


def violations(
    compiled: CompiledSchema, new: dict[str, Any], old: dict[str, Any] | None = None
) -> list[tuple[str, str, str]]:
    before = None if old is None else {"spec": old}
    found = compiled.validate({"spec": new}, before)
    return [(each.field, each.reason, each.message) for each in found]


def judged(rule: dict[str, Any], new: dict[str, Any], old: dict[str, Any] | None = None) -> Any:
    compiled = compile_schema(schema(rule))
    compiled.raise_for_problems()
    return violations(compiled, new, old)


AT = "properties[spec].x-kubernetes-validations[0]"


@pytest.mark.parametrize(
    ("rule", "kind", "field", "said"),
    [
        ({"rule": "self.nope > 1"}, "type", f"{AT}.rule", "undefined field 'nope'"),
        ({"rule": "self.count"}, "type", f"{AT}.rule", "must evaluate to a bool"),
        ({"rule": "self.count >"}, "syntax", f"{AT}.rule", "Syntax error"),
        ({"rule": ""}, "rule", f"{AT}.rule", "rule is not specified"),
        ({"rule": "true", "message": "a\nb"}, "rule", f"{AT}.message", "must not contain line breaks"),
        (
            {"rule": "true", "messageExpression": "1"},
            "type",
            f"{AT}.messageExpression",
            "must evaluate to a string",
        ),
        ({"rule": "true", "reason": "Because"}, "rule", f"{AT}.reason", "supported values"),
        ({"rule": "true", "fieldPath": ".nope"}, "rule", f"{AT}.fieldPath", "must be a valid path"),
        (
            {"rule": "true", "optionalOldSelf": True},
            "rule",
            f"{AT}.optionalOldSelf",
            "if oldSelf is not used",
        ),
    ],
)
def test_rules_that_are_wrong(rule: dict[str, Any], kind: str, field: str, said: str) -> None:
    (found,) = problems(rule)
    assert found[:2] == (kind, field)
    assert said in found[3]


def test_a_rule_over_what_has_no_bound_is_too_dear() -> None:
    rule = {"rule": "self.names.all(a, self.names.all(b, a == b))"}
    kind, field, reason, said = problems(rule, names={"type": "array", "items": TEXT})[0]
    assert (kind, field, reason) == ("cost", f"{AT}.rule", "FieldValueForbidden")
    assert said.startswith("estimated rule cost exceeds budget by factor of")
    bounded = {"type": "array", "maxItems": 10, "items": {"type": "string", "maxLength": 20}}
    assert problems(rule, names=bounded) == []


def test_a_rule_counts_as_often_as_it_can_be_met() -> None:
    item = {"type": "object", "properties": {"x": {"type": "integer"}}, RULES: [{"rule": "self.x > 0"}]}
    compiled = compile_schema(schema({"rule": "true"}, items={"type": "array", "maxItems": 7, "items": item}))
    costs = {each.field: (each.cost, each.cardinality, each.total) for each in compiled.costs}
    inner = "properties[spec].properties[items].items.x-kubernetes-validations[0].rule"
    assert costs[inner] == (3, 7, 21)
    assert compiled.total_cost == sum(each.total for each in compiled.costs)


def test_all_rules_together_have_a_limit_too() -> None:
    dear = {"rule": "self.names.all(a, self.names.all(b, a == b))"}
    names = {"type": "array", "maxItems": 700, "items": {"type": "string", "maxLength": 1}}
    compiled = compile_schema(schema(*[dear] * 60, names=names), path="spec")
    assert all(each.total <= PER_EXPRESSION_ESTIMATE_LIMIT for each in compiled.costs)
    last = compiled.problems[-1]
    assert last.field == "spec" and "for entire OpenAPIv3 schema exceeds budget" in last.message


def test_problems_are_raised_by_kind() -> None:
    with pytest.raises(CelSyntaxError, match=r"properties\[spec\]"):
        compile_schema(schema({"rule": "self.count >"})).raise_for_problems()
    unbounded = {"type": "array", "items": {"type": "string"}}
    with pytest.raises(CelCostError):
        compile_rule(unbounded, "self.all(a, self.all(b, a == b))")


def test_messages() -> None:
    broken = {"count": 5, "limit": 3}
    rule = {"rule": "self.count <= self.limit"}
    assert judged(rule, broken) == [("spec", "FieldValueInvalid", "failed rule: self.count <= self.limit")]
    assert judged({**rule, "message": " too many "}, broken)[0][2] == "too many"
    shown = {
        **rule,
        "message": "m",
        "messageExpression": "'%d is more than %d'.format([self.count, self.limit])",
    }
    assert judged(shown, broken)[0][2] == "5 is more than 3"
    # An expression that fails, or gives nothing to show, falls back to the message.
    for expression in ("string(1 / (self.limit - 3))", "'  '", "'a\\nb'"):
        assert judged({**shown, "messageExpression": expression}, broken)[0][2] == "m"


def test_reason_and_field_path() -> None:
    rule = {
        "rule": "self.count <= self.limit",
        "reason": "FieldValueForbidden",
        "fieldPath": ".count",
        "message": "m",
    }
    assert judged(rule, {"count": 5, "limit": 3}) == [("spec.count", "FieldValueForbidden", "m")]
    assert judged(rule, {"count": 3, "limit": 3}) == []


def test_a_rule_that_fails_is_broken() -> None:
    found = judged({"rule": "self.count <= self.limit"}, {"count": 1})
    assert found == [
        ("spec", "FieldValueInvalid", "no such key: limit evaluating rule: self.count <= self.limit")
    ]


def test_transition_rules_run_on_updates() -> None:
    rule = {"rule": "self.count >= oldSelf.count", "message": "may not shrink"}
    assert judged(rule, {"count": 1}) == []
    assert judged(rule, {"count": 2}, {"count": 1}) == []
    assert judged(rule, {"count": 1}, {"count": 2}) == [("spec", "FieldValueInvalid", "may not shrink")]


def test_a_transition_rule_may_be_asked_on_creation_too() -> None:
    rule = {
        "rule": "oldSelf.hasValue() || self.count == 0",
        "optionalOldSelf": True,
        "message": "starts at nothing",
    }
    assert judged(rule, {"count": 1}) == [("spec", "FieldValueInvalid", "starts at nothing")]
    assert judged(rule, {"count": 0}) == []
    assert judged(rule, {"count": 1}, {"count": 0}) == []


def listed(kind: str, rule: str, **item: Any) -> dict[str, Any]:
    inner = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string", "maxLength": 5}, "size": {"type": "integer"}},
        RULES: [{"rule": rule, "message": "m"}],
        **item,
    }
    keys = {"x-kubernetes-list-map-keys": ["name"]} if kind == "map" else {}
    return {"type": "array", "maxItems": 5, "x-kubernetes-list-type": kind, **keys, "items": inner}


def test_items_of_a_map_are_told_by_their_keys() -> None:
    disks = listed("map", "self.size >= oldSelf.size")
    compiled = compile_schema(schema({"rule": "true"}, disks=disks))
    compiled.raise_for_problems()
    old = {"disks": [{"name": "a", "size": 1}, {"name": "b", "size": 9}]}
    new = {"disks": [{"name": "b", "size": 8}, {"name": "c", "size": 0}, {"name": "a", "size": 2}]}
    assert violations(compiled, new, old) == [("spec.disks[0]", "FieldValueInvalid", "m")]


def test_items_of_a_plain_list_have_no_past() -> None:
    disks = listed("atomic", "self.size >= oldSelf.size")
    (found,) = compile_schema(schema({"rule": "true"}, disks=disks), path="schema").problems
    within = "schema.properties[spec].properties[disks]"
    assert (
        found.message == f"oldSelf cannot be used on the uncorrelatable portion of the schema within {within}"
    )


def test_what_an_update_left_alone_only_warns() -> None:
    rule = {"rule": "self.count <= self.limit", "message": "m"}
    properties = {
        "inner": {"type": "object", "properties": {"x": {"type": "integer"}}, RULES: [{"rule": "self.x > 0"}]}
    }
    compiled = compile_schema(schema(rule, **properties))
    old = {"count": 1, "limit": 1, "inner": {"x": 0}}
    verdict = compiled.judge({"spec": {**old, "limit": 2}}, {"spec": old})
    assert verdict.violations == ()
    assert [each.field for each in verdict.warnings] == ["spec.inner"]
    found = violations(compiled, {**old, "count": 2, "inner": {"x": -1}}, old)
    assert sorted(found) == [
        ("spec", "FieldValueInvalid", "m"),
        ("spec.inner", "FieldValueInvalid", "failed rule: self.x > 0"),
    ]


def test_a_spent_budget_ends_the_validation() -> None:
    compiled = compile_schema(schema({"rule": "self.count > 0"}))
    verdict = compiled.judge({"spec": {"count": 1}}, budget=1)
    assert [each.message for each in verdict.violations] == [
        "validation failed due to running out of cost budget, no further validation rules will be run"
    ]


def test_paths_into_maps_and_lists() -> None:
    port = {"type": "integer", RULES: [{"rule": "self < 10"}]}
    ports = {"type": "object", "maxProperties": 3, "additionalProperties": {"type": "array", "items": port}}
    compiled = compile_schema(schema({"rule": "true"}, ports=ports))
    (found,) = compiled.validate({"spec": {"ports": {"a.b": [1, 20]}}})
    assert (found.field, found.value, found.shows_value) == ("spec.ports[a.b][1]", 20, True)
