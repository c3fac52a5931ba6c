"""Addresses of services, and the networks they come from, are the same objects as on a real server.

A real server's own caches and the controllers beside it take a moment: what depends on them is asked until
both agree, and compared then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from helpers.differential import Ask, Server, delete, embedded_server, get, merge, post, put, real_server
from helpers.differential_compare import Comparison

from reconcile.apiserver import APIServer
from reconcile.apiserver.interfaces import User
from reconcile.apiserver.server import ServerOptions
from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

Body = dict[str, Any]
_ADMIN = User("admin", ("system:masters", "system:authenticated"))
_WITHIN = 120.0
_NETWORKING = "/apis/networking.k8s.io/v1"
_ADDRESSES, _NETWORKS = f"{_NETWORKING}/ipaddresses", f"{_NETWORKING}/servicecidrs"
_RANGES = ("10.0.0.0/24", "fd00:10::/112")


@pytest.fixture(scope="module")
def plane(needs_control_plane: None) -> Iterator[ControlPlane]:
    options = ControlPlaneOptions(
        controllers=("service-cidr-controller",),
        apiserver_flags=(f"--service-cluster-ip-range={','.join(_RANGES)}",),
    )
    with ControlPlane(options) as started:
        yield started


class Both:
    """The two servers in one conversation."""

    def __init__(self, comparison: Comparison, servers: tuple[Server, Server], namespace: str) -> None:
        self._comparison = comparison
        self._servers = servers
        self.services = f"/api/v1/namespaces/{namespace}/services"

    async def ask(self, *questions: Ask) -> None:
        """Both answer the same."""
        for question in questions:
            await self._comparison.ask(question)

    async def until(self, question: Ask, status: int, *texts: str, compared: bool = True) -> None:
        """Both come to answer with this status and these texts; then what they answer is compared."""
        async with asyncio.timeout(_WITHIN):
            while True:
                answers = await self._comparison.put(question)
                if all(
                    answer.status == status and all(text in str(answer.body) for text in texts)
                    for answer in answers
                ):
                    break
                await asyncio.sleep(0.1)
        if question.method == "GET" and compared:
            # By itself: controllers write when they like, so that versions have no order.
            alone = Comparison(*self._servers)
            await alone.ask(question)
            self._comparison.found += alone.found


@asynccontextmanager
async def talking(plane: ControlPlane, namespace: str) -> AsyncIterator[Both]:
    real = real_server(plane.url, plane.admin_certificate, plane.admin_key)
    async with APIServer(ServerOptions(service_ranges=_RANGES)) as server:
        await server.serve(port=0)
        ours = embedded_server(server.transport(_ADMIN))
        comparison = Comparison(real, ours)
        both = Both(comparison, (real, ours), namespace)
        # Who owns the time of its condition depends on whether two controllers wrote within one second.
        ready = get(f"{_NETWORKS}/kubernetes")
        await both.until(ready, 200, "Kubernetes Service CIDR is ready", compared=False)
        await both.ask(post("/api/v1/namespaces", {"metadata": {"name": namespace}}))
        yield both
        assert not comparison.found, "\n".join(comparison.found)


def service(name: str, **spec: Any) -> Body:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


async def test_an_address_comes_and_goes_with_its_service(plane: ControlPlane) -> None:
    async with talking(plane, "addresses-1") as both:
        services = both.services
        await both.ask(
            get(f"{_ADDRESSES}/10.0.0.1"),
            post(services, service("a", clusterIP="10.0.0.7")),
            get(f"{_ADDRESSES}/10.0.0.7"),
            post(services, service("b", clusterIP="10.0.0.7")),
            post(services, service("a", clusterIP="10.0.0.7")),
            post(services, service("a", clusterIP="10.0.0.8")),
            get(f"{_ADDRESSES}/10.0.0.8"),
            post(services, service("c", clusterIP="10.0.0.9"), dryRun="All"),
            get(f"{_ADDRESSES}/10.0.0.9"),
            post(services, service("c", clusterIP="10.0.0.9", sessionAffinity="no")),
            get(f"{_ADDRESSES}/10.0.0.9"),
            delete(f"{services}/a", dryRun="All"),
            get(f"{_ADDRESSES}/10.0.0.7"),
            delete(f"{services}/a"),
            get(f"{_ADDRESSES}/10.0.0.7"),
            *(
                post(services, service(f"out-{index}", clusterIP=address))
                for index, address in enumerate(("10.0.1.7", "10.0.0.0", "10.0.0.255", "10.0.0.300"))
            ),
            post(services, service("headless", clusterIP="None", selector={"a": "b"})),
            post(services, service("else", type="ExternalName", externalName="else.where")),
            *(delete(f"{services}/{name}") for name in ("headless", "else")),
        )


async def test_an_address_that_somebody_else_has_is_not_given_out(plane: ControlPlane) -> None:
    parent = {"group": "gateway.example", "resource": "gateways", "name": "g", "namespace": "default"}
    async with talking(plane, "addresses-2") as both:
        await both.ask(
            post(_ADDRESSES, {"metadata": {"name": "10.0.0.11"}, "spec": {"parentRef": parent}}),
            post(both.services, service("a", clusterIP="10.0.0.11")),
            delete(f"{_ADDRESSES}/10.0.0.11"),
            post(both.services, service("a", clusterIP="10.0.0.11")),
            post(_ADDRESSES, {"metadata": {"name": "10.0.0.11"}, "spec": {"parentRef": parent}}),
            get(f"{_ADDRESSES}/10.0.0.11"),
            delete(f"{both.services}/a"),
            get(f"{_ADDRESSES}/10.0.0.11"),
        )


async def test_a_service_that_becomes_another_gives_its_address_back(plane: ControlPlane) -> None:
    async with talking(plane, "addresses-3") as both:
        one = f"{both.services}/a"
        name = {"type": "ExternalName", "externalName": "else.where"}
        await both.ask(
            post(both.services, service("a", clusterIP="10.0.0.12")),
            merge(one, {"spec": {**name, "clusterIP": None, "clusterIPs": None}}, dryRun="All"),
            get(f"{_ADDRESSES}/10.0.0.12"),
            merge(one, {"spec": {**name, "clusterIP": None, "clusterIPs": None}}),
            get(f"{_ADDRESSES}/10.0.0.12"),
            merge(one, {"spec": {"type": "ClusterIP", "externalName": None, "clusterIP": "10.0.0.13"}}),
            get(f"{_ADDRESSES}/10.0.0.13"),
            merge(one, {"spec": {"clusterIP": "10.0.0.14", "clusterIPs": ["10.0.0.14"]}}),
            get(f"{_ADDRESSES}/10.0.0.14"),
            delete(one),
            get(f"{_ADDRESSES}/10.0.0.13"),
        )


async def test_a_service_of_both_families_has_an_address_of_each(plane: ControlPlane) -> None:
    async with talking(plane, "addresses-4") as both:
        services = both.services
        two = ["10.0.0.21", "fd00:10::21"]
        await both.ask(
            post(services, service("a", ipFamilyPolicy="RequireDualStack", clusterIPs=two, clusterIP=two[0])),
            get(f"{_ADDRESSES}/10.0.0.21"),
            get(f"{_ADDRESSES}/fd00:10::21"),
            merge(f"{services}/a", {"spec": {"ipFamilyPolicy": "SingleStack"}}),
            get(f"{_ADDRESSES}/fd00:10::21"),
            merge(
                f"{services}/a",
                {"spec": {"ipFamilyPolicy": "PreferDualStack", "clusterIPs": ["10.0.0.21", "fd00:10::22"]}},
            ),
            # A real server's repair may take it away within the first second, before it hears of the service.
            merge(f"{services}/a", {"spec": {"clusterIPs": ["10.0.0.21"]}}),
            post(services, service("six", clusterIP="fd00:10::23")),
            get(f"{_ADDRESSES}/fd00:10::23"),
            post(services, service("six-2", ipFamilies=["IPv6"], clusterIP="10.0.0.22")),
            post(services, service("any", ipFamilies=["IPv6", "IPv4"]), dryRun="All"),
            post(services, service("any", ipFamilyPolicy="PreferDualStack"), dryRun="All"),
            *(delete(f"{services}/{name}") for name in ("a", "six")),
            get(f"{_ADDRESSES}/10.0.0.21"),
            get(f"{_ADDRESSES}/fd00:10::22"),
        )


async def test_endpoints_go_with_their_service(plane: ControlPlane) -> None:
    async with talking(plane, "addresses-5") as both:
        endpoints = both.services.replace("/services", "/endpoints")
        await both.ask(
            post(both.services, service("a", clusterIP="10.0.0.31")),
            post(endpoints, {"metadata": {"name": "a"}}),
            delete(f"{both.services}/a"),
            get(f"{endpoints}/a"),
        )


async def test_a_network_waits_for_its_last_address(plane: ControlPlane) -> None:
    async with talking(plane, "addresses-6") as both:
        services, network = both.services, f"{_NETWORKS}/more"
        await both.ask(post(_NETWORKS, {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.0.9.0/24"]}}))
        await both.until(get(network), 200, "Kubernetes Service CIDR is ready")
        await both.until(post(services, service("a", clusterIP="10.0.9.7"), dryRun="All"), 201)
        await both.until(post(services, service("a", clusterIP="10.0.9.7")), 201)
        await both.ask(get(f"{_ADDRESSES}/10.0.9.7"))
        await both.ask(put(network, {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.0.8.0/24"]}}))
        await both.ask(delete(network))
        await both.until(get(network), 200, "There are still IPAddresses")
        await both.until(post(services, service("b", clusterIP="10.0.9.8")), 422, "does not match")
        await both.ask(post(services, service("b", clusterIP="10.0.9.8")))
        await both.ask(delete(f"{services}/a"))
        await both.until(get(network), 404)


async def test_a_network_inside_another_goes_with_its_addresses_kept(plane: ControlPlane) -> None:
    async with talking(plane, "addresses-7") as both:
        wide, narrow = ({"metadata": {"name": name}} for name in ("wide", "narrow"))
        await both.ask(
            post(_NETWORKS, {**wide, "spec": {"cidrs": ["10.1.0.0/16"]}}),
            post(_NETWORKS, {**narrow, "spec": {"cidrs": ["10.1.2.0/24"]}}),
        )
        for name in ("wide", "narrow"):
            await both.until(get(f"{_NETWORKS}/{name}"), 200, "Kubernetes Service CIDR is ready")
        await both.until(post(both.services, service("a", clusterIP="10.1.2.7")), 201)
        await both.ask(delete(f"{_NETWORKS}/narrow"))
        await both.until(get(f"{_NETWORKS}/narrow"), 404)
        await both.ask(get(f"{_ADDRESSES}/10.1.2.7"), delete(f"{both.services}/a"))
        await both.ask(delete(f"{_NETWORKS}/wide"))
        await both.until(get(f"{_NETWORKS}/wide"), 404)
