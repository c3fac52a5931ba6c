"""What the model found, as the shortest stories that tell it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers import overlay_world as does
from helpers.overlay_world import World

from reconcile import Client
from reconcile.objects.identity import ObjectKey

X, Y = ObjectKey("a", "x"), ObjectKey("a", "y")


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    for key in (X, Y):
        world.outside(does.create_set(), key)
    world.idle()
    yield world
    world.close()


def test_the_owner_is_told_of_a_pod_that_a_neighbour_created_and_deleted_in_a_gap(world: World) -> None:
    """The overlay showed it to all, the list that followed knew nothing of it."""
    world.transport.hold_events = True
    world.script("second", X, [does.create_pod("p"), does.delete_pod("p", 0)])
    world.idle()
    for stream in list(world.transport.streams):
        stream.expire()
    world.end()


def test_proofs_do_not_pile_up_in_the_overlay(world: World) -> None:
    """With one record at a time its own event retired it, and what waited for its proof stayed."""
    for count in range(20):
        world.script("first", X, [does.spec_of_set(count)])
        world.idle()
    assert does.overlay_size(world.informers["sets"]) == 0


def test_a_list_that_was_on_its_way_during_a_write_hides_nothing(world: World) -> None:
    world.transport.hold_events = True
    world.transport.holding = {"list"}
    for stream in list(world.transport.streams):
        stream.expire()
    world.idle(5.0)
    world.script("first", X, [does.spec_of_set(3), does.create_pod("p")])
    world.idle()
    while world.transport.waiting:
        world.transport.release()
        world.idle()
        world.check()
    world.end()


def test_the_former_owner_is_told_of_a_pod_that_a_list_brings_without_it(world: World) -> None:
    """The overlay showed the pod as its own; the list that skips that version knows no owner any more."""

    async def disown(_: World, client: Client, key: ObjectKey) -> None:
        await client.patch(does.PODS, "a/p", {"metadata": {"ownerReferences": None}})

    world.transport.hold_events = True
    world.script("first", X, [does.create_pod("p")])
    world.idle()
    world.outside(disown, X)
    for stream in list(world.transport.streams):
        stream.expire()
    world.end()


def test_an_owner_that_a_pod_had_only_while_nobody_watched_is_not_asked_for(world: World) -> None:
    """The model itself was wrong: no stream brings what is between two lists."""

    async def disown(_: World, client: Client, key: ObjectKey) -> None:
        await client.patch(does.PODS, "a/p", {"metadata": {"ownerReferences": None}})

    world.transport.hold_events = True
    world.outside(does.create_pod("p"), X)
    world.outside(disown, X)
    for stream in list(world.transport.streams):
        stream.expire()
    world.end()
