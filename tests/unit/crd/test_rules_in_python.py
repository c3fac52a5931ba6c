"""`model.validate_cel()`: the server's rules, asked without a server."""

# ruff: noqa: E501

from __future__ import annotations

from typing import Annotated, Any

import pytest
from helpers.crd_models import CASES, Case
from helpers.crd_models.rules import Fixed, FixedSpec, GroupSpec, Range, RangeSpec
from helpers.crd_objects import Kind
from pydantic import Field

from reconcile import ConfigurationError, CustomResource, Model
from reconcile.crd import ListType, Rule, custom_resource_definition


def test_a_violation_has_the_servers_place_reason_and_words() -> None:
    obj = Range(spec=RangeSpec(min=7, max=6))
    (violation,) = obj.validate_cel()
    assert (violation.field, violation.reason, violation.message) == (
        "spec.min",
        "FieldValueForbidden",
        "min is at most max",
    )
    assert Range(spec=RangeSpec()).validate_cel() == ()


def test_a_part_of_a_kind_can_be_asked_alone() -> None:
    (violation,) = RangeSpec(even=3).validate_cel()
    assert (violation.field, violation.message) == ("even", "must be even")
    assert [each.message for each in GroupSpec(user="u").validate_cel()] == [
        "exactly one of the fields secret, token must be set"
    ]


def test_transition_rules_ask_about_the_object_before() -> None:
    before = Fixed(spec=FixedSpec(zone="a", volume="v", size=3))
    after = Fixed(spec=FixedSpec(zone="b", size=2))
    assert after.validate_cel() == ()
    found = {(each.field, each.message) for each in after.validate_cel(before)}
    assert found == {
        ("spec.zone", "the value is immutable"),
        ("spec", "volume: the volume stays"),
        ("spec.size", "it only grows"),
    }


def test_a_model_without_rules_breaks_none() -> None:
    class Plain(Model):
        size: int = 1

    assert Plain().validate_cel() == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_the_catalogue_says_is_wrong_is_wrong(case: Case) -> None:
    kind = Kind(case)
    for spec, path in case.refused:
        paths, said = kind.judged_by_python(kind.of_spec(spec))
        assert paths is not None and any(path in each for each in paths), (spec, said)
    for before, after, path in case.updates:
        paths, said = kind.judged_by_python(kind.of_spec(after), kind.of_spec(before))
        assert paths == (frozenset({path}) if path else None), (before, after, said)


class Item(Model):
    name: str
    size: Annotated[int, Rule("self == oldSelf")] = 1


def ruled(annotation: Any) -> Any:
    spec: Any = type(Model)("Spec", (Model,), {"__module__": __name__, "__annotations__": {"x": annotation}})
    thing: Any = type(CustomResource)(
        "Thing",
        (CustomResource,),
        {"__module__": __name__, "__annotations__": {"spec": spec}},
        group="example.com",
        version="v1",
    )
    return custom_resource_definition(thing)


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (
            Annotated[str, Rule("self > 3")],
            "model Thing, field spec.x: the rule 'self > 3' does not fit: found no matching overload for '_>_' "
            "applied to '(string, int)' (line 1, column 6); write it for the type that the field has on the wire",
        ),
        (
            Annotated[list[str], Rule("self.all(x, self.all(y, x == y))")],
            "model Thing, field spec.x: the rule 'self.all(x, self.all(y, x == y))' costs too much: estimated rule "
            "cost exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, "
            "maxProperties, and maxLength where arrays, maps, and strings are declared); bound what it reads: "
            "max_length on the texts, lists and dicts, also of those around it",
        ),
        (
            list[Item],
            "model Thing, field spec.x[].size: the rule 'self == oldSelf': oldSelf cannot be used on the "
            "uncorrelatable portion of the schema within properties[spec].properties[x]; give the list keys, so "
            'that its items are known again: ListType("map", keys=("name",))',
        ),
        (
            Annotated[str, Rule("true", message="a\nb")],
            "model Thing, field spec.x: the rule 'true': its message must not contain line breaks",
        ),
    ],
    ids=["type", "cost", "transition in a list", "message"],
)
def test_a_wrong_rule_names_field_rule_and_way_out(annotation: Any, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ruled(annotation)
    assert str(caught.value) == text


def test_the_ways_out_work() -> None:
    assert ruled(Annotated[list[Item], ListType("map", keys=("name",))])
    bounded = Annotated[str, Field(max_length=9)]
    assert ruled(Annotated[list[bounded], Field(max_length=9), Rule("self.all(x, self.all(y, x == y))")])
