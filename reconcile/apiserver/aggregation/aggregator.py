"""Requests for groups that other servers serve, and whether these can answer.

    change of an APIService, its service, its endpoints ──▶ task: is it there? ask it ──▶ condition Available
    request for /apis/GROUP/VERSION/… ──▶ available? ──▶ server behind it ──▶ its answer
    server's own discovery ──▶ groups of this server's

Nothing is done, and nothing asked of a request, while no APIService names a service.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from reconcile.apiserver.admission.webhooks.options import DialError
from reconcile.apiserver.aggregation.discovered import Discovered, entries_of, groups_of
from reconcile.apiserver.aggregation.remote import (
    API_SERVICES,
    PASSED,
    SLICES,
    Remote,
    condition,
    remote_of,
    unavailable,
)
from reconcile.apiserver.handlers.messages import Request, Response, text_response
from reconcile.apiserver.handlers.store import decode_object
from reconcile.apiserver.interfaces import ADMIN, JSONObject, User
from reconcile.apiserver.status import StatusError
from reconcile.apiserver.storage import Change, Storage
from reconcile.errors import TransportError
from reconcile.objects.times import format_time

if TYPE_CHECKING:
    from reconcile.apiserver.aggregation.calls import Calls
    from reconcile.apiserver.handlers.parts import Parts
    from reconcile.client.transport import Transport, TransportResponse

_log = logging.getLogger(__name__)
_SELF: Final = User("system:kube-aggregator", ("system:masters",))
# Seconds: until all are asked again, for one question, between two tries at first and at last, between two
# readings of what a server serves.
_RESYNC: Final = 30.0
_PATIENCE: Final = 5.0
_FIRST, _LAST = 0.005, 30.0
_READ_AGAIN: Final = 60.0
_AGGREGATED: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
# A connection's own header fields, and who asks, which is said otherwise.
_OWN: Final = frozenset((
    "connection", "proxy-connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te",
    "trailer", "transfer-encoding", "upgrade", "authorization", "host", "content-length",
))  # fmt: skip


class Aggregator:
    """Belongs to one server; runs as one of its tasks.

    Arguments:
        servers: servers in this process, by `NAMESPACE/NAME` of their service.
        addresses: `host:port` of services.

    Attributes:
        remotes: the APIServices that name a service, by group and version.
        generation: changes when what discovery must show does.
    """

    def __init__(self, parts: Parts, servers: Mapping[str, Transport], addresses: Mapping[str, str]) -> None:
        self._parts = parts
        self._servers = servers
        self._addresses = addresses
        self._storage: Storage = parts.store.storage
        self._made: Calls | None = None
        self.remotes: dict[tuple[str, str], Remote] = {}
        self.generation = 0
        self.discovered: dict[tuple[str, str], Discovered] = {}
        self._due: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._read: dict[str, float] = {}
        self._woken = asyncio.Event()
        self._storage.feed(self._note, (API_SERVICES, "services", SLICES))
        self._storage.on_restore(self.look)

    @property
    def _calls(self) -> Calls:
        if self._made is None:
            from reconcile.apiserver.aggregation.calls import Calls

            self._made = Calls(self._servers, self._addresses, self._parts.access)
        return self._made

    async def close(self) -> None:
        """Close what is open."""
        if self._made is not None:
            await self._made.close()

    # What there is

    def look(self) -> None:
        """Learn of every APIService that is there: after a start and a restore."""
        self.remotes = {}
        for item in self._storage.page(API_SERVICES).items:
            self._take(item.name, decode_object(item.raw) if b'"service"' in item.raw else {})
        self.generation += 1

    def _note(self, collection: str, change: Change) -> None:
        held = change.object
        if collection == API_SERVICES:
            gone = change.type == "DELETED" or b'"service"' not in held.raw
            if not gone or any(each.name == held.name for each in self.remotes.values()):
                self._take(held.name, {} if gone else decode_object(held.raw))
        elif self.remotes:
            name = held.labels.get("kubernetes.io/service-name", "") if collection == SLICES else held.name
            for remote in self.remotes.values():
                if remote.backend == f"{held.namespace}/{name}":
                    self._later(remote.name)

    def _take(self, name: str, obj: JSONObject) -> None:
        remote = remote_of(obj)
        before = next((key for key, each in self.remotes.items() if each.name == name), None)
        if remote is None:
            if before is not None:
                del self.remotes[before]
                self.discovered.pop(before, None)
                self.generation += 1
            return
        key = (remote.group, remote.version)
        held = self.remotes.get(key)
        if held == remote:
            return
        self.remotes[key] = remote
        self.generation += 1
        self._read.pop(name, None)
        self._later(name)

    def _later(self, name: str, seconds: float = 0.0) -> None:
        try:
            due = asyncio.get_running_loop().time() + seconds
        except RuntimeError:
            return
        if due < self._due.get(name, float("inf")):
            self._due[name] = due
            self._woken.set()

    # Whether they answer

    async def run(self) -> None:
        """Ask them until cancelled."""
        loop = asyncio.get_running_loop()
        self.look()
        while True:
            self._woken.clear()
            for name in [name for name, due in self._due.items() if due <= loop.time()]:
                del self._due[name]
                await self._sync(name)
            pending = min(self._due.values(), default=None)
            if pending is not None and pending <= loop.time():
                continue
            try:
                async with asyncio.timeout_at(pending):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def _sync(self, name: str) -> None:
        remote = next((each for each in self.remotes.values() if each.name == name), None)
        if remote is None:
            return
        found = unavailable(remote, self._parts.access)
        failed = False
        if found is None:
            found = await self._asked(remote)
            failed = found is not PASSED
        try:
            await self._say(name, found)
        except StatusError as error:
            if error.reason != "NotFound":
                _log.warning("API service %s: %s", name, error)
        if failed:
            self._failures[name] = self._failures.get(name, 0) + 1
            self._later(name, min(_LAST, _FIRST * 2 ** (self._failures[name] - 1)))
        else:
            self._failures.pop(name, None)
            self._later(name, _RESYNC)
        await self._discover(remote, answers=found is PASSED)

    async def _say(self, name: str, wanted: JSONObject) -> None:
        now = format_time(self._parts.access.runtime.now())

        def changed(obj: JSONObject) -> JSONObject | None:
            held: list[JSONObject] = (obj.get("status") or {}).get("conditions") or []
            mine = next((each for each in held if each.get("type") == "Available"), {})
            if all(mine.get(key) == value for key, value in wanted.items()):
                return None
            same = mine.get("status") == wanted["status"]
            made = {**wanted, "lastTransitionTime": mine.get("lastTransitionTime") if same else now}
            others = [each for each in held if each.get("type") != "Available"]
            return {**obj, "status": {**(obj.get("status") or {}), "conditions": [*others, made]}}

        await self._parts.access.update(API_SERVICES, "", name, changed, subresource="status")

    async def _asked(self, remote: Remote) -> JSONObject:
        """What comes of asking for the group: a condition."""
        url = remote.path
        try:
            url = self._calls.url(remote, remote.path)
            async with asyncio.timeout(_PATIENCE):
                async with await self._get(remote, remote.path, "") as response:
                    if 200 <= response.status < 300:
                        return PASSED
                    problem = f"bad status from {url}: {response.status}"
        except TimeoutError:
            problem = (
                f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
            )
        except DialError as error:
            if url == remote.path:
                return condition("False", "FailedDiscoveryCheck", str(error))
            problem = f'Get "{url}": {error}'
        text = f"failing or missing response from {url}: {problem}"
        return condition("False", "FailedDiscoveryCheck", text)

    async def _get(self, remote: Remote, path: str, accept: str) -> TransportResponse:
        from reconcile.apiserver.aggregation.calls import Call

        headers = (("accept", accept),) if accept else ()
        return await self._calls.send(remote, Call("GET", path, (), headers, b"", _SELF))

    # What they serve

    async def _discover(self, remote: Remote, *, answers: bool) -> None:
        """Read what the server serves, once a minute and when its APIService changed."""
        now = asyncio.get_running_loop().time()
        key = (remote.group, remote.version)
        if answers and now < self._read.get(remote.name, 0.0):
            return
        held = self.discovered.get(key)
        found = await self._served(remote) if answers else None
        if found is None:
            made = Discovered(held.resources if held else [], current=False)
        else:
            made = Discovered(found, current=True)
            self._read[remote.name] = now + _READ_AGAIN
        if made != held and self.remotes.get(key) is not None:
            self.discovered[key] = made
            self.generation += 1

    async def _served(self, remote: Remote) -> list[JSONObject] | None:
        """The resources of the group version in the form of aggregated discovery; None without an answer."""
        try:
            async with asyncio.timeout(_PATIENCE):
                async with await self._get(remote, "/apis", _AGGREGATED) as response:
                    media = response.headers.get("content-type", "")
                    if response.status == 200 and "as=APIGroupDiscoveryList" in media:
                        body = msgspec.json.decode(await response.read())
                        return groups_of(body).get((remote.group, remote.version), [])
                async with await self._get(remote, remote.path, "application/json") as response:
                    if response.status != 200:
                        return None
                    return entries_of(msgspec.json.decode(await response.read()), remote)
        except (TimeoutError, DialError, TransportError, msgspec.DecodeError):
            return None

    # Requests

    def remote_for(self, path: str) -> Remote | None:
        """Who answers a path, when it is not this server."""
        parts = path.split("/", 4)
        return self.remotes.get((parts[2], parts[3])) if len(parts) > 3 and parts[1] == "apis" else None

    async def answer(self, request: Request, remote: Remote) -> Response:
        """Hand a request on."""
        from reconcile.apiserver.aggregation.calls import Call

        if not remote.available:
            return _plain("service unavailable", 503)
        headers = [(name, value) for name, value in request.headers.items() if name not in _OWN]
        headers = [each for each in headers if not each[0].startswith(("x-forwarded-", "impersonate-"))]
        before = request.headers.get("x-forwarded-for")
        via = ", ".join(each for each in (before, request.remote) if each)
        if via:
            headers.append(("x-forwarded-for", via))
        headers.append(("x-forwarded-uri", request.path))
        call = Call(
            request.method,
            request.path,
            request.query,
            tuple(headers),
            request.body,
            request.user or ADMIN,
        )
        try:
            answer = await self._calls.send(remote, call)
        except DialError as error:
            return _plain(f"error trying to reach service: {error}", 503)
        kept = {name: value for name, value in answer.headers.items() if name not in _OWN}
        if "content-length" in answer.headers:
            async with answer:
                return Response(answer.status, kept, await answer.read())
        return Response(answer.status, kept, stream=_Body(answer))


def _plain(text: str, code: int) -> Response:
    return text_response(f"{text}\n", code)


class _Body:
    """The body of an answer as it comes, which may never end."""

    def __init__(self, answer: TransportResponse) -> None:
        self._answer = answer
        self._chunks = answer.chunks()
        self._closing: asyncio.Task[None] | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            await self._answer.close()
            raise
        except TransportError as error:
            _log.info("the answer of a server behind this one broke off: %s", error)
            await self._answer.close()
            raise StopAsyncIteration from None

    def close(self) -> None:
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())

    async def _close(self) -> None:
        await self._answer.close()
        if isinstance(self._chunks, AsyncGenerator):
            # Somebody may be reading: then the end of the answer is the end of it.
            with contextlib.suppress(RuntimeError, TransportError):
                await cast("AsyncGenerator[bytes, None]", self._chunks).aclose()


def shown(key: tuple[str, str], aggregator: Aggregator) -> dict[str, Any]:
    """A version of a group as aggregated discovery shows it."""
    found = aggregator.discovered.get(key, Discovered([], current=False))
    made: dict[str, Any] = {"version": key[1]}
    if found.resources:
        made["resources"] = found.resources
    return {**made, "freshness": "Current" if found.current else "Stale"}
