"""Every number of the hollow nodes, in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """How fast hollow nodes live.

    Attributes:
        start: from bound to running (ContainerCreating).
        init: that an init container runs.
        ready: from running to ready, of containers with a readiness probe; others are ready at once.
        pull: from an image's first failed pull to the back-off.
        back_off: before a container's second restart, doubled at each further one (a kubelet's: 10 s).
        back_off_limit: at most that long (a kubelet's: 300 s).
        stop: from deletion to gone, at most the pod's own grace period.
        heartbeat: between renewals of a node's Lease.
        monitor: between looks of the node-lifecycle loop.
        silence: without a renewal a node counts as lost (upstream: 40 s; 50 s for Leases).
    """

    start: float = 0.4
    init: float = 0.2
    ready: float = 0.4
    pull: float = 0.2
    back_off: float = 1.0
    back_off_limit: float = 30.0
    stop: float = 0.3
    heartbeat: float = 1.0
    monitor: float = 0.5
    silence: float = 3.0
