"""The embedded API server as the commands start it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconcile.apiserver import APIServer, ServerOptions, WebhookOptions
from reconcile.apiserver.access.options import AccessOptions
from reconcile.apiserver.http import HTTPOptions
from reconcile.apiserver.kubelet import Kubelet
from reconcile.apiserver.local_webhooks import LocalWebhooks
from reconcile.cli.failures import CommandError
from reconcile.client.client import Client
from reconcile.runtime import Runtime, SystemRuntime

if TYPE_CHECKING:
    from reconcile.manager import Manager


@dataclass(frozen=True, slots=True)
class Embedded:
    """A running server.

    Attributes:
        server: the server itself.
        client: in process, as a cluster administrator.
        url: where it listens; empty when it does not.
        kubeconfig: the text of a kubeconfig for it; empty when it does not listen.
        managers: operators of this process whose webhooks the server calls: add yours.
    """

    server: APIServer
    client: Client
    url: str = ""
    kubeconfig: str = ""
    managers: list[Manager] = field(default_factory=list["Manager"])


@asynccontextmanager
async def embedded_server(
    *,
    port: int | None = None,
    runtime: Runtime | None = None,
    data_dir: Path | None = None,
    access: AccessOptions | None = None,
    kubelet: Kubelet | None = None,
    feature_gates: Mapping[str, bool] | None = None,
) -> AsyncGenerator[Embedded]:
    """Start a server in this process, on a port of this machine alone (0: any free one) if one is given.

    `data_dir` is where objects are kept; None: in memory only. `access`: who may do what, and then by
    HTTPS, with an administrator's certificate in the kubeconfig; None: whoever asks is the administrator.
    `kubelet`: what is behind pods; None: nothing. `feature_gates` as in `ServerOptions`.

    Raises:
        CommandError: the port is in use or not allowed.
        ConfigurationError: the directory cannot be used.
    """
    runtime = runtime or SystemRuntime()
    managers: list[Manager] = []
    options = ServerOptions(
        data_dir=data_dir,
        access=access,
        webhooks=WebhookOptions(handlers=LocalWebhooks(lambda: managers)),
        kubelet=kubelet,
        feature_gates=feature_gates or {},
    )
    async with APIServer(options, runtime=runtime) as server:
        url = kubeconfig = ""
        if port is not None:
            try:
                options = None if access is None else HTTPOptions(tls=True)
                address = await server.serve("127.0.0.1", port, options=options)
            except OSError as error:
                reason = error.strerror or str(error)
                raise CommandError(f"--port {port}: {reason.lower()}; --port 0 takes any free one") from error
            url = address.url
            kubeconfig = kubeconfig_for(url) if access is None else _as_yaml(address.kubeconfig())
        async with Client(server.transport(), runtime=runtime) as client:
            yield Embedded(server, client, url, kubeconfig, managers)


def _as_yaml(value: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(value, sort_keys=False)


def kubeconfig_for(url: str) -> str:
    """A kubeconfig whose only context is the embedded server."""
    return f"""apiVersion: v1
kind: Config
current-context: reconcile
clusters:
  - name: reconcile
    cluster:
      server: {url}
contexts:
  - name: reconcile
    context:
      cluster: reconcile
      user: reconcile
      namespace: default
users:
  - name: reconcile
    user: {{}}
"""
