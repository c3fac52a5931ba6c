"""Operators on an embedded server with access control: rights, tokens, the fence of a leader."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcile import ConfigurationError, ForbiddenError, ObjectReconciler, Result
from reconcile.api.coordination.v1 import Lease, LeaseSpec
from reconcile.api.core.v1 import ConfigMap, Container, Pod, PodSpec, Secret, ServiceAccount
from reconcile.apiserver import AccessOptions, APIServer, ServerOptions, service_account
from reconcile.apiserver.http import Address, HTTPOptions
from reconcile.cli.embedded import embedded_server
from reconcile.client.client import Client
from reconcile.client.credentials import Connection, StaticCredentials
from reconcile.errors import UnauthorizedError
from reconcile.leaderelection import fence_policy, role_rules
from reconcile.leaderelection.preflight import check_rights
from reconcile.leaderelection.surroundings import ask_who_we_are
from reconcile.manager.logs import make_logger
from reconcile.objects.identity import ObjectKey
from reconcile.objects.meta import ObjectMeta
from reconcile.testing.cluster import Cluster

RBAC = "rbac.authorization.k8s.io"
EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
LEASE = ObjectKey("default", "operator")


def granted(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A Role with these rules for the service account `operator`."""
    meta = {"name": "operator", "namespace": "default"}
    common = {"apiVersion": f"{RBAC}/v1", "metadata": meta}
    subject = {"kind": "ServiceAccount", "name": "operator", "namespace": "default"}
    reference = {"kind": "Role", "name": "operator", "apiGroup": RBAC}
    return [
        {**common, "kind": "Role", "rules": rules},
        {**common, "kind": "RoleBinding", "roleRef": reference, "subjects": [subject]},
    ]


@asynccontextmanager
async def guarded() -> AsyncIterator[tuple[APIServer, Client]]:
    options = ServerOptions(access=AccessOptions())
    async with APIServer(options) as server, Client(server.transport()) as admin:
        await admin.create(ServiceAccount(metadata=ObjectMeta(name="operator", namespace="default")))
        yield server, admin


async def test_an_election_names_the_rights_that_it_lacks() -> None:
    async with guarded() as (server, admin):
        log = make_logger(server.runtime, level="error")
        user = service_account("default", "operator")
        async with Client(server.transport(user)) as operator:
            with pytest.raises(ConfigurationError, match="may not create or get or update leases"):
                await check_rights(operator, LEASE, user.name, log, watch=True)
            for obj in granted(role_rules("operator")):
                await admin.apply(obj)
            await check_rights(operator, LEASE, user.name, log, watch=True)


@asynccontextmanager
async def pod_client(admin: Client, address: Address, name: str) -> AsyncIterator[Client]:
    """A client with the token that a kubelet would mount into a new pod."""
    pod = await admin.create(
        Pod(
            metadata=ObjectMeta(name=name, namespace="default"),
            spec=PodSpec(service_account_name="operator", containers=[Container(name="c", image="none")]),
        )
    )
    bound = {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": pod.metadata.uid}
    made = await admin.subresource(ServiceAccount, "default/operator", "token").create(
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"boundObjectRef": bound}}
    )
    credentials = StaticCredentials(token=made["status"]["token"])
    async with Client.from_connection(
        Connection(address.url, credentials, address.certificate_authority)
    ) as client:
        yield client


async def admitted(write: Callable[[], Awaitable[object]]) -> bool:
    try:
        await write()
    except ForbiddenError as error:
        assert "ValidatingAdmissionPolicy" in error.message, error
        return False
    return True


@pytest.mark.real_time
async def test_the_fence_admits_writes_of_the_pod_that_holds_the_lease() -> None:
    async with guarded() as (server, admin):
        address = await server.serve(options=HTTPOptions(tls=True))
        for obj in granted(EVERYTHING):
            await admin.apply(obj)
        fence = fence_policy("operator", namespace="default", service_account="operator", kinds=[ConfigMap])
        for obj in fence:
            await admin.apply(obj)

        async def hold(holder: str) -> None:
            await admin.apply(
                Lease(
                    metadata=ObjectMeta(name="operator", namespace="default"),
                    spec=LeaseSpec(holder_identity=f"{holder}_1", lease_duration_seconds=15),
                )
            )

        def write(client: Client, name: str) -> Callable[[], Awaitable[object]]:
            return lambda: client.create(ConfigMap(metadata=ObjectMeta(name=name, namespace="default")))

        async with pod_client(admin, address, "one") as one, pod_client(admin, address, "two") as two:
            assert (await ask_who_we_are(one)).pod == "one"
            await hold("one")
            assert await admitted(write(one, "first"))
            assert not await admitted(write(two, "second"))
            await hold("two")
            assert not await admitted(write(one, "third"))
            assert await admitted(write(two, "fourth"))
            assert await admitted(write(admin, "of-the-administrator"))


@pytest.mark.real_time
async def test_a_token_ends_with_its_pod() -> None:
    async with guarded() as (server, admin):
        address = await server.serve(options=HTTPOptions(tls=True))
        for obj in granted(EVERYTHING):
            await admin.apply(obj)
        async with pod_client(admin, address, "one") as one:
            await one.list(ConfigMap, namespace="default")
            await admin.delete(Pod, "default/one", grace_period_seconds=0)
            with pytest.raises(UnauthorizedError):
                await one.list(ConfigMap, namespace="default")


@pytest.mark.real_time
async def test_the_kubeconfig_of_a_guarded_server_is_its_administrators(tmp_path: Path) -> None:
    async with embedded_server(port=0, access=AccessOptions()) as embedded:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(embedded.kubeconfig)
        async with Client.from_kubeconfig(kubeconfig) as admin:
            assert await admin.list(Pod, namespace="default") is not None
        authority = base64.b64decode(
            yaml.safe_load(embedded.kubeconfig)["clusters"][0]["cluster"]["certificate-authority-data"]
        )
        nobody = Connection(embedded.url, StaticCredentials(), authority)
        async with Client.from_connection(nobody) as client:
            with pytest.raises(ForbiddenError, match='User "system:anonymous" cannot list resource "pods"'):
                await client.list(Pod, namespace="default")


@pytest.mark.real_time
async def test_a_certificate_for_a_user_takes_tls() -> None:
    async with APIServer() as server:
        address = await server.serve()
        with pytest.raises(ConfigurationError, match="takes TLS"):
            address.kubeconfig(user=service_account("default", "operator"))


def test_a_secret_gets_its_accounts_token_and_goes_with_the_account() -> None:
    kind = "kubernetes.io/service-account-token"
    with Cluster() as cluster:
        cluster.create(ServiceAccount(metadata=ObjectMeta(name="robot", namespace="default")))
        meta = ObjectMeta(
            name="robot", namespace="default", annotations={"kubernetes.io/service-account.name": "robot"}
        )
        cluster.create(Secret(metadata=meta, type=kind))
        cluster.settle()
        data = cluster.get(Secret, "default/robot").data or {}
        assert sorted(data) == ["namespace", "token"]
        cluster.delete(ServiceAccount, "default/robot")
        cluster.settle()
        assert cluster.get_or_none(Secret, "default/robot") is None


class Marker(ObjectReconciler[ConfigMap]):
    """Labels every ConfigMap with `seen`."""

    labels = "!seen,mark"

    async def reconcile(self, config_map: ConfigMap, /) -> Result | None:
        await self.client.patch(config_map, {"metadata": {"labels": {"seen": "yes"}}})
        return None


@pytest.mark.parametrize(("verbs", "works"), [("list watch patch", True), ("list watch update", False)])
def test_an_operator_works_with_its_own_role_alone(verbs: str, works: bool) -> None:
    with Cluster(options=ServerOptions(access=AccessOptions())) as cluster:
        rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs.split()}
        for obj in granted([rule]):
            cluster.apply(obj)
        user = service_account("default", "operator")
        cluster.run(Marker, user=user, namespaces=["default"])
        cluster.create(ConfigMap(metadata=ObjectMeta(name="a", namespace="default", labels={"mark": ""})))
        cluster.advance(minutes=5)
        labels = cluster.get(ConfigMap, "default/a").metadata.labels or {}
        assert ("seen" in labels) is works
