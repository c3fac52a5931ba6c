"""The delivery contract of an informer's handler, as a judge: what it was told against what really happened.

    server's storage ──Change──▶ ┐
                                 ├─ assert_deliveries_match ──▶ nothing, or every violation with its evidence
    handler's calls ──Delivered─▶ ┘

For each key, on its own:

* Order: what is told never goes back in the server's order.
* Truth: every object that is told is one that the server stored, at that version, to the last field.
* `old` is what this handler saw last; an update never changes the UID, and never tells nothing new.
* Coalescing merges consecutive states of one object and nothing else: every object that lived is told as
  added, and as deleted if it was; unless it came and went while nobody watched.
* A deletion tells the object's final state. `final_state_unknown` is allowed for those only that happened
  while nobody watched, and then tells a state that the object had.
* The last that is told is the final state.

"While nobody watched" is a `Gap`: versions that the informer skipped by listing anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class Change:
    """One revision of one key in the server's storage.

    Attributes:
        place: `namespace/name`, or the name.
        revision: the resourceVersion that it gave the object.
        object: the object as it is from then on; None: deleted.
        readable: False for stored bytes that are no object, which nobody can be told.
    """

    place: str
    revision: int
    object: Mapping[str, Any] | None
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """An object at one version, as a handler was given it."""

    place: str
    version: int
    uid: str
    content: Mapping[str, Any]

    @classmethod
    def of(cls, place: str, obj: Mapping[str, Any]) -> Seen:
        """From an object's whole JSON."""
        metadata = obj["metadata"]
        return cls(place, int(metadata["resourceVersion"]), metadata["uid"], content_of(obj))

    def __str__(self) -> str:
        return f"{self.uid[:8]}@{self.version}"


@dataclass(frozen=True, slots=True)
class Delivered:
    """One call of a handler."""

    type: Literal["add", "update", "delete"]
    place: str
    old: Seen | None = None
    new: Seen | None = None
    initial: bool = False
    final_state_unknown: bool = False

    def __str__(self) -> str:
        states = " → ".join(str(state) for state in (self.old, self.new) if state is not None)
        marks = (" initial" if self.initial else "") + (" unknown" if self.final_state_unknown else "")
        return f"{self.type} {states}{marks}"


@dataclass(frozen=True, slots=True)
class Gap:
    """The versions after `after`, up to and with `until`: nobody watched them, a list told where they led."""

    after: int
    until: int

    def hides(self, revision: int) -> bool:
        """Whether what happened at this revision was not watched."""
        return self.after < revision <= self.until


def content_of(obj: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what storage, list and watch write differently: its version and its type."""
    content = {name: value for name, value in obj.items() if name not in ("apiVersion", "kind")}
    metadata = obj.get("metadata", {})
    content["metadata"] = {name: value for name, value in metadata.items() if name != "resourceVersion"}
    return content


@dataclass(slots=True)
class _Life:
    """One object from its creation to its deletion; another one may have had its name before."""

    uid: str
    states: dict[int, Mapping[str, Any]] = field(default_factory=dict[int, Mapping[str, Any]])
    deleted_at: int | None = None

    @property
    def first(self) -> int:
        return min(self.states)

    @property
    def last(self) -> int:
        return max(self.states)

    def hidden_by(self, gaps: Iterable[Gap]) -> bool:
        """Whether it came and went within one gap."""
        end = self.deleted_at
        return end is not None and any(gap.hides(self.first) and gap.hides(end) for gap in gaps)


def assert_deliveries_match(
    history: Iterable[Change], deliveries: Iterable[Delivered], *, gaps: Sequence[Gap]
) -> None:
    """Raise `AssertionError` with every violation of the contract.

    Args:
        history: all that happened to the keys in question, in order, from before the informer's first list.
        deliveries: what one handler was told, in order, to its end.
        gaps: the versions skipped by lists; the first one is that before the handler's initial list, from
            version 0.
    """
    changes: dict[str, list[Change]] = {}
    for change in history:
        changes.setdefault(change.place, []).append(change)
    told: dict[str, list[Delivered]] = {}
    for delivery in deliveries:
        told.setdefault(delivery.place, []).append(delivery)
    problems: list[str] = []
    for place in sorted(changes.keys() | told.keys()):
        of_place = changes.get(place, [])
        found = _Judge(_lives(of_place), gaps).judge(told.get(place, []))
        if found:
            problems += [f"{place}: {problem}" for problem in found[:_SHOWN]]
            problems.append(f"  the server: {', '.join(map(_brief, of_place)) or 'nothing'}")
            problems.append(f"  the handler: {', '.join(map(str, told.get(place, []))) or 'nothing'}")
    assert not problems, "the delivery contract is broken:\n" + "\n".join(
        [*problems, f"gaps: {', '.join(f'({gap.after}, {gap.until}]' for gap in gaps)}"]
    )


def _lives(changes: Iterable[Change]) -> list[_Life]:
    lives: list[_Life] = []
    for change in changes:
        last = lives[-1] if lives and lives[-1].deleted_at is None else None
        if change.object is None:
            if last is not None:
                last.deleted_at = change.revision
            continue
        if not change.readable:
            continue
        uid = change.object["metadata"]["uid"]
        if last is None or last.uid != uid:
            if last is not None:
                last.deleted_at = change.revision
            last = _Life(uid)
            lives.append(last)
        last.states[change.revision] = content_of(change.object)
    return lives


class _Judge:
    """Walks along what was told about one key, beside what happened to it."""

    def __init__(self, lives: list[_Life], gaps: Sequence[Gap]) -> None:
        self._lives = lives
        self._gaps = gaps
        self._at = -1
        self._current: Seen | None = None
        self._problems: list[str] = []

    def judge(self, told: Iterable[Delivered]) -> list[str]:
        for delivery in told:
            match delivery.type:
                case "add":
                    self._added(delivery)
                case "update":
                    self._updated(delivery)
                case "delete":
                    self._deleted(delivery)
        self._ended()
        return self._problems

    def _added(self, delivery: Delivered) -> None:
        new = self._given(delivery, delivery.new)
        if self._current is not None:
            self._wrong(delivery, f"added while the handler held {self._current}")
        self._current = new
        at = self._life_of(new)
        if at is None:
            return self._wrong(delivery, "the server never stored an object of that UID under this name")
        if at <= self._at:
            return self._wrong(delivery, "an object is added again, or after its successor")
        self._skipped(self._at + 1, at)
        self._at = at
        self._stored(delivery, new)
        listed = bool(self._gaps) and self._gaps[0].hides(self._lives[at].first)
        if delivery.initial != listed:
            self._wrong(
                delivery,
                f"initial, though it was {'' if listed else 'not '}there when the first list was made",
            )

    def _updated(self, delivery: Delivered) -> None:
        old, new = self._given(delivery, delivery.old), self._given(delivery, delivery.new)
        current, self._current = self._current, new
        if current is None:
            return self._wrong(delivery, "updated, though the handler held nothing")
        if old != current:
            self._wrong(delivery, f"old is not what the handler saw last, {current}")
        if new.uid != current.uid:
            return self._wrong(delivery, "a change of UID is told as an update")
        if new.version <= current.version:
            self._wrong(delivery, f"goes back, or nowhere, from {current}")
        self._stored(delivery, new)

    def _deleted(self, delivery: Delivered) -> None:
        old = self._given(delivery, delivery.old)
        current, self._current = self._current, None
        if current is None:
            return self._wrong(delivery, "deleted, though the handler held nothing")
        if old.uid != current.uid:
            return self._wrong(delivery, f"another object is deleted than the one held, {current}")
        at = self._life_of(old)
        life = None if at is None else self._lives[at]
        if life is None or life.deleted_at is None:
            return self._wrong(delivery, "the server never deleted it")
        if delivery.final_state_unknown:
            if not any(gap.hides(life.deleted_at) for gap in self._gaps):
                self._wrong(delivery, f"its deletion at {life.deleted_at} was watched: its end is known")
            if old.version < current.version:
                self._wrong(delivery, f"goes back from {current}")
            self._stored(delivery, old)
        elif (old.version, old.content) != (life.deleted_at, life.states[life.last]):
            self._wrong(delivery, f"not its final state, deleted at {life.deleted_at}")

    def _ended(self) -> None:
        self._skipped(self._at + 1, len(self._lives))
        last = self._lives[-1] if self._lives else None
        if last is None or last.deleted_at is not None:
            if self._current is not None:
                self._problems.append(f"the last told is {self._current}; the server holds nothing")
        elif self._current is None or (self._current.uid, self._current.version) != (last.uid, last.last):
            held = self._current or "nothing"
            self._problems.append(f"the last told is {held}; the server holds {last.uid[:8]}@{last.last}")

    def _skipped(self, start: int, end: int) -> None:
        for life in self._lives[start:end]:
            if not life.hidden_by(self._gaps):
                self._problems.append(
                    f"{life.uid[:8]} was never told: created at {life.first}, deleted at {life.deleted_at}"
                )

    def _given(self, delivery: Delivered, state: Seen | None) -> Seen:
        assert state is not None, f"{delivery} lacks an object"
        return state

    def _stored(self, delivery: Delivered, state: Seen) -> None:
        at = self._life_of(state)
        stored = None if at is None else self._lives[at].states.get(state.version)
        if stored is None:
            self._wrong(delivery, f"the server stored nothing for {state}")
        elif stored != state.content:
            self._wrong(delivery, f"the server stored {stored} for {state}, told was {state.content}")

    def _life_of(self, state: Seen) -> int | None:
        return next((at for at, life in enumerate(self._lives) if life.uid == state.uid), None)

    def _wrong(self, delivery: Delivered, problem: str) -> None:
        self._problems.append(f"{delivery}: {problem}")


def _brief(change: Change) -> str:
    if change.object is None:
        return f"deleted@{change.revision}"
    if not change.readable:
        return f"unreadable@{change.revision}"
    return f"{change.object['metadata']['uid'][:8]}@{change.revision}"
