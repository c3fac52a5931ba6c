"""The IPAddresses of services are put back, and ServiceCIDRs say whether they are ready.

    change of an IPAddress or a ServiceCIDR ──▶ when to look at what ──▶ task: look, put back, take away

An IPAddress comes and goes with its service, in the same request (`strategies.services`). What somebody else
did to one is mended as kube-apiserver does it: an address that is gone is made anew at the next resync, one
whose service is gone after a minute is deleted. A ServiceCIDR is the affair of kube-controller-manager: its
finalizer, its condition, and its end once no address needs it (`pkg/controller/servicecidrs`).
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, cast

from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.handlers.store import decode_object
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.status import StatusError
from reconcile.apiserver.storage import Change, StorageConflictError
from reconcile.apiserver.strategies.cluster_addresses import (
    ADDRESSES,
    ALLOCATOR,
    FAMILY,
    MANAGED_BY,
    NETWORKS,
    Network,
    Range,
    address_object,
    is_derived,
)
from reconcile.objects.times import format_time, parse_time

_log = logging.getLogger(__name__)

FINALIZER: Final = "networking.k8s.io/service-cidr-finalizer"
# Seconds: between two looks at every service, in which a service must follow on its address, in which it must
# have taken it, and in which a network may still give out addresses.
_RESYNC: Final = 180.0
_LEAKED: Final = 60.0
_WRONG: Final = 5.0
_NETWORK_GRACE: Final = 10.0
_CONTROLLER: Final = "kube-controller-manager"
_STATUS: Final = "service-cidr-controller"
_IN_USE: Final = (
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR"
)

Key = tuple[str, str]
"""What to look at: an IPAddress, a ServiceCIDR, or the services that have an address; and its name."""


class ServiceAddresses:
    """Runs as one task of the server."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._storage = parts.store.storage
        self._access = parts.access
        self._due: dict[Key, float] = {}
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Mend until cancelled."""
        loop = asyncio.get_running_loop()
        ends = (
            self._storage.feed(self._note, (ADDRESSES, NETWORKS)),
            self._storage.on_restore(self._everything),
        )
        try:
            self._everything()
            while True:
                self._woken.clear()
                for key in [key for key, due in self._due.items() if due <= loop.time()]:
                    del self._due[key]
                    await self._look_at(key)
                pending = min(self._due.values(), default=None)
                if pending is not None and pending <= loop.time():
                    continue
                try:
                    async with asyncio.timeout_at(pending):
                        await self._woken.wait()
                except TimeoutError:
                    pass
        finally:
            for end in ends:
                end()

    def _everything(self) -> None:
        """After a start and a restore: no change will tell of what is there."""
        for name in (NETWORKS, ADDRESSES):
            for held in self._storage.page(name).items:
                self._later((name, held.name))
        for held in self._storage.page("services").items:
            address = held.fields.get("spec.clusterIP")
            if address and address != "None":
                self._later(("services", f"{held.namespace}/{held.name}"))

    def _later(self, key: Key, seconds: float = 0.0) -> None:
        due = asyncio.get_running_loop().time() + seconds
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            self._woken.set()

    def _note(self, collection: str, change: Change) -> None:
        held = change.object
        if collection == NETWORKS:
            for each in self._storage.page(NETWORKS).items:
                self._later((NETWORKS, each.name))
            return
        if change.type == "ADDED" and is_derived(held.uid):
            # Made with its service, in the same step.
            return
        if change.type != "DELETED":
            self._later((ADDRESSES, held.name))
        elif any(FINALIZER.encode() in each.raw for each in self._storage.page(NETWORKS).items):
            for each in self._storage.page(NETWORKS).items:
                if b'"deletionTimestamp"' in each.raw:
                    self._later((NETWORKS, each.name))
        for version in (held, change.previous or held):
            service = _service_of(decode_object(version.raw))
            if service and self._storage.get("services", service) is not None:
                self._later(("services", service), _RESYNC)

    async def _look_at(self, key: Key) -> None:
        kind, name = key
        look = {NETWORKS: self._network, ADDRESSES: self._address, "services": self._service}[kind]
        try:
            await look(name)
        except StorageConflictError:
            self._later(key, 1.0)
        except StatusError as error:
            if error.reason == "Conflict":
                self._later(key, 1.0)
            elif error.reason != "NotFound":
                _log.warning("service addresses: %s: %s", name, error)

    # Services and their addresses

    async def _service(self, key: str) -> None:
        namespace, _, name = key.partition("/")
        service = self._access.read("services", namespace, name)
        if service is None or service["spec"].get("type") == "ExternalName":
            return
        for text in service["spec"].get("clusterIPs") or ():
            if text == "None":
                return
            address = str(ipaddress.ip_address(text))
            if not self._is_of_a_network(address):
                # Of no network that is there: whoever made it so has to mend it.
                continue
            found = self._access.read(ADDRESSES, "", address)
            if found is not None and (_is_right(found, key) or self._is_shared(found, address, key)):
                continue
            if found is not None:
                await self._access.delete(ADDRESSES, "", address)
            now = format_time(self._access.runtime.now())
            self._access.create_now(ADDRESSES, address_object(address, service["metadata"], now))

    def _is_shared(self, found: JSONObject, address: str, key: str) -> bool:
        """Whether another service has the address, too: it would be taken from one another for ever."""
        other = _service_of(found)
        if not other or other == key:
            return False
        service = self._access.read("services", *other.split("/", 1))
        return service is not None and address in (service["spec"].get("clusterIPs") or ())

    async def _address(self, name: str) -> None:
        found = self._access.read(ADDRESSES, "", name)
        if found is None or (found["metadata"].get("labels") or {}).get(MANAGED_BY) != ALLOCATOR:
            return
        key = _service_of(found)
        if not key:
            # Changed by somebody: it is of no service any more.
            await self._access.delete(ADDRESSES, "", name)
            return
        service = self._access.read("services", *key.split("/", 1))
        age = self._age(found["metadata"]["creationTimestamp"])
        if service is None or service["spec"].get("type") == "ExternalName":
            await self._delete_when(name, age, _LEAKED)
        elif name not in (service["spec"].get("clusterIPs") or ()):
            newer = found["metadata"]["creationTimestamp"] > service["metadata"]["creationTimestamp"]
            await self._delete_when(name, age, _WRONG if newer else 0.0)

    async def _delete_when(self, name: str, age: float, old: float) -> None:
        if age >= old:
            await self._access.delete(ADDRESSES, "", name)
        else:
            self._later((ADDRESSES, name), old - age)

    def _age(self, text: str) -> float:
        return (self._access.runtime.now() - cast("datetime", parse_time(text))).total_seconds()

    # Networks

    def _networks(self) -> dict[str, list[Network]]:
        return {
            obj["metadata"]["name"]: [ipaddress.ip_network(each) for each in obj["spec"].get("cidrs") or ()]
            for obj in self._access.read_all(NETWORKS)
        }

    def _is_of_a_network(self, address: str) -> bool:
        networks = [each for found in self._networks().values() for each in found]
        wanted = ipaddress.ip_address(address)
        return not networks or any(wanted in Range(each) for each in networks)

    async def _network(self, name: str) -> None:
        found = self._access.read(NETWORKS, "", name)
        if found is None:
            return
        deleted = found["metadata"].get("deletionTimestamp")
        if not deleted:
            await self._finalizers(name, lambda held: held if FINALIZER in held else [*held, FINALIZER])
            await self._condition(found, "True", "", "Kubernetes Service CIDR is ready")
        elif not self._may_go(name):
            await self._condition(found, "False", "Terminating", _IN_USE)
        elif (age := self._age(deleted)) < _NETWORK_GRACE:
            # Long enough that nobody gives out an address of it any more.
            self._later((NETWORKS, name), _NETWORK_GRACE - age)
        else:
            await self._finalizers(name, lambda held: [each for each in held if each != FINALIZER])

    def _may_go(self, name: str) -> bool:
        """Whether every address would still be of a network without this one."""
        networks = self._networks()
        mine = networks.pop(name, [])
        others = [each for found in networks.values() for each in found]
        if all(any(_covers(other, each) for other in others) for each in mine):
            return True
        for obj in self._access.read_all(ADDRESSES):
            if (obj["metadata"].get("labels") or {}).get(MANAGED_BY) != ALLOCATOR:
                continue
            address = ipaddress.ip_address(obj["metadata"]["name"])
            if any(address in Range(each) for each in mine) and not any(
                address in Range(each) for each in others
            ):
                return False
        return True

    async def _finalizers(self, name: str, change: Callable[[list[str]], list[str]]) -> None:
        def changed(obj: JSONObject) -> JSONObject | None:
            held: list[str] = obj["metadata"].get("finalizers") or []
            wanted = change(held)
            if wanted == held:
                return None
            obj["metadata"]["finalizers"] = wanted
            return obj

        await self._access.update(NETWORKS, "", name, changed, manager=_CONTROLLER)

    async def _condition(self, found: JSONObject, status: str, reason: str, message: str) -> None:
        wanted = {"type": "Ready", "status": status, "reason": reason, "message": message}
        held: list[JSONObject] = (found.get("status") or {}).get("conditions") or []
        for each in held:
            if all(each.get(key) == value for key, value in wanted.items()):
                return
        condition = {**wanted, "lastTransitionTime": format_time(self._access.runtime.now())}
        await self._access.apply(
            NETWORKS,
            "",
            found["metadata"]["name"],
            {"status": {"conditions": [condition]}},
            manager=_STATUS,
            subresource="status",
        )


def _covers(network: Network, other: Network) -> bool:
    return (
        network.version == other.version
        and network.overlaps(other)  # type: ignore[arg-type]
        and network.prefixlen <= other.prefixlen
    )


def _service_of(address: JSONObject) -> str:
    """The service that an IPAddress names, as `namespace/name`; empty for anything else."""
    parent: dict[str, Any] = (address.get("spec") or {}).get("parentRef") or {}
    if parent.get("group") or parent.get("resource") != "services":
        return ""
    return f"{parent.get('namespace') or ''}/{parent.get('name') or ''}"


def _is_right(address: JSONObject, service: str) -> bool:
    labels = address["metadata"].get("labels") or {}
    family = "IPv6" if ":" in address["metadata"]["name"] else "IPv4"
    return (
        _service_of(address) == service
        and labels.get(FAMILY) == family
        and labels.get(MANAGED_BY) == ALLOCATOR
    )
