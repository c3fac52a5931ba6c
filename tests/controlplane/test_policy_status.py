"""The status of admission policies says what kube-controller-manager's says: where types do not fit."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from helpers.differential import Ask, Server, embedded_server, get, post, put, real_server
from helpers.policy_type_checks import CRDS, DEFINITION, POLICIES, policies

from reconcile.apiserver import APIServer
from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

_WITHIN = 120.0
# Upstream's types have the time in their names.
_TYPE = re.compile(r"\b(Deployment|Pod|Check|Job|ConfigMap)\d+")


@pytest.fixture(scope="module")
def control_plane(needs_control_plane: None) -> Iterator[ControlPlane]:
    """A real server whose controller-manager looks at policies."""
    options = ControlPlaneOptions(controllers=("validatingadmissionpolicy-status-controller",))
    with ControlPlane(options) as plane:
        yield plane


@asynccontextmanager
async def _servers(control_plane: ControlPlane) -> AsyncIterator[tuple[Server, Server]]:
    plane = control_plane
    async with APIServer() as server:
        real = real_server(plane.url, plane.admin_certificate, plane.admin_key)
        yield real, embedded_server(server.transport())


async def _established(ask: Server) -> None:
    made = await ask(post(CRDS, DEFINITION))
    assert made.status == 201, made.body
    async with asyncio.timeout(_WITHIN):
        while (await ask(Ask("GET", "/openapi/v3/apis/types.example.com/v1"))).status != 200:
            await asyncio.sleep(0.1)


async def _checked(ask: Server, name: str, generation: int) -> dict[str, Any]:
    """The policy once it was checked."""
    async with asyncio.timeout(_WITHIN):
        while True:
            found = (await ask(get(f"{POLICIES}/{name}"))).body
            if (found.get("status") or {}).get("observedGeneration") == generation:
                return found
            await asyncio.sleep(0.02)


def _said(policy: dict[str, Any]) -> dict[str, Any]:
    status = policy["status"]
    checking = status.get("typeChecking")
    warnings = (checking or {}).get("expressionWarnings") or []
    managers = [
        (entry["manager"], entry["operation"], entry.get("subresource"), entry["fieldsV1"])
        for entry in policy["metadata"]["managedFields"]
        if entry.get("subresource") == "status"
    ]
    return {
        "warnings": {each["fieldRef"]: _TYPE.sub(r"\1", each["warning"]) for each in warnings},
        "status": {**status, "typeChecking": None if checking is None else sorted(checking)},
        "managers": managers,
    }


async def test_policies_are_checked_alike(control_plane: ControlPlane) -> None:
    async with _servers(control_plane) as servers:
        every = policies()
        for ask in servers:
            await _established(ask)
            for policy in every:
                made = await ask(post(POLICIES, policy))
                assert made.status == 201, (policy["metadata"]["name"], made.body["message"])
        differing: list[str] = []
        warned = 0
        for policy in every:
            name = policy["metadata"]["name"]
            real, ours = [_said(await _checked(ask, name, 1)) for ask in servers]
            warned += bool(real["warnings"])
            if real != ours:
                text = policy["spec"]["validations"][0]["expression"]
                differing.append(f"{name}: {text}\n  real {real}\n  OURS {ours}")
        assert not differing, "\n".join(differing)
        assert warned > 30


async def test_a_changed_policy_is_checked_anew(control_plane: ControlPlane) -> None:
    async with _servers(control_plane) as servers:
        policy = policies()[1]
        policy["metadata"]["name"] = name = "types-changing"
        said: list[object] = []
        for ask in servers:
            made = await ask(post(POLICIES, policy))
            assert made.status == 201, made.body
            found = await _checked(ask, name, 1)
            assert _said(found)["warnings"]
            found["spec"]["validations"] = [{"expression": "object.spec.replicas > 1"}]
            assert (await ask(put(f"{POLICIES}/{name}", found))).status == 200
            said.append(_said(await _checked(ask, name, 2)))
        assert said[0] == said[1]
