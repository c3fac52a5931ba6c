"""A collection behind a `Transport`, with a history to compare with and faults on demand.

It is no API server: one resource, lists and watches only, and it does exactly what the test says next. Faults
of a request are queued (`refuse_lists`, `refuse_watches`); faults of a running watch are made on its
`WatchPipe`. Each fault that was really met is noted in `met`.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from reconcile.client.transport import Transport, TransportRequest, TransportResponse
from reconcile.errors import IdleTimeoutError, TransportError
from reconcile.objects.identity import ResourceType

PODS = ResourceType("", "v1", "Pod", "pods")


def status_of(code: int, reason: str, message: str = "", **details: Any) -> dict[str, Any]:
    """A Status document."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message or reason,
        "reason": reason,
        "code": code,
        **({"details": details} if details else {}),
    }


GONE = status_of(410, "Expired", "too old resource version")
TOO_LARGE = status_of(
    504,
    "Timeout",
    "Too large resource version: 99, current: 5",
    causes=[{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
)
NOT_FOUND = status_of(404, "NotFound", "the server could not find the requested resource")


@dataclass
class WatchPipe:
    """One running watch."""

    namespace: str | None
    after: int
    query: dict[str, str]
    queue: asyncio.Queue[bytes | Exception | None] = field(default_factory=asyncio.Queue)
    silent: bool = False
    closed: bool = False

    def send(self, kind: str, obj: dict[str, Any]) -> None:
        if not self.silent:
            self.send_bytes(json.dumps({"type": kind, "object": obj}, separators=(",", ":")).encode() + b"\n")

    def send_bytes(self, data: bytes) -> None:
        self.queue.put_nowait(data)

    def bookmark(self, version: int, *, initial_end: bool = False) -> None:
        metadata: dict[str, Any] = {"resourceVersion": str(version)}
        if initial_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        self.send("BOOKMARK", {"kind": "Pod", "apiVersion": "v1", "metadata": metadata})

    def end(self) -> None:
        """The server ends the watch in good order."""
        self.queue.put_nowait(None)

    def cut(self, *, inside: bytes = b"") -> None:
        """The connection breaks, after so much of an event."""
        if inside:
            self.queue.put_nowait(inside)
        self.queue.put_nowait(TransportError("connection reset by peer"))


class ScriptedServer(Transport):
    """One resource, `pods`, in memory."""

    def __init__(self) -> None:
        self.version = 1
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.history: list[tuple[int, str, dict[str, Any]]] = []
        self.compacted = 0
        self.requests: list[TransportRequest] = []
        self.refuse_lists: deque[dict[str, Any] | Exception | None] = deque()
        self.refuse_watches: deque[dict[str, Any] | Exception | None] = deque()
        self.absent = False
        self.forbidden: set[str] = set()
        self.expire_tokens = 0
        self.pipes: list[WatchPipe] = []
        self.watch_list = True
        self.send_initial_end = True
        self.met: list[str] = []
        self.chunk = 1 << 16
        self.list_hook: Any = None
        self._uids = 0

    # ---- the world's changes

    def put(self, name: str, namespace: str = "default", **body: Any) -> dict[str, Any]:
        """Create or change an object; watchers hear of it."""
        self.version += 1
        before = self.objects.get((namespace, name))
        if before is None:
            self._uids += 1
            uid = f"uid-{self._uids}"
        else:
            uid = before["metadata"]["uid"]
        labels = body.pop("labels", {})
        obj = {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": uid,
                "resourceVersion": str(self.version),
                "labels": labels,
            },
            **body,
        }
        self.objects[namespace, name] = obj
        self._happened("ADDED" if before is None else "MODIFIED", obj)
        return obj

    def delete(self, name: str, namespace: str = "default") -> dict[str, Any]:
        self.version += 1
        obj = self.objects.pop((namespace, name))
        obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}
        self._happened("DELETED", obj)
        return obj

    def compact(self) -> None:
        """Forget the history: a watch from any earlier version is told 410."""
        self.compacted = self.version

    def _happened(self, kind: str, obj: dict[str, Any]) -> None:
        self.history.append((self.version, kind, obj))
        for pipe in self.live():
            if pipe.namespace in (None, obj["metadata"]["namespace"]):
                pipe.send(kind, obj)

    def live(self) -> list[WatchPipe]:
        return [pipe for pipe in self.pipes if not pipe.closed]

    @property
    def watch(self) -> WatchPipe:
        """The newest running watch."""
        return self.live()[-1]

    def lists(self) -> list[TransportRequest]:
        return [r for r in self.requests if ("watch", "true") not in r.query]

    def watches(self) -> list[TransportRequest]:
        return [r for r in self.requests if ("watch", "true") in r.query]

    # ---- Transport

    async def send(self, request: TransportRequest) -> TransportResponse:
        await asyncio.sleep(0)
        if request.path == "/version":
            return _Answer(200, [b'{"gitVersion": "v1.36.3"}'])
        self.requests.append(request)
        query = dict(request.query)
        parts = request.path.split("/")
        namespace = parts[parts.index("namespaces") + 1] if "namespaces" in parts else None
        watching = query.get("watch") == "true"
        script = self.refuse_watches if watching else self.refuse_lists
        refusal = script.popleft() if script else None
        if refusal is None and self.absent:
            refusal = NOT_FOUND
        if refusal is None and (namespace or "*") in self.forbidden:
            refusal = status_of(403, "Forbidden", f'pods is forbidden: User "x" cannot list in "{namespace}"')
        if isinstance(refusal, Exception):
            self.met.append(type(refusal).__name__)
            raise refusal
        if refusal is not None:
            self.met.append(refusal["reason"])
            return _Answer(refusal["code"], [json.dumps(refusal).encode()])
        if watching:
            return self._watch(request, namespace, query)
        return self._list(namespace, query)

    def _list(self, namespace: str | None, query: dict[str, str]) -> TransportResponse:
        items = [obj for (space, _), obj in sorted(self.objects.items()) if namespace in (None, space)]
        metadata: dict[str, Any] = {"resourceVersion": str(self.version)}
        start = int(query.get("continue", "0"))
        if start and self.expire_tokens:
            self.expire_tokens -= 1
            self.met.append("ExpiredToken")
            return _Answer(410, [json.dumps(GONE).encode()])
        if limit := int(query.get("limit", "0")):
            if start + limit < len(items):
                metadata["continue"] = str(start + limit)
            items = items[start : start + limit]
        body = json.dumps(
            {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items},
            separators=(",", ":"),
        ).encode()
        if self.list_hook is not None:
            body = self.list_hook(body)
        return _Answer(200, [body[at : at + self.chunk] for at in range(0, len(body), self.chunk)])

    def _watch(
        self, request: TransportRequest, namespace: str | None, query: dict[str, str]
    ) -> TransportResponse:
        initial = query.get("sendInitialEvents") == "true"
        if initial and not self.watch_list:
            self.met.append("WatchListRefused")
            refusal = status_of(422, "Invalid", "sendInitialEvents is forbidden")
            return _Answer(422, [json.dumps(refusal).encode()])
        after = int(query.get("resourceVersion", "0") or "0")
        if not initial and after < self.compacted:
            self.met.append("Compacted")
            return _Answer(410, [json.dumps(GONE).encode()])
        pipe = WatchPipe(namespace, after, query)
        self.pipes.append(pipe)
        if initial:
            for (space, _), obj in sorted(self.objects.items()):
                if namespace in (None, space):
                    pipe.send("ADDED", obj)
            if self.send_initial_end:
                pipe.bookmark(self.version, initial_end=True)
        else:
            for version, kind, obj in self.history:
                if version > after and namespace in (None, obj["metadata"]["namespace"]):
                    pipe.send(kind, obj)
        return _WatchAnswer(pipe, request.idle_timeout, float(query.get("timeoutSeconds", "3600")))

    async def close(self) -> None:
        for pipe in self.live():
            pipe.end()


class _Answer(TransportResponse):
    def __init__(self, status: int, chunks: list[bytes]) -> None:
        self.status = status
        self.headers = {"content-type": "application/json"}
        self._chunks = chunks

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            await asyncio.sleep(0)
            yield chunk

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        return b"".join(self._chunks)

    async def close(self) -> None:
        return None


class _WatchAnswer(TransportResponse):
    def __init__(self, pipe: WatchPipe, idle: float | None, life: float) -> None:
        self.status = 200
        self.headers = {"content-type": "application/json"}
        self._pipe = pipe
        self._idle = idle
        self._life = life

    async def chunks(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._life
        while True:
            left = end - loop.time()
            try:
                async with asyncio.timeout(left if self._idle is None else min(left, self._idle)):
                    item = await self._pipe.queue.get()
            except TimeoutError:
                if loop.time() >= end:
                    return
                raise IdleTimeoutError(f"nothing came for {self._idle} s") from None
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            yield item

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def close(self) -> None:
        self._pipe.closed = True
