"""Asks two API servers the same and says where the answers differ.

    Ask ──▶ real server ──▶ Answer ─┐
        └─▶ embedded one ─▶ Answer ─┴─▶ compared after what must differ was taken out

This file has the questions and how they are put; `differential_compare` what is compared, and how;
`differential_lines` the rules that the questions are about; `differential_cases*` the questions themselves.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import yaml

from reconcile.apiserver.protobuf import decode_object

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
_ANSWER_TIMEOUT = 120.0
BROKEN_OFF = 0
"""In place of the status of an answer that did not come: the server broke off the connection."""

Body = Any


@dataclass(frozen=True, repr=False)
class Ask:
    """One request; `body` is JSON, or bytes as they are.

    `$rv(label)`, `$uid(label)`, `$name(label)` and `$continue(label)` in path and body stand for what the
    server answered to the question of that label. The method WATCH collects a watch until the server ends
    it (after a second, unless the path says otherwise); WAIT asks until the path is served; UNTIL (UNTILNOT)
    posts until the answer or its warnings contain the label (do not); COMPACT has both forget their history.

    Attributes:
        meets: the lines that the question is about, with whether it is its good form.
        label: how later questions call the answer.
    """

    method: str
    path: str
    body: Any = None
    content_type: str = "application/json"
    accept: str = "application/json"
    meets: tuple[tuple[str, bool], ...] = ()
    label: str = ""

    def good(self, *lines: str) -> Ask:
        """The same question; it meets the good form of the lines: it must succeed."""
        return replace(self, meets=(*self.meets, *((line, True) for line in lines)))

    def bad(self, *lines: str) -> Ask:
        """The same question; it meets the bad form of the lines: it must be refused, or warned about."""
        return replace(self, meets=(*self.meets, *((line, False) for line in lines)))

    def named(self, label: str) -> Ask:
        return replace(self, label=label)

    def __repr__(self) -> str:
        body = "" if self.body is None else f" {_shown(self.body)}"
        accept = "" if self.accept == "application/json" else f" as {self.accept}"
        return f"{self.method} {self.path}{accept}{body}"


def _shown(body: Any) -> str:
    text = body.decode(errors="replace") if isinstance(body, bytes) else json.dumps(body)
    return text if len(text) < 400 else f"{text[:400]}…"


def query(path: str, options: Mapping[str, Any]) -> str:
    """The path with query parameters; `$…()` in values stays as it is."""
    if not options:
        return path
    pairs = "&".join(f"{key}={quote(str(value), safe='$()')}" for key, value in options.items())
    return f"{path}{'&' if '?' in path else '?'}{pairs}"


def get(path: str, **options: Any) -> Ask:
    return Ask("GET", query(path, options))


def watch(path: str, **options: Any) -> Ask:
    return Ask("WATCH", query(path, {"timeoutSeconds": 1, **options, "watch": "true"}))


def post(path: str, body: Any, **options: Any) -> Ask:
    return Ask("POST", query(path, options), body)


def put(path: str, body: Any, **options: Any) -> Ask:
    return Ask("PUT", query(path, options), body)


def merge(path: str, body: Any, **options: Any) -> Ask:
    return Ask("PATCH", query(path, options), body, MERGE)


def strategic(path: str, body: Any, **options: Any) -> Ask:
    return Ask("PATCH", query(path, options), body, STRATEGIC)


def json_patch(path: str, body: Any, **options: Any) -> Ask:
    return Ask("PATCH", query(path, options), body, JSON_PATCH)


def apply(path: str, body: Any, manager: str = "one", **options: Any) -> Ask:
    given = {"fieldManager": manager, **options} if manager else options
    return Ask("PATCH", query(path, given), body, APPLY)


def delete(path: str, body: Any = None, **options: Any) -> Ask:
    return Ask("DELETE", query(path, options), body)


@dataclass(frozen=True)
class Answer:
    """What came back; the body of a watch is the list of its events."""

    status: int
    body: Any
    warnings: tuple[str, ...] = ()
    headers: Mapping[str, str] | None = None


Server = Callable[[Ask], Awaitable[Answer]]


def _encoded(ask: Ask) -> bytes | None:
    if ask.body is None or isinstance(ask.body, bytes):
        return ask.body
    # Compact, as most clients write: what is embedded is stored to the byte.
    return json.dumps(ask.body, separators=(",", ":")).encode()


def _decoded(raw: bytes, media: str) -> Any:
    if media.startswith("application/yaml"):
        return yaml.safe_load(raw)
    if media.startswith("application/vnd.kubernetes.protobuf"):
        return decode_object(raw)
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")


def _events(raw: bytes) -> Any:
    """The events of a watch; anything else as it is."""
    try:
        found = [json.loads(line) for line in raw.splitlines() if line.strip()]
    except ValueError:
        return raw.decode(errors="replace")
    return found if all("type" in event for event in found) else found[0]


class _Connections:
    """Connections to one HTTPS server, kept open between requests; safe to use from several threads."""

    def __init__(self, url: str, certificate: Path, key: Path) -> None:
        self._address = urlsplit(url)
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        self._context.load_cert_chain(certificate, key)
        self._idle: list[http.client.HTTPSConnection] = []

    def ask(self, question: Ask) -> Answer:
        connection = self._idle.pop() if self._idle else self._connect()
        watching = question.method == "WATCH"
        headers = {"Accept": question.accept, "User-Agent": "test"}
        if question.body is not None:
            headers["Content-Type"] = question.content_type
        method = "GET" if watching else question.method
        try:
            connection.request(method, question.path, _encoded(question), headers)
            response = connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLError):
            # The server was restarted since this connection was last used: nothing was done yet.
            connection.close()
            connection = self._connect()
            connection.request(method, question.path, _encoded(question), headers)
            try:
                response = connection.getresponse()
            except http.client.RemoteDisconnected:
                connection.close()
                return Answer(BROKEN_OFF, None)
        raw = response.read()
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        body = (
            _events(raw)
            if watching and response.status == 200
            else _decoded(raw, response.getheader("content-type") or "")
        )
        given = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, body, tuple(response.headers.get_all("Warning") or ()), given)

    def _connect(self) -> http.client.HTTPSConnection:
        assert self._address.hostname is not None
        return http.client.HTTPSConnection(
            self._address.hostname, self._address.port, context=self._context, timeout=_ANSWER_TIMEOUT
        )


def real_server(url: str, certificate: Path, key: Path) -> Server:
    connections = _Connections(url, certificate, key)

    async def ask(question: Ask) -> Answer:
        return await asyncio.to_thread(connections.ask, question)

    return ask


def embedded_server(transport: Any) -> Server:
    from reconcile.client.transport import TransportRequest

    async def ask(question: Ask) -> Answer:
        path, _, pairs = question.path.partition("?")
        headers = {"accept": question.accept, "user-agent": "test"}
        if question.body is not None:
            headers["content-type"] = question.content_type
        watching = question.method == "WATCH"
        request = TransportRequest(
            "GET" if watching else question.method,
            path,
            tuple(parse_qsl(pairs, keep_blank_values=True)),
            headers,
            _encoded(question),
        )
        response = await transport.send(request)
        async with response:
            raw = await response.read()
            warning = response.headers.get("warning", "")
            return Answer(
                response.status,
                _events(raw)
                if watching and response.status == 200
                else _decoded(raw, response.headers.get("content-type", "")),
                (warning,) if warning else (),
                response.headers,
            )

    return ask


_REFERENCE = re.compile(r"\$(rv|uid|name|continue)\(([^)]*)\)")


class Conversation:
    """One server asked several questions, of which later ones refer to earlier answers."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._answers: dict[str, Any] = {}

    async def ask(self, question: Ask) -> Answer:
        answer = await self._server(self._resolved(question))
        if question.label:
            self._answers[question.label] = answer.body
        return answer

    async def ask_all(self, questions: Sequence[Ask]) -> list[Answer]:
        return list(await asyncio.gather(*(self.ask(question) for question in questions)))

    def _resolved(self, question: Ask) -> Ask:
        path = _REFERENCE.sub(lambda found: quote(self._value(found)), question.path)
        body = question.body
        if body is not None and not isinstance(body, bytes):
            text = json.dumps(body)
            if "$" in text:
                body = json.loads(_REFERENCE.sub(self._value, text))
        return replace(question, path=path, body=body)

    def _value(self, found: re.Match[str]) -> str:
        what, label = found.groups()
        answer = self._answers.get(label)
        metadata = answer.get("metadata") if isinstance(answer, dict) else None
        key = {"rv": "resourceVersion"}.get(what, what)
        # What was not answered (an object that could not be made) is the same nothing on both servers.
        return str((metadata or {}).get(key) or ("0" if what == "rv" else "none"))


def differences(real: Any, ours: Any, path: str = "") -> list[str]:
    """One line for each place at which the answers differ."""
    if isinstance(real, dict) and isinstance(ours, dict):
        lines: list[str] = []
        for key in sorted({**real, **ours}):
            if key not in real:
                lines.append(f"{path}.{key}: only ours: {ours[key]!r}")
            elif key not in ours:
                lines.append(f"{path}.{key}: only the real one: {real[key]!r}")
            else:
                lines += differences(real[key], ours[key], f"{path}.{key}")
        return lines
    if isinstance(real, list) and isinstance(ours, list) and len(real) == len(ours):
        pairs = enumerate(zip(real, ours, strict=True))
        return [line for index, pair in pairs for line in differences(*pair, f"{path}[{index}]")]
    return [] if real == ours else [f"{path}: real {real!r}, ours {ours!r}"]
