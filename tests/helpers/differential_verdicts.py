"""What a server says of a broken object: accepted, and as what, or why not. Compared between two servers."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

from helpers.differential import BROKEN_OFF, Answer, Ask, Server, delete, differences, get, merge, post, put
from helpers.differential_breakages import (
    METADATA,
    METADATA_CHANGES,
    Body,
    Breakage,
    breakages,
    collection_of,
    has_status,
    status_breakages,
)
from helpers.differential_compare import Seen
from helpers.differential_more_samples import TRIED
from helpers.differential_run import Both
from helpers.differential_samples import STATUSES, samples

_TRIES = 24
"""How often the real server is asked anew where its causes come in another order: Go's maps have none."""
_CONFLICTS = 20


# The written exceptions `nothing` and `pod-template`.
_NOTHING = re.compile(r"( value: |\":)(?:\{\}|\[\])")
_VERSION_THERE = re.compile(r"(ResourceVersion in object meta: )\d+")
_DECLARED = re.compile(r"\bselfType\d+")
_TOKENS = re.compile(r"kube-api-access-[a-z0-9]{5}")
_TEMPLATE = re.compile(r"( spec\.template(?:\.spec)?: Invalid value: )\{.*\}(: field is immutable)")


def verdict(answer: Answer, question: Ask) -> list[str]:
    """The answer as lines: the causes in their order, each with its reason; then warnings."""
    seen = Seen()
    seen.tokens.clear()
    warned = [seen.comparable(question, Answer(0, None, answer.warnings))["warnings"]]
    if answer.status < 400:
        return ["accepted", *warned]
    details = answer.body.get("details") or {}
    text = [
        f"{cause.get('reason')} {cause.get('field')}: {cause.get('message', '').partition(chr(10))[0]}"
        for cause in details.get("causes") or ()
    ]
    text = [_NOTHING.sub(r"\1null", _TEMPLATE.sub(r"\1<template>\2", line)) for line in text]
    # How often metadata is found wrong tells only how many functions of the real server look at it.
    text = [line for index, line in enumerate(text) if " metadata." not in line or line not in text[:index]]
    text = text or [f"{answer.status} {answer.body['message'].partition(chr(10))[0]}"]
    prefix = (question.body or {}).get("metadata", {}).get("generateName") or ""
    if prefix:
        text = [re.sub(f"{re.escape(prefix)}[a-z0-9]{{5}}", f"{prefix}<drawn>", line) for line in text]
    return [_plain(seen, line) for line in text] + warned


def _plain(seen: Seen, line: str) -> str:
    line = _DECLARED.sub("selfType", _VERSION_THERE.sub(r"\1<version>", line))
    return _TOKENS.sub("<tokens>", str(seen.comparable(Ask("GET", ""), Answer(200, line))["body"]))


def _stored(answer: Answer, question: Ask) -> Any:
    """The object that was accepted, without what must differ."""
    # The volume of a pod's token has a name that each server draws.
    body = json.loads(_TOKENS.sub("<tokens>", json.dumps(answer.body)))
    if body["kind"] in ("APIService", "FlowSchema"):
        # A controller of the real server writes there whether what is named can be reached.
        body.pop("status", None)
    if body["kind"] == "CertificateSigningRequest":
        # Who asks, which is written there, has a certificate here and none there.
        body["spec"] = {key: value for key, value in body["spec"].items() if key != "extra"}
    if body["kind"] == "TokenRequest":
        body["status"]["token"] = _claims(body["status"].get("token") or "")
    body["metadata"] = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    return Seen().comparable(question, Answer(answer.status, body))["body"]


def _claims(token: str) -> Any:
    """What a token says, but for what each server draws and counts."""
    _, _, rest = token.partition(".")
    text = rest.partition(".")[0]
    if not text:
        return token
    said = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return {key: value for key, value in said.items() if key not in ("exp", "iat", "nbf", "jti")}


def difference(question: Ask, real: Answer, ours: Answer) -> str:
    """Where the two differ, but for the order of causes; empty where they do not."""
    if real.status == BROKEN_OFF:
        return ""
    one, other = verdict(real, question), verdict(ours, question)
    if sorted(one) != sorted(other):
        missing, extra = list(one), list(other)
        for line in one:
            if line in extra:
                extra.remove(line)
                missing.remove(line)
        return "; ".join([*(f"real {line}" for line in missing), *(f"OURS {line}" for line in extra)])
    if real.status < 400:
        return "; ".join(differences(_stored(real, question), _stored(ours, question)))
    return ""


async def judged(question: Ask, real: Server, ours: Server) -> tuple[Answer, str]:
    """The real server's answer, and where the other one's differs from it, the order of causes included."""
    answer, other = await real(question), await ours(question)
    text = difference(question, answer, other)
    if text or answer.status == BROKEN_OFF or answer.status < 400:
        return answer, text
    wanted = verdict(other, question)
    for _ in range(_TRIES):
        if verdict(answer, question) == wanted:
            return answer, ""
        answer = await real(question)
    return answer, f"order: real {verdict(answer, question)}, OURS {wanted}"


async def judged_updates(
    kind: str, namespace: str, servers: Both, *, stride: int = 1, status: bool = False
) -> AsyncIterator[tuple[str, Answer, str]]:
    """Name, answer and difference of each breakage that is put in the place of the stored valid object."""
    obj = samples(namespace)[kind]
    if status:
        found = status_breakages(kind, obj)
    else:
        found = [*METADATA, *METADATA_CHANGES, *breakages(kind, obj)]
    async for each in judged_puts(kind, obj, namespace, servers, found[::stride], status=status):
        yield each


async def judged_puts(
    kind: str, obj: Body, namespace: str, servers: Both, found: Sequence[Breakage], *, status: bool
) -> AsyncIterator[tuple[str, Answer, str]]:
    """The same of these breakages of an object, or of its status; first of all, nothing is broken."""
    collection = collection_of(obj, namespace)
    path = f"{collection}/{obj['metadata']['name']}"
    for ask in (servers.real, servers.ours):
        made = await ask(post(collection, obj))
        assert made.status in (201, 409), made.body
        if kind == "CustomResourceDefinition":
            await _established(ask, path)
    unbroken = Breakage("valid", ())
    if status:
        assert has_status(kind)
        path += "/status"
        unbroken = Breakage("valid", ((("status",), STATUSES[kind]),))
        for ask in (servers.real, servers.ours):
            _, made = await _put(ask, path, unbroken, dry=kind in TRIED)
            assert made.status == 200, made.body
        found = [Breakage(each.name, unbroken.edits + each.edits) for each in found]
    try:
        for breakage in [unbroken, *found]:
            answers = [await _put(ask, path, breakage) for ask in (servers.real, servers.ours)]
            (question, real), (_, ours) = answers
            text = difference(question, real, ours)
            if not text and real.status >= 400:
                text = await _order(servers, path, breakage, ours)
            yield breakage.name, real, text
    finally:
        for ask in (servers.real, servers.ours):
            await remove(ask, path.removesuffix("/status"))


async def _established(ask: Server, path: str) -> None:
    """Until a server has done with a definition what it does after creation."""
    async with asyncio.timeout(60):
        while True:
            conditions = (await ask(get(path))).body.get("status", {}).get("conditions") or ()
            if any(each["type"] == "Established" and each["status"] == "True" for each in conditions):
                return
            await asyncio.sleep(0.05)


async def _order(servers: Both, path: str, breakage: Breakage, ours: Answer) -> str:
    question = put(path, {})
    wanted = verdict(ours, question)
    found: list[str] = []
    for _ in range(_TRIES):
        _, real = await _put(servers.real, path, breakage)
        found = verdict(real, question)
        if found == wanted:
            return ""
    return f"order: real {found}, OURS {wanted}"


async def remove(ask: Server, path: str) -> None:
    """Delete an object, with whatever holds it back."""
    await ask(delete(path, gracePeriodSeconds=0, propagationPolicy="Background"))
    await ask(merge(path, {"metadata": {"finalizers": None}}))
    if "/namespaces/" in path and path.count("/") == 4:
        held = await _get(ask, path)
        if held.get("kind") == "Namespace":
            await ask(put(f"{path}/finalize", {**held, "spec": {"finalizers": []}}))


async def _get(ask: Server, path: str) -> Body:
    return (await ask(Ask("GET", path))).body


async def _put(ask: Server, path: str, breakage: Breakage, *, dry: bool = True) -> tuple[Ask, Answer]:
    """Put the broken object, as a dry run; anew where the stored one changed meanwhile."""
    for _ in range(_CONFLICTS):
        stored = await _get(ask, path)
        question = put(path, breakage.of(stored), **({"dryRun": "All"} if dry else {}))
        answer = await ask(question)
        if answer.status != 409 or "the object has been modified" not in answer.body.get("message", ""):
            break
    return question, answer
