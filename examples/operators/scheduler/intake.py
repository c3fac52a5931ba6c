"""What the cluster tells, taken into the picture and told to the pods that wait. Pure but for the clock.

The picture changes first, then the queue is told: a pod that is tried again sees what happened.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from reconcile import ObjectKey
from reconcile.api.core.v1 import Node, Pod

from .events import Change, ClusterEvent, node_changes, pod_changes
from .nodes import NodeInfo
from .pods import PodInfo
from .queue import SchedulingQueue
from .snapshot import Snapshot


class Intake:
    """
    Args:
        names: of the schedulers whose pods are to be placed.
        clock: the time in seconds.
        wake: called when something may have become ready to be decided.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        queue: SchedulingQueue,
        names: Collection[str],
        clock: Callable[[], float],
        wake: Callable[[], None],
    ) -> None:
        self._snapshot = snapshot
        self._queue = queue
        self._names = names
        self._clock = clock
        self._wake = wake
        self._pods: dict[ObjectKey, PodInfo] = {}

    def pod(self, key: ObjectKey) -> PodInfo | None:
        """A pod as it was told last; None for one that is gone, or has finished."""
        return self._pods.get(key)

    # Pods.

    def pod_changed(self, pod: PodInfo) -> None:
        old = self._pods.get(pod.key)
        if old is not None and old.uid != pod.uid:
            self.pod_gone(old.key)
            old = None
        if pod.finished:
            # It needs nothing any more: to everybody else it is gone.
            self.pod_gone(pod.key)
            return
        self._pods[pod.key] = pod
        if pod.node_name:
            self._pod_has_node(old, pod)
        elif pod.scheduler in self._names:
            self._pod_waits(old, pod)

    def pod_gone(self, key: ObjectKey) -> None:
        pod = self._pods.pop(key, None)
        if pod is None:
            return
        self._queue.remove(key)
        if pod.node_name:
            self._snapshot.remove_pod(key)
            self._happened(ClusterEvent(Pod, Change.DELETED, pod))
        elif not self._forget_assumed(pod):
            self._snapshot.nominate(replace(pod, nominated_node=""))
            self._nomination_gone(pod)

    def _pod_has_node(self, old: PodInfo | None, pod: PodInfo) -> None:
        self._snapshot.set_pod(pod)
        if old is not None and old.node_name:
            for change in pod_changes(old, pod):
                self._happened(ClusterEvent(Pod, change, old, pod))
            return
        self._queue.remove(pod.key)
        self._happened(ClusterEvent(Pod, Change.ADDED, None, pod))

    def _pod_waits(self, old: PodInfo | None, pod: PodInfo) -> None:
        if self._snapshot.is_assumed(pod):
            if pod.deleting and not (old and old.deleting):
                self._forget_assumed(pod)
            return
        self._nominate(old, pod)
        self._wake()
        if old is None:
            self._queue.add(pod, self._clock())
            return
        self._queue.update(old, pod, self._clock())
        if old.nominated_node != pod.nominated_node:
            self._nomination_gone(old)

    def _nominate(self, old: PodInfo | None, pod: PodInfo) -> None:
        """Room that was promised here, and that the server does not know of yet, stays promised."""
        held = self._snapshot.nomination(pod)
        if held and not pod.nominated_node and not (old and old.nominated_node):
            pod = replace(pod, nominated_node=held)
        self._snapshot.nominate(pod)

    def _forget_assumed(self, pod: PodInfo) -> bool:
        """A pod that has a node here, and not at the server yet, goes: what it took is free at once."""
        placed = self._snapshot.assumed(pod)
        if placed is None:
            return False
        self._snapshot.forget(pod)
        self._happened(ClusterEvent(Pod, Change.DELETED, placed))
        return True

    def _nomination_gone(self, pod: PodInfo) -> None:
        """Room that a node kept for the pod is free for those that do not matter more."""
        if pod.nominated_node:
            gone = ClusterEvent(Pod, Change.DELETED, pod)
            self._happened(gone, only=lambda other: other.priority <= pod.priority)

    # Nodes, and the rest.

    def node_added(self, node: Node) -> None:
        self._set_node(node)
        self._happened(ClusterEvent(Node, Change.ADDED, None, _bare(node)))

    def node_changed(self, old: Node, new: Node) -> None:
        self._set_node(new)
        changes = node_changes(old, new)
        if changes:
            before, after = _bare(old), _bare(new)
            for change in changes:
                self._happened(ClusterEvent(Node, change, before, after))

    def node_gone(self, node: Node) -> None:
        self._snapshot.set_node(node.metadata.name, None)
        self._happened(ClusterEvent(Node, Change.DELETED, _bare(node)))

    def object_changed(self, kind: type[Any], key: ObjectKey, old: Any | None, new: Any | None) -> None:
        """An object of another kind that plugins read came (no `old`), changed, or went (no `new`)."""
        self._snapshot.set_object(kind, key, new)
        change = Change.ADDED if old is None else Change.DELETED if new is None else Change.OTHER
        self._happened(ClusterEvent(kind, change, old, new))

    def _set_node(self, node: Node) -> None:
        self._snapshot.set_node(node.metadata.name, node)

    def _happened(self, event: ClusterEvent, *, only: Callable[[PodInfo], bool] | None = None) -> None:
        self._queue.happened(event, self._clock(), only=only)
        self._wake()


def _bare(node: Node) -> NodeInfo:
    """The node by itself, as the plugins' hints look at it."""
    info = NodeInfo(node.metadata.name)
    info.set_node(node)
    return info
