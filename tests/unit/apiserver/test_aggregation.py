"""APIServices: of custom kinds, and of other servers, which answer for their groups."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from helpers.asking import Asker, asking

from reconcile.apiserver import APIServer
from reconcile.apiserver.handlers.messages import Request, Response
from reconcile.apiserver.in_process import InProcessTransport
from reconcile.apiserver.interfaces import User
from reconcile.apiserver.server import ServerOptions

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "flavours.example.com"
KINDS = f"/apis/{GROUP}/v1/namespaces/default/things"
AGGREGATED = {"accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}


def definition(group: str, *versions: str) -> Any:
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


def api_service(group: str = GROUP, *, version: str = "v1", priority: int = 2000, port: int = 443) -> Any:
    return {
        "metadata": {"name": f"{version}.{group}"},
        "spec": {
            "group": group,
            "version": version,
            "groupPriorityMinimum": priority,
            "versionPriority": 10,
            "insecureSkipTLSVerify": True,
            "service": {"namespace": "default", "name": "flavours", "port": port},
        },
    }


async def available(ask: Asker, name: str = f"v1.{GROUP}") -> tuple[str, str, str]:
    status = (await ask("GET", f"{SERVICES}/{name}")).body.get("status") or {}
    (found,) = status.get("conditions") or ({},)
    return found.get("status"), found.get("reason"), found.get("message")


@asynccontextmanager
async def behind() -> AsyncIterator[Asker]:
    """Another server, which serves the group."""
    async with asking(seed=2) as other:
        await other.made(definition(GROUP, "v1"), DEFINITIONS)
        await asyncio.sleep(1)
        yield other


async def expose(ask: Asker) -> None:
    """The service by which the other server is known, with an endpoint."""
    await ask.made(
        {"metadata": {"name": "flavours"}, "spec": {"ports": [{"port": 443}]}},
        "/api/v1/namespaces/default/services",
    )
    await ask.made(
        {
            "metadata": {"name": "flavours-1", "labels": {"kubernetes.io/service-name": "flavours"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.1.1.1"]}],
            "ports": [{"name": "", "port": 8443}],
        },
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
    )


async def test_another_server_answers_for_its_group() -> None:
    async with behind() as other, asking(api_servers={"default/flavours": other.transport}) as ask:
        await expose(ask)
        await ask.made(api_service(), SERVICES)
        await asyncio.sleep(1)
        assert await available(ask) == ("True", "Passed", "all checks passed")
        await ask.made({"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": {"name": "a"}}, KINDS)
        assert await other.names(KINDS) == ["a"]
        assert await ask.names(KINDS) == ["a"]
        missing = await ask("GET", f"{KINDS}/b")
        assert (missing.status, missing.message) == (404, f'things.{GROUP} "b" not found')


async def test_a_watch_of_another_server_goes_on() -> None:
    async with behind() as other, asking(api_servers={"default/flavours": other.transport}) as ask:
        await expose(ask)
        await ask.made(api_service(), SERVICES)
        await asyncio.sleep(1)
        response = await ask.send("GET", f"{KINDS}?watch=true")
        async with response, aclosing(response.chunks()) as chunks:
            await other.made({"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": {"name": "a"}}, KINDS)
            assert b'"ADDED"' in await anext(chunks)


async def test_what_is_missing_is_said_step_by_step() -> None:
    async with behind() as other, asking(api_servers={"default/flavours": other.transport}) as ask:
        await ask.made(api_service(), SERVICES)
        await asyncio.sleep(1)
        where = 'service/flavours in "default"'
        assert await available(ask) == ("False", "ServiceNotFound", f"{where} is not present")
        refused = await ask("GET", KINDS)
        assert (refused.status, refused.raw) == (503, b"service unavailable\n")
        service = {"metadata": {"name": "flavours"}, "spec": {"ports": [{"port": 444, "name": "web"}]}}
        await ask.made(service, "/api/v1/namespaces/default/services")
        await asyncio.sleep(1)
        assert (await available(ask))[1:] == ("ServicePortError", f"{where} is not listening on port 443")
        await ask(
            "PUT",
            f"{SERVICES}/v1.{GROUP}",
            {**(await ask("GET", f"{SERVICES}/v1.{GROUP}")).body, "spec": api_service(port=444)["spec"]},
        )
        await asyncio.sleep(1)
        text = f"cannot find endpointslices for {where}"
        assert (await available(ask))[1:] == ("EndpointsNotFound", text)
        slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
        labels = {"kubernetes.io/service-name": "flavours"}
        await ask.made(
            {"metadata": {"name": "s", "labels": labels}, "addressType": "IPv4", "endpoints": []}, slices
        )
        await asyncio.sleep(1)
        text = f'endpointslices for {where} have no addresses with port name "web"'
        assert (await available(ask))[1:] == ("MissingEndpoints", text)


async def test_a_server_that_does_not_answer_is_asked_again() -> None:
    class Down(InProcessTransport):
        up = False

        async def send(self, request: Any) -> Any:
            from reconcile.errors import TransportError

            if not self.up:
                raise TransportError("dial tcp 10.1.1.1:8443: connect: connection refused")
            return await super().send(request)

    async with behind() as other:
        down = Down(other.server.handler, User("proxy", ("system:masters",)))
        async with asking(api_servers={"default/flavours": down}) as ask:
            await expose(ask)
            await ask.made(api_service(), SERVICES)
            await asyncio.sleep(60)
            status, reason, message = await available(ask)
            assert (status, reason) == ("False", "FailedDiscoveryCheck")
            assert message.startswith("failing or missing response from https://10.0.0.")
            assert message.endswith("connect: connection refused")
            Down.up = True
            await asyncio.sleep(40)
            assert (await available(ask))[1] == "Passed"


async def test_discovery_shows_what_other_servers_serve_by_priority() -> None:
    async with behind() as other, asking(api_servers={"default/flavours": other.transport}) as ask:
        await ask.made(definition("b.example.com", "v1"), DEFINITIONS)
        await expose(ask)
        await ask.made(api_service(priority=17900), SERVICES)
        await ask.made(api_service("unserved.example.com", priority=900), SERVICES)
        await asyncio.sleep(2)
        groups = [each["name"] for each in (await ask("GET", "/apis")).body["groups"]]
        assert groups[:2] == ["apiregistration.k8s.io", GROUP]
        assert groups[-2:] == ["b.example.com", "unserved.example.com"]
        items = (await ask("GET", "/apis", headers=AGGREGATED)).body["items"]
        (found,) = (each for each in items if each["metadata"]["name"] == GROUP)
        (version,) = found["versions"]
        assert version["freshness"] == "Current"
        assert [each["resource"] for each in version["resources"]] == ["things"]
        await ask("DELETE", f"{SERVICES}/v1.{GROUP}")
        groups = [each["name"] for each in (await ask("GET", "/apis")).body["groups"]]
        assert GROUP not in groups
        assert (await ask("GET", KINDS)).status == 404


async def test_who_asks_is_told_to_the_server_behind() -> None:
    seen: list[Request] = []

    class Recording:
        def __init__(self, handler: Any) -> None:
            self._handler = handler

        async def handle(self, request: Request) -> Response:
            seen.append(request)
            return await self._handler.handle(request)

    async with behind() as other:
        recording: Any = Recording(other.server.handler)
        transport = InProcessTransport(recording, None)
        async with asking(api_servers={"default/flavours": transport}) as ask:
            await expose(ask)
            await ask.made(api_service(), SERVICES)
            await asyncio.sleep(1)
            seen.clear()
            user = User("jane", ("devs", "system:authenticated"), "7", {"example.com/why": ("a", "b")})
            jane = Asker(ask.server, ask.server.transport(user))
            headers = {
                "authorization": "Bearer secret",
                "x-remote-user": "admin",
                "accept": "application/json",
            }
            await jane("GET", f"{KINDS}?limit=5", headers=headers)
            (request,) = seen
            assert dict(request.headers) == {
                "accept": "application/json",
                "x-forwarded-uri": KINDS,
                "x-remote-user": "jane",
                "x-remote-uid": "7",
                "x-remote-group": "devs, system:authenticated",
                "x-remote-extra-example.com%2Fwhy": "a, b",
            }
            assert request.query == (("limit", "5"),)


async def test_served_versions_of_custom_kinds_have_api_services() -> None:
    async with APIServer(ServerOptions()) as server:
        await server.serve()
        ask = Asker(server, server.transport())
        own = set((await ask("GET", SERVICES)).names)
        await ask.made(definition("b.example.com", "v1", "v1beta1"), DEFINITIONS)

        async def shown() -> set[str]:
            return set((await ask("GET", SERVICES)).names) - own

        async with asyncio.timeout(60):
            while await shown() != {"v1.b.example.com", "v1beta1.b.example.com"}:
                await asyncio.sleep(0.01)
            found = (await ask("GET", f"{SERVICES}/v1.b.example.com")).body
            assert found["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "true"}
            assert found["status"]["conditions"][0]["reason"] == "Local"
            uid = found["metadata"]["uid"]
            await ask("DELETE", f"{SERVICES}/v1.b.example.com")
            while (await ask("GET", f"{SERVICES}/v1.b.example.com")).body["metadata"].get("uid") in (
                uid,
                None,
            ):
                await asyncio.sleep(0.01)
            await ask("DELETE", f"{DEFINITIONS}/things.b.example.com")
            while await shown():
                await asyncio.sleep(0.01)
