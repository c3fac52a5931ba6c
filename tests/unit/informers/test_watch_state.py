"""The watch state machine step by step, without any loop."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.cached_objects import cached

from reconcile.errors import APIError, TransportError, api_error
from reconcile.informers import InformerOptions, ListMode
from reconcile.informers.watch_events import EventType, WatchEvent
from reconcile.informers.watch_state import (
    Collect,
    Elapsed,
    Emit,
    Event,
    Failed,
    List,
    Listed,
    ListFailed,
    Output,
    Phase,
    Received,
    Replace,
    Start,
    Wait,
    Watch,
    WatchEnded,
    WatchMachine,
    WatchOpened,
)

GONE = api_error(410, {"reason": "Expired", "message": "too old resource version"})


class _Machine:
    def __init__(self, options: InformerOptions | None = None, dice: float = 0.0) -> None:
        self.machine = WatchMachine(options or InformerOptions(), lambda: dice)
        self.state = self.machine.initial()
        self.now = 0.0

    def __call__(self, *events: Event, after: float = 0.0) -> list[Output]:
        self.now += after
        outputs: tuple[Output, ...] = ()
        for event in events:
            self.state, outputs = self.machine.step(self.state, event, self.now)
        return list(outputs)

    def watching(self) -> None:
        self(Start(), Listed("10"), WatchOpened())


def _of(outputs: list[Output], kind: type[Any]) -> Any:
    (found,) = [output for output in outputs if isinstance(output, kind)]
    return found


def _event(version: int, kind: EventType = EventType.MODIFIED) -> WatchEvent:
    return WatchEvent(kind, cached("a", version), str(version))


def _bookmark(version: int, *, end: bool = False) -> WatchEvent:
    return WatchEvent(EventType.BOOKMARK, None, str(version), end)


def test_list_then_watch_from_its_version() -> None:
    machine = _Machine()
    assert machine(Start()) == [List(None, "initial")]
    replaced, watch = machine(Listed("10"))
    assert replaced == Replace("10", "initial")
    assert isinstance(watch, Watch) and watch.resource_version == "10" and not watch.initial_events


@pytest.mark.parametrize(("dice", "seconds"), [(0.0, 300), (0.5, 450), (0.999, 600)])
def test_watch_length_is_uniform_from_5_to_10_minutes(dice: float, seconds: int) -> None:
    machine = _Machine(dice=dice)
    assert _of(machine(Start(), Listed("10")), Watch).timeout_seconds == seconds


def test_events_move_the_version_and_the_next_watch_goes_on_there() -> None:
    machine = _Machine()
    machine.watching()
    emitted = _of(machine(Received([_event(11), _event(13)])), Emit)
    assert [event.resource_version for event in emitted.events] == ["11", "13"]
    assert _of(machine(WatchEnded(), after=300), Watch).resource_version == "13"


def test_versions_are_compared_as_numbers_of_any_length() -> None:
    machine = _Machine()
    machine.watching()
    machine(Received([_event(99), _event(100)]))
    assert machine.state.resource_version == "100"
    assert _of(machine(Received([_event(99)])), Emit) == Emit([], 1)


def test_versions_that_cannot_be_compared_pass_in_order_of_arrival() -> None:
    machine = _Machine()
    machine(Start(), Listed("abc"), WatchOpened())
    emitted = _of(machine(Received([WatchEvent(EventType.ADDED, cached("a"), "xyz")])), Emit)
    assert len(emitted.events) == 1 and machine.state.resource_version == "xyz"


def test_short_watch_without_events_is_a_failure_that_waits() -> None:
    machine = _Machine()
    machine.watching()
    assert machine(WatchEnded(), after=0.5) == [Wait(0.8)]
    assert isinstance(machine(Elapsed())[0], Watch)


def test_watch_that_worked_is_resumed_at_once_after_a_cut() -> None:
    machine = _Machine()
    machine.watching()
    machine(Received([_event(11)]))
    failed, watch = machine(WatchEnded(TransportError("reset")))
    assert isinstance(failed, Failed) and failed.trouble.value == "connection"
    assert isinstance(watch, Watch) and watch.resource_version == "11"
    assert isinstance(machine(WatchEnded(TransportError("refused")))[-1], Wait), "the second failure waits"


def test_pauses_double_up_to_the_longest_and_start_over_after_a_quiet_time() -> None:
    machine = _Machine()
    machine(Start())
    refused = ListFailed(TransportError("refused"))
    pauses = []
    for _ in range(8):
        pauses.append(_of(machine(refused), Wait).seconds)
        machine(Elapsed(), after=pauses[-1])
    assert pauses == pytest.approx([0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0])
    machine(Listed("10"), WatchOpened())
    machine(Received([_event(11)]))
    machine(WatchEnded(TransportError("reset")), after=200)
    assert _of(machine(WatchEnded(TransportError("refused"))), Wait).seconds == 0.8


def test_jitter_adds_up_to_the_pause_itself() -> None:
    machine = _Machine(dice=0.5)
    assert _of(machine(Start(), ListFailed(TransportError("refused"))), Wait).seconds == pytest.approx(1.2)


@pytest.mark.parametrize("phase", ["opening", "watching"])
def test_410_lists_anew_at_once_and_waits_when_it_comes_again(phase: str) -> None:
    machine = _Machine()
    machine(Start(), Listed("10"))
    if phase == "watching":
        machine(WatchOpened())
    assert machine(WatchEnded(GONE))[-1] == List(None, "expired")
    machine(Listed("20"))
    assert isinstance(machine(WatchEnded(GONE))[-1], Wait)
    assert machine(Elapsed()) == [List(None, "expired")]


def test_410_after_progress_is_a_first_one_again() -> None:
    machine = _Machine()
    machine.watching()
    machine(WatchEnded(GONE), Listed("20"), WatchOpened(), Received([_event(21)]))
    assert isinstance(machine(WatchEnded(GONE))[-1], List)


def test_410_during_paging_reads_all_in_one() -> None:
    machine = _Machine(InformerOptions(list_mode=ListMode.PAGES, page_size=7))
    assert machine(Start()) == [List(7, "initial")]
    assert machine(ListFailed(GONE, continuing=True))[-1] == List(None, "expired_token")
    machine(Listed("10"), WatchOpened(), Received([_event(11)]))
    assert machine(WatchEnded(GONE))[-1] == List(7, "expired"), "the next list is paged again"


@pytest.mark.parametrize(
    "error",
    [
        api_error(500, {"reason": "InternalError"}),
        api_error(503, {"reason": "ServiceUnavailable"}),
        api_error(429, {"reason": "TooManyRequests"}),
        api_error(403, {"reason": "Forbidden"}),
        api_error(401, {"reason": "Unauthorized"}),
    ],
)
def test_other_errors_keep_the_version(error: APIError) -> None:
    machine = _Machine()
    machine.watching()
    machine(Received([_event(12)]))
    assert isinstance(machine(WatchEnded(error))[-1], Wait)
    assert _of(machine(Elapsed()), Watch).resource_version == "12"


def test_retry_after_is_honoured() -> None:
    machine = _Machine()
    error = api_error(429, {"reason": "TooManyRequests", "details": {"retryAfterSeconds": 12}})
    assert _of(machine(Start(), ListFailed(error)), Wait).seconds == 12


def test_absent_resource_lists_slowly() -> None:
    machine = _Machine()
    machine.watching()
    error = api_error(404, {"reason": "NotFound"})
    for _ in range(3):
        assert _of(machine(WatchEnded(error)), Wait).seconds == 10
        assert isinstance(machine(Elapsed())[0], List)
        assert _of(machine(ListFailed(error)), Wait).seconds == 10
        machine(Elapsed(), Listed("30"))


def test_initial_events_are_collected_until_the_closing_bookmark_and_the_watch_goes_on() -> None:
    machine = _Machine(InformerOptions(list_mode=ListMode.WATCH_LIST))
    (watch,) = machine(Start())
    assert isinstance(watch, Watch) and watch.initial_events and watch.resource_version == ""
    machine(WatchOpened())
    first, second, news = _event(5), _event(3), _event(21)
    assert machine(Received([first])) == [Collect([first])]
    collected, replaced, emitted = machine(Received([second, _bookmark(20, end=True), news]))
    assert collected == Collect([second]), "initial events come in any order of versions"
    assert replaced == Replace("20", "initial")
    assert emitted == Emit([news], 0)
    assert machine.state.phase is Phase.WATCHING
    assert not _of(machine(WatchEnded(), after=300), Watch).initial_events


@pytest.mark.parametrize(
    "error",
    [None, TimeoutError(), api_error(422, {"reason": "Invalid"}), api_error(400, {"reason": "BadRequest"})],
)
def test_initial_events_that_do_not_work_fall_back_to_a_list_for_good(error: Exception | None) -> None:
    machine = _Machine(InformerOptions(list_mode=ListMode.WATCH_LIST))
    machine(Start(), WatchOpened(), Received([_event(5)]))
    assert isinstance(machine(WatchEnded(error))[-1], List)
    machine(Listed("10"), WatchOpened(), Received([_event(11)]))
    assert isinstance(machine(WatchEnded(GONE))[-1], List)


def test_initial_events_cut_by_the_network_are_asked_for_again() -> None:
    machine = _Machine(InformerOptions(list_mode=ListMode.WATCH_LIST))
    machine(Start(), WatchOpened(), Received([_event(5)]))
    assert isinstance(machine(WatchEnded(TransportError("reset")))[-1], Wait)
    assert _of(machine(Elapsed()), Watch).initial_events


def test_a_version_at_which_the_server_fails_again_and_again_costs_a_list() -> None:
    failing = api_error(500, {"reason": "InternalError", "message": "cannot decode"})
    machine = _Machine()
    machine.watching()
    assert machine.state.resource_version == "10"
    machine(WatchEnded(failing))
    assert _of(machine(Elapsed()), Watch).resource_version == "10"
    machine(WatchOpened(), WatchEnded(failing))
    assert machine(Elapsed()) == [List(None, "server_error")]


def test_a_server_that_fails_before_it_watches_or_after_some_events_costs_no_list() -> None:
    failing = api_error(500, {"reason": "InternalError", "message": "not ready"})
    machine = _Machine()
    machine.watching()
    for _ in range(5):
        machine(WatchEnded(failing))
        assert isinstance(machine(Elapsed())[-1], Watch)
    machine(WatchOpened(), Received([_event(11)]), WatchEnded(failing))
    assert _of(machine(Elapsed()), Watch).resource_version == "11"
