"""A server that was just started holds what a real one holds: every object, to the owners of its fields."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from helpers.differential import differences, embedded_server, get, real_server

from reconcile.apiserver import APIServer
from reconcile.apiserver.access.options import AccessOptions
from reconcile.apiserver.http import HTTPOptions
from reconcile.apiserver.interfaces import User
from reconcile.apiserver.server import ServerOptions
from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

_ADMIN = User("admin", ("system:masters", "system:authenticated"))
_WITHIN = 120.0
_DRAWN = frozenset({"uid", "resourceVersion", "creationTimestamp", "time", "lastTransitionTime", "renewTime"})
# Deprecated; what stands in them is how this server reaches its etcd and others on their own ports.
_NOT_COMPARED = frozenset({"componentstatuses"})
# Of the one controller that the real one needs, so that its roles are whole.
_CONTROLLER = "kube-system/clusterrole-aggregation-controller"

Ask = Callable[[str], Awaitable[Any]]


async def everything(ask: Ask) -> dict[str, Any]:
    """Every object, by resource and name, without what is drawn."""
    found: dict[str, Any] = {}
    versions = [each for group in (await ask("/apis"))["groups"] for each in group["versions"]]
    for prefix in ("/api/v1", *(f"/apis/{each['groupVersion']}" for each in versions)):
        for resource in (await ask(prefix))["resources"]:
            name = resource["name"]
            if "/" in name or "list" not in resource["verbs"] or name in _NOT_COMPARED:
                continue
            for item in (await ask(f"{prefix}/{name}"))["items"]:
                meta = item["metadata"]
                place = "/".join(each for each in (meta.get("namespace"), meta["name"]) if each)
                if place != _CONTROLLER:
                    found[f"{prefix}/{name} {place}"] = comparable(item)
    return found


def comparable(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: comparable(inner, name) for name, inner in value.items() if name not in _DRAWN}
    if isinstance(value, list):
        items = [comparable(item) for item in value]
        if items and isinstance(items[0], dict) and "fieldsV1" in items[0]:
            # Sorted by time first, which may differ by a second.
            items.sort(key=lambda each: (each["manager"], each["operation"], each.get("subresource", "")))
        return items
    if key == "targetPort":
        return "<port>"
    if key == "holderIdentity":
        return str(value).partition("_")[0]
    if isinstance(value, str):
        value = re.sub(r"127\.0\.0\.1:\d+", "<address>", value)
        value = re.sub(r"(?s)-----BEGIN CERTIFICATE-----.*-----END CERTIFICATE-----", "<certificate>", value)
        return re.sub(r"^\d{4}-\d\d-\d\d$", "<day>", value)
    return value


def asking(server: Any) -> Ask:
    async def ask(path: str) -> Any:
        answer = await server(get(path))
        assert answer.status == 200, f"{path}: {answer.body}"
        return answer.body

    return ask


async def test_a_fresh_server_holds_what_a_real_one_holds(needs_control_plane: None) -> None:
    options = ControlPlaneOptions(controllers=("clusterrole-aggregation-controller",))
    # What its other controllers would do is done by no one there.
    ours_options = ServerOptions(
        access=AccessOptions(), service_accounts=False, service_addresses=False, policy_status=False
    )
    async with ControlPlane(options) as plane, APIServer(ours_options) as server:
        await server.serve(options=HTTPOptions(tls=True))
        real = asking(real_server(plane.url, plane.admin_certificate, plane.admin_key))
        ours = asking(embedded_server(server.transport(_ADMIN)))
        try:
            async with asyncio.timeout(_WITHIN):
                # A real server makes some of it after it is ready.
                while (theirs := await everything(real)) != (mine := await everything(ours)):
                    await asyncio.sleep(1)
        except TimeoutError:
            assert not differences(theirs, mine), "\n".join(differences(theirs, mine))
    kinds = {name.split()[0] for name in theirs}
    print(f"\n{len(theirs)} objects of {len(kinds)} resources are the same: {json.dumps(sorted(kinds))}")
    assert len(theirs) > 150
