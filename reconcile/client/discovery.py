"""Which kinds the server serves, and where.

    resource_type(gvk) ── known? ──▶ it
        │ not yet, or a kind that came since
        └──▶ /api and /apis, aggregated: everything in two requests
                 └── a server without that: the document of the one group version asked for

One answer is kept for the life of the client. A kind that is missing makes it ask again, at most once in
`MISS_INTERVAL` seconds, since a CustomResourceDefinition may have come. One that this client itself wrote
makes it ask at once, and often until the server had its time to serve the new kind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, cast

import msgspec

from reconcile.client.exchange import Exchange
from reconcile.client.seams import Write, WriteOutcome
from reconcile.client.transport import TransportRequest
from reconcile.errors import ConfigurationError, NotFoundError, TransportError
from reconcile.objects.identity import GroupVersionKind, ResourceType

# Seconds between two questions after kinds that were not found.
MISS_INTERVAL = 10.0
# The same for as long after a write of this client that lets the server serve other kinds.
EXPECTING_INTERVAL = 0.1

# What decides which kinds a server serves: group and plural.
_DEFINITIONS = (
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apiregistration.k8s.io", "apiservices"),
)

_ACCEPT = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)


class Discovery:
    """What one API server serves, asked when first needed and once for all who wait.

    It observes its own client's writes.
    """

    def __init__(self, exchange: Exchange, headers: Mapping[str, str], *, timeout: float | None) -> None:
        self._exchange = exchange
        self._headers = {**headers, "accept": _ACCEPT}
        self._timeout = timeout
        self._known: dict[GroupVersionKind, ResourceType] = {}
        self._asking = asyncio.Lock()
        self._asked_at: float | None = None
        # When this client last changed what is served.
        self._expecting_since: float | None = None
        # True once the server answered in the aggregated form, False once it did not.
        self._aggregated: bool | None = None
        # Group versions whose legacy document was read, and when.
        self._read_at: dict[str, float] = {}

    async def resource_type(self, gvk: GroupVersionKind) -> ResourceType:
        """Where a kind is served.

        Raises `ConfigurationError`, naming the kind and what is served close to it, when it is not.
        """
        known = self._known.get(gvk)
        if known is not None:
            return known
        async with self._asking:
            if gvk not in self._known and self._may_ask(gvk):
                await self._ask(gvk)
        known = self._known.get(gvk)
        if known is None:
            raise ConfigurationError(self._missing(gvk))
        return known

    async def resource_types(self) -> list[ResourceType]:
        """Everything that is served, in the server's order; of a legacy server every group is asked."""
        async with self._asking:
            await self._refresh()
            if self._aggregated is False:
                for group_version in await self._legacy_group_versions():
                    await self._read_legacy(group_version)
        return list(self._known.values())

    def forget(self) -> None:
        """Ask anew at the next use."""
        self._known.clear()
        self._ask_anew()

    def _ask_anew(self) -> None:
        self._read_at.clear()
        self._asked_at = None

    def _may_ask(self, gvk: GroupVersionKind) -> bool:
        last = self._asked_at if self._aggregated is not False else self._read_at.get(gvk.api_version)
        if last is None:
            return True
        now = asyncio.get_running_loop().time()
        expecting = self._expecting_since is not None and now - self._expecting_since < MISS_INTERVAL
        return now - last >= (EXPECTING_INTERVAL if expecting else MISS_INTERVAL)

    def write_started(self, write: Write, /) -> None:
        """Nothing is known yet."""

    def write_finished(self, write: Write, outcome: WriteOutcome, /) -> None:
        """Expect other kinds after a definition was written; forget what is known after one was deleted."""
        place = (write.resource_type.group, write.resource_type.plural)
        if place not in _DEFINITIONS or write.dry_run or (outcome.error is not None and not outcome.unknown):
            return
        self._expecting_since = asyncio.get_running_loop().time()
        if write.verb in ("delete", "delete_collection"):
            self._known.clear()
        self._ask_anew()

    async def _ask(self, gvk: GroupVersionKind) -> None:
        if self._aggregated is not False:
            await self._refresh()
        if self._aggregated is False:
            await self._read_legacy(gvk.api_version)

    async def _refresh(self) -> None:
        """Read the aggregated documents; learn that there are none."""
        found: dict[GroupVersionKind, ResourceType] = {}
        for path in ("/api", "/apis"):
            document = await self._read(path)
            if document.get("kind") != "APIGroupDiscoveryList":
                # Some servers aggregate /apis and not /api, or a proxy drops what it does not know.
                self._aggregated = False
                return
            for resource_type in _aggregated(document):
                found.setdefault(resource_type.gvk, resource_type)
        self._aggregated = True
        self._asked_at = asyncio.get_running_loop().time()
        self._known = found

    async def _read_legacy(self, group_version: str) -> None:
        path = f"/apis/{group_version}" if "/" in group_version else f"/api/{group_version}"
        try:
            document = await self._read(path)
        except NotFoundError:
            document = {}
        group, _, version = group_version.rpartition("/")
        for resource_type in _legacy(document, group, version):
            self._known.setdefault(resource_type.gvk, resource_type)
        self._read_at[group_version] = asyncio.get_running_loop().time()

    async def _legacy_group_versions(self) -> list[str]:
        core = await self._read("/api")
        versions = [str(version) for version in core.get("versions") or ()]
        groups = await self._read("/apis")
        for group in groups.get("groups") or ():
            versions += [str(version["groupVersion"]) for version in group.get("versions") or ()]
        return versions

    async def _read(self, path: str) -> dict[str, Any]:
        request = TransportRequest("GET", path, (), self._headers, None, self._timeout)
        body = await self._exchange.read(request)
        try:
            document: Any = msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise TransportError(f"GET {path}: the server's discovery document is not JSON") from error
        return cast("dict[str, Any]", document) if isinstance(document, dict) else {}

    def _missing(self, gvk: GroupVersionKind) -> str:
        served = list(self._known)
        same_kind = [str(known) for known in served if known.kind.lower() == gvk.kind.lower()]
        if same_kind:
            return f"the server does not serve {gvk}; it serves {', '.join(same_kind)}"
        close = get_close_matches(gvk.kind, sorted({known.kind for known in served}), n=3)
        if close:
            named = [str(known) for known in served if known.kind in close]
            return f"the server does not serve {gvk}; close to it are {', '.join(named)}"
        in_group = sorted(
            {known.kind for known in served if (known.group, known.version) == (gvk.group, gvk.version)}
        )
        if in_group:
            return f"the server does not serve {gvk}; {gvk.api_version} has {', '.join(in_group)}"
        return (
            f"the server does not serve {gvk}, nor anything of {gvk.api_version}; "
            "is its CustomResourceDefinition installed?"
        )


def _aggregated(document: Mapping[str, Any]) -> Iterable[ResourceType]:
    for group in document.get("items") or ():
        name = str(group.get("metadata", {}).get("name") or "")
        for version in group.get("versions") or ():
            for resource in version.get("resources") or ():
                response: dict[str, Any] = resource.get("responseKind") or {}
                # Some resources answer with another group's kind; what is stored there is of this group.
                if kind := str(response.get("kind") or ""):
                    namespaced = resource.get("scope") == "Namespaced"
                    yield ResourceType(name, version["version"], kind, resource["resource"], namespaced)


def _legacy(document: Mapping[str, Any], group: str, version: str) -> Iterable[ResourceType]:
    for resource in document.get("resources") or ():
        if "/" not in resource["name"]:
            yield ResourceType(
                group, version, resource["kind"], resource["name"], bool(resource.get("namespaced"))
            )
