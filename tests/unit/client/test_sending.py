"""A guarded write at the moment its bytes go out, over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop

from reconcile.client import Client, TransportRequest
from reconcile.client.credentials import Connection
from reconcile.client.http_transport import HTTPTransport
from reconcile.client.seams import Write, WriteObserver, WriteOutcome
from reconcile.errors import WriteRefusedError
from reconcile.objects.identity import ObjectKey, ResourceType

pytestmark = pytest.mark.real_time

PODS = ResourceType("", "v1", "Pod", "pods")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Keeps what arrives on each connection; answers every request, or none."""

    def __init__(self, *, answers: bool = True) -> None:
        self.arrived: list[bytes] = []
        self.ended: asyncio.Queue[BaseException | None] = asyncio.Queue()
        self.url = ""
        self.tasks: set[asyncio.Task[None]] = set()
        self._answers = answers

    @property
    def asked(self) -> list[bytes]:
        """The request lines that came."""
        lines = b"".join(self.arrived).replace(b"{}", b"\r\n").split(b"\r\n")
        return [line for line in lines if line.endswith(b" HTTP/1.1")]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        end: BaseException | None = None
        try:
            while data := await reader.read(1 << 16):
                before = len(self.asked)
                self.arrived.append(data)
                if self._answers and len(self.asked) > before:
                    writer.write(ANSWER)
        except ConnectionError as error:
            end = error
        finally:
            writer.close()
            self.ended.put_nowait(end)


@asynccontextmanager
async def serving(*, answers: bool = True) -> AsyncIterator[Server]:
    server = Server(answers=answers)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        if server.tasks:
            await asyncio.wait(server.tasks)


def write(method: str, ask: Callable[[], float | None], **options: object) -> TransportRequest:
    body = None if method == "DELETE" else b"{}"
    return TransportRequest(method, "/x", **{"body": body, "timeout": 60.0, "before_sending": ask, **options})  # type: ignore[arg-type]


def refuse() -> float | None:
    raise WriteRefusedError("the lease is lost")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_that_is_refused_at_the_socket_sends_nothing(method: str) -> None:
    async with serving() as server:
        transport = HTTPTransport(Connection(server.url))
        with pytest.raises(WriteRefusedError, match="the lease is lost"):
            await transport.send(write(method, refuse))
        await transport.close()
        await server.ended.get()
        assert server.arrived == []


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_the_question_is_asked_on_a_kept_connection_too(method: str) -> None:
    async with serving() as server:
        transport = HTTPTransport(Connection(server.url))
        asked: list[str] = []

        def ask() -> float | None:
            asked.append(method)
            return None

        for _ in range(2):
            async with await transport.send(write(method, ask)) as response:
                assert await response.read() == b"{}"
        before = server.asked
        with pytest.raises(WriteRefusedError):
            await transport.send(write(method, refuse))
        await transport.close()
        await server.ended.get()
        assert len(asked) >= 2 and server.asked == before and len(before) == 2


async def test_the_server_is_given_what_is_left_when_the_bytes_go_out() -> None:
    async with serving() as server:
        transport = HTTPTransport(Connection(server.url))
        query = (("dryRun", "All"), ("timeout", "60000ms"))
        async with await transport.send(write("POST", lambda: 1.25, query=query)) as response:
            await response.read()
        async with await transport.send(write("POST", lambda: 59.995, query=query)) as response:
            await response.read()
        await transport.close()
        assert server.asked == [
            b"POST /x?dryRun=All&timeout=1250ms HTTP/1.1",
            b"POST /x?dryRun=All&timeout=60000ms HTTP/1.1",
        ]


async def test_a_write_that_is_given_up_resets_its_connection() -> None:
    await gives_up()


def test_a_write_that_is_given_up_resets_its_connection_on_uvloop() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(gives_up())


async def gives_up() -> None:
    async with serving(answers=False) as server:
        transport = HTTPTransport(Connection(server.url))
        task = asyncio.create_task(transport.send(write("POST", lambda: None)))
        while not server.asked:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert isinstance(await server.ended.get(), ConnectionResetError)
        await transport.close()


class Recorder(WriteObserver):
    def __init__(self) -> None:
        self.outcomes: list[WriteOutcome] = []

    def write_started(self, write: Write, /) -> None: ...

    def write_finished(self, write: Write, outcome: WriteOutcome, /) -> None:
        self.outcomes.append(outcome)


class Late:
    """Lets a write pass first, and refuses it when the connection is there."""

    def __init__(self) -> None:
        self.asked = 0

    def check(self, write: Write, /) -> float | None:
        self.asked += 1
        if self.asked > 1:
            raise WriteRefusedError("the lease is lost")
        return 3.0


async def test_a_write_refused_at_the_socket_certainly_did_not_happen() -> None:
    async with serving() as server:
        recorder = Recorder()
        client = Client(HTTPTransport(Connection(server.url)), guard=Late(), observers=[recorder])
        with pytest.raises(WriteRefusedError):
            await client.write("update", PODS, ObjectKey("default", "a"), b"{}")
        await client.close()
        assert [outcome.unknown for outcome in recorder.outcomes] == [False]
        assert server.arrived == []
