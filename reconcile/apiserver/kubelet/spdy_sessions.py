"""Commands and ports in streams of SPDY: which streams a client opens for them, and what is sent on each.

    exec, attach   `streamtype` error, and as asked for stdin, stdout, stderr, resize
    portforward    for each connection two streams with one `requestid`: error and data

The rules are those of upstream's kubelet (cri-streaming: remotecommand, portforward).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, Final

import msgspec

from reconcile.apiserver.kubelet.backend import Connection as PortConnection
from reconcile.apiserver.kubelet.backend import Streams
from reconcile.apiserver.kubelet.channels import size_of, until_either
from reconcile.apiserver.kubelet.spdy import SPDYError
from reconcile.apiserver.kubelet.spdy_connection import Connection, Pipe, Stream

JSONObject = dict[str, Any]
Command = Callable[[Streams], Awaitable[JSONObject]]
"""Carries out a command with the client's streams; the Status of how it ended."""
Forward = Callable[[int, PortConnection], Awaitable[str]]
"""Serves one connection to a port until it ends; what went wrong, or nothing."""

COMMAND_PROTOCOLS: Final = (
    "v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io",
)  # fmt: skip
PORT_PROTOCOL: Final = "portforward.k8s.io"
TUNNEL_PROTOCOL: Final = f"SPDY/3.1+{PORT_PROTOCOL}"
# Seconds in which a client opens its streams, and those in which it leaves once all is said.
_OPENING: Final = 30.0
_LEAVING: Final = 10.0


class _CommandStreams:
    """`Streams` of one command; see there."""

    def __init__(self, streams: dict[str, Stream], tty: bool) -> None:
        self.tty = tty
        self._streams = streams

    async def stdin(self) -> AsyncIterator[bytes]:
        if (stream := self._streams.get("stdin")) is not None:
            async for part in stream.read():
                yield part

    async def sizes(self) -> AsyncIterator[tuple[int, int]]:
        stream = self._streams.get("resize")
        if stream is None:
            return
        held = b""
        async for part in stream.read():
            *lines, held = (held + part).split(b"\n")
            # One that is longer is none.
            held = held[:1024]
            for line in lines:
                if (size := size_of(line)) is not None:
                    yield size

    async def stdout(self, data: bytes) -> None:
        await self._write("stdout", data)

    async def stderr(self, data: bytes) -> None:
        await self._write("stdout" if self.tty else "stderr", data)

    async def _write(self, name: str, data: bytes) -> None:
        if data and (stream := self._streams.get(name)) is not None:
            await stream.write(data)


async def run_command(pipe: Pipe, command: Command, wanted: frozenset[str], tty: bool, protocol: str) -> None:
    """A command over a connection. `wanted`: which of stdin, stdout and stderr the client asked for."""
    expected = {"error", *wanted}
    if tty and protocol in COMMAND_PROTOCOLS[:2]:
        expected.add("resize")
    streams: dict[str, Stream] = {}
    complete = asyncio.Event()

    def accept(stream: Stream) -> bool:
        streams[stream.headers.get("streamtype", "")] = stream
        if expected <= streams.keys():
            complete.set()
        return True

    connection = Connection(pipe, accept)

    async def work() -> None:
        try:
            async with asyncio.timeout(_OPENING):
                await complete.wait()
        except TimeoutError:
            return
        result = await command(_CommandStreams(streams, tty))
        await streams["error"].write(_told(result, protocol))
        for stream in streams.values():
            await stream.leave()
            await stream.close()
        await _farewell(connection)

    await until_either(work(), connection.serve())


def _told(result: JSONObject, protocol: str) -> bytes:
    """How a command ended: older clients are told failures alone, and in words."""
    if protocol == COMMAND_PROTOCOLS[0]:
        return msgspec.json.encode(result)
    return b"" if result.get("status") == "Success" else str(result.get("message", "")).encode()


async def _farewell(connection: Connection) -> None:
    """Say that this was all, and give the client time to read it before the connection goes."""
    await connection.go_away()
    await asyncio.sleep(_LEAVING)


class _PortConnection:
    """`Connection` over one stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def read(self) -> AsyncIterator[bytes]:
        return self._stream.read()

    async def write(self, data: bytes) -> None:
        await self._stream.write(data)


async def run_port_forward(pipe: Pipe, forward: Forward, pod: str) -> None:
    """Connections to a pod's ports, as many as the client opens. `pod`: its name, for messages."""
    pairs: dict[str, dict[str, Stream]] = {}
    expiring: dict[str, asyncio.Task[None]] = {}
    tasks: set[asyncio.Task[None]] = set()

    def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    def accept(stream: Stream) -> bool:
        kind, port = stream.headers.get("streamtype", ""), stream.headers.get("port", "")
        if kind not in ("error", "data") or not port.isdecimal() or not 0 < int(port) < 65536:
            return False
        before = stream.number if kind == "error" else stream.number - 2
        # Clients of long ago name no request: theirs are two streams in a row.
        request = stream.headers.get("requestid") or str(before)
        pair = pairs.setdefault(request, {})
        if kind in pair:
            return False
        pair[kind] = stream
        if len(pair) == 2:
            del pairs[request]
            expiring.pop(request).cancel()
            start(serve(pair["data"], pair["error"], int(port)))
        else:
            expiring[request] = start(expire(request, stream))
        return True

    async def expire(request: str, stream: Stream) -> None:
        await asyncio.sleep(_OPENING)
        del pairs[request], expiring[request]
        await stream.write(f"(request={request}) timed out waiting for streams".encode())
        await stream.reset()

    async def serve(data: Stream, errors: Stream, port: int) -> None:
        problem = await forward(port, _PortConnection(data))
        if problem:
            text = f"error forwarding port {port} to pod {pod}: {problem}"
            await errors.write(text.encode())
        for stream in (errors, data):
            await stream.close()
            await stream.leave()

    connection = Connection(pipe, accept)
    try:
        await connection.serve()
    finally:
        running = list(tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@contextlib.contextmanager
def clients_own_fault() -> Iterator[None]:
    """A client that leaves or speaks nonsense ends its connection, and that is all."""
    with contextlib.suppress(ConnectionError, OSError, SPDYError):
        yield
