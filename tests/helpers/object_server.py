"""A very small API server in memory: objects of any kind, merge patches, finalizers, watches.

Only for tests of what stands above client and informers; it validates nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from reconcile.client.transport import Transport, TransportRequest, TransportResponse

Object = dict[str, Any]


class ObjectServer(Transport):
    """Objects by path. `refuse` may answer any request in the server's place."""

    def __init__(self) -> None:
        self.version = 100
        self.objects: dict[str, Object] = {}
        self.requests: list[TransportRequest] = []
        self.watches: list[tuple[str, asyncio.Queue[bytes | None]]] = []
        self.refuse: Callable[[TransportRequest], tuple[int, str] | None] = lambda request: None
        self.delay = 0.0

    @property
    def writes(self) -> list[tuple[str, str, Any]]:
        return [
            (r.method, r.path, json.loads(r.body) if r.body else None)
            for r in self.requests
            if r.method != "GET"
        ]

    def put(self, path: str, body: Object) -> Object:
        """Create or replace an object from outside."""
        old = self.objects.get(path)
        namespace = path.split("/namespaces/")[1].split("/")[0] if "/namespaces/" in path else ""
        metadata = body.setdefault("metadata", {})
        metadata["name"] = path.rsplit("/", 1)[1]
        if namespace:
            metadata["namespace"] = namespace
        self.version += 1
        metadata.setdefault("uid", f"uid-{self.version}" if old is None else old["metadata"]["uid"])
        metadata["resourceVersion"] = str(self.version)
        metadata.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
        if old is None:
            metadata.setdefault("generation", 1)
        else:
            grown = old.get("spec") != body.get("spec")
            metadata["generation"] = old["metadata"].get("generation", 1) + grown
        if "deletionTimestamp" in metadata and not metadata.get("finalizers"):
            self.objects.pop(path, None)
            self._tell(path, "DELETED", body)
            return body
        self.objects[path] = body
        self._tell(path, "ADDED" if old is None else "MODIFIED", body)
        return body

    def delete(self, path: str) -> None:
        body = json.loads(json.dumps(self.objects[path]))
        body["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
        self.put(path, body)

    def _tell(self, path: str, kind: str, body: Object) -> None:
        line = json.dumps({"type": kind, "object": body}).encode() + b"\n"
        for collection, queue in self.watches:
            if _in(path, collection):
                queue.put_nowait(line)

    async def send(self, request: TransportRequest) -> TransportResponse:
        self.requests.append(request)
        await asyncio.sleep(self.delay)
        refused = self.refuse(request)
        if refused is not None:
            return _failure(*refused)
        query = dict(request.query)
        path = request.path
        if request.method == "GET":
            if query.get("watch") in ("1", "true"):
                return self._watch(path)
            if path in self.objects:
                return _answer(200, self.objects[path])
            if path.rsplit("/", 1)[1] in ("pods", "widgets", "gadgets", "events", "nodes"):
                items = [body for each, body in self.objects.items() if _in(each, path)]
                metadata = {"resourceVersion": str(self.version)}
                return _answer(
                    200, {"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items}
                )
            return _failure(404, "NotFound")
        body = json.loads(request.body) if request.body else {}
        if request.method == "POST":
            path = f"{path}/{body['metadata']['name']}"
            if path in self.objects:
                return _failure(409, "AlreadyExists")
            return _answer(201, self.put(path, body))
        path = path.removesuffix("/status")
        old = self.objects.get(path)
        if old is None:
            return _failure(404, "NotFound")
        if request.method == "PATCH":
            wanted = body.get("metadata", {}).get("resourceVersion")
            if wanted and wanted != old["metadata"]["resourceVersion"]:
                return _failure(409, "Conflict")
            merged = _merge(old, body)
            # As on a real server, a write that changes nothing is no event.
            return _answer(200, old if merged == old else self.put(path, merged))
        if request.method == "DELETE":
            self.delete(path)
            return _answer(200, {"kind": "Status", "status": "Success"})
        return _answer(200, self.put(path, body))

    def _watch(self, path: str) -> TransportResponse:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        entry = (path, queue)
        self.watches.append(entry)
        return _Watch(queue, lambda: self.watches.remove(entry))

    async def close(self) -> None:
        for _, queue in self.watches:
            queue.put_nowait(None)


def _in(path: str, collection: str) -> bool:
    prefix, plural = collection.rsplit("/", 1)
    parent, _ = path.rsplit("/", 1)
    return parent == collection or (
        "/namespaces/" in path
        and parent.endswith(f"/{plural}")
        and (parent.startswith(f"{prefix}/namespaces/"))
    )


def _merge(old: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(old) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value)
    return merged


class _Answer(TransportResponse):
    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.headers = {"content-type": "application/json"}
        self._body = body

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body

    async def read(self) -> bytes:
        return self._body

    async def close(self) -> None:
        pass


class _Watch(_Answer):
    def __init__(self, queue: asyncio.Queue[bytes | None], ended: Callable[[], None]) -> None:
        super().__init__(200, b"")
        self._queue = queue
        self._ended: Callable[[], None] | None = ended

    async def chunks(self) -> AsyncIterator[bytes]:
        while (line := await self._queue.get()) is not None:
            yield line

    async def close(self) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()


def _answer(status: int, body: Object) -> TransportResponse:
    return _Answer(status, json.dumps(body).encode())


def _failure(code: int, reason: str) -> TransportResponse:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
    return _answer(code, body | {"message": reason})
