"""Every kind of write there is, and what is read after it while the watch has told nothing yet."""

from __future__ import annotations

from typing import Any

from helpers.driven import driven, driving, until
from helpers.replica_sets import SETS, a_pod, a_set, key_of, names, version_of
from helpers.servers import PODS, Session

FINALIZER = "example.com/hold"


async def test_an_object_created_after_the_deletion_of_its_name_is_seen_through_all_its_events(
    session: Session,
) -> None:
    key, sets = key_of(session), driven(SETS, owns=(PODS,))
    place = f"{session.namespace}/p"

    def uid(self: Any) -> str | None:
        found = self.cache.get(PODS, place)
        assert names(self.cache.list(PODS)) == ([] if found is None else ["p"])
        return None if found is None else found["metadata"]["uid"]

    async with driving(session, sets) as operator:
        owner = await session.client.create(a_set(session))
        await session.client.create(a_pod(session, owner, "p"))
        await sets.until_told(key)
        await until(lambda: operator.manager.cache.get(PODS, place), "the first pod is known")
        operator.transport.hold_events = True

        async def delete(self: Any) -> Any:
            await self.client.delete(PODS, place)
            return uid(self)

        async def create(self: Any) -> Any:
            created = await self.client.create(a_pod(session, owner, "p"))
            assert uid(self) == created["metadata"]["uid"]
            return created["metadata"]["uid"]

        for _ in range(2):
            assert await sets.run(key, delete) is None
            expected = await sets.run(key, create)

            async def still_there(expected: str = expected) -> None:
                assert await sets.run(key, uid) == expected, "the end of the one before hides its successor"

            await still_there()
            await operator.arrive_all(PODS, still_there)


async def test_a_deletion_that_a_finalizer_holds_up_is_seen_in_each_of_its_steps(session: Session) -> None:
    key, sets = key_of(session), driven(SETS)

    def state(self: Any) -> str:
        found = self.cache.get(SETS, key)
        assert names(self.cache.list(SETS)) == ([] if found is None else ["x"])
        if found is None:
            return "gone"
        return "going" if found["metadata"].get("deletionTimestamp") else "there"

    async def delete(self: Any) -> str:
        await self.client.delete(SETS, key)
        return state(self)

    async def release(self: Any) -> str:
        await self.client.patch(SETS, key, {"metadata": {"finalizers": None}})
        return state(self)

    async with driving(session, sets) as operator:
        await session.client.create(a_set(session, finalizers=[FINALIZER]))
        await sets.until_told(key)
        operator.transport.hold_events = True
        assert await sets.run(key, delete) == "going"
        assert await sets.run(key, state) == "going"
        assert await sets.run(key, release) == "gone"

        async def still_gone() -> None:
            assert await sets.run(key, state) == "gone", "an earlier step of its deletion brings it back"

        await still_gone()
        await operator.arrive_all(SETS, still_gone)


async def test_a_pod_within_its_grace_period_is_seen_going_and_then_gone(session: Session) -> None:
    key, sets = key_of(session), driven(SETS, owns=(PODS,))
    place = f"{session.namespace}/p"

    def state(self: Any) -> str:
        found = self.cache.get(PODS, place)
        if found is None:
            return "gone"
        return "going" if found["metadata"].get("deletionTimestamp") else "there"

    def delete(grace: int | None) -> Any:
        async def work(self: Any) -> str:
            await self.client.delete(PODS, place, grace_period_seconds=grace)
            return state(self)

        return work

    async with driving(session, sets) as operator:
        owner = await session.client.create(a_set(session))
        pod = a_pod(session, owner, "p")
        pod["spec"]["nodeName"] = "node-1"
        await session.client.create(pod)
        await sets.until_told(key)
        await until(lambda: operator.manager.cache.get(PODS, place), "the pod is known")
        operator.transport.hold_events = True
        assert await sets.run(key, delete(None)) == "going"
        assert await sets.run(key, state) == "going"
        assert await sets.run(key, delete(0)) == "gone"

        async def still_gone() -> None:
            assert await sets.run(key, state) == "gone", "an earlier step of its deletion brings it back"

        await still_gone()
        await operator.arrive_all(PODS, still_gone)


async def test_a_deletion_of_many_is_seen_by_the_next_reconcile(session: Session) -> None:
    key, sets = key_of(session), driven(SETS, owns=(PODS,))
    async with driving(session, sets) as operator:
        owner = await session.client.create(a_set(session))
        for name in ("p", "q"):
            await session.client.create(a_pod(session, owner, name))
        await session.client.create(a_pod(session, owner, "r", labels={"app": "other"}))
        await sets.until_told(key)
        await until(lambda: len(operator.manager.cache.list(PODS)) == 3, "the pods are known")
        operator.transport.hold_events = True
        await sets.run(
            key,
            lambda self: self.client.delete_collection(PODS, namespace=session.namespace, labels="app=x"),
        )
        assert await sets.run(key, lambda self: names(self.cache.list(PODS))) == ["r"]

        async def create(self: Any) -> Any:
            await self.client.create(a_pod(session, owner, "p"))
            return names(self.cache.list(PODS))

        assert await sets.run(key, create) == ["p", "r"]
        # Moves the stream past the version at which the server was asked.
        await session.client.patch(PODS, f"{session.namespace}/r", {"metadata": {"labels": {"last": "1"}}})

        async def as_written() -> None:
            assert await sets.run(key, lambda self: names(self.cache.list(PODS))) == ["p", "r"]

        await operator.arrive_all(PODS, as_written)


async def test_a_binding_is_seen_by_the_next_reconcile(session: Session) -> None:
    """A scheduler that does not see its own binding gives the node's room away twice."""
    pods = driven(PODS)
    key = key_of(session, "p")

    def node(self: Any) -> str:
        return self.cache.get(PODS, key)["spec"].get("nodeName", "")

    async with driving(session, pods) as operator:
        await session.client.create(session.pod("p"))
        await session.client.create(session.pod("q"))
        await pods.until_told(key)
        await pods.until_told(key_of(session, "q"))
        operator.transport.hold_events = True
        await pods.run(key, lambda self: self.client.bind(key, "node-1"))
        assert await pods.run(key, node) == "node-1"
        # It is the controller that bound: its reconciles of other pods count the room as well.
        await pods.run(key_of(session, "q"), lambda self: self.client.bind(key_of(session, "q"), "node-2"))
        assert await pods.run(key_of(session, "z"), node) == "node-1"
        await operator.nothing_left(lambda: session.client.create(session.pod("last")))


async def test_a_binding_counts_for_the_next_pod(session: Session) -> None:
    pods = driven(PODS)
    first, second = key_of(session, "p"), key_of(session, "q")
    async with driving(session, pods) as operator:
        for key in (first, second):
            await session.client.create(session.pod(key.name))
            await pods.until_told(key)
        operator.transport.hold_events = True
        await pods.run(first, lambda self: self.client.bind(first, "node-1"))
        found = await pods.run(second, lambda self: self.cache.get(PODS, first))
        assert found["spec"].get("nodeName") == "node-1"


async def test_an_eviction_is_seen_by_the_next_reconcile(session: Session) -> None:
    key, sets = key_of(session), driven(SETS, owns=(PODS,))
    async with driving(session, sets) as operator:
        owner = await session.client.create(a_set(session))
        await session.client.create(a_pod(session, owner, "p"))
        bound = a_pod(session, owner, "q")
        bound["spec"]["nodeName"] = "node-1"
        await session.client.create(bound)
        await sets.until_told(key)
        await until(lambda: len(operator.manager.cache.list(PODS)) == 2, "the pods are known")
        operator.transport.hold_events = True

        async def evict(self: Any) -> None:
            for name in ("p", "q"):
                await self.client.evict(f"{session.namespace}/{name}")

        await sets.run(key, evict)

        def read(self: Any) -> Any:
            return [
                (pod["metadata"]["name"], "deletionTimestamp" in pod["metadata"])
                for pod in self.cache.list(PODS)
            ]

        # Nobody runs the one, so it is gone at once; the other has its grace period.
        assert await sets.run(key, read) == [("q", True)]
        await operator.nothing_left(lambda: session.client.create(session.pod("last")))


async def test_a_scale_is_seen_by_the_next_reconcile(session: Session) -> None:
    key, sets = key_of(session), driven(SETS)

    def replicas(self: Any) -> int:
        return self.cache.get(SETS, key)["spec"]["replicas"]

    async with driving(session, sets) as operator:
        await session.client.create(a_set(session))
        await sets.until_told(key)
        operator.transport.hold_events = True
        await sets.run(key, lambda self: self.client.scale(SETS, key, 4))
        assert await sets.run(key, replicas) == 4
        await operator.arrive(SETS)
        assert await sets.run(key, replicas) == 4
        await operator.nothing_left(lambda: session.client.create(a_set(session, "last")))


async def test_an_apply_that_changes_nothing_leaves_nothing_and_wakes_nobody(session: Session) -> None:
    key, sets = key_of(session), driven(SETS)
    async with driving(session, sets) as operator:
        applied = await session.client.apply(a_set(session, replicas=3))
        await sets.until_told(key)
        operator.transport.hold_events = True

        async def apply(self: Any) -> Any:
            answer = await self.client.apply(a_set(session, replicas=3))
            return version_of(answer), version_of(self.cache.get(SETS, key))

        for _ in range(2):
            assert await sets.run(key, apply) == (version_of(applied), version_of(applied))
        assert operator.left() == 0
        # After a change of another, the unchanged answer is that change: it is what is to be read now.
        foreign = await session.client.patch(SETS, key, {"metadata": {"labels": {"theirs": "1"}}})
        assert await sets.run(key, apply) == (version_of(foreign), version_of(foreign))
        operator.transport.open_all()
        await sets.until_told(key, version=version_of(foreign))
        await until(lambda: operator.left() == 0, "nothing is left in the overlay")


async def test_a_dry_run_leaves_no_trace(session: Session) -> None:
    key, sets = key_of(session), driven(SETS, owns=(PODS,))
    async with driving(session, sets) as operator:
        owner = await session.client.create(a_set(session))
        await sets.until_told(key)
        operator.transport.hold_events = True

        async def try_out(self: Any) -> Any:
            await self.client.patch(SETS, key, {"spec": {"replicas": 5}}, dry_run=True)
            await self.client.create(a_pod(session, owner, "p"), dry_run=True)
            await self.client.delete(SETS, key, dry_run=True)
            return self.cache.get(SETS, key)["spec"]["replicas"], names(self.cache.list(PODS))

        assert await sets.run(key, try_out) == (0, [])
        assert operator.left() == 0
