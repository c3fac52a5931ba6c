"""kind clusters of tests, and how one is made to live on the example operators."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pytest_kind.cluster import KindCluster

from reconcile.testing.kind import KindUnavailableError, ensure_kit, operator_image
from reconcile.testing.requirements import REQUIRE_VARIABLE

Found = TypeVar("Found")

OPERATORS = ("replicaset", "deployment", "scheduler")
"""The examples that the cluster lives on, in the order in which they are started."""

NAMESPACE = "example-operators"
OPERATOR_IMAGE = "localhost/reconcile-operator:dev"
PATIENCE = 300.0
"""Seconds for anything that happens in a cluster; a busy machine takes half of it."""

_DOWNLOADED_KIND = "v0.33.0"
_CONFIGURATION = """kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
{workers}kubeadmConfigPatches:
# A busy machine takes longer than kubeadm has patience for.
- |
  kind: InitConfiguration
  timeouts:
    controlPlaneComponentHealthCheck: 10m0s
    discovery: 10m0s
    etcdAPICall: 5m0s
    kubeletHealthCheck: 10m0s
    kubernetesAPICall: 5m0s
    tlsBootstrap: 10m0s
- |
  kind: JoinConfiguration
  timeouts:
    controlPlaneComponentHealthCheck: 10m0s
    discovery: 10m0s
    etcdAPICall: 5m0s
    kubeletHealthCheck: 10m0s
    kubernetesAPICall: 5m0s
    tlsBootstrap: 10m0s
"""


@dataclass
class Lived:
    """A cluster and how it is asked.

    Attributes:
        cluster: pytest-kind's.
        engine: the container engine that its nodes run in.
        environment: of commands.
    """

    cluster: KindCluster
    engine: str
    environment: dict[str, str]

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """What kubectl printed. Raises AssertionError with what it said when it fails."""
        done = self._kubectl(arguments, text)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """An object or list, as kubectl gets it; an empty one where kubectl fails."""
        done = self._kubectl([*arguments[:0], "get", *arguments, "-o", "json"], None)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def _kubectl(self, arguments: Sequence[str], text: str | None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.cluster.kubectl_path), *arguments],
            env={**self.environment, "KUBECONFIG": str(self.cluster.kubeconfig_path)},
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def on_node(self, node: str, script: str) -> str:
        """Run a script in a node's container."""
        done = subprocess.run(
            [self.engine, "exec", node, "bash", "-c", script],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"on {node}: {script}: {done.stderr}"
        return done.stdout

    def container(self, verb: str, node: str) -> None:
        """Do something to a node's container: `stop`, `start`, `kill`."""
        subprocess.run([self.engine, verb, node], check=True, capture_output=True, timeout=PATIENCE)

    def eventually(self, what: str, ask: Callable[[], Found | None]) -> Found:
        """What `ask` finds at last. Raises AssertionError when it finds nothing for too long."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = ask()
            if found:
                return found
            time.sleep(0.5)
        raise AssertionError(
            f"{what}: not within {PATIENCE:g} s\n{self.kubectl('get', 'pods', '-A', '-o', 'wide')}"
        )

    def rolled_out(self, deployment: str, namespace: str = "default") -> None:
        """Wait until a Deployment's present revision is all there is."""
        asked = ["rollout", "status", f"deployment/{deployment}", "-n", namespace, "--timeout=60s"]
        # Asked again when it ends otherwise: the server of a busy machine may not answer in time.
        self.eventually(f"{deployment} is rolled out", lambda: self._kubectl(asked, None).returncode == 0)


@contextmanager
def make_cluster(
    config: pytest.Config, folder: Path, checkout: Path, *, name: str = "", workers: int
) -> Iterator[Lived]:
    """A cluster with the operators' image in it; skips where there is none to be had.

    Args:
        name: what its name ends with, where a test has one of its own.
        workers: nodes beside the one of the control plane, which takes pods if there are none.
    """
    required = "kind" in os.environ.get(REQUIRE_VARIABLE, "").split(",")
    name = f"{config.getoption('cluster_name')}{name}"
    environment = dict(os.environ)
    if required:
        try:
            kit = ensure_kit()
            image = operator_image(kit, checkout)
        except KindUnavailableError as error:
            pytest.fail(f"{REQUIRE_VARIABLE} names kind: {error}", pytrace=False)
        environment["PATH"] = f"{kit.path}:{environment['PATH']}"
        cluster = KindCluster(name, folder / "kubeconfig", kit.image, kit.kind, kit.kubectl)
        engine = str((kit.path / "docker").resolve()) if (kit.path / "docker").is_symlink() else "docker"
    elif config.getoption("kind"):
        environment.setdefault("KIND_VERSION", _DOWNLOADED_KIND)
        image = _built_with_docker(checkout)
        cluster = KindCluster(name, folder / "kubeconfig", config.getoption("kind_image"))
        engine = "docker"
    else:
        pytest.skip(f"needs a kind cluster: `pytest tests/e2e --kind`, or {REQUIRE_VARIABLE}=kind")
    subprocess.run([engine, "tag", image, OPERATOR_IMAGE], check=True, capture_output=True)
    configuration = folder / "kind.yaml"
    configuration.write_text(_CONFIGURATION.replace("{workers}", "- role: worker\n" * workers))
    before = dict(os.environ)
    # pytest-kind runs kind with the process's own environment.
    os.environ.update(environment)
    try:
        cluster.create(configuration)
        cluster.load_docker_image(OPERATOR_IMAGE)
        yield Lived(cluster, engine, environment)
    finally:
        if not config.getoption("keep_cluster"):
            cluster.delete()
        os.environ.clear()
        os.environ.update(before)


def live_on_examples(
    lived: Lived, checkout: Path, operators: Sequence[str] = OPERATORS, *, replicas: int | None = None
) -> None:
    """Start operators while the cluster's own controllers still run; then take those away.

    Args:
        replicas: of each operator, where they are not to be as many as its manifests say.
    """
    for operator in operators:
        lived.kubectl("apply", "-f", str(checkout / f"examples/operators/{operator}/manifests.yaml"))
        if replicas is not None:
            lived.kubectl("scale", f"deployment/{operator}", "-n", NAMESPACE, f"--replicas={replicas}")
    for operator in operators:
        lived.rolled_out(operator, NAMESPACE)
    node, manifests = f"{lived.cluster.name}-control-plane", "/etc/kubernetes/manifests"
    left_out = [f"-{operator}-controller" for operator in operators if operator != "scheduler"]
    controllers = ",".join(["*", "bootstrapsigner", "tokencleaner", *left_out])
    lived.on_node(
        node,
        f"cd {manifests}"
        f" && sed -i 's/- --controllers=.*/- --controllers={controllers}/' kube-controller-manager.yaml"
        f" && grep -qF -e '--controllers={controllers}' kube-controller-manager.yaml",
    )
    if "scheduler" in operators:
        lived.on_node(node, f"mv {manifests}/kube-scheduler.yaml /etc/kubernetes/")
        lived.eventually("kube-scheduler is gone", lambda: not _pods(lived, "kube-scheduler"))
    lived.eventually(
        f"kube-controller-manager leaves out {' '.join(left_out)}",
        lambda: any(
            f"--controllers={controllers}" in pod["spec"]["containers"][0]["command"] and _is_ready(pod)
            for pod in _pods(lived, "kube-controller-manager")
        ),
    )


def _pods(lived: Lived, component: str) -> list[dict[str, Any]]:
    return lived.get("pods", "-n", "kube-system", "-l", f"component={component}").get("items", [])


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _built_with_docker(checkout: Path) -> str:
    subprocess.run(
        ["docker", "build", "--quiet", "--tag", OPERATOR_IMAGE, "--file", "tools/kind/Dockerfile", "."],
        cwd=checkout,
        check=True,
    )
    return OPERATOR_IMAGE
