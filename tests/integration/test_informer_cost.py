"""What the pod informer of a manager costs, in the two figures that do not depend on the machine.

Times are for `benchmarks/`; here are bytes per cached object and decodes per event, with a handler, two
indexes and metrics. A change that makes either worse has to say so here.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers.scripted_server import ScriptedServer

from reconcile import Client, Manager, ManagerOptions
from reconcile.api.core.v1 import Pod
from reconcile.informers import CachedObject, Index, Informer, InformerOptions
from reconcile.objects.metadata import ObjectMetadata
from reconcile.runtime import SimulatedRuntime

PODS = 1000
EVENTS = 500
# Beside the object's own JSON: metadata struct, labels, dictionaries of the store and of two indexes.
OVERHEAD_BYTES = 1400


class Handler:
    """Reads metadata only, as handlers that fill a queue do."""

    def __init__(self) -> None:
        self.calls = 0

    def on_add(self, obj: CachedObject, initial: bool) -> None:
        self.calls += bool(obj.metadata.labels)

    def on_update(self, old: CachedObject, new: CachedObject) -> None:
        self.calls += old.metadata.resource_version != new.metadata.resource_version

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self.calls += 1


def pod_body(number: int, restarts: int = 0) -> dict[str, Any]:
    """A running pod's labels, spec and status, about 4 KB."""
    return {
        "labels": {
            "app": f"app-{number % 50}",
            "tier": "backend",
            "pod-template-hash": f"{number % 50:010x}",
        },
        "spec": {
            "nodeName": f"node-{number % 100}",
            "containers": [
                {
                    "name": f"container-{index}",
                    "image": f"registry.example.com/team/app-{number % 50}:v1.{index}",
                    "env": [
                        {"name": f"VARIABLE_{at}", "value": f"value {at} of {number}"} for at in range(20)
                    ],
                }
                for index in range(3)
            ],
        },
        "status": {
            "phase": "Running",
            "podIP": f"10.0.{number >> 8}.{number & 255}",
            "containerStatuses": [{"name": "container-0", "ready": True, "restartCount": restarts}],
        },
    }


def _app(metadata: ObjectMetadata) -> tuple[str, ...]:
    return (metadata.labels.get("app", ""),)


class PodInformer:
    """The informer of a manager's runnable, started when the test says so."""

    name = "pods"
    needs_leader_election = False
    informer: Informer

    def __init__(self) -> None:
        self.handler = Handler()
        self.go = asyncio.Event()
        self.synced = asyncio.Event()
        self.manager: Manager | None = None

    async def run(self) -> None:
        await self.go.wait()
        assert self.manager is not None
        self.informer = self.manager.informers.informer(Pod)
        self.informer.add_index(Index("app", metadata=_app))
        self.informer.add_index(Index("spec.nodeName"))
        registration = self.informer.add_handler(self.handler)
        await self.informer.wait_synced()
        await registration.wait_synced()
        self.synced.set()
        await asyncio.Event().wait()

    async def sync(self) -> Informer:
        self.go.set()
        await self.synced.wait()
        return self.informer


@asynccontextmanager
async def managed(
    server: ScriptedServer, options: InformerOptions | None = None
) -> AsyncIterator[PodInformer]:
    client = Client(server, runtime=(runtime := SimulatedRuntime(3)))
    pods = PodInformer()
    manager_options = ManagerOptions(log_level="warning", informers=options or InformerOptions())
    async with Manager(client, runtime=runtime, options=manager_options) as manager:
        assert manager.metrics is not None
        pods.manager = manager
        manager.add(pods)
        yield pods
    await client.close()


def filled_server() -> ScriptedServer:
    server = ScriptedServer()
    for number in range(PODS):
        server.put(f"pod-{number}", f"team-{number % 10}", **pod_body(number))
    return server


async def kept_bytes(pods: PodInformer, most: Callable[[], int]) -> int:
    """What the process holds more after the sync than before, in bytes: as soon as it is below `most`."""
    gc.collect()
    tracemalloc.start()
    try:
        await pods.sync()
        kept = tracemalloc.get_traced_memory()[0]
        # What the list needed for itself is let go, on a loaded machine not at once.
        for _ in range(50):
            if kept < most():
                break
            await asyncio.sleep(0.1)
            gc.collect()
            kept = tracemalloc.get_traced_memory()[0]
        return kept
    finally:
        tracemalloc.stop()


async def a_cached_object_costs_its_json_and_a_bounded_overhead() -> None:
    async with managed(filled_server()) as pods:
        kept = await kept_bytes(pods, lambda: pods.informer.stats().bytes + OVERHEAD_BYTES * PODS)
        stats = pods.informer.stats()
        assert (stats.objects, pods.handler.calls) == (PODS, PODS)
        overhead = (kept - stats.bytes) / PODS
        assert stats.bytes / PODS > 3000, "the sample is too small to stand for pods"
        assert overhead < OVERHEAD_BYTES, f"{overhead:.0f} bytes beside the JSON of each object"


async def compressed_objects_cost_a_fraction_of_their_json() -> None:
    async with (
        managed(filled_server()) as plain,
        managed(filled_server(), InformerOptions(compress=True)) as small,
    ):
        whole = (await plain.sync()).stats().bytes
        most = OVERHEAD_BYTES * PODS + (1 << 20)
        kept = await kept_bytes(small, lambda: small.informer.stats().bytes + most)
        stats = small.informer.stats()
        assert stats.objects == PODS
        assert stats.bytes < 0.2 * whole, f"{stats.bytes} of {whole} bytes"
        assert kept - stats.bytes < most, f"{kept - stats.bytes} bytes beside {stats.bytes}"


@pytest.mark.parametrize(
    "measure",
    [
        a_cached_object_costs_its_json_and_a_bounded_overhead,
        compressed_objects_cost_a_fraction_of_their_json,
    ],
)
def test_memory(measure: Callable[[], object]) -> None:
    # In a process of its own: what the tests before left in this one is no part of the figure.
    here = Path(__file__)
    paths = [str(here.parent), str(here.parents[1])]
    run = f"asyncio.run({here.stem}.{measure.__name__}())"
    code = f"import asyncio, sys; sys.path[:0] = {paths!r}; import {here.stem}; {run}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


async def test_an_event_costs_one_decode_and_so_does_a_listed_object(monkeypatch: pytest.MonkeyPatch) -> None:
    server = filled_server()
    async with managed(server) as pods:
        informer = await pods.sync()
        stats = informer.stats()
        assert (stats.metadata_decodes, stats.index_decodes) == (PODS, 0)

        def refuse(obj: CachedObject, kind: Any) -> Any:
            raise AssertionError(f"{obj.key} was decoded in full")

        monkeypatch.setattr(CachedObject, "decode", refuse)
        for number in range(EVENTS):
            server.put(f"pod-{number}", f"team-{number % 10}", **pod_body(number, restarts=1))
        await until(lambda: pods.handler.calls >= PODS + EVENTS)
        stats = informer.stats()
        assert stats.events == EVENTS
        assert (stats.metadata_decodes - PODS) / EVENTS == 1
        assert stats.index_decodes == 0
        assert pods.handler.calls == PODS + EVENTS
        assert len(informer.reader.by_index("spec.nodeName", "node-7")) == PODS / 100


async def test_a_relist_keeps_the_bytes_of_unchanged_objects() -> None:
    server = filled_server()
    async with managed(server) as pods:
        informer = await pods.sync()
        before = {obj.key: obj for obj in informer.reader.list()}
        for pipe in server.pipes:
            pipe.cut()
        # Changed while nobody watches, and forgotten by the history: only a list can tell.
        server.put("pod-0", "team-0", **pod_body(0, restarts=1))
        server.compact()
        await until(lambda: pods.handler.calls == PODS + 1)
        stats = informer.stats()
        assert (stats.relists, stats.unchanged) == ({"expired": 1}, PODS - 1)
        assert sum(before[obj.key] is obj for obj in informer.reader.list()) == PODS - 1


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not reached():
            await asyncio.sleep(0.01)
