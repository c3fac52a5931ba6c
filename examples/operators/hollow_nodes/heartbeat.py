"""The loop over nodes: say what the node has, keep its Ready condition and its Lease fresh."""

from __future__ import annotations

from datetime import datetime

from reconcile import (
    ControllerOptions,
    ObjectMeta,
    ObjectReconciler,
    Result,
    format_micro_time,
    format_time,
    owner_reference,
    set_condition,
)
from reconcile.api.coordination.v1 import Lease, LeaseSpec
from reconcile.api.core.v1 import Node, NodeAddress, NodeCondition, NodeSystemInfo

from .behaviour import DEAD
from .kubelet import address
from .timings import Timings

LEASES = "kube-node-lease"

CAPACITY = {"cpu": "4", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"}
"""What a node has that does not say so itself."""


class Heartbeat(ObjectReconciler[Node]):
    """Each node's own report, every `timings.heartbeat` seconds while it lives."""

    name = "hollow-heartbeat"
    options = ControllerOptions(max_concurrent_reconciles=16)

    def __init__(self, timings: Timings) -> None:
        self._timings = timings

    async def reconcile(self, node: Node, /) -> Result | None:
        if node.metadata.deletion_timestamp or node.metadata.annotations.get(DEAD) == "true":
            return None
        now = self.runtime.now()
        await self._renew(node, now)
        if report(node, now):
            await self.client.update_status(node)
        return Result(requeue_after=self._timings.heartbeat)

    async def _renew(self, node: Node, now: datetime) -> None:
        """The Lease is the heartbeat: small, and written often. The status is written when it changes."""
        lease = Lease(
            metadata=ObjectMeta(
                name=node.metadata.name, namespace=LEASES, owner_references=[owner_reference(node)]
            ),
            spec=LeaseSpec(
                holder_identity=node.metadata.name,
                lease_duration_seconds=40,
                renew_time=format_micro_time(now),
            ),
        )
        await self.client.apply(lease, field_manager="hollow-kubelet")


def report(node: Node, now: datetime) -> bool:
    """Fill in the node's status; True when that changed it. Pure but for the node it is given."""
    status = node.status
    ready = next((condition for condition in status.conditions if condition.type == "Ready"), None)
    if ready is not None and ready.status == "True" and status.allocatable:
        return False
    status.capacity = dict(status.capacity) or dict(CAPACITY)
    status.allocatable = dict(status.allocatable) or dict(status.capacity)
    status.addresses = [
        NodeAddress(type="InternalIP", address=address("10.0.0.0/16", node.metadata.name)),
        NodeAddress(type="Hostname", address=node.metadata.name),
    ]
    status.node_info = NodeSystemInfo(
        architecture="amd64",
        boot_id="",
        container_runtime_version="hollow://1",
        kernel_version="hollow",
        kube_proxy_version="",
        kubelet_version="v1.36.0-hollow",
        machine_id=node.metadata.uid,
        operating_system="linux",
        os_image="hollow",
        system_uuid=node.metadata.uid,
    )
    reasons = {
        "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
    }
    for kind, (value, reason, message) in reasons.items():
        put(node, kind, value, reason, message, now)
    return True


def put(node: Node, kind: str, value: str, reason: str, message: str, now: datetime) -> None:
    """Set a condition of the node."""
    told = NodeCondition(
        type=kind, status=value, reason=reason, message=message, last_heartbeat_time=format_time(now)
    )
    set_condition(node.status.conditions, told, now=now)
