"""The loop's turn comes soon, however many objects sync, relist, get an index or meet a late handler."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from typing import Any

import pytest
from helpers.informing import World
from helpers.scripted_server import GONE, PODS, ScriptedServer, _Answer

from reconcile.informers import CachedObject, Index

COUNT = 50_000
LIMIT = 0.020


class _Big(ScriptedServer):
    """Lists that were written beforehand, so that only the informer's own work is seen."""

    def __init__(self) -> None:
        super().__init__()
        self.version = 10 * COUNT
        self.bodies = [self._body(1), self._body(2)]

    def _body(self, generation: int) -> list[bytes]:
        items = ",".join(
            json.dumps(
                {
                    "metadata": {
                        "name": f"pod-{number}",
                        "namespace": f"team-{number % 10}",
                        "uid": f"uid-{number}",
                        "resourceVersion": str(number + 1 + (COUNT * generation if number % 2 else 0)),
                        "labels": {"app": f"app-{number % 100}"},
                    },
                    "spec": {"nodeName": f"node-{number % 100}", "text": "x" * 200},
                }
            )
            for number in range(COUNT)
        )
        body = f'{{"metadata":{{"resourceVersion":"{COUNT * 10}"}},"items":[{items}]}}'.encode()
        return [body[at : at + 65536] for at in range(0, len(body), 65536)]

    def _list(self, namespace: str | None, query: dict[str, str]) -> Any:
        return _Answer(200, self.bodies[min(len(self.lists()), 2) - 1])


class _Count:
    def __init__(self) -> None:
        self.calls = 0

    def on_add(self, obj: CachedObject, initial: bool) -> None:
        self.calls += 1

    def on_update(self, old: CachedObject, new: CachedObject) -> None:
        self.calls += 1

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self.calls += 1


@pytest.mark.real_time
async def test_no_callback_takes_longer_than_20_ms(monkeypatch: pytest.MonkeyPatch) -> None:
    longest: dict[str, float] = {}
    phase = "start"
    run = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        # CPU time of this thread: what other processes take from the machine does not count.
        started, during = time.thread_time(), phase
        run(handle)
        longest[during] = max(longest.get(during, 0.0), time.thread_time() - started)

    async with World(server=_Big()) as world:
        informer = world.factory.informer(PODS)
        informer.add_index(Index("spec.nodeName"))
        early = _Count()
        informer.add_handler(early)
        # The heap of the test run is not the informer's: keep its collections out of the measurement.
        gc.collect()
        gc.freeze()
        monkeypatch.setattr(asyncio.Handle, "_run", timed)
        phase = "sync"
        await world.factory.start()
        await informer.wait_synced(60)
        phase = "relist"
        while not world.server.live():
            await asyncio.sleep(0.01)
        world.server.watch.send("ERROR", GONE)
        while informer.stats().lists < 2 or early.calls < COUNT * 3 // 2:
            await asyncio.sleep(0.01)
        phase = "new index"
        informer.add_index(Index("app", metadata=lambda metadata: [metadata.labels["app"]]))
        await informer.wait_synced(60)
        phase = "late handler"
        late = _Count()
        await informer.add_handler(late).wait_synced()
        phase = "end"
        monkeypatch.undo()
        gc.unfreeze()
        assert late.calls == COUNT
        assert len(informer.reader.by_index("app", "app-7")) == COUNT // 100
        assert informer.stats().unchanged == COUNT // 2
    slow = {name: seconds for name, seconds in longest.items() if seconds > LIMIT}
    assert not slow
