"""Asks two API servers the same and says where the answers differ."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_VOLATILE = frozenset(
    {
        "uid", "resourceVersion", "creationTimestamp", "time", "lastTransitionTime", "deletionTimestamp",
        "lastPhaseTransitionTime", "selfLink",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Ask:
    """One request; `body` is JSON, or bytes as they are."""

    method: str
    path: str
    body: Any = None
    content_type: str = "application/json"
    accept: str = "application/json"


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    warnings: tuple[str, ...] = ()


Server = Callable[[Ask], Awaitable[Answer]]


def _encoded(ask: Ask) -> bytes | None:
    if ask.body is None or isinstance(ask.body, bytes):
        return ask.body
    return json.dumps(ask.body).encode()


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")


def real_server(url: str, certificate: Path, key: Path) -> Server:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(certificate, key)

    async def ask(question: Ask) -> Answer:
        request = urllib.request.Request(
            url + question.path,
            method=question.method,
            data=_encoded(question),
            headers={"Content-Type": question.content_type, "Accept": question.accept, "User-Agent": "test"},
        )
        try:
            with urllib.request.urlopen(request, context=context) as response:  # noqa: ASYNC210
                warnings = response.headers.get_all("Warning") or ()
                return Answer(response.status, _decoded(response.read()), tuple(warnings))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(
                    error.code, _decoded(error.read()), tuple(error.headers.get_all("Warning") or ())
                )

    return ask


def embedded_server(transport: Any) -> Server:
    from urllib.parse import parse_qsl

    from reconcile.client.transport import TransportRequest

    async def ask(question: Ask) -> Answer:
        path, _, query = question.path.partition("?")
        headers = {"accept": question.accept, "user-agent": "test"}
        if question.body is not None:
            headers["content-type"] = question.content_type
        request = TransportRequest(
            question.method,
            path,
            tuple(parse_qsl(query, keep_blank_values=True)),
            headers,
            _encoded(question),
        )
        response = await transport.send(request)
        async with response:
            return Answer(response.status, _decoded(await response.read()))

    return ask


def normalized(value: Any, drop: Sequence[str] = ()) -> Any:
    """Without what must differ between two servers."""
    if isinstance(value, dict):
        return {
            key: normalized(inner, drop)
            for key, inner in value.items()
            if key not in _VOLATILE and key not in drop
        }
    if isinstance(value, list):
        items = [normalized(item, drop) for item in value]
        if items and isinstance(items[0], dict) and "fieldsV1" in items[0]:
            # Sorted by time first, which may differ by a second.
            items.sort(key=lambda entry: (entry["operation"], entry["manager"], entry.get("subresource", "")))
        return items
    return value


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
