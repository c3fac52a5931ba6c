"""Example operators, each one folder: `setup` below runs them all in one manager.

    reconcile run examples/operators --embedded
    reconcile run examples/operators/deployment --context kind

Between them they are what a cluster needs besides its API server: deployments become replica sets
(`deployment`), replica sets become pods (`replicaset`), stateful sets become numbered pods
(`statefulset`), pods get nodes (`scheduler`), and nodes pretend to run them (`hollow_nodes`).
`database` is the classic custom resource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconcile import Manager
    from reconcile.apiserver.kubelet import Kubelet


def setup(manager: Manager) -> None:
    """Add every example operator to the manager."""
    from . import database, deployment, hollow_nodes, replicaset, scheduler, statefulset

    for operator in (deployment, replicaset, statefulset, scheduler, hollow_nodes, database):
        operator.setup(manager)


def embedded_kubelet() -> Kubelet:
    """What stands behind the pods of an embedded API server: see `hollow_nodes`."""
    from . import hollow_nodes

    return hollow_nodes.embedded_kubelet()
