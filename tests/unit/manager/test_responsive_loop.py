"""The event loop stays responsive in a whole operator: 50,000 pods sync, relist and get a new index.

Measured is the CPU time of each callback, garbage collections in it included, with the manager set up as
`Manager.run` does: a controller, typed reads, an index. What other processes take from the machine does not
count; a machine that slows down in the middle gets a second chance.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from helpers.many_pods import ManyPods
from helpers.scripted_server import GONE

from reconcile import Manager, ManagerOptions, Reconciler, Request
from reconcile.api.core.v1 import Pod
from reconcile.client.client import Client
from reconcile.informers import Index
from reconcile.manager.garbage import are_idle, collecting_when_idle

COUNT = 50_000
LIMIT = 0.020


class Look(Reconciler[Pod]):
    """Reads each pod from the cache."""

    kind = Pod
    name = "look"

    async def setup(self) -> None:
        self.looks = 0

    async def reconcile(self, request: Request, /) -> None:
        self.looks += 1
        assert self.cache.get(Pod, request.key) is not None


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(200):
        while not holds():
            await asyncio.sleep(0.02)


async def longest_callbacks(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The longest callback of each phase, in seconds of CPU time."""
    longest: dict[str, float] = {}
    phase = ""
    run = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        started, during = time.thread_time(), phase
        run(handle)
        longest[during] = max(longest.get(during, 0.0), time.thread_time() - started)

    server, look = ManyPods(COUNT), Look()
    manager = Manager(Client(server), reconcilers=[look], options=ManagerOptions(log_level="error"))
    async with collecting_when_idle(lambda: are_idle(manager.controllers)):
        with monkeypatch.context() as patched:
            patched.setattr(asyncio.Handle, "_run", timed)
            phase = "sync"
            async with manager:
                informer = manager.informers.informer(Pod)
                informer.add_index(Index("spec.nodeName"))
                await until(lambda: look.looks == COUNT)
                for name, changed in (("half a relist", COUNT // 2), ("relist", COUNT)):
                    phase = name
                    looks = look.looks
                    await until(lambda: bool(server.live()))
                    server.watch.send("ERROR", GONE)
                    await until(lambda looks=looks, changed=changed: look.looks == looks + changed)
                phase = "new index"
                informer.add_index(Index("app", metadata=lambda metadata: [metadata.labels["app"]]))
                await informer.wait_synced(60)
                assert len(informer.reader.by_index("app", "app-7")) == COUNT // 100
                phase = "stop"
    await manager.client.close()
    return longest


@pytest.mark.real_time
@pytest.mark.timeout(600)
async def test_no_callback_takes_longer_than_20_ms(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = await slow_again(lambda: longest_callbacks(monkeypatch))
    assert not {phase: seconds for phase, seconds in longest.items() if seconds > LIMIT}
    assert list(longest) == ["sync", "half a relist", "relist", "new index", "stop"]


async def slow_again(measure: Callable[[], Awaitable[dict[str, float]]]) -> dict[str, float]:
    """Measured once; where something was slow twice, the shorter of the two."""
    first = await measure()
    if max(first.values()) <= LIMIT:
        return first
    second = await measure()
    return {phase: min(seconds, second.get(phase, seconds)) for phase, seconds in first.items()}
