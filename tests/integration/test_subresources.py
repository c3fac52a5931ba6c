"""Subresources with a kind of their own: scale, binding, eviction, token."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.servers import PODS, SERVICE_ACCOUNTS, Session

from reconcile import ConfigurationError, ConflictError, InvalidError, NotFoundError
from reconcile.api.apps.v1 import Deployment
from reconcile.api.core.v1 import Pod
from reconcile.errors import BadRequestError, TooManyRequestsError


def deployment(session: Session) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": session.namespace},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    }


async def test_scale_is_read_and_written(session: Session) -> None:
    client = session.client
    created = await client.create(deployment(session))
    scale = client.subresource(Deployment, f"{session.namespace}/web", "scale")
    read = await scale.get()
    assert (read["apiVersion"], read["kind"]) == ("autoscaling/v1", "Scale")
    assert read["spec"] == {"replicas": 2}
    assert read["status"] == {"replicas": 0, "selector": "app=web"}
    assert read["metadata"]["uid"] == created["metadata"]["uid"]
    read["spec"]["replicas"] = 3
    updated = await scale.update(read)
    assert updated["spec"] == {"replicas": 3}
    with pytest.raises(ConflictError):
        await scale.update(read)
    assert (await client.scale(Deployment, f"{session.namespace}/web", 5))["spec"] == {"replicas": 5}
    dry = await scale.patch({"spec": {"replicas": 9}}, dry_run=True)
    assert dry["spec"] == {"replicas": 9}
    found = await client.get(Deployment, f"{session.namespace}/web")
    assert found.spec is not None and found.spec.replicas == 5
    with pytest.raises(InvalidError) as refused:
        await client.scale(Deployment, f"{session.namespace}/web", -1)
    assert [cause.field for cause in refused.value.causes] == ["spec.replicas"]
    with pytest.raises(NotFoundError, match=r'deployments\.apps "absent" not found'):
        await client.scale(Deployment, f"{session.namespace}/absent", 1)


async def test_a_pod_is_bound_once(session: Session) -> None:
    client, key = session.client, f"{session.namespace}/p"
    pod = await client.create(session.pod("p"))
    await client.bind(pod, "node-1")
    bound = await client.get(Pod, key)
    assert bound.spec is not None and bound.spec.node_name == "node-1"
    assert bound.status is not None
    assert [(each.type, each.status) for each in bound.status.conditions] == [("PodScheduled", "True")]
    with pytest.raises(ConflictError, match='pod p is already assigned to node "node-1"'):
        await client.bind(pod, "node-2")
    await client.delete(PODS, key, grace_period_seconds=0)
    await client.create(session.pod("p"))
    with pytest.raises(ConflictError):
        await client.bind(pod, "node-2")
    with pytest.raises(NotFoundError):
        await client.bind(f"{session.namespace}/absent", "node-1")


async def test_an_eviction_asks_the_budget(session: Session) -> None:
    client, key = session.client, f"{session.namespace}/p"
    labelled = session.pod("p")
    labelled["metadata"]["labels"] = {"app": "web"}
    pod = await client.create(labelled)
    budget = await client.create(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "b", "namespace": session.namespace},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        }
    )
    await client.bind(pod, "node-1")
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    await client.patch(PODS, key, {"status": ready}, subresource="status")
    told = {
        "observedGeneration": 1,
        "disruptionsAllowed": 0,
        "currentHealthy": 1,
        "desiredHealthy": 1,
        "expectedPods": 1,
    }
    await client.patch(budget, {"status": told}, subresource="status")
    with pytest.raises(TooManyRequestsError, match="would violate the pod's disruption budget") as refused:
        await client.evict(key)
    assert [cause.reason for cause in refused.value.causes] == ["DisruptionBudget"]
    await client.patch(budget, {"status": {"disruptionsAllowed": 1}}, subresource="status")
    await client.evict(key, dry_run=True)
    await client.evict(pod, grace_period_seconds=0)
    assert await client.get_or_none(PODS, key) is None
    with pytest.raises(NotFoundError):
        await client.evict(key)


async def test_ephemeral_containers_are_added_to_a_pod(session: Session) -> None:
    client, key = session.client, f"{session.namespace}/p"
    await client.create(session.pod("p"))
    added = {"spec": {"ephemeralContainers": [{"name": "debug", "image": "sh"}]}}
    found = await client.patch(Pod, key, added, type="strategic", subresource="ephemeralcontainers")
    assert found.spec is not None
    assert [each.name for each in found.spec.ephemeral_containers] == ["debug"]
    with pytest.raises(InvalidError):
        await client.patch(Pod, key, {"spec": {"containers": [{"name": "main", "image": "x", "tty": True}]}})


async def test_a_token_of_a_service_account(session: Session) -> None:
    tokens = session.client.subresource(SERVICE_ACCOUNTS, f"{session.namespace}/default", "token")
    made = await tokens.create(
        {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [], "expirationSeconds": 600},
        }
    )
    assert made["status"]["token"] and made["status"]["expirationTimestamp"]


async def test_a_subresource_that_is_not_there(session: Session) -> None:
    client = session.client
    await client.create(session.config_map("a"))
    with pytest.raises(NotFoundError, match="the server could not find the requested resource"):
        await client.patch(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "a", "namespace": session.namespace},
            },
            {"data": {}},
            subresource="status",
        )
    with pytest.raises(ConfigurationError, match=r"client\.subresource\(kind, key, .scale.\)"):
        await client.get(Deployment, f"{session.namespace}/web", subresource="scale")
    await client.create(session.pod("p"))
    with pytest.raises(BadRequestError):
        await client.subresource(PODS, f"{session.namespace}/p", "binding").create(
            {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "other"}, "target": {"name": "n"}}
        )
