"""What can be set on a workqueue."""

from __future__ import annotations

from dataclasses import dataclass

from reconcile.errors import ConfigurationError

LOW_PRIORITY = -100
"""Priority of keys that nobody waits for: objects of a first list, and updates that changed nothing."""


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """How a workqueue spaces retries and shares its workers between priorities.

    Attributes:
        base_delay: seconds before the first retry of a failing key; doubles with each further failure.
            Default 0.005.
        max_delay: seconds that a retry waits at most. Default 1000.
        retries_per_second: retries of all keys together a second, through a token bucket; the longer of
            the key's own delay and the bucket's counts. None (the default, as in controller-runtime's
            priority queue) sets no common limit: with one, an outage that fails ten thousand keys holds
            healthy ones back for a quarter of an hour after it ends.
        retry_burst: retries that the bucket lets pass at once. Default 100.
        ageing: seconds of waiting that are worth one point of priority. Default 0.3: a key of priority
            -100 goes before every newcomer of priority 0 once it has waited 30 seconds, so nothing starves.
        spacing: seconds between the end of a key's run and the start of its next. What comes in between
            goes as one run at the end of it; the first event after a pause still runs at once, and a
            failing key keeps its backoff. Default 0: a run may follow at once. Some tens of milliseconds
            save writes where an object sums up many others that change together, as a replica set does its
            pods: each status in between would be overwritten by the next.
    """

    base_delay: float = 0.005
    max_delay: float = 1000.0
    retries_per_second: float | None = None
    retry_burst: int = 100
    ageing: float = 0.3
    spacing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.base_delay <= self.max_delay:
            raise ConfigurationError(
                f"QueueOptions: base_delay ({self.base_delay} s) must be above 0 and not above max_delay "
                f"({self.max_delay} s)"
            )
        if self.retries_per_second is not None and self.retries_per_second <= 0:
            raise ConfigurationError("QueueOptions: retries_per_second must be above 0, or None for no limit")
        if self.retry_burst < 1:
            raise ConfigurationError("QueueOptions: retry_burst must be at least 1")
        if self.ageing <= 0:
            raise ConfigurationError("QueueOptions: ageing must be above 0 seconds a point of priority")
        if self.spacing < 0:
            raise ConfigurationError("QueueOptions: spacing must be at least 0 seconds")
