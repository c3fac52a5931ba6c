"""Starting the components, each when what it needs is there, and ending them."""

import threading
from collections.abc import Callable

from reconcile.testing.control_plane import commands
from reconcile.testing.control_plane.build import Binaries
from reconcile.testing.control_plane.errors import ComponentFailedError
from reconcile.testing.control_plane.etcd import EtcdClient
from reconcile.testing.control_plane.files import Files
from reconcile.testing.control_plane.options import ControlPlaneOptions
from reconcile.testing.control_plane.ports import free_port
from reconcile.testing.control_plane.probe import Probe
from reconcile.testing.control_plane.process import ComponentProcess, Spawner

ETCD = "etcd"
APISERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"
SCHEDULER = "kube-scheduler"

_PORT_ATTEMPTS = 5
_DEFAULT_NAMESPACE = "/api/v1/namespaces/default"
_DEFAULT_SERVICE_ACCOUNT = f"{_DEFAULT_NAMESPACE}/serviceaccounts/default"


class Components:
    """The processes of one control plane. `aborted`, once set, makes a start under way give up."""

    def __init__(
        self,
        options: ControlPlaneOptions,
        binaries: Binaries,
        files: Files,
        probe: Probe,
        aborted: threading.Event,
    ) -> None:
        self._options = options
        self.binaries = binaries
        self._files = files
        self._probe = probe
        self._aborted = aborted
        self._spawner = Spawner()
        self._processes: dict[str, ComponentProcess] = {}
        self._etcd_port = free_port()
        self.apiserver_port = free_port()

    @property
    def etcd(self) -> EtcdClient:
        """A client of the running etcd."""
        return EtcdClient(self._etcd_port)

    @property
    def running(self) -> dict[str, ComponentProcess]:
        """The components that were started and not stopped, by name."""
        return dict(self._processes)

    def start_etcd(self) -> None:
        """Starts etcd and waits until it serves."""

        def flags() -> list[str]:
            return commands.etcd_flags(
                self._options, self._files, client_port=self._etcd_port, peer_port=free_port()
            )

        def other_port() -> None:
            self._etcd_port = free_port()

        self._start(ETCD, flags, lambda: self.etcd.healthy(), other_port)

    def start_apiserver(self, *, keep_port: bool) -> None:
        """Starts kube-apiserver and waits until it is ready and the namespace `default` exists.

        With `keep_port` a port that is taken meanwhile is tried again, without it another one is chosen.
        """

        def flags() -> list[str]:
            return commands.apiserver_flags(
                self._options, self._files, port=self.apiserver_port, etcd_port=self._etcd_port
            )

        def other_port() -> None:
            if not keep_port:
                self.apiserver_port = free_port()

        def ready() -> bool:
            return self._probe.ok(self.apiserver_port, "/readyz", _DEFAULT_NAMESPACE)

        self._start(APISERVER, flags, ready, other_port)

    def start_controller_manager(self) -> None:
        """Starts kube-controller-manager; waits for it and for what it is to make of an empty cluster."""
        port = free_port()

        def flags() -> list[str]:
            return commands.controller_manager_flags(self._options, self._files, port=port)

        def other_port() -> None:
            nonlocal port
            port = free_port()

        def ready() -> bool:
            if not self._probe.ok(port, "/healthz"):
                return False
            return not self._options.creates_service_accounts or self._probe.ok(
                self.apiserver_port, _DEFAULT_SERVICE_ACCOUNT
            )

        self._start(CONTROLLER_MANAGER, flags, ready, other_port)

    def start_scheduler(self) -> None:
        """Starts kube-scheduler and waits until it is ready."""
        port = free_port()

        def flags() -> list[str]:
            return commands.scheduler_flags(self._options, self._files, port=port)

        def other_port() -> None:
            nonlocal port
            port = free_port()

        self._start(SCHEDULER, flags, lambda: self._probe.ok(port, "/readyz"), other_port)

    def stop(self, component: str, grace: float) -> None:
        """Ends one component, by force after `grace` seconds; nothing if it does not run."""
        if (process := self._processes.pop(component, None)) is not None:
            process.stop(grace)

    def kill_all(self) -> None:
        """Ends every component at once, those first that use the others. Idempotent."""
        for component in reversed(list(self._processes)):
            self.stop(component, 0)
        self._spawner.close()

    def _start(
        self,
        component: str,
        flags: Callable[[], list[str]],
        ready: Callable[[], bool],
        other_port: Callable[[], None],
    ) -> None:
        executable = str(self.binaries.path(component))
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            process = self._spawner.spawn(component, [executable, *flags()], self._files.log(component))
            self._processes[component] = process
            try:
                process.wait_until_ready(ready, self._options.start_timeout, self._aborted)
            except ComponentFailedError as error:
                self.stop(component, 0)
                if attempt == _PORT_ATTEMPTS or not any(
                    "address already in use" in line for line in error.log_tail
                ):
                    raise
                other_port()
            else:
                return
