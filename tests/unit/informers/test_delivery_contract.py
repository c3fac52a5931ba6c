"""The judge of deliveries: passes what the contract allows, and names each way to break it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from helpers.delivery_contract import Change, Delivered, Gap, Seen, assert_deliveries_match
from helpers.recording_handler import RecordingHandler
from hypothesis import given
from hypothesis import strategies as st

from reconcile.informers import CachedObject
from reconcile.informers.handler_buffer import DeliveryType, HandlerBuffer

START = [Gap(0, 10)]


def obj(uid: str, data: str = "") -> dict[str, Any]:
    return {"kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n", "uid": uid}, "data": {"x": data}}


def stored(revision: int, uid: str) -> Change:
    return Change("n/a", revision, obj(uid, str(revision)))


def gone(revision: int) -> Change:
    return Change("n/a", revision, None)


def at(version: int, uid: str, data: int | None = None) -> Seen:
    content = obj(uid, str(version if data is None else data))
    content["metadata"]["resourceVersion"] = str(version)
    return Seen.of("n/a", content)


def add(new: Seen, *, initial: bool = False) -> Delivered:
    return Delivered("add", "n/a", None, new, initial=initial)


def update(old: Seen, new: Seen) -> Delivered:
    return Delivered("update", "n/a", old, new)


def delete(old: Seen, *, unknown: bool = False) -> Delivered:
    return Delivered("delete", "n/a", old, final_state_unknown=unknown)


U11, U12, U13, V16 = at(11, "u"), at(12, "u"), at(13, "u"), at(16, "v")
LIFE = [stored(11, "u"), stored(12, "u"), stored(13, "u"), gone(14)]
TWO = [*LIFE, stored(15, "v"), stored(16, "v")]


@pytest.mark.parametrize(
    ("history", "deliveries", "gaps"),
    [
        ([], [], START),
        (LIFE, [add(U11), update(U11, U12), update(U12, U13), delete(at(14, "u", 13))], START),
        (LIFE, [add(U13), delete(at(14, "u", 13))], START),
        (LIFE, [add(U11), update(U11, U13), delete(at(14, "u", 13))], START),
        (LIFE, [add(U11), delete(at(14, "u", 13))], START),
        ([stored(9, "u")], [add(at(9, "u"), initial=True)], START),
        ([stored(9, "u"), stored(12, "u")], [add(U12, initial=True)], START),
        ([stored(8, "u"), gone(9)], [], START),
        (TWO, [add(U12), delete(U12, unknown=True), add(V16)], [*START, Gap(12, 16)]),
        (TWO, [add(V16)], [*START, Gap(10, 14)]),
        (LIFE, [add(U12), delete(U13, unknown=True)], [*START, Gap(13, 20)]),
    ],
    ids=[
        "nothing", "every state", "added at a later state", "updates merged", "overtaken by the deletion",
        "initial", "initial, updated before it was told", "gone before the first list",
        "replaced unwatched", "came and went unwatched", "deleted unwatched",
    ],
)  # fmt: skip
def test_what_the_contract_allows(
    history: list[Change], deliveries: list[Delivered], gaps: list[Gap]
) -> None:
    assert_deliveries_match(history, deliveries, gaps=gaps)


@pytest.mark.parametrize(
    ("history", "deliveries", "says"),
    [
        (LIFE, [], "was never told"),
        (LIFE, [add(U11)], "the server holds nothing"),
        ([stored(11, "u"), stored(12, "u")], [add(U11)], "the server holds u@12"),
        ([stored(11, "u")], [add(U11), delete(U11)], "never deleted"),
        (LIFE, [add(U12), update(U12, U11)], "goes back"),
        ([stored(11, "u")], [add(U11), update(U11, U11)], "goes back, or nowhere"),
        (LIFE, [add(U11), update(U12, U13)], "old is not what the handler saw last"),
        (LIFE, [add(U11), update(at(11, "u", 7), U13)], "old is not what the handler saw last"),
        (LIFE, [update(U11, U12)], "held nothing"),
        (LIFE, [add(U11), add(U12)], "added while the handler held u@11"),
        (LIFE, [delete(at(14, "u", 13))], "deleted, though the handler held nothing"),
        (TWO, [add(V16)], "was never told"),
        (TWO, [add(U13), update(U13, V16)], "change of UID is told as an update"),
        (TWO, [add(U13), delete(at(14, "v", 13)), add(V16)], "another object is deleted"),
        (TWO, [add(V16), delete(V16), add(U11)], "after its successor"),
        (LIFE, [add(U11), delete(U13, unknown=True)], "its deletion at 14 was watched"),
        (LIFE, [add(U11), delete(U13)], "not its final state"),
        (LIFE, [add(U11), delete(at(14, "u", 12))], "not its final state"),
        ([stored(11, "u")], [add(at(11, "u", 9))], "the server stored"),
        ([stored(11, "u"), stored(13, "u")], [add(U12), update(U12, U13)], "stored nothing for u@12"),
        ([stored(11, "u")], [add(at(11, "w"))], "never stored an object of that UID"),
        ([stored(11, "u")], [add(U11, initial=True)], "was not there when the first list"),
        ([stored(9, "u")], [add(at(9, "u"))], "it was there when the first list"),
    ],
)  # fmt: skip
def test_what_it_forbids(history: list[Change], deliveries: list[Delivered], says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        assert_deliveries_match(history, deliveries, gaps=START)


def test_a_gap_excuses_only_what_it_holds() -> None:
    told = [add(U12), delete(U12, unknown=True), add(V16)]
    with pytest.raises(AssertionError, match="was watched"):
        assert_deliveries_match(TWO, told, gaps=[*START, Gap(14, 16)])
    with pytest.raises(AssertionError, match="was never told"):
        assert_deliveries_match(TWO, [add(V16)], gaps=[*START, Gap(11, 16)])


def test_a_violation_comes_with_its_evidence() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_deliveries_match(LIFE, [add(U11)], gaps=START)
    text = str(caught.value)
    assert "the server: u@11, u@12, u@13, deleted@14" in text
    assert "the handler: add u@11" in text
    assert "gaps: (0, 10]" in text


class Story:
    """A random life of a few names, offered to a handler's buffer as a store would."""

    def __init__(self, dice: random.Random, length: int) -> None:
        self.history: list[Change] = []
        self.handler = RecordingHandler()
        self._buffer = HandlerBuffer()
        self._held: dict[str, CachedObject] = {}
        for revision in range(11, 11 + length):
            self._change(dice, f"o{dice.randrange(3)}", revision)
            while dice.random() < 0.6 and self._tell():
                pass
        while self._tell():
            pass

    def _change(self, dice: random.Random, name: str, revision: int) -> None:
        held = self._held.get(name)
        if held is not None and dice.random() < 0.3:
            del self._held[name]
            self.history.append(Change(f"n/{name}", revision, None))
            self._buffer.delete(_cached(name, held.uid, revision, held.resource_version))
            return
        uid = held.uid if held is not None else f"uid-{revision}"
        new = self._held[name] = _cached(name, uid, revision, str(revision))
        self.history.append(Change(f"n/{name}", revision, _object(name, uid, revision, str(revision))))
        if held is None:
            self._buffer.add(new)
        else:
            self._buffer.update(held, new)

    def _tell(self) -> bool:
        delivery = self._buffer.take()
        if delivery is None:
            return False
        old, new = delivery.old, delivery.new
        if delivery.type is DeliveryType.ADD and new is not None:
            self.handler.on_add(new, delivery.initial)
        elif delivery.type is DeliveryType.UPDATE and old is not None and new is not None:
            self.handler.on_update(old, new)
        elif old is not None:
            self.handler.on_delete(old, delivery.final_state_unknown)
        return True


def _object(name: str, uid: str, version: int, data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "n", "uid": uid, "resourceVersion": str(version)}
    return {"metadata": metadata, "data": {"x": data}}


def _cached(name: str, uid: str, version: int, data: str) -> CachedObject:
    return CachedObject.of(msgspec.json.encode(_object(name, uid, version, data)))


@given(seed=st.integers(0, 1 << 32), length=st.integers(0, 60))
def test_a_handlers_buffer_keeps_the_contract(seed: int, length: int) -> None:
    story = Story(random.Random(seed), length)
    assert_deliveries_match(story.history, story.handler.calls, gaps=START)


def _lost(calls: list[Delivered], dice: random.Random) -> None:
    def could_be_merged(at: int) -> bool:
        following = next((call for call in calls[at + 1 :] if call.place == calls[at].place), None)
        return calls[at].type == "update" and following is not None and following.type == "delete"

    del calls[dice.choice([at for at in range(len(calls)) if not could_be_merged(at)])]


def _doubled(calls: list[Delivered], dice: random.Random) -> None:
    where = dice.randrange(len(calls))
    calls.insert(where, calls[where])


def _swapped(calls: list[Delivered], dice: random.Random) -> None:
    places = sorted({call.place for call in calls if sum(c.place == call.place for c in calls) > 1})
    if not places:
        return _lost(calls, dice)
    place = dice.choice(places)
    first, second = [at for at, call in enumerate(calls) if call.place == place][:2]
    calls[first], calls[second] = calls[second], calls[first]


@pytest.mark.parametrize("broken", [_lost, _doubled, _swapped])
@given(seed=st.integers(0, 1 << 32), length=st.integers(1, 60))
def test_a_lost_doubled_or_swapped_call_is_found(
    broken: Callable[[list[Delivered], random.Random], None], seed: int, length: int
) -> None:
    dice = random.Random(seed)
    story = Story(dice, length)
    broken(story.handler.calls, dice)
    with pytest.raises(AssertionError):
        assert_deliveries_match(story.history, story.handler.calls, gaps=START)
