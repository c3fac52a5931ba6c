"""What two servers say of drawn custom objects: causes word by word, in any order of Go's maps."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

from helpers.differential import Answer, Ask, Server, post, put
from helpers.differential_run import Both, until_served
from helpers.differential_verdicts import difference, verdict
from helpers.drawn_custom_objects import Body, Pair, definition

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_PARTS = re.compile(r"\[[^\]]*\]|[^.\[]+")
_COMBINED = re.compile(r'"": "(.*?)" must')
_OF_RANGE = re.compile(r"value must be of type \S+ .*? in (.*)$")


async def serve(servers: Both, group: str, schemas: dict[str, Body]) -> None:
    """Have both serve the definition of these schemas."""
    for ask in (servers.real, servers.ours):
        made = await ask(post(_DEFINITIONS, definition(group, schemas)))
        assert made.status == 201, made.body
    await until_served(f"/apis/{group}/v1/things", servers.real, servers.ours)
    await until_served(f"/apis/{group}/v2/things", servers.real, servers.ours)


async def judged_pairs(
    servers: Both, group: str, pairs: Iterable[Pair]
) -> AsyncIterator[tuple[Pair, Answer, str]]:
    """Each pair with the real server's answer, and where the other one's differs."""
    for number, pair in enumerate(pairs):
        (question, real), (_, ours) = [
            await asked(pair, group, f"t{number}", ask) for ask in (servers.real, servers.ours)
        ]
        real, ours = (replace(answer, body=_as_read(answer.body)) for answer in (real, ours))
        text = difference(question, real, ours)
        if not text and real.status >= 400:
            text = order_difference(verdict(real, question), verdict(ours, question))
        yield pair, real, text


async def asked(pair: Pair, group: str, name: str, ask: Server) -> tuple[Ask, Answer]:
    """The last question about a pair, for which an object of this name is made, and the answer."""

    def body(version: str, part: str, value: object, stored: Body | None = None) -> Body:
        meta = (stored or {}).get("metadata") or {"name": name}
        return {
            "apiVersion": f"{group}/{version}",
            "kind": "Thing",
            "metadata": {key: meta[key] for key in ("name", "resourceVersion") if key in meta},
            part: {pair.place: value},
        }

    things = {version: f"/apis/{group}/{version}/things" for version in ("v1", "v2")}
    if pair.way == "create":
        question = post(things["v2"], body("v2", "spec", pair.value), dryRun="All")
        return question, await ask(question)
    made = await ask(post(things["v1"], body("v1", "spec", pair.old)))
    assert made.status == 201, made.body
    part, path = "spec", f"{things['v2']}/{name}"
    if pair.way == "status":
        part, path = "status", f"{path}/status"
        old = body("v1", "status", pair.old, made.body)
        made = await ask(put(f"{things['v1']}/{name}/status", old))
        assert made.status == 200, made.body
    question = put(path, body("v2", part, pair.value, made.body), dryRun="All")
    return question, await ask(question)


def causes_of(answer: Answer) -> list[str]:
    """Reason, field and text of each."""
    found = (answer.body.get("details") or {}).get("causes") or ()
    return [f"{each['reason']} {each['field']}: {each['message']}" for each in found]


def _as_read(value: Any) -> Any:
    """The value with integers of more than 64 bits as the floats that they are, however they are written."""
    if isinstance(value, dict):
        return {key: _as_read(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_read(item) for item in value]
    return float(value) if type(value) is int and abs(value) >= 2**63 else value


def order_difference(real: list[str], ours: list[str]) -> str:
    """Empty if both say the same in the same order, but for the order of fields beside each other."""
    places = [_place(line) for line in ours]
    for later, line in enumerate(ours):
        for earlier in range(later):
            wrong = real.index(ours[earlier]) > real.index(line)
            if wrong and _ordered(places[earlier], places[later]):
                return f"order: real {real}, OURS {ours}"
    return ""


def _place(line: str) -> tuple[bool, list[str]]:
    """Whether the line is of a field that is not there, and the parts of the field's path."""
    reason, _, rest = line.partition(" ")
    field, _, message = rest.partition(": ")
    found = _COMBINED.search(message) or _OF_RANGE.search(message)
    if found is not None:
        field = found[1] if field == "<nil>" else f"{field}.{found[1]}"
    return reason == "FieldValueRequired", _PARTS.findall(field)


def _ordered(one: tuple[bool, list[str]], other: tuple[bool, list[str]]) -> bool:
    """Whether the two always come in one order: where their paths part there are no fields of a map."""
    (_, left), (_, right) = one, other
    for depth, (part, also) in enumerate(zip(left, right, strict=False)):
        if part != also:
            missing = [absent and depth == len(path) - 1 for absent, path in (one, other)]
            return any(missing) or (_is_index(part) and _is_index(also))
    return True


def _is_index(part: str) -> bool:
    return part.startswith("[") and part[1:-1].isdigit()
