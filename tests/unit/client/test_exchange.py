"""Retries, the guard and the observers."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from helpers.fake_transport import FakeResponse, FakeTransport, answering, failing

from reconcile.client import Client, RetryOptions, Write, WriteOutcome, attributed
from reconcile.errors import (
    APIError,
    ConflictError,
    CredentialsError,
    InternalServerError,
    OutcomeUnknownError,
    ServerTimeoutError,
    TLSError,
    TooManyRequestsError,
    TransportError,
    WriteRefusedError,
)
from reconcile.objects.identity import ObjectKey, ResourceType
from reconcile.runtime import SimulatedRuntime

CONFIG_MAPS = ResourceType("", "v1", "ConfigMap", "configmaps")
PODS = ResourceType("", "v1", "Pod", "pods")
DISCOVERY = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        {
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        {
                            "resource": "configmaps",
                            "scope": "Namespaced",
                            "responseKind": {"group": "", "version": "", "kind": "ConfigMap"},
                        }
                    ],
                }
            ]
        }
    ],
}
STORED = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n", "uid": "u"}}
GIVEN = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}}


class Recorder:
    def __init__(self) -> None:
        self.started: list[Write] = []
        self.finished: list[tuple[Write, WriteOutcome]] = []

    def write_started(self, write: Write, /) -> None:
        self.started.append(write)

    def write_finished(self, write: Write, outcome: WriteOutcome, /) -> None:
        self.finished.append((write, outcome))

    @property
    def outcome(self) -> WriteOutcome:
        ((write, outcome),) = self.finished
        assert self.started == [write]
        return outcome


class Guard:
    def __init__(self, *limits: float | Exception | None) -> None:
        self.limits = list(limits)
        self.checks: list[Write] = []

    def check(self, write: Write, /) -> float | None:
        self.checks.append(write)
        limit = self.limits.pop(0) if self.limits else None
        if isinstance(limit, Exception):
            raise limit
        return limit


def client_of(*answers: Any, **options: Any) -> tuple[Client, FakeTransport, Recorder]:
    transport = FakeTransport(*answers)
    recorder = Recorder()
    client = Client(transport, runtime=SimulatedRuntime(), observers=[recorder], **options)
    return client, transport, recorder


@pytest.mark.parametrize(
    "failure",
    [
        TransportError("refused"),
        OutcomeUnknownError("cut"),
        failing(429, "TooManyRequests"),
        failing(503, "ServiceUnavailable"),
        FakeResponse(200, b"{", TransportError("cut")),
        FakeResponse(502, b"<html>bad gateway</html>"),
    ],
)
async def test_a_read_is_tried_again(failure: Any) -> None:
    client, transport, _ = client_of(failure, STORED)
    assert await client.get(CONFIG_MAPS, "n/a") == STORED
    assert len(transport.requests) == 2


@pytest.mark.parametrize(
    "failure", [failing(500, "InternalError"), failing(404, "NotFound"), TLSError("x"), CredentialsError("x")]
)
async def test_a_read_is_not_tried_again_where_that_is_useless(failure: Any) -> None:
    client, transport, _ = client_of(failure, STORED)
    with pytest.raises((APIError, TransportError)):
        await client.get(CONFIG_MAPS, "n/a")
    assert len(transport.requests) == 1


async def test_retry_after_is_obeyed_and_pauses_else_double() -> None:
    client, transport, _ = client_of(
        failing(429, headers={"retry-after": "7"}),
        failing(503),
        failing(503),
        STORED,
        retries=RetryOptions(jitter=0.0, initial_delay=0.1),
    )
    await client.get(CONFIG_MAPS, "n/a")
    times = transport.sent_at
    assert [round(b - a, 3) for a, b in pairwise(times)] == [7.0, 0.2, 0.4]


async def test_a_retry_after_beyond_the_limit_is_an_error_at_once() -> None:
    client, transport, _ = client_of(failing(429, headers={"retry-after": "3600"}))
    with pytest.raises(TooManyRequestsError) as caught:
        await client.get(CONFIG_MAPS, "n/a")
    assert caught.value.retry_after == 3600
    assert len(transport.requests) == 1


async def test_attempts_are_counted() -> None:
    client, transport, _ = client_of(*[failing(503)] * 9, retries=RetryOptions(attempts=3))
    with pytest.raises(APIError):
        await client.get(CONFIG_MAPS, "n/a")
    assert len(transport.requests) == 3


async def test_a_creation_that_may_have_been_carried_out_is_not_tried_again() -> None:
    for failure in (OutcomeUnknownError("cut"), failing(503, headers={"retry-after": "1"})):
        client, transport, recorder = client_of(failure, STORED)
        with pytest.raises((OutcomeUnknownError, APIError)):
            await client.write("create", CONFIG_MAPS, ObjectKey("n", "a"), b"{}")
        assert len(transport.requests) == 1
        assert recorder.outcome.unknown


async def test_a_creation_that_certainly_was_not_is() -> None:
    client, transport, recorder = client_of(TransportError("refused"), failing(429), DISCOVERY, STORED)
    transport.answers.pop(2)
    await client.write("create", CONFIG_MAPS, ObjectKey("n", "a"), b"{}")
    assert len(transport.requests) == 3
    assert recorder.outcome.succeeded


async def test_a_conflict_is_the_callers() -> None:
    client, transport, recorder = client_of(failing(409, "Conflict"))
    with pytest.raises(ConflictError):
        await client.patch(CONFIG_MAPS, "n/a", {})
    assert len(transport.requests) == 1
    assert isinstance(recorder.outcome.error, ConflictError)
    assert not recorder.outcome.unknown


async def test_an_update_answered_503_with_retry_after_is_tried_again() -> None:
    client, transport, recorder = client_of(failing(503, headers={"retry-after": "1"}), STORED)
    await client.patch(CONFIG_MAPS, "n/a", {})
    assert len(transport.requests) == 2
    assert recorder.outcome.succeeded


async def test_a_json_patch_is_not_idempotent() -> None:
    client, transport, _ = client_of(failing(503, headers={"retry-after": "1"}), STORED)
    with pytest.raises(APIError):
        await client.patch(CONFIG_MAPS, "n/a", [], type="json")
    assert len(transport.requests) == 1


async def test_an_eviction_refused_by_a_budget_is_not_tried_again() -> None:
    refusal = failing(
        429, details={"causes": [{"reason": "DisruptionBudget"}]}, headers={"retry-after": "10"}
    )
    client, transport, _ = client_of(refusal)
    with pytest.raises(TooManyRequestsError):
        await client.evict("n/p")
    assert len(transport.requests) == 1


async def test_observers_are_told_the_object_as_the_server_has_it() -> None:
    client, _, recorder = client_of(DISCOVERY, DISCOVERY, STORED)
    with attributed("database", ObjectKey("n", "owner"), "id-1"):
        await client.create(GIVEN)
    outcome = recorder.outcome
    assert outcome.object is not None and b'"uid"' in outcome.object
    (write,) = recorder.started
    assert (write.verb, write.resource_type, write.key) == ("create", CONFIG_MAPS, ObjectKey("n", "a"))
    assert (write.controller, write.reconcile_key, write.reconcile_id) == (
        "database",
        ObjectKey("n", "owner"),
        "id-1",
    )


async def test_observers_are_told_of_writes_that_return_no_object() -> None:
    client, _, recorder = client_of({"kind": "Status", "status": "Success"})
    await client.bind("n/p", "node-1")
    assert recorder.outcome == WriteOutcome()
    (write,) = recorder.started
    assert (write.subresource, write.returns_object) == ("binding", False)


async def test_a_delete_answered_with_a_status_has_no_object() -> None:
    client, _, recorder = client_of({"kind": "Status", "status": "Success"})
    assert await client.delete(CONFIG_MAPS, "n/a") is None
    assert recorder.outcome.succeeded and recorder.outcome.object is None


@pytest.mark.parametrize(
    "failure",
    [
        OutcomeUnknownError("cut"),
        FakeResponse(200, b"{", TransportError("cut in the body")),
        failing(504, "Timeout"),
        failing(500, "InternalError"),
    ],
)
async def test_an_unknown_outcome_is_told_as_unknown(failure: Any) -> None:
    client, _, recorder = client_of(failure)
    with pytest.raises((OutcomeUnknownError, ServerTimeoutError, InternalServerError)):
        await client.patch(CONFIG_MAPS, "n/a", [], type="json")
    assert recorder.outcome.unknown


async def test_a_write_cancelled_on_the_way_is_told_as_unknown() -> None:
    async def hang(request: object) -> object:
        await asyncio.sleep(100)
        return STORED

    client, _, recorder = client_of(hang)
    task = asyncio.create_task(client.patch(CONFIG_MAPS, "n/a", {}))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert recorder.outcome.unknown
    assert isinstance(recorder.outcome.error, asyncio.CancelledError)


async def test_an_attempt_that_may_have_succeeded_leaves_the_outcome_unknown() -> None:
    client, _, recorder = client_of(failing(504, headers={"retry-after": "1"}), failing(409, "Conflict"))
    with pytest.raises(ConflictError):
        await client.patch(CONFIG_MAPS, "n/a", {})
    assert recorder.outcome.unknown


async def test_the_guard_refuses_before_anything_is_sent() -> None:
    client, transport, recorder = client_of(STORED, guard=Guard(WriteRefusedError("lease lost")))
    with pytest.raises(WriteRefusedError):
        await client.patch(CONFIG_MAPS, "n/a", {})
    assert transport.requests == []
    assert isinstance(recorder.outcome.error, WriteRefusedError)
    assert not recorder.outcome.unknown


async def test_the_guard_is_asked_again_before_each_retry() -> None:
    guard = Guard(None, WriteRefusedError("lease lost"))
    client, transport, recorder = client_of(failing(429), STORED, guard=guard)
    with pytest.raises(WriteRefusedError):
        await client.patch(CONFIG_MAPS, "n/a", {})
    assert len(transport.requests) == 1
    assert len(guard.checks) == 2 and guard.checks[0] is guard.checks[1] is recorder.started[0]


async def test_the_guards_limit_bounds_client_and_server() -> None:
    client, transport, _ = client_of(STORED, guard=Guard(4.5))
    await client.patch(CONFIG_MAPS, "n/a", {})
    assert transport.request.timeout == 4.5
    assert ("timeout", "4500ms") in transport.request.query


async def test_the_guard_does_not_hear_of_reads() -> None:
    guard = Guard(WriteRefusedError("no"))
    client, _, recorder = client_of(STORED, guard=guard)
    await client.get(CONFIG_MAPS, "n/a")
    assert guard.checks == [] and recorder.started == []


async def test_every_answer_is_closed() -> None:
    client, transport, _ = client_of(failing(503), failing(503), STORED)
    await client.get(CONFIG_MAPS, "n/a")
    assert all(response.closed for response in transport.responses)  # type: ignore[attr-defined]


async def test_warnings_reach_who_wants_them() -> None:
    heard: list[str] = []
    client, _, _ = client_of(
        answering(STORED, headers={"warning": r'299 - "a \"b\", c", 299 srv "d" "date"'}),
        on_warning=heard.append,
    )
    await client.get(CONFIG_MAPS, "n/a")
    assert heard == ['a "b", c', "d"]


async def test_an_error_without_a_status_names_the_request() -> None:
    client, _, _ = client_of(FakeResponse(404, b"404 page not found\n"))
    with pytest.raises(APIError, match="GET /api/v1/namespaces/n/configmaps/a: 404 page not found"):
        await client.get(CONFIG_MAPS, "n/a")
