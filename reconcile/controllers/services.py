"""What a controller needs from the manager that runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconcile.controllers.logs import Logger
from reconcile.controllers.sharding import ShardGate
from reconcile.runtime import Runtime

if TYPE_CHECKING:
    from reconcile.client.client import Client
    from reconcile.controllers.events import EventRecorder
    from reconcile.informers.cache import Cache
    from reconcile.informers.factory import InformerFactory
    from reconcile.informers.overlay import OwnWrites


@dataclass(frozen=True, slots=True)
class Services:
    """Handed to every controller; owned by the manager.

    Attributes:
        client: the API server.
        informers: where watches come from; shared by all controllers.
        cache: reads of what is watched.
        events: an event recorder in the controller's name.
        log: a logger in the controller's name.
        runtime: wall clock, randomness, uuids, threads.
        own_writes: what this process wrote, in front of its caches; None where that is switched off.
        shards: says which keys are this process's own; None: all are.
    """

    client: Client
    informers: InformerFactory
    cache: Cache
    events: EventRecorder
    log: Logger
    runtime: Runtime
    own_writes: OwnWrites | None = None
    shards: ShardGate | None = None

    def give_to(self, reconciler: Any) -> None:
        """Set the attributes that a reconciler is promised."""
        reconciler.client = self.client
        reconciler.cache = self.cache
        reconciler.events = self.events
        reconciler.log = self.log
        reconciler.runtime = self.runtime
