"""The embedded server with what upstream's suites expect around it, each in a process of its own.

The real kube-controller-manager, without what the server does by itself and without the controllers whose
places the examples take; the real kube-scheduler; example operators and two hollow nodes.
"""

from __future__ import annotations

import re
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.kubectl import Kubectl
from helpers.upstream_server import COMPONENTS

from reconcile.testing.control_plane.build import Binaries
from reconcile.testing.control_plane.process import ComponentProcess, Spawner

NODES = ("node-1", "node-2")
# What the server does by itself.
_NOT_HERE = (
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "root-ca-certificate-publisher-controller",
    "resourcequota-controller",
    "ttl-after-finished-controller",
    "persistentvolume-protection-controller",
    "persistentvolumeclaim-protection-controller",
    "clusterrole-aggregation-controller",
)
# What the examples do.
_EXAMPLES = ("deployment-controller", "replicaset-controller")
_OPERATORS = """
from pathlib import Path

from helpers.upstream_containers import Containers, Node

from {examples} import deployment, hollow_nodes, replicaset

def setup(manager):
    deployment.setup(manager)
    replicaset.setup(manager)
    # Without a readiness probe a kubelet's pods are ready when they run.
    timings = hollow_nodes.Timings(ready=0.0)
    manager.add(Node(timings))
    manager.add(hollow_nodes.Heartbeat(timings))
    manager.add(Containers(Path({directory!r})))
"""
_READY_WITHIN = 180.0
_TESTS = Path(__file__).resolve().parents[1]


class World:
    """A cluster that runs.

    Attributes:
        directory: has kubeconfigs, certificates and logs.
        kubeconfig: the administrator's.
        kubectl: asks the server.
    """

    def __init__(self, directory: Path, binaries: Binaries, *, commands: bool = False) -> None:
        """`commands`: the world of the suite of kubectl commands: no nodes, all controllers the real ones."""
        self.directory = directory
        self._commands = commands
        self.kubeconfig = directory / "admin.kubeconfig"
        self.kubectl = Kubectl(binaries.path("kubectl"), self.kubeconfig)
        self._binaries = binaries
        self._spawner = Spawner()
        self._processes: list[ComponentProcess] = []
        self._aborted = threading.Event()

    def start(self) -> None:
        server = Path(__file__).with_name("upstream_server.py")
        world = ["commands"] if self._commands else []
        environment = [shutil.which("env") or "/usr/bin/env", f"PYTHONPATH={_TESTS.parent}:{_TESTS}"]
        command = [*environment, sys.executable, str(server), str(self.directory), *world]
        started = self._spawn("server", command)
        started.wait_until_ready(self.kubeconfig.exists, _READY_WITHIN, self._aborted)
        if self._commands:
            # Upstream's server allows everything, and has the roles nevertheless.
            everybody = ["--group=system:authenticated", "--group=the-group"]
            self.kubectl("create", "clusterrolebinding", "all", "--clusterrole=cluster-admin", *everybody)
            self._controller_manager(_NOT_HERE)
            return
        for name in NODES:
            labels = {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            }
            written = ", ".join(f"{key}: {value}" for key, value in labels.items())
            node = f"{{apiVersion: v1, kind: Node, metadata: {{name: {name}, labels: {{{written}}}}}}}"
            self.kubectl("create", "--filename=-", stdin=node)
        self._controller_manager((*_NOT_HERE, *_EXAMPLES))
        self._component("kube-scheduler")
        operators = self.directory / "operators.py"
        operators.write_text(_OPERATORS.format(examples="examples.operators", directory=str(self.directory)))
        environment = [shutil.which("env") or "/usr/bin/env", f"KUBECONFIG={self.kubeconfig}"]
        environment.append(f"PYTHONPATH={_TESTS.parent}:{_TESTS}")
        command = [sys.executable, "-m", "reconcile.cli", "run", str(operators)]
        last = self._spawn("operators", [*environment, *command])
        last.wait_until_ready(self._nodes_are_ready, _READY_WITHIN, self._aborted)

    @property
    def port(self) -> int:
        """Where the server listens."""
        found = re.search(r"server: https://[^\s]+:(\d+)", self.kubeconfig.read_text())
        assert found
        return int(found[1])

    def logs(self) -> dict[str, str]:
        """What each process wrote."""
        return {process.name: process.log.read_text(errors="replace") for process in self._processes}

    def running(self) -> list[str]:
        """The names of the processes that still run."""
        return [process.name for process in self._processes if process.returncode is None]

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.stop(10)
        self._spawner.close()

    def _nodes_are_ready(self) -> bool:
        condition = "{.items[*].status.conditions[?(@.type=='Ready')].status}"
        return self.kubectl("get", "nodes", f"--output=jsonpath={condition}").split() == ["True"] * len(NODES)

    def _controller_manager(self, without: tuple[str, ...]) -> None:
        authority = f"{self.directory}/ca.crt"
        self._component(
            "kube-controller-manager",
            "--use-service-account-credentials",
            "--controllers=" + ",".join(["*", *(f"-{name}" for name in without)]),
            f"--root-ca-file={authority}",
            f"--cluster-signing-cert-file={authority}",
            f"--cluster-signing-key-file={self.directory}/ca.key",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        )

    def _component(self, name: str, *flags: str) -> None:
        assert name in COMPONENTS
        kubeconfig = self.directory / f"{name}.kubeconfig"
        self._spawn(
            name,
            [
                str(self._binaries.path(name)),
                f"--kubeconfig={kubeconfig}",
                f"--authentication-kubeconfig={kubeconfig}",
                f"--authorization-kubeconfig={kubeconfig}",
                "--bind-address=127.0.0.1",
                "--secure-port=0",
                f"--cert-dir={self.directory / name}",
                *flags,
            ],
        )

    def _spawn(self, name: str, command: list[str]) -> ComponentProcess:
        process = self._spawner.spawn(name, command, self.directory / f"{name}.log")
        self._processes.append(process)
        return process


@contextmanager
def upstream_world(directory: Path, binaries: Binaries, *, commands: bool = False) -> Iterator[World]:
    """Runs for as long as the `with` statement. `commands` as for `World`."""
    world = World(directory, binaries, commands=commands)
    try:
        world.start()
        yield world
    finally:
        world.stop()
