"""The `timeout` parameter, in the words of the real server."""

from __future__ import annotations

import pytest

from reconcile.apiserver.handlers.deadline import check_timeout
from reconcile.apiserver.handlers.messages import Request
from reconcile.apiserver.status import StatusError


@pytest.mark.parametrize("text", ["", "0", "32s", "1h2m3.5s", ".5s", "-3ms", "+1µs"])
def test_a_duration_is_taken(text: str) -> None:
    check_timeout(Request("GET", "/version", (("timeout", text),)))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("invalid", 'invalid duration "invalid"'),
        ("-", 'invalid duration "-"'),
        ("1", 'missing unit in duration "1"'),
        ("1d", 'unknown unit "d" in duration "1d"'),
        ("1s2", 'missing unit in duration "1s2"'),
    ],
)
def test_anything_else_is_refused_but_on_a_stream(text: str, problem: str) -> None:
    query = (("timeout", text),)
    with pytest.raises(StatusError) as refused:
        check_timeout(Request("GET", "/version", query))
    assert refused.value.code == 400
    assert refused.value.message == f"invalid timeout specified in the request URL - time: {problem}"
    check_timeout(Request("GET", "/api/v1/pods", (*query, ("watch", "true"))))
    check_timeout(Request("GET", "/api/v1/namespaces/a/pods/b/log", query))
