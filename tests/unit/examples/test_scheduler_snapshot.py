"""The scheduler's picture, changed event by event, is the one that a fresh look at the cluster would give.

Much of what plugins find out is remembered from pod to pod; that it is forgotten in time shows here.
"""

from __future__ import annotations

import copy
from random import Random

import pytest
from helpers.scheduling_oracle import ask_ours, snapshot_of, tell
from helpers.scheduling_worlds import JSONObject, World, make_world


@pytest.mark.parametrize("seed", range(25))
def test_whatever_happens_decisions_are_those_of_a_fresh_picture(seed: int) -> None:
    dice = Random(seed)
    world, other = make_world(dice), make_world(dice)
    snapshot = snapshot_of(world)
    # The same pods ask again and again, so that what was remembered for them is used.
    waiting = [world.pod, other.pod, make_world(dice, "pod affinity").pod, make_world(dice, "spread").pod]
    for _ in range(25):
        for pod in waiting:
            now = World(world.theme, pod, world.objects)
            assert ask_ours(now, snapshot) == ask_ours(now)
        _happens(dice, world, other, snapshot)


def _happens(dice: Random, world: World, other: World, snapshot: object) -> None:
    """Something comes, goes or changes, in the world and in the picture."""
    nodes = [each["metadata"]["name"] for each in world.of_kind("Node")]
    if dice.random() < 0.4 and len(nodes) > 1:
        obj = dice.choice([each for each in world.objects if not _last_of_its_kind(world, each)])
        world.objects.remove(obj)
        tell(snapshot, obj, gone=True)  # type: ignore[arg-type]
        return
    obj = copy.deepcopy(dice.choice([*other.objects, *world.objects]))
    if obj["kind"] == "Pod" and "nodeName" in obj["spec"]:
        obj["spec"]["nodeName"] = dice.choice(nodes)
        obj["metadata"]["labels"]["version"] = dice.choice(("1", "2"))
    if obj["kind"] == "Node":
        obj["metadata"]["labels"]["disk"] = dice.choice(("ssd", "hdd"))
    if obj["kind"] == "Namespace":
        obj["metadata"]["labels"] = dice.choice(({"team": "one"}, {"team": "two"}, {"tier": "x"}))
    world.objects[:] = [each for each in world.objects if _identity(each) != _identity(obj)]
    world.objects.append(obj)
    tell(snapshot, obj)  # type: ignore[arg-type]


def _last_of_its_kind(world: World, obj: JSONObject) -> bool:
    return obj["kind"] == "Node" and len(world.of_kind("Node")) == 1


def _identity(obj: JSONObject) -> tuple[str, str, str]:
    return (obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
