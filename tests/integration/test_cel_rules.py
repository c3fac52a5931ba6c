"""Rules of a CustomResourceDefinition: definitions and objects are refused alike on both servers."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from helpers.servers import Session
from pydantic import WithJsonSchema

from reconcile import CustomResource, InvalidError
from reconcile.crd import install_crds

RULES = "x-kubernetes-validations"
DISK = {
    "type": "object",
    "required": ["name", "size"],
    "properties": {"name": {"type": "string", "maxLength": 20}, "size": {"type": "integer"}},
    RULES: [{"rule": "self.size >= oldSelf.size", "message": "a disk never shrinks"}],
}
SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["count", "limit"],
    "properties": {
        "count": {"type": "integer", RULES: [{"rule": "self % 2 == 0"}]},
        "limit": {"type": "integer"},
        "owner": {"type": "string", "maxLength": 20},
        "address": {"type": "string", "maxLength": 40},
        "disks": {
            "type": "array",
            "maxItems": 5,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": DISK,
        },
    },
    RULES: [
        {
            "rule": "self.count <= self.limit",
            "messageExpression": "'%d is more than %d'.format([self.count, self.limit])",
            "fieldPath": ".count",
            "reason": "FieldValueForbidden",
        },
        {
            "rule": "!has(self.address) || isIP(self.address)",
            "message": "an address",
            "fieldPath": ".address",
        },
        {
            "rule": "!oldSelf.hasValue() || has(self.owner) == has(oldSelf.value().owner)",
            "optionalOldSelf": True,
            "message": "an owner neither comes nor goes",
        },
    ],
}


class Shelf(CustomResource, group="rules.example.com", version="v1", plural="shelves"):
    spec: Annotated[dict[str, Any], WithJsonSchema(SPEC)]


SHELVES = Shelf.__resource_type__


def shelf(session: Session, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "rules.example.com/v1",
        "kind": "Shelf",
        "metadata": {"name": "s", "namespace": session.namespace},
        "spec": {"count": 2, "limit": 4, **spec},
    }


def definition(session: Session, *rules: dict[str, Any], **properties: Any) -> dict[str, Any]:
    spec = {"type": "object", "properties": properties, RULES: list(rules)}
    schema = {"type": "object", "properties": {"spec": spec}}
    group = f"{session.unique}.example.com"
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things"},
            "versions": [version],
        },
    }


def causes(error: pytest.ExceptionInfo[InvalidError]) -> list[tuple[str, str, str]]:
    return [(cause.field, cause.reason, cause.message) for cause in error.value.causes]


async def test_objects_that_break_rules_are_refused_with_their_causes(session: Session) -> None:
    client = session.client
    await install_crds(client, [Shelf])
    with pytest.raises(InvalidError) as refused:
        await client.create(shelf(session, count=7, address="::x"))
    assert sorted(causes(refused)) == [
        ("spec.address", "FieldValueInvalid", "Invalid value: an address"),
        ("spec.count", "FieldValueForbidden", "Forbidden: 7 is more than 4"),
        ("spec.count", "FieldValueInvalid", "Invalid value: 7: failed rule: self % 2 == 0"),
    ]
    await client.create(shelf(session, address="10.0.0.1"))


async def test_rules_about_changes_run_on_updates(session: Session) -> None:
    client = session.client
    await install_crds(client, [Shelf])
    # Nothing was before: no rule about a change is asked.
    made = await client.create(shelf(session, disks=[{"name": "a", "size": 5}, {"name": "b", "size": 5}]))

    async def updated(**spec: Any) -> None:
        nonlocal made
        made = await client.update({**made, "spec": {**made["spec"], **spec}})

    with pytest.raises(InvalidError) as refused:
        await updated(disks=[{"name": "b", "size": 4}, {"name": "c", "size": 0}, {"name": "a", "size": 6}])
    (cause,) = causes(refused)
    assert cause[:2] == ("spec.disks[0]", "FieldValueInvalid")
    assert cause[2].endswith("a disk never shrinks")
    await updated(disks=[{"name": "b", "size": 6}, {"name": "c", "size": 0}])
    with pytest.raises(InvalidError, match="an owner neither comes nor goes"):
        await updated(owner="me")
    with pytest.raises(InvalidError, match="a disk never shrinks"):
        await client.patch(SHELVES, f"{session.namespace}/s", {"spec": {"disks": [{"name": "b", "size": 1}]}})


@pytest.mark.parametrize(
    ("rule", "field", "said"),
    [
        ({"rule": "self.nope > 1"}, "rule", "undefined field 'nope'"),
        ({"rule": "self.count >"}, "rule", "Syntax error"),
        ({"rule": "self.count"}, "rule", "cel expression must evaluate to a bool"),
        ({"rule": "true", "message": "two\nlines"}, "message", "must not contain line breaks"),
        (
            {"rule": "true", "messageExpression": "self.count"},
            "messageExpression",
            "must evaluate to a string",
        ),
        ({"rule": "true", "fieldPath": ".nope"}, "fieldPath", "must be a valid path"),
        ({"rule": "self.names.all(a, self.names.all(b, a == b))"}, "rule", "exceeds budget by factor of"),
        ({"rule": "self.plain.all(x, x == oldSelf.plain[0])", "optionalOldSelf": True}, "rule", "applied to"),
    ],
)
async def test_definitions_with_wrong_rules_are_refused(
    session: Session, rule: dict[str, Any], field: str, said: str
) -> None:
    names = {"type": "array", "items": {"type": "string"}}
    plain = {"type": "array", "maxItems": 3, "items": {"type": "integer"}}
    made = definition(session, rule, count={"type": "integer"}, names=names, plain=plain)
    with pytest.raises(InvalidError) as refused:
        await session.client.create(made)
    at = f"spec.validation.openAPIV3Schema.properties[spec].{RULES}[0].{field}"
    at_version = at.replace("spec.validation", "spec.versions[0].schema")
    found = [cause for cause in refused.value.causes if cause.field in (at, at_version)]
    assert found, refused.value.causes
    assert said in found[0].message


async def test_a_pattern_that_is_none_is_refused_in_gos_words(session: Session) -> None:
    made = definition(
        session, x={"type": "string", "pattern": "^(?=a)"}, y={"type": "string", "pattern": "[a"}
    )
    with pytest.raises(InvalidError) as refused:
        await session.client.create(made)
    said = " ".join(cause.message for cause in refused.value.causes)
    assert "isn't: error parsing regexp: invalid or unsupported Perl syntax: `(?=`" in said
    assert "isn't: error parsing regexp: missing closing ]: `[a`" in said
