"""What one handler has still to be told. Pure: no loop, no clock.

The delivery contract, for each handler on its own:

* Per key, deliveries come in the order the store changed; between keys, in the order in which each key's
  oldest waiting delivery came.
* The last delivery of a key equals the store.
* `old` is what this handler saw last: of updates that wait, only the newest `new` is kept.
* Deletions are never coalesced away, and neither are changes of UID: an object replaced by another of the
  same name is a deletion (final state unknown, when nobody watched it) and an addition.
* Memory is bounded by keys, not by events: updates of a key share one place. A key that is deleted and
  created over and over while its handler stands still keeps its oldest delivery and its last few
  incarnations; those in between, which came and went before the handler saw anything of them, are dropped
  whole (addition and deletion) and counted.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Final

import msgspec

from reconcile.informers.cached_object import CachedObject

MAX_PENDING_PER_KEY: Final = 16
"""Deliveries of one key that may wait; more than this only a storm of delete and create can make."""


class DeliveryType(Enum):
    """Which method of a handler a delivery calls."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"


class Delivery(msgspec.Struct, gc=False, eq=False):
    """One call of a handler that is still to be made.

    Attributes:
        type: which method.
        old: what the handler saw last (UPDATE), or the object's last known state (DELETE).
        new: the object as it is now (ADD, UPDATE).
        initial: an ADD that is part of the first list, or of the replay for a late handler.
        final_state_unknown: a DELETE that nobody watched: `old` may not be the object's last state.
    """

    type: DeliveryType
    old: CachedObject | None = None
    new: CachedObject | None = None
    initial: bool = False
    final_state_unknown: bool = False


class HandlerBuffer:
    """Deliveries that wait for one handler, coalesced by key."""

    def __init__(self) -> None:
        self._pending: dict[str, Delivery | deque[Delivery]] = {}
        self._order: deque[str] = deque()
        self._initial = 0
        self.coalesced = 0
        self.dropped = 0

    def __len__(self) -> int:
        """Keys that wait."""
        return len(self._pending)

    @property
    def initial_pending(self) -> int:
        """Additions of the initial list that were not taken yet."""
        return self._initial

    def add(self, new: CachedObject, *, initial: bool = False) -> None:
        """The store gained an object."""
        if initial:
            self._initial += 1
        self._append(new.place, Delivery(DeliveryType.ADD, None, new, initial))

    def update(self, old: CachedObject, new: CachedObject) -> None:
        """The store holds `new` where it held `old`.

        Another UID means another object: a deletion that nobody watched, and an addition.
        """
        if old.metadata.uid != new.metadata.uid:
            self.delete(old, final_state_unknown=True)
            self.add(new)
            return
        waiting = self._pending.get(new.place)
        if waiting is not None:
            last = waiting[-1] if isinstance(waiting, deque) else waiting
            if last.new is not None:
                last.new = new
                self.coalesced += 1
                return
        self._append(new.place, Delivery(DeliveryType.UPDATE, old, new))

    def delete(self, old: CachedObject, *, final_state_unknown: bool = False) -> None:
        """The store lost an object; `old` is the last that is known of it.

        An update that waits for the same object is overtaken by its deletion, which carries the later state.
        """
        delivery = Delivery(DeliveryType.DELETE, old, None, False, final_state_unknown)
        waiting = self._pending.get(old.place)
        if isinstance(waiting, Delivery) and waiting.type is DeliveryType.UPDATE:
            self._pending[old.place] = delivery
            self.coalesced += 1
            return
        if isinstance(waiting, deque) and waiting[-1].type is DeliveryType.UPDATE:
            waiting[-1] = delivery
            self.coalesced += 1
            return
        self._append(old.place, delivery)

    def take(self) -> Delivery | None:
        """The next delivery, or None when nothing waits."""
        order = self._order
        if not order:
            return None
        key = order[0]
        waiting = self._pending[key]
        if isinstance(waiting, Delivery):
            delivery = waiting
            del self._pending[key]
            order.popleft()
        else:
            delivery = waiting.popleft()
            if not waiting:
                del self._pending[key]
                order.popleft()
        if delivery.initial:
            self._initial -= 1
        return delivery

    def clear(self) -> None:
        """Forget everything: the handler is being removed."""
        self._pending.clear()
        self._order.clear()
        self._initial = 0

    def _append(self, key: str, delivery: Delivery) -> None:
        waiting = self._pending.get(key)
        if waiting is None:
            self._pending[key] = delivery
            self._order.append(key)
        elif isinstance(waiting, Delivery):
            self._pending[key] = deque((waiting, delivery))
        else:
            waiting.append(delivery)
            if len(waiting) > MAX_PENDING_PER_KEY:
                self._drop_unseen(waiting)

    def _drop_unseen(self, waiting: deque[Delivery]) -> None:
        """Drop the oldest incarnation that the handler saw nothing of: one addition and its deletion."""
        for at in range(len(waiting) - 1):
            if waiting[at].type is DeliveryType.ADD and waiting[at + 1].type is DeliveryType.DELETE:
                if waiting[at].initial:
                    self._initial -= 1
                del waiting[at + 1]
                del waiting[at]
                self.dropped += 1
                return
