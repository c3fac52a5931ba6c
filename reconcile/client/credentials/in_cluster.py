"""The configuration that every pod finds mounted: its service account."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from reconcile.client.credentials.connection import Connection
from reconcile.client.credentials.files import RotatingFile
from reconcile.client.credentials.static import StaticCredentials
from reconcile.errors import ConfigurationError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def is_in_cluster(*, directory: Path = SERVICE_ACCOUNT, environment: Mapping[str, str] | None = None) -> bool:
    """Whether this process runs in a pod with a service account."""
    environment = os.environ if environment is None else environment
    return bool(
        environment.get("KUBERNETES_SERVICE_HOST")
        and environment.get("KUBERNETES_SERVICE_PORT")
        and (directory / "token").is_file()
    )


def in_cluster_connection(
    *, directory: Path = SERVICE_ACCOUNT, environment: Mapping[str, str] | None = None
) -> Connection:
    """The connection of a pod's service account; token and authority are read again when they rotate."""
    environment = os.environ if environment is None else environment
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT", "")
    token, authority = directory / "token", directory / "ca.crt"
    if not host or not port or not token.is_file():
        raise ConfigurationError(
            "this process does not run in a cluster: KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT and "
            f"{token} are needed (a pod with automountServiceAccountToken: false has none)"
        )
    try:
        namespace = (directory / "namespace").read_text().strip()
    except OSError:
        namespace = ""
    return Connection(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        credentials=StaticCredentials(token=RotatingFile(token), user="the pod's service account"),
        authority=RotatingFile(authority),
        # The API server of the own cluster is never behind the proxy that the pod may have for the world.
        proxy="none",
        namespace=namespace or "default",
        origin="the pod's service account",
    )
