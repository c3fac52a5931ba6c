"""The scheduler's loop: events in, decisions out, bindings written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconcile import APIError, Manager, TransportError
from reconcile.api.core.v1 import Pod

from . import binding
from .binding import Refused
from .cycle import Decision, decide
from .events import Change, ClusterEvent
from .framework import PluginError, Refusal, Remedy, Surroundings
from .handlers import handlers
from .intake import Intake
from .pods import DEFAULT_SCHEDULER, PodInfo
from .preempting import Preemption
from .profile import Profile, default_profile
from .queue import QueuedPod, SchedulingQueue
from .snapshot import Snapshot
from .telling import Teller
from .waiting import WaitingPods

_SLICE = 0.005
"""For so many seconds decisions follow each other before the rest of the process has its turn."""


_BESIDE = 16
"""So many bindings are written at once. Each takes a connection, and more of them are not quicker."""


class Scheduler:
    """Binds pods to nodes, those of each profile by its plugins.

    Decisions are made one after the other, each on the snapshot that the one before left; their bindings
    are written side by side.

    Args:
        name, profile: the only profile, and what pods write into `spec.schedulerName` to ask for it.
        profiles: several, by such a name, instead.
        waiting: the pods that `permit` plugins hold; given by who writes such plugins.
    """

    needs_leader_election = True

    def __init__(
        self,
        manager: Manager,
        *,
        name: str = DEFAULT_SCHEDULER,
        profile: Profile | None = None,
        profiles: Mapping[str, Profile] | None = None,
        waiting: WaitingPods | None = None,
    ) -> None:
        self.name = "scheduler"
        self._manager = manager
        self._profiles = dict(profiles or {name: profile or default_profile()})
        self._snapshot = Snapshot()
        self._snapshot.devices.now = manager.runtime.now
        self._snapshot.devices.elapsed = manager.runtime.elapsed
        self._teller = Teller(manager)
        self._waiting = waiting or WaitingPods()
        by_name = {name: profile.plugins for name, profile in self._profiles.items()}
        self._queue = SchedulingQueue(self._order, by_name, self._gate)
        self._intake = Intake(self._snapshot, self._queue, self._profiles, self._now, self._wake_up)
        self._preemption = Preemption(manager, self._teller, self._intake.pod, self._hold_back)
        self._wake = asyncio.Event()
        self._requests = asyncio.Semaphore(_BESIDE)
        self._next_node = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._pre_binding: dict[str, asyncio.Task[Any]] = {}

    async def run(self) -> None:
        registrations: list[Any] = []
        try:
            for kind, handler in handlers(self._intake, self._snapshot, self._profiles.values()):
                informer = self._manager.informers.informer(kind)
                registrations.append(informer.add_handler(handler))
            for registration in registrations:
                await registration.wait_synced()
            await self._schedule()
        finally:
            for registration in registrations:
                registration.remove()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _schedule(self) -> None:
        turn_ends = 0.0
        while True:
            self._wake.clear()
            waiting = self._queue.pop(self._now())
            if waiting is None:
                at = self._queue.next_time()
                try:
                    async with asyncio.timeout_at(at):
                        await self._wake.wait()
                except TimeoutError:
                    pass
            else:
                self._schedule_one(waiting)
            if waiting is None or self._now() >= turn_ends:
                await asyncio.sleep(0)
                turn_ends = self._now() + _SLICE

    def _schedule_one(self, waiting: QueuedPod) -> None:
        pod = waiting.pod
        if pod.deleting:
            self._teller.not_scheduled(pod, f"skip schedule deleting pod: {pod.key}")
            self._queue.done(waiting)
            return
        profile = self._profiles[pod.scheduler]
        decision = self._decide(profile, pod)
        if not decision.node:
            self._no_node(waiting, decision)
            return
        self._snapshot.assume(pod, decision.node)
        try:
            binding.reserve(profile.plugins, decision.state, pod, decision.node)
            waits = binding.permit(profile.plugins, decision.state, pod, decision.node)
        except Exception as error:  # a plugin that fails must not end the loop
            self._take_back(waiting, decision, error)
            return
        self._waiting.add(pod, waits)
        self._start(self._bind(waiting, decision, bool(waits)))

    def _decide(self, profile: Profile, pod: PodInfo) -> Decision:
        try:
            dice = self._manager.runtime.random
            decision = decide(profile, self._snapshot, pod, dice, start=self._next_node)
            self._next_node += decision.looked_at
            return decision
        except Exception as error:  # a plugin that fails must not end the loop
            return Decision(message=str(error) or repr(error), failed=True)

    def _no_node(self, waiting: QueuedPod, decision: Decision) -> None:
        """Tell why the pod waits, and make room for it where that helps."""
        pod, remedy = waiting.pod, decision.remedy
        outranked: Sequence[PodInfo] = ()
        victims: Sequence[PodInfo] = ()
        nominated = "" if remedy is None or remedy.clear_nomination else None
        if remedy is not None and remedy.node:
            outranked = [
                other for other in self._snapshot.nominated_to(remedy.node) if other.priority < pod.priority
            ]
            victims = self._preemption.begin(pod, remedy)
            nominated = remedy.node
        self._failed(waiting, decision, nominated)
        if remedy is not None and victims:
            self._start(self._make_room(pod, remedy.node, victims, outranked))
        if remedy is not None and remedy.deallocate:
            self._start(self._deallocate(pod, remedy))

    def _failed(self, waiting: QueuedPod, decision: Decision, nominated: str | None) -> None:
        """The pod goes back to the queue, and is told why: it fits nowhere, or something failed."""
        tried = waiting.pod
        known = self._intake.pod(tried.key)
        if known is not None and known.uid != tried.uid:
            self._queue.done(waiting)
            return
        if known is None or known.node_name:
            self._queue.done(waiting)
        else:
            waiting.pod = known
            self._queue.refused(waiting, self._now(), decision.rejected_by, decision.pending)
            if nominated is not None:
                # Known here before the server says it: the next pod must not take the room.
                self._snapshot.nominate(replace(known, nominated_node=nominated))
        pod = waiting.pod
        self._teller.not_scheduled(pod, decision.message)
        reason = "SchedulerError" if decision.failed else "Unschedulable"
        self._start(self._teller.write(pod, reason=reason, message=decision.message, nominated=nominated))

    async def _make_room(
        self, pod: PodInfo, node: str, victims: Sequence[PodInfo], outranked: Sequence[PodInfo]
    ) -> None:
        if not await self._preemption.carry_out(pod, node, victims, outranked):
            self._queue.activate(pod.key)
            self._wake.set()

    async def _deallocate(self, pod: PodInfo, remedy: Remedy) -> None:
        for key in remedy.deallocate:
            for plugin in self._profiles[pod.scheduler].plugins.post_filters:
                try:
                    await plugin.deallocate(pod, key, self._around(pod))
                except (APIError, TransportError, PluginError):
                    self._queue.activate(pod.key)
                    self._wake.set()

    # A pod with a node, on its way there.

    async def _bind(self, waiting: QueuedPod, decision: Decision, held: bool) -> None:
        pod, node, state = waiting.pod, decision.node, decision.state
        plugins = self._profiles[pod.scheduler].plugins
        try:
            flights = binding.pre_flights(plugins, state, pod, node)
            if flights or held:
                await self._teller.write(pod, nominated=node)
                await binding.wait_for_permission(self._waiting, pod, node)
            # From here on nothing that happens could make another node the better one.
            self._queue.done(waiting)
            if flights:
                task = asyncio.ensure_future(binding.pre_bind(flights, state, pod, node, self._around(pod)))
                self._pre_binding[pod.uid] = task
                try:
                    await task
                finally:
                    del self._pre_binding[pod.uid]
            await self._write_binding(waiting, decision)
        except asyncio.CancelledError:
            if asyncio.current_task().cancelling():  # pyright: ignore[reportOptionalMemberAccess]
                raise
            self._take_back(waiting, decision, PluginError("preempted by DefaultPreemption"))
        except Exception as error:  # whatever a plugin fails with
            self._take_back(waiting, decision, error)
        else:
            self._teller.scheduled(pod, node)
            binding.post_bind(plugins, state, pod, node)

    async def _write_binding(self, waiting: QueuedPod, decision: Decision) -> None:
        pod = waiting.pod
        plugins = self._profiles[pod.scheduler].plugins
        try:
            async with self._requests:
                await binding.bind(plugins, decision.state, pod, decision.node, self._around(pod))
        except (APIError, TransportError) as error:
            text = error.message if isinstance(error, APIError) else str(error)
            raise PluginError(f'running Bind plugin "DefaultBinder": {text}') from error

    def _take_back(self, waiting: QueuedPod, decision: Decision, error: Exception) -> None:
        """The pod does not get its node after all: put the picture right, tell the others, try again."""
        pod = waiting.pod
        binding.unreserve(self._profiles[pod.scheduler].plugins, decision.state, pod, decision.node)
        placed = self._snapshot.assumed(pod)
        self._snapshot.forget(pod)
        rejected_by = error.rejected_by if isinstance(error, Refused) else frozenset[str]()
        failed = Decision(
            message=str(error) or repr(error), rejected_by=rejected_by, failed=not isinstance(error, Refused)
        )
        self._failed(waiting, failed, "")
        if placed is not None:
            gone = ClusterEvent(Pod, Change.DELETED, placed)
            self._queue.happened(gone, self._now(), only=lambda other: other.uid != pod.uid)
        self._wake.set()

    def _hold_back(self, victim: PodInfo) -> bool:
        """Keep a pod that has a node, but is not bound yet, from being bound."""
        if self._waiting.pending(victim):
            self._waiting.reject(victim, "DefaultPreemption", "preempted")
            return True
        task = self._pre_binding.get(victim.uid)
        return task is not None and task.cancel()

    # What the others need to know.

    def _gate(self, pod: PodInfo) -> Refusal | None:
        for plugin in self._profiles[pod.scheduler].plugins.gates:
            refusal = plugin.pre_enqueue(pod, self._snapshot)
            if refusal is not None:
                return refusal
        return self._preemption.gate(pod)

    def _order(self, pod: PodInfo, queued_at: float) -> Sequence[Any]:
        for plugin in self._profiles[pod.scheduler].plugins.sorters:
            order = plugin.less(pod, queued_at)
            if order is not None:
                return order
        return (queued_at,)

    def _around(self, pod: PodInfo) -> Surroundings:
        return Surroundings(self._manager, self._snapshot, pod.scheduler)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _wake_up(self) -> None:
        self._wake.set()

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
