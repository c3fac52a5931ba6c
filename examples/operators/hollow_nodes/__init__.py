"""Hollow nodes: kubelets that run nothing. See README.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .heartbeat import Heartbeat
from .kubelet import Kubelet
from .lifecycle import NodeLifecycle
from .timings import Timings

if TYPE_CHECKING:
    from reconcile import Manager
    from reconcile.apiserver.kubelet import Kubelet as KubeletOfServer

__all__ = ["Heartbeat", "Kubelet", "NodeLifecycle", "Timings", "embedded_kubelet", "setup"]


def setup(manager: Manager, *, timings: Timings | None = None, lifecycle: bool = True) -> None:
    """Be the kubelet of every node.

    Args:
        timings: how fast they live.
        lifecycle: whether silent nodes are tainted and their pods evicted here; False where a
            kube-controller-manager does it.
    """
    timings = timings or Timings()
    manager.add(Kubelet(timings))
    manager.add(Heartbeat(timings))
    if lifecycle:
        manager.add(NodeLifecycle(timings))


def embedded_kubelet() -> KubeletOfServer:
    """What stands behind the pods of `reconcile run --embedded`: canned logs and commands."""
    # An embedded API server is no part of an operator that runs on a cluster.
    from .answers import HollowAnswers

    return HollowAnswers()
