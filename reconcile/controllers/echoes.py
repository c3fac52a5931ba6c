"""Which events tell a controller nothing but what its own reconcile has just written. No loop, no clock.

    client ──write started, finished──▶ EchoFilter ◀──each change of the store── informer
                                            ▲ │
                        event of a primary ─┘ └─▶ deliver, drop, or hold until the write is answered

A reconcile that writes the status of its object would otherwise be run once more by the event of that write.
An event is dropped only when all of this is certain:

* Every version since what the controller saw last was made by a reconcile of this very controller and key.
  An answer with a version proves no authorship: a write that changes nothing is answered with the version of
  somebody else. It is proved by a precondition on the version before, or by the server's own note (its time
  in `managedFields`) that this field manager wrote there; and by no other write of this process claiming it.
* Nothing but status, managedFields and resourceVersion differs from what the controller saw last.

In every doubt the event is delivered: a reconcile too many costs little, one too few is a fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from reconcile.client.seams import Write, WriteOutcome
from reconcile.controllers.stats import ControllerStats
from reconcile.errors import ObjectDecodeError
from reconcile.informers.cached_object import CachedObject, Detail
from reconcile.informers.overlay import OverlayReader, OwnWrites
from reconcile.informers.resource_versions import is_newer
from reconcile.objects.identity import ObjectKey, ResourceType
from reconcile.objects.metadata import decode_metadata

MOST_PLACES: Final = 10_000
"""Objects whose echoes are waited for at the same time; beyond, the oldest are delivered like any event."""
MOST_STEPS: Final = 16
"""Changes of one object that are remembered while its echoes are waited for."""


@dataclass(slots=True)
class _Claim:
    """A version that an answer named.

    Attributes:
        write: the answered write.
        own: whether a reconcile of this controller and key made it.
        certain: whether a precondition proves that the write made the version.
    """

    write: Write
    own: bool
    certain: bool


@dataclass(slots=True)
class _Place:
    """What is known of one primary object whose echoes may come.

    Attributes:
        flying: writes under way, and the version known when each began.
        claims: versions that answers named.
        steps: the store's changes, in their order, without gaps.
        held: events that wait for an answer.
    """

    flying: dict[Write, str] = field(default_factory=dict[Write, str])
    claims: dict[str, _Claim] = field(default_factory=dict[str, _Claim])
    steps: list[tuple[CachedObject, CachedObject]] = field(
        default_factory=list[tuple[CachedObject, CachedObject]]
    )
    held: list[tuple[CachedObject, CachedObject]] = field(
        default_factory=list[tuple[CachedObject, CachedObject]]
    )


class EchoFilter:
    """Stands between the informer of a controller's primary kind and its queue.

    A `WriteObserver` of the client and a `StoreObserver` of the informer.

    Args:
        controller: the controller's name.
        reader: of the primary kind.
        deliver: takes an event that was held and is news after all.
        stats: where dropped events are counted.
    """

    def __init__(
        self,
        controller: str,
        reader: OverlayReader,
        *,
        deliver: Callable[[CachedObject, CachedObject], None],
        stats: ControllerStats,
    ) -> None:
        self._controller = controller
        self._reader = reader
        self._resource: ResourceType = reader.informer.resource
        self._deliver = deliver
        self._stats = stats
        self._own_writes: OwnWrites | None = None
        self._places: dict[str, _Place] = {}
        self._running: dict[ObjectKey, str] = {}
        self._relisting: set[str | None] = set()

    def attach(self, own_writes: OwnWrites) -> None:
        """Begin to hear of writes and of the store."""
        self._own_writes = own_writes
        own_writes.observe(self._resource, self)
        self._reader.informer.observers.append(self)

    def detach(self) -> None:
        """Hear nothing any more."""
        if self._own_writes is not None:
            self._own_writes.unobserve(self._resource, self)
            self._own_writes = None
        self._reader.informer.observers.remove(self)

    # ---- reconciles

    def reconcile_began(self, key: ObjectKey, reconcile_id: str) -> None:
        """Writes of this reconcile are the controller's own."""
        self._running[key] = reconcile_id

    def reconcile_ended(self, key: ObjectKey) -> None:
        """What a write that was left behind still holds back is delivered."""
        self._running.pop(key, None)
        place = self._places.get(str(key))
        if place is not None and place.held:
            self._let_go(place)

    # ---- writes

    def write_started(self, write: Write, /) -> None:
        if write.dry_run or write.resource_type != self._resource or not write.key.name:
            return
        name = str(write.key)
        place = self._places.get(name)
        if place is None:
            if not self._is_own(write):
                return
            if len(self._places) >= MOST_PLACES:
                self._forget_oldest()
            place = self._places[name] = _Place()
        place.flying[write] = self._reader.overlay.known(write.key)[1]

    def write_finished(self, write: Write, outcome: WriteOutcome, /) -> None:
        name = str(write.key)
        place = self._places.get(name)
        if place is None or write not in place.flying:
            return
        before = place.flying.pop(write)
        if outcome.object is not None:
            self._claim(place, write, outcome.object, before)
        held, place.held = place.held, []
        for old, new in held:
            if self.hears(old, new):
                self._deliver(old, new)
        if not (place.flying or place.claims or place.held):
            self._places.pop(name, None)

    def _claim(self, place: _Place, write: Write, answer: bytes, before: str) -> None:
        try:
            version = decode_metadata(answer).resource_version
        except ObjectDecodeError:
            return
        own = self._is_own(write)
        if own and not is_newer(version, before):
            return  # known before the write began: it changed nothing
        based_on = _precondition(write)
        certain = bool(based_on) and is_newer(version, based_on)
        if own and based_on and not certain:
            return
        present = place.claims.get(version)
        if present is not None:
            # Two writes were answered with one version: at most one of them made it.
            if present.certain:
                return
            own = own and certain
        place.claims[version] = _Claim(write, own, certain)

    def _is_own(self, write: Write) -> bool:
        return (
            write.controller == self._controller
            and write.reconcile_key == write.key
            and bool(write.reconcile_id)
            and self._running.get(write.key) == write.reconcile_id
        )

    # ---- the store

    def store_changed(self, old: CachedObject | None, new: CachedObject | None) -> None:
        """Remember the step from one version to the next, where echoes are waited for."""
        if not self._places or old is None or new is None:
            return
        place = self._places.get(new.place)
        if place is None:
            return
        stream = None if self._reader.informer.namespaces is None else new.metadata.namespace
        if stream in self._relisting or len(place.steps) >= MOST_STEPS:
            place.steps.clear()  # versions between the two may have gone unseen
        else:
            place.steps.append((old, new))

    def store_deleted(self, last: CachedObject, final_state_unknown: bool) -> None:
        """Nothing: events of deletion are never dropped."""

    def store_advanced(self, namespace: str | None, resource_version: str, relist: bool) -> None:
        """A list brings what it brings without the steps in between."""
        if relist:
            self._relisting.add(namespace)
        else:
            self._relisting.discard(namespace)

    # ---- events

    def hears(self, old: CachedObject, new: CachedObject) -> bool:
        """Whether the controller is to be told of an update now; `old` is what it was told last."""
        place = self._places.get(new.place)
        if place is None:
            return True
        verdict = self._judge(place, old, new)
        if verdict is None:
            place.held.append((old, new))
            return False
        self._forget(new.place, place, new.resource_version)
        if verdict:
            self._stats.echoes_dropped += 1
        return not verdict

    def forget(self, name: str) -> None:
        """The object came or went: nothing of what was waited for comes any more."""
        place = self._places.get(name)
        if place is None:
            return
        self._let_go(place)
        place.claims.clear()
        place.steps.clear()
        if not place.flying:
            del self._places[name]

    def _judge(self, place: _Place, old: CachedObject, new: CachedObject) -> bool | None:
        """Whether the event is an echo; None: the answer of a write under way will tell."""
        version = old.resource_version
        steps = [step for step in place.steps if is_newer(step[1].resource_version, version)]
        for before, after in steps:
            if before.resource_version != version:
                return False
            claim = place.claims.get(after.resource_version)
            if claim is None:
                waits = len(place.held) < MOST_STEPS and any(self._is_own(write) for write in place.flying)
                return None if waits else False
            if not claim.own or not self._made(place, claim, before, after):
                return False
            version = after.resource_version
            if version == new.resource_version:
                return _differ_in_status_alone(old, new)
        return False

    def _made(self, place: _Place, claim: _Claim, before: CachedObject, after: CachedObject) -> bool:
        """Whether it was this write that led from one version to the next."""
        if claim.certain:
            return True
        if any(not self._is_own(write) for write in place.flying):
            return False  # it may be answered with the same version
        return _wrote(claim.write, before, after)

    def _forget(self, name: str, place: _Place, version: str) -> None:
        """The controller knows everything up to a version."""
        for claimed in list(place.claims):
            if not is_newer(claimed, version):
                del place.claims[claimed]
        place.steps = [step for step in place.steps if is_newer(step[1].resource_version, version)]
        if not (place.flying or place.claims or place.held):
            self._places.pop(name, None)

    def _let_go(self, place: _Place) -> None:
        held, place.held = place.held, []
        for old, new in held:
            self._deliver(old, new)

    def _forget_oldest(self) -> None:
        for name, place in self._places.items():
            if not place.flying:
                self._let_go(place)
                del self._places[name]
                return


# ---- what bytes say


class _BodyMetadata(msgspec.Struct):
    resource_version: Any = msgspec.field(default="", name="resourceVersion")


class _Body(msgspec.Struct):
    metadata: _BodyMetadata = msgspec.field(default_factory=_BodyMetadata)


_decode_body: Final = msgspec.json.Decoder(_Body).decode


class _Note(msgspec.Struct):
    manager: str = ""
    operation: str = ""
    subresource: str = ""
    time: str = ""


class _Notes(msgspec.Struct):
    managed_fields: list[_Note] = msgspec.field(default_factory=list[_Note], name="managedFields")


class _Noted(msgspec.Struct):
    metadata: _Notes


_decode_noted: Final = msgspec.json.Decoder(_Noted).decode
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def _precondition(write: Write) -> str:
    """The version that a write demands to find; empty without one."""
    if write.verb not in ("update", "patch", "apply"):
        return ""
    try:
        version = _decode_body(write.body).metadata.resource_version
    except msgspec.MsgspecError:
        return ""  # a JSON patch, or YAML
    return version if isinstance(version, str) else ""


def _wrote(write: Write, before: CachedObject, after: CachedObject) -> bool:
    """Whether the server notes that the write's field manager wrote there between two versions."""
    if not write.field_manager or after.detail is not Detail.FULL or before.detail is not Detail.FULL:
        return False
    operation = "Apply" if write.verb == "apply" else "Update"
    times = [_noted(obj, write.field_manager, operation, write.subresource) for obj in (before, after)]
    return bool(times[1]) and times[0] != times[1]


def _noted(obj: CachedObject, manager: str, operation: str, subresource: str) -> str:
    try:
        notes = _decode_noted(obj.raw).metadata.managed_fields
    except msgspec.MsgspecError:
        return ""
    for note in notes:
        if (note.manager, note.operation, note.subresource) == (manager, operation, subresource):
            return note.time
    return ""


def _differ_in_status_alone(old: CachedObject, new: CachedObject) -> bool:
    """Whether nothing but status, managedFields and resourceVersion differ."""
    if old.detail is not new.detail or new.detail is Detail.METADATA or old.uid != new.uid:
        return False
    try:
        return _rest(old.raw) == _rest(new.raw)
    except (msgspec.MsgspecError, KeyError):
        return False


def _rest(raw: bytes) -> dict[str, Any]:
    """An object's members as bytes, less what an echo may change."""
    members: dict[str, Any] = {name: bytes(value) for name, value in _members(raw).items()}
    members.pop("status", None)
    metadata = {name: bytes(value) for name, value in _members(members["metadata"]).items()}
    metadata.pop("managedFields", None)
    metadata.pop("resourceVersion", None)
    members["metadata"] = metadata
    # Lists leave out what watches say.
    members.pop("kind", None)
    members.pop("apiVersion", None)
    return members
