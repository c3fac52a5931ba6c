"""Bad input: a clear error that names the field, file or option, and nothing half-done."""

from __future__ import annotations

import base64
import datetime
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from helpers.servers import Session

from reconcile import (
    Client,
    ConfigurationError,
    CustomResource,
    ForbiddenError,
    GroupVersionKind,
    InvalidError,
    Manager,
    ManagerOptions,
    Model,
    ObjectMeta,
    ObjectReconciler,
    Reconciler,
    Request,
    ResourceType,
    TransportError,
    Watch,
)
from reconcile.api.core.v1 import ConfigMap, Pod
from reconcile.client import RetryOptions
from reconcile.crd import install_crds
from reconcile.errors import (
    BadRequestError,
    CacheNotSyncedError,
    CredentialsError,
    InternalServerError,
    OutcomeUnknownError,
    TLSError,
)

GADGETS = ResourceType("nobody.example.com", "v1", "Gadget", "gadgets")
QUIET = ManagerOptions(log_level="error")


def rewritten(session: Session, **changes: Any) -> Path:
    """The session's kubeconfig with other entries: `user=`, `cluster=` replace those of its context."""
    path = session.kubeconfig
    assert path is not None
    config = yaml.safe_load(path.read_text())
    config["users"][0]["user"] = {**config["users"][0]["user"], **changes.get("user", {})}
    config["clusters"][0]["cluster"] = {**config["clusters"][0]["cluster"], **changes.get("cluster", {})}
    target = session.server.directory / "rewritten"
    target.write_text(yaml.safe_dump(config))
    return target


def certificate(*, days: int) -> tuple[bytes, bytes]:
    """A self-signed certificate of a user, and its key; its validity ended or ends in `days`."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "old")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), private


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


OVER_HTTP = pytest.mark.only_on(
    "embedded-http", "real", reason="the transport in the process has neither a network nor credentials"
)


@OVER_HTTP
async def test_an_unreachable_cluster(session: Session) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        path = rewritten(session, cluster={"server": f"https://127.0.0.1:{port}"})
        async with Client.from_kubeconfig(path, retries=RetryOptions(attempts=1)) as client:
            with pytest.raises(
                TransportError, match=f"cannot connect to https://127.0.0.1:{port}"
            ) as refused:
                await client.get(ConfigMap, "default/a")
            assert "is the API server running and reachable" in str(refused.value)
            assert str(path) in str(refused.value)


@OVER_HTTP
async def test_an_expired_certificate(session: Session) -> None:
    made, key = certificate(days=-1)
    user = {"client-certificate-data": encoded(made), "client-key-data": encoded(key)}
    user |= {"client-certificate": None, "client-key": None}
    path = rewritten(session, user={name: value for name, value in user.items() if value})
    async with Client.from_kubeconfig(path, retries=RetryOptions(attempts=1)) as client:
        # The real server answers 401, the embedded one ends the connection: Python's TLS cannot let it in.
        with pytest.raises((CredentialsError, OutcomeUnknownError), match=r"certificate.* expired at"):
            await client.get(ConfigMap, "default/a")


@OVER_HTTP
async def test_an_authority_of_another_cluster(session: Session) -> None:
    made, _ = certificate(days=30)
    path = rewritten(session, cluster={"certificate-authority-data": encoded(made)})
    async with Client.from_kubeconfig(path, retries=RetryOptions(attempts=1)) as client:
        with pytest.raises(TLSError, match="certificate-authority"):
            await client.get(ConfigMap, "default/a")


@OVER_HTTP
async def test_a_context_that_is_missing(session: Session) -> None:
    assert session.kubeconfig is not None
    with pytest.raises(ConfigurationError, match="staging") as missing:
        Client.from_kubeconfig(session.kubeconfig, "staging")
    assert str(session.kubeconfig) in str(missing.value)
    absent = session.server.directory / "absent"
    with pytest.raises(ConfigurationError, match=str(absent)):
        Client.from_kubeconfig(absent)


async def test_a_kind_that_does_not_exist(session: Session) -> None:
    client = session.client
    plain = {"apiVersion": "apps/v1", "kind": "Deploymnt", "metadata": {"name": "a"}}
    with pytest.raises(ConfigurationError, match="Deploymnt") as unknown:
        await client.apply(plain, namespace=session.namespace)
    assert "Deployment" in str(unknown.value)
    with pytest.raises(ConfigurationError, match=r"nobody\.example\.com/v1 Gadget"):
        await client.resource_type(GroupVersionKind("nobody.example.com", "v1", "Gadget"))
    with pytest.raises(ConfigurationError, match="apiVersion and kind"):
        await client.create({"metadata": {"name": "a"}})


async def test_a_manager_of_a_kind_that_does_not_exist_says_so(session: Session) -> None:
    from reconcile import ControllerOptions

    class Lost(Reconciler[Any]):
        kind = GADGETS
        options = ControllerOptions(sync_timeout=0.5)

        async def reconcile(self, request: Request, /) -> None: ...

    with pytest.raises((CacheNotSyncedError, ConfigurationError), match=r"gadgets.*nobody\.example\.com"):
        async with Manager(
            await session.connected(), reconcilers=[Lost()], namespaces=[session.namespace], options=QUIET
        ):
            pass


async def test_a_manifest_with_a_wrong_field(session: Session) -> None:
    client = session.client
    pod = session.pod("p", containers=[{"name": "main", "image": "x", "imagePulPolicy": "Always"}])
    with pytest.raises(BadRequestError, match=r'unknown field "spec\.containers\[0\]\.imagePulPolicy"'):
        await client.create(pod, field_validation="Strict")
    with pytest.raises(InternalServerError) as refused:
        await client.apply(pod, field_validation="Strict")
    assert refused.value.message == (
        f"failed to create typed patch object ({session.namespace}/p; /v1, Kind=Pod): "
        '.spec.containers[name="main"].imagePulPolicy: field not declared in schema'
    )
    assert await client.get_or_none(Pod, f"{session.namespace}/p") is None


async def test_an_object_without_a_name_or_namespace(session: Session) -> None:
    client = session.client
    with pytest.raises(ConfigurationError, match="name"):
        await client.apply(ConfigMap(metadata=ObjectMeta(namespace=session.namespace)))
    with pytest.raises(ConfigurationError, match="namespace"):
        await client.create(ConfigMap(metadata=ObjectMeta(name="a")))
    with pytest.raises(
        InvalidError, match=r"metadata\.name: Required value: name or generateName is required"
    ):
        await client.create(ConfigMap(metadata=ObjectMeta(namespace=session.namespace)))
    with pytest.raises(ConfigurationError, match="'a/b' cannot be a name"):
        await client.get(ConfigMap, "a/b/c")


@pytest.mark.only_on("real", reason="the embedded server does not authorize: everyone may do everything")
async def test_a_forbidden_user_is_told_what_is_missing(session: Session) -> None:
    client = await session.connected(impersonate="jane")
    with pytest.raises(ForbiddenError) as refused:
        await client.list(ConfigMap, namespace=session.namespace)
    assert refused.value.message == (
        'configmaps is forbidden: User "jane" cannot list resource "configmaps" in API group "" '
        f'in the namespace "{session.namespace}"'
    )


class Spec(Model):
    size: int


class Thing(CustomResource, group="bad.example.com", version="v1"):
    spec: Spec


async def test_reconcilers_with_wrong_signatures(session: Session) -> None:
    class TooFew(ObjectReconciler[Thing]):
        async def reconcile(self) -> None: ...  # type: ignore[override]

    class NoKind(Reconciler):  # type: ignore[type-arg]
        async def reconcile(self, request: Request, /) -> None: ...

    class NoReconcile(ObjectReconciler[Thing]):
        pass

    class NoFinalize(ObjectReconciler[Thing]):
        finalizer = "example.com/x"

        async def reconcile(self, obj: Thing, /) -> None: ...

    class NoMethod(Reconciler[Thing]):
        watches = (Watch(ConfigMap, to="things_of"),)

        async def reconcile(self, request: Request, /) -> None: ...

    class NoTimeout(ObjectReconciler[Thing]):
        finalizer = "not a finalizer"

        async def reconcile(self, obj: Thing, /) -> None: ...
        async def finalize(self, obj: Thing, /) -> None: ...

    for reconciler, named in (
        (TooFew(), "TooFew.reconcile"),
        (NoKind(), "NoKind"),
        (NoReconcile(), "NoReconcile"),
        (NoFinalize(), "NoFinalize"),
        (NoMethod(), "things_of"),
        (NoTimeout(), "not a finalizer"),
    ):
        with pytest.raises(ConfigurationError, match=named):
            Manager(session.client, reconcilers=[reconciler])
    with pytest.raises(ConfigurationError, match="health_address"):
        Manager(session.client, health_address="nowhere")


async def test_a_port_that_is_in_use(session: Session) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match=f"metrics_address: cannot listen on {address}"):
            async with Manager(session.client, metrics_address=address, options=QUIET):
                pass


async def test_a_model_that_no_schema_can_express(session: Session) -> None:
    class Odd(Model):
        either: int | str | list[int]

    class OddKind(CustomResource, group="bad.example.com", version="v1"):
        spec: Odd

    with pytest.raises(ConfigurationError, match="either"):
        await install_crds(session.client, [Thing, OddKind])
    # Nothing of the others was installed either.
    assert not [
        each
        for each in await session.client.list(
            ResourceType(
                "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", False
            )
        )
        if each["spec"]["group"] == "bad.example.com"
    ]
