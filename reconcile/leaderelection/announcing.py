"""Tells people who leads: an Event of the Lease at every change, as client-go's elections record them."""

from __future__ import annotations

import asyncio

from reconcile.client.client import Client
from reconcile.controllers.events import EventRecorder, EventSink
from reconcile.controllers.logs import Logger
from reconcile.objects.identity import ObjectKey
from reconcile.runtime import Runtime

# After the Lease was given away: nobody waits for this but the process's own end.
_FLUSH_SECONDS = 2.0


class Announcer:
    """Writes Events about one Lease; never blocks and never fails.

    Args:
        client: the elector's own, whose writes need no lead.
        name: of the election; what the Events name as their controller.
        identity: of this process.
        key: of the Lease.
    """

    def __init__(
        self, client: Client, runtime: Runtime, log: Logger, *, name: str, identity: str, key: ObjectKey
    ) -> None:
        self._sink = EventSink(client, runtime, log)
        self._events = EventRecorder(name, identity, self._sink, runtime)
        self._identity = identity
        self._key = key
        self._task = asyncio.create_task(self._sink.run(), name=f"events of the lease {name}")

    def became_leader(self, uid: str) -> None:
        self._announce(uid, "Acquire", "became leader")

    def stopped_leading(self, uid: str) -> None:
        self._announce(uid, "Release", "stopped leading")

    def _announce(self, uid: str, action: str, what: str) -> None:
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"namespace": self._key.namespace, "name": self._key.name, "uid": uid},
        }
        self._events.event(lease, "Normal", "LeaderElection", action, f"{self._identity} {what}")

    async def close(self) -> None:
        """Write what waits, for two seconds at most."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._sink.flush(_FLUSH_SECONDS)
