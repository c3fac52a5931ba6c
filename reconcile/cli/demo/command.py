"""`reconcile demo`: the story on an embedded server, or its safe part on a cluster."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from reconcile.apiserver.loading import Document
from reconcile.cli.demo.scene import Scene
from reconcile.cli.demo.story import GuestbookStory, tell
from reconcile.cli.demo.summary import Summary, summary_of
from reconcile.cli.demo.trace import Trace
from reconcile.cli.demo.view import View, view_for
from reconcile.cli.embedded import Embedded, embedded_server
from reconcile.cli.files import write_atomically
from reconcile.cli.locate import example_operators, examples_directory
from reconcile.cli.manifests import read_manifests
from reconcile.cli.signals import user_may_end
from reconcile.client.client import Client
from reconcile.crd import install_crds
from reconcile.manager import Manager, ManagerOptions
from reconcile.runtime import Runtime, SystemRuntime

NAMESPACE = "default"


def demo_on_embedded_server(*, keep: bool, timeout: float) -> int:
    asyncio.run(_embedded(keep=keep, timeout=timeout, view=view_for(sys.stdout.isatty())))
    return 0


def demo_on_context(context: str, *, timeout: float) -> int:
    from reconcile.cli.demo.on_cluster import tell_on_cluster

    asyncio.run(tell_on_cluster(context, timeout=timeout, view=view_for(sys.stdout.isatty())))
    return 0


def demo_manifests() -> list[Document]:
    return read_manifests(sorted((examples_directory() / "manifests").glob("*.yaml")))


def demo_manager(client: Client, runtime: Runtime) -> Manager:
    """The manager of the example operators, quiet: the view shows what happens."""
    options = ManagerOptions(log_level="error", graceful_shutdown_timeout=2.0)
    manager = Manager(client, crd_installer=install_crds, options=options, runtime=runtime)
    example_operators().setup(manager)
    return manager


async def tell_guestbook(
    client: Client, runtime: Runtime, manifests: Sequence[Document], view: View, *, timeout: float | None
) -> tuple[Summary, Trace]:
    """Run the operators and tell the whole story on a server that has nothing on it."""
    trace = Trace(view.line)
    async with demo_manager(client, runtime) as manager, Scene(client, runtime, on_change=trace) as scene:
        view.watch(scene)
        story = GuestbookStory(client, scene, manifests, NAMESPACE)
        told = await tell(scene, story.steps, view, timeout=timeout)
        summary = summary_of(scene, manager, told)
    return summary, trace


async def _embedded(*, keep: bool, timeout: float, view: View) -> None:
    runtime = SystemRuntime()
    manifests = demo_manifests()
    kubelet = example_operators().embedded_kubelet()
    async with embedded_server(port=0 if keep else None, runtime=runtime, kubelet=kubelet) as embedded:
        if not keep:
            async with view:
                summary, _ = await tell_guestbook(embedded.client, runtime, manifests, view, timeout=timeout)
            view.finish(summary)
            return
        await _kept(embedded, runtime, manifests, view, timeout)


async def _kept(
    embedded: Embedded, runtime: Runtime, manifests: Sequence[Document], view: View, timeout: float
) -> None:
    """The story with operators that go on afterwards, until Ctrl-C."""
    client, file = embedded.client, Path.cwd() / "reconcile-demo.kubeconfig"
    write_atomically(file, embedded.kubeconfig, flag="--keep")
    try:
        async with demo_manager(client, runtime) as manager:
            embedded.managers.append(manager)
            async with view, Scene(client, runtime, on_change=Trace(view.line)) as scene:
                view.watch(scene)
                story = GuestbookStory(client, scene, manifests, NAMESPACE)
                told = await tell(scene, story.steps, view, timeout=timeout)
                summary = summary_of(scene, manager, told)
            view.finish(summary)
            with user_may_end() as asked:
                print(f"\nexport KUBECONFIG={file}", flush=True)
                print("kubectl get pods -A -o wide        (Ctrl-C here ends the server)", flush=True)
                await asked.wait()
    finally:
        file.unlink(missing_ok=True)
