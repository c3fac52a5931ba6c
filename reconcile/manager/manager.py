"""The manager: owns what controllers share, and starts and stops everything in its order.

    start   HTTP servers ▸ webhooks ▸ caches ▸ others ▸ leader-elected (at once, or when this process leads;
            their caches at once in any case)
    stop    leader-elected and others ▸ caches ▸ events flushed ▸ webhooks ▸ HTTP servers ▸ lease released

Probes answer from the first moment to the last; webhooks come before caches, whose lists may need a
conversion that only this process makes; caches outlive everything that reads them; the lease goes last, so
that the next leader never meets our work.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from reconcile.controllers.builder import ControllerBuilder
from reconcile.controllers.definition import ControllerDefinition, define
from reconcile.controllers.events import EventRecorder, EventSink
from reconcile.controllers.leadership import LeaderElector, Preflight, Term
from reconcile.controllers.logs import Logger
from reconcile.controllers.loop import Controller
from reconcile.controllers.reconciler import Reconciler
from reconcile.controllers.scope import DeadlineGuard
from reconcile.controllers.services import Services
from reconcile.errors import CacheNotSyncedError, ConfigurationError, NotCachedError
from reconcile.manager.addresses import parse_address
from reconcile.manager.arguments import checked_elector, checked_namespaces, checked_sharding
from reconcile.manager.campaign import Campaign
from reconcile.manager.garbage import are_idle, collecting_when_idle
from reconcile.manager.groups import RunnableGroup
from reconcile.manager.guards import ElectionGuard, guard_chain_of
from reconcile.manager.http import Servers
from reconcile.manager.logs import make_logger
from reconcile.manager.metrics import ManagerCollector, election_counts
from reconcile.manager.options import ManagerOptions
from reconcile.manager.own_writes_metrics import OwnWritesCollector
from reconcile.manager.probes import Check, Probe
from reconcile.manager.reachable import require_reachable
from reconcile.manager.requests import CountingTransport, counting_transport_of
from reconcile.manager.runnable import Runnable
from reconcile.manager.shard_campaign import ShardCampaign
from reconcile.manager.signals import shutdown_signals
from reconcile.manager.warm_up import WarmUp
from reconcile.manager.webhook_metrics import WebhookCollector
from reconcile.runtime import Runtime, SystemRuntime
from reconcile.webhooks.admission import AdmissionHook
from reconcile.webhooks.conversion import ConversionHook
from reconcile.webhooks.endpoints import Endpoints

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from reconcile.client.client import Client
    from reconcile.client.seams import WriteGuard
    from reconcile.informers.cache import Cache
    from reconcile.informers.factory import InformerFactory
    from reconcile.informers.overlay import OwnWrites
    from reconcile.leaderelection import LeaseElector, LeaseOptions
    from reconcile.leaderelection.sharding import ShardElector
    from reconcile.manager.webhooks import WebhookServer
    from reconcile.objects.identity import ObjectKey, ResourceType
    from reconcile.objects.metadata import ObjectMetadata
    from reconcile.webhooks.options import WebhookServerOptions

CRDInstaller = Callable[["Client", Sequence[Any]], Awaitable[None]]
"""Installs the custom resource definitions of these kinds and waits until the server serves them."""

Addable = (
    Reconciler[Any]
    | ControllerBuilder
    | ControllerDefinition
    | Runnable
    | ConversionHook
    | AdmissionHook[Any]
)


class Manager:
    """Runs controllers against one API server.

        Manager(reconcilers=[DatabaseReconciler()]).run()

    Owns its caches, queues, metrics registry, logger and probes; nothing belongs to the process, so
    managers do not know of each other. `run` blocks, with an event loop and signal handlers of its own;
    `start`, `wait` and `stop` (or `async with`) are for programs that have a loop.

    Args:
        client: the API server; by default the usual configuration, connected at start and closed at the
            end. A client that is given stays open.
        reconcilers: what to run; `add` takes more.
        namespaces: the namespaces to watch, with nothing but Roles in them; None for the whole cluster.
        leader_election: what decides that this process leads: the name of a Lease (`"operator"`, outside of
            a cluster `"namespace/operator"`), its options, or an elector. None: it always leads.
        shards: divide the keys of leader-elected controllers into so many parts, which the replicas share
            among them; the same number in all of them. None: one replica leads, the others wait.
        health_address: where `/healthz` and `/readyz` are served, such as `:8081`; None for nowhere.
        metrics_address: where `/metrics` is served, such as `:8080`; may be the same; None for nowhere.
        webhook_server: how the webhooks that were added are served; None for not over the network. Every
            replica serves them, whoever leads.
        crd_installer: what `install_crds` calls; when given, `start` installs before anything watches.
        options: times, log format, informers.
        runtime: wall clock, dice, threads; the machine's own by default.
        log: a structlog logger in place of the manager's own.
        identity: name of this process in events; the host's name by default.

    Attributes:
        client: the API server; set from the start on.
        cache: reads of everything that is watched; set from the start on.
        webhooks: the hooks that were added, by their path.
        log: the manager's logger.
        runtime: as given.
    """

    client: Client
    cache: Cache
    informers: InformerFactory

    def __init__(
        self,
        client: Client | None = None,
        *,
        reconcilers: Iterable[Addable] = (),
        namespaces: Iterable[str] | None = None,
        leader_election: str | LeaseOptions | LeaderElector | None = None,
        shards: int | None = None,
        health_address: str | None = None,
        metrics_address: str | None = None,
        webhook_server: WebhookServerOptions | None = None,
        crd_installer: CRDInstaller | None = None,
        options: ManagerOptions | None = None,
        runtime: Runtime | None = None,
        log: Logger | None = None,
        identity: str | None = None,
    ) -> None:
        self.options = options or ManagerOptions()
        self.runtime = runtime or SystemRuntime()
        self.log: Logger = log or make_logger(
            self.runtime, format=self.options.log_format, level=self.options.log_level
        )
        self.namespaces = checked_namespaces(namespaces)
        self.crd_installer = crd_installer
        self._owns_client = client is None
        if client is not None:
            self.client = client
        self._shards = None if shards is None else checked_sharding(leader_election, shards)
        self._single = None if self._shards is not None else checked_elector(leader_election)
        self._elector = self._shards or self._single
        self._servers = Servers(
            parse_address(health_address, flag="health_address"),
            parse_address(metrics_address, flag="metrics_address"),
            self.log,
        )
        self.webhooks = Endpoints(
            self.log.bind(logger="webhooks"), lambda: asyncio.get_running_loop().time(), self.runtime
        )
        self._identity = identity
        self._healthz = Probe("healthz", self._report_check)
        self._readyz = Probe("readyz", self._report_check)
        self._webhook_server = None if webhook_server is None else self._serve_webhooks(webhook_server)
        self._healthz.add("ping", lambda: None)
        self._readyz.add("controllers-synced", self._check_synced)
        if self._elector is not None:
            self._healthz.add("leader-election", lambda: self._campaign.check())
        self._definitions: dict[str, ControllerDefinition] = {}
        self._controllers: dict[str, Controller] = {}
        self._runnables: dict[str, Runnable] = {}
        self._metrics: CollectorRegistry | None = None
        self._sink: EventSink | None = None
        self._counting: CountingTransport | None = None
        self._guards: list[WriteGuard] = []
        self._election_guard: ElectionGuard | None = None
        self._own_writes: OwnWrites | None = None
        self._others = RunnableGroup("others", self._fail, self.log)
        self._leader = RunnableGroup("leader-elected", self._fail, self.log)
        self._sharded = RunnableGroup("sharded", self._fail, self.log)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._error: BaseException | None = None
        self._started = False
        self._campaign: Campaign | ShardCampaign = Campaign.none()
        for each in reconcilers:
            self.add(each)

    # -- what runs ---------------------------------------------------------------------------------

    def add(self, what: Addable) -> None:
        """Add a reconciler, a built controller, a webhook or a runnable; a running manager starts it at once.

        Raises `ConfigurationError` for a definition that cannot work or a name or path that is taken.
        """
        if isinstance(what, ConversionHook | AdmissionHook):
            self.webhooks.add(what)
            return
        if isinstance(what, ControllerBuilder):
            what = what.build()
        elif isinstance(what, Reconciler):
            what = define(what)
        if isinstance(what, ControllerDefinition):
            self._take_name(what.name, "controller")
            self._definitions[what.name] = what
            self._convert_kind(what.kind)
            if self._started:
                self._place_controller(self._make_controller(what))
            return
        if not isinstance(what, Runnable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(
                f"cannot run {what!r}: expected a reconciler, a controller, or a runnable with name, "
                "needs_leader_election and run()"
            )
        self._take_name(what.name, "runnable")
        self._runnables[what.name] = what
        if self._started:
            self._place(what)

    def _serve_webhooks(self, options: WebhookServerOptions) -> WebhookServer:
        from reconcile.manager.webhooks import WebhookServer

        log = self.log.bind(logger="webhooks")
        server = WebhookServer(options, self.webhooks, log)
        self._readyz.add("webhooks", server.check)
        return server

    def _convert_kind(self, kind: Any) -> None:
        """A kind whose definition names a conversion webhook gets it: nothing to forget."""
        if not hasattr(kind, "__crd_options__"):
            return
        from reconcile.objects.conversions import linked_versions
        from reconcile.webhooks.conversion import converting, said_conversion

        versions = linked_versions(kind)
        key = (versions[0].__resource_type__.group, versions[0].__resource_type__.kind)
        if len(versions) > 1 and said_conversion(versions) is not None and not self.webhooks.converts(*key):
            self.webhooks.add_conversion(converting(kind))

    async def remove(self, name: str) -> None:
        """Stop a controller or runnable, within the graceful shutdown time, and forget it.

        The caches that only this controller needed go with it.
        """
        if name not in self._definitions and name not in self._runnables:
            raise ConfigurationError(f"nothing of the name {name!r} was added to this manager")
        for group in (self._others, self._leader, self._sharded):
            await group.remove(name, self.options.graceful_shutdown_timeout)
        await self._others.remove(WarmUp.name_for(name), 0)
        self._definitions.pop(name, None)
        controller = self._controllers.pop(name, None)
        if controller is not None:
            await controller.release()
        self._runnables.pop(name, None)

    def controller(self, name: str) -> Controller:
        """A controller of the running manager by its name: its queue and counts."""
        found = self._controllers.get(name)
        if found is None:
            raise ConfigurationError(
                f"no controller {name!r} in this manager; there are {', '.join(self._controllers) or 'none'}"
            )
        return found

    @property
    def controllers(self) -> tuple[Controller, ...]:
        """The controllers of the running manager."""
        return tuple(self._controllers.values())

    @property
    def kinds(self) -> tuple[Any, ...]:
        """Every kind that the controllers reconcile, own, watch or read, each once."""
        kinds: dict[Any, None] = {}
        for definition in self._definitions.values():
            kinds[definition.kind] = None
            for other in (*definition.watches, *definition.reads):
                kinds[other.kind] = None
        return tuple(kinds)

    async def install_crds(self, installer: CRDInstaller | None = None) -> None:
        """Install the definitions of the custom kinds among `kinds`, and wait until they are served."""
        install = installer or self.crd_installer
        if install is None:
            raise ConfigurationError("install_crds: give an installer, here or as Manager(crd_installer=…)")
        custom = [kind for kind in self.kinds if hasattr(kind, "__crd_options__")]
        if custom:
            await install(self.client, custom)

    # -- probes and metrics ------------------------------------------------------------------------

    def add_health_check(self, name: str, check: Check) -> None:
        """A check of `/healthz`: failing it, the process should be restarted."""
        self._healthz.add(name, check)

    def add_ready_check(self, name: str, check: Check) -> None:
        """A check of `/readyz`: failing it, the process should get no traffic."""
        self._readyz.add(name, check)

    @property
    def metrics(self) -> CollectorRegistry:
        """This manager's own registry: controller-runtime's metric names, and what you register."""
        if self._metrics is None:
            from prometheus_client import CollectorRegistry

            self._metrics = CollectorRegistry(auto_describe=False)
            self._metrics.register(
                ManagerCollector(  # pyright: ignore[reportArgumentType]
                    controllers=lambda: self._controllers.values(),
                    informers=lambda: self.informers if self._started else None,
                    events=lambda: None if self._sink is None else self._sink.stats,
                    requests=lambda: None if self._counting is None else self._counting.counts,
                    leading=self._leading,
                    election=lambda: election_counts(self._elector),
                    now=lambda: asyncio.get_running_loop().time(),
                )
            )
            self._metrics.register(
                OwnWritesCollector(  # pyright: ignore[reportArgumentType]
                    own_writes=lambda: self._own_writes,
                    controllers=lambda: self._controllers.values(),
                    now=lambda: asyncio.get_running_loop().time(),
                )
            )
            self._metrics.register(
                WebhookCollector(self.webhooks, lambda: self._webhook_server)  # pyright: ignore[reportArgumentType]
            )
        return self._metrics

    def _leading(self) -> dict[str, bool]:
        """By the name of the election, or of each shard's Lease, whether this process holds it."""
        if self._shards is not None:
            owned = self._shards.owned
            return {self._shards.lease_of(shard): shard in owned for shard in range(self._shards.shards)}
        return {} if self._elector is None else {self._elector.name: self._campaign.leading}

    @property
    def shards(self) -> ShardElector | None:
        """The shards of `Manager(shards=N)`: `manager.shards.owned` are this process's own. None without."""
        return self._shards

    @property
    def lease(self) -> LeaseElector | None:
        """The Lease of `leader_election="…"`: `manager.lease.is_leader`, its holder, this process's identity.

        None for a manager without election, or with an elector of another kind.
        """
        from reconcile.leaderelection import LeaseElector

        return self._elector if isinstance(self._elector, LeaseElector) else None

    @property
    def addresses(self) -> dict[str, str]:
        """Where the HTTP servers of the running manager really listen, by what they serve."""
        webhooks = "" if self._webhook_server is None else self._webhook_server.address
        return {**self._servers.addresses, **({"webhook": webhooks} if webhooks else {})}

    # -- life --------------------------------------------------------------------------------------

    def run(self, *, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
        """Start, run until SIGTERM, SIGINT or a failure, stop. Raises the error that ended it.

        The first signal lets reconciles under way finish, a second one cancels them.
        """
        from reconcile.manager.run import run_on_own_loop
        from reconcile.runtime.event_loop import default_loop_factory

        run_on_own_loop(self._main, loop_factory or default_loop_factory(use_uvloop=self.options.use_uvloop))

    async def _main(self) -> None:
        main = asyncio.current_task()
        assert main is not None
        aborted = False

        def drain(signal: str) -> None:
            self.log.info("stopping; a second signal aborts", signal=signal)
            self._stopping.set()

        def abort(signal: str) -> None:
            nonlocal aborted
            aborted = True
            self.log.warning("aborting", signal=signal)
            main.cancel()

        with shutdown_signals(drain, abort):
            try:
                async with self.garbage_collection(), self:
                    await self.wait()
            except asyncio.CancelledError:
                if not aborted:
                    raise
                raise SystemExit(1) from None

    def garbage_collection(self) -> AbstractAsyncContextManager[None]:
        """Full collections at moments without work, while the context is open, as `run` has them.

        For a program of its own that starts the manager itself: `async with manager.garbage_collection(),
        manager: …`. Does nothing without `options.collect_when_idle`.
        """
        if not self.options.collect_when_idle:
            return nullcontext()
        return collecting_when_idle(lambda: are_idle(self._controllers.values()))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start everything; returns when all caches are synced and the controllers that may run reconcile.

        Leader-elected ones keep their caches warm while they wait for the lead. When something cannot start,
        what was started is stopped again and the error raised: a `TransportError` after
        `options.connect_timeout` where no server answers. A stop asked for meanwhile just returns.
        """
        if self._started:
            raise RuntimeError("the manager is running already")
        self._started = True
        self._error = None
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        await self._servers.start(self._healthz, self._readyz, lambda: self.metrics)
        await self._connect()
        await self._reach_server()
        if self._elector is not None:
            self._elector.prepare(self.client, self.runtime, self.log.bind(logger="leader-election"))
            if isinstance(self._elector, Preflight):
                await self._elector.preflight()
        if self.crd_installer is not None:
            await self.install_crds()
        if self._webhook_server is not None:
            await self._webhook_server.start(self.client, self.runtime)
        elif self.webhooks:
            self.log.info("webhooks are not served over the network", paths=list(self.webhooks.paths))
        self._start_informers()
        for definition in self._definitions.values():
            self._place_controller(self._make_controller(definition))
        for runnable in self._runnables.values():
            self._place(runnable)
        await self.informers.start()
        self._others.start()
        if self._shards is not None:
            self._start_sharded(self._shards)
        elif self._single is None:
            self._leader.start()
        else:
            self._campaign = Campaign(
                self._single, self._leader, self._fail, self.log, seen=self._seen_in_cache
            )
        await self._until_synced()

    async def wait(self) -> None:
        """Return when a stop is asked for; raise the error of a part that failed."""
        await self._stopping.wait()
        self.raise_failure()

    def raise_failure(self) -> None:
        """Raise the error of the part that failed first, if one has."""
        if self._error is not None:
            raise self._error

    def request_stop(self) -> None:
        """Make `wait` return; for signal handlers and callbacks on the loop."""
        self._stopping.set()

    async def stop(self) -> None:
        """Stop everything in reverse order; may be called at any time and more than once.

        Reconciles under way have the graceful shutdown time to finish; keys still queued are dropped, the
        next start finds them on the server. Cancelling this call makes it cancel what still runs.
        """
        if not self._started:
            return
        self._stopping.set()
        grace = self.options.graceful_shutdown_timeout
        steps: list[Callable[[], Awaitable[object]]] = [
            self._campaign.end,
            lambda: asyncio.gather(
                self._others.stop(grace), self._leader.stop(grace), self._sharded.stop(grace)
            ),
            self._stop_informers,
            self._stop_events,
            self._stop_webhooks,
            self._servers.stop,
            self._campaign.release,
            self._disconnect,
        ]
        cancelled: asyncio.CancelledError | None = None
        for step in steps:
            try:
                await step()
            except asyncio.CancelledError as error:
                cancelled = error
            except Exception as error:
                self.log.error("a part did not stop cleanly", error=f"{type(error).__name__}: {error}")
        self._controllers.clear()
        self._others = RunnableGroup("others", self._fail, self.log)
        self._leader = RunnableGroup("leader-elected", self._fail, self.log)
        self._sharded = RunnableGroup("sharded", self._fail, self.log)
        self._campaign = Campaign.none()
        self._started = False
        self._stopping = asyncio.Event()
        if cancelled is not None:
            raise cancelled

    # -- starting ----------------------------------------------------------------------------------

    async def _connect(self) -> None:
        if self._owns_client:
            from reconcile.client.client import Client

            self.client = Client.connect()
        self._counting = counting_transport_of(self.client)
        chain = guard_chain_of(self.client)
        self._guards = [DeadlineGuard()]
        if self._elector is not None and self._elector.guard is not None:
            self._election_guard = ElectionGuard(self._elector, self._elector.guard)
            self._guards.append(self._election_guard)
            self.client.add_observer(self._election_guard)
        for guard in self._guards:
            chain.add(guard)

    async def _reach_server(self) -> None:
        timeout = self.options.connect_timeout
        if timeout is not None and self._counting is not None:
            host = self._counting.host
            server = f"the API server {host}" if host else "the API server"
            await require_reachable(self.client, self._stopping, timeout=timeout, server=server)

    def _start_informers(self) -> None:
        from reconcile.informers.cache import Cache
        from reconcile.informers.factory import InformerFactory
        from reconcile.informers.overlay import OwnWrites

        if self.options.read_your_writes:
            self._own_writes = OwnWrites(self.client, log=self.log.bind(logger="own-writes"))
            self.client.add_observer(self._own_writes)
        self.informers = InformerFactory(
            self.client,
            self.runtime,
            self.options.informers,
            namespaces=self.namespaces,
            log=self.log.bind(logger="informers"),
            reader=None if self._own_writes is None else self._own_writes.reader,
        )
        self.cache = Cache(self.informers)
        self._sink = EventSink(self.client, self.runtime, self.log.bind(logger="events"))
        self._tasks.append(asyncio.create_task(self._sink.run(), name="events"))

    def event_recorder(self, name: str) -> EventRecorder:
        """A recorder in a name of your own, for runnables; the manager must be running."""
        if self._sink is None:
            raise RuntimeError("event_recorder: the manager is not running")
        return EventRecorder(name, self._identity or socket.gethostname(), self._sink, self.runtime)

    def _make_controller(self, definition: ControllerDefinition) -> Controller:
        services = Services(
            client=self.client,
            informers=self.informers,
            cache=self.cache,
            events=self.event_recorder(definition.name),
            log=self.log.bind(controller=definition.name),
            runtime=self.runtime,
            own_writes=self._own_writes,
        )
        if definition.options.needs_leader_election and self._shards is not None:
            services = replace(services, shards=self._shards)
        controller = Controller(definition, services)
        self._controllers[definition.name] = controller
        return controller

    def _place_controller(self, controller: Controller) -> None:
        self._place(controller)
        elector = self._elector
        if elector is not None and self._must_lead(controller):
            # Its caches do not wait for the lead: taking over then means only to start workers.
            self._others.add(WarmUp(controller, Term(elector.name, begun=False, elector=elector)))

    def _seen_in_cache(self, resource_type: ResourceType, key: ObjectKey) -> ObjectMetadata | None:
        """What the caches show of an object; None where they show nothing, or nobody watches its kind."""
        try:
            return self.cache.metadata(resource_type, key)
        except (NotCachedError, CacheNotSyncedError):
            return None

    def _must_lead(self, controller: Controller) -> bool:
        return self._elector is not None and self._shards is None and controller.needs_leader_election

    def _start_sharded(self, shards: ShardElector) -> None:
        """Controllers run at once: a replica without a shard refuses every key, with warm caches."""
        self._sharded.start(Term(shards.name, begun=False, elector=shards))
        divided = [each for each in self._controllers.values() if each.needs_leader_election]
        self._campaign = ShardCampaign(
            shards,
            lambda: [each for each in self._controllers.values() if each.needs_leader_election],
            self._leader,
            self._fail,
            self.log,
            ready=lambda: asyncio.gather(*(each.synced.wait() for each in divided)),
            seen=self._seen_in_cache,
            grace=self.options.graceful_shutdown_timeout,
        )

    def _place(self, what: Runnable) -> None:
        group = self._leader if what.needs_leader_election else self._others
        if group is self._leader and self._shards is not None and isinstance(what, Controller):
            group = self._sharded
        group.add(what)

    async def _until_synced(self) -> None:
        """Wait for the controllers that run, the caches of the others, a failure, or a request to stop."""
        if not self._controllers:
            return
        stopping = asyncio.create_task(self._stopping.wait(), name="stopping")
        synced = [
            asyncio.create_task(
                (each.warm if self._must_lead(each) else each.synced).wait(), name=f"{each.name}-synced"
            )
            for each in self._controllers.values()
        ]
        all_synced = asyncio.gather(*synced)
        try:
            await asyncio.wait({stopping, all_synced}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            all_synced.cancel()
            await asyncio.wait([stopping, *synced])
            # Read, so that nothing is said of it when it is collected.
            await asyncio.gather(all_synced, return_exceptions=True)
        if self._error is not None:
            raise self._error

    # -- stopping ----------------------------------------------------------------------------------

    def _fail(self, error: BaseException) -> None:
        """A part failed: the first error ends the manager, later ones are logged."""
        if self._error is None:
            self._error = error
        self.log.error(
            "a part of the manager failed", error=f"{type(error).__name__}: {error}", exc_info=error
        )
        self._stopping.set()

    async def _stop_informers(self) -> None:
        if self._own_writes is not None:
            await self._own_writes.stop()
        if hasattr(self, "informers"):
            await self.informers.stop()

    async def _stop_events(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._sink is not None:
            await self._sink.flush(self.options.event_flush_timeout)
            self._sink = None

    async def _stop_webhooks(self) -> None:
        if self._webhook_server is not None:
            await self._webhook_server.stop()

    async def _disconnect(self) -> None:
        if not hasattr(self, "client"):
            return
        chain = guard_chain_of(self.client)
        guards, self._guards = self._guards, []
        for guard in guards:
            chain.remove(guard)
        election_guard, self._election_guard = self._election_guard, None
        if election_guard is not None:
            self.client.remove_observer(election_guard)
        own_writes, self._own_writes = self._own_writes, None
        if own_writes is not None:
            self.client.remove_observer(own_writes)
        if self._owns_client:
            await self.client.close()
            del self.client

    # -- checks ------------------------------------------------------------------------------------

    def _take_name(self, name: str, what: str) -> None:
        if not name:
            raise ConfigurationError(f"a {what} needs a name")
        if name in self._definitions or name in self._runnables:
            raise ConfigurationError(
                f"the name {name!r} is taken in this manager; metrics and logs would merge: give the {what} "
                "another `name`"
            )

    def _check_synced(self) -> None:
        def runs(controller: Controller) -> bool:
            return self._leader.active or not self._must_lead(controller)

        waiting = [
            controller.name
            for controller in self._controllers.values()
            if not (controller.synced if runs(controller) else controller.warm).is_set()
        ]
        if waiting or not self._started or not hasattr(self, "informers"):
            raise RuntimeError(f"not synced yet: {', '.join(waiting) or 'starting'}")

    def _report_check(self, check: str, reason: str) -> None:
        self.log.info("a check failed", check=check, reason=reason)
