"""What a controller counts, in plain integers; the manager's collector reads them at a scrape."""

from __future__ import annotations

from reconcile.workqueue.histogram import Histogram

RECONCILE_BOUNDS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0,
    1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
)  # fmt: skip
"""controller-runtime's forty buckets of reconcile time, in seconds."""


class ControllerStats:
    """Counts of one controller, for as long as its manager lives.

    Attributes:
        success: reconciles that succeeded and asked for nothing.
        requeue_after: reconciles that succeeded and asked for another run.
        errors: reconciles that failed, terminal ones included.
        terminal_errors: reconciles that failed with `TerminalError`.
        panics: reconciles ended by something that is no `Exception` (`SystemExit`, a stray
            cancellation); they count as errors too.
        timeouts: reconciles that ran into the controller's own time limit; errors too.
        decode_errors: runs that ended because the primary object did not decode.
        mapping_errors: events whose predicate or mapper raised; the event reached no queue.
        echoes_dropped: events that told nothing but a status which the controller's own reconcile wrote.
        active_workers: workers in a reconcile now.
        duration: seconds per reconcile.
        last_success, last_error: time of the loop at the latest of each, or None.
    """

    __slots__ = (
        "active_workers",
        "decode_errors",
        "duration",
        "echoes_dropped",
        "errors",
        "last_error",
        "last_success",
        "mapping_errors",
        "panics",
        "requeue_after",
        "success",
        "terminal_errors",
        "timeouts",
    )

    def __init__(self) -> None:
        self.success = 0
        self.requeue_after = 0
        self.errors = 0
        self.terminal_errors = 0
        self.panics = 0
        self.timeouts = 0
        self.decode_errors = 0
        self.mapping_errors = 0
        self.echoes_dropped = 0
        self.active_workers = 0
        self.duration = Histogram(RECONCILE_BOUNDS)
        self.last_success: float | None = None
        self.last_error: float | None = None
