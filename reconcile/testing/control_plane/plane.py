"""A real control plane for tests: etcd and kube-apiserver, and on request controllers and a scheduler."""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reconcile.testing.control_plane import commands
from reconcile.testing.control_plane.build import Binaries, ensure_binaries
from reconcile.testing.control_plane.certificates import CertificateAuthority
from reconcile.testing.control_plane.components import APISERVER, Components
from reconcile.testing.control_plane.errors import ControlPlaneError, KubectlError
from reconcile.testing.control_plane.etcd import EtcdClient
from reconcile.testing.control_plane.files import Files, prepare_directory, read_lines
from reconcile.testing.control_plane.options import ControlPlaneOptions
from reconcile.testing.control_plane.probe import Probe
from reconcile.testing.control_plane.process import ComponentProcess

_ADMIN = "admin"
_ADMIN_GROUP = "system:masters"


class ControlPlane:
    """A control plane of its own, in processes that die with this one.

    A context manager, `with` and `async with` alike; or `start` and `stop`. It runs once. Every method
    blocks, and may be called from any thread: asynchronous code calls them through `asyncio.to_thread`.
    What needs a running control plane raises `ControlPlaneError` where it has not been started or was
    stopped.
    """

    def __init__(
        self, options: ControlPlaneOptions | None = None, *, binaries: Binaries | None = None
    ) -> None:
        """`binaries` are those of `ensure_binaries()` by default, looked up at the start."""
        self.options = options or ControlPlaneOptions()
        self._binaries = binaries
        self._lock = threading.Lock()
        self._aborted = threading.Event()
        self._authority = CertificateAuthority()
        self._files: Files | None = None
        self._components: Components | None = None

    def start(self) -> None:
        """Starts every component and waits until each is ready.

        Then the namespace `default` exists, and its service account where controllers are to create it.
        Raises `BinariesUnavailableError`, `ComponentFailedError` with the component's last lines,
        `FileExistsError` if the directory to use is not empty, `RuntimeError` at a second start; whatever
        was started is stopped then.
        """
        with self._lock:
            if self._components is not None or self._aborted.is_set():
                raise RuntimeError(
                    "a control plane runs once, and this one was started before: make a new one"
                )
            try:
                self._start()
            except BaseException:
                self._stop()
                raise

    def stop(self) -> None:
        """Ends every process at once, removes the temporary directory. Idempotent; ends a start under way."""
        self._aborted.set()
        with self._lock:
            self._stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self.start)
        except asyncio.CancelledError:
            # The thread outlives the cancelled call; this makes it give up.
            await asyncio.to_thread(self.stop)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    @property
    def url(self) -> str:
        """The API server's address; the same after a restart of it."""
        return f"https://{commands.HOST}:{self._running.apiserver_port}"

    @property
    def directory(self) -> Path:
        """Where data, certificates and logs (`<component>.log`) are."""
        return self._existing_files.directory

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig file of an administrator: user `admin`, group `system:masters`."""
        return self._existing_files.kubeconfig(_ADMIN)

    @property
    def ca_certificate(self) -> Path:
        """The authority that signed the servers' certificates and signs the clients', PEM."""
        return self._existing_files.ca_certificate

    @property
    def admin_certificate(self) -> Path:
        """The administrator's client certificate, PEM."""
        return self._existing_files.admin_certificate

    @property
    def admin_key(self) -> Path:
        """The private key of `admin_certificate`, PEM."""
        return self._existing_files.admin_key

    @property
    def processes(self) -> dict[str, ComponentProcess]:
        """The components that run, by name: their process numbers, logs, and a way to send signals."""
        return self._running.running

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig file of another user, who may do what RBAC grants and no more."""
        path = self._existing_files.kubeconfig(user, groups)
        self._existing_files.write_kubeconfig(
            path,
            user=user,
            url=self.url,
            ca_certificate=self._authority.pair.certificate,
            client=self._authority.issue_client(user, groups),
        )
        return path

    def start_apiserver(self) -> None:
        """Starts kube-apiserver after `stop_apiserver`, at the same address, and waits until it is ready."""
        with self._lock:
            if APISERVER in self._running.running:
                raise ControlPlaneError(
                    "kube-apiserver runs already; stop it first, or use restart_apiserver()"
                )
            self._running.start_apiserver(keep_port=True)

    def stop_apiserver(self, *, kill: bool = False) -> None:
        """Stops kube-apiserver: orderly, so that clients see their connections end, or with SIGKILL."""
        with self._lock:
            self._running.stop(APISERVER, 0 if kill else self.options.stop_timeout)

    def restart_apiserver(self, *, kill: bool = False) -> None:
        """Stops kube-apiserver and starts it again, at the same address and with the same data."""
        self.stop_apiserver(kill=kill)
        self.start_apiserver()

    @property
    def etcd(self) -> EtcdClient:
        """The storage behind the API server, to look into or to corrupt."""
        return self._running.etcd

    def compact_etcd(self, revision: int | None = None) -> int:
        """Makes etcd forget what was before `revision` (the present one by default); returns that revision.

        A watch from resourceVersion n ends in 410 Gone if n + 1 is before it, provided that the API server
        has to ask etcd: its own cache still serves such a watch until it is restarted, unless
        `--watch-cache=false`.
        """
        return self.etcd.compact(revision)

    def etcd_get(self, key: str) -> bytes | None:
        """The stored bytes of a key such as `/registry/pods/default/web`; None if there is none.

        Built-in kinds are stored as protobuf unless the server runs with
        `--storage-media-type=application/json`.
        """
        return self.etcd.get(key)

    def kubectl(
        self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None, timeout: float = 60.0
    ) -> str:
        """Runs kubectl, as the administrator by default, and returns what it wrote to its standard output.

        Raises `KubectlError` if its exit status is not 0, `subprocess.TimeoutExpired` after `timeout`
        seconds.
        """
        environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig or self.kubeconfig),
            "KUBECACHEDIR": str(self._existing_files.kubectl_cache),
            # What whoever runs the tests prefers at the shell must not change their outcome.
            "KUBECTL_KUBERC": "false",
        }
        done = subprocess.run(
            [str(self._running.binaries.path("kubectl")), *arguments],
            input="" if stdin is None else stdin,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode != 0:
            raise KubectlError(arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def audit_events(self) -> list[dict[str, Any]]:
        """What the audit log holds so far, oldest first: `audit.k8s.io/v1` Events.

        An event is there before its request's answer is. Raises `ControlPlaneError` without `audit_level`.
        """
        if self.options.audit_level is None:
            raise ControlPlaneError("no audit log is written; set ControlPlaneOptions.audit_level")
        return [json.loads(line) for line in read_lines(self.audit_log)]

    @property
    def audit_log(self) -> Path:
        """The audit log's file, one JSON object a line; absent without `audit_level`."""
        return self._existing_files.audit_log

    def _start(self) -> None:
        binaries = self._binaries or ensure_binaries()
        given = self.options.directory
        self._files = files = Files(
            (given or Path(tempfile.mkdtemp(prefix="reconcile-control-plane-"))).absolute()
        )
        prepare_directory(files.directory)
        admin = self._authority.issue_client(_ADMIN, [_ADMIN_GROUP])
        files.write_certificates(self._authority, admin)
        if self.options.audit_level is not None:
            files.write_audit_policy(self.options.audit_level, self.options.audit_rules)
        probe = Probe(
            ca_certificate=files.ca_certificate, certificate=files.admin_certificate, key=files.admin_key
        )
        self._components = components = Components(self.options, binaries, files, probe, self._aborted)
        components.start_etcd()
        components.start_apiserver(keep_port=False)
        files.write_kubeconfig(
            self.kubeconfig,
            user=_ADMIN,
            url=self.url,
            ca_certificate=self._authority.pair.certificate,
            client=admin,
        )
        if self.options.controllers:
            self.kubeconfig_for(commands.CONTROLLER_MANAGER_USER)
            components.start_controller_manager()
        if self.options.scheduler:
            self.kubeconfig_for(commands.SCHEDULER_USER)
            components.start_scheduler()

    def _stop(self) -> None:
        self._aborted.set()
        if self._components is not None:
            self._components.kill_all()
        if self._files is not None and self.options.directory is None:
            shutil.rmtree(self._files.directory, ignore_errors=True)

    @property
    def _running(self) -> Components:
        if self._components is None or self._aborted.is_set():
            raise ControlPlaneError(
                "the control plane does not run; start() it, or use it as a context manager"
            )
        return self._components

    @property
    def _existing_files(self) -> Files:
        if self._files is None:
            raise ControlPlaneError(
                "the control plane was not started; start() it, or use it as a context manager"
            )
        return self._files
