"""The status of admission policies: where expressions do not fit what they are about."""

from __future__ import annotations

import asyncio
from typing import Any

from helpers.asking import MERGE, Asker, asking

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
ENOUGH = 5.0


def policy(name: str, *texts: str, **spec: Any) -> Any:
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["deployments"]}
    validations = [{"expression": text} for text in texts]
    return {
        "metadata": {"name": name},
        "spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": validations, **spec},
    }


async def status_of(ask: Asker, name: str) -> Any:
    await asyncio.sleep(ENOUGH)
    return (await ask("GET", f"{POLICIES}/{name}")).body.get("status") or {}


async def test_expressions_that_do_not_fit_are_warned_about() -> None:
    async with asking() as ask:
        await ask.made(policy("p", "object.spec.replicas > 1", "object.spec.replicas == 'a'"), POLICIES)
        status = await status_of(ask, "p")
        assert status["observedGeneration"] == 1
        (warning,) = status["typeChecking"]["expressionWarnings"]
        assert warning["fieldRef"] == "spec.validations[1].expression"
        first, *_ = warning["warning"].split("\n")
        assert first == (
            "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_==_' applied to "
            "'(int, string)'"
        )


async def test_a_changed_policy_is_checked_anew() -> None:
    async with asking() as ask:
        await ask.made(policy("p", "object.spec.nope == 1"), POLICIES)
        assert (await status_of(ask, "p"))["typeChecking"]["expressionWarnings"]
        changed = {"spec": {"validations": [{"expression": "object.spec.replicas == 1"}]}}
        assert (await ask("PATCH", f"{POLICIES}/p", changed, MERGE)).status == 200
        status = await status_of(ask, "p")
        assert status["observedGeneration"] == 2
        assert not status.get("typeChecking")


async def test_a_kind_that_comes_later_counts_for_policies_that_come_after_it() -> None:
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"a": {"type": "string"}}}},
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    definition = {
        "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Cluster", "names": names, "versions": [version]},
    }
    rule = {"apiGroups": ["example.com"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["things"]}
    about = {"matchConstraints": {"resourceRules": [rule]}}
    async with asking() as ask:
        await ask.made(policy("before", "object.spec.a > 1", **about), POLICIES)
        assert not (await status_of(ask, "before")).get("typeChecking")
        await ask.made(definition, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        await asyncio.sleep(ENOUGH)
        await ask.made(policy("after", "object.spec.a > 1", **about), POLICIES)
        assert (await status_of(ask, "after"))["typeChecking"]["expressionWarnings"]


async def test_nothing_is_written_where_nothing_checks() -> None:
    async with asking(policy_status=False) as ask:
        await ask.made(policy("p", "object.spec.nope == 1"), POLICIES)
        assert await status_of(ask, "p") == {}
