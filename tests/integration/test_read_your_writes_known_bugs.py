"""The bugs that first implementations of read-your-writes had: each is a test here.

JOSDK is operator-framework/java-operator-sdk; the numbers are those of its issues and pull requests.
"""

from __future__ import annotations

from typing import Any

import pytest
from helpers.driven import Work, driven, driving, until
from helpers.replica_sets import SETS, a_pod, a_set, key_of, names, version_of
from helpers.servers import PODS, Session

from reconcile import Index
from reconcile.objects.identity import ObjectKey


def patch_status(key: ObjectKey, count: int) -> Work:
    """Work of a reconcile: a patch of its object's status."""

    async def work(self: Any) -> Any:
        return await self.client.patch(SETS, key, {"status": {"replicas": count}}, subresource="status")

    return work


@pytest.mark.parametrize("arrival", ["before the write", "with its echo", "before its answer"])
async def test_a_foreign_change_beside_an_own_status_write_is_reconciled(
    session: Session, arrival: str
) -> None:
    """JOSDK 3398 and 3455: the filter of own echoes swallowed a spec change of somebody else."""
    key, sets = key_of(session), driven(SETS)
    async with driving(session, sets) as operator:
        await session.client.create(a_set(session))
        await sets.until_told(key)
        operator.transport.hold_events = True
        if arrival == "before its answer":
            operator.transport.holding = {"write"}
            writing = sets.start(key, patch_status(key, 1))
            await until(lambda: operator.transport.waiting, "the write was carried out")
            foreign = await session.client.patch(SETS, key, {"spec": {"replicas": 5}})
            await operator.arrive(SETS, 2)
            operator.transport.open_all()
            await writing
        else:
            foreign = await session.client.patch(SETS, key, {"spec": {"replicas": 5}})
            if arrival == "before the write":
                await operator.arrive(SETS)
            await sets.run(key, patch_status(key, 1))
            operator.transport.open_all()
        await sets.until_told(key, version=version_of(foreign))
        found = await sets.run(key, lambda self: self.cache.get(SETS, key))
        assert found["spec"]["replicas"] == 5 and found["status"]["replicas"] == 1


async def test_a_status_write_that_changed_nothing_does_not_hide_a_foreign_change(session: Session) -> None:
    """JOSDK 3484: the answer has the foreign change's version, whose event then passed for an echo."""
    key, sets = key_of(session), driven(SETS)

    async def apply_status(self: Any) -> Any:
        return await self.client.apply_status(self.cache.get(SETS, key), {"replicas": 1})

    async with driving(session, sets) as operator:
        await session.client.create(a_set(session))
        await sets.until_told(key)
        await sets.run(key, apply_status)
        await until(lambda: operator.left() == 0, "the first write has arrived")
        operator.transport.hold_events = True
        foreign = await session.client.patch(SETS, key, {"spec": {"replicas": 5}})
        unchanged = await sets.run(key, apply_status)
        assert version_of(unchanged) == version_of(foreign)
        operator.transport.open_all()
        await sets.until_told(key, version=version_of(foreign))


async def test_a_deleted_object_is_not_brought_back_by_the_answer_of_its_creation(session: Session) -> None:
    """JOSDK 2314: both events come before the answer, and the overlay keeps what is gone for ever."""
    key, sets = key_of(session), driven(SETS, owns=(PODS,))
    async with driving(session, sets) as operator:
        owner = await session.client.create(a_set(session))
        await sets.until_told(key)
        operator.transport.hold_events = True
        operator.transport.holding = {"write"}
        creating = sets.start(key, lambda self: self.client.create(a_pod(session, owner, "p")))
        await until(lambda: operator.transport.waiting, "the pod was created")
        await session.client.delete(PODS, f"{session.namespace}/p")
        await operator.arrive(PODS, 2)
        operator.transport.open_all()
        await creating

        def read(self: Any) -> Any:
            return self.cache.get(PODS, f"{session.namespace}/p"), names(self.cache.list(PODS))

        assert await sets.run(key, read) == (None, [])
        await until(lambda: operator.left() == 0, "nothing is left in the overlay")


async def test_lists_labels_and_indexes_see_what_get_sees(session: Session) -> None:
    """JOSDK 3345: get asked the overlay, list and by-index did not."""
    key, namespace = key_of(session), session.namespace

    async def setup(self: Any) -> None:
        self.cache.add_index(PODS, Index("spec.nodeName"))

    sets = driven(SETS, owns=(PODS,), setup=setup)

    def read(self: Any) -> dict[str, Any]:
        cache = self.cache
        return {
            "get": [name for name in ("p", "q") if cache.get(PODS, f"{namespace}/{name}") is not None],
            "list": names(cache.list(PODS)),
            "namespace": names(cache.list(PODS, namespace=namespace)),
            "label": names(cache.list(PODS, labels="color=blue")),
            "n1": names(cache.index(PODS, "spec.nodeName", "n1")),
            "n2": names(cache.index(PODS, "spec.nodeName", "n2")),
        }

    async with driving(session, sets) as operator:
        owner = await session.client.create(a_set(session))
        await sets.until_told(key)
        operator.transport.hold_events = True
        present = {"get": ["p"], "list": ["p"], "namespace": ["p"], "label": [], "n1": ["p"], "n2": []}

        async def create(self: Any) -> Any:
            pod = a_pod(session, owner, "p")
            pod["spec"]["nodeName"] = "n1"
            await self.client.create(pod)
            return read(self)

        assert await sets.run(key, create) == present
        assert await sets.run(key, read) == present

        async def paint(self: Any) -> Any:
            patch = {"metadata": {"labels": {"color": "blue"}}}
            await self.client.patch(PODS, f"{namespace}/p", patch)
            return read(self)

        assert await sets.run(key, paint) == present | {"label": ["p"]}
        await operator.arrive(PODS)
        assert await sets.run(key, read) == present | {"label": ["p"]}, (
            "the older event hides the newer write"
        )

        async def replace(self: Any) -> Any:
            await self.client.delete(PODS, f"{namespace}/p", grace_period_seconds=0)
            pod = a_pod(session, owner, "q")
            pod["spec"]["nodeName"] = "n2"
            await self.client.create(pod)
            return read(self)

        replaced = {"get": ["q"], "list": ["q"], "namespace": ["q"], "label": [], "n1": [], "n2": ["q"]}
        assert await sets.run(key, replace) == replaced
        for _ in range(3):
            await operator.arrive(PODS)
            assert await sets.run(key, read) == replaced
        operator.transport.open_all()
        await until(lambda: operator.left() == 0, "nothing is left in the overlay")
        assert await sets.run(key, read) == replaced


async def test_writes_of_a_relist_window_are_neither_lost_nor_hidden(session: Session) -> None:
    """JOSDK 3420: between the list and its arrival own writes and foreign changes pass one another."""
    key, sets = key_of(session), driven(SETS)

    def read(self: Any) -> Any:
        found = self.cache.get(SETS, key)
        return found["spec"]["replicas"], found.get("status", {}).get("replicas")

    async with driving(session, sets) as operator:
        await session.client.create(a_set(session))
        await sets.until_told(key)
        operator.transport.hold_events = True
        operator.transport.holding = {"list"}
        await operator.expire(SETS)
        await until(lambda: operator.transport.waiting, "the list is on its way")
        foreign = await session.client.patch(SETS, key, {"spec": {"replicas": 5}})
        await sets.run(key, patch_status(key, 1))
        assert await sets.run(key, read) == (5, 1)
        operator.transport.holding = set()
        operator.transport.release()
        await until(lambda: operator.stream(SETS) is not None, "the list has arrived")
        assert await sets.run(key, read) == (5, 1), "the list is older than the write"
        operator.transport.open_all()
        await sets.until_told(key, version=version_of(foreign))
        assert await sets.run(key, read) == (5, 1)
        await until(lambda: operator.left() == 0, "nothing is left in the overlay")


async def test_an_object_that_came_and_went_during_a_relist_is_no_ghost(session: Session) -> None:
    """JOSDK's ghost: created here, deleted by another, and the list that follows knows neither.

    Its creator saw it, so that its end is news: who owns it is told.
    """
    key, sets = key_of(session), driven(SETS, owns=(PODS,))
    place = ObjectKey(session.namespace, "p")
    async with driving(session, sets) as operator:
        owner = await session.client.create(a_set(session))
        await sets.until_told(key)
        operator.transport.hold_events = True

        async def create(self: Any) -> Any:
            await self.client.create(a_pod(session, owner, "p"))
            return names(self.cache.list(PODS))

        assert await sets.run(key, create) == ["p"]
        await session.client.delete(PODS, place)
        await operator.relist(PODS)

        def read(self: Any) -> Any:
            return self.cache.get(PODS, place), names(self.cache.list(PODS))

        await sets.until_told(key, about=place, deleted=True)
        assert await sets.run(key, read) == (None, [])
        assert operator.left() == 0


async def test_a_pod_with_a_generated_name_is_created_once(session: Session) -> None:
    """The prefixed-pod duplicate: nothing on the server stops a second one, the name is another one."""
    key, sets = key_of(session), driven(SETS, owns=(PODS,))

    async def ensure_one(self: Any) -> None:
        owner = self.cache.get(SETS, key)
        if not len(self.cache.list(PODS, namespace=session.namespace, labels="app=x")):
            await self.client.create(a_pod(session, owner, prefix="x-"))

    async with driving(session, sets) as operator:
        await session.client.create(a_set(session))
        await sets.until_told(key)
        operator.transport.hold_events = True
        for _ in range(3):
            await sets.run(key, ensure_one)
        assert len(await session.client.list(PODS, namespace=session.namespace)) == 1
        operator.transport.open_all()
        await until(lambda: operator.left() == 0, "the event has arrived")
        await sets.run(key, ensure_one)
        assert len(await session.client.list(PODS, namespace=session.namespace)) == 1


async def test_without_the_overlay_the_second_pod_is_created(session: Session) -> None:
    """The same reconciler with reads of the bare cache: so the test above can fail."""
    key, sets = key_of(session), driven(SETS, owns=(PODS,))

    async def ensure_one(self: Any) -> None:
        owner = self.cache.get(SETS, key)
        bare = self.cache.bare(PODS, namespace=session.namespace)
        if not len(bare.list(namespace=session.namespace, labels="app=x")):
            await self.client.create(a_pod(session, owner, prefix="x-"))

    async with driving(session, sets) as operator:
        await session.client.create(a_set(session))
        await sets.until_told(key)
        operator.transport.hold_events = True
        for _ in range(3):
            await sets.run(key, ensure_one)
        assert len(await session.client.list(PODS, namespace=session.namespace)) == 3
