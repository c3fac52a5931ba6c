"""The example operators at rest write nothing but heartbeats, and a deleted Database goes in the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from reconcile.apiserver import APIServer
from reconcile.cli.demo.command import NAMESPACE, demo_manager, demo_manifests
from reconcile.cli.demo.scene import DATABASES
from reconcile.cli.manifests import apply_manifests
from reconcile.client.client import Client
from reconcile.runtime import SimulatedRuntime


class WriteCounts:
    """Counts writes by verb, resource and subresource."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()

    def write_started(self, write: Any) -> None:
        self.counts[write.verb, write.resource_type.plural, write.subresource] += 1

    def write_finished(self, write: Any, outcome: Any) -> None:
        return None


async def test_at_rest_nothing_is_written_and_a_deleted_database_takes_its_last_backup() -> None:
    runtime = SimulatedRuntime(1)
    async with (
        APIServer(runtime=runtime) as server,
        Client(server.transport(), runtime=runtime) as client,
        Client(server.transport(), runtime=runtime) as user,
        demo_manager(client, runtime),
    ):
        writes = WriteCounts()
        await apply_manifests(user, demo_manifests(), namespace=NAMESPACE, field_manager="test")
        await asyncio.sleep(20)
        client.add_observer(writes)
        await asyncio.sleep(60)
        assert set(writes.counts) == {("apply", "leases", "")}, "a loop that never ends"

        await user.delete(DATABASES, f"{NAMESPACE}/orders")
        await asyncio.sleep(5)
        leaving = await user.get(DATABASES, f"{NAMESPACE}/orders")
        assert leaving["status"]["phase"] == "Deleting"
        assert writes.counts["create", "jobs", ""] == 1
        # Nobody runs Jobs here: the operator waits for the last backup, and then lets go.
        await asyncio.sleep(200)
        assert await user.get_or_none(DATABASES, f"{NAMESPACE}/orders") is None
