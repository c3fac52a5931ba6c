"""Metrics under controller-runtime's names, so that dashboards made for it work.

Hot paths count in plain integers; this collector turns them into families at a scrape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconcile.controllers.loop import Controller
from reconcile.informers.stats import InformerStats
from reconcile.workqueue import Histogram, QueueCore

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from reconcile.controllers.events import EventStats
    from reconcile.informers.factory import InformerFactory
    from reconcile.informers.informer import Informer
    from reconcile.manager.requests import RequestCounts

_MOST_PRIORITIES = 25
_TOO_MANY = "exceeded_cardinality_limit"


class ManagerCollector:
    """Reads one manager's counters.

    Args:
        controllers: all controllers, running or not.
        informers: the informer factory while the manager runs.
        events: counts of the event sink, once there is one.
        requests: counts of requests by code, method and host, where the client's transport is counted.
        leading: by name of the election, whether this process leads; empty without election.
        election: by name of the election, what its elector counts.
        now: the event loop's clock.
    """

    def __init__(
        self,
        *,
        controllers: Callable[[], Iterable[Controller]],
        informers: Callable[[], InformerFactory | None],
        events: Callable[[], EventStats | None],
        requests: Callable[[], RequestCounts | None],
        leading: Callable[[], dict[str, bool]],
        election: Callable[[], dict[str, ElectionCounts]],
        now: Callable[[], float],
    ) -> None:
        self._controllers = controllers
        self._informers = informers
        self._events = events
        self._requests = requests
        self._leading = leading
        self._election = election
        self._now = now

    def collect(self) -> Iterator[Metric]:
        controllers = list(self._controllers())
        yield from _reconciles(controllers)
        yield from _queues(controllers, self._now())
        yield from _leadership(self._leading())
        yield from _elections(self._election())
        informers = self._informers()
        if informers is not None:
            yield from _informer_counts(informers.informers)
        events = self._events()
        if events is not None:
            yield from _event_counts(events)
        requests = self._requests()
        if requests is not None:
            yield from _request_counts(requests)


def _reconciles(controllers: list[Controller]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    results = CounterMetricFamily(
        "controller_runtime_reconcile",
        "Total number of reconciliations per controller",
        labels=("controller", "result"),
    )
    for each in controllers:
        stats = each.stats
        for result, count in (
            ("error", stats.errors),
            ("requeue", 0),
            ("requeue_after", stats.requeue_after),
            ("success", stats.success),
        ):
            results.add_metric((each.name, result), count)
    yield results
    for name, text, attribute in (
        ("reconcile_errors", "reconciliation errors", "errors"),
        ("terminal_reconcile_errors", "terminal reconciliation errors", "terminal_errors"),
        ("reconcile_panics", "reconciliation panics", "panics"),
        ("reconcile_timeouts", "reconciliation timeouts", "timeouts"),
    ):
        counter = CounterMetricFamily(
            f"controller_runtime_{name}", f"Total number of {text} per controller", labels=("controller",)
        )
        for each in controllers:
            counter.add_metric((each.name,), getattr(each.stats, attribute))
        yield counter
    yield histogram_family(
        "controller_runtime_reconcile_time_seconds",
        "Length of time per reconciliation per controller",
        ("controller",),
        [((each.name,), each.stats.duration) for each in controllers],
    )
    most = GaugeMetricFamily(
        "controller_runtime_max_concurrent_reconciles",
        "Maximum number of concurrent reconciles per controller",
        labels=("controller",),
    )
    active = GaugeMetricFamily(
        "controller_runtime_active_workers",
        "Number of currently used workers per controller",
        labels=("controller",),
    )
    for each in controllers:
        most.add_metric((each.name,), each.definition.options.max_concurrent_reconciles)
        active.add_metric((each.name,), each.stats.active_workers)
    yield most
    yield active


def _queues(controllers: list[Controller], now: float) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    labels = ("name", "controller")
    queues: list[tuple[str, QueueCore[Any]]] = [
        (each.name, each.queue.core) for each in controllers if each.queue is not None
    ]
    depth = GaugeMetricFamily(
        "workqueue_depth",
        "Current depth of workqueue by workqueue and priority",
        labels=("name", "controller", "priority"),
    )
    adds = CounterMetricFamily("workqueue_adds", "Total number of adds handled by workqueue", labels=labels)
    retries = CounterMetricFamily(
        "workqueue_retries", "Total number of retries handled by workqueue", labels=labels
    )
    unfinished = GaugeMetricFamily(
        "workqueue_unfinished_work_seconds",
        "How many seconds of work has been done that is in progress and hasn't been observed by "
        "work_duration",
        labels=labels,
    )
    longest = GaugeMetricFamily(
        "workqueue_longest_running_processor_seconds",
        "How many seconds has the longest running processor for workqueue been running",
        labels=labels,
    )
    for name, core in queues:
        for priority, count in _bounded(core.depth_by_priority()).items():
            depth.add_metric((name, name, priority), count)
        adds.add_metric((name, name), core.adds)
        retries.add_metric((name, name), core.retried)
        total, most = core.unfinished_seconds(now)
        unfinished.add_metric((name, name), total)
        longest.add_metric((name, name), most)
    yield from (depth, adds, retries, unfinished, longest)
    yield histogram_family(
        "workqueue_queue_duration_seconds",
        "How long in seconds an item stays in workqueue before being requested",
        labels,
        [((name, name), core.queue_duration) for name, core in queues],
    )
    yield histogram_family(
        "workqueue_work_duration_seconds",
        "How long in seconds processing an item from workqueue takes",
        labels,
        [((name, name), core.work_duration) for name, core in queues],
    )


def _bounded(depths: dict[int, int]) -> dict[str, int]:
    """Depth by priority label; priority 0 is always there, and beyond 25 labels the rest share one."""
    bounded = {"0": 0}
    for priority, count in sorted(depths.items(), key=lambda item: -item[1]):
        label = str(priority)
        if label not in bounded and len(bounded) >= _MOST_PRIORITIES:
            label = _TOO_MANY
        bounded[label] = bounded.get(label, 0) + count
    return bounded


def _leadership(leading: dict[str, bool]) -> Iterator[Metric]:
    if not leading:
        return
    from prometheus_client.core import GaugeMetricFamily

    status = GaugeMetricFamily(
        "leader_election_master_status",
        "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates "
        "master. 'name' is the string used to identify the lease.",
        labels=("name",),
    )
    for name, leads in leading.items():
        status.add_metric((name,), int(leads))
    yield status


@dataclass(frozen=True, slots=True)
class ElectionCounts:
    """What an elector counts: renewals that had to read the Lease first, and writes that it refused."""

    slow_paths: int
    refused: int


def election_counts(elector: object) -> dict[str, ElectionCounts]:
    """The counts of an elector by its name; nothing for one that does not count."""
    slow_paths = getattr(elector, "slow_paths", None)
    if slow_paths is None:
        return {}
    refused = getattr(getattr(elector, "guard", None), "refused", 0)
    return {str(getattr(elector, "name", "")): ElectionCounts(slow_paths, refused)}


def _elections(counts: dict[str, ElectionCounts]) -> Iterator[Metric]:
    if not counts:
        return
    from prometheus_client.core import CounterMetricFamily

    slow = CounterMetricFamily(
        "leader_election_slowpath",
        "Total number of slow path exercised in renewing leader leases. 'name' is the string used to "
        "identify the lease.",
        labels=("name",),
    )
    refused = CounterMetricFamily(
        "reconcile_leader_election_refused_writes",
        "Writes refused because this process no longer held the lease",
        labels=("name",),
    )
    for name, each in counts.items():
        slow.add_metric((name,), each.slow_paths)
        refused.add_metric((name,), each.refused)
    yield slow
    yield refused


_INFORMER_GAUGES = (
    ("objects", "Objects held", "objects"),
    ("bytes", "Bytes of JSON held", "bytes"),
    ("queued_items", "Keys that wait for handlers", "backlog"),
)
_INFORMER_COUNTERS = (
    ("events", "Watch events applied", "events"),
    ("lists", "Collections listed to their end", "lists"),
    ("watches", "Watches that the server accepted", "watches"),
    ("undecodable", "Objects left out because their metadata cannot be read", "undecodable"),
    ("deliveries", "Handler calls", "deliveries"),
    ("handler_errors", "Handler calls that raised", "handler_errors"),
)
_VERSION_DIGITS = 15


def _informer_counts(informers: Iterable[Informer]) -> Iterator[Metric]:
    """One row a resource: informers of other scopes and selectors of it are added up."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    labels = ("group", "version", "resource")
    by_resource: dict[tuple[str, str, str], list[InformerStats]] = {}
    for informer in informers:
        resource = informer.resource
        row = (resource.group, resource.version, resource.plural)
        by_resource.setdefault(row, []).append(informer.stats())
    for name, text, attribute in _INFORMER_GAUGES:
        gauge = GaugeMetricFamily(f"informer_{name}", text, labels=labels)
        for row, stats in by_resource.items():
            gauge.add_metric(row, sum(getattr(each, attribute) for each in stats))
        yield gauge
    for name, text, attribute in _INFORMER_COUNTERS:
        counter = CounterMetricFamily(f"informer_{name}", text, labels=labels)
        for row, stats in by_resource.items():
            counter.add_metric(row, sum(getattr(each, attribute) for each in stats))
        yield counter
    for name, text, attribute in (
        ("relists", "Lists after the first, by reason", "relists"),
        ("failures", "Lists and watches that failed, by kind of trouble", "failures"),
    ):
        counter = CounterMetricFamily(f"informer_{name}", text, labels=(*labels, "reason"))
        for row, stats in by_resource.items():
            reasons: dict[str, int] = {}
            for each in stats:
                for reason, count in getattr(each, attribute).items():
                    reasons[reason] = reasons.get(reason, 0) + count
            for reason, count in reasons.items():
                counter.add_metric((*row, reason), count)
        yield counter
    version = GaugeMetricFamily(
        "informer_store_resource_version",
        "Resource version of the store, its 15 lowest digits",
        labels=labels,
    )
    for row, stats in by_resource.items():
        digits = [each.last_resource_version[-_VERSION_DIGITS:] for each in stats]
        version.add_metric(row, max((int(text) for text in digits if text.isdecimal()), default=0))
    yield version


def _event_counts(events: EventStats) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    for name, text, value in (
        ("recorded", "Events that controllers reported", events.recorded),
        ("dropped", "Events lost because too many waited or the process ended", events.dropped),
        ("failed", "Events that the API server did not take", events.failed),
    ):
        yield CounterMetricFamily(f"reconcile_events_{name}", text, value=value)


def _request_counts(requests: RequestCounts) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    counter = CounterMetricFamily(
        "rest_client_requests",
        "Number of HTTP requests, partitioned by status code, method, and host.",
        labels=("code", "method", "host"),
    )
    for (code, method, host), count in sorted(requests.items()):
        counter.add_metric((code, method, host), count)
    yield counter


def histogram_family(
    name: str, text: str, labels: tuple[str, ...], rows: list[tuple[tuple[str, ...], Histogram]]
) -> Metric:
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(name, text, labels=labels)
    for values, histogram in rows:
        counts = histogram.cumulative()
        bounds = [*(_bound(bound) for bound in histogram.bounds), "+Inf"]
        family.add_metric(values, list(zip(bounds, map(float, counts), strict=True)), sum_value=histogram.sum)
    return family


def _bound(bound: float) -> str:
    """A bucket's label as Go's client writes it: the shortest text, no trailing zero."""
    return f"{bound:g}"
