"""Managers that elect a leader by Lease, on an embedded server in virtual time."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from reconcile import Client, ConfigurationError, Manager, ManagerOptions, Reconciler, Request
from reconcile.api.coordination.v1 import Lease
from reconcile.api.core.v1 import ConfigMap
from reconcile.api.events.v1 import Event
from reconcile.apiserver import APIServer
from reconcile.client.transport import Transport, TransportRequest, TransportResponse
from reconcile.errors import ConflictError, OutcomeUnknownError, TransportError, WriteRefusedError
from reconcile.leaderelection import LeaseElector, LeaseOptions
from reconcile.manager.logs import make_logger
from reconcile.objects.meta import ObjectMeta
from reconcile.runtime import SimulatedRuntime

KEY = "default/operator"


class Machine(SimulatedRuntime):
    """A machine that can have slept: `slept` seconds that only one of its clocks knows of."""

    def __init__(self) -> None:
        super().__init__(1)
        self.slept = 0.0

    def elapsed(self) -> float:
        return super().elapsed() + self.slept


class Network(Transport):
    """Between one manager and the server: may be cut, and may lose the answers of writes to Leases."""

    def __init__(self, inner: Transport) -> None:
        self.cut = False
        self.hangs = False
        self.loses_answers = False
        self.requests: list[tuple[str, str]] = []
        self.sent: list[TransportRequest] = []
        self._inner = inner

    async def send(self, request: TransportRequest) -> TransportResponse:
        self.requests.append((request.method, request.path))
        self.sent.append(request)
        if self.hangs:
            await asyncio.sleep(request.timeout or 3600)
            raise OutcomeUnknownError("no answer")
        if self.cut:
            raise TransportError("the network is cut")
        response = await self._inner.send(request)
        if self.loses_answers and request.method == "PUT" and "/leases/" in request.path:
            await response.close()
            raise OutcomeUnknownError("the answer was lost")
        return response

    async def close(self) -> None:
        await self._inner.close()


class Stamping(Reconciler[ConfigMap]):
    """Writes every ConfigMap once a second; notes when it was cancelled and what was refused."""

    name = "stamping"
    labels = "stamp"

    def __init__(self, process: Process) -> None:
        self.process = process

    async def reconcile(self, request: Request, /) -> None:
        try:
            while True:
                try:
                    await self.client.patch(ConfigMap, request.key, {"data": {"by": self.process.name}})
                    self.process.writes += 1
                except WriteRefusedError as error:
                    self.process.refusals.append(str(error))
                    raise
                except TransportError:
                    pass
                await asyncio.sleep(1)
        except asyncio.CancelledError:
            self.process.cancelled_at.append(asyncio.get_running_loop().time())
            await asyncio.sleep(self.process.slow_end)
            raise


class Process:
    """One replica."""

    def __init__(self, world: World, name: str, *, key: str = KEY, **options: Any) -> None:
        self.name = name
        self.machine = Machine()
        self.network = Network(world.server.transport())
        self.client = Client(self.network, runtime=self.machine)
        self.log = io.StringIO()
        self.writes = 0
        self.refusals: list[str] = []
        self.cancelled_at: list[float] = []
        self.slow_end = 0.0
        self.elector = LeaseElector(LeaseOptions(key, identity=name, **options))
        self.manager = Manager(
            self.client,
            reconcilers=[Stamping(self)],
            leader_election=self.elector,
            options=ManagerOptions(graceful_shutdown_timeout=0),
            runtime=self.machine,
            log=make_logger(self.machine, format="json", level="debug", stream=self.log),
        )

    @property
    def messages(self) -> list[str]:
        return [json.loads(line)["message"] for line in self.log.getvalue().splitlines()]

    async def leads(self, within: float = 60) -> float:
        """Wait until it does; the time."""
        return await until(lambda: self.elector.is_leader and self.manager._campaign.leading, within)

    async def loses(self, within: float = 60) -> float:
        return await until(lambda: not self.manager._campaign.leading, within)


class World:
    def __init__(self, server: APIServer) -> None:
        self.server = server
        self.admin = Client(server.transport(), runtime=server.runtime)
        self.processes: list[Process] = []

    async def start(self, name: str, **options: Any) -> Process:
        process = Process(self, name, **options)
        self.processes.append(process)
        await process.manager.start()
        return process

    async def lease(self) -> Lease:
        return await self.admin.get(Lease, KEY)

    async def change(self, change: Callable[[Lease], object]) -> None:
        """Somebody edits the Lease."""
        while True:
            lease = await self.lease()
            change(lease)
            try:
                await self.admin.update(lease)
            except ConflictError:
                continue
            return


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    runtime = SimulatedRuntime(7)
    async with APIServer(runtime=runtime) as server:
        made = World(server)
        await made.admin.create(
            ConfigMap(metadata=ObjectMeta(name="a", namespace="default", labels={"stamp": "yes"}))
        )
        try:
            yield made
        finally:
            for process in made.processes:
                process.network.cut = process.network.hangs = False
                await process.manager.stop()
                await process.client.close()
            await made.admin.close()


async def until(condition: Callable[[], object], within: float = 60) -> float:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.01)
    return loop.time()


async def test_the_first_leader_waits_once_and_says_so_in_the_lease() -> None:
    async with world() as w:
        one = await w.start("one", labels={"app": "shop"})
        assert 15 <= await one.leads() < 15.1
        lease = await w.lease()
        assert lease.spec.holder_identity == one.elector.identity == one.elector.holder
        assert one.elector.identity.startswith("one_") and len(one.elector.identity) == 40
        assert lease.spec.lease_duration_seconds == 15 and lease.metadata.labels == {"app": "shop"}
        assert (lease.spec.acquire_time or "").startswith("2026-01-01T00:00:15.0")
        renewed = lease.spec.renew_time
        await asyncio.sleep(10)
        assert renewed and renewed < ((await w.lease()).spec.renew_time or "")
        assert one.manager.lease is one.elector and one.elector.is_leader and one.writes > 5


async def test_a_stop_hands_over_within_two_seconds() -> None:
    async with world() as w:
        one = await w.start("one")
        await one.leads()
        two = await w.start("two")
        await asyncio.sleep(5)
        assert not two.elector.is_leader and two.elector.holder == one.elector.identity and two.writes == 0
        stopped = asyncio.get_running_loop().time()
        await one.manager.stop()
        assert await two.leads() - stopped < 0.1
        assert (await w.lease()).spec.lease_transitions == 2
        await two.manager.stop()
        lease = await w.lease()
        assert lease.spec.holder_identity is None and lease.spec.lease_duration_seconds == 1


async def test_without_the_watch_a_hand_over_takes_a_period() -> None:
    async with world() as w:
        one = await w.start("one")
        await one.leads()
        two = await w.start("two", watch=False)
        await asyncio.sleep(5)
        stopped = asyncio.get_running_loop().time()
        await one.manager.stop()
        assert await two.leads() - stopped <= 2.02
        assert not [path for method, path in two.network.requests if "leases?" in path]


async def test_a_dead_leader_is_followed_after_duration_and_period() -> None:
    async with world() as w:
        one = await w.start("one")
        await one.leads()
        two = await w.start("two")
        await asyncio.sleep(7)
        one.network.cut = True
        cut = asyncio.get_running_loop().time()
        took = await two.leads() - cut
        assert 13 - 0.1 <= took <= 15 + 2
        assert not one.elector.is_leader


async def test_a_server_that_is_away_costs_the_lead_at_the_deadline_and_it_comes_back() -> None:
    async with world() as w:
        one = await w.start("one")
        await one.leads()
        await asyncio.sleep(5.5)
        one.network.cut = True
        cut = asyncio.get_running_loop().time()
        lost = await one.loses()
        assert 8 - 0.1 <= lost - cut <= 10
        await asyncio.sleep(30)
        assert one.cancelled_at == [pytest.approx(lost, abs=0.1)]
        assert "lost the lead; leader-elected work is cancelled" in one.messages
        writes = one.writes
        one.network.cut = False
        await one.leads()
        await asyncio.sleep(3)
        assert one.writes > writes
        assert (await w.lease()).spec.lease_transitions == 1, "nobody else led meanwhile"


async def test_a_server_that_never_answers_is_no_leader_for_ever() -> None:
    async with world() as w:
        one = await w.start("one")
        await one.leads()
        two = await w.start("two")
        await asyncio.sleep(5)
        one.network.hangs = True
        hung = asyncio.get_running_loop().time()
        assert await one.loses() - hung <= 10
        await two.leads()
        assert one.cancelled_at and one.cancelled_at[0] - hung <= 10.1


async def test_a_deleted_lease_is_made_anew_by_its_leader_in_the_same_term() -> None:
    async with world() as w:
        one = await w.start("one")
        await one.leads()
        two = await w.start("two")
        await asyncio.sleep(5)
        for _ in range(5):
            await w.admin.delete(Lease, KEY)
            await asyncio.sleep(3.3)
            assert (await w.lease()).spec.holder_identity == one.elector.identity
        assert one.elector.is_leader and one.cancelled_at == [] and two.writes == 0


async def test_an_emptied_lease_is_taken_back_by_its_leader() -> None:
    async with world() as w:
        one = await w.start("one")
        await one.leads()
        two = await w.start("two")
        await asyncio.sleep(5)
        await w.change(lambda lease: setattr(lease.spec, "holder_identity", None))
        await asyncio.sleep(5)
        assert (await w.lease()).spec.holder_identity == one.elector.identity
        assert one.cancelled_at == [] and two.writes == 0


async def test_a_lease_taken_by_a_stranger_is_lost_at_once_and_won_back_when_it_ends() -> None:
    async with world() as w:
        one = await w.start("one")
        await one.leads()
        await asyncio.sleep(5.5)
        await w.change(lambda lease: setattr(lease.spec, "holder_identity", "stranger"))
        taken = asyncio.get_running_loop().time()
        assert await one.loses() - taken < 0.1
        assert one.elector.holder == "stranger"
        await until(lambda: one.cancelled_at)
        assert 15 - 0.1 <= await one.leads() - taken <= 15 + 2
        await asyncio.sleep(2)
        assert (await w.lease()).spec.lease_transitions == 2


async def test_a_change_of_a_label_costs_a_slow_path_and_nothing_else() -> None:
    async with world() as w:
        one = await w.start("one")
        await one.leads()
        await w.change(lambda lease: lease.metadata.labels.update(team="shop"))
        await asyncio.sleep(5)
        lease = await w.lease()
        assert (
            lease.metadata.labels == {"team": "shop"} and lease.spec.holder_identity == one.elector.identity
        )
        assert one.elector.slow_paths == 1 and one.cancelled_at == []


async def test_garbage_in_the_lease_is_lived_with() -> None:
    async with world() as w:
        await w.admin.create(
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": "operator", "namespace": "default", "annotations": {"note": "mine"}},
                "spec": {
                    "holderIdentity": "…_💥",
                    "leaseTransitions": 2**31 - 1,
                    "renewTime": "9999-12-31T23:59:59.999999Z",
                    "acquireTime": "1970-01-01T00:00:00.000000Z",
                },
            }
        )
        one = await w.start("one")
        assert 15 <= await one.leads() <= 17
        lease = await w.lease()
        assert lease.spec.lease_transitions == 0 and lease.metadata.annotations == {"note": "mine"}
        assert lease.spec.lease_duration_seconds == 15


async def test_a_renewal_whose_answer_is_lost_costs_nothing() -> None:
    async with world() as w:
        one = await w.start("one")
        await one.leads()
        one.network.loses_answers = True
        await asyncio.sleep(9)
        one.network.loses_answers = False
        await asyncio.sleep(5)
        assert one.elector.is_leader and one.cancelled_at == []
        assert (await w.lease()).spec.lease_transitions == 1


async def test_a_machine_that_slept_does_not_write_when_it_wakes() -> None:
    async with world() as w:
        one = await w.start("one")
        await one.leads()
        await asyncio.sleep(5.5)
        writes = one.writes
        one.machine.slept += 60
        one.network.cut = True
        assert not one.elector.is_leader, "before anybody has noticed"
        await until(lambda: "lost the lead; leader-elected work is cancelled" in one.messages)
        assert one.refusals or one.cancelled_at
        await asyncio.sleep(5)
        assert one.writes == writes
        # Nobody took the Lease meanwhile: it is won again, with all work begun anew.
        one.network.cut = False
        await one.leads()
        await until(lambda: one.writes > writes)


async def test_the_guard_refuses_and_says_why() -> None:
    async with world() as w:
        one = await w.start("one")
        await one.leads()
        await asyncio.sleep(5.5)
        one.machine.slept += 60
        await until(lambda: one.refusals)
        assert one.refusals[0] == (
            "patch of configmaps default/a refused: the lease was not renewed in time, so another process "
            "may lead (Lease default/operator)"
        )
        assert one.elector.guard is not None and one.elector.guard.refused >= 1


async def test_work_that_is_slow_to_end_is_waited_for_before_the_lead_is_sought_again() -> None:
    async with world() as w:
        one = await w.start("one")
        await one.leads()
        one.slow_end = 50
        await asyncio.sleep(5.5)
        await w.change(lambda lease: setattr(lease.spec, "holder_identity", "stranger"))
        lost = await one.loses()
        answer = await one.manager._healthz.answer()
        assert answer.status == 200
        await asyncio.sleep(25)
        answer = await one.manager._healthz.answer()
        assert answer.status == 500 and "[-]leader-election failed" in answer.body
        assert "waiting for it: it did not end when cancelled" in one.messages
        one.slow_end = 0
        assert await one.leads() - lost >= 49.9
        answer = await one.manager._healthz.answer()
        assert answer.status == 200


async def test_a_lead_lost_during_the_shutdown_cancels_what_still_runs() -> None:
    async with world() as w:
        one = Process(w, "one")
        one.manager.options = ManagerOptions(graceful_shutdown_timeout=100)
        w.processes.append(one)
        await one.manager.start()
        await one.leads()
        await asyncio.sleep(5)
        stopping = asyncio.create_task(one.manager.stop())
        await asyncio.sleep(5)
        assert one.cancelled_at == [] and one.elector.is_leader, "the lease is kept while work goes on"
        await w.change(lambda lease: setattr(lease.spec, "holder_identity", "stranger"))
        changed = asyncio.get_running_loop().time()
        await stopping
        assert one.cancelled_at[0] - changed < 0.1
        assert (await w.lease()).spec.holder_identity == "stranger"


async def test_changes_of_the_lead_are_events_of_the_lease() -> None:
    async with world() as w:
        one = await w.start("one")
        await one.leads()
        await one.manager.stop()
        lease = await w.lease()
        events = [
            each for each in await w.admin.list(Event, namespace="default") if each.reason == "LeaderElection"
        ]
        assert sorted(each.note or "" for each in events) == [
            f"{one.elector.identity} became leader",
            f"{one.elector.identity} stopped leading",
        ]
        assert {each.regarding.name for each in events if each.regarding} == {"operator"}
        assert {each.regarding.uid for each in events if each.regarding} == {lease.metadata.uid}


async def test_setup_runs_on_every_replica_and_may_not_write() -> None:
    class Writing(Stamping):
        async def setup(self) -> None:
            await self.client.create(ConfigMap(metadata=ObjectMeta(name="b", namespace="default")))

    async with world() as w:
        process = Process(w, "one")
        w.processes.append(process)
        await process.manager.remove("stamping")
        process.manager.add(Writing(process))
        with pytest.raises(WriteRefusedError, match="does not lead yet; `setup` runs on every replica"):
            await process.manager.start()


async def test_outside_of_a_cluster_the_namespace_must_be_said() -> None:
    async with world() as w:
        process = Process(w, "one", key="operator")
        w.processes.append(process)
        with pytest.raises(ConfigurationError, match='leader_election="my-namespace/operator"'):
            await process.manager.start()


async def test_a_manager_takes_a_name_or_options() -> None:
    manager = Manager(leader_election="shop/operator")
    assert manager.lease is not None and manager.lease.name == "operator"
    assert manager.lease.options == LeaseOptions("operator", namespace="shop")
    assert Manager(leader_election=LeaseOptions("shop/operator", retry_period=1)).lease is not None
    assert Manager().lease is None


async def test_metrics_tell_who_leads_and_what_was_refused() -> None:
    from prometheus_client import generate_latest

    async with world() as w:
        one = await w.start("one")
        text = generate_latest(one.manager.metrics).decode()
        assert 'leader_election_master_status{name="operator"} 0.0' in text
        await one.leads()
        one.machine.slept += 60
        await until(lambda: one.refusals)
        await one.leads()
        text = generate_latest(one.manager.metrics).decode()
        assert 'leader_election_master_status{name="operator"} 1.0' in text
        assert 'leader_election_slowpath_total{name="operator"}' in text
        refused = 'reconcile_leader_election_refused_writes_total{name="operator"} '
        assert float(text.split(refused)[1].split("\n")[0]) == len(one.refusals)


async def test_managers_that_share_a_client_lead_each_by_itself() -> None:
    async with world() as w:
        one = Process(w, "one")
        two = Process(w, "two")
        w.processes += [one, two]
        two.manager = Manager(
            one.client,
            reconcilers=[Stamping(two)],
            leader_election=(elector := LeaseElector(LeaseOptions("default/another", identity="two"))),
            options=ManagerOptions(graceful_shutdown_timeout=0),
            runtime=one.machine,
        )
        await one.manager.start()
        await one.leads()
        await two.manager.start()
        await asyncio.sleep(5)
        assert one.writes > 3 and not elector.is_leader
        await until(lambda: elector.is_leader)
        await one.manager.stop()
        await asyncio.sleep(5)
        assert two.writes > 3 and one.refusals == two.refusals == []


async def test_a_namespace_that_is_not_there_is_said() -> None:
    async with world() as w:
        process = Process(w, "one", key="nowhere/operator")
        w.processes.append(process)
        await process.manager.start()
        await asyncio.sleep(5)
        said = [json.loads(line) for line in process.log.getvalue().splitlines()]
        errors = [
            line["error"] for line in said if line["message"] == "the lease could not be read or written"
        ]
        assert len(errors) == 1 and 'namespaces "nowhere" not found' in errors[0]


def test_a_manager_may_run_on_another_loop() -> None:
    from reconcile.runtime import VirtualTimeLoop

    async def run(manager: Manager, server: APIServer) -> None:
        async with server:
            manager.client = Client(server.transport(), runtime=manager.runtime)
            async with manager:
                await until(lambda: manager.lease is not None and manager.lease.is_leader)
            await manager.client.close()

    runtime = SimulatedRuntime(1)
    manager = Manager(leader_election="default/operator", runtime=runtime)
    manager._owns_client = False
    for _ in range(2):
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(run(manager, APIServer(runtime=runtime)))


async def test_writes_of_the_leader_are_bounded_and_name_what_they_are_about() -> None:
    class Deleting(Stamping):
        async def reconcile(self, request: Request, /) -> None:
            await self.client.delete(ConfigMap, request.key)

    async with world() as w:
        process = Process(w, "one")
        w.processes.append(process)
        await process.manager.remove("stamping")
        process.manager.add(Deleting(process))
        uid = (await w.admin.get(ConfigMap, "default/a")).metadata.uid
        await process.manager.start()
        await process.leads()
        await asyncio.sleep(1)
        deletion = next(request for request in process.network.sent if request.method == "DELETE")
        assert json.loads(deletion.body or b"")["preconditions"] == {"uid": uid}
        (timeout,) = [value for name, value in deletion.query if name == "timeout"]
        assert 10_000 < int(timeout.removesuffix("ms")) <= 15_000
        assert deletion.timeout is not None and 10 < deletion.timeout <= 15


async def test_a_part_that_a_leaders_reconcile_adds_outlives_its_term() -> None:
    wrote: list[str] = []

    class Part:
        name = "part"
        needs_leader_election = False

        def __init__(self, client: Client) -> None:
            self.client = client

        async def run(self) -> None:
            while True:
                await self.client.apply(ConfigMap(metadata=ObjectMeta(name="part", namespace="default")))
                wrote.append("part")
                await asyncio.sleep(1)

    class Adding(Stamping):
        async def reconcile(self, request: Request, /) -> None:
            if not wrote:
                self.process.manager.add(Part(self.client))

    async with world() as w:
        process = Process(w, "one")
        w.processes.append(process)
        await process.manager.remove("stamping")
        process.manager.add(Adding(process))
        await process.manager.start()
        await process.leads()
        await asyncio.sleep(3)
        await w.change(lambda lease: setattr(lease.spec, "holder_identity", "stranger"))
        await process.loses()
        before = len(wrote)
        await asyncio.sleep(5)
        assert len(wrote) >= before + 4


async def test_what_was_started_last_is_cancelled_first() -> None:
    ended: list[str] = []

    class Part:
        needs_leader_election = True

        def __init__(self, name: str) -> None:
            self.name = name

        async def run(self) -> None:
            try:
                await asyncio.sleep(10**9)
            finally:
                ended.append(self.name)

    async with world() as w:
        process = Process(w, "one")
        w.processes.append(process)
        for name in ("first", "second", "third"):
            process.manager.add(Part(name))
        await process.manager.start()
        await process.leads()
        await w.change(lambda lease: setattr(lease.spec, "holder_identity", "stranger"))
        await process.loses()
        await until(lambda: len(ended) == 3)
        assert ended == ["third", "second", "first"]


async def test_an_elector_that_hangs_fails_the_health_check_after_the_lease() -> None:
    class Hanging(LeaseElector):
        async def _renew(self, lease: Any) -> None:
            await asyncio.sleep(10**9)

    async with world() as w:
        process = Process(w, "one")
        process.elector = Hanging(LeaseOptions(KEY, identity="one"))
        process.manager = Manager(
            process.client,
            leader_election=process.elector,
            options=ManagerOptions(graceful_shutdown_timeout=0),
            runtime=process.machine,
        )
        w.processes.append(process)
        await process.manager.start()
        await process.leads()
        await asyncio.sleep(15 + 19)
        assert (await process.manager._healthz.answer()).status == 200
        await asyncio.sleep(2)
        assert (await process.manager._healthz.answer()).status == 500
