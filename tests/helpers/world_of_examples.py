"""The example operators on a cluster in virtual time, and probes of what must hold at every write."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

from reconcile import Amount, Manager, controller_of, is_true
from reconcile.api.core.v1 import Pod
from reconcile.cli.locate import example_operators
from reconcile.testing.builders import a_node
from reconcile.testing.cluster import Cluster
from reconcile.testing.history import ServerWrite
from reconcile.testing.process import Process


def operator(name: str) -> ModuleType:
    """One of the example operators, as a module."""
    return importlib.import_module(f"{example_operators().__name__}.{name}")


def run_examples(cluster: Cluster, *names: str) -> Process:
    """These operators in one process."""

    def setup(manager: Manager) -> None:
        for name in names:
            operator(name).setup(manager)

    return cluster.run(setup)


def run_workloads(cluster: Cluster, *, nodes: int = 3) -> Process:
    """What makes Deployments run, and nodes in zones `zone-0` and `zone-1` for them."""
    for number in range(nodes):
        cluster.create(a_node(f"node-{number}").in_zone(f"zone-{number % 2}").build())
    process = run_examples(cluster, "deployment", "replicaset", "scheduler", "hollow_nodes")
    cluster.settle()
    return process


class Pods:
    """Every pod as the server has it, after each write; `check` is called after each write of a pod."""

    def __init__(self, cluster: Cluster, check: Callable[[Pods], None] | None = None) -> None:
        self.all: dict[Any, Pod] = {}
        self.check = check
        self.checks = 0
        cluster.on_write(self._written)

    def _written(self, write: ServerWrite) -> None:
        if write.resource != "pods":
            return
        if write.what == "DELETED":
            self.all.pop(write.key, None)
        else:
            self.all[write.key] = write.decode(Pod)
        if self.check is not None:
            self.checks += 1
            self.check(self)

    @property
    def staying(self) -> list[Pod]:
        """Those that nobody has deleted."""
        return [pod for pod in self.all.values() if not pod.metadata.deletion_timestamp]

    @property
    def ready(self) -> list[Pod]:
        """Those that stay and are ready."""
        return [pod for pod in self.staying if is_true(pod.status.conditions, "Ready")]

    def per_owner(self) -> Counter[str]:
        """How many of those that stay each controller has."""
        owners = [controller_of(pod) for pod in self.staying]
        return Counter(owner.name for owner in owners if owner is not None)

    def requested(self, resource: str) -> dict[str, float]:
        """What the pods of each node request."""
        sums: dict[str, float] = {}
        for pod in self.all.values():
            for container in pod.spec.containers if pod.spec.node_name else ():
                amount = Amount.parse(str(container.resources.requests.get(resource, "0")))
                node = pod.spec.node_name or ""
                sums[node] = sums.get(node, 0.0) + float(amount)
        return sums
