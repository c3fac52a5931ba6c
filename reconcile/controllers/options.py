"""What can be set on a controller."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconcile.errors import ConfigurationError
from reconcile.workqueue.options import QueueOptions


@dataclass(frozen=True, slots=True)
class ControllerOptions:
    """How one controller runs.

    Attributes:
        max_concurrent_reconciles: keys reconciled at the same time; one key never is twice. Default 1, as
            in controller-runtime: a reconciler that keeps state of its own is safe until it says otherwise.
        timeout: seconds that one reconcile may take, or None for no limit (the default). Then an async
            reconciler is cancelled; a plain one cannot be, so its writes are refused from that moment and
            its key stays in processing until its thread returns.
        sync_timeout: seconds that each of its watches may take for its first list. Default 120; after
            that the manager ends with an error that names the watch.
        own_status_events: whether the event of a status that its own reconcile wrote runs another reconcile
            of the object, as any event does. Default False: what follows from a status is done in the
            reconcile that writes it, or asked for with `Result(requeue_after=…)`.
        needs_leader_election: whether it runs on the leader alone. Default True.
        queue: backoff, rate limit and ageing of its workqueue.
    """

    max_concurrent_reconciles: int = 1
    timeout: float | None = None
    sync_timeout: float = 120.0
    own_status_events: bool = False
    needs_leader_election: bool = True
    queue: QueueOptions = field(default_factory=QueueOptions)

    def __post_init__(self) -> None:
        if self.max_concurrent_reconciles < 1:
            raise ConfigurationError("ControllerOptions: max_concurrent_reconciles must be at least 1")
        if self.timeout is not None and self.timeout <= 0:
            raise ConfigurationError(
                "ControllerOptions: timeout must be above 0 seconds, or None for no limit"
            )
        if self.sync_timeout <= 0:
            raise ConfigurationError("ControllerOptions: sync_timeout must be above 0 seconds")
