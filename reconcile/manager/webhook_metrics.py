"""What webhooks count, as metrics under controller-runtime's names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from reconcile.manager.metrics import histogram_family

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from reconcile.manager.webhooks import WebhookServer
    from reconcile.webhooks.endpoints import Endpoints


class WebhookCollector:
    """Reads the counters of one manager's hooks, by path, and of its certificate.

    Args:
        endpoints: the hooks.
        server: what serves them; None where nothing does.
    """

    def __init__(self, endpoints: Endpoints, server: Callable[[], WebhookServer | None]) -> None:
        self._endpoints = endpoints
        self._server = server

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        endpoints = list(self._endpoints)
        if endpoints:
            yield histogram_family(
                "controller_runtime_webhook_latency_seconds",
                "Histogram of the latency of processing admission requests",
                ("webhook",),
                [((each.path,), each.stats.latency) for each in endpoints],
            )
            requests = CounterMetricFamily(
                "controller_runtime_webhook_requests",
                "Total number of admission requests by HTTP status code.",
                labels=("webhook", "code"),
            )
            in_flight = GaugeMetricFamily(
                "controller_runtime_webhook_requests_in_flight",
                "Current number of admission requests being served.",
                labels=("webhook",),
            )
            for each in endpoints:
                in_flight.add_metric((each.path,), each.stats.in_flight)
                for code, count in sorted(each.stats.requests.items()):
                    requests.add_metric((each.path, str(code)), count)
            yield requests
            yield in_flight
            for name, text, conversions in (
                ("webhook_panics", "Total number of webhook panics", False),
                ("conversion_webhook_panics", "Total number of conversion webhook panics", True),
            ):
                panics = sum(
                    each.stats.panics for each in endpoints if (each.what == "conversion") is conversions
                )
                yield CounterMetricFamily(f"controller_runtime_{name}", text, value=panics)
        server = self._server()
        if server is not None:
            for name, text, value in (
                ("read_certificate", "Total number of certificate reads", server.certificate_reads),
                (
                    "read_certificate_errors",
                    "Total number of certificate read errors",
                    server.certificate_errors,
                ),
            ):
                yield CounterMetricFamily(f"certwatcher_{name}", text, value=value)
