"""The overlay's records: what readers see, and what lets a record go."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from helpers.cached_objects import cached

from reconcile.informers import CachedObject, Index
from reconcile.informers.indexes import IndexSet
from reconcile.informers.overlay import Overlay
from reconcile.informers.overlay.overlay import LIFETIME
from reconcile.informers.store import Store
from reconcile.objects.identity import ObjectKey

KEY = ObjectKey("default", "a")
NODE = Index("spec.nodeName")


class Stream:
    """A store that a test fills as a watch would, and the overlay in front of it."""

    def __init__(self, *, selective: bool = False) -> None:
        self.index_set = IndexSet((NODE,))
        self.store = Store(self.index_set)
        self.now = 0.0
        self.unseen: list[str] = []
        self.overlay = Overlay(
            self,
            selective=selective,
            clock=lambda: self.now,
            unseen=lambda obj: self.unseen.append(f"{obj.uid}@{obj.resource_version}"),
        )

    # what the overlay asks

    def peek(self, key: ObjectKey) -> CachedObject | None:
        return self.store.get(key)

    def names(self, namespace: str) -> Sequence[str]:
        return [obj.metadata.name for obj in self.store.snapshot(namespace)]

    def stream_of(self, namespace: str) -> str:
        return ""

    def reached(self, namespace: str) -> str:
        return self.store.resource_version

    # what the watch brings

    def event(self, obj: CachedObject) -> None:
        self.store.put(obj)
        self.overlay.store_changed(obj.place, obj.key, obj)
        self.advance(obj.resource_version)

    def deleted(self, obj: CachedObject) -> None:
        self.store.remove(obj.key)
        self.overlay.store_deleted(obj, False)
        self.overlay.store_changed(obj.place, obj.key, None)
        self.advance(obj.resource_version)

    def advance(self, version: str, *, relist: bool = False) -> None:
        self.store.resource_version = version
        self.overlay.store_advanced(None, version, relist=relist)

    def relist(self, version: str, *objects: CachedObject) -> None:
        gone = [obj for obj in self.store.snapshot() if obj.key not in {each.key for each in objects}]
        self.store = Store(self.index_set)
        for obj in objects:
            self.store.put(obj)
        self.advance(version, relist=True)
        for obj in gone:
            self.overlay.store_deleted(obj, True)
            self.overlay.store_changed(obj.place, obj.key, None)
        for obj in objects:
            self.overlay.store_changed(obj.place, obj.key, obj)

    # what readers see

    def seen(self, name: str = "a") -> str:
        key = ObjectKey("default", name)
        record, stored = self.overlay.record(key), self.store.get(key)
        found = stored if record is None else record.over(stored)
        return "" if found is None else f"{found.uid}@{found.resource_version}"

    def listed(self) -> list[str]:
        objects = self.store.snapshot_over(None, self.overlay.namespaces, self.overlay.amend)
        return sorted(f"{obj.metadata.name}@{obj.resource_version}" for obj in objects)

    def on_node(self, node: str) -> list[str]:
        bucket = self.store.bucket("spec.nodeName", node)
        self.overlay.amend_bucket(bucket, "spec.nodeName", node)
        return sorted(f"{obj.metadata.name}@{obj.resource_version}" for obj in bucket.values())

    @property
    def clean(self) -> bool:
        overlay = self.overlay
        return not (overlay.records or overlay.namespaces or overlay.unproved) and overlay.idle


def pod(version: int, node: str = "", *, name: str = "a", uid: str = "u1") -> CachedObject:
    return cached(name, version, uid=uid, spec={"nodeName": node})


# ---- objects


def test_an_answer_is_seen_at_once_and_its_event_retires_it() -> None:
    stream = Stream()
    stream.event(pod(5))
    stream.overlay.show(pod(10, "n1"))
    assert stream.seen() == "u1@10" and stream.listed() == ["a@10"]
    assert stream.on_node("n1") == ["a@10"] and stream.on_node("") == []
    assert stream.overlay.size == 1
    stream.event(pod(10, "n1"))
    assert stream.seen() == "u1@10" and stream.on_node("n1") == ["a@10"] and stream.clean


@pytest.mark.parametrize("reached", [10, 12])
def test_an_answer_whose_event_came_first_leaves_nothing(reached: int) -> None:
    stream = Stream()
    stream.event(pod(reached))
    stream.overlay.show(pod(10))
    assert stream.clean and stream.seen() == f"u1@{reached}"


def test_an_older_event_does_not_hide_the_answer_and_a_newer_one_does() -> None:
    stream = Stream()
    stream.overlay.show(pod(10))
    stream.event(pod(8))
    assert stream.seen() == "u1@10"
    stream.event(pod(11))
    assert stream.seen() == "u1@11" and stream.clean


def test_answers_out_of_order_leave_the_newest() -> None:
    stream = Stream()
    stream.overlay.show(pod(12), began=1, ended=3)
    stream.overlay.show(pod(10), began=2, ended=4)
    assert stream.seen() == "u1@12"


def test_a_bookmark_retires_what_the_stream_has_passed() -> None:
    stream = Stream()
    stream.event(pod(10))
    stream.overlay.show(pod(11, name="b", uid="u2"))
    stream.advance("10")
    assert stream.seen("b") == "u2@11"
    stream.advance("12")
    assert stream.clean


def test_a_relist_older_than_the_write_hides_nothing() -> None:
    stream = Stream()
    stream.overlay.show(pod(10))
    stream.relist("9")
    assert stream.seen() == "u1@10" and stream.unseen == []


def test_a_relist_ends_a_ghost_and_tells_of_it() -> None:
    stream = Stream()
    stream.overlay.show(pod(10))
    stream.relist("15")
    assert stream.seen() == "" and stream.clean and stream.unseen == ["u1@10"]


def test_an_answer_that_comes_after_the_end_of_its_object_tells_of_it() -> None:
    stream = Stream()
    stream.relist("15")
    stream.overlay.show(pod(10))
    assert stream.seen() == "" and stream.clean and stream.unseen == ["u1@10"]


def test_an_incarnation_that_only_the_overlay_showed_is_told_of_when_another_has_its_name() -> None:
    stream = Stream()
    stream.overlay.show(pod(10))
    stream.overlay.show(pod(14, uid="u2"))
    stream.overlay.show(pod(15, uid="u2"))
    assert stream.unseen == ["u1@10"]
    stream.relist("20", pod(15, uid="u2"))
    assert stream.seen() == "u2@15" and stream.clean and stream.unseen == ["u1@10"]


def test_versions_are_compared_as_numbers_of_any_length() -> None:
    stream = Stream()
    stream.overlay.show(pod(10**20))
    stream.event(pod(9 * 10**19))
    assert stream.seen() == f"u1@{10**20}"
    stream.advance(str(10**20))
    assert stream.clean


# ---- deletions


def test_a_deleted_object_is_hidden_until_the_watch_says_so() -> None:
    stream = Stream()
    stream.event(pod(5))
    stream.overlay.bury(KEY, "u1", "")
    assert stream.seen() == "" and stream.listed() == [] and stream.on_node("") == []
    stream.event(pod(6))
    assert stream.seen() == ""
    stream.deleted(pod(7))
    assert stream.seen() == "" and stream.clean


def test_created_and_deleted_before_the_watch_has_heard_of_either() -> None:
    stream = Stream()
    stream.overlay.show(pod(10))
    stream.overlay.bury(KEY, "u1", "")
    stream.advance("9")
    assert stream.seen() == ""
    stream.event(pod(10))
    assert stream.seen() == ""
    stream.deleted(pod(11))
    assert stream.clean


def test_a_relist_that_lacks_the_deleted_object_ends_its_record_unless_it_is_too_old() -> None:
    stream = Stream()
    stream.overlay.show(pod(10))
    stream.overlay.bury(KEY, "u1", "")
    stream.relist("9")
    assert not stream.clean
    stream.relist("12")
    assert stream.clean
    # It was shown for a while, to others as well, and no handler heard of it.
    assert stream.unseen == ["u1@10"]


def test_made_anew_under_the_same_name() -> None:
    stream = Stream()
    stream.event(pod(5))
    stream.overlay.bury(KEY, "u1", "5")
    stream.overlay.show(pod(12, uid="u2"))
    assert stream.seen() == "u2@12"
    stream.deleted(pod(11))
    assert stream.seen() == "u2@12"
    stream.event(pod(12, uid="u2"))
    assert stream.seen() == "u2@12" and stream.clean


def test_another_incarnation_that_the_watch_brings_is_seen_over_a_deletion() -> None:
    stream = Stream()
    stream.event(pod(5))
    stream.overlay.bury(KEY, "u1", "5")
    stream.store.put(pod(9, uid="u2"))
    stream.overlay.store_changed("default/a", KEY, pod(9, uid="u2"))
    assert stream.seen() == "u2@9" and stream.clean


def test_a_late_answer_does_not_bring_a_deleted_object_back() -> None:
    stream = Stream()
    stream.event(pod(5))
    stream.overlay.bury(KEY, "u1", "5", began=2, ended=3)
    stream.overlay.show(pod(6), began=1, ended=4)
    assert stream.seen() == ""


def test_in_a_selection_a_deletion_needs_a_version_after_it() -> None:
    stream = Stream(selective=True)
    stream.event(pod(5))
    stream.overlay.bury(KEY, "u1", "5", began=1, ended=2)
    stream.deleted(pod(6))  # it has left the selection
    stream.event(pod(7))  # and come back, before it was deleted
    assert stream.seen() == ""
    assert stream.overlay.unproved == KEY
    stream.overlay.answered("20", 3)
    stream.deleted(pod(9))
    assert stream.seen() == "" and not stream.clean
    stream.advance("20")
    assert stream.clean


# ---- absence


def test_what_left_the_selection_is_hidden_until_the_stream_has_passed_it() -> None:
    stream = Stream(selective=True)
    stream.event(pod(5))
    stream.overlay.hide(KEY, "10")
    assert stream.seen() == ""
    stream.event(pod(8))
    assert stream.seen() == ""
    stream.deleted(pod(10))
    assert stream.clean


def test_a_live_list_of_a_namespace_shows_and_hides() -> None:
    stream = Stream()
    stream.event(pod(5))
    stream.event(pod(6, name="b", uid="u2"))
    stream.overlay.show(pod(7, name="c", uid="u3"))
    fresh = {"b": pod(20, name="b", uid="u2"), "d": pod(21, name="d", uid="u4")}
    stream.overlay.listed("default", "30", fresh)
    assert stream.listed() == ["b@20", "d@21"]
    # Made and deleted before the list: its event is still to come, and shows nothing.
    stream.event(pod(12, name="e", uid="u5"))
    assert stream.listed() == ["b@20", "d@21"]
    stream.deleted(pod(13, name="e", uid="u5"))
    stream.deleted(pod(14))
    stream.event(fresh["b"])
    stream.event(fresh["d"])
    stream.advance("30")
    assert stream.listed() == ["b@20", "d@21"] and stream.clean


def test_events_after_a_live_list_are_seen() -> None:
    stream = Stream()
    stream.overlay.listed("default", "30", {})
    stream.event(pod(29))
    assert stream.seen() == "" and not stream.clean
    stream.deleted(pod(30))
    assert stream.clean
    stream.event(pod(31, uid="u2"))
    assert stream.seen() == "u2@31" and stream.clean


# ---- versions that cannot be compared


def opaque(version: str, uid: str = "u1") -> CachedObject:
    return cached("a", 0, metadata={"resourceVersion": version, "uid": uid})


def test_an_opaque_answer_is_seen_until_this_very_version_comes() -> None:
    stream = Stream()
    stream.event(opaque("x1"))
    stream.overlay.show(opaque("x3"))
    assert stream.seen() == "u1@x3"
    stream.event(opaque("x2"))
    assert stream.seen() == "u1@x3"
    stream.event(opaque("x3"))
    assert stream.seen() == "u1@x3" and stream.clean


def test_an_opaque_answer_ends_with_a_relist_and_with_its_object() -> None:
    stream = Stream()
    stream.overlay.show(opaque("x3"))
    stream.relist("x9", opaque("x4"))
    assert stream.seen() == "u1@x4" and stream.clean
    stream.overlay.show(opaque("x7"))
    stream.deleted(opaque("x8"))
    assert stream.seen() == "" and stream.clean


def test_an_opaque_deletion_hides_its_incarnation_alone() -> None:
    stream = Stream()
    stream.event(opaque("x1"))
    stream.overlay.bury(KEY, "u1", "x1")
    assert stream.seen() == ""
    stream.event(opaque("x5", "u2"))
    assert stream.seen() == "u2@x5"


def test_an_opaque_absence_hides_what_is_there_and_nothing_that_comes() -> None:
    stream = Stream()
    stream.event(opaque("x1"))
    stream.overlay.listed("default", "x9", {})
    assert stream.seen() == "" and stream.overlay.unproved is None
    stream.event(opaque("x12", "u2"))
    assert stream.seen() == "u2@x12"
    stream.overlay.hide(ObjectKey("default", "b"), "x9")
    assert stream.seen("b") == "" and "default/b" not in stream.overlay.records


# ---- bounds


def test_a_record_without_a_proof_goes_after_its_time_and_is_told_of() -> None:
    stream = Stream()
    stream.overlay.show(pod(10))
    stream.now = LIFETIME + 1
    stream.advance("9")
    assert stream.clean and stream.overlay.expired == 1 and stream.unseen == ["u1@10"]


def test_a_thousand_records_leave_nothing_behind() -> None:
    stream = Stream()
    for number in range(1000):
        stream.overlay.show(pod(100 + number, name=f"p{number}", uid=f"u{number}"))
    assert stream.overlay.size == 1000
    stream.advance("599")
    assert stream.overlay.size == 500
    stream.advance("2000")
    assert stream.clean and not stream.overlay._proofs  # pyright: ignore[reportPrivateUsage]


def test_an_index_that_comes_later_finds_what_was_written_before() -> None:
    stream = Stream()
    team = Index("team", metadata=lambda metadata: [metadata.labels.get("team", "")])
    stream.overlay.show(cached("a", 10, uid="u1", metadata={"labels": {"team": "red"}}, spec={}))
    stream.index_set = IndexSet((NODE, team))
    stream.store = Store(stream.index_set)
    bucket = stream.store.bucket("team", "red")
    stream.overlay.amend_bucket(bucket, "team", "red")
    assert list(bucket) == ["default/a"]
    stream.overlay.show(cached("b", 11, uid="u2", metadata={"labels": {"team": "red"}}, spec={}))
    bucket = stream.store.bucket("team", "red")
    stream.overlay.amend_bucket(bucket, "team", "red")
    assert sorted(bucket) == ["default/a", "default/b"]
