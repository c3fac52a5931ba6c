"""Where the embedded server is allowed to answer otherwise than the real one, and why. At most 25."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from helpers.differential import BROKEN_OFF, STRATEGIC, Ask

Compared = dict[str, Any]


@dataclass(frozen=True)
class Exemption:
    """One written exception.

    Attributes:
        name: how it is called in the run's print.
        reason: why the servers may differ here.
        applies: whether an answer (question, real, ours; both already normalized) is one of these.
        without: both answers without what may differ.
    """

    name: str
    reason: str
    applies: Callable[[Ask, Compared, Compared], bool]
    without: Callable[[Compared, Compared], tuple[Compared, Compared]]


def _message(compared: Compared) -> str:
    body = compared["body"]
    return str(body.get("message", "")) if isinstance(body, dict) else ""


def _cause_list(compared: Compared) -> list[dict[str, Any]]:
    body = compared["body"]
    details = body.get("details") if isinstance(body, dict) else None
    return (details.get("causes") if isinstance(details, dict) else None) or []


def _has_lines(compared: Compared) -> bool:
    causes = (str(cause.get("message")) for cause in _cause_list(compared))
    return any("\n" in text for text in (_message(compared), *causes))


def _shows_template(compared: Compared) -> bool:
    text = 'Invalid value: {"'
    return " spec.template: Invalid value: {" in _message(compared) or any(
        cause.get("field") == "spec.template" and str(cause.get("message")).startswith(text)
        for cause in _cause_list(compared)
    )


def _without_templates(real: Compared, ours: Compared) -> tuple[Compared, Compared]:
    """Without the message, and with the causes about a template by their fields alone."""

    def shortened(compared: Compared) -> Compared:
        body = compared["body"]
        if not isinstance(body, dict) or "details" not in body:
            return compared
        causes = [
            {**cause, "message": ""} if cause.get("field") == "spec.template" else cause
            for cause in _cause_list(compared)
        ]
        return {**compared, "body": {**body, "message": "", "details": {**body["details"], "causes": causes}}}

    return shortened(real), shortened(ours)


def _first_lines(real: Compared, ours: Compared) -> tuple[Compared, Compared]:
    def shortened(compared: Compared) -> Compared:
        def walk(value: Any) -> Any:
            if isinstance(value, dict):
                return {
                    key: inner.partition("\n")[0]
                    if key == "message" and isinstance(inner, str)
                    else walk(inner)
                    for key, inner in value.items()
                }
            return [walk(item) for item in value] if isinstance(value, list) else value

        return walk(compared)

    return shortened(real), shortened(ours)


def _reason_only(real: Compared, ours: Compared) -> tuple[Compared, Compared]:
    def shortened(compared: Compared) -> Compared:
        body = compared["body"]
        return {"status": compared["status"], "reason": body.get("reason"), "code": body.get("code")}

    return shortened(real), shortened(ours)


def _with_nulls(compared: Compared) -> Compared:
    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value]
        return re.sub(r" value: (?:\{\}|\[\])", " value: null", value) if isinstance(value, str) else value

    return walk(compared)


def _drop(name: str) -> Callable[[Compared, Compared], tuple[Compared, Compared]]:
    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(inner) for key, inner in value.items() if key != name}
        return [without(item) for item in value] if isinstance(value, list) else value

    return lambda real, ours: (without(real), without(ours))


def _without_plain_bookmarks(real: Compared, ours: Compared) -> tuple[Compared, Compared]:
    def kept(compared: Compared) -> Compared:
        events = [
            {**event, "object": {key: event["object"].get(key) for key in ("kind", "apiVersion", "metadata")}}
            if event["type"] == "BOOKMARK"
            else event
            for event in compared["body"]
            if event["type"] != "BOOKMARK" or "annotations" in event["object"]["metadata"]
        ]
        return {**compared, "body": events}

    return kept(real), kept(ours)


EXCEPTIONS: tuple[Exemption, ...] = (
    Exemption(
        "panic",
        "the real server panics on some invalid objects, and breaks off the connection instead of answering",
        lambda ask, real, ours: real["status"] == BROKEN_OFF,
        lambda real, ours: (real, real),
    ),
    Exemption(
        "go-diff",
        "the real server appends a diff of Go structs to some messages, whose form changes between builds; "
        "the embedded one lists the changed fields",
        lambda ask, real, ours: _has_lines(real) and _has_lines(ours),
        _first_lines,
    ),
    Exemption(
        "patched-to-nothing",
        "a patch that leaves no valid object is answered with that whole object in Go's print form",
        lambda ask, real, ours: (
            ask.content_type != STRATEGIC and _message(real).startswith(' "" is invalid: patch')
        ),
        _reason_only,
    ),
    Exemption(
        "definition-values",
        "messages about a definition's versions show them as Go's internal structs, every field of them",
        lambda ask, real, ours: (
            "customresourcedefinitions" in ask.path
            and real["status"] == ours["status"] == 422
            and '"AdditionalPrinterColumns"' in str(real["body"])
        ),
        _reason_only,
    ),
    Exemption(
        "credential-id",
        "the real server writes down which certificate signed a request for a certificate; in the process "
        "there is none",
        lambda ask, real, ours: "credential-id" in str(real["body"]),
        _drop("extra"),
    ),
    Exemption(
        "issued-token",
        "a token is signed by its server, with a key that no other server has, and ends when it says",
        lambda ask, real, ours: ask.path.endswith("/token") and real["status"] == ours["status"] == 201,
        _drop("status"),
    ),
    Exemption(
        "yaml-syntax",
        "what is wrong with YAML is said in the words of the parser: go-yaml's there, libyaml's here",
        lambda ask, real, ours: "yaml: " in _message(real) and "yaml: " in _message(ours),
        _reason_only,
    ),
    Exemption(
        "typed-apply",
        "an applied value of a wrong type is refused by the real server with a dump of Go's value",
        lambda ask, real, ours: (
            _message(real).startswith("failed to create typed patch object")
            and _message(ours).startswith("failed to create typed patch object")
        ),
        _reason_only,
    ),
    Exemption(
        "plain-bookmarks",
        "whether the last bookmark of a watch says anything new depends on what else is written, and on "
        "when the real server's cache heard of it; those that end initial events are compared, but for the "
        "zero values of Go's internal type that a bookmark's object has beside its metadata",
        lambda ask, real, ours: (
            ask.method == "WATCH"
            and "allowWatchBookmarks" in ask.path
            and isinstance(real["body"], list)
            and isinstance(ours["body"], list)
        ),
        _without_plain_bookmarks,
    ),
    Exemption(
        "service-account-of-pods",
        "admission of service accounts is off in the real server of the tests: nothing there creates them",
        lambda ask, real, ours: "serviceAccount" in str(ours),
        lambda real, ours: _drop("serviceAccountName")(*_drop("serviceAccount")(real, ours)),
    ),
    Exemption(
        "metrics",
        "what is counted is each server's own: the embedded one counts requests, watches and objects",
        lambda ask, real, ours: ask.path.startswith("/metrics") and real["status"] == ours["status"] == 200,
        lambda real, ours: ({**real, "body": ""}, {**ours, "body": ""}),
    ),
    Exemption(
        "nothing",
        "an empty list or map that a client sends is shown as such in a message there, and as null here, "
        "where it is none from the moment of decoding; what is stored is the same",
        lambda ask, real, ours: real["status"] == ours["status"] == 422 and " value: null" in _message(ours),
        lambda real, ours: (_with_nulls(real), _with_nulls(ours)),
    ),
    Exemption(
        "pod-template",
        "a template that may not change is shown as Go's internal struct of a pod, hundreds of fields in the "
        "order of that source",
        lambda ask, real, ours: _shows_template(real),
        _without_templates,
    ),
)
