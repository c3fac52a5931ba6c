"""What a server really held, state by state, and whether what readers and reconcilers of it saw can be true.

    server's storage ──▶ Truth: for each object, every state it was ever in, absence included
    reads            ──▶ Floors: per reader and object, the oldest state that may still be read

A reader's floor of an object rises with each of its reads, and with each write of its process that was
acknowledged: a read that no state from the floor on explains is a read that went back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from helpers.delivery_contract import content_of
from helpers.held_transport import note_effect

from reconcile.apiserver.storage import Change, Storage
from reconcile.client.attribution import Attribution, current_attribution
from reconcile.informers import CachedObject
from reconcile.objects.identity import ObjectKey

Place = tuple[str, ObjectKey]
"""A resource as in the API's paths (`pods`, `replicasets.apps`), and a key."""


@dataclass(frozen=True, eq=False)
class State:
    """One state of one key.

    Attributes:
        place: whose.
        index: which of the key's states, from 0 on, which is that nothing was there yet.
        at: order among everything that is counted by the `Truth`.
        revision: the resource version of the write.
        object: the object, or None: absent.
        author: the reconcile that wrote it; empty for everybody else.
    """

    place: Place
    index: int
    at: int
    revision: int
    object: Mapping[str, Any] | None
    author: Attribution = field(default_factory=Attribution)

    @property
    def uid(self) -> str:
        return "" if self.object is None else self.object["metadata"]["uid"]

    @property
    def labels(self) -> Mapping[str, str]:
        return {} if self.object is None else self.object["metadata"].get("labels") or {}

    def __str__(self) -> str:
        return f"{self.uid[:8] or 'absent'}@{self.revision}"


class Truth:
    """Every state of every object of some resources, from when this is made."""

    def __init__(self, storage: Storage, resources: Iterable[str]) -> None:
        self._resources = frozenset(resources)
        self._states: dict[Place, list[State]] = {}
        self._clock = 0
        storage.feed(self._changed)

    def now(self) -> int:
        """A number that is larger than all before."""
        self._clock += 1
        return self._clock

    def places(self, resource: str) -> list[Place]:
        """Every object of a resource that there ever was."""
        return [place for place in self._states if place[0] == resource]

    def of(self, place: Place) -> Sequence[State]:
        """An object's states; the first is that it is not there."""
        return self._states.get(place) or (State(place, 0, 0, 0, None),)

    def at_revision(self, place: Place, revision: int) -> State | None:
        """The state of this very resource version."""
        return next((state for state in self.of(place) if state.revision == revision), None)

    def _changed(self, resource: str, change: Change) -> None:
        if resource not in self._resources:
            return
        item = change.object
        place = (resource, ObjectKey(item.namespace, item.name))
        states = self._states.setdefault(place, [State(place, 0, 0, 0, None)])
        obj = None if change.type == "DELETED" else json.loads(item.raw)
        state = State(place, len(states), self.now(), change.revision, obj, current_attribution())
        states.append(state)
        note_effect(state)


Sees = Callable[[State], bool]
"""Whether a reader's selection has an object in this state."""


class Floors:
    """What one reader may still be shown.

    Args:
        truth: the server.
        name: of the reader, for messages.
        sees: what it selects, absence aside.
    """

    def __init__(self, truth: Truth, name: str, sees: Sees) -> None:
        self.name = name
        self._truth = truth
        self._sees = sees
        self._floors: dict[Place, int] = {}
        self._shown: set[State] = set()
        # By id, each kept alive so that the id goes on to say who it is.
        self._compared: dict[int, CachedObject] = {}

    def visible(self, state: State) -> bool:
        """Whether the reader's informer has the object when it is in this state."""
        return state.object is not None and self._sees(state)

    def floor(self, place: Place) -> State:
        """The oldest state that may still be read."""
        return self._truth.of(place)[self._floors.get(place, 0)]

    def raise_to(self, state: State, *, shown: bool = True) -> None:
        """Nothing before this state may be read from now on; `shown`: an answer told what it is."""
        self._floors[state.place] = max(self._floors.get(state.place, 0), state.index)
        if shown:
            self._shown.add(state)

    def check(self, place: Place, found: CachedObject | None) -> None:
        """A read of one key: raise AssertionError if no state from the floor on is what was read."""
        states = self._truth.of(place)
        floor = self._floors.get(place, 0)
        if found is None:
            index = next((s.index for s in states[floor:] if not self.visible(s)), None)
            assert index is not None, (
                f"{self.name} reads nothing for {_text(place)}, which is there since {states[floor]}: "
                f"{self._story(place)}"
            )
            self._floors[place] = index
            return
        state = self._truth.at_revision(place, int(found.resource_version))
        assert state is not None and state.object is not None and state.uid == found.uid, (
            f"{self.name} reads {found!r} ({found.uid}), which the server never had: {self._story(place)}"
        )
        if id(found) not in self._compared:
            assert content_of(json.loads(found.raw)) == content_of(state.object), (
                f"{self.name} reads for {_text(place)} at {state} what was not stored: {found.raw!r}"
            )
            self._compared[id(found)] = found
        assert self.visible(state), f"{self.name} reads {state}, which it does not select: {_text(place)}"
        assert state.index >= floor, (
            f"{self.name} went back to {state} of {_text(place)} after {states[floor]}: {self._story(place)}"
        )
        self._floors[place] = state.index
        self._shown.add(state)

    def known(self, last: State) -> State | None:
        """What anybody here was shown of an object, or wrote, latest and since it came into the selection."""
        for state in self._truth.of(last.place)[last.index :: -1]:
            if not self.visible(state) or state.uid != last.uid:
                return None
            if state in self._shown:
                return state
        return None

    def unproved(self, place: Place, found: CachedObject | None, reached: int) -> bool:
        """Whether a read that the store does not give can be one that the store has not reached yet."""
        if found is not None:
            return int(found.resource_version) > reached
        states = self._truth.of(place)
        return any(not self.visible(s) and s.revision > reached for s in states[self._floors.get(place, 0) :])

    def _story(self, place: Place) -> str:
        return ", ".join(f"{s}{'' if self.visible(s) else ' (not seen)'}" for s in self._truth.of(place))


def _text(place: Place) -> str:
    return f"{place[0]} {place[1]}"


def is_echo_only(before: State, after: State) -> bool:
    """Whether nothing but status, managed fields and version of one object differ."""
    if before.object is None or after.object is None or before.uid != after.uid:
        return False
    return _rest(before.object) == _rest(after.object)


def _rest(obj: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in obj.items() if name != "status"}
    rest["metadata"] = {
        name: value
        for name, value in obj["metadata"].items()
        if name not in ("resourceVersion", "managedFields")
    }
    return rest
