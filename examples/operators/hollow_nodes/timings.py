"""Every number of the hollow nodes, in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """How fast hollow nodes live.

    Attributes:
        start: from bound to running (ContainerCreating).
        ready: from running to ready.
        stop: from deletion to gone, at most the pod's own grace period.
        heartbeat: between renewals of a node's Lease.
        monitor: between looks of the node-lifecycle loop.
        silence: without a renewal a node counts as lost (upstream: 40 s; 50 s for Leases).
    """

    start: float = 0.4
    ready: float = 0.4
    stop: float = 0.3
    heartbeat: float = 1.0
    monitor: float = 0.5
    silence: float = 3.0
