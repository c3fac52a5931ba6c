"""Finalizers: on the server before the first reconcile, removed only after everything is given back."""

from __future__ import annotations

from typing import Any

from helpers.managed import PODS, WIDGETS, World, settle, widget, widget_path

from reconcile import Finalizer, ObjectReconciler, Result

NAME = "example.com/widget"
PATH = widget_path("a")


class Finalizing(ObjectReconciler[Any]):
    kind = WIDGETS
    finalizer = NAME

    def __init__(self, *outcomes: Any) -> None:
        self.log_: list[Any] = []
        self.outcomes = list(outcomes)

    async def reconcile(self, obj: Any, /) -> None:
        self.log_.append(("reconcile", tuple(obj["metadata"].get("finalizers", ()))))

    async def finalize(self, obj: Any, /) -> Result | None:
        self.log_.append(("finalize", tuple(obj["metadata"]["finalizers"])))
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def finalizers(world: World) -> list[str]:
    return world.server.objects[PATH]["metadata"].get("finalizers", [])


async def test_the_finalizer_is_on_the_server_before_the_first_reconcile() -> None:
    reconciler = Finalizing()
    world = World(reconciler)
    world.server.put(PATH, widget())
    async with world:
        assert reconciler.log_[0] == ("reconcile", (NAME,))
        method, _, body = world.server.writes[0]
        assert method == "PATCH" and body["metadata"]["resourceVersion"] == "101"


async def test_deletion_finalizes_then_removes_and_never_reconciles() -> None:
    reconciler = Finalizing(ValueError("not yet"), Result(requeue_after=60))
    world = World(reconciler)
    world.server.put(PATH, widget())
    async with world:
        reconciler.log_.clear()
        world.server.delete(PATH)
        await settle(1)
        assert finalizers(world) == [NAME]
        await settle(100)
        assert reconciler.log_ == [("finalize", (NAME,))] * 3
        assert PATH not in world.server.objects


async def test_another_writer_between_read_and_write_is_not_overwritten() -> None:
    reconciler = Finalizing()
    world = World(reconciler)
    world.server.put(PATH, widget())
    meddled = 0

    def meddle(request: Any) -> None:
        nonlocal meddled
        if request.method == "PATCH" and meddled < 3:
            meddled += 1
            body = {**world.server.objects[PATH]}
            kept = [name for name in finalizers(world) if name == NAME]
            body["metadata"] = {**body["metadata"], "finalizers": [*kept, f"other.com/{meddled}"]}
            world.server.put(PATH, body)

    world.server.refuse = meddle
    async with world:
        await settle(1)
        assert finalizers(world) == ["other.com/3", NAME]
        assert reconciler.log_[0] == ("reconcile", ("other.com/3", NAME))
        meddled = 0
        world.server.delete(PATH)
        await settle(1)
        assert finalizers(world) == ["other.com/3"]


async def test_an_object_that_is_deleted_before_the_finalizer_is_on_it_is_not_reconciled() -> None:
    reconciler = Finalizing()
    world = World(reconciler)
    world.server.put(PATH, widget())

    def remove(request: Any) -> tuple[int, str] | None:
        if request.method == "PATCH" and PATH in world.server.objects:
            world.server.delete(PATH)
            return 409, "Conflict"
        return None

    world.server.refuse = remove
    async with world:
        await settle(10)
        assert reconciler.log_ == []
        assert world.manager.controller("widget").stats.errors == 0


async def test_several_finalizers_run_in_their_order_each_removed_when_done() -> None:
    order: list[tuple[str, tuple[str, ...]]] = []
    world: World

    def duty(name: str) -> Finalizer:
        async def run(obj: Any) -> None:
            order.append((name, tuple(finalizers(world))))

        return Finalizer(name, run)

    class Several(ObjectReconciler[Any]):
        kind = WIDGETS
        finalizers = (duty("example.com/z"), duty("example.com/a"))

        async def reconcile(self, obj: Any, /) -> None: ...

    world = World(Several())
    world.server.put(PATH, widget())
    async with world:
        world.server.delete(PATH)
        await settle()
        assert order == [
            ("example.com/z", ("example.com/z", "example.com/a")),
            ("example.com/a", ("example.com/a",)),
        ]
        assert PATH not in world.server.objects


async def test_an_event_before_the_cache_knows_does_not_finalize_again() -> None:
    class Deleting(Finalizing):
        owns = (PODS,)

        async def finalize(self, obj: Any, /) -> Result | None:
            # The pod's deletion reaches the queue before the object's own does the cache.
            world.server.delete(PODS.path("default", "p"))
            return await super().finalize(obj)

    reconciler = Deleting()
    world = World(reconciler)
    world.server.put(PATH, widget())
    owner = {"apiVersion": "example.com/v1", "kind": "Widget", "name": "a", "uid": "u", "controller": True}
    world.server.put(PODS.path("default", "p"), {"metadata": {"ownerReferences": [owner]}})
    async with world:
        reconciler.log_.clear()
        world.server.delete(PATH)
        await settle(10)
        assert reconciler.log_ == [("finalize", (NAME,))]
        assert world.manager.controller("widget").stats.errors == 0


async def test_a_plain_finalize_runs_in_a_thread() -> None:
    done: list[bool] = []

    class Plain(ObjectReconciler[Any]):
        kind = WIDGETS
        finalizer = NAME

        def reconcile(self, obj: Any, /) -> None: ...

        def finalize(self, obj: Any, /) -> None:
            self.client.sync.get(WIDGETS, "default/a")
            done.append(True)

    world = World(Plain())
    world.server.put(PATH, widget())
    async with world:
        world.server.delete(PATH)
        await settle(1)
        assert done == [True] and PATH not in world.server.objects
