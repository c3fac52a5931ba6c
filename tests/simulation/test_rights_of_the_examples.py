"""Each example operator works with the rights of its own manifests, and is given no others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.world_of_examples import operator, run_examples

from reconcile.api.apps.v1 import Deployment, ReplicaSet
from reconcile.api.core.v1 import Node, Pod
from reconcile.apiserver import AccessOptions, ServerOptions, service_account
from reconcile.apiserver.access.attributes import Attributes, Decision
from reconcile.apiserver.access.rbac import RBAC
from reconcile.testing.builders import a_deployment, a_node, a_pod
from reconcile.testing.cluster import Cluster

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "operators"
NAMESPACE = "example-operators"
# What these stories have no occasion for.
RARE = {
    ("deployment", "update", "deployments"): "a rollback by the old annotation",
    ("deployment", "patch", "replicasets"): "a ReplicaSet is adopted or released",
    ("deployment", "patch", "events"): "an event that comes again",
    ("replicaset", "patch", "events"): "an event that comes again",
}


@dataclass
class Asked:
    """What service accounts asked for: refused, and allowed as (account, verb, resource/subresource)."""

    refused: list[str] = field(default_factory=list)
    used: set[tuple[str, str, str]] = field(default_factory=set)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked()
    real = RBAC.authorize

    def authorize(self: RBAC, attributes: Attributes) -> Decision:
        decision = real(self, attributes)
        account = attributes.user.name.rpartition(":")[2]
        if attributes.user.name.startswith(f"system:serviceaccount:{NAMESPACE}:"):
            what = f"{attributes.resource}/{attributes.subresource}".removesuffix("/")
            if decision.allowed:
                asked.used.add((account, attributes.verb, what))
            elif attributes.is_resource:
                asked.refused.append(f"{account}: {attributes.verb} {what}")
        return decision

    monkeypatch.setattr(RBAC, "authorize", authorize)
    return asked


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(options=ServerOptions(access=AccessOptions())) as cluster:
        yield cluster


def manifests(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((EXAMPLES / name / "manifests.yaml").read_text()))


def run_with_its_rights(cluster: Cluster, *names: str) -> None:
    for name in names:
        for manifest in manifests(name):
            if manifest["kind"] not in ("Deployment", "PodDisruptionBudget"):
                cluster.apply(manifest)
    for name in names:
        cluster.run(operator(name).setup, name=name, user=service_account(NAMESPACE, name))


def granted(name: str) -> set[tuple[str, str, str]]:
    """What the ClusterRole allows, as `Asked.used` has it.

    Without what is asked for by others alone: `get`, and the right to write finalizers, which an admission
    plugin wants that is off by default.
    """
    role = next(each for each in manifests(name) if each["kind"] == "ClusterRole")
    return {
        (name, verb, resource)
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if verb != "get" and not resource.endswith("/finalizers")
    }


def test_workloads_live_on_operators_with_their_own_rights_alone(cluster: Cluster, asked: Asked) -> None:
    for number in range(3):
        cluster.create(a_node(f"node-{number}").build())
    run_examples(cluster, "hollow_nodes")
    run_with_its_rights(cluster, "replicaset", "deployment", "scheduler")
    cluster.create(a_deployment("web").with_replicas(4).build())
    cluster.settle()
    cluster.patch(Deployment, "default/web", {"spec": {"revisionHistoryLimit": 0}})
    for image in ("example.com/main:2", "example.com/main:3"):
        cluster.patch(
            Deployment,
            "default/web",
            {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}},
            type="strategic",
        )
        cluster.settle()
    pods = cluster.list(Pod, namespace="default")
    assert len(pods) == 4 and all(pod.spec.node_name for pod in pods)
    cluster.patch(Pod, pods[0].key, {"metadata": {"labels": {"app": "released"}}})
    cluster.patch(Deployment, "default/web", {"spec": {"replicas": 2}})
    cluster.create(a_pod("nowhere").build())
    cluster.settle()
    assert asked.refused == []
    assert {each.metadata.name for each in cluster.list(Node)} == {"node-0", "node-1", "node-2"}
    assert len(cluster.list(ReplicaSet, namespace="default")) == 1
    unused = (granted("replicaset") | granted("deployment")) - asked.used - RARE.keys()
    assert unused == set()
