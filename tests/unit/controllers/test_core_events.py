"""Events of core/v1: each text of its own until they are many, and no more than an object may have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from helpers.managed import World, settle, widget

from reconcile.controllers.events import Reference
from reconcile.controllers.events.correlation import BURST, SIMILAR, CoreEventKey, EventCorrelation

START = datetime(2026, 1, 1, tzinfo=UTC)
WEB = Reference("apps/v1", "ReplicaSet", "default", "web", "u1", "7")
KEY = CoreEventKey("Normal", "SuccessfulCreate", "replicaset-controller", WEB)


def observe(correlation: EventCorrelation, note: str, after: float = 0.0, key: CoreEventKey = KEY) -> object:
    return correlation.observe(key, note, f"web.{note}", "default", START + timedelta(seconds=after))


def test_texts_are_kept_apart_and_the_same_text_is_counted() -> None:
    correlation = EventCorrelation()
    one, two, again = (observe(correlation, note) for note in ("a", "b", "a"))
    assert one is again and one is not two
    assert (one.count, two.count) == (2, 1)  # type: ignore[attr-defined]


def test_from_the_tenth_text_on_one_event_stands_for_all() -> None:
    correlation = EventCorrelation()
    records = [observe(correlation, f"Created pod: {n}") for n in range(SIMILAR + 1)]
    assert records[SIMILAR - 1] is records[SIMILAR]
    note = records[SIMILAR].note  # type: ignore[attr-defined]
    assert note == f"(combined from similar events): Created pod: {SIMILAR}"
    later = observe(correlation, "Created pod: later", after=601)
    assert later.note == "Created pod: later"  # type: ignore[attr-defined]


def test_an_object_has_so_many_writes_and_one_more_every_five_minutes() -> None:
    correlation = EventCorrelation()
    told = [observe(correlation, "a") for _ in range(BURST + 3)]
    assert sum(record is not None for record in told) == BURST
    assert observe(correlation, "a", after=299) is None
    assert observe(correlation, "a", after=301) is not None
    warning = CoreEventKey("Warning", "FailedCreate", "replicaset-controller", WEB)
    assert observe(correlation, "a", key=warning) is not None


async def test_they_are_written_as_the_built_in_controllers_write_them() -> None:
    world = World()
    obj = {**widget(), "metadata": {"name": "a", "namespace": "default", "uid": "u"}}
    async with world:
        recorder = world.manager.event_recorder("any").core("replicaset-controller")
        for note in ("Created pod: x", "Created pod: y", "Created pod: x"):
            recorder.event(obj, "Normal", "SuccessfulCreate", note)
            await settle()
        found = [
            body for path, body in world.server.objects.items() if "/api/v1/" in path and "/events/" in path
        ]
    assert [(event["message"], event["count"]) for event in found] == [
        ("Created pod: x", 2),
        ("Created pod: y", 1),
    ]
    assert {event["source"]["component"] for event in found} == {"replicaset-controller"}
    assert found[0]["involvedObject"]["uid"] == "u" and found[0]["lastTimestamp"].endswith("Z")
