"""The informer alone: cold sync, relist, new index, late handler and watch over synthetic pods, in memory.

    python benchmarks/informer_memory.py [--pods 50000] [--compress] [--no-index]

No server and no socket: the list is fed from memory, so what is measured is this process's own work. Prints
CPU per object or event, the longest stall of the event loop, and resident memory, phase by phase. Times of a
busy machine are not a benchmark of peers; see the benchmarks against a real control plane for those.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator
from typing import Any

from reconcile.client.client import Client
from reconcile.client.transport import Transport, TransportRequest, TransportResponse
from reconcile.informers import CachedObject, Condition, Index, InformerFactory, InformerOptions
from reconcile.objects.identity import ResourceType
from reconcile.runtime import SystemRuntime

PODS = ResourceType("", "v1", "Pod", "pods")
CHUNK = 1 << 16


def pod(number: int, version: int, phase: str = "Running") -> bytes:
    """A pod of about 6.3 KB, 2.6 KB of it managedFields, as a kubelet leaves it."""
    name = f"web-{number // 100:05d}-{number % 100:03d}"
    owned: dict[str, Any] = {f"f:field{i}": {".": {}, "f:a": {}, "f:b": {}} for i in range(60)}
    container = {
        "name": "app",
        "image": "registry.example.com/team/app:1.2.3",
        "env": [{"name": f"VARIABLE_{i}", "value": f"value number {i}"} for i in range(12)],
        "resources": {
            "limits": {"cpu": "1", "memory": "1Gi"},
            "requests": {"cpu": "100m", "memory": "128Mi"},
        },
        "volumeMounts": [
            {"name": f"volume-{i}", "mountPath": f"/mnt/{i}", "readOnly": True} for i in range(6)
        ],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }
    obj = {
        "metadata": {
            "name": name,
            "generateName": name[:-3],
            "namespace": f"team-{number % 20}",
            "uid": f"9b1deb4d-3b7d-4bad-9bdd-{number:012d}",
            "resourceVersion": str(version),
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app": f"web-{number // 100}", "tier": "backend", "pod-template-hash": "5d9c7b6f4"},
            "annotations": {"example.com/checksum": "0123456789abcdef" * 2},
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": name[:-4],
                    "uid": f"aaaaaaaa-3b7d-4bad-9bdd-{number // 100:012d}",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
            "managedFields": [
                {
                    "manager": manager,
                    "operation": "Update",
                    "apiVersion": "v1",
                    "time": "2026-01-01T00:00:00Z",
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:status": dict(list(owned.items())[part * 30 : part * 30 + 30])},
                }
                for part, manager in enumerate(("kubelet", "kube-controller-manager"))
            ],
        },
        "spec": {
            "containers": [container, {**container, "name": "sidecar"}],
            "nodeName": f"node-{number % 500}",
            "serviceAccountName": "default",
            "tolerations": [
                {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
            ],
        },
        "status": {
            "phase": phase,
            "podIP": f"10.0.{number // 256 % 256}.{number % 256}",
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
                for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
            ],
        },
    }
    return json.dumps(obj, separators=(",", ":")).encode()


class Memory(Transport):
    """A list of synthetic pods, written to a file beforehand, and one watch that is fed by hand."""

    def __init__(self, pods: int) -> None:
        self.pods = pods
        self.template = pod(0, 1)
        self.events: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.bodies = [self.write(newer) for newer in (0, 10_000_000)]
        self.body = self.bodies[0]

    def write(self, newer: int) -> Any:
        file = tempfile.TemporaryFile()  # noqa: SIM115 (read until the process ends)
        file.write(b'{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"2000000"},"items":[')
        for number in range(self.pods):
            file.write((b"," if number else b"") + pod(number, 1000 + number + newer))
        file.write(b"]}")
        return file

    async def send(self, request: TransportRequest) -> TransportResponse:
        await asyncio.sleep(0)
        watching = ("watch", "true") in request.query
        return Answer(self.watch() if watching else self.listing())

    async def listing(self) -> AsyncIterator[bytes]:
        self.body.seek(0)
        while chunk := self.body.read(CHUNK):
            yield chunk
            await asyncio.sleep(0)

    async def watch(self) -> AsyncIterator[bytes]:
        while (chunk := await self.events.get()) is not None:
            yield chunk

    async def close(self) -> None:
        self.events.put_nowait(None)


class Answer(TransportResponse):
    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self.status, self.headers, self._stream = 200, {}, stream

    def chunks(self) -> AsyncIterator[bytes]:
        return self._stream

    async def read(self) -> bytes:
        return b""

    async def close(self) -> None:
        return None


class Nothing:
    """A handler that only counts."""

    def __init__(self) -> None:
        self.calls = 0

    def on_add(self, obj: CachedObject, initial: bool) -> None:
        self.calls += 1

    def on_update(self, old: CachedObject, new: CachedObject) -> None:
        self.calls += 1

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self.calls += 1


class StallMeter:
    """The longest single callback of the event loop, in CPU time: for so long nothing else could run."""

    def __init__(self) -> None:
        self.longest = 0.0
        run, clock = asyncio.Handle._run, time.thread_time

        def timed(handle: asyncio.Handle) -> None:
            started = clock()
            run(handle)
            self.longest = max(self.longest, clock() - started)

        asyncio.Handle._run = timed  # type: ignore[method-assign]


def resident() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pods", type=int, default=50_000)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--compress", action="store_true")
    parser.add_argument("--strip", action="store_true")
    parser.add_argument("--no-index", action="store_true")
    arguments = parser.parse_args()
    memory = Memory(arguments.pods)
    options = InformerOptions(compress=arguments.compress, strip_managed_fields=arguments.strip)
    client = Client(memory)
    factory = InformerFactory(client, SystemRuntime(), options)
    informer = factory.informer(PODS)
    handler = Nothing()
    informer.add_handler(handler)
    if not arguments.no_index:
        informer.add_index(Index("spec.nodeName"))
        informer.add_index(Index("owner", metadata=lambda m: [o.uid for o in m.owner_references]))
    gc.collect()
    before = resident()
    meter = StallMeter()
    print(f"{arguments.pods} pods of {len(memory.template)} bytes; resident before: {before:.0f} MB")

    async def phase(name: str, work: Any, count: int) -> None:
        await asyncio.sleep(0)
        meter.longest = 0.0
        started = time.process_time()
        await work
        cpu = time.process_time() - started
        stats = informer.stats()
        print(
            f"{name:<22} {cpu / max(count, 1) * 1e6:7.1f} µs each   "
            f"longest stall {meter.longest * 1e3:6.1f} ms   resident +{resident() - before:.0f} MB "
            f"(objects {stats.bytes / 1e6:.0f} MB of JSON)"
        )

    async def cold() -> None:
        await factory.start()
        await informer.wait_synced()

    async def relist() -> None:
        lists = informer.stats().lists
        memory.events.put_nowait(
            b'{"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":"Expired","code":410}}\n'
        )
        while informer.stats().lists == lists:
            await asyncio.sleep(0.005)
        while informer.status()[0].condition is not Condition.WORKING:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.5)

    async def new_index() -> None:
        informer.add_index(Index("status.phase"))
        await informer.wait_synced()

    async def late_handler() -> None:
        await informer.add_handler(Nothing()).wait_synced()

    async def watch(lines: list[bytes]) -> None:
        calls = handler.calls
        for start in range(0, arguments.events, 10):
            memory.events.put_nowait(b"".join(lines[start : start + 10]))
            await asyncio.sleep(0)
        while handler.calls < calls + arguments.events:
            await asyncio.sleep(0.005)

    await phase("cold sync", cold(), arguments.pods)
    await phase("relist, unchanged", relist(), arguments.pods)
    memory.body = memory.bodies[1]
    await phase("relist, all changed", relist(), arguments.pods)
    await phase("new index", new_index(), arguments.pods)
    await phase("late handler", late_handler(), arguments.pods)
    lines = [
        b'{"type":"MODIFIED","object":' + pod(number % arguments.pods, 20_000_000 + number, "Failed") + b"}\n"
        for number in range(arguments.events)
    ]
    stats = informer.stats()
    decodes = stats.metadata_decodes, stats.index_decodes
    await phase("watch", watch(lines), arguments.events)
    stats = informer.stats()
    print(
        f"decodes per event: metadata {(stats.metadata_decodes - decodes[0]) / arguments.events:.2f}, "
        f"indexes {(stats.index_decodes - decodes[1]) / arguments.events:.2f}"
    )
    del lines
    gc.collect()
    print(f"at the end: resident +{resident() - before:.0f} MB")
    await factory.stop()
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())
