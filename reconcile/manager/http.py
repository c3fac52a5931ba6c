"""The HTTP servers of probes and metrics. aiohttp is imported only when one is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconcile.controllers.logs import Logger
from reconcile.errors import ConfigurationError
from reconcile.manager.addresses import Address
from reconcile.manager.probes import Probe

if TYPE_CHECKING:
    import ssl

    from aiohttp import web
    from prometheus_client import CollectorRegistry

Handler = Callable[[Any], Awaitable[Any]]

_SHUTDOWN_SECONDS = 1.0
_KEEPALIVE_SECONDS = 90.0


class HTTPServer:
    """Serves GET routes on one address, or whatever is posted to it, or both.

    Args:
        names: what it serves, for errors.
        address: where it is to listen.
        routes: by path, what answers a GET.
        post: what answers a POST to any path.
        ssl_context: for HTTPS; without, HTTP.
        shutdown_timeout: seconds that requests under way have to be answered when it stops.

    Attributes:
        names: what it serves.
        address: where it listens; after `start` with the port that was really taken.
    """

    def __init__(
        self,
        names: Sequence[str],
        address: Address,
        routes: Mapping[str, Handler],
        *,
        post: Handler | None = None,
        ssl_context: ssl.SSLContext | None = None,
        shutdown_timeout: float = _SHUTDOWN_SECONDS,
    ) -> None:
        self.names = tuple(names)
        self.address = address
        self._routes = routes
        self._post = post
        self._ssl_context = ssl_context
        self._shutdown_timeout = shutdown_timeout
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises `ConfigurationError` when the address cannot be had."""
        from aiohttp import web

        app = web.Application()
        for path, handler in self._routes.items():
            app.router.add_get(path, handler)
        if self._post is not None:
            app.router.add_post("/{path:.*}", self._post)
        runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            keepalive_timeout=_KEEPALIVE_SECONDS,
            shutdown_timeout=self._shutdown_timeout,
        )
        await runner.setup()
        site = web.TCPSite(
            runner, self.address.host or None, self.address.port, ssl_context=self._ssl_context
        )
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            flag = " and ".join(f"{name}_address" for name in self.names)
            raise ConfigurationError(
                f"{flag}: cannot listen on {self.address}: {error.strerror or error}; is the port in use?"
            ) from error
        self._runner = runner
        host, port = runner.addresses[0][:2]
        self.address = Address(self.address.host and str(host), int(port))

    async def stop(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()


def probe_routes(*probes: Probe) -> dict[str, Handler]:
    """`/healthz` and `/healthz/<check>` for each probe."""
    routes: dict[str, Handler] = {}
    for probe in probes:
        routes[f"/{probe.name}"] = _all_checks(probe)
        routes[f"/{probe.name}/"] = _all_checks(probe)
        routes[f"/{probe.name}/{{check:.+}}"] = _one_check(probe)
    return routes


def _all_checks(probe: Probe) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        exclude = [name for text in request.query.getall("exclude", []) for name in text.split(",")]
        answer = await probe.answer(verbose="verbose" in request.query, exclude=exclude)
        return _text(answer.status, answer.body)

    return handle


def _one_check(probe: Probe) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        answer = await probe.answer_one(request.match_info["check"])
        return _text(answer.status, answer.body)

    return handle


def _text(status: int, body: str) -> web.Response:
    from aiohttp import web

    return web.Response(
        status=status, text=body, headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
    )


def metrics_routes(registry: CollectorRegistry) -> dict[str, Handler]:
    """`/metrics` in the format that the scraper asks for."""

    async def handle(request: web.Request) -> web.Response:
        from aiohttp import web
        from prometheus_client.exposition import choose_encoder

        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    return {"/metrics": handle}


class Servers:
    """A manager's HTTP servers: one for probes, one for metrics, or one for both on one address."""

    def __init__(self, health: Address | None, metrics: Address | None, log: Logger) -> None:
        self._health = health
        self._metrics = metrics
        self._log = log
        self._running: list[HTTPServer] = []

    @property
    def addresses(self) -> dict[str, str]:
        """Where they really listen, by what they serve: `health`, `metrics`."""
        return {name: str(server.address) for server in self._running for name in server.names}

    async def start(self, healthz: Probe, readyz: Probe, registry: Callable[[], CollectorRegistry]) -> None:
        """Listen. Raises `ConfigurationError` when an address cannot be had."""
        wanted: dict[Address, tuple[list[str], dict[str, Handler]]] = {}
        if self._health is not None:
            wanted[self._health] = (["health"], probe_routes(healthz, readyz))
        if self._metrics is not None:
            names, routes = wanted.setdefault(self._metrics, ([], {}))
            names.append("metrics")
            routes.update(metrics_routes(registry()))
        for address, (names, routes) in wanted.items():
            server = HTTPServer(names, address, routes)
            await server.start()
            self._running.append(server)
            self._log.info("serving", what=" and ".join(names), address=str(server.address))

    async def stop(self) -> None:
        servers, self._running = self._running, []
        for server in reversed(servers):
            await server.stop()
