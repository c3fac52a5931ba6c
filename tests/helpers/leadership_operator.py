"""The operator that tests of leadership run: one reconciler that writes often, under a leader election.

    ConfigMap d-x ──▶ Secrets out-d-x, echo-d-x     annotations: value, tick, writer

Each reconcile makes two writes, one after the other and without preconditions, so that a process that is
stopped between them, or after its lead, is seen to write. A ConfigMap with `tick` is copied again every so
many seconds; one without it is copied once a change, so that a reconcile that is lost shows.
"""

from __future__ import annotations

import asyncio
import logging
import selectors
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from reconcile import Client, Manager, ManagerOptions, MetadataOnly, Reconciler, Request, Result, Watch
from reconcile.api.core.v1 import ConfigMap, Secret
from reconcile.controllers import Change, ControllerOptions
from reconcile.controllers.predicates import predicate
from reconcile.errors import AlreadyExistsError, NotFoundError
from reconcile.informers import InformerOptions
from reconcile.leaderelection import LeaseElector, LeaseOptions
from reconcile.objects.identity import ObjectKey
from reconcile.objects.metadata import ObjectMetadata
from reconcile.runtime import Runtime, SystemRuntime
from reconcile.workqueue import QueueOptions

ELECTION = "operator"
COPIES = ("out", "echo")

VALUE, TICK, WRITER = "test/value", "test/tick", "test/writer"


@dataclass(frozen=True)
class OperatorConfig:
    """One operator process.

    Attributes:
        kubeconfig: path; empty where the caller brings the client.
        namespace: of the Lease and of all that is copied.
        identity: of this incarnation.
        lease_duration, renew_deadline, retry_period: seconds.
        guarded: False switches the client's guard off: what the judge is to find.
        shards: number of shards; 0 for one leader.
        wall_offset: seconds that the wall clock is ahead.
        rate: seconds of the process's clocks in one true second.
        log: path of the log; empty for none.
        watch_seconds: after which a watch is opened anew.
        grace: seconds that reconciles have to end at a stop; None for longer than a write may take.
    """

    namespace: str
    identity: str
    kubeconfig: str = ""
    lease_duration: float = 1.5
    renew_deadline: float = 1.0
    retry_period: float = 0.2
    guarded: bool = True
    shards: int = 0
    wall_offset: float = 0.0
    rate: float = 1.0
    log: str = ""
    watch_seconds: float = 4.0
    grace: float | None = None


def comes_or_goes(change: Change) -> bool:
    """Not what the operator itself does all the time."""
    return change.old is None or change.new is None


class Copier(Reconciler[ConfigMap]):
    """Copies ConfigMaps into Secrets."""

    name = "copier"
    # Copies that come and go: one whose ConfigMap went while nobody led is found by the next leader.
    watches = (Watch(MetadataOnly(Secret), to="original_of", predicates=(predicate(comes_or_goes),)),)
    options = ControllerOptions(
        max_concurrent_reconciles=4, queue=QueueOptions(base_delay=0.02, max_delay=0.5)
    )

    def __init__(self, writer: str) -> None:
        self._writer = writer
        self._ticks = 0

    async def reconcile(self, request: Request, /) -> Result | None:
        if not request.key.name.startswith("d-"):
            return None
        desired = self.cache.get(ConfigMap, request.key)
        for copy in COPIES:
            key = ObjectKey(request.key.namespace, f"{copy}-{request.key.name}")
            if desired is None:
                await self._remove(key)
            else:
                await self._put(key, desired.data["value"])
        tick = None if desired is None else desired.data.get("tick")
        return None if tick is None else Result(requeue_after=float(tick))

    @staticmethod
    def original_of(secret: ObjectMetadata) -> list[ObjectKey]:
        _, _, original = secret.name.partition("-")
        return [ObjectKey(secret.namespace, original)]

    async def _put(self, key: ObjectKey, value: str) -> None:
        self._ticks += 1
        annotations = {VALUE: value, TICK: str(self._ticks), WRITER: self._writer}
        try:
            await self.client.patch(Secret, key, {"metadata": {"annotations": annotations}})
        except NotFoundError:
            metadata = {"name": key.name, "namespace": key.namespace, "annotations": annotations}
            manifest: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
            try:
                await self.client.create(manifest)
            except AlreadyExistsError:
                await self.client.patch(Secret, key, {"metadata": {"annotations": annotations}})

    async def _remove(self, key: ObjectKey) -> None:
        try:
            await self.client.delete(Secret, key)
        except NotFoundError:
            return


class Unguarded(LeaseElector):
    """An elector that refuses nothing, as in the stacks whose leaders write on."""

    @property
    def guard(self) -> None:
        return None


def make_manager(client: Client, runtime: Runtime, config: OperatorConfig, log: Any) -> Manager:
    """The manager of one incarnation."""
    lease = LeaseOptions(
        name=ELECTION,
        namespace=config.namespace,
        identity=config.identity,
        lease_duration=config.lease_duration,
        renew_deadline=config.renew_deadline,
        retry_period=config.retry_period,
    )
    arguments: dict[str, Any] = {}
    if config.shards:
        arguments = {"leader_election": lease, "shards": config.shards}
    else:
        arguments = {"leader_election": (LeaseElector if config.guarded else Unguarded)(lease)}
    return Manager(
        client,
        reconcilers=[Copier(config.identity)],
        namespaces=[config.namespace],
        runtime=runtime,
        log=log,
        identity=config.identity,
        options=ManagerOptions(
            graceful_shutdown_timeout=1.5 * config.lease_duration if config.grace is None else config.grace,
            connect_timeout=None,
            informers=InformerOptions(
                initial_backoff=0.05,
                max_backoff=0.5,
                # A connection that died without a word is found out in seconds, not minutes.
                watch_timeout=(config.watch_seconds, 1.5 * config.watch_seconds),
                watch_idle_timeout=2 * config.watch_seconds,
            ),
        ),
        **arguments,
    )


def run_operator(config: OperatorConfig) -> None:
    """Run until SIGTERM or a failure, on the machine's clock times the configured rate."""
    logging.basicConfig(filename=config.log or None, level=logging.INFO, format="%(asctime)s %(message)s")
    log = structlog.wrap_logger(
        logging.getLogger("operator"),
        processors=[structlog.stdlib.render_to_log_kwargs, _flat],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    runtime = SkewedRuntime(config.rate, config.wall_offset)
    client = Client.from_kubeconfig(config.kubeconfig, runtime=runtime)
    manager = make_manager(client, runtime, config, log)
    manager.run(loop_factory=lambda: SkewedLoop(config.rate))


def _flat(_: Any, __: str, event: Any) -> str:
    return str(event)


class SkewedRuntime(SystemRuntime):
    """The real machine with clocks of another rate, and a wall clock that is wrong."""

    def __init__(self, rate: float, wall_offset: float) -> None:
        super().__init__()
        self._rate = rate
        self._offset = timedelta(seconds=wall_offset)

    def now(self) -> datetime:
        return super().now() + self._offset

    def elapsed(self) -> float:
        return super().elapsed() * self._rate


class SkewedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock runs at another rate."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        super().__init__(_ScaledSelector(rate))

    def time(self) -> float:
        return super().time() * self._rate


class _ScaledSelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    def __init__(self, rate: float) -> None:
        super().__init__()
        self._rate = rate

    def select(self, timeout: float | None = None) -> Any:
        return super().select(timeout / self._rate if timeout else timeout)
