"""A real kube-apiserver calls our webhooks, over TLS with certificates that the operator made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from helpers.world_of_examples import operator

from examples.operators.database import Database, DatabaseV1Beta1
from reconcile import APIError, Client, InvalidError, Manager, ManagerOptions, ObjectMeta
from reconcile.api.apps.v1 import StatefulSet
from reconcile.api.core.v1 import ConfigMap, Namespace
from reconcile.crd import custom_resource_definition, webhook_configurations
from reconcile.crd.install import CRD
from reconcile.errors import ConflictError, StatusCause
from reconcile.testing.control_plane import ControlPlane
from reconcile.webhooks import (
    AdmissionRequest,
    Denied,
    OwnCertificates,
    WebhookServerOptions,
    mutating,
    validating,
)

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time, pytest.mark.timeout(600)]

NAMESPACE = "example-operators"


async def until(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask until there is an answer that is no error; for two minutes at most."""
    last: Exception | None = None
    try:
        async with asyncio.timeout(120):
            while True:
                try:
                    if found := await ask():
                        return found
                except APIError as error:
                    last = error
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"not within two minutes; {last}") from last


def serving(client: Client, *more: Any) -> Manager:
    """The Database operator; nothing leads to a service here, so its webhook has an address."""
    certificates = OwnCertificates(f"{NAMESPACE}/database", names=("127.0.0.1",), check_interval=0.2)
    manager = Manager(
        client,
        webhook_server=WebhookServerOptions(certificates, address="127.0.0.1:0"),
        options=ManagerOptions(log_level="error"),
    )
    operator("database").setup(manager)
    for each in more:
        manager.add(each)
    return manager


async def install(client: Client, manager: Manager) -> None:
    """The definition, with the address that the operator got; what it trusts is the operator's to say."""
    definition = custom_resource_definition(Database)
    config = {"url": f"https://{manager.addresses['webhook']}/convert"}
    definition["spec"]["conversion"]["webhook"]["clientConfig"] = config
    await client.apply(definition, field_manager="test")


async def test_databases_are_written_and_read_in_either_version(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        await client.create(Namespace(metadata=ObjectMeta(name=NAMESPACE)))
        manager = serving(client)
        starting = asyncio.create_task(manager.start())
        try:
            await until(_listens(manager))
            await install(client, manager)
            await starting
            definition = await client.get(CRD, "databases.example.com")
            assert definition["spec"]["conversion"]["webhook"]["clientConfig"]["caBundle"]
            await _live(client)
        finally:
            starting.cancel()
            await asyncio.wait([starting])
            await manager.stop()


def _listens(manager: Manager) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return "webhook" in manager.addresses

    return ask


async def _live(client: Client) -> None:
    key = "default/orders"
    old: dict[str, Any] = {
        "apiVersion": "example.com/v1beta1",
        "kind": "Database",
        "metadata": {"name": "orders", "namespace": "default"},
        "spec": {"instances": 2, "engine": "postgres-16", "backup": {"schedule": "0 5 * * *"}},
    }
    await until(lambda: client.apply(old, field_manager="old"))
    new = await client.get(Database, key)
    assert (new.spec.size, new.spec.version, new.spec.backup) == ("medium", "16", True)

    async def made() -> bool:
        found = await client.get_or_none(StatefulSet, key)
        return found is not None and found.spec.replicas == 2

    await until(made)
    assert (await client.get(DatabaseV1Beta1, key)).spec.backup is not None

    # Whoever owns a field of one version owns what it says in the other.
    small = {"apiVersion": "example.com/v1", "kind": "Database", "metadata": old["metadata"]}
    with pytest.raises(ConflictError, match=r"old.*\.spec\.instances"):
        await client.apply({**small, "spec": {"size": "small"}}, field_manager="new", force=False)
    await client.apply({**old, "spec": {**old["spec"], "instances": 3}}, field_manager="old")
    assert (await client.get(Database, key)).spec.size == "large"

    await client.patch(Database, key, {"spec": {"backup": False}})
    without = await client.get(DatabaseV1Beta1, key)
    assert without.spec.backup is None
    assert without.metadata.annotations == {"example.com/backup-schedule": "0 5 * * *"}
    assert (await client.get(Database, key)).metadata.annotations == {}
    listed = await client.list(DatabaseV1Beta1, namespace="default")
    assert [each.metadata.name for each in listed] == ["orders"]
    await client.delete(Database, key)

    async def gone() -> bool:
        return await client.get_or_none(Database, key) is None

    await until(gone)


@validating(ConfigMap, object_selector={"matchExpressions": [{"key": "team", "operator": "Exists"}]})
def known_team(request: AdmissionRequest[ConfigMap]) -> None:
    team = request.object.metadata.labels["team"]
    if request.dry_run:
        request.warn("nothing will be stored")
    if team not in ("red", "blue"):
        cause = StatusCause("FieldValueNotSupported", "red or blue", "metadata.labels.team")
        raise Denied(f"who is {team}?", reason="Invalid", code=422, causes=[cause])


@mutating(ConfigMap, object_selector={"matchExpressions": [{"key": "team", "operator": "Exists"}]})
def stamped(request: AdmissionRequest[ConfigMap]) -> None:
    request.object.metadata.annotations["by"] = request.user.username
    request.object.data["stamped"] = request.operation


async def test_writes_are_admitted_changed_and_refused(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        namespace = "admission-hooks"
        await client.create(Namespace(metadata=ObjectMeta(name=namespace)))
        certificates = OwnCertificates(f"{namespace}/hooks", names=("127.0.0.1",), check_interval=0.2)
        manager = Manager(
            client,
            webhook_server=WebhookServerOptions(certificates, address="127.0.0.1:0"),
            options=ManagerOptions(log_level="error"),
        )
        manager.add(known_team)
        manager.add(stamped)
        async with manager:
            url = f"https://{manager.addresses['webhook']}"
            configurations = webhook_configurations(manager.webhooks.admission_hooks, url=url, name="hooks")
            for configuration in configurations:
                await client.apply(configuration, field_manager="test")

            def config_map(name: str, team: str) -> ConfigMap:
                return ConfigMap(metadata=ObjectMeta(name=name, namespace=namespace, labels={"team": team}))

            async def asked() -> ConfigMap | None:
                """Configurations act a moment after they are there, and when they trust the certificate."""
                made = await client.create(config_map("try", "red"), dry_run=True)
                return made if made.data else None

            try:
                made = await until(asked)
                assert made.data == {"stamped": "CREATE"}
                assert made.metadata.annotations["by"]
                with pytest.raises(InvalidError, match=r"denied the request: who is green\?") as caught:
                    await client.create(config_map("green", "green"))
                assert [cause.field for cause in caught.value.causes] == ["metadata.labels.team"]
                stored = await client.create(config_map("stored", "blue"))
                stored.data["more"] = "x"
                assert (await client.update(stored)).data == {"stamped": "UPDATE", "more": "x"}
            finally:
                for configuration in configurations:
                    await client.delete(configuration)
