"""What kind of trouble an error of a list or watch is."""

from __future__ import annotations

import pytest

from reconcile.errors import IdleTimeoutError, OutcomeUnknownError, TLSError, TransportError, api_error
from reconcile.informers.watch_errors import Trouble, classify


@pytest.mark.parametrize(
    ("code", "reason", "trouble"),
    [
        (410, "Expired", Trouble.EXPIRED),
        (410, "Gone", Trouble.EXPIRED),
        (429, "TooManyRequests", Trouble.THROTTLED),
        (404, "NotFound", Trouble.ABSENT),
        (403, "Forbidden", Trouble.FORBIDDEN),
        (401, "Unauthorized", Trouble.UNAUTHORIZED),
        (422, "Invalid", Trouble.REFUSED),
        (408, "", Trouble.SERVER),
        (500, "InternalError", Trouble.SERVER),
        (504, "Timeout", Trouble.SERVER),
    ],
)
def test_an_answer_of_the_server(code: int, reason: str, trouble: Trouble) -> None:
    assert classify(api_error(code, {"reason": reason})) is trouble


def test_a_version_newer_than_the_servers() -> None:
    causes = {"causes": [{"reason": "ResourceVersionTooLarge"}]}
    assert classify(api_error(504, {"reason": "Timeout", "details": causes})) is Trouble.TOO_LARGE
    old_server = {"reason": "Timeout", "message": "Too large resource version: 9, current: 3"}
    assert classify(api_error(504, old_server)) is Trouble.TOO_LARGE


@pytest.mark.parametrize("error", [IdleTimeoutError("nothing came"), TimeoutError()])
def test_silence_is_not_a_broken_connection(error: Exception) -> None:
    assert classify(error) is Trouble.SILENT


@pytest.mark.parametrize(
    "error", [TransportError("cut"), OutcomeUnknownError("cut"), TLSError("no trust"), OSError("reset")]
)
def test_a_connection_that_failed(error: Exception) -> None:
    assert classify(error) is Trouble.CONNECTION
