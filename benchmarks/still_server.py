"""A server of pods that costs next to nothing: one list, watches that say what they are told, writes echoed.

What is measured in front of it is this project's own part alone. Nothing is validated and nothing happens by
itself: a write is answered with the object in its next version, and watches hear of it when `tell` says so.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence

from reconcile.client.transport import Transport, TransportRequest, TransportResponse

PER_NODE = 100
"""Pods on each node, so that what an index finds does not grow with the cluster."""

NAMESPACES = 100

_PIECE = 500


class StillServer(Transport):
    """Pods `pod-0` to `pod-<objects - 1>`, spread over 100 namespaces.

    Attributes:
        version: of the newest object.
    """

    def __init__(self, objects: int) -> None:
        self.objects = objects
        self.version = objects
        self._versions: dict[int, int] = {}
        self._watches: list[asyncio.Queue[bytes | None]] = []

    def place(self, number: int) -> tuple[str, str]:
        """Namespace and name of a pod."""
        return f"ns-{number % NAMESPACES}", f"pod-{number}"

    def node(self, number: int) -> str:
        """The node of a pod."""
        return f"node-{number % max(1, self.objects // PER_NODE)}"

    def version_of(self, number: int) -> int:
        """The present version of a pod."""
        return self._versions.get(number, number + 1)

    def tell(self, numbers: Sequence[int], *, changed: bool) -> None:
        """Send an event of each of these pods: a new version of it, or the one that was written last."""
        events: list[bytes] = []
        for number in numbers:
            if changed:
                self._change(number)
            events.append(b'{"type":"MODIFIED","object":%s}\n' % self._pod(number))
        # As a socket has them: several events a read, but not all.
        for begin in range(0, len(events), 16):
            piece = b"".join(events[begin : begin + 16])
            for watch in self._watches:
                watch.put_nowait(piece)

    async def send(self, request: TransportRequest) -> TransportResponse:
        await asyncio.sleep(0)
        if request.method != "GET":
            number = int(request.path.rpartition("-")[2])
            self._change(number)
            return _Answer([self._pod(number)])
        if any(name == "watch" for name, _ in request.query):
            queue: asyncio.Queue[bytes | None] = asyncio.Queue()
            self._watches.append(queue)
            return _Stream(queue)
        if not request.path.endswith("/pods"):
            return _Answer([b'{"major":"1","minor":"36","gitVersion":"v1.36.0"}'])
        return _Answer(self._list())

    async def close(self) -> None:
        for watch in self._watches:
            watch.put_nowait(None)

    def _change(self, number: int) -> None:
        self.version += 1
        self._versions[number] = self.version

    def _list(self) -> list[bytes]:
        head = '{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"%d"},"items":['
        pieces = [(head % self.version).encode()]
        for begin in range(0, self.objects, _PIECE):
            numbers = range(begin, min(begin + _PIECE, self.objects))
            pieces.append((b"," if begin else b"") + b",".join([self._pod(number) for number in numbers]))
        pieces.append(b"]}")
        return pieces

    def _pod(self, number: int) -> bytes:
        namespace, name = self.place(number)
        version = self.version_of(number)
        pod = {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": f"uid-{number}",
                "resourceVersion": str(version),
                "generation": 1,
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"app": f"app-{number % 50}", "tier": "web"},
                "ownerReferences": [
                    {
                        "apiVersion": "apps/v1",
                        "kind": "ReplicaSet",
                        "name": f"app-{number % 50}",
                        "uid": f"set-{number % 50}",
                        "controller": True,
                    }
                ],
            },
            "spec": {
                "nodeName": self.node(number),
                "containers": [{"name": "main", "image": "example.com/main:1", "resources": {}}],
            },
            "status": {"phase": "Running", "podIP": "10.0.0.1", "message": f"version {version}"},
        }
        return json.dumps(pod, separators=(",", ":")).encode()


class _Answer(TransportResponse):
    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.status = 200
        self.headers: Mapping[str, str] = {"content-type": "application/json"}
        self._pieces = pieces

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            await asyncio.sleep(0)
            yield piece

    async def read(self) -> bytes:
        return b"".join(self._pieces)

    async def close(self) -> None:
        return


class _Stream(TransportResponse):
    def __init__(self, pieces: asyncio.Queue[bytes | None]) -> None:
        self.status = 200
        self.headers: Mapping[str, str] = {"content-type": "application/json"}
        self._pieces = pieces

    async def chunks(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            yield piece

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self.chunks()])

    async def close(self) -> None:
        return
