"""The workqueue: delays, rate limits, priorities, fairness. A pure core and its shell on the event loop."""

from reconcile.workqueue.backoff import Backoff, TokenBucket
from reconcile.workqueue.core import QueueCore, QueueItem
from reconcile.workqueue.histogram import Histogram
from reconcile.workqueue.options import LOW_PRIORITY, QueueOptions
from reconcile.workqueue.queue import QueueShutDown, WorkQueue

__all__ = [
    "LOW_PRIORITY",
    "Backoff",
    "Histogram",
    "QueueCore",
    "QueueItem",
    "QueueOptions",
    "QueueShutDown",
    "TokenBucket",
    "WorkQueue",
]
