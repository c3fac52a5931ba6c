"""From a kubeconfig's context to a `Connection`.

Whatever cannot be used is an error that names file, entry and field: a context that does not exist, a
user that is not defined, a token that is empty. A request is anonymous only when the context names no
user, or a user whose entry is empty.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from reconcile.client.credentials.base import Anonymous, Credentials
from reconcile.client.credentials.connection import Connection
from reconcile.client.credentials.exec_plugin import ExecCredentials, ExecOptions
from reconcile.client.credentials.files import RotatingFile
from reconcile.client.credentials.impersonation import ImpersonatingCredentials, Impersonation
from reconcile.client.credentials.kubeconfig_file import (
    Entry,
    Kubeconfig,
    default_paths,
    load,
    persist_auth_provider,
)
from reconcile.client.credentials.oidc import OIDCCredentials, https_fetch
from reconcile.client.credentials.static import CertificateSource, StaticCredentials
from reconcile.errors import ConfigurationError, CredentialsError
from reconcile.runtime import Runtime, SystemRuntime

_EXEC_EXTENSION = "client.authentication.k8s.io/exec"


def kubeconfig_connection(
    path: str | Path | None = None,
    context: str | None = None,
    *,
    runtime: Runtime | None = None,
    environment: Mapping[str, str] | None = None,
) -> Connection:
    """The connection of a context.

    Args:
        path: one file, which must exist; None merges the files of `KUBECONFIG`, else reads
            `~/.kube/config`.
        context: name of the context; None for the current one.
        runtime: the wall clock for credentials that expire.
        environment: instead of the process's own.
    """
    if path is not None:
        config = load([Path(path)], required=True)
    else:
        paths = default_paths(environment)
        config = load(paths, required=False)
        if not config.files:
            raise ConfigurationError(f"no kubeconfig found: {', '.join(map(str, paths))} does not exist")
    return connection_of(config, context, runtime=runtime or SystemRuntime())


def connection_of(config: Kubeconfig, context: str | None, *, runtime: Runtime) -> Connection:
    """The connection of a context of a loaded configuration."""
    chosen = _context(config, context)
    cluster = _named(config, config.clusters, chosen, "cluster")
    if cluster is None:
        raise chosen.error(f"names no cluster; known clusters: {_names(config.clusters)}")
    server = cluster.text("server")
    if not server:
        raise cluster.error("the field server is missing")
    user = _named(config, config.users, chosen, "user")
    return Connection(
        server=server.rstrip("/"),
        credentials=_credentials(user, cluster, runtime),
        authority=_data_or_file(cluster, "certificate-authority"),
        verify=_verify(cluster),
        server_name=cluster.text("tls-server-name"),
        proxy=cluster.text("proxy-url"),
        namespace=chosen.text("namespace") or "default",
        origin=f'context "{chosen.name}" of {chosen.file or "the configuration"}',
    )


def _context(config: Kubeconfig, name: str | None) -> Entry:
    wanted = name or config.current_context
    known = _names(config.contexts)
    if not wanted:
        raise ConfigurationError(
            f"{config.source} sets no current-context; choose one of its contexts: {known}"
        )
    found = config.contexts.get(wanted)
    if found is None:
        which = "the context" if name else "the current-context"
        raise ConfigurationError(f'{which} "{wanted}" is not in {config.source}; known contexts: {known}')
    return found


def _named(config: Kubeconfig, entries: Mapping[str, Entry], context: Entry, kind: str) -> Entry | None:
    name = context.text(kind)
    if not name:
        return None
    found = entries.get(name)
    if found is None:
        raise context.error(
            f'the {kind} "{name}" is not defined in {config.source}; known {kind}s: {_names(entries)}'
        )
    return found


def _names(entries: Mapping[str, Entry]) -> str:
    return ", ".join(sorted(entries)) or "none"


def _verify(cluster: Entry) -> bool:
    if not cluster.flag("insecure-skip-tls-verify"):
        return True
    if cluster.text("certificate-authority") or cluster.text("certificate-authority-data"):
        raise cluster.error("insecure-skip-tls-verify and a certificate-authority exclude each other")
    return False


def _credentials(user: Entry | None, cluster: Entry, runtime: Runtime) -> Credentials:
    if user is None or not user.values:
        return Anonymous()
    credentials = _own_credentials(user, cluster, runtime)
    who = _impersonation(user)
    return ImpersonatingCredentials(credentials, who) if who else credentials


def _own_credentials(user: Entry, cluster: Entry, runtime: Runtime) -> Credentials:
    certificate = _certificate(user)
    token: str | RotatingFile | None = user.text("token").strip() or None
    if (token_file := user.path("tokenFile")) is not None:
        token = RotatingFile(token_file)
    username = user.text("username")
    if token and username:
        raise user.error("a token and a username exclude each other")
    plugin, provider = user.values.get("exec"), user.values.get("auth-provider")
    if plugin and provider:
        raise user.error("exec and auth-provider exclude each other")
    if token or username:
        return StaticCredentials(
            token=token,
            username=username or None,
            password=user.text("password"),
            certificate=certificate,
            user=user.name,
        )
    if plugin:
        return ExecCredentials(
            _exec_options(user, plugin),
            runtime=runtime,
            cluster=_cluster_info(cluster),
            user=user.name,
            certificate=certificate,
        )
    if provider:
        return _auth_provider(user, provider, runtime)
    if certificate:
        return StaticCredentials(certificate=certificate, user=user.name)
    raise user.error(
        "has no credentials that can be used; expected one of token, tokenFile, client-certificate(-data) "
        "with client-key(-data), username, exec or auth-provider (an empty entry means anonymous)"
    )


def _certificate(user: Entry) -> CertificateSource | None:
    certificate = _data_or_file(user, "client-certificate")
    key = _data_or_file(user, "client-key")
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = "client-certificate" if certificate is None else "client-key"
        raise user.error(f"{missing} or {missing}-data is missing: a certificate and its key go together")
    return CertificateSource(certificate, key)


def _data_or_file(entry: Entry, name: str) -> bytes | RotatingFile | None:
    if data := entry.text(f"{name}-data"):
        try:
            return base64.b64decode("".join(data.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise entry.error(f"{name}-data is not base64: {error}") from error
    path = entry.path(name)
    if path is None:
        return None
    if not os.access(path, os.R_OK):
        raise entry.error(f"{name}: cannot read {path}")
    return RotatingFile(path)


def _impersonation(user: Entry) -> Impersonation | None:
    name = user.text("as")
    groups = cast("Sequence[str]", user.values.get("as-groups") or ())
    extra = cast("Mapping[str, Sequence[str]]", user.values.get("as-user-extra") or {})
    uid = user.text("as-uid")
    if not (name or groups or extra or uid):
        return None
    try:
        return Impersonation(name, tuple(groups), uid, extra)
    except ConfigurationError as error:
        raise user.error(str(error)) from error


def _exec_options(user: Entry, section: Any) -> ExecOptions:
    if not isinstance(section, dict):
        raise user.error("exec must be a mapping")
    plugin = cast("dict[str, Any]", section)
    command = str(plugin.get("command") or "")
    if os.path.dirname(command):
        command = str(user.resolve(command))
    version = str(plugin.get("apiVersion") or "")
    mode = plugin.get("interactiveMode")
    if not mode and version.endswith("/v1"):
        raise user.error("exec: interactiveMode must be set with apiVersion v1: Never, IfAvailable or Always")
    try:
        return ExecOptions(
            command=command,
            args=tuple(str(argument) for argument in plugin.get("args") or ()),
            env=tuple((str(item["name"]), str(item["value"])) for item in plugin.get("env") or ()),
            api_version=version,
            provide_cluster_info=bool(plugin.get("provideClusterInfo")),
            interactive_mode=mode or "IfAvailable",
            install_hint=str(plugin.get("installHint") or "").strip(),
        )
    except (ConfigurationError, KeyError, TypeError) as error:
        raise user.error(f"exec cannot be used: {error}") from error


def _cluster_info(cluster: Entry) -> dict[str, Any]:
    """The cluster as a credential plugin is told about it."""
    info: dict[str, Any] = {"server": cluster.text("server")}
    for name in ("tls-server-name", "proxy-url"):
        if value := cluster.text(name):
            info[name] = value
    if cluster.flag("insecure-skip-tls-verify"):
        info["insecure-skip-tls-verify"] = True
    authority = _data_or_file(cluster, "certificate-authority")
    if authority is not None:
        content = authority if isinstance(authority, bytes) else authority.path.read_bytes()
        info["certificate-authority-data"] = base64.b64encode(content).decode()
    for extension in cast("list[dict[str, Any]]", cluster.values.get("extensions") or []):
        if extension.get("name") == _EXEC_EXTENSION:
            info["config"] = extension.get("extension")
    return info


def _auth_provider(user: Entry, section: Any, runtime: Runtime) -> Credentials:
    provider = cast("dict[str, Any]", section) if isinstance(section, dict) else {}
    name = provider.get("name")
    if name != "oidc":
        raise user.error(
            f"the auth-provider {name!r} is not supported (kubectl has dropped all but oidc); "
            "use the cloud's exec plugin, such as gke-gcloud-auth-plugin or kubelogin"
        )
    settings = cast("dict[Any, Any]", provider.get("config") or {})
    config = {str(key): str(value) for key, value in settings.items()}
    authority: bytes | None = None
    try:
        if data := config.get("idp-certificate-authority-data"):
            authority = base64.b64decode(data)
        elif file := config.get("idp-certificate-authority"):
            authority = user.resolve(file).read_bytes()
    except (OSError, ValueError) as error:
        raise user.error(f"auth-provider: idp-certificate-authority cannot be read: {error}") from error

    def persist(changed: Mapping[str, str]) -> None:
        try:
            persist_auth_provider(user, changed)
        except OSError as error:
            # Not to be passed over: the old refresh token may be void already.
            raise CredentialsError(f"cannot keep the renewed tokens in {user.file}: {error}") from error

    try:
        return OIDCCredentials(
            config, fetch=https_fetch(authority), persist=persist, runtime=runtime, user=user.name
        )
    except ConfigurationError as error:
        raise user.error(str(error)) from error
