"""The Deployment and the ReplicaSet controller of the examples, or the hollow nodes, until it is ended."""

from __future__ import annotations

import argparse
import asyncio
import importlib
from pathlib import Path

from reconcile.cli.locate import example_operators
from reconcile.client.client import Client
from reconcile.manager import Manager, ManagerOptions


async def main(kubeconfig: Path, role: str) -> None:
    async with Client.from_kubeconfig(kubeconfig) as client:
        manager = Manager(client, options=ManagerOptions(log_level="error"))
        package = example_operators().__name__
        if role == "controllers":
            for name in ("deployment", "replicaset"):
                importlib.import_module(f"{package}.{name}").setup(manager)
        else:
            hollow = importlib.import_module(f"{package}.hollow_nodes")
            # Pods that are ready as soon as they run, and a heartbeat that costs next to nothing.
            timings = hollow.Timings(
                start=0.0, ready=0.0, stop=0.0, heartbeat=600.0, monitor=600.0, silence=1e9
            )
            hollow.setup(manager, timings=timings)
        async with manager.garbage_collection(), manager:
            print("ready", flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--role", choices=("controllers", "nodes"), default="controllers")
    asked = parser.parse_args()
    try:
        import uvloop

        uvloop.run(main(asked.kubeconfig, asked.role))
    except ImportError:
        asyncio.run(main(asked.kubeconfig, asked.role))
