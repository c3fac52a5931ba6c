"""DeltaFIFO: strict order, batches by the rules, one delta for a relist."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.cached_objects import cached
from hypothesis import given
from hypothesis import strategies as st

from reconcile.informers import Delta, DeltaFIFO, DeltaType

_SOLO = {DeltaType.REPLACED, DeltaType.SYNC, DeltaType.BOOKMARK}

_operations = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["add", "update", "delete"]), st.sampled_from("abcd")),
        st.tuples(st.sampled_from(["replace", "sync", "bookmark"]), st.just("")),
        st.tuples(st.just("pop"), st.just("")),
    ),
    max_size=60,
)


def _put(fifo: DeltaFIFO, operation: str, name: str, version: int) -> tuple[Any, ...]:
    """Do one operation; what the delta it makes must say."""
    match operation:
        case "add":
            fifo.add(cached(name, version))
            return DeltaType.ADDED, name, str(version)
        case "update":
            fifo.update(cached(name, version))
            return DeltaType.UPDATED, name, str(version)
        case "delete":
            fifo.delete(cached(name, version))
            return DeltaType.DELETED, name, str(version)
        case "replace":
            fifo.replace([cached("x", version)], str(version))
            return DeltaType.REPLACED, "", str(version)
        case "sync":
            fifo.sync()
            return DeltaType.SYNC, "", ""
        case _:
            fifo.bookmark(str(version))
            return DeltaType.BOOKMARK, "", str(version)


def _words(delta: Delta) -> tuple[Any, ...]:
    return delta.type, delta.object.key.name if delta.object else "", delta.resource_version


@given(_operations, st.integers(1, 5))
def test_every_delta_comes_out_once_and_in_order(operations: list[tuple[str, str]], limit: int) -> None:
    fifo = DeltaFIFO(max_batch=limit)
    went_in: list[tuple[Any, ...]] = []
    came_out: list[tuple[Any, ...]] = []

    def pop() -> None:
        batch = fifo.pop_batch()
        came_out.extend(map(_words, batch))
        keys = [delta.object.key for delta in batch if delta.object]
        assert len(keys) == len(set(keys)), "a batch never holds one key twice"
        assert len(batch) <= limit
        assert len(batch) <= 1 or not any(delta.type in _SOLO for delta in batch)
        fifo.done()

    for version, (operation, name) in enumerate(operations, start=1):
        if operation == "pop":
            pop()
        else:
            went_in.append(_put(fifo, operation, name, version))
    while len(fifo):
        pop()
    assert came_out == went_in


def test_batch_is_as_large_as_the_rules_allow() -> None:
    fifo = DeltaFIFO()
    for name in ("a", "b", "c", "a"):
        fifo.update(cached(name))
    assert [delta.object.key.name for delta in fifo.pop_batch() if delta.object] == ["a", "b", "c"]


def test_relist_is_one_delta_that_holds_the_list() -> None:
    fifo = DeltaFIFO()
    fifo.replace([cached("a"), cached("b")], "7", reason="expired")
    (delta,) = fifo.pop_batch()
    assert [obj.key.name for obj in delta.objects] == ["a", "b"]
    assert (delta.resource_version, delta.reason) == ("7", "expired")


def test_synced_only_when_the_first_list_is_processed() -> None:
    fifo = DeltaFIFO()
    fifo.add(cached("early"))
    fifo.replace([], "1")
    assert not fifo.has_synced
    fifo.pop_batch()
    fifo.done()
    assert not fifo.has_synced
    fifo.pop_batch()
    assert not fifo.has_synced
    fifo.done()
    assert fifo.has_synced


def test_second_batch_is_refused_until_the_first_is_done() -> None:
    fifo = DeltaFIFO()
    fifo.add(cached("a"))
    fifo.bookmark("5")
    fifo.pop_batch()
    with pytest.raises(RuntimeError, match="done"):
        fifo.pop_batch()
