"""Managers that elect a leader by Lease, on an embedded server in virtual time."""

from __future__ import annotations

import asyncio

from reconcile import Client, Manager, Reconciler, Request
from reconcile.api.coordination.v1 import Lease
from reconcile.api.core.v1 import ConfigMap
from reconcile.apiserver import APIServer
from reconcile.leaderelection import LeaseOptions
from reconcile.runtime import SimulatedRuntime


class Noting(Reconciler[ConfigMap]):
    name = "noting"

    def __init__(self, who: str, noted: list[str]) -> None:
        self.who, self.noted = who, noted

    async def reconcile(self, request: Request, /) -> None:
        self.noted.append(self.who)


async def test_one_leads_and_hands_over_when_it_stops() -> None:
    noted: list[str] = []
    runtime = SimulatedRuntime(1)
    async with APIServer(runtime=runtime) as server:
        client = Client(server.transport(), runtime=runtime)

        def manager(who: str) -> Manager:
            options = LeaseOptions("default/operator", identity=who)
            return Manager(client, reconcilers=[Noting(who, noted)], leader_election=options, runtime=runtime)

        one, two = manager("one"), manager("two")
        await one.start()
        await asyncio.sleep(5)
        await two.start()
        await asyncio.sleep(20)
        lease = await client.get(Lease, "default/operator")
        assert (lease.spec.holder_identity or "").startswith("one_")
        assert lease.spec.lease_transitions == 1
        assert set(noted) == {"one"}
        await one.stop()
        await asyncio.sleep(2.5)
        lease = await client.get(Lease, "default/operator")
        assert (lease.spec.holder_identity or "").startswith("two_")
        assert lease.spec.lease_transitions == 2
        assert set(noted) == {"one", "two"}
        await two.stop()
        lease = await client.get(Lease, "default/operator")
        assert lease.spec.holder_identity is None
        await client.close()
