"""A transport whose answers a test writes itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from reconcile.client.transport import Transport, TransportRequest, TransportResponse
from reconcile.errors import TransportError


class FakeResponse(TransportResponse):
    """Answers with these chunks; an exception among them is raised in its place."""

    def __init__(
        self,
        status: int = 200,
        *chunks: bytes | BaseException,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.headers = headers or {}
        self.closed = 0
        self._chunks = chunks

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            await asyncio.sleep(0)
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def close(self) -> None:
        self.closed += 1


Answer = TransportResponse | BaseException | Mapping[str, Any] | Callable[[TransportRequest], Any]


class FakeTransport(Transport):
    """Gives the answers one by one and keeps the requests.

    An answer is a response, an exception to raise, a JSON document for a 200, or a function of the
    request that returns one of these.
    """

    def __init__(self, *answers: Answer) -> None:
        self.answers: list[Answer] = list(answers)
        self.requests: list[TransportRequest] = []
        self.sent_at: list[float] = []
        self.responses: list[TransportResponse] = []
        self.closed = False

    @property
    def request(self) -> TransportRequest:
        return self.requests[-1]

    @property
    def body(self) -> Any:
        """The body of the last request, decoded."""
        assert self.request.body is not None
        return json.loads(self.request.body)

    async def send(self, request: TransportRequest) -> TransportResponse:
        await asyncio.sleep(0)
        self.requests.append(request)
        self.sent_at.append(asyncio.get_running_loop().time())
        if not self.answers:
            raise TransportError(f"no answer was prepared for {request.method} {request.path}")
        answer = self.answers.pop(0)
        if callable(answer):
            answer = answer(request)
            if asyncio.iscoroutine(answer):
                answer = await answer
        if isinstance(answer, BaseException):
            raise answer
        response = answer if isinstance(answer, TransportResponse) else answering(answer)
        self.responses.append(response)
        return response

    async def close(self) -> None:
        self.closed = True


def answering(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> FakeResponse:
    return FakeResponse(status, json.dumps(document).encode(), headers=headers)


def failing(
    code: int, reason: str = "", *, headers: Mapping[str, str] | None = None, **status: Any
) -> FakeResponse:
    document = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    if reason:
        document["reason"] = reason
    document.setdefault("message", f"made up {code}")
    return answering({**document, **status}, code, headers)
