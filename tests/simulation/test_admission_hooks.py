"""Admission hooks of an operator, called by the embedded server as their configurations say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, Field

from reconcile import APIError, CustomResource, ForbiddenError, InvalidError, Manager, Model, ObjectMeta
from reconcile.api.apps.v1 import Deployment
from reconcile.api.autoscaling.v1 import Scale
from reconcile.api.core.v1 import ConfigMap
from reconcile.crd import webhook_configurations
from reconcile.errors import InternalServerError
from reconcile.testing.builders import a_deployment
from reconcile.testing.cluster import Cluster
from reconcile.webhooks import AdmissionRequest, Denied, mutating, validating


def even(number: int) -> int:
    if number % 2:
        raise ValueError("must be even")
    return number


class Spec(Model):
    count: Annotated[int, AfterValidator(even)] = 2
    notes: list[str] = Field(default_factory=lambda: ["made by the operator"])


class Thing(CustomResource, group="things.example.com", version="v1"):
    spec: Spec


def a_config_map(name: str = "settings") -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, namespace="default"))


@validating(ConfigMap, operations=("CREATE", "UPDATE", "DELETE"))
def known_team(request: AdmissionRequest[ConfigMap]) -> None:
    if request.operation == "DELETE":
        raise Denied("it stays")
    if request.dry_run:
        request.warn("nothing will be stored")
    team = request.object.metadata.labels.get("team", "red")
    if team not in ("red", "blue"):
        raise Denied(f"who is {team}?")


@mutating(ConfigMap)
def stamped(request: AdmissionRequest[ConfigMap]) -> None:
    request.object.metadata.annotations["by"] = request.user.username


@validating(Scale, resource=Deployment, subresource="scale", operations=["UPDATE"])
async def not_too_many(request: AdmissionRequest[Scale]) -> None:
    if (request.object.spec.replicas or 0) > 3:
        raise Denied("three at most", code=422, reason="Invalid")


def setup(manager: Manager) -> None:
    for each in (known_team, stamped, not_too_many, validating(Thing), mutating(Thing)):
        manager.add(each)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        cluster.install_crds(Thing)
        process = cluster.run(setup)
        hooks = process.manager.webhooks.admission_hooks
        for configuration in webhook_configurations(hooks, service="shop/operator"):
            cluster.apply(configuration)
        yield cluster


def test_a_write_is_changed_and_let_in_or_refused(cluster: Cluster) -> None:
    made = cluster.create(a_config_map())
    assert made.metadata.annotations == {"by": "kubernetes-admin"}
    green = a_config_map("green")
    green.metadata.labels["team"] = "green"
    with pytest.raises(ForbiddenError, match=r'webhook "known-team\..*" denied the request: who is green\?'):
        cluster.create(green)
    with pytest.raises(ForbiddenError, match="it stays"):
        cluster.delete(made)


def test_a_model_judges_and_fills_in_its_own_kind(cluster: Cluster) -> None:
    made = cluster.create(
        {
            "apiVersion": "things.example.com/v1",
            "kind": "Thing",
            "metadata": {"name": "a", "namespace": "default"},
            "spec": {},
        }
    )
    assert made["spec"] == {"count": 2, "notes": ["made by the operator"]}
    with pytest.raises(InvalidError, match=r"spec\.count: must be even"):
        cluster.patch(Thing, "default/a", {"spec": {"count": 3}})


def test_a_subresource_is_asked_about_in_its_own_kind(cluster: Cluster) -> None:
    cluster.create(a_deployment("web").build())
    with pytest.raises(InvalidError, match="three at most"):
        cluster.call(cluster.client.scale(Deployment, "default/web", 4))
    cluster.patch(Deployment, "default/web", {"spec": {"replicas": 4}})


def test_without_the_operator_the_failure_policy_decides(cluster: Cluster) -> None:
    cluster.kill(cluster._processes[0])
    with pytest.raises(InternalServerError, match='failed calling webhook "stamped'):
        cluster.create(a_config_map())


def test_a_hook_that_raises_is_a_failure_for_the_policy_and_not_a_denial() -> None:
    @validating(ConfigMap, failure_policy="Ignore")
    def broken(request: AdmissionRequest[ConfigMap]) -> None:
        raise ZeroDivisionError

    with Cluster() as cluster:
        process = cluster.run(lambda manager: manager.add(broken))
        (configuration,) = webhook_configurations([broken], service="shop/operator")
        cluster.apply(configuration)
        cluster.create(a_config_map())
        endpoint: Any = process.manager.webhooks.at(broken.path)
        assert endpoint.stats.panics == 1 and endpoint.stats.requests[500] == 1


def test_a_hook_that_is_too_slow_costs_its_time_out() -> None:
    @validating(ConfigMap, timeout_seconds=2)
    async def slow(request: AdmissionRequest[ConfigMap]) -> None:
        await asyncio.sleep(60)

    with Cluster() as cluster:
        cluster.run(lambda manager: manager.add(slow))
        (configuration,) = webhook_configurations([slow], service="shop/operator")
        cluster.apply(configuration)
        before = cluster.time
        with pytest.raises(APIError, match="context deadline exceeded"):
            cluster.create(ConfigMap(metadata=ObjectMeta(name="a", namespace="default")))
        assert cluster.time - before == pytest.approx(2.0, abs=0.5)
