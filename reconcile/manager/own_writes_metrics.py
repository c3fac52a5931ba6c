"""What the read-your-writes overlay counts, as metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from reconcile.controllers.loop import Controller
    from reconcile.informers.overlay import OwnWrites


class OwnWritesCollector:
    """Reads the counters of one manager's overlays and echo filters.

    Args:
        own_writes: the overlays while the manager runs; None where they are switched off.
        controllers: all controllers, running or not.
        now: the event loop's clock.
    """

    def __init__(
        self,
        *,
        own_writes: Callable[[], OwnWrites | None],
        controllers: Callable[[], Iterable[Controller]],
        now: Callable[[], float],
    ) -> None:
        self._own_writes = own_writes
        self._controllers = controllers
        self._now = now

    def collect(self) -> Iterator[Metric]:
        own_writes = self._own_writes()
        if own_writes is not None:
            yield from _overlays(own_writes, self._now())
            yield from _barriers(own_writes)
            yield from _echoes(self._controllers())


def _overlays(own_writes: OwnWrites, now: float) -> Iterator[Metric]:
    """One row a resource: informers of other scopes and selectors of it are added up."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    labels = ("group", "version", "resource")
    size = GaugeMetricFamily(
        "reconcile_overlay_entries", "Keys whose own write the watch has not brought yet", labels=labels
    )
    age = GaugeMetricFamily(
        "reconcile_overlay_oldest_seconds",
        "Seconds since the oldest own write that the watch has not brought yet",
        labels=labels,
    )
    expired = CounterMetricFamily(
        "reconcile_overlay_expired",
        "Own writes that were given up after ten minutes without a word of them",
        labels=labels,
    )
    rows: dict[tuple[str, str, str], tuple[int, float, int]] = {}
    for reader in own_writes.readers():
        resource, overlay = reader.informer.resource, reader.overlay
        row = (resource.group, resource.version, resource.plural)
        entries, oldest, gone = rows.get(row, (0, 0.0, 0))
        since = overlay.oldest
        oldest = max(oldest, 0.0 if since is None else now - since)
        rows[row] = (entries + reader.size, oldest, gone + overlay.expired)
    for row, (entries, oldest, gone) in rows.items():
        size.add_metric(row, entries)
        age.add_metric(row, oldest)
        expired.add_metric(row, gone)
    yield from (size, age, expired)


def _barriers(own_writes: OwnWrites) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    stats = own_writes.stats
    for name, text, value in (
        ("barriers", "Reconciles that waited for a live read of what an own write left open", stats.barriers),
        ("barrier_seconds", "Seconds that reconciles waited for such live reads", stats.barrier_seconds),
        ("barrier_failures", "Reconciles put off because such a live read failed", stats.barrier_failures),
        ("live_reads", "Live reads made for reconciles", stats.live_reads),
        ("unreadable_answers", "Answers of own writes that could not be read", stats.failures),
    ):
        yield CounterMetricFamily(f"reconcile_own_writes_{name}", text, value=value)


def _echoes(controllers: Iterable[Controller]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    dropped = CounterMetricFamily(
        "reconcile_echoes_dropped",
        "Events that told a controller nothing but its own write of a status",
        labels=("controller",),
    )
    for each in controllers:
        dropped.add_metric((each.name,), each.stats.echoes_dropped)
    yield dropped
