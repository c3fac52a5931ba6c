"""`APIServer`: one object that is a whole API server."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from reconcile.apiserver.admission.webhooks.options import WebhookOptions
from reconcile.apiserver.handlers.handler import Handler
from reconcile.apiserver.handlers.parts import AdmissionChain, Parts
from reconcile.apiserver.handlers.store import ObjectStore
from reconcile.apiserver.interfaces import ADMIN, User
from reconcile.apiserver.kubelet.backend import Kubelet
from reconcile.apiserver.registry import Registry
from reconcile.apiserver.storage import Snapshot, Storage
from reconcile.errors import ConfigurationError
from reconcile.runtime import Runtime, SystemRuntime

if TYPE_CHECKING:
    from reconcile.apiserver.access.options import AccessOptions
    from reconcile.apiserver.custom import CustomResources
    from reconcile.apiserver.http import Address, HTTPFrontEnd, HTTPOptions
    from reconcile.apiserver.identity import IdentityLease
    from reconcile.apiserver.service_accounts import ServiceAccountPublisher
    from reconcile.apiserver.storage.journal import Journal
    from reconcile.client.transport import Transport

CBOR_SERVING: Final = "CBORServingAndStorage"
# The features that can be switched, and whether they are on by default.
FEATURE_GATES: Final[Mapping[str, bool]] = MappingProxyType({CBOR_SERVING: False})


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What an embedded server does.

    Attributes:
        garbage_collection: dependents go when their owners went; foreground and orphan deletion work.
        namespace_deletion: a deleted namespace's content is deleted, then the namespace.
        service_accounts: each namespace gets its `default` ServiceAccount and `kube-root-ca.crt` ConfigMap,
            and secrets of type `kubernetes.io/service-account-token` their token.
        resource_quotas: what a quota limits is counted in its status. Off, its status is the test's to write;
            admission goes by it in either case.
        storage_protection: deleted claims and volumes go once nothing uses them.
        finished_jobs: Jobs that have ended go after their `ttlSecondsAfterFinished`.
        policy_status: the status of ValidatingAdmissionPolicies says where their expressions do not fit the
            types of what they match.
        service_addresses: the IPAddress objects of services are put back when somebody takes them away, and
            ServiceCIDRs say whether they are ready, and wait with their end for the last address.
        event_ttl: seconds after which Events go that were not written again; None: never.
        bootstrap: the default namespaces and priority classes exist, and as soon as the server listens what
            a server publishes of itself: the Service `kubernetes`, APIServices, flow schemas.
        history: how many changes of each resource are kept for watches and old lists.
        bookmark_interval: seconds between the bookmarks of a watch that wants them.
        compaction_interval: seconds after which history is forgotten, as etcd's compaction does;
            None: only `history` bounds it.
        data_dir: a directory in which objects are kept, so that the next server there has them; each write
            waits for the disk. None: in memory only.
        access: who may do what: authentication, RBAC, impersonation. None: whoever asks is the administrator.
        webhooks: how admission and conversion webhooks are reached: functions in this process, addresses of
            services, a dialer.
        kubelet: what is behind pods: logs, commands, ports. None: nothing, as of nodes without a kubelet.
        service_ranges: the networks that services have addresses from: one, or one of IPv4 and one of IPv6
            where services may have both; the first is of the default family.
        api_servers: other API servers in this process, by `NAMESPACE/NAME` of the service that an APIService
            names. Those of other services are reached over the network: where `webhooks.services` says, or at
            an endpoint of the service.
        feature_gates: features that are not as by default, by the name that kube-apiserver knows them by.
            There is one: `CBORServingAndStorage` (off), bodies as `application/cbor`.
        disabled_admission: admission plugins that are off, by upstream's name: `ServiceAccount`, say, where
            nothing makes service accounts. Names of plugins that this server has not are passed over.
    """

    garbage_collection: bool = True
    namespace_deletion: bool = True
    service_accounts: bool = True
    resource_quotas: bool = True
    storage_protection: bool = True
    finished_jobs: bool = True
    policy_status: bool = True
    service_addresses: bool = True
    event_ttl: float | None = 3600.0
    bootstrap: bool = True
    history: int = 10_000
    bookmark_interval: float = 60.0
    compaction_interval: float | None = None
    data_dir: Path | None = None
    access: AccessOptions | None = None
    webhooks: WebhookOptions = field(default_factory=WebhookOptions)
    kubelet: Kubelet | None = None
    service_ranges: tuple[str, ...] = ("10.0.0.0/24",)
    api_servers: Mapping[str, Transport] = field(default_factory=dict[str, "Transport"])
    feature_gates: Mapping[str, bool] = field(default_factory=dict[str, bool])
    disabled_admission: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Raises ConfigurationError for a feature gate that there is not."""
        for name in self.feature_gates:
            if name not in FEATURE_GATES:
                raise ConfigurationError(
                    f"there is no feature gate {name!r} here; known are: {', '.join(FEATURE_GATES)}"
                )

    def enabled(self, feature: str) -> bool:
        """Whether a feature is on."""
        return self.feature_gates.get(feature, FEATURE_GATES[feature])


class APIServer:
    """The Kubernetes API in this process, in memory.

    An async context manager, or `start` and `stop`. Everything happens on the event loop that started
    it; with a `SimulatedRuntime` on a `VirtualTimeLoop`, the same requests give the same answers to the byte.

    Attributes:
        storage: what the server holds.
        options: its options.
    """

    def __init__(self, options: ServerOptions | None = None, *, runtime: Runtime | None = None) -> None:
        from reconcile.apiserver.access.control import access_control
        from reconcile.apiserver.admission import default_plugins
        from reconcile.apiserver.admission.outside import Outside
        from reconcile.apiserver.builtin import builtin_resources
        from reconcile.apiserver.discovery.documents import Discovery
        from reconcile.apiserver.discovery.openapi import OpenAPI
        from reconcile.apiserver.discovery.paths import Paths
        from reconcile.apiserver.managedfields import FieldManager
        from reconcile.apiserver.patching import Patcher
        from reconcile.apiserver.schemas import BuiltinSchemas
        from reconcile.apiserver.strategies import table
        from reconcile.apiserver.tables import TableRenderer

        self.options = options or ServerOptions()
        self.runtime = runtime or SystemRuntime()
        self.storage = Storage(window=self.options.history)
        schemas = BuiltinSchemas()
        self.registry = Registry(builtin_resources(schemas, table))
        manager = FieldManager(self.registry.find)
        self._control = access_control(self.options.access, self.storage, self.runtime)
        plugins = (*default_plugins(), *self._control.plugins)
        off = self.options.disabled_admission
        parts = Parts(
            runtime=self.runtime,
            store=ObjectStore(self.storage),
            registry=self.registry,
            patcher=Patcher(manager, cbor=self.options.enabled(CBOR_SERVING)),
            field_manager=manager,
            admission=AdmissionChain(tuple(plugin for plugin in plugins if plugin.name not in off)),
            tables=TableRenderer(),
            schemas=schemas,
            bookmark_interval=self.options.bookmark_interval,
            tokens=self._control.tokens,
            authentication=self._control.authentication,
            gate=self._control.gate,
            kubelet=self.options.kubelet or Kubelet(),
            cbor=self.options.enabled(CBOR_SERVING),
            service_ranges=self.options.service_ranges,
        )
        self._paths = Paths(
            Discovery(self.registry, cbor=self.options.enabled(CBOR_SERVING)),
            OpenAPI(self.registry, schemas, self.runtime.now),
            ready=lambda: self._started,
            metrics=self._metrics,
            tokens=self._control.tokens,
        )
        self.handler = Handler(parts, self._paths)
        parts.outside = Outside(parts, self.options.webhooks)
        self.access = parts.access
        self._parts = parts
        self._started = False
        self._journal: Journal | None = None
        self._publisher: ServiceAccountPublisher | None = None
        self._custom: CustomResources | None = None
        self._lease: IdentityLease | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._front_ends: list[HTTPFrontEnd] = []

    async def start(self) -> None:
        """Make ready: default objects exist, controllers run. Once.

        Raises ConfigurationError when `data_dir` cannot be used.
        """
        if self._started:
            return
        from reconcile.apiserver.bootstrap import bootstrap
        from reconcile.apiserver.custom import CustomResources

        if self.options.data_dir is not None:
            from reconcile.apiserver.storage.journal import Journal

            self._journal = Journal(self.options.data_dir)
            self.storage.keep_in(self._journal)
            self._control.tokens.key_file = (
                self._control.tokens.key_file or self.options.data_dir / "service-account.key"
            )
        self._started = True
        if self.options.bootstrap:
            await bootstrap(self.access)
            await self._control.bootstrap(self.access)
        if (aggregation := self._control.aggregation(self.storage, self.handler.handle)) is not None:
            await aggregation.sync()
            self._run(aggregation.run(), "aggregated roles")
        from reconcile.apiserver.aggregation.aggregator import Aggregator

        aggregator = Aggregator(self._parts, self.options.api_servers, self.options.webhooks.services)
        self._parts.aggregator = self._paths.discovery.aggregator = aggregator
        self._run(aggregator.run(), "aggregation")
        custom = self._custom = CustomResources(self._parts, self.handler.reader)
        await custom.sync()
        self._run(custom.run(), "custom resources")
        if self.options.service_accounts:
            from reconcile.apiserver.service_accounts import ServiceAccountPublisher

            publisher = self._publisher = ServiceAccountPublisher(self.storage, self.access)
            await publisher.sync()
            self._run(publisher.run(), "service accounts")
            from reconcile.apiserver.access.secret_tokens import SecretTokens

            self._run(SecretTokens(self.storage, self.access).run(), "tokens of secrets")
        if self.options.garbage_collection:
            from reconcile.apiserver.garbage_collection import GarbageCollector

            self._run(GarbageCollector(self._parts).run(), "garbage collection")
        if self.options.namespace_deletion:
            from reconcile.apiserver.namespace_controller import NamespaceController

            self._run(NamespaceController(self._parts).run(), "namespaces")
        if self.options.resource_quotas:
            from reconcile.apiserver.quota_controller import QuotaController

            self._run(QuotaController(self._parts).run(), "quotas")
        if self.options.storage_protection:
            from reconcile.apiserver.storage_protection import StorageProtection

            self._run(StorageProtection(self._parts).run(), "storage protection")
        if self.options.finished_jobs:
            from reconcile.apiserver.expiry import FinishedJobs

            self._run(FinishedJobs(self._parts).run(), "finished jobs")
        if self.options.policy_status:
            from reconcile.apiserver.policy_status import PolicyStatus

            self._run(PolicyStatus(self._parts).run(), "status of policies")
        if self.options.service_addresses:
            from reconcile.apiserver.service_addresses import ServiceAddresses

            self._run(ServiceAddresses(self._parts).run(), "service addresses")
        if self.options.event_ttl is not None:
            from reconcile.apiserver.expiry import EventExpiry

            self._run(EventExpiry(self._parts, self.options.event_ttl).run(), "events")
        if self.options.compaction_interval is not None:
            self._run(self._compact(self.options.compaction_interval), "compaction")

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work, name=f"apiserver {name}"))

    async def _compact(self, interval: float) -> None:
        """As the real server: what is older than one interval goes."""
        before = self.storage.revision
        while True:
            await asyncio.sleep(interval)
            self.storage.compact(before)
            before = self.storage.revision

    async def stop(self) -> None:
        """End front ends, watches and controllers. What is stored stays readable in `storage`."""
        for front_end in self._front_ends:
            await front_end.stop()
        self._front_ends.clear()
        self.handler.reader.close_watches()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._lease is not None:
            await self._lease.end()
            self._lease = None
        if self._parts.outside is not None:
            await self._parts.outside.close()
        if self._parts.aggregator is not None:
            await self._parts.aggregator.close()
        if self._journal is not None:
            self._journal.close()
        self._started = False

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

    def transport(self, user: User | None = ADMIN) -> Transport:
        """A transport into this server for requests of `user`: no socket, no thread.

        None: the headers of each request say who asks, by bearer token. Who may do what is decided when
        `ServerOptions.access` says so; without it everybody may do everything.
        """
        from reconcile.apiserver.in_process import InProcessTransport

        if user is not None and self.options.access is not None:
            from reconcile.apiserver.access.user import authenticated

            user = authenticated(user)
        return InProcessTransport(self.handler, user)

    async def serve(
        self, host: str = "127.0.0.1", port: int = 0, *, options: HTTPOptions | None = None
    ) -> Address:
        """Serve HTTP as well, from now until `stop`. Port 0 takes a free one.

        Raises ConfigurationError when the port is in use or the address cannot be bound.
        """
        from reconcile.apiserver.http import HTTPFrontEnd, HTTPOptions

        front_end = HTTPFrontEnd(self.handler, options or HTTPOptions())
        address = await front_end.start(host, port)
        self._front_ends.append(front_end)
        self._paths.discovery.address = f"{address.host}:{address.port}"
        if self._publisher is not None and address.certificate_authority:
            self._publisher.authority(address.certificate_authority.decode())
        if self.options.bootstrap:
            from reconcile.apiserver.published import publish

            await publish(self.access, port=address.port, client_authority=address.certificate_authority)
            if len(self._front_ends) == 1:
                from reconcile.apiserver.aggregation.registration import Registration

                self._run(Registration(self._parts).run(), "registration")
                from reconcile.apiserver.identity import IdentityLease

                lease = self._lease = IdentityLease(self.access, f"{address.host}:{address.port}")
                await lease.begin()
                self._run(lease.run(), "identity lease")
        return address

    async def load(self, path: str | Path, *, namespace: str = "default") -> int:
        """Apply the manifests of a file, or of a folder and the folders in it; returns how many objects.

        YAML and JSON, several documents a file, lists. Definitions of custom kinds come first, then
        namespaces, then the rest by file name. `namespace` is for objects that say none. Raises
        ConfigurationError, which names file and document, where one cannot be read or the server refuses it.
        """
        from reconcile.apiserver.loading import load_documents, read_documents
        from reconcile.client.client import Client

        async with Client(self.transport(), runtime=self.runtime) as client:
            return await load_documents(client, read_documents(Path(path)), namespace=namespace)

    def snapshot(self) -> Snapshot:
        """Everything it holds as it is now, what its controllers have still to do included.

        Takes the same time for any number of objects, and shares them with the server until they change. It
        can be restored any number of times, by any server of this process.
        """
        return self.storage.snapshot()

    async def restore(self, snapshot: Snapshot) -> None:
        """Hold what the snapshot holds, and nothing else. Takes the same time for any number of objects.

        Objects come back as they were, uid and resourceVersion included. The server's own resource version
        does not go back: it grows, so that none is given twice. History is forgotten and running watches end;
        who goes on from an older version, or from the next page of a list, is told 410 and lists anew. With
        `data_dir` all is written there, which takes time for each object; where definitions of custom kinds
        come or go, and with RBAC its roles, those are read anew.
        """
        # Controllers that were started just now take part.
        await asyncio.sleep(0)
        self.storage.restore(snapshot)
        if self._custom is not None:
            await self._custom.sync()
        await asyncio.sleep(0)

    def _metrics(self) -> str:
        lines = ["# TYPE apiserver_storage_objects gauge"]
        for collection in self.storage.collections():
            name, count = collection.name, len(collection.objects)
            lines.append(f'apiserver_storage_objects{{resource="{name}"}} {count}')
        lines += [
            "# TYPE apiserver_longrunning_requests gauge",
            f'apiserver_longrunning_requests{{verb="WATCH"}} {len(self.handler.reader.watches)}',
            "",
        ]
        return "\n".join(lines)
