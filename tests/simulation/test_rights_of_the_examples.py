"""Each example operator works with the rights of its own manifests, and is given no others."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from helpers.world_of_examples import operator, run_examples

from reconcile import Client
from reconcile.api.apps.v1 import Deployment, ReplicaSet, StatefulSet
from reconcile.api.core.v1 import Node, Pod
from reconcile.apiserver import AccessOptions, ServerOptions, service_account
from reconcile.apiserver.access.attributes import Attributes, Decision
from reconcile.apiserver.access.rbac import RBAC
from reconcile.testing.builders import a_deployment, a_node, a_pod
from reconcile.testing.cluster import Cluster
from reconcile.webhooks import Endpoints, OwnCertificates, converting
from reconcile.webhooks.certificates import authorities_in
from reconcile.webhooks.shared import SharedSource
from reconcile.webhooks.trust import DEFINITIONS

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "operators"
NAMESPACE = "example-operators"
# What these stories have no occasion for.
RARE = {
    ("deployment", "update", "deployments"): "a rollback by the old annotation",
    ("deployment", "patch", "replicasets"): "a ReplicaSet is adopted or released",
    ("deployment", "patch", "events"): "an event that comes again",
    ("replicaset", "patch", "events"): "an event that comes again",
    ("database", "patch", "events"): "an event that comes again",
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


def apply_rights(cluster: Cluster, *names: str) -> None:
    for name in names:
        for manifest in manifests(name):
            if manifest["kind"] not in ("Deployment", "PodDisruptionBudget"):
                cluster.apply(manifest)


def run_with_its_rights(cluster: Cluster, *names: str) -> None:
    apply_rights(cluster, *names)
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


def test_stateful_sets_live_on_their_operators_own_rights_alone(cluster: Cluster, asked: Asked) -> None:
    cluster.create(a_node("node-0").build())
    run_examples(cluster, "scheduler", "hollow_nodes")
    run_with_its_rights(cluster, "statefulset")
    labels = {"app": "orders"}
    stateful_set = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "orders", "namespace": "default"},
        "spec": {
            "replicas": 2,
            "serviceName": "orders",
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "example.com/main:1"}]},
            },
        },
    }
    cluster.create(stateful_set)
    cluster.settle()
    assert cluster.get(StatefulSet, "default/orders").status.ready_replicas == 2
    cluster.patch(StatefulSet, "default/orders", {"spec": {"replicas": 1}})
    cluster.settle()
    assert [pod.metadata.name for pod in cluster.list(Pod, namespace="default")] == ["orders-0"]
    assert asked.refused == []
    assert granted("statefulset") - asked.used - RARE.keys() == set()


def test_databases_live_on_their_operators_own_rights_alone(cluster: Cluster, asked: Asked) -> None:
    database = operator("database")
    cluster.install_crds(database.Database)
    apply_rights(cluster, "database")
    keep_certificate(cluster)
    run_examples(cluster, "statefulset", "scheduler", "hollow_nodes")
    run_with_its_rights(cluster, "database")
    cluster.create(a_node("node-0").build())
    metadata = {"name": "orders", "namespace": "default"}
    wanted = {"apiVersion": "example.com/v1beta1", "kind": "Database", "metadata": metadata}
    cluster.create({**wanted, "spec": {"instances": 1, "backup": {}}})
    cluster.settle()
    key = "default/orders"
    assert cluster.get(database.Database, key).status.phase == "Ready"
    cluster.patch(database.Database, key, {"spec": {"backup": False}})
    cluster.settle()
    cluster.patch(database.Database, key, {"spec": {"backup": True, "size": "medium"}})
    cluster.settle()
    cluster.delete(database.Database, key)
    cluster.settle()
    assert cluster.get_or_none(database.Database, key) is None
    assert asked.refused == []
    assert granted("database") - asked.used - RARE.keys() == set()


def keep_certificate(cluster: Cluster) -> None:
    """What a webhook server does about its certificate, with the operator's rights and without a socket."""
    hook = converting(operator("database").Database)
    endpoints = Endpoints(structlog.get_logger(), lambda: cluster.time, cluster.runtime)
    endpoints.add_conversion(hook)
    options = OwnCertificates(hook.service, lifetime=1.0, renew_before=0.5)

    async def make_renew_and_tell() -> None:
        user = service_account(NAMESPACE, "database")
        async with Client(cluster.server.transport(user), runtime=cluster.runtime) as client:
            source = SharedSource(
                client,
                cluster.runtime,
                options,
                lambda: endpoints.trusting("database"),
                structlog.get_logger(),
            )
            first = await source.renew()
            await source.announce()
            definition = await client.get(DEFINITIONS, hook.definition)
            trusted = definition["spec"]["conversion"]["webhook"]["clientConfig"]
            assert base64.b64decode(trusted["caBundle"]) == source.authorities
            await asyncio.sleep(13 * 3600)
            assert await source.renew() == first
            assert len(authorities_in(source.authorities)) == 2
            await source.announce()

    cluster.call(make_renew_and_tell())
