"""IPAddresses of services and ServiceCIDRs, where time passes."""

from __future__ import annotations

import asyncio
from typing import Any

from helpers.asking import MERGE, asking

SERVICES = "/api/v1/namespaces/default/services"
ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"
NETWORKS = "/apis/networking.k8s.io/v1/servicecidrs"
OWN = {
    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    "ipaddress.kubernetes.io/ip-family": "IPv4",
}


def service(name: str, address: str) -> Any:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], "clusterIP": address}}


def address(name: str, service: str) -> Any:
    parent = {"resource": "services", "namespace": "default", "name": service}
    return {"metadata": {"name": name, "labels": OWN}, "spec": {"parentRef": parent}}


async def test_an_address_that_is_taken_from_its_service_is_put_back() -> None:
    async with asking() as ask:
        await ask.made(service("a", "10.0.0.7"), SERVICES)
        await ask("DELETE", f"{ADDRESSES}/10.0.0.7")
        await asyncio.sleep(100)
        assert await ask.names(ADDRESSES) == []
        await asyncio.sleep(100)
        found = (await ask("GET", f"{ADDRESSES}/10.0.0.7")).body
        assert found["metadata"]["labels"] == OWN
        assert found["spec"]["parentRef"]["name"] == "a"


async def test_an_address_whose_labels_were_changed_is_made_anew() -> None:
    async with asking() as ask:
        await ask.made(service("a", "10.0.0.7"), SERVICES)
        before = (await ask("GET", f"{ADDRESSES}/10.0.0.7")).body["metadata"]["uid"]
        label = {"ipaddress.kubernetes.io/ip-family": "IPv6"}
        await ask("PATCH", f"{ADDRESSES}/10.0.0.7", {"metadata": {"labels": label}}, MERGE)
        await asyncio.sleep(200)
        found = (await ask("GET", f"{ADDRESSES}/10.0.0.7")).body["metadata"]
        assert found["uid"] != before
        assert found["labels"] == OWN


async def test_an_address_without_its_service_goes_after_a_minute() -> None:
    async with asking() as ask:
        await ask.made(address("10.0.0.9", "nobody"), ADDRESSES)
        await asyncio.sleep(50)
        assert await ask.names(ADDRESSES) == ["10.0.0.9"]
        await asyncio.sleep(20)
        assert await ask.names(ADDRESSES) == []


async def test_an_address_that_is_not_its_services_goes_after_seconds() -> None:
    async with asking() as ask:
        await ask.made(service("a", "10.0.0.7"), SERVICES)
        await asyncio.sleep(2)
        await ask.made(address("10.0.0.9", "a"), ADDRESSES)
        await asyncio.sleep(10)
        assert await ask.names(ADDRESSES) == ["10.0.0.7"]


async def test_addresses_of_others_stay() -> None:
    async with asking() as ask:
        other = address("10.0.0.9", "nobody")
        del other["metadata"]["labels"]
        await ask.made(other, ADDRESSES)
        await asyncio.sleep(1000)
        assert await ask.names(ADDRESSES) == ["10.0.0.9"]


async def test_restored_services_without_addresses_get_them() -> None:
    async with asking(service_addresses=False) as ask:
        await ask.made(service("a", "10.0.0.7"), SERVICES)
        await ask("DELETE", f"{ADDRESSES}/10.0.0.7")
        await asyncio.sleep(1000)
        assert await ask.names(ADDRESSES) == []
        snapshot = ask.server.snapshot()
    async with asking() as ask:
        await asyncio.sleep(1)
        await ask.server.restore(snapshot)
        await asyncio.sleep(1)
        assert await ask.names(ADDRESSES) == ["10.0.0.7"]


async def test_a_full_network_gives_way_to_the_next() -> None:
    async with asking() as ask:
        for name, cidr in (("small", "10.9.0.0/30"), ("z-more", "10.9.1.0/30")):
            await ask.made({"metadata": {"name": name}, "spec": {"cidrs": [cidr]}}, NETWORKS)
        await asyncio.sleep(1)
        for index in range(4):
            plain = service(f"s{index}", "")
            await ask.made(plain, SERVICES)
        assert await ask.names(ADDRESSES) == ["10.9.0.1", "10.9.0.2", "10.9.1.1", "10.9.1.2"]
        full = await ask("POST", SERVICES, service("more", ""))
        assert full.status == 500
        assert "range is full" in full.body["message"]


async def test_a_network_in_use_waits_and_says_so() -> None:
    async with asking() as ask:
        await ask.made({"metadata": {"name": "n"}, "spec": {"cidrs": ["10.9.0.0/24"]}}, NETWORKS)
        await asyncio.sleep(1)
        await ask.made(service("a", "10.9.0.7"), SERVICES)
        await ask("DELETE", f"{NETWORKS}/n")
        await asyncio.sleep(60)
        (condition,) = (await ask("GET", f"{NETWORKS}/n")).body["status"]["conditions"]
        assert (condition["status"], condition["reason"]) == ("False", "Terminating")
        await ask("DELETE", f"{SERVICES}/a")
        await asyncio.sleep(1)
        assert await ask.names(NETWORKS) == []


async def test_both_families_have_addresses_of_their_ranges() -> None:
    async with asking(service_ranges=("10.5.0.0/24", "fd00:5::/120")) as ask:
        both = service("a", "")
        both["spec"]["ipFamilyPolicy"] = "PreferDualStack"
        made = await ask.made(both, SERVICES)
        assert made["spec"]["ipFamilies"] == ["IPv4", "IPv6"]
        assert sorted(await ask.names(ADDRESSES)) == sorted(made["spec"]["clusterIPs"])
        assert made["spec"]["clusterIPs"][1].startswith("fd00:5::")
