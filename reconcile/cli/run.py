"""`reconcile run`: an operator's manager, on a cluster or on an embedded server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from reconcile.cli.failures import CommandError
from reconcile.cli.locate import Setup, embedded_kubelet_of, load_setup
from reconcile.cli.reachable import require_reachable
from reconcile.client.client import Client
from reconcile.manager import Manager
from reconcile.manager.manager import CRDInstaller
from reconcile.manager.signals import shutdown_signals
from reconcile.runtime.event_loop import default_loop_factory
from reconcile.webhooks import CertificateFolder, OwnCertificates, WebhookServerOptions


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What `reconcile run` was asked for.

    Attributes:
        target: file, folder or module with `setup`.
        embedded, context, in_cluster: where to run; at most one, none for the usual configuration.
        namespaces: what to watch; empty for the whole cluster.
        leader_elect: name of the Lease to hold while reconciling; None for no election.
        dev: install the custom resources, and restart on changes of files.
        health_address: where `/healthz` and `/readyz` are served; None for nowhere.
        metrics_address: where `/metrics` is served; may be the same; None for nowhere.
        webhook_service: serve webhooks with certificates of the operator's own, for this service.
        webhook_certificates: serve webhooks with the certificate in this folder.
        webhook_address: where.
    """

    target: str
    embedded: bool = False
    context: str | None = None
    in_cluster: bool = False
    namespaces: tuple[str, ...] = ()
    leader_elect: str | None = None
    dev: bool = False
    health_address: str | None = None
    metrics_address: str | None = None
    webhook_service: str | None = None
    webhook_certificates: Path | None = None
    webhook_address: str = ":9443"


def run_operator(options: RunOptions) -> int:
    if options.dev:
        from reconcile.cli.restart import CHILD, run_restarting

        if CHILD not in os.environ:
            return run_restarting(watched_directory(options.target))
    setup = load_setup(options.target)
    with asyncio.Runner(loop_factory=default_loop_factory()) as runner:
        runner.run(_run(options, setup))
    return 0


def watched_directory(target: str) -> Path:
    """The folder whose files make `--dev` restart."""
    path = Path(target)
    if not path.exists():
        path = Path(*target.split("."))
    path = path.resolve()
    if path.is_dir():
        return path
    return path.parent if path.is_file() else Path.cwd()


async def _run(options: RunOptions, setup: Setup) -> None:
    main = asyncio.current_task()
    assert main is not None
    aborted = False

    def abort(signal: str) -> None:
        nonlocal aborted
        aborted = True
        main.cancel()

    try:
        await _run_until_stopped(options, setup, abort)
    except asyncio.CancelledError:
        if not aborted:
            raise
        raise CommandError("aborted: what was under way was cancelled") from None


async def _run_until_stopped(options: RunOptions, setup: Setup, abort: Callable[[str], None]) -> None:
    installer: CRDInstaller | None = None
    if options.embedded or options.dev:
        from reconcile.crd import install_crds as installer
    # Listened to before anything is printed; until there is something to drain, the first signal aborts.
    asked = [abort]
    with shutdown_signals(lambda signal: asked[0](signal), abort):
        async with _client(options, setup) as (client, managers):
            manager = Manager(
                client,
                namespaces=options.namespaces or None,
                leader_election=options.leader_elect,
                health_address=options.health_address,
                metrics_address=options.metrics_address,
                webhook_server=_webhook_server(options),
                crd_installer=installer,
            )
            setup(manager)
            managers.append(manager)
            asked[0] = lambda _: manager.request_stop()
            async with manager.garbage_collection(), manager:
                await manager.wait()


def _webhook_server(options: RunOptions) -> WebhookServerOptions | None:
    if options.webhook_certificates is not None:
        certificates = CertificateFolder(options.webhook_certificates)
    elif options.webhook_service is not None:
        certificates = OwnCertificates(options.webhook_service)
    else:
        return None
    return WebhookServerOptions(certificates, address=options.webhook_address)


@asynccontextmanager
async def _client(options: RunOptions, setup: Setup) -> AsyncGenerator[tuple[Client, list[Manager]]]:
    """The client, and where an embedded server looks for the webhooks of this process."""
    if options.embedded:
        # A pod has no use for it: it is not even imported there.
        from reconcile.cli.embedded import embedded_server

        async with embedded_server(port=0, kubelet=embedded_kubelet_of(setup)) as embedded:
            print(f"embedded API server at {embedded.url}", flush=True)
            yield embedded.client, embedded.managers
        return
    async with _connected(options) as client:
        await require_reachable(client)
        yield client, []


def _connected(options: RunOptions) -> Client:
    if options.in_cluster:
        return Client.in_cluster()
    return Client.connect(context=options.context)
