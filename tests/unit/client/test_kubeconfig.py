"""Kubeconfig files are merged as kubectl does; what cannot be used is named."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcile.client.credentials import Anonymous, Connection
from reconcile.client.credentials.exec_plugin import ExecCredentials
from reconcile.client.credentials.files import RotatingFile
from reconcile.client.credentials.in_cluster import in_cluster_connection, is_in_cluster
from reconcile.client.credentials.kubeconfig import kubeconfig_connection
from reconcile.client.credentials.oidc import OIDCCredentials
from reconcile.errors import ConfigurationError, CredentialsError


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def write(path: Path, **parts: Any) -> Path:
    """A kubeconfig; `clusters`, `users`, `contexts` as mappings of name to content."""
    document: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
    for name, value in parts.items():
        if name in ("clusters", "users", "contexts"):
            document[name] = [{"name": key, name[:-1]: content} for key, content in value.items()]
        else:
            document[name.replace("_", "-")] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document))
    return path


def one(path: Path, user: dict[str, Any], cluster: dict[str, Any] | None = None) -> Path:
    return write(
        path,
        clusters={"c": {"server": "https://server:6443", **(cluster or {})}},
        users={"u": user},
        contexts={"x": {"cluster": "c", "user": "u"}},
        current_context="x",
    )


async def headers_of(connection: Connection) -> dict[str, Any]:
    return dict((await connection.credentials.proof()).headers)


async def test_a_token(tmp_path: Path) -> None:
    connection = kubeconfig_connection(one(tmp_path / "config", {"token": "abc"}))
    assert connection.server == "https://server:6443"
    assert connection.namespace == "default"
    assert await headers_of(connection) == {"authorization": "Bearer abc"}
    assert 'context "x"' in connection.origin


async def test_username_and_password(tmp_path: Path) -> None:
    connection = kubeconfig_connection(one(tmp_path / "config", {"username": "jo", "password": "pw"}))
    assert await headers_of(connection) == {"authorization": f"Basic {b64('jo:pw')}"}


async def test_certificate_data_goes_before_files_and_files_are_relative_to_their_kubeconfig(
    tmp_path: Path,
) -> None:
    (tmp_path / "client.key").write_text("KEY")
    (tmp_path / "ca.pem").write_text("CA")
    path = one(
        tmp_path / "config",
        {
            "client-certificate": "not there",
            "client-certificate-data": b64("CERT"),
            "client-key": "client.key",
        },
        {"certificate-authority": "ca.pem"},
    )
    connection = kubeconfig_connection(path)
    proof = await connection.credentials.proof()
    assert proof.certificate is not None
    assert (proof.certificate.certificate, proof.certificate.key) == (b"CERT", b"KEY")
    assert isinstance(connection.authority, RotatingFile)
    assert connection.authority.path == tmp_path / "ca.pem"


async def test_a_client_certificate_that_rotates_is_read_again(tmp_path: Path) -> None:
    import asyncio

    for name in ("crt", "key"):
        (tmp_path / name).write_text("old")
    path = one(tmp_path / "config", {"client-certificate": "crt", "client-key": "key"})
    credentials = kubeconfig_connection(path).credentials
    first = await credentials.proof()
    assert await credentials.proof() is first
    for name in ("crt", "key"):
        (tmp_path / name).write_text("new one")
    await asyncio.sleep(11)
    second = await credentials.proof()
    assert second.certificate is not None and second.certificate.key == b"new one"


async def test_a_token_file_is_read_again_after_a_while_and_at_once_when_refused(tmp_path: Path) -> None:
    import asyncio

    (tmp_path / "token").write_text("one\n")
    path = one(tmp_path / "config", {"tokenFile": "token", "token": "ignored"})
    credentials = kubeconfig_connection(path).credentials
    first = await credentials.proof()
    assert first.headers["authorization"] == "Bearer one"
    (tmp_path / "token").write_text("second\n")
    assert await credentials.renew(first)
    assert (await credentials.proof()).headers["authorization"] == "Bearer second"
    assert not await credentials.renew(await credentials.proof())
    (tmp_path / "token").write_text("the third\n")
    await asyncio.sleep(11)
    assert (await credentials.proof()).headers["authorization"] == "Bearer the third"
    (tmp_path / "token").unlink()
    await asyncio.sleep(11)
    assert (await credentials.proof()).headers["authorization"] == "Bearer the third"


async def test_a_token_file_that_is_empty_is_an_error_and_not_anonymous(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    credentials = kubeconfig_connection(one(tmp_path / "config", {"tokenFile": "token"})).credentials
    with pytest.raises(CredentialsError, match="token is empty"):
        await credentials.proof()


async def test_impersonation(tmp_path: Path) -> None:
    path = one(
        tmp_path / "config",
        {
            "token": "t",
            "as": "jane",
            "as-groups": ["a", "b"],
            "as-uid": "42",
            "as-user-extra": {"Example.com/x y": ["1"]},
        },
    )
    assert await headers_of(kubeconfig_connection(path)) == {
        "authorization": "Bearer t",
        "impersonate-user": "jane",
        "impersonate-group": ("a", "b"),
        "impersonate-uid": "42",
        "impersonate-extra-example.com%2Fx%20y": ("1",),
    }
    path = one(tmp_path / "config", {"token": "t", "as-groups": ["a"]})
    with pytest.raises(ConfigurationError, match="needs a user"):
        kubeconfig_connection(path)


async def test_files_are_merged_and_the_first_wins_whole(tmp_path: Path) -> None:
    first = write(
        tmp_path / "one" / "config",
        users={"u": {"token": "first"}},
        contexts={"a": {"cluster": "c", "user": "u", "namespace": "mine"}},
        current_context="a",
    )
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "ca").write_text("CA")
    second = write(
        tmp_path / "two" / "config",
        clusters={"c": {"server": "https://c", "certificate-authority": "ca"}},
        users={"u": {"token": "second", "as": "ignored"}},
        contexts={"b": {"cluster": "c", "user": "u"}},
        current_context="b",
    )
    environment = {"KUBECONFIG": f"{first}::{tmp_path / 'missing'}:{second}"}
    connection = kubeconfig_connection(environment=environment)
    assert connection.namespace == "mine"
    assert await headers_of(connection) == {"authorization": "Bearer first"}
    assert isinstance(connection.authority, RotatingFile)
    assert connection.authority.path == tmp_path / "two" / "ca"
    assert kubeconfig_connection(context="b", environment=environment).namespace == "default"


def test_a_context_that_does_not_exist_names_the_file_and_those_that_do(tmp_path: Path) -> None:
    path = one(tmp_path / "config", {"token": "t"})
    with pytest.raises(ConfigurationError) as caught:
        kubeconfig_connection(path, "nope")
    assert f'the context "nope" is not in {path}; known contexts: x' in str(caught.value)


def test_no_current_context(tmp_path: Path) -> None:
    path = write(tmp_path / "config", contexts={"x": {}, "y": {}})
    with pytest.raises(ConfigurationError, match="sets no current-context; choose one of its contexts: x, y"):
        kubeconfig_connection(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        kubeconfig_connection(tmp_path / "nope")
    with pytest.raises(ConfigurationError, match="no kubeconfig found"):
        kubeconfig_connection(environment={"KUBECONFIG": str(tmp_path / "nope")})


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ({"token": ""}, "no credentials that can be used"),
        ({"tokens": "typo"}, "no credentials that can be used"),
        ({"token": 5}, "token must be a string"),
        ({"token": "t", "username": "u"}, "exclude each other"),
        ({"client-certificate-data": b64("x")}, "client-key or client-key-data is missing"),
        ({"client-certificate-data": "%", "client-key-data": b64("k")}, "is not base64"),
        ({"client-certificate": "nope", "client-key": "nope"}, "cannot read"),
        ({"auth-provider": {"name": "gcp"}}, "'gcp' is not supported"),
        ({"auth-provider": {"name": "oidc", "config": {}}}, "needs idp-issuer-url"),
        ({"exec": {"command": "x", "apiVersion": "v1alpha1"}}, "not supported"),
        ({"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1"}}, "command is missing"),
        ({"exec": {"command": "x", "apiVersion": "client.authentication.k8s.io/v1"}}, "interactiveMode"),
    ],
)
def test_a_user_that_cannot_be_used_is_named(tmp_path: Path, user: dict[str, Any], message: str) -> None:
    path = one(tmp_path / "config", user)
    with pytest.raises(ConfigurationError, match=message) as caught:
        kubeconfig_connection(path)
    assert f'user "u" in {path}' in str(caught.value)


def test_a_context_that_names_what_is_not_defined(tmp_path: Path) -> None:
    for context, message in (
        ({"cluster": "c", "user": "ghost"}, 'the user "ghost" is not defined'),
        ({"cluster": "ghost", "user": "u"}, 'the cluster "ghost" is not defined'),
        ({"user": "u"}, "names no cluster"),
    ):
        path = write(
            tmp_path / "config",
            clusters={"c": {"server": "https://c"}},
            users={"u": {"token": "t"}},
            contexts={"x": context},
            current_context="x",
        )
        with pytest.raises(ConfigurationError, match=message):
            kubeconfig_connection(path)


@pytest.mark.parametrize("user", [{}, None])
def test_anonymous_only_where_the_file_says_so(tmp_path: Path, user: Any) -> None:
    assert isinstance(kubeconfig_connection(one(tmp_path / "config", user)).credentials, Anonymous)


def test_cluster_settings(tmp_path: Path) -> None:
    cluster = {
        "insecure-skip-tls-verify": True,
        "tls-server-name": "kubernetes",
        "proxy-url": "http://proxy:3128",
        "server": "https://server/prefix/",
    }
    connection = kubeconfig_connection(one(tmp_path / "config", {"token": "t"}, cluster))
    assert (connection.verify, connection.server_name) == (False, "kubernetes")
    assert (connection.proxy, connection.server) == ("http://proxy:3128", "https://server/prefix")


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        ({"server": ""}, "server is missing"),
        ({"server": "server:6443"}, "is no URL"),
        ({"proxy-url": "socks4://proxy"}, "only http://, https:// and socks5://"),
        ({"insecure-skip-tls-verify": True, "certificate-authority-data": b64("x")}, "exclude each other"),
        ({"insecure-skip-tls-verify": "yes"}, "must be true or false"),
    ],
)
def test_a_cluster_that_cannot_be_used(tmp_path: Path, cluster: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        kubeconfig_connection(one(tmp_path / "config", {"token": "t"}, cluster))


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [", "is not YAML"), ("- x", "no mapping"), ("kind: Pod", "no kubeconfig"), ("users: x", "a list")],
)
def test_a_file_that_is_no_kubeconfig(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "config").write_text(text)
    with pytest.raises(ConfigurationError, match=message) as caught:
        kubeconfig_connection(tmp_path / "config")
    assert str(tmp_path / "config") in str(caught.value)


def test_plugins_and_providers_are_made_with_what_they_need(tmp_path: Path) -> None:
    plugin = {
        "command": "./bin/login",
        "apiVersion": "client.authentication.k8s.io/v1",
        "interactiveMode": "Never",
    }
    credentials = kubeconfig_connection(one(tmp_path / "config", {"exec": plugin})).credentials
    assert isinstance(credentials, ExecCredentials)
    assert str(tmp_path / "bin/login") in credentials.describes
    provider = {"name": "oidc", "config": {"idp-issuer-url": "https://idp", "client-id": "me"}}
    credentials = kubeconfig_connection(one(tmp_path / "config", {"auth-provider": provider})).credentials
    assert isinstance(credentials, OIDCCredentials)


async def test_in_cluster(tmp_path: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    assert not is_in_cluster(directory=tmp_path, environment=environment)
    with pytest.raises(ConfigurationError, match="does not run in a cluster"):
        in_cluster_connection(directory=tmp_path, environment=environment)
    (tmp_path / "token").write_text("t")
    (tmp_path / "ca.crt").write_text("CA")
    (tmp_path / "namespace").write_text("prod\n")
    connection = in_cluster_connection(directory=tmp_path, environment=environment)
    assert is_in_cluster(directory=tmp_path, environment=environment)
    assert (connection.server, connection.namespace) == ("https://[fd00::1]:443", "prod")
    assert await headers_of(connection) == {"authorization": "Bearer t"}
    assert isinstance(connection.authority, RotatingFile) and connection.authority.read() == b"CA"
