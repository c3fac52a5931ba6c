"""What of two servers' answers is compared: all but what must differ between any two servers.

Values that each server draws for itself (uids, times, addresses) become tokens in the order in which they are
first seen, so that the same value in two places is still the same (of addresses: within one answer).
Resource versions are compared by order: the versions of all objects that a conversation has seen must be
ordered alike on both servers.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections import Counter
from typing import Any

from helpers.differential import Answer, Ask, Conversation, Server, differences
from helpers.differential_exceptions import EXCEPTIONS

_TIMES = frozenset(
    {
        "creationTimestamp", "deletionTimestamp", "time", "lastTransitionTime", "lastPhaseTransitionTime",
        "lastUpdateTime",
    }
)  # fmt: skip
_PORTS = frozenset({"nodePort", "healthCheckNodePort"})
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ADDRESS = re.compile(r"\b10\.0\.0\.\d+\b")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| \+0000 UTC)(?: m=\+\d+\.\d+)?")
_AGE = re.compile(r"\d+s")
_GENERATED = 5
"""Characters that the server adds to a prefix, from which it may take some first."""
_COMPARED_HEADERS = ("content-type", "retry-after", "cache-control")


class Seen:
    """What one server's answers contained, in the order of its coming."""

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}
        self._addresses: dict[str, str] = {}
        self.versions: list[tuple[str, int]] = []

    def token(self, sort: str, value: str) -> str:
        return self.tokens.setdefault(value, f"<{sort} {len(self.tokens)}>")

    def _address(self, value: str) -> str:
        return self._addresses.setdefault(value, f"<address {len(self._addresses)}>")

    def comparable(self, ask: Ask, answer: Answer) -> dict[str, Any]:
        """The answer without what must differ."""
        # An address that is free again goes to whom a server likes: two are the same within an answer only.
        self._addresses.clear()
        metadata = ask.body.get("metadata") if isinstance(ask.body, dict) else None
        prefix = metadata.get("generateName") if isinstance(metadata, dict) else None
        if prefix and answer.status >= 400:
            name = (answer.body.get("details") or {}).get("name") or ""
            if _generated_from(name, prefix):
                self.token("name", name)
        body = self._normal(answer.body, "", ask)
        if isinstance(body, dict):
            _sort_causes(body)
            _sort_problems(body)
        headers = {
            name: (answer.headers or {}).get(name)
            for name in _COMPARED_HEADERS
            if (answer.headers or {}).get(name) is not None
        }
        warnings = self._text(", ".join(answer.warnings))
        return {"status": answer.status, "headers": headers, "warnings": warnings, "body": body}

    def _normal(self, value: Any, key: str, where: Any) -> Any:
        if isinstance(value, dict):
            return self._object(value, where)
        if isinstance(value, list):
            items = [self._normal(item, key, where) for item in value]
            if items and isinstance(items[0], dict) and "fieldsV1" in items[0]:
                # Sorted by time first, which may differ by a second.
                items.sort(
                    key=lambda each: (each["operation"], each.get("manager", ""), each.get("subresource", ""))
                )
            return items
        if key == "cells" and isinstance(value, str) and _AGE.fullmatch(value):
            return "<age>"
        if key in _TIMES and isinstance(value, str):
            return "<time>"
        if key == "serverAddress":
            return "<server>"
        if key in _PORTS and isinstance(value, int) and value:
            return "<port>"
        return self._text(value) if isinstance(value, str) else value

    def _object(self, value: dict[str, Any], where: Any) -> dict[str, Any]:
        made: dict[str, Any] = {}
        generated = value.get("generateName")
        for key, inner in value.items():
            if key == "resourceVersion" and isinstance(inner, str) and inner.isdigit():
                if "name" in value and not _is_charged(value):
                    self.versions.append((str(where), int(inner)))
                made[key] = "<version>"
            elif key == "continue" and isinstance(inner, str) and inner:
                made[key] = self._text(_token(inner))
            elif key == "name" and isinstance(generated, str) and _generated_from(str(inner), generated):
                made[key] = self.token("name", inner)
            else:
                # Field managers own owners by their uids.
                named = self._text(key) if key.startswith("k:") else key
                made[named] = self._normal(inner, key, where)
        return made

    def _text(self, text: str) -> str:
        if len(text) >= 20 and "-" in text:
            text = _UUID.sub(lambda found: self.token("uid", found[0]), text)
            text = _MOMENT.sub("<time>", text)
        if "10.0.0." in text:
            text = _ADDRESS.sub(lambda found: self._address(found[0]), text)
        if "resource version" in text:
            text = re.sub(r"(resource version: )(\d+), current: \d+", r"\1\2, current: <version>", text)
            text = re.sub(r"(too old resource version: )\d+ \(\d+\)", r"\1<versions>", text)
        if "ResourceVersion" in text:
            text = re.sub(r"(ResourceVersion in record) \(\d+\)", r"\1 (<version>)", text)
            text = re.sub(r"(ResourceVersion in the precondition) \(\d+\)", r"\1 (<version>)", text)
            text = re.sub(r"ResourceVersion: \d+", "ResourceVersion: <version>", text)
        for name, token in self.tokens.items():
            if token.startswith("<name") and name in text:
                text = text.replace(name, token)
        return text


def _generated_from(name: str, prefix: str) -> bool:
    return len(name) > _GENERATED and prefix.startswith(name[:-_GENERATED])


def _is_charged(meta: dict[str, Any]) -> bool:
    """Whether admission wrote the object: the quotas that one request is charged to come in a map's order."""
    return any(each.get("manager") == "kube-apiserver" for each in meta.get("managedFields") or ())


def _token(text: str) -> str:
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        kept = "now" if found["rv"] < 0 else "list"
        # The slash in front tells only whether the real server's cache answered, or its storage.
        return f"<continue {found['start'].removeprefix('/')} at {kept}>"
    except (ValueError, KeyError):
        return text


def _sort_causes(body: dict[str, Any]) -> None:
    """Several causes come in an order that Go's maps give; the message repeats them.

    How often one cause is given tells only how many functions of the real server overlap.
    """
    details = body.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    if isinstance(causes, list) and len(causes) > 1:
        causes[:] = [cause for index, cause in enumerate(causes) if cause not in causes[:index]]
        causes.sort(key=lambda cause: (cause.get("field", ""), cause.get("message", "")))
        message = str(body.get("message", ""))
        head, found, _ = message.partition(": [")
        if found:
            body["message"] = f"{head}: [the causes]"


def _sort_problems(body: dict[str, Any]) -> None:
    """What limit ranges find comes in an order that Go's maps give."""
    message = str(body.get("message", ""))
    head, found, tail = message.partition(" is forbidden: [")
    if found:
        body["message"] = head + found + ", ".join(sorted(tail.rstrip("]").split(", ")))


class Comparison:
    """Both servers in one conversation, and where their answers differed.

    Attributes:
        found: one line for each difference.
        asked: how many requests were compared.
        statuses: the status of the real server's answers, counted.
        met: the lines that they met, in good or bad form.
        excepted: which written exceptions were met.
    """

    def __init__(self, real: Server, ours: Server) -> None:
        self._sides = (Conversation(real), Conversation(ours))
        self._seen = (Seen(), Seen())
        self.found: list[str] = []
        self.asked = 0
        self.met: list[tuple[str, bool]] = []
        self.statuses: Counter[int] = Counter()
        self.excepted: set[str] = set()

    async def ask(self, question: Ask) -> tuple[Answer, Answer]:
        """Put one question to both."""
        real, ours = await asyncio.gather(*(side.ask(question) for side in self._sides))
        self._compare(question, real, ours)
        return real, ours

    async def put(self, question: Ask) -> tuple[Answer, Answer]:
        """Put one question to both, whose answers are not compared."""
        real, ours = await asyncio.gather(*(side.ask(question) for side in self._sides))
        return real, ours

    async def ask_together(self, questions: list[Ask]) -> None:
        """Put questions that wait (watches) at once."""
        real, ours = await asyncio.gather(*(side.ask_all(questions) for side in self._sides))
        for question, one, other in zip(questions, real, ours, strict=True):
            self._compare(question, one, other)

    def _compare(self, question: Ask, real: Answer, ours: Answer) -> None:
        self.asked += 1
        self.statuses[real.status] += 1
        counts = [len(seen.versions) for seen in self._seen]
        one, other = (
            seen.comparable(question, answer) for seen, answer in zip(self._seen, (real, ours), strict=True)
        )
        for exception in EXCEPTIONS:
            # Some leave of an answer nothing but its reason.
            if one != other and "body" in one and exception.applies(question, one, other):
                one, other = exception.without(one, other)
                self.excepted.add(exception.name)
        found = differences(one, other)
        if not found:
            found = self._order(counts)
        if found:
            self.found.append("\n    ".join((str(question), *found)))
            # What one server alone showed cannot be compared later either.
            for seen, count in zip(self._seen, counts, strict=True):
                del seen.versions[count:]
        for line, good in question.meets:
            if not good and not _refused(real):
                self.found.append(f"{question}\n    not refused by the real one, but said to be bad: {line}")
            elif good and real.status >= 400:
                problem = "refused by the real one, but said to be good"
                self.found.append(f"{question}\n    {problem}: {line}: {real.body}")
            else:
                self.met.append((line, good))

    def _order(self, counts: list[int]) -> list[str]:
        """Whether the versions seen last stand to all others alike."""
        real, ours = (seen.versions for seen in self._seen)
        if len(real) != len(ours):
            return [f"resource versions: {len(real)} seen, ours {len(ours)}"]
        for index in range(counts[0], len(real)):
            for before in range(index):
                one = _sign(real[index][1] - real[before][1])
                other = _sign(ours[index][1] - ours[before][1])
                if one != other:
                    return [
                        f"resource versions: {real[index][1]} beside {real[before][1]} of {real[before][0]}, "
                        f"ours {ours[index][1]} beside {ours[before][1]}"
                    ]
        return []


def _refused(answer: Answer) -> bool:
    if answer.status >= 400 or answer.warnings:
        return True
    return isinstance(answer.body, list) and any(event["type"] == "ERROR" for event in answer.body)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
