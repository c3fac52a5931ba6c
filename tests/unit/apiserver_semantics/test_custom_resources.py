"""Definitions and custom resources: structural rules, validation, pruning, defaults, names."""

from __future__ import annotations

from typing import Any

import pytest

from reconcile.apiserver.customresources import custom_resources, establish
from reconcile.apiserver.customresources.schema import CustomSchema
from reconcile.apiserver.customresources.structural import structural_errors
from reconcile.apiserver.customresources.validation import validate
from reconcile.apiserver.strategies.cron_jobs import schedule_problem
from reconcile.apiserver.tables.durations import human_duration
from reconcile.apiserver.tables.json_path import find
from reconcile.cel.re2 import compile_re2


def object_of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def definition(kind: str = "Foo", plural: str = "foos") -> dict[str, Any]:
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object"}},
    }
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    spec = {"group": "example.com", "names": names, "scope": "Namespaced", "versions": [version]}
    return {"metadata": {"name": f"{plural}.example.com"}, "spec": spec}


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ({"type": "integer"}, "a", 'x: Invalid value: "string": x in body must be of type integer: "string"'),
        (
            {"type": "string", "enum": ["a", "b"]},
            "c",
            'x: Unsupported value: "c": supported values: "a", "b"',
        ),
        ({"type": "string", "pattern": "^a$"}, "b", "x: Invalid value: \"b\": x in body should match '^a$'"),
        (
            {"type": "integer", "minimum": 1},
            0,
            "x: Invalid value: 0: x in body should be greater than or equal to 1",
        ),
        ({"type": "array", "maxItems": 1, "items": {}}, [1, 2], "x: Too many: 2: must have at most 1 item"),
    ],
)
def test_errors_are_worded_as_the_server_words_them(schema: dict[str, Any], value: Any, text: str) -> None:
    assert [str(error) for error in validate({"x": value}, object_of(x=schema))] == [text]


def test_an_unchanged_wrong_part_does_not_stop_an_update() -> None:
    schema = object_of(old={"type": "integer"}, new={"type": "integer"})
    assert validate({"old": "bad", "new": 1}, schema, {"old": "bad", "new": 0}) == []
    assert len(validate({"old": "bad", "new": "x"}, schema, {"old": "bad", "new": 0})) == 1


def test_unknown_fields_are_pruned_unless_preserved() -> None:
    schema = CustomSchema(
        object_of(spec=object_of(free={"type": "object", "x-kubernetes-preserve-unknown-fields": True})),
        kind="Foo",
    )
    obj = {"metadata": {}, "spec": {"free": {"a": 1}, "gone": 1}}
    assert schema.check(obj) == ['unknown field "spec.gone"']
    assert obj["spec"] == {"free": {"a": 1}}


def test_defaults_fill_what_is_absent_and_go_on_inside() -> None:
    schema = CustomSchema(
        object_of(spec={**object_of(a={"type": "integer", "default": 1}), "default": {}}), kind="Foo"
    )
    obj: dict[str, Any] = {}
    schema.default(obj)
    assert obj == {"spec": {"a": 1}}


def test_a_schema_without_type_is_not_structural() -> None:
    errors = structural_errors(object_of(a={}), "s")
    assert [str(error) for error in errors] == [
        "s.properties[a].type: Required value: must not be empty for specified object fields"
    ]


def test_a_definition_is_served_once_its_names_are_accepted() -> None:
    crd = definition()
    assert custom_resources(crd) == ()
    establish(crd, [], now="2026-01-01T00:00:00Z")
    (resource,) = custom_resources(crd)
    assert (resource.type.plural, resource.list_kind) == ("foos", "FooList")


def test_a_kind_that_is_taken_is_not_established() -> None:
    first = establish(definition(), [], now="t")
    second = establish(definition(plural="others"), [first], now="t")
    reasons = {each["type"]: each["reason"] for each in second["status"]["conditions"]}
    assert reasons == {"NamesAccepted": "ListKindConflict", "Established": "NotAccepted"}


def test_patterns_of_re2_are_translated() -> None:
    expression = compile_re2(r"^[[:alpha:]]+$")
    assert expression.search("abc")
    assert not expression.search("abc\n")


def test_printer_columns_find_conditions() -> None:
    obj = {"status": {"conditions": [{"type": "A", "status": "True"}, {"type": "B", "status": "False"}]}}
    assert find(obj, '.status.conditions[?(@.type=="B")].status') == ["False"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (119, "119s"), (200, "3m20s"), (7500, "125m"), (3600 * 5, "5h"), (86400 * 3, "3d")],
)
def test_ages_are_kubectls(seconds: int, text: str) -> None:
    assert human_duration(seconds) == text


def test_schedules_are_read_as_cron_reads_them() -> None:
    assert schedule_problem("*/5 0-6 1,15 jan mon") == ""
    assert schedule_problem("61 * * * *") == "end of range (61) above maximum (59): 61"
