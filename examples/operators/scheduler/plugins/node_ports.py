"""NodePorts: a port of the host belongs to one pod at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from reconcile.api.core.v1 import Node, Pod

from ..events import Change, HelpedBy
from ..framework import SKIP, CycleState, Plugin, Refusal
from ..nodes import NodeInfo
from ..pods import HostPort, PodInfo
from ..snapshot import Snapshot

_EVERY_ADDRESS = "0.0.0.0"


class NodePorts(Plugin):
    name = "NodePorts"
    local = True

    def events(self) -> Sequence[HelpedBy]:
        return [HelpedBy(Pod, Change.DELETED, _after_pod), HelpedBy(Node, Change.ADDED)]

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot, /) -> Literal["skip"] | None:
        return None if pod.host_ports else SKIP

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        if any(conflicts(port, node.host_ports) for port in pod.host_ports):
            return self.refuse("node(s) didn't have free ports for the requested pod ports")
        return None


def conflicts(wanted: HostPort, taken: Iterable[HostPort]) -> bool:
    """Whether a port is taken, on the same address or on all of them."""
    address, protocol, port = wanted
    return any(
        (protocol, port) == (other_protocol, other_port)
        and (address == other or _EVERY_ADDRESS in (address, other))
        for other, other_protocol, other_port in taken
    )


def _after_pod(pod: PodInfo, old: PodInfo, new: None) -> bool:
    """A pod that held a port, or for which a node kept one, is gone."""
    return old.holds_room and any(conflicts(port, old.host_ports) for port in pod.host_ports)
