"""A manager with finalizer, owned objects and events on the embedded server, in virtual time."""

from __future__ import annotations

import asyncio

from reconcile import Client, ControllerOptions, Manager, ManagerOptions, ObjectReconciler
from reconcile.api.core.v1 import ConfigMap, Secret
from reconcile.apiserver import APIServer
from reconcile.objects.identity import ResourceType
from reconcile.objects.meta import ObjectMeta
from reconcile.runtime import SimulatedRuntime, VirtualTimeLoop

EVENTS = ResourceType("events.k8s.io", "v1", "Event", "events")
FINALIZER = "example.com/secret"
COUNT = 30


class SecretForEach(ObjectReconciler[ConfigMap]):
    """Keeps a secret beside each config map in the namespace `default` that asks for one."""

    owns = (Secret,)
    finalizer = FINALIZER
    labels = "wants=secret"
    options = ControllerOptions(max_concurrent_reconciles=4)

    def __init__(self) -> None:
        self.trace: list[str] = []

    async def reconcile(self, config: ConfigMap, /) -> None:
        self.trace.append(f"reconcile {config.metadata.name} {config.metadata.resource_version}")
        assert FINALIZER in config.metadata.finalizers
        secret = Secret(
            metadata=ObjectMeta(name=config.metadata.name, namespace=config.metadata.namespace),
            string_data={"a": "b"},
        )
        await self.client.apply(secret, owner=config)
        self.events.event(config, "Normal", "SecretMade", "Make", f"made secret {secret.metadata.name}")

    async def finalize(self, config: ConfigMap, /) -> None:
        self.trace.append(f"finalize {config.metadata.name}")
        await self.client.delete(Secret, config.key)


async def story(trace: list[str]) -> None:
    runtime = SimulatedRuntime(7)
    reconciler = SecretForEach()
    async with APIServer(runtime=runtime) as server:
        client = Client(server.transport(), runtime=runtime)
        options = ManagerOptions(log_level="warning")
        async with Manager(client, reconcilers=[reconciler], runtime=runtime, options=options) as manager:
            for number in range(COUNT):
                metadata = ObjectMeta(name=f"c{number}", namespace="default", labels={"wants": "secret"})
                await client.create(ConfigMap(metadata=metadata))
            await asyncio.sleep(20)
            names = {f"c{number}" for number in range(COUNT)}
            assert {
                secret.metadata.name for secret in await client.list(Secret, namespace="default")
            } >= names
            for name in sorted(names):
                await client.delete(ConfigMap, f"default/{name}")
            await asyncio.sleep(20)
            left = await client.list(ConfigMap, namespace="default", labels="wants=secret")
            assert len(left) == 0
            assert not names & {s.metadata.name for s in await client.list(Secret, namespace="default")}
            events = await client.list(EVENTS, namespace="default")
            assert {event["regarding"]["name"] for event in events} == names
            stats = manager.controller("configmap").stats
            assert (stats.errors, stats.active_workers) == (0, 0)
            core = manager.controller("configmap").queue.core  # type: ignore[union-attr]
            assert (core.ready, core.waiting, core.processing_count) == (0, 0, 0)
        await client.close()
    trace.extend(reconciler.trace)


def test_the_story_converges_and_one_seed_gives_one_trace() -> None:
    traces: list[list[str]] = [[], []]
    for trace in traces:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(story(trace))
    assert traces[0] == traces[1]
    assert sum(line.startswith("finalize") for line in traces[0]) == COUNT
