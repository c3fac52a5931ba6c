"""Runs controllers whose keys are divided among replicas: each replica reconciles the keys of its shards.

    ShardElector ──gained──▶ controllers replay the shard's keys
                 ──lost────▶ its reconciles are cancelled
                 ──drain───▶ its reconciles end, then the shard goes to another replica

Leader-elected runnables, which have no keys, run where the first shard is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from reconcile.controllers.leadership import Term
from reconcile.controllers.logs import Logger
from reconcile.controllers.loop import Controller
from reconcile.controllers.sharding import Owns
from reconcile.manager.campaign import TOLERATED_SECONDS
from reconcile.manager.groups import RunnableGroup

if TYPE_CHECKING:
    from reconcile.client.preconditions import Seen
    from reconcile.leaderelection.sharding import ShardElector
    from reconcile.objects.identity import ObjectKey

_FIRST = 0


class ShardCampaign:
    """One elector and the controllers that follow it, from the start of the manager to its end.

    Args:
        elector: holds the shards.
        controllers: those whose keys are divided, whenever asked.
        leader: the group of leader-elected runnables.
        failed: called with an error that ended the campaign.
        log: the manager's.
        ready: returns when caches are warm; this replica does not announce itself before.
        seen: for the preconditions of writes.
        grace: seconds that runnables have to end when the first shard is given away; None for ever.
    """

    def __init__(
        self,
        elector: ShardElector,
        controllers: Callable[[], Iterable[Controller]],
        leader: RunnableGroup,
        failed: Callable[[BaseException], None],
        log: Logger,
        *,
        ready: Callable[[], Awaitable[object]],
        seen: Seen | None,
        grace: float | None,
    ) -> None:
        self._elector = elector
        self._controllers = controllers
        self._leader = leader
        self._failed = failed
        self._log = log
        self._ready = ready
        self._seen = seen
        self._grace = grace
        self._first_changed = asyncio.Event()
        self._late: dict[asyncio.Task[None], float] = {}
        self._replays: set[asyncio.Task[None]] = set()
        self._tasks = [
            asyncio.create_task(self._watched(self._run()), name="shards"),
            asyncio.create_task(self._watched(self._follow_first()), name="first shard"),
        ]

    @property
    def leading(self) -> bool:
        """Whether any shard is this process's own."""
        return bool(self._elector.owned)

    def check(self) -> None:
        """Raises while work goes on that should have ended with its shard a while ago.

        Only a new process helps then: what hangs is a thread, which nobody can stop.
        """
        now = asyncio.get_running_loop().time()
        late = max((now - since for since in self._late.values()), default=0.0)
        if late > TOLERATED_SECONDS:
            raise RuntimeError(f"a shard was lost {late:.0f} s ago, and its work has not ended yet")

    async def end(self) -> None:
        """Take no more shards; those held stay as they are until our work has ended."""
        await self._elector.leave()

    async def release(self) -> None:
        """Give all shards away; our work has ended."""
        tasks = [*self._tasks, *self._replays, *self._late]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await self._elector.release()

    # -- what the elector tells --------------------------------------------------------------------

    def gained(self, shards: frozenset[int], /) -> None:
        owns = self._owner_of(shards)
        for controller in self._controllers():
            task = asyncio.create_task(controller.replay(owns), name=f"{controller.name}: keys of new shards")
            self._replays.add(task)
            task.add_done_callback(self._replays.discard)
        self._first_changed.set()

    def lost(self, shard: int, /) -> None:
        owns = self._owner_of((shard,))
        for controller in self._controllers():
            controller.interrupt(owns)
        task = asyncio.create_task(self._drained(owns), name=f"shard {shard}: end")
        self._late[task] = asyncio.get_running_loop().time()
        task.add_done_callback(lambda done: self._late.pop(done, None))
        self._first_changed.set()

    async def drain(self, shard: int, /) -> None:
        await self._drained(self._owner_of((shard,)))
        if shard == _FIRST:
            await self._leader.stop(self._grace)

    async def _drained(self, owns: Owns) -> None:
        await asyncio.gather(*(controller.drain(owns) for controller in self._controllers()))

    def _owner_of(self, shards: Iterable[int]) -> Owns:
        wanted = frozenset(shards)
        shard_of = self._elector.shard_of

        def owns(key: ObjectKey) -> bool:
            return shard_of(key) in wanted

        return owns

    # -- tasks -------------------------------------------------------------------------------------

    async def _run(self) -> None:
        await self._ready()
        await self._elector.run(self, self._seen)

    async def _follow_first(self) -> None:
        """Run the leader-elected runnables while the first shard is ours."""
        present: Term | None = None
        while True:
            await self._first_changed.wait()
            self._first_changed.clear()
            if self._elector.term(_FIRST) is present:
                continue
            if present is not None:
                await self._leader.cancel()
            present = self._elector.term(_FIRST)
            if present is not None:
                self._leader.start(present)

    async def _watched(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            self._failed(error)
