"""Which events a controller is not told: those of its own status writes, and no others."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from helpers.cached_objects import cached

from reconcile.client.seams import Write, WriteOutcome
from reconcile.controllers.echoes import MOST_PLACES, EchoFilter
from reconcile.controllers.stats import ControllerStats
from reconcile.informers import CachedObject, Detail
from reconcile.objects.identity import ObjectKey, ResourceType

PODS = ResourceType("", "v1", "Pod", "pods")
KEY = ObjectKey("default", "a")
OTHER = ObjectKey("default", "b")


class _Informer:
    resource = PODS
    namespaces = None

    def __init__(self) -> None:
        self.observers: list[Any] = []


class _Overlay:
    newest = ""

    def known(self, key: ObjectKey) -> tuple[str, str]:
        return "uid-a", self.newest


class _Reader:
    def __init__(self) -> None:
        self.informer = _Informer()
        self.overlay = _Overlay()


class Hearing:
    """A filter, whose store and handler a test plays."""

    def __init__(self) -> None:
        self.reader = _Reader()
        self.stats = ControllerStats()
        self.told: list[str] = []
        reader: Any = self.reader
        self.filter = EchoFilter("me", reader, deliver=self._deliver, stats=self.stats)
        self.filter.reconcile_began(KEY, "run-1")
        self.version(1)

    def _deliver(self, old: CachedObject, new: CachedObject) -> None:
        self.told.append(new.resource_version)

    def version(self, version: int) -> None:
        """What is known of the object by now."""
        self.reader.overlay.newest = str(version)

    def begin(self, body: dict[str, Any] | None = None, **changes: Any) -> Write:
        write = Write(
            "apply",
            PODS,
            KEY,
            "status",
            json.dumps(body or {}).encode(),
            controller="me",
            reconcile_key=KEY,
            reconcile_id="run-1",
            field_manager="mine",
        )
        write = replace(write, **changes)
        self.filter.write_started(write)
        return write

    def end(self, write: Write, obj: CachedObject | None, **outcome: Any) -> None:
        raw = None if obj is None else obj.raw
        self.filter.write_finished(write, WriteOutcome(object=raw, **outcome))

    def wrote(self, obj: CachedObject, **changes: Any) -> None:
        self.end(self.begin(**changes), obj)

    def step(self, old: CachedObject, new: CachedObject) -> None:
        """The store's change alone."""
        self.filter.store_changed(old, new)
        self.version(int(new.resource_version))

    def tell(self, old: CachedObject, new: CachedObject) -> None:
        """The handler's call alone."""
        if self.filter.hears(old, new):
            self.told.append(new.resource_version)

    def event(self, old: CachedObject, new: CachedObject) -> None:
        self.step(old, new)
        self.tell(old, new)

    @property
    def forgot(self) -> bool:
        return not self.filter._places  # pyright: ignore[reportPrivateUsage]


def pod(version: int, status: str = "", *, at: str = "", **changes: Any) -> CachedObject:
    """An object whose status the field manager `mine` applied at this time."""
    note = {"manager": "mine", "operation": "Apply", "subresource": "status", "time": at}
    metadata = {"managedFields": [note] if at else [], **changes.pop("metadata", {})}
    return cached("a", version, metadata=metadata, status={"phase": status}, **changes)


def test_the_event_of_an_own_status_is_dropped_and_counted() -> None:
    hearing = Hearing()
    hearing.wrote(pod(2, "x", at="t1"))
    hearing.event(pod(1), pod(2, "x", at="t1"))
    assert hearing.told == [] and hearing.stats.echoes_dropped == 1 and hearing.forgot


def test_it_is_dropped_after_the_reconcile_too() -> None:
    hearing = Hearing()
    hearing.wrote(pod(2, "x", at="t1"))
    hearing.filter.reconcile_ended(KEY)
    hearing.event(pod(1), pod(2, "x", at="t1"))
    assert hearing.told == []


def test_an_event_before_its_answer_is_held_until_the_answer() -> None:
    hearing = Hearing()
    write = hearing.begin()
    hearing.event(pod(1), pod(2, "x", at="t1"))
    assert hearing.told == []
    hearing.end(write, pod(2, "x", at="t1"))
    assert hearing.told == [] and hearing.stats.echoes_dropped == 1 and hearing.forgot


@pytest.mark.parametrize("end", ["failed", "unknown", "another version", "the reconcile is over"])
def test_a_held_event_that_is_no_echo_is_delivered(end: str) -> None:
    hearing = Hearing()
    write = hearing.begin()
    hearing.event(pod(1), pod(2, "x"))
    assert hearing.told == []
    match end:
        case "failed":
            hearing.end(write, None, error=ValueError())
        case "unknown":
            hearing.end(write, None, error=ValueError(), unknown=True)
        case "another version":
            hearing.end(write, pod(3, "y", at="t1"))
        case _:
            hearing.filter.reconcile_ended(KEY)
    assert hearing.told == ["2"]


def test_a_foreign_change_between_is_delivered_though_only_the_status_differs() -> None:
    hearing = Hearing()
    write = hearing.begin()
    hearing.step(pod(1), pod(2, "foreign"))
    hearing.end(write, pod(3, "mine", at="t1"))
    hearing.step(pod(2, "foreign"), pod(3, "mine", at="t1"))
    hearing.tell(pod(1), pod(3, "mine", at="t1"))
    assert hearing.told == ["3"]


def test_two_own_writes_whose_events_were_merged_are_dropped() -> None:
    hearing = Hearing()
    hearing.wrote(pod(2, "x", at="t1"))
    hearing.version(2)
    hearing.wrote(pod(3, "y", at="t2"))
    hearing.step(pod(1), pod(2, "x", at="t1"))
    hearing.step(pod(2, "x", at="t1"), pod(3, "y", at="t2"))
    hearing.tell(pod(1), pod(3, "y", at="t2"))
    assert hearing.told == [] and hearing.forgot


@pytest.mark.parametrize(
    "more",
    [
        {"spec": {"nodeName": "n1"}},
        {"metadata": {"labels": {"a": "b"}}},
        {"metadata": {"finalizers": ["a/b"]}},
        {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}},
        {"metadata": {"generation": 2}},
    ],
)
def test_an_own_write_of_more_than_the_status_is_delivered(more: dict[str, Any]) -> None:
    hearing = Hearing()
    note = {"manager": "mine", "operation": "Apply", "subresource": "status", "time": "t1"}
    metadata = {"managedFields": [note], **more.get("metadata", {})}
    new = pod(2, "x", **{**more, "metadata": metadata})
    hearing.wrote(new)
    hearing.event(pod(1), new)
    assert hearing.told == ["2"]


def test_a_write_that_changed_nothing_claims_nobodys_version() -> None:
    """Its answer carries the version of somebody else's status, whose event is still to come."""
    hearing = Hearing()
    hearing.wrote(pod(2, "foreign", at="t0"))
    hearing.event(pod(1, at="t0"), pod(2, "foreign", at="t0"))
    assert hearing.told == ["2"]


def test_a_version_that_was_known_before_the_write_is_not_its_own() -> None:
    hearing = Hearing()
    hearing.version(2)
    hearing.wrote(pod(2, "x", at="t1"))
    hearing.event(pod(1), pod(2, "x", at="t1"))
    assert hearing.told == ["2"]


@pytest.mark.parametrize("verb", ["update", "patch"])
def test_a_precondition_proves_authorship_without_any_note(verb: str) -> None:
    hearing = Hearing()
    hearing.wrote(pod(2, "x"), verb=verb, body={"metadata": {"resourceVersion": "1"}})
    hearing.event(pod(1), pod(2, "x"))
    assert hearing.told == []


def test_a_precondition_that_was_met_and_changed_nothing_proves_nothing() -> None:
    hearing = Hearing()
    hearing.wrote(pod(2, "x"), verb="update", body={"metadata": {"resourceVersion": "2"}})
    hearing.event(pod(1), pod(2, "x"))
    assert hearing.told == ["2"]


@pytest.mark.parametrize(
    "whose",
    [
        {"controller": "you"},
        {"reconcile_key": OTHER},
        {"controller": "", "reconcile_key": None, "reconcile_id": ""},
        # A controller of the same name in another manager of the same client.
        {"reconcile_id": "run-9"},
        {"dry_run": True},
    ],
)
def test_writes_of_others_are_no_echo(whose: dict[str, Any]) -> None:
    hearing = Hearing()
    hearing.wrote(pod(2, "x", at="t1"), **whose)
    hearing.event(pod(1), pod(2, "x", at="t1"))
    assert hearing.told == ["2"] and hearing.forgot


@pytest.mark.parametrize("first", ["own", "neighbour"])
def test_a_version_that_two_writers_were_answered_with_is_delivered(first: str) -> None:
    hearing = Hearing()
    own = hearing.begin()
    neighbour = hearing.begin(controller="you", reconcile_id="run-2")
    for write in (own, neighbour) if first == "own" else (neighbour, own):
        hearing.end(write, pod(2, "x", at="t1"))
    hearing.event(pod(1), pod(2, "x", at="t1"))
    assert hearing.told == ["2"]


def test_while_a_neighbours_write_is_under_way_nothing_is_dropped_without_a_precondition() -> None:
    hearing = Hearing()
    own = hearing.begin()
    hearing.begin(controller="you", reconcile_id="run-2")
    hearing.end(own, pod(2, "x", at="t1"))
    hearing.event(pod(1), pod(2, "x", at="t1"))
    assert hearing.told == ["2"]


def test_what_a_relist_brings_is_delivered() -> None:
    hearing = Hearing()
    hearing.wrote(pod(2, "x", at="t1"))
    hearing.filter.store_advanced(None, "9", True)
    hearing.event(pod(1), pod(2, "x", at="t1"))
    assert hearing.told == ["2"]
    hearing.filter.store_advanced(None, "10", False)
    hearing.wrote(pod(11, "y", at="t2"))
    hearing.event(pod(2, "x", at="t1"), pod(11, "y", at="t2"))
    assert hearing.told == ["2"]


def test_metadata_alone_does_not_say_what_changed() -> None:
    hearing = Hearing()
    hearing.wrote(pod(2, "x"), verb="update", body={"metadata": {"resourceVersion": "1"}})
    hearing.event(pod(1, detail=Detail.METADATA), pod(2, "x", detail=Detail.METADATA))
    assert hearing.told == ["2"]


def test_without_managed_fields_only_a_precondition_proves() -> None:
    hearing = Hearing()
    hearing.wrote(pod(2, "x", at="t1"))
    hearing.event(pod(1, detail=Detail.STRIPPED), pod(2, "x", detail=Detail.STRIPPED))
    assert hearing.told == ["2"]


def test_a_deleted_object_is_forgotten_and_what_was_held_is_told() -> None:
    hearing = Hearing()
    write = hearing.begin()
    hearing.event(pod(1), pod(2, "x"))
    hearing.filter.forget("default/a")
    assert hearing.told == ["2"]
    hearing.end(write, None, error=ValueError())
    assert hearing.forgot


def test_what_is_remembered_is_bounded() -> None:
    hearing = Hearing()
    for number in range(MOST_PLACES + 10):
        key = ObjectKey("default", f"p{number}")
        hearing.filter.reconcile_began(key, "run-1")
        hearing.wrote(pod(2, "x", at="t1"), key=key, reconcile_key=key)
        hearing.filter.reconcile_ended(key)
    assert len(hearing.filter._places) <= MOST_PLACES  # pyright: ignore[reportPrivateUsage]
