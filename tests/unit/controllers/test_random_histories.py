"""Objects come, change and go at random while the manager restarts at random: the end is right."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from helpers.managed import PODS, WIDGETS, World, settle, widget, widget_path
from helpers.object_server import ObjectServer

from reconcile import ControllerOptions, ObjectReconciler, Watch, to_owner


class OnePodEach(ObjectReconciler[Any]):
    """Keeps one pod of the widget's size beside each widget; removes it by finalizer."""

    kind = WIDGETS
    finalizer = "example.com/pod"
    watches = (Watch(PODS, to=to_owner(WIDGETS)),)
    options = ControllerOptions(max_concurrent_reconciles=4)

    server: ObjectServer

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.busy: set[str] = set()

    async def reconcile(self, obj: Any, /) -> None:
        await self.alone(obj, self.keep)

    async def finalize(self, obj: Any, /) -> None:
        await self.alone(obj, self.remove)

    async def alone(self, obj: Any, action: Any) -> None:
        name = obj["metadata"]["name"]
        assert name not in self.busy, "one key in two workers"
        self.busy.add(name)
        try:
            await asyncio.sleep(self.dice.random() * 0.01)
            if self.dice.random() < 0.05:
                raise OSError("bad luck")
            await action(name, obj)
        finally:
            self.busy.discard(name)

    async def keep(self, name: str, obj: Any) -> None:
        owner = {"apiVersion": "example.com/v1", "kind": "Widget", "name": name, "controller": True}
        owner["uid"] = obj["metadata"]["uid"]
        pod = await self.client.get_or_none(PODS, f"default/{name}")
        if pod is None:
            metadata = {"name": name, "namespace": "default", "ownerReferences": [owner]}
            body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": obj["spec"]}
            self.server.put(PODS.path("default", name), body)
        elif pod["spec"] != obj["spec"]:
            await self.client.patch(PODS, f"default/{name}", {"spec": obj["spec"]})

    async def remove(self, name: str, obj: Any) -> None:
        if await self.client.get_or_none(PODS, f"default/{name}") is not None:
            await self.client.delete(PODS, f"default/{name}")


@pytest.mark.parametrize("seed", range(3))
async def test_ten_thousand_operations_with_restarts(seed: int) -> None:
    dice = random.Random(seed)
    reconciler = OnePodEach(dice)
    world = World(reconciler)
    reconciler.server = server = world.server
    wanted: dict[str, int] = {}
    await world.manager.start()
    for _ in range(3400):
        name = f"w{dice.randrange(60)}"
        path = widget_path(name)
        if name in wanted and dice.random() < 0.3:
            server.delete(path)
            del wanted[name]
        elif name in wanted or path not in server.objects:
            size = dice.randrange(1000)
            metadata = dict(server.objects[path]["metadata"]) if path in server.objects else {}
            server.put(path, {**widget(size=size), "metadata": metadata})
            wanted[name] = size
        if dice.random() < 0.3:
            await asyncio.sleep(dice.random() * 0.02)
        if dice.random() < 0.01:
            await world.manager.stop()
            reconciler.busy.clear()
            await world.manager.start()
    await settle(2000)
    pods = {
        path.rsplit("/", 1)[1]: pod["spec"]["size"]
        for path, pod in server.objects.items()
        if "/pods/" in path
    }
    widgets = [path for path in server.objects if "/widgets/" in path]
    assert pods == wanted and len(widgets) == len(wanted)
    controller = world.manager.controller("widget")
    assert controller.queue is not None
    core = controller.queue.core
    assert (core.ready, core.waiting, core.processing_count) == (0, 0, 0)
    await world.manager.stop()
    await world.client.close()
