"""The embedded server behind HTTPS in a thread of its own, for clients that are no part of this program."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconcile.apiserver.http import HTTPOptions
from reconcile.apiserver.server import APIServer, ServerOptions


@contextmanager
def embedded_in_thread(directory: Path, options: ServerOptions | None = None) -> Iterator[Path]:
    """Serves for as long as the `with` statement; gives the administrator's kubeconfig."""
    kubeconfig = directory / "kubeconfig"
    ready, done = threading.Event(), threading.Event()
    failed: list[BaseException] = []

    async def serve() -> None:
        async with APIServer(options) as server:
            address = await server.serve(options=HTTPOptions(tls=True))
            address.write_kubeconfig(kubeconfig)
            ready.set()
            await asyncio.to_thread(done.wait)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=run, name="embedded server")
    thread.start()
    try:
        assert ready.wait(60) and not failed, failed
        yield kubeconfig
    finally:
        done.set()
        thread.join(60)
