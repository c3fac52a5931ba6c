"""APIServices are on the embedded server what they are on a real one: of custom kinds, and of other servers.

The server behind both is an embedded one, which listens on its own port and believes everybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from helpers.differential import Answer, Ask, Server, delete, embedded_server, get, merge, post, real_server
from helpers.differential_compare import Comparison

from reconcile.apiserver import APIServer
from reconcile.apiserver.http import HTTPOptions
from reconcile.apiserver.interfaces import User
from reconcile.testing.control_plane import ControlPlane

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

Body = dict[str, Any]
_ADMIN = User("admin", ("system:masters", "system:authenticated"))
_WITHIN = 120.0
_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_CORE = "/api/v1/namespaces/default/services"
_GROUP = "flavours.example.com"
_THINGS = f"/apis/{_GROUP}/v1/namespaces/default/things"
_V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@pytest.fixture(scope="module")
def plane(needs_control_plane: None) -> Iterator[ControlPlane]:
    with ControlPlane() as started:
        yield started


class Both:
    """The two servers in one conversation."""

    def __init__(self, real: Server, ours: Server) -> None:
        self._servers = (real, ours)
        self.found: list[str] = []

    async def ask(self, *questions: Ask, only: Callable[[Any], Any] | None = None) -> None:
        """Both answer the same, or what `only` takes of the answers is the same.

        By itself: controllers write when they like, so that versions have no order.
        """
        for question in questions:
            alone = Comparison(*self._servers)
            if only is None:
                await alone.ask(question)
                self.found += alone.found
                continue
            real, ours = (only(answer.body) for answer in await alone.put(question))
            if real != ours:
                self.found.append(f"{question}\n    real {real}\n    ours {ours}")

    async def until(self, question: Ask, shows: Callable[[Answer], bool]) -> None:
        """Both come to answer so."""
        async with asyncio.timeout(_WITHIN):
            while True:
                answers = await Comparison(*self._servers).put(question)
                if all(shows(answer) for answer in answers):
                    return
                await asyncio.sleep(0.1)

    async def available(self, name: str, reason: str) -> None:
        """Both come to say this of an APIService, and say the same."""
        question = get(f"{_SERVICES}/{name}")
        await self.until(question, lambda answer: f"'reason': '{reason}'" in str(answer.body))
        await self.ask(question)


@asynccontextmanager
async def talking(plane: ControlPlane) -> AsyncIterator[tuple[Both, int]]:
    real = real_server(plane.url, plane.admin_certificate, plane.admin_key)
    async with APIServer() as other, APIServer() as server:
        address = await other.serve(options=HTTPOptions(tls=True))
        await server.serve()
        ask = embedded_server(other.transport(_ADMIN))
        made = await ask(post(_DEFINITIONS, definition(_GROUP, "v1")))
        assert made.status == 201
        async with asyncio.timeout(_WITHIN):
            while (await ask(get(_THINGS))).status != 200:
                await asyncio.sleep(0.05)
        both = Both(real, embedded_server(server.transport(_ADMIN)))
        yield both, address.port
        assert not both.found, "\n".join(both.found)


def definition(group: str, *versions: str) -> Body:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [
                {"name": version, "served": True, "storage": version == versions[0], "schema": schema}
                for version in versions
            ],
        },
    }


def api_service(group: str, service: str, port: int, *, priority: int = 2000) -> Body:
    reference = {"namespace": "default", "name": service, "port": port}
    spec = {"group": group, "version": "v1", "groupPriorityMinimum": priority, "versionPriority": 10}
    return {
        "metadata": {"name": f"v1.{group}"},
        "spec": {**spec, "insecureSkipTLSVerify": True, "service": reference},
    }


def groups(body: Any) -> list[str]:
    """The names of groups in a discovery document of either form."""
    return [
        each.get("name") or (each.get("metadata") or {}).get("name")
        for each in body.get("groups") or body["items"]
    ]


def item(name: str) -> Callable[[Any], Any]:
    """The group of that name."""
    return lambda body: [
        each
        for each in body.get("groups") or body["items"]
        if (each.get("name") or each["metadata"].get("name")) == name
    ]


async def test_custom_kinds_have_api_services(plane: ControlPlane) -> None:
    async with talking(plane) as (both, _):
        for group, versions in (
            ("a.example.com", ("v1beta1",)),
            ("b.example.com", ("v1", "v1alpha1")),
            ("c.example.com", ("v1alpha1", "v2")),
        ):
            await both.until(
                post(_DEFINITIONS, definition(group, *versions)), lambda answer: answer.status == 409
            )
        for name in (
            "v1beta1.a.example.com",
            "v1.b.example.com",
            "v1alpha1.b.example.com",
            "v2.c.example.com",
        ):
            await both.available(name, "Local")
        for path in ("a", "b", "c"):
            await both.until(get(f"/apis/{path}.example.com"), lambda answer: answer.status == 200)
        for accept in ("application/json", _V2):
            listed = Ask("GET", "/apis", accept=accept)
            await both.until(
                listed, lambda answer: len([each for each in groups(answer.body) if "example" in each]) == 3
            )
            await both.ask(listed, only=groups)
        await both.ask(*(get(f"/apis/{each}.example.com") for each in ("a", "b", "c")))
        # What is deleted comes back, and what was changed is changed back.
        await both.ask(delete(f"{_SERVICES}/v1.b.example.com"))
        await both.available("v1.b.example.com", "Local")
        await both.until(
            merge(f"{_SERVICES}/v2.c.example.com", {"spec": {"versionPriority": 7}}),
            lambda answer: answer.status < 300,
        )
        await both.until(
            get(f"{_SERVICES}/v2.c.example.com"), lambda answer: answer.body["spec"]["versionPriority"] == 100
        )
        for group in ("a", "b", "c"):
            await both.until(
                delete(f"{_DEFINITIONS}/things.{group}.example.com"), lambda answer: answer.status == 404
            )
        for name in ("v1beta1.a.example.com", "v1.b.example.com", "v2.c.example.com"):
            await both.until(get(f"{_SERVICES}/{name}"), lambda answer: answer.status == 404)


async def test_what_is_missing_for_another_server_is_said(plane: ControlPlane) -> None:
    async with talking(plane) as (both, _):
        group, name = "missing.example.com", "v1.missing.example.com"
        await both.ask(post(_SERVICES, api_service(group, "missing", 443)))
        await both.available(name, "ServiceNotFound")
        await both.until(get(f"/apis/{group}/v1/things"), lambda answer: answer.status == 503)
        await both.ask(get(f"/apis/{group}/v1/things"), get(f"/apis/{group}/v1"), get(f"/apis/{group}"))
        await both.ask(
            post(
                _CORE,
                {
                    "metadata": {"name": "missing"},
                    "spec": {"ports": [{"port": 444, "name": "web"}], "clusterIP": "10.0.0.61"},
                },
            )
        )
        await both.available(name, "ServicePortError")
        await both.until(
            merge(f"{_SERVICES}/{name}", {"spec": {"service": {"port": 444}}}),
            lambda answer: answer.status == 200,
        )
        await both.available(name, "EndpointsNotFound")
        slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
        labels = {"kubernetes.io/service-name": "missing"}
        await both.ask(
            post(
                slices,
                {"metadata": {"name": "missing", "labels": labels}, "addressType": "IPv4", "endpoints": []},
            )
        )
        await both.available(name, "MissingEndpoints")
        listed = Ask("GET", "/apis", accept=_V2)
        await both.until(listed, lambda answer: group in groups(answer.body))
        await both.ask(listed, only=item(group))
        await both.ask(get("/apis"), only=groups)
        await both.ask(delete(f"{_SERVICES}/{name}"), delete(f"{_CORE}/missing"), delete(f"{slices}/missing"))
        await both.until(get(f"/apis/{group}"), lambda answer: answer.status == 404)


async def test_a_server_that_refuses_connections_is_not_available(plane: ControlPlane) -> None:
    async with talking(plane) as (both, _):
        name = "v1.refused.example.com"
        spec = {"type": "ExternalName", "externalName": "127.0.0.1"}
        await both.ask(
            post(_CORE, {"metadata": {"name": "refused"}, "spec": spec}),
            post(_SERVICES, api_service("refused.example.com", "refused", 1)),
        )
        await both.available(name, "FailedDiscoveryCheck")
        await both.ask(delete(f"{_SERVICES}/{name}"), delete(f"{_CORE}/refused"))


async def test_another_server_answers_for_its_group(plane: ControlPlane) -> None:
    async with talking(plane) as (both, port):
        spec = {"type": "ExternalName", "externalName": "127.0.0.1"}
        await both.ask(
            post(_CORE, {"metadata": {"name": "flavours"}, "spec": spec}),
            post(_SERVICES, api_service(_GROUP, "flavours", port, priority=17900)),
        )
        await both.until(get(f"{_SERVICES}/v1.{_GROUP}"), lambda answer: "'Passed'" in str(answer.body))
        await both.until(get(_THINGS), lambda answer: answer.status == 200)
        await both.ask(
            get(_THINGS), get(f"{_THINGS}/none"), get(f"/apis/{_GROUP}/v1"), get(f"/apis/{_GROUP}")
        )
        thing = {"apiVersion": f"{_GROUP}/v1", "kind": "Thing", "metadata": {"name": "a"}, "x": 1}
        for question in (
            post(_THINGS, thing, dryRun="All"),
            post(_THINGS, {**thing, "kind": "Other"}),
            delete(f"{_THINGS}/none"),
            get(f"/apis/{_GROUP}/v1/nothings"),
            get(f"/apis/{_GROUP}/v2/things"),
        ):
            await both.ask(question)
        listed = Ask("GET", "/apis", accept=_V2)
        await both.until(listed, lambda answer: "Current" in str(item(_GROUP)(answer.body)))
        await both.ask(listed, only=item(_GROUP))
        await both.ask(listed, get("/apis"), only=groups)
        await both.ask(delete(f"{_SERVICES}/v1.{_GROUP}"), delete(f"{_CORE}/flavours"))
        await both.until(get(_THINGS), lambda answer: answer.status == 404)
