"""The loop over pods: write the next stage, finish deletions."""

from __future__ import annotations

import asyncio
import ipaddress
from contextlib import suppress
from functools import partial
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

from .behaviour import DEAD
from .stages import last_status, next_status, seconds_to_end
from .timings import Timings

_BLINK = 0.01
_ROUNDING = 1e-6
"""Later than what is waited for: a timer may fire a rounding error early."""

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
        self._first_seen: dict[str | None, dict[str, float]] = {}

    async def reconcile(self, pod: Pod, /) -> Result | None:
        node_name = pod.spec.node_name
        if not node_name:
            return None
        node = self.cache.get(Node, node_name)
        if node is None or node.metadata.annotations.get(DEAD) == "true":
            # Nobody is there to do anything. When the node comes back its pods are looked at again.
            return None
        age = partial(self._since, pod)
        age("bound")
        if pod.metadata.deletion_timestamp:
            wait = seconds_to_end(pod, self._timings, age)
            if wait > 0:
                return Result(requeue_after=wait + _ROUNDING)
            await self._finish(pod)
            return None
        status, wait = next_status(
            pod,
            self._timings,
            age,
            self.runtime.now(),
            host_ip=address("10.0.0.0/16", node_name),
            pod_ip=address("10.128.0.0/9", pod.metadata.uid),
        )
        if not same(status, pod.status):
            pod.status = status
            try:
                await self.client.update_status(pod)
            except NotFoundError:
                # It was taken away meanwhile, without grace: a kubelet has nothing to tell of it any more.
                self._first_seen.pop(pod.metadata.uid, None)
                return None
        # A container that ended is seen so for a moment, even where it is started again at once.
        return Result(requeue_after=max(wait, _BLINK) + _ROUNDING) if wait is not None else None

    async def _finish(self, pod: Pod) -> None:
        """Tell how its containers ended, and take the pod away."""
        self._first_seen.pop(pod.metadata.uid, None)
        status = last_status(pod, self.runtime.now())
        with suppress(NotFoundError):
            if (pod.metadata.deletion_grace_period_seconds or 0) > 0 and not same(status, pod.status):
                pod.status = status
                pod = await self.client.update_status(pod)
            await self.client.delete(pod, grace_period_seconds=0)

    def pods_on(self, node: Node) -> list[ObjectKey]:
        """A node came, died or came back: its pods go on, or do not."""
        return [pod.key for pod in self.cache.list(Pod, index=(BY_NODE.name, node.metadata.name))]

    def _since(self, pod: Pod, what: str) -> float:
        """Seconds since something was first known of the pod."""
        now = asyncio.get_running_loop().time()
        return now - self._first_seen.setdefault(pod.metadata.uid, {}).setdefault(what, now)


def address(network: str, name: str) -> str:
    """An address that is always the same for a name."""
    range_ = ipaddress.ip_network(network)
    return str(range_[1 + crc32(name.encode()) % (range_.num_addresses - 2)])
