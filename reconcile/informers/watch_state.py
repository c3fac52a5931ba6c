"""The life of one list-and-watch stream, as a step function. Pure: no loop, no socket, no clock.

    Start ─▶ LISTING ──Listed──▶ OPENING ──WatchOpened──▶ WATCHING ──WatchEnded──▶ OPENING
               ▲                    │                         │                └─ 410: LISTING
               └──── Elapsed ── WAITING ◀── any failure ──────┘

`step(state, event, …)` gives the next state and what to do about it. Exactly one activity is under way at
any time (a list, a watch, a wait): the one that the last `List`, `Watch` or `Wait` output started; its end
is the next event. Rules:

* A list asks for the newest state (no resource version): the cache never travels back in time.
* A watch goes on from the newest version seen, bookmarks included, whatever ended the one before: only
  410, or a version the server calls too large, costs a new list; and a version at which the server fails
  again and again, as at an object it cannot decode, which a list may not meet.
* Events older than what the stream has seen are dropped (duplicates, a stale replica). One of the very
  version seen last passes: keys that expire together share a version; the store drops the true duplicates.
* Failures wait: `initial_backoff` to `max_backoff`, doubled each time, plus up to as much at random;
  `Retry-After` is honoured; the pauses start over after `backoff_reset` without failure.
* A resource that is not served, or forbidden, is a condition with a slow retry and not an error loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, TypeAlias

from reconcile.errors import APIError
from reconcile.informers.options import InformerOptions, ListMode
from reconcile.informers.resource_versions import is_older
from reconcile.informers.watch_errors import Trouble, classify
from reconcile.informers.watch_events import EventType, WatchEvent

SHORT_WATCH: Final = 1.0
"""Seconds under which a watch that ended without any event counts as a failure (client-go's rule)."""


class Phase(Enum):
    """What is under way."""

    STOPPED = "stopped"
    LISTING = "listing"
    OPENING = "opening"
    WATCHING = "watching"
    WAITING = "waiting"


# ---- events


@dataclass(frozen=True, slots=True)
class Start:
    """Begin; in a state that has a version, as after an upgrade of the stream, list again all the same."""

    reason: str = "initial"


@dataclass(frozen=True, slots=True)
class Listed:
    """The whole collection has been read.

    Attributes:
        resource_version: of the list.
    """

    resource_version: str


@dataclass(frozen=True, slots=True)
class ListFailed:
    """A list ended with an error.

    Attributes:
        error: the error.
        continuing: whether it was the answer to a continue token.
    """

    error: Exception
    continuing: bool = False


@dataclass(frozen=True, slots=True)
class WatchOpened:
    """The server accepted the watch."""


@dataclass(frozen=True, slots=True)
class Received:
    """The watch brought events."""

    events: Sequence[WatchEvent]


@dataclass(frozen=True, slots=True)
class WatchEnded:
    """The watch is over: by the server at a line's end (no error), or with an error."""

    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Elapsed:
    """The wait is over, or was cut short because there is reason to try now."""


Event: TypeAlias = Start | Listed | ListFailed | WatchOpened | Received | WatchEnded | Elapsed

# ---- outputs


@dataclass(frozen=True, slots=True)
class List:
    """Read the whole collection. What an unfinished list or initial events brought is forgotten.

    Attributes:
        page_size: objects a page; None for one answer.
        reason: why, for logs and counters.
    """

    page_size: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Watch:
    """Open a watch.

    Attributes:
        resource_version: where it begins; empty only with `initial_events`.
        timeout_seconds: after which the server is to end it.
        initial_events: the server is to send the whole collection first; what an unfinished one
            brought is forgotten.
        idle_timeout: seconds of silence after which it counts as dead.
        initial_timeout: seconds of silence after which initial events are given up.
        reason: why initial events are asked for.
    """

    resource_version: str
    timeout_seconds: int
    initial_events: bool
    idle_timeout: float
    initial_timeout: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Collect:
    """Objects of the initial events, to be kept aside until `Replace`."""

    events: Sequence[WatchEvent]


@dataclass(frozen=True, slots=True)
class Replace:
    """The collection is complete: what was listed or collected takes the store's place.

    Attributes:
        resource_version: the version it reflects.
        reason: why it was made.
    """

    resource_version: str
    reason: str


@dataclass(frozen=True, slots=True)
class Emit:
    """Changes and bookmarks to pass on, in order.

    Attributes:
        events: those that are news.
        dropped: how many were older than what the stream has seen.
    """

    events: Sequence[WatchEvent]
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """A list or watch failed; for logs, status and counters.

    Attributes:
        trouble: its kind.
        error: the error itself.
        verb: `list` or `watch`: which request it was.
        attempts: failures in a row.
    """

    trouble: Trouble
    error: Exception
    verb: str
    attempts: int


Output: TypeAlias = List | Watch | Wait | Collect | Replace | Emit | Failed


@dataclass(frozen=True, slots=True)
class WatchState:
    """Everything a stream remembers.

    Attributes:
        phase: what is under way.
        resource_version: newest version seen; empty before the first list.
        reason: why the collection is being, or was last, listed.
        initial_events: the watch under way has not finished its initial events.
        watch_list: whether WatchList is (still) to be used.
        pages: whether lists are (still) to be paged.
        relist: what follows the wait is a list and not a watch.
        failures: failures in a row.
        backoff: length of the next pause before jitter; 0 for the first.
        last_failure: time of the last failure.
        opened_at: when the watch was accepted.
        progress: whether it brought anything.
        too_large: a too-large version was already answered by asking without one.
    """

    phase: Phase = Phase.STOPPED
    resource_version: str = ""
    reason: str = "initial"
    initial_events: bool = False
    watch_list: bool = False
    pages: bool = False
    relist: bool = True
    failures: int = 0
    backoff: float = 0.0
    last_failure: float = float("-inf")
    opened_at: float = 0.0
    progress: bool = False
    too_large: bool = False


class WatchMachine:
    """The step function with its fixed parts: options and dice. Holds no state of the stream.

    Args:
        options: modes and times.
        dice: a number from [0, 1) each call; the only randomness.
    """

    def __init__(self, options: InformerOptions, dice: Callable[[], float]) -> None:
        self._options = options
        self._dice = dice

    def initial(self) -> WatchState:
        """The state before `Start`."""
        mode = self._options.list_mode
        return WatchState(watch_list=mode is ListMode.WATCH_LIST, pages=mode is ListMode.PAGES)

    def step(self, state: WatchState, event: Event, now: float) -> tuple[WatchState, tuple[Output, ...]]:
        """What follows from an event at loop time `now`."""
        match event:
            case Received():
                return self._received(state, event.events)
            case Start():
                return self._list(replace(state, reason=event.reason))
            case Listed():
                return self._listed(state, event.resource_version)
            case ListFailed():
                return self._list_failed(state, event, now)
            case WatchOpened():
                return replace(state, phase=Phase.WATCHING, opened_at=now, progress=False), ()
            case WatchEnded():
                return self._watch_ended(state, event.error, now)
            case Elapsed():
                return self._list(state) if state.relist else self._watch(state)

    # ---- what to do next

    def _list(self, state: WatchState) -> tuple[WatchState, tuple[Output, ...]]:
        if state.watch_list:
            return self._watch(replace(state, initial_events=True))
        state = replace(state, phase=Phase.LISTING, initial_events=False, relist=True)
        return state, (List(self._options.page_size if state.pages else None, state.reason),)

    def _watch(self, state: WatchState) -> tuple[WatchState, tuple[Output, ...]]:
        low, high = self._options.watch_timeout
        initial = state.initial_events
        watch = Watch(
            # Initial events ask for the newest state, like a list.
            resource_version="" if initial else state.resource_version,
            timeout_seconds=round(low + (high - low) * self._dice()),
            initial_events=initial,
            idle_timeout=self._options.watch_idle_timeout,
            initial_timeout=self._options.watch_list_timeout,
            reason=state.reason if initial else "",
        )
        return replace(state, phase=Phase.OPENING, relist=initial), (watch,)

    def _wait(
        self, state: WatchState, seconds: float, *, relist: bool, failed: Failed | None
    ) -> tuple[WatchState, tuple[Output, ...]]:
        state = replace(state, phase=Phase.WAITING, relist=relist)
        wait = Wait(seconds)
        return state, (wait,) if failed is None else (failed, wait)

    def _back_off(
        self, state: WatchState, now: float, *, relist: bool, failed: Failed | None, at_least: float = 0.0
    ) -> tuple[WatchState, tuple[Output, ...]]:
        options = self._options
        if now - state.last_failure > options.backoff_reset or not state.backoff:
            pause = options.initial_backoff
        else:
            pause = state.backoff
        following = min(pause * 2, options.max_backoff)
        pause *= 1.0 + self._dice()
        state = replace(state, backoff=following, last_failure=now)
        return self._wait(state, max(pause, at_least), relist=relist, failed=failed)

    # ---- lists

    def _listed(self, state: WatchState, resource_version: str) -> tuple[WatchState, tuple[Output, ...]]:
        done = Replace(resource_version, state.reason)
        state = replace(
            state,
            resource_version=resource_version,
            initial_events=False,
            relist=False,
            pages=self._options.list_mode is ListMode.PAGES,
        )
        state, outputs = self._watch(state)
        return state, (done, *outputs)

    def _list_failed(
        self, state: WatchState, event: ListFailed, now: float
    ) -> tuple[WatchState, tuple[Output, ...]]:
        trouble = classify(event.error)
        state = replace(state, failures=state.failures + 1)
        failed = Failed(trouble, event.error, "list", state.failures)
        if trouble is Trouble.EXPIRED and event.continuing:
            # The token of the next page is too old: read all in one answer, whose pages cannot expire.
            state, outputs = self._list(replace(state, pages=False, reason="expired_token"))
            return state, (failed, *outputs)
        return self._after_failure(state, failed, now, relist=True)

    def _after_failure(
        self, state: WatchState, failed: Failed, now: float, *, relist: bool
    ) -> tuple[WatchState, tuple[Output, ...]]:
        options = self._options
        slow = {Trouble.ABSENT: options.absent_retry, Trouble.FORBIDDEN: options.refused_retry}
        if (pause := slow.get(failed.trouble)) is not None:
            # Spread over a tenth, so that many streams do not ask in step.
            state = replace(state, last_failure=now)
            return self._wait(state, pause * (1.0 + 0.1 * self._dice()), relist=relist, failed=failed)
        at_least = 0.0
        if failed.trouble in (Trouble.REFUSED, Trouble.UNAUTHORIZED):
            at_least = min(options.refused_retry, 5.0 * failed.attempts)
        if isinstance(failed.error, APIError) and failed.error.retry_after:
            at_least = max(at_least, failed.error.retry_after)
        return self._back_off(state, now, relist=relist, failed=failed, at_least=at_least)

    # ---- watches

    def _received(
        self, state: WatchState, events: Sequence[WatchEvent]
    ) -> tuple[WatchState, tuple[Output, ...]]:
        outputs: list[Output] = []
        if state.initial_events:
            at = next((at for at, event in enumerate(events) if event.initial_end), None)
            collected = events[:at]
            outputs.append(Collect([e for e in collected if e.type is not EventType.BOOKMARK]))
            if at is None:
                return replace(state, progress=True), tuple(outputs)
            end = events[at]
            outputs.append(Replace(end.resource_version, state.reason))
            state = replace(
                state,
                resource_version=end.resource_version,
                initial_events=False,
                relist=False,
                too_large=False,
            )
            events = events[at + 1 :]
        newest = state.resource_version
        news: list[WatchEvent] = []
        for event in events:
            version = event.resource_version
            if version != newest:
                if is_older(version, newest):
                    continue
                if version:
                    newest = version
            news.append(event)
        outputs.append(Emit(news, len(events) - len(news)))
        state = replace(state, resource_version=newest, progress=True, failures=0, too_large=False)
        return state, tuple(outputs)

    def _watch_ended(
        self, state: WatchState, error: Exception | None, now: float
    ) -> tuple[WatchState, tuple[Output, ...]]:
        opened = state.phase is Phase.WATCHING
        short = not opened or (not state.progress and now - state.opened_at < SHORT_WATCH)
        if state.initial_events:
            return self._initial_events_failed(state, error, now)
        if error is None:
            if short:
                return self._back_off(state, now, relist=False, failed=None)
            return self._watch(replace(state, failures=0))
        trouble = classify(error)
        state = replace(state, failures=state.failures + 1)
        failed = Failed(trouble, error, "watch", state.failures)
        if trouble is Trouble.EXPIRED or (trouble is Trouble.TOO_LARGE and not state.too_large):
            # The list decides what is true now. A list whose own version is too old at once would make a
            # loop of lists: without any progress since the last failure, wait.
            state = replace(
                state, reason=trouble.value, too_large=trouble is Trouble.TOO_LARGE, resource_version=""
            )
            if state.failures > 1:
                return self._back_off(state, now, relist=True, failed=failed)
            state, outputs = self._list(state)
            return state, (failed, *outputs)
        if trouble is Trouble.TOO_LARGE:
            return self._back_off(state, now, relist=True, failed=failed)
        if trouble is Trouble.ABSENT:
            return self._after_failure(replace(state, reason="absent"), failed, now, relist=True)
        if trouble is Trouble.SERVER and opened and not state.progress and state.failures > 1:
            state = replace(state, reason=trouble.value)
            return self._after_failure(state, failed, now, relist=True)
        if trouble in (Trouble.CONNECTION, Trouble.SILENT) and not short:
            # It worked until now: go on at once, and wait only if that fails too.
            state, outputs = self._watch(state)
            return state, (failed, *outputs)
        return self._after_failure(state, failed, now, relist=False)

    def _initial_events_failed(
        self, state: WatchState, error: Exception | None, now: float
    ) -> tuple[WatchState, tuple[Output, ...]]:
        if error is None:
            # The server ended a watch whose initial events never ended: do not hang, list.
            state, outputs = self._list(replace(state, watch_list=False))
            return state, outputs
        trouble = classify(error)
        state = replace(state, failures=state.failures + 1)
        failed = Failed(trouble, error, "watch", state.failures)
        if trouble in (Trouble.REFUSED, Trouble.SILENT, Trouble.EXPIRED, Trouble.TOO_LARGE):
            # Not understood, or the closing bookmark never came: a plain list works everywhere.
            state, outputs = self._list(
                replace(state, watch_list=False, reason=f"watch_list_{trouble.value}")
            )
            return state, (failed, *outputs)
        return self._after_failure(state, failed, now, relist=True)
