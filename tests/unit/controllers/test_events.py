"""Events: which become objects, which a count, and what happens when the server does not take them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from helpers.managed import World, settle, widget

from reconcile import ConfigurationError
from reconcile.controllers.events import EventSeries, Reference
from reconcile.controllers.events.series import EventKey

START = datetime(2026, 1, 1, tzinfo=UTC)
WEB = Reference("v1", "Pod", "default", "web", "u1", "7")


def key(reason: str = "Started", regarding: Reference = WEB) -> EventKey:
    return EventKey("Normal", "Start", reason, "c", "c-host", regarding, None)


def test_the_first_and_the_second_of_a_series_are_told_later_ones_counted() -> None:
    series = EventSeries()
    first = series.observe(key(), "a", "web.1", "default", START)
    second = series.observe(key(), "b", "web.2", "default", START + timedelta(seconds=1))
    assert first is second and first is not None and first.count == 2 and first.note == "a"
    for number in range(3):
        assert series.observe(key(), "c", "web.3", "default", START + timedelta(seconds=2 + number)) is None
    assert first.count == 5


def test_another_reason_or_object_is_another_series_another_resource_version_is_not() -> None:
    series = EventSeries()
    assert series.observe(key(), "", "n", "default", START)
    other = Reference("v1", "Pod", "default", "db", "u2")
    assert series.observe(key("Stopped"), "", "n", "default", START).count == 1  # type: ignore[union-attr]
    assert series.observe(key(regarding=other), "", "n", "default", START).count == 1  # type: ignore[union-attr]
    newer = Reference("v1", "Pod", "default", "web", "u1", "8")
    assert series.observe(key(regarding=newer), "", "n", "default", START).count == 2  # type: ignore[union-attr]


def test_a_recorder_by_version_parts_the_series_of_an_object_that_changed() -> None:
    series = EventSeries()
    for version in ("7", "7", "8"):
        count = series.observe(replace(key(), version=version), version, version, "default", START)
        assert count is not None
    assert [(record.note, record.count) for record in series.unwritten()] == [("7", 2)]


def test_a_series_is_refreshed_while_it_lasts_and_finished_after_six_quiet_minutes() -> None:
    series = EventSeries()
    record = series.observe(key(), "", "n", "default", START)
    assert record is not None
    record.written, record.refreshed = 1, START
    now = START
    for _ in range(31):
        now += timedelta(minutes=1)
        series.observe(key(), "", "n", "default", now)
        record.written = max(record.written, 2)
    assert series.due(now) == [record]
    record.written, record.refreshed = record.count, now
    assert series.due(now + timedelta(minutes=5)) == []
    series.observe(key(), "", "n", "default", now + timedelta(minutes=1))
    assert series.due(now + timedelta(minutes=8)) == [record]
    assert len(series) == 0
    again = series.observe(key(), "", "m", "default", now + timedelta(minutes=9))
    assert again is not None and again.count == 1


def test_a_series_that_was_quiet_too_long_begins_anew() -> None:
    series = EventSeries()
    series.observe(key(), "", "n", "default", START)
    again = series.observe(key(), "", "m", "default", START + timedelta(minutes=7))
    assert again is not None and (again.name, again.count) == ("m", 1)


def events(world: World) -> list[Any]:
    return [body for path, body in world.server.objects.items() if "/events/" in path]


async def test_an_event_is_written_as_the_api_has_it_and_a_series_patched() -> None:
    world = World()
    obj = {**widget(), "metadata": {"name": "a", "namespace": "default", "uid": "u"}}
    async with world:
        recorder = world.manager.event_recorder("database")
        for _ in range(5):
            recorder.event(obj, "Warning", "BackupFailed", "Backup", "no space left", related=obj)
        await settle()
        (event,) = events(world)
        assert (event["reason"], event["action"], event["type"]) == ("BackupFailed", "Backup", "Warning")
        assert event["reportingController"] == "database" and event["reportingInstance"] == "database-host"
        assert event["regarding"] == event["related"]
        assert event["regarding"] == {
            "apiVersion": "example.com/v1",
            "kind": "Widget",
            "namespace": "default",
            "name": "a",
            "uid": "u",
        }
        assert event["eventTime"].startswith("2026-01-01T00:00:00.") and event["eventTime"].endswith("Z")
        assert event["metadata"]["name"].startswith("a.")
    (event,) = events(world)
    assert event["series"]["count"] == 5, "open series are written at the end"


async def test_events_of_cluster_scoped_objects_go_to_the_default_namespace() -> None:
    world = World()
    async with world:
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "uid": "u"}}
        world.manager.event_recorder("c").event(node, "Normal", "Ready", "Watch", "é" * 2000)
        await settle()
        (event,) = events(world)
        assert event["metadata"]["namespace"] == "default"
        assert len(event["note"].encode()) <= 1024 and event["note"].endswith("…")


async def test_what_the_server_refuses_is_dropped_and_what_it_cannot_take_now_is_tried_again() -> None:
    world = World()
    obj = {**widget(), "metadata": {"name": "a", "namespace": "default"}}
    answers = [(403, "Forbidden")]
    world.server.refuse = lambda request: answers.pop() if answers and request.method == "POST" else None
    async with world:
        recorder = world.manager.event_recorder("c")
        recorder.event(obj, "Normal", "One", "Act", "")
        await settle(1)
        assert events(world) == []
        recorder.event(obj, "Normal", "One", "Act", "")
        await settle(1)
        assert len(events(world)) == 1
    assert "an event could not be written" in world.log.getvalue()


async def test_a_flood_is_bounded_and_counted_and_never_blocks() -> None:
    world = World()
    async with world:
        recorder = world.manager.event_recorder("c")
        for number in range(1500):
            obj = {**widget(), "metadata": {"name": f"w{number}", "namespace": "default"}}
            recorder.event(obj, "Normal", "Flood", "Act", "")
        await settle(60)
        assert len(events(world)) == 1000
        from prometheus_client import generate_latest

        assert "reconcile_events_dropped_total 500.0" in generate_latest(world.manager.metrics).decode()
    dropped = [json.loads(line) for line in world.log.getvalue().splitlines() if "events dropped" in line]
    assert [line["dropped"] for line in dropped] == [1, 2, 4, 8, 16, 32, 64, 128, 256]


async def test_an_event_without_reason_or_with_another_type_is_refused_at_once() -> None:
    world = World()
    async with world:
        recorder = world.manager.event_recorder("c")
        with pytest.raises(ConfigurationError, match="Normal or Warning"):
            recorder.event(widget(), "Error", "X", "Y", "")  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="a reason and an action"):
            recorder.event(widget(), "Normal", "", "Y", "")
