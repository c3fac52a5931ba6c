"""The scheduler's loop: events in, decisions out, bindings written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from reconcile import (
    APIError,
    Manager,
    NotFoundError,
    TransportError,
    set_condition,
)
from reconcile.api.core.v1 import Node, Pod, PodCondition

from .cycle import Decision, decide
from .framework import Remedy, has
from .handlers import handlers
from .pods import PodInfo, reference
from .preempting import make_room
from .profile import Profile, default_profile
from .queue import NODE_CHANGED, POD_GONE, POD_PLACED, SchedulingQueue
from .snapshot import Snapshot


class Scheduler:
    """Binds the pods of one scheduler name to nodes.

    Decisions are made one after the other, each on the snapshot that the one before left; their bindings
    are written side by side.
    """

    needs_leader_election = True

    def __init__(
        self, manager: Manager, *, name: str = "default-scheduler", profile: Profile | None = None
    ) -> None:
        self.name = name
        self._manager = manager
        self._profile = profile or default_profile()
        self._snapshot = Snapshot()
        self._queue = SchedulingQueue(self._order)
        self._wake = asyncio.Event()
        self._next_node = 0
        self._bindings: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        self._events = self._manager.event_recorder(self.name)
        registrations: list[Any] = []
        try:
            for kind, handler in handlers(self):
                informer = self._manager.informers.informer(kind)
                registrations.append(informer.add_handler(handler))
            for registration in registrations:
                await registration.wait_synced()
            await self._schedule()
        finally:
            for registration in registrations:
                registration.remove()
            for task in self._bindings:
                task.cancel()
            await asyncio.gather(*self._bindings, return_exceptions=True)

    async def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            pod = self._queue.pop(loop.time())
            if pod is None:
                at = self._queue.next_time()
                wait = None if at is None else max(at - loop.time(), 0.0)
                try:
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                continue
            decision = self._decide(pod)
            if decision.node:
                self._snapshot.assume(pod, decision.node)
                self._reserve(decision, pod)
                task = loop.create_task(self._bind(pod, decision))
            else:
                self._queue.refused(pod.key, loop.time(), decision.rejected_by)
                task = loop.create_task(self._help(pod, decision))
            self._bindings.add(task)
            task.add_done_callback(self._bindings.discard)
            # One decision is computation only: let the rest of the process have its turn.
            await asyncio.sleep(0)

    def _decide(self, pod: PodInfo) -> Decision:
        try:
            dice = self._manager.runtime.random
            decision = decide(self._profile, self._snapshot, pod, dice, start=self._next_node)
            self._next_node += decision.looked_at
            return decision
        except Exception as error:  # a plugin that fails must not end the loop
            return Decision(message=f"running the scheduling plugins: {error!r}")

    async def _help(self, pod: PodInfo, decision: Decision) -> None:
        """Tell why the pod waits, and make room for it where that helps."""
        remedy = decision.remedy or Remedy()
        outranked: list[PodInfo] = []
        nominated = "" if remedy.clear_nomination else None
        if remedy.node:
            # Known here before the server says it: the next pod must not take the room.
            outranked = [
                other for other in self._snapshot.nominated_to(remedy.node) if other.priority < pod.priority
            ]
            self._snapshot.nominate(replace(pod, nominated_node=remedy.node))
            nominated = remedy.node
        await self._tell_refusal(pod, decision.message, nominated=nominated)
        if remedy.node:
            try:
                await make_room(self._manager, self.name, pod, remedy, outranked)
            except (APIError, TransportError) as error:
                self._queue.retry(pod.key, asyncio.get_running_loop().time())
                self._wake.set()
                note = f"preemption: {error}"
                self._events.event(reference(pod), "Warning", "FailedScheduling", "Scheduling", note)

    async def _bind(self, pod: PodInfo, decision: Decision) -> None:
        try:
            await self._manager.client.bind(reference(pod), decision.node)
        except NotFoundError:
            self._undo(pod, decision)
            self._queue.remove(pod.key)
        except (APIError, TransportError) as error:
            self._undo(pod, decision)
            self._queue.refused(pod.key, asyncio.get_running_loop().time(), None)
            self._wake.set()
            await self._tell_refusal(pod, str(error), reason="SchedulerError")
        else:
            self._queue.done(pod.key)
            note = f"Successfully assigned {pod.key} to {decision.node}"
            self._events.event(reference(pod), "Normal", "Scheduled", "Binding", note)

    def _reserve(self, decision: Decision, pod: PodInfo) -> None:
        for plugin in self._profile.plugins:
            if has(plugin, "reserve"):
                plugin.reserve(decision.state, pod, decision.node)

    def _undo(self, pod: PodInfo, decision: Decision) -> None:
        for plugin in reversed(self._profile.plugins):
            if has(plugin, "unreserve"):
                plugin.unreserve(decision.state, pod, decision.node)
        self._snapshot.forget(pod)
        self._queue.happened(POD_GONE, asyncio.get_running_loop().time())

    async def _tell_refusal(
        self, pod: PodInfo, message: str, *, reason: str = "Unschedulable", nominated: str | None = None
    ) -> None:
        """The event and the condition that say why the pod waits; written only when they say more.

        `nominated`: where room is made for the pod; empty takes it back, None leaves it as it is.
        """
        self._events.event(reference(pod), "Warning", "FailedScheduling", "Scheduling", message)
        if pod.unschedulable_message == message and nominated in (None, pod.nominated_node):
            return
        try:
            live = await self._manager.client.get_or_none(Pod, pod.key)
            if live is None or live.metadata.uid != pod.uid or live.spec.node_name:
                return
            told = PodCondition(type="PodScheduled", status="False", reason=reason, message=message)
            changed = set_condition(live.status.conditions, told, now=self._manager.runtime.now())
            if nominated is not None and (live.status.nominated_node_name or "") != nominated:
                live.status.nominated_node_name = nominated or None
                changed = True
            if changed:
                await self._manager.client.update_status(live)
        except (APIError, TransportError):
            # The pod is tried again in any case, and says it then.
            return

    def _order(self, pod: PodInfo, queued_at: float) -> Sequence[Any]:
        for plugin in self._profile.plugins:
            order = plugin.less(pod, queued_at)
            if order is not None:
                return order
        return (queued_at,)

    # What the handlers tell.

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    def node_changed(self, name: str, node: Node | None) -> None:
        self._snapshot.set_node(name, node)
        self._happened(NODE_CHANGED)

    def pod_changed(self, pod: PodInfo) -> None:
        now = asyncio.get_running_loop().time()
        if pod.finished:
            self._queue.remove(pod.key)
            self._snapshot.remove_pod(pod.key)
            self._happened(POD_GONE)
        elif pod.node_name:
            self._queue.remove(pod.key)
            was_known = self._snapshot.has_pod(pod)
            self._snapshot.set_pod(pod)
            if not was_known:
                self._happened(POD_PLACED)
        elif pod.deleting:
            self._queue.remove(pod.key)
            self._snapshot.remove_pod(pod.key)
        elif pod.spec.scheduler_name in (None, self.name) and not self._snapshot.is_assumed(pod):
            self._snapshot.nominate(pod)
            self._queue.set(pod, now)
            self._wake.set()

    def pod_gone(self, pod: PodInfo) -> None:
        self._queue.remove(pod.key)
        self._snapshot.remove_pod(pod.key)
        self._happened(POD_GONE)

    def _happened(self, event: str) -> None:
        self._queue.happened(event, asyncio.get_running_loop().time())
        self._wake.set()
