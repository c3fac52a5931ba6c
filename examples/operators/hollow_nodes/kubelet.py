"""The loop over pods: write the next stage, finish deletions."""

from __future__ import annotations

import asyncio
import ipaddress
from contextlib import suppress
from zlib import crc32

from reconcile import (
    ControllerOptions,
    Index,
    NotFoundError,
    ObjectKey,
    ObjectReconciler,
    Result,
    Watch,
    same,
)
from reconcile.api.core.v1 import Node, Pod

from .stages import DEAD, Ages, is_running, next_status, seconds_to_end
from .timings import Timings

BY_NODE = Index("spec.nodeName")
"""Finds the pods of a node."""


class Kubelet(ObjectReconciler[Pod]):
    """The kubelet of every living node: one reconcile a pod and stage."""

    name = "hollow-kubelet"
    options = ControllerOptions(max_concurrent_reconciles=16)
    indexes = (BY_NODE,)
    watches = (Watch(Node, to="pods_on"),)

    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self._first_seen: dict[tuple[str, str], float] = {}

    async def reconcile(self, pod: Pod, /) -> Result | None:
        node_name = pod.spec.node_name
        if not node_name:
            return None
        node = self.cache.get(Node, node_name)
        if node is None or node.metadata.annotations.get(DEAD) == "true":
            # Nobody is there to do anything. When the node comes back its pods are looked at again.
            return None
        ages = Ages(
            on_node=self._since(pod, "bound"),
            running=self._since(pod, "running") if is_running(pod) else 0.0,
            deleting=self._since(pod, "deleting") if pod.metadata.deletion_timestamp else 0.0,
        )
        if pod.metadata.deletion_timestamp:
            wait = seconds_to_end(pod, self._timings, ages)
            if wait > 0:
                return Result(requeue_after=wait)
            await self._finish(pod)
            return None
        status, wait = next_status(
            pod,
            self._timings,
            ages,
            self.runtime.now(),
            host_ip=address("10.0.0.0/16", node_name),
            pod_ip=address("10.128.0.0/9", pod.metadata.uid),
        )
        if not same(status, pod.status):
            pod.status = status
            if is_running(pod):
                # It runs from now on: no event of this very write is going to say so.
                self._since(pod, "running")
            await self.client.update_status(pod)
        return Result(requeue_after=wait) if wait is not None else None

    async def _finish(self, pod: Pod) -> None:
        for stage in ("bound", "running", "deleting"):
            self._first_seen.pop((pod.metadata.uid, stage), None)
        with suppress(NotFoundError):
            await self.client.delete(pod, grace_period_seconds=0)

    def pods_on(self, node: Node) -> list[ObjectKey]:
        """A node came, died or came back: its pods go on, or do not."""
        return [pod.key for pod in self.cache.list(Pod, index=(BY_NODE.name, node.metadata.name))]

    def _since(self, pod: Pod, stage: str) -> float:
        """Seconds since the pod was first seen in this stage."""
        now = asyncio.get_running_loop().time()
        return now - self._first_seen.setdefault((pod.metadata.uid, stage), now)


def address(network: str, name: str) -> str:
    """An address that is always the same for a name."""
    range_ = ipaddress.ip_network(network)
    return str(range_[1 + crc32(name.encode()) % (range_.num_addresses - 2)])
