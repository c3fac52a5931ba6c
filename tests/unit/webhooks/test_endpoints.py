"""What an HTTP request to a webhook comes to: bytes in, bytes out, and what is counted."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import structlog
from helpers.crd_models.kinds import GROUP, Machine

from reconcile import ConfigurationError
from reconcile.runtime import SystemRuntime
from reconcile.webhooks import Answer, ConversionHook, Endpoints, converting

pytestmark = pytest.mark.real_time


def endpoints(*hooks: ConversionHook) -> Endpoints:
    log: Any = structlog.wrap_logger(structlog.ReturnLogger(), processors=[])
    made = Endpoints(log, lambda: asyncio.get_running_loop().time(), SystemRuntime())
    for hook in hooks:
        made.add_conversion(hook)
    return made


def review(*objects: Any) -> bytes:
    request = {"uid": "u", "desiredAPIVersion": f"{GROUP}/v1", "objects": list(objects)}
    return json.dumps(
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "request": request}
    ).encode()


def message(answer: Answer) -> str:
    return str(json.loads(answer.body).get("message"))


async def test_a_review_is_answered_and_counted() -> None:
    hooks = endpoints(converting(Machine))
    answer = await hooks.post("/convert", review(), content_type="application/json; charset=utf-8")
    assert answer.status == 200 and json.loads(answer.body)["response"]["uid"] == "u"
    endpoint = hooks.at("/convert")
    assert endpoint is not None
    assert dict(endpoint.stats.requests) == {200: 1, 500: 0}
    assert (endpoint.stats.latency.count, endpoint.stats.in_flight) == (1, 0)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "text"),
    [
        (b"{}", "text/plain", 415, "expected Content-Type application/json, got text/plain"),
        (b"{", "application/json", 400, "the body is no JSON"),
        (b"[" * 100_000, "application/json", 400, "the body is no JSON"),
        (b"\xff\xfe", "application/json", 400, "the body is no JSON"),
        (b"[]", "application/json", 400, "no JSON object"),
        (b"", "application/json", 400, "the body is no JSON"),
    ],
)
async def test_bad_input_is_an_error_with_a_reason(
    body: bytes, content_type: str, status: int, text: str
) -> None:
    hooks = endpoints(converting(Machine))
    answer = await hooks.post("/convert", body, content_type=content_type)
    assert answer.status == status
    assert text in message(answer) and "Traceback" not in message(answer)
    endpoint = hooks.at("/convert")
    assert endpoint is not None and endpoint.stats.requests[status] == 1


async def test_where_nothing_is_there_is_no_webhook() -> None:
    answer = await endpoints().post("/convert", review())
    assert answer.status == 404 and message(answer) == "no webhook at /convert"


async def test_a_conversion_that_raises_is_a_failed_answer_and_a_panic() -> None:
    def broken(obj: dict[str, Any], api_version: str) -> dict[str, Any]:
        raise ZeroDivisionError("division by zero")

    hooks = endpoints(ConversionHook("example.com", "Thing", broken))
    thing = {"apiVersion": "example.com/v2", "kind": "Thing", "metadata": {"name": "a"}}
    answer = await hooks.post("/convert", review(thing))
    result = json.loads(answer.body)["response"]["result"]
    assert answer.status == 200 and result["status"] == "Failure"
    assert result["message"].endswith("ZeroDivisionError: division by zero")
    endpoint = hooks.at("/convert")
    assert endpoint is not None and endpoint.stats.panics == 1


async def test_kinds_share_a_path_and_a_kind_is_converted_once() -> None:
    def same(obj: dict[str, Any], api_version: str) -> dict[str, Any]:
        return obj

    hooks = endpoints(converting(Machine), ConversionHook("example.com", "Thing", same))
    assert hooks.paths == ("/convert",)
    assert hooks.converts("example.com", "Thing") and hooks.converts(GROUP, "Machine")
    with pytest.raises(ConfigurationError, match=r"two conversion webhooks of Thing\.example\.com"):
        hooks.add_conversion(ConversionHook("example.com", "Thing", lambda obj, _: obj))
    with pytest.raises(ConfigurationError, match="must begin with '/'"):
        hooks.add_conversion(ConversionHook("example.com", "Other", same, path="convert"))


async def test_a_service_leads_to_the_hooks_that_name_it() -> None:
    endpoint = endpoints(converting(Machine)).at("/convert")
    assert endpoint is not None
    assert endpoint.answers_for("webhook.features.svc")
    assert not endpoint.answers_for("webhook.other.svc")
