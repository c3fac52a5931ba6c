"""The compact mode: smaller, and otherwise the same."""

from __future__ import annotations

import json

from helpers.informing import Recorder, World, held, on_server, settle
from helpers.scripted_server import PODS

from reconcile.informers import Index, InformerOptions


async def test_compressed_objects_read_as_the_others_and_take_less() -> None:
    sizes: list[int] = []
    for compress in (False, True):
        async with World(InformerOptions(compress=compress)) as world:
            for number in range(500):
                world.server.put(
                    f"pod-{number}",
                    labels={"app": "web"},
                    spec={"nodeName": f"n{number % 5}", "text": ["the same words again"] * 20},
                )
            informer = world.factory.informer(PODS)
            informer.add_index(Index("spec.nodeName"))
            recorder = Recorder()
            informer.add_handler(recorder)
            await world.factory.start()
            await informer.wait_synced()
            await settle()
            world.server.put("pod-7", spec={"nodeName": "n1"})
            await settle()
            assert held(informer) == on_server(world.server)
            for obj in informer.reader.list():
                assert json.loads(obj.raw) == world.server.objects["default", obj.metadata.name]
                assert obj.decode(PODS) == world.server.objects["default", obj.metadata.name]
            assert len(informer.reader.by_index("spec.nodeName", "n1")) == 101
            (one,) = [obj for obj in informer.reader.list() if obj.metadata.name == "pod-400"]
            elsewhere = await world.runtime.run_in_thread(lambda one=one: one.raw, name="reader")
            assert elsewhere == one.raw
            sizes.append(informer.stats().bytes)
    assert sizes[1] < sizes[0] / 2
