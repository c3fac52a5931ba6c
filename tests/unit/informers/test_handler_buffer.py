"""The delivery contract of a handler's buffer, against a model, for random interleavings."""

from __future__ import annotations

from helpers.cached_objects import cached
from hypothesis import given
from hypothesis import strategies as st

from reconcile.informers import CachedObject
from reconcile.informers.handler_buffer import MAX_PENDING_PER_KEY, Delivery, DeliveryType, HandlerBuffer

_steps = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["change", "delete", "lost", "recreate", "resync"]), st.sampled_from("abc")
        ),
        st.tuples(st.just("take"), st.integers(1, 4)),
    ),
    max_size=120,
)


class _Handler:
    """Sees deliveries; checks each against what it saw before."""

    def __init__(self) -> None:
        self.seen: dict[str, CachedObject] = {}
        self.deleted_uids: list[str] = []
        self.added_uids: list[str] = []

    def see(self, delivery: Delivery) -> None:
        obj = delivery.new if delivery.new is not None else delivery.old
        assert obj is not None
        before = self.seen.get(obj.place)
        match delivery.type:
            case DeliveryType.ADD:
                assert before is None, "added while it was there"
                self.seen[obj.place] = obj
                self.added_uids.append(obj.uid)
            case DeliveryType.UPDATE:
                assert before is not None and delivery.old is before, "old is not what was seen last"
                assert obj.uid == before.uid, "an update never changes the UID"
                assert int(obj.resource_version) >= int(before.resource_version), "backwards"
                self.seen[obj.place] = obj
            case DeliveryType.DELETE:
                assert before is not None and obj.uid == before.uid, "deleted what was not there"
                del self.seen[obj.place]
                self.deleted_uids.append(obj.uid)


@given(_steps)
def test_contract_holds_for_every_interleaving(steps: list[tuple[str, object]]) -> None:
    buffer, handler = HandlerBuffer(), _Handler()
    store: dict[str, CachedObject] = {}
    deleted_uids: list[str] = []
    incarnation = 0

    def take(most: int) -> None:
        for _ in range(most):
            if (delivery := buffer.take()) is None:
                return
            handler.see(delivery)

    for version, (step, argument) in enumerate(steps, start=1):
        if step == "take":
            take(int(str(argument)))
            continue
        name = str(argument)
        held = store.get(f"default/{name}")
        if step == "resync":
            if held is not None:
                buffer.update(held, held)
        elif step in ("change", "recreate"):
            if held is None or step == "recreate":
                incarnation += 1
            uid = held.uid if held is not None and step == "change" else f"uid-{incarnation}"
            obj = cached(name, version, uid=uid)
            if held is None:
                buffer.add(obj)
            else:
                if held.uid != uid:
                    deleted_uids.append(held.uid)
                buffer.update(held, obj)
            store[obj.place] = obj
        elif held is not None:
            last = cached(name, version, uid=held.uid) if step == "delete" else held
            buffer.delete(last, final_state_unknown=step == "lost")
            del store[held.place]
            deleted_uids.append(held.uid)
        assert len(buffer) <= 3, "bounded by keys"
    take(1000)
    assert handler.seen == store, "the last delivery of each key equals the store"
    assert len(buffer) == 0
    if not buffer.dropped:
        assert sorted(handler.deleted_uids) == sorted(deleted_uids), "no deletion is coalesced away"
    else:
        assert set(handler.deleted_uids) <= set(deleted_uids)


def test_updates_that_wait_share_one_place_and_old_is_what_was_seen() -> None:
    buffer = HandlerBuffer()
    first, last = cached(version=1), cached(version=9)
    buffer.add(first)
    buffer.take()
    for version in range(2, 9):
        buffer.update(cached(version=version - 1), cached(version=version))
    buffer.update(cached(version=8), last)
    assert len(buffer) == 1 and buffer.coalesced == 7
    delivery = buffer.take()
    assert delivery is not None and delivery.new is last
    assert delivery.old is not None and delivery.old.resource_version == "1"
    assert buffer.take() is None


def test_addition_that_waits_takes_the_newest_state_and_stays_initial() -> None:
    buffer = HandlerBuffer()
    buffer.add(cached(version=1), initial=True)
    buffer.update(cached(version=1), cached(version=2))
    assert buffer.initial_pending == 1
    delivery = buffer.take()
    assert delivery is not None and delivery.initial and delivery.new is not None
    assert delivery.new.resource_version == "2" and buffer.initial_pending == 0


def test_short_life_behind_a_standing_handler_is_still_told() -> None:
    buffer = HandlerBuffer()
    buffer.add(cached())
    buffer.delete(cached(version=2))
    kinds = [delivery.type for delivery in iter(buffer.take, None)]
    assert kinds == [DeliveryType.ADD, DeliveryType.DELETE]


def test_storm_of_recreations_is_bounded_and_keeps_what_the_handler_must_know() -> None:
    buffer, handler = HandlerBuffer(), _Handler()
    first = cached(version=1, uid="seen")
    buffer.add(first)
    handler.see(buffer.take())  # type: ignore[arg-type]
    held = first
    for version in range(2, 2000):
        obj = cached(version=version, uid=f"uid-{version}")
        buffer.update(held, obj)
        held = obj
    deliveries = list(iter(buffer.take, None))
    assert len(deliveries) <= MAX_PENDING_PER_KEY
    for delivery in deliveries:
        handler.see(delivery)
    assert handler.deleted_uids[0] == "seen"
    assert handler.seen == {held.place: held}
    assert buffer.dropped > 1900


def test_keys_come_in_the_order_of_their_oldest_delivery() -> None:
    buffer = HandlerBuffer()
    for name in ("a", "b", "c"):
        buffer.add(cached(name))
    buffer.update(cached("a"), cached("a", 2))
    names = [delivery.new.key.name for delivery in iter(buffer.take, None) if delivery.new]
    assert names == ["a", "b", "c"]
