"""NodePorts: a port of the host belongs to one pod at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..framework import CycleState, Plugin
from ..nodes import NodeInfo
from ..pods import HostPort, PodInfo

_EVERY_ADDRESS = "0.0.0.0"


class NodePorts(Plugin):
    name = "NodePorts"

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Sequence[str]:
        if any(conflicts(port, node.host_ports) for port in pod.host_ports):
            return ("node(s) didn't have free ports for the requested pod ports",)
        return ()


def conflicts(wanted: HostPort, taken: Iterable[HostPort]) -> bool:
    """Whether a port is taken, on the same address or on all of them."""
    address, protocol, port = wanted
    return any(
        (protocol, port) == (other_protocol, other_port)
        and (address == other or _EVERY_ADDRESS in (address, other))
        for other, other_protocol, other_port in taken
    )
