"""The embedded server's quota controller comes to the same counts as kube-controller-manager's.

Both servers get the same requests; after each step both are waited for until their quotas say the same, which
they have to within the time-out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from helpers.differential import Ask, Server, delete, embedded_server, get, merge, post, real_server
from helpers.differential_cases import pod
from helpers.differential_limit_ranges import claim, container, sized
from helpers.differential_run import until_said

from reconcile.apiserver import APIServer, ServerOptions
from reconcile.apiserver.interfaces import User
from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

Body = dict[str, Any]
_WITHIN = 90.0
_ADMIN = User("admin", ("system:masters", "system:authenticated"))


@pytest.fixture(scope="module")
def counted_plane(needs_control_plane: None) -> Iterator[ControlPlane]:
    """A control plane with the quota controller alone."""
    with ControlPlane(ControlPlaneOptions(controllers=("resourcequota-controller",))) as plane:
        yield plane


@asynccontextmanager
async def both(counted_plane: ControlPlane) -> AsyncIterator[tuple[Server, Server]]:
    real = real_server(counted_plane.url, counted_plane.admin_certificate, counted_plane.admin_key)
    options = ServerOptions(service_accounts=False, garbage_collection=False, namespace_deletion=False)
    async with APIServer(options) as server:
        yield real, embedded_server(server.transport(_ADMIN))


async def _told(servers: tuple[Server, Server], ask: Ask) -> None:
    real, ours = [await server(ask) for server in servers]
    assert real.status == ours.status, f"{ask}: real {real.body}, ours {ours.body}"


async def _agree(servers: tuple[Server, Server], path: str, expected: Body) -> None:
    """Both say that this is used."""
    for server in servers:
        used: Any = None
        try:
            async with asyncio.timeout(_WITHIN):
                while used != expected:
                    quota = (await server(get(path))).body
                    used = quota.get("status", {}).get("used")
                    if quota.get("status", {}).get("hard") != quota["spec"]["hard"]:
                        used = None
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"{'real' if server is servers[0] else 'ours'}: {used}, not {expected}")


async def _steps(
    plane: ControlPlane,
    namespace: str,
    hard: Body,
    before: list[Ask],
    steps: list[tuple[Ask, Body]],
) -> None:
    async with both(plane) as servers:
        core = f"/api/v1/namespaces/{namespace}"
        await _told(servers, post("/api/v1/namespaces", {"metadata": {"name": namespace}}))
        for ask in before:
            await _told(servers, _placed(ask, core))
        quota = {"metadata": {"name": "q"}, "spec": {"hard": {**hard, "count/podtemplates": "0"}}}
        await _told(servers, post(f"{core}/resourcequotas", quota))
        # Admission of the real server hears of the count by a watch, and charges what it knows.
        template = {"metadata": {"name": "t"}, "template": {"spec": pod()["spec"]}}
        probe = post(f"{core}/podtemplates", template, dryRun="All")
        await until_said(probe, "exceeded quota: q", *servers)
        for ask, expected in steps:
            if ask.path:
                await _told(servers, _placed(ask, core))
            counted = {**expected, "count/podtemplates": "0"}
            await _agree(servers, f"{core}/resourcequotas/q", counted)


def _placed(ask: Ask, core: str) -> Ask:
    return replace(ask, path=core + ask.path)


_NOTHING = Ask("", "")


async def test_objects_are_counted_when_a_quota_comes_and_when_they_go(
    counted_plane: ControlPlane,
) -> None:
    account = post("/serviceaccounts", {"metadata": {"name": "default"}})
    await _steps(
        counted_plane,
        "counted-objects",
        {
            "configmaps": "5",
            "count/configmaps": "5",
            "count/leases.coordination.k8s.io": "1",
            "count/x.y": "1",
        },
        [account, *(post("/configmaps", {"metadata": {"name": name}}) for name in "ab")],
        [
            (_NOTHING, {"configmaps": "2", "count/configmaps": "2", "count/leases.coordination.k8s.io": "0"}),
            (
                post("/configmaps", {"metadata": {"name": "c"}}),
                {"configmaps": "3", "count/configmaps": "3", "count/leases.coordination.k8s.io": "0"},
            ),
            (
                delete("/configmaps/a"),
                {"configmaps": "2", "count/configmaps": "2", "count/leases.coordination.k8s.io": "0"},
            ),
            (
                merge("/resourcequotas/q", {"spec": {"hard": {"count/configmaps": None, "secrets": "1"}}}),
                {"configmaps": "2", "count/leases.coordination.k8s.io": "0", "secrets": "0"},
            ),
        ],
    )


async def test_pods_are_counted_while_they_have_something(counted_plane: ControlPlane) -> None:
    account = post("/serviceaccounts", {"metadata": {"name": "default"}})
    await _steps(
        counted_plane,
        "counted-pods",
        {"pods": "5", "count/pods": "9", "requests.cpu": "4", "limits.memory": "4Gi",
         "requests.example.com/gpu": "4"},
        [account, post("/pods", pod("a", containers=[sized("500m", "1Gi")]))],
        [
            (
                post(
                    "/pods",
                    pod(
                        "b",
                        containers=[
                            container(
                                requests={"cpu": "250m", "example.com/gpu": "2"},
                                limits={"memory": "512Mi", "example.com/gpu": "2"},
                            )
                        ],
                    ),
                ),
                {"pods": "2", "count/pods": "2", "requests.cpu": "750m", "limits.memory": "1536Mi",
                 "requests.example.com/gpu": "2"},
            ),
            (
                merge("/pods/a/status", {"status": {"phase": "Succeeded"}}),
                {"pods": "1", "count/pods": "2", "requests.cpu": "250m", "limits.memory": "512Mi",
                 "requests.example.com/gpu": "2"},
            ),
            (
                delete("/pods/b", gracePeriodSeconds=0),
                {"pods": "0", "count/pods": "1", "requests.cpu": "0", "limits.memory": "0",
                 "requests.example.com/gpu": "0"},
            ),
        ],
    )  # fmt: skip


async def test_services_and_claims_are_counted(counted_plane: ControlPlane) -> None:
    service: Body = {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}}
    gold = "gold.storageclass.storage.k8s.io/requests.storage"
    hard = {
        "services": "3",
        "services.nodeports": "3",
        "services.loadbalancers": "1",
        "requests.storage": "9Gi",
        gold: "5Gi",
    }
    nothing = dict.fromkeys(hard, "0")
    await _steps(
        counted_plane,
        "counted-services",
        hard,
        [],
        [
            (_NOTHING, nothing),
            (post("/services", service), {**nothing, "services": "1", "services.nodeports": "1"}),
            (
                post("/persistentvolumeclaims", claim("a", "1Gi", storageClassName="gold")),
                {
                    **nothing,
                    "services": "1",
                    "services.nodeports": "1",
                    "requests.storage": "1Gi",
                    gold: "1Gi",
                },
            ),
            (
                merge("/services/s", {"spec": {"type": "ClusterIP", "externalTrafficPolicy": None}}),
                {**nothing, "services": "1", "requests.storage": "1Gi", gold: "1Gi"},
            ),
            (delete("/services/s"), {**nothing, "requests.storage": "1Gi", gold: "1Gi"}),
        ],
    )
