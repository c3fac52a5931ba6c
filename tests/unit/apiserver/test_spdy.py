"""SPDY as bytes and as streams: any cut, any nonsense, streams that nobody reads."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.apiserver.kubelet.backend import Connection as PortConnection
from reconcile.apiserver.kubelet.spdy import (
    DATA,
    GOAWAY,
    PING,
    RST_STREAM,
    SYN_REPLY,
    SYN_STREAM,
    Frame,
    Reader,
    SPDYError,
    Writer,
)
from reconcile.apiserver.kubelet.spdy_sessions import run_command, run_port_forward


def everything(writer: Writer) -> bytes:
    return b"".join(
        (
            writer.syn_stream(1, {"streamtype": "error", "port": "80"}),
            writer.syn_stream(3, {"streamtype": "data", "ü": ""}, fin=True),
            writer.syn_reply(3),
            writer.data(1, b"hello"),
            writer.data(1, b"", fin=True),
            writer.ping(b"\0\0\0\1"),
            writer.reset(3, 5),
            writer.go_away(3),
        )
    )


@pytest.mark.parametrize("size", [1, 3, 7, 10_000])
def test_frames_are_read_however_they_are_cut(size: int) -> None:
    raw = everything(Writer())
    reader = Reader()
    frames = [frame for at in range(0, len(raw), size) for frame in reader.feed(raw[at : at + size])]
    assert [frame.type for frame in frames if frame.type != DATA] == [
        SYN_STREAM, SYN_STREAM, SYN_REPLY, PING, RST_STREAM, GOAWAY,
    ]  # fmt: skip
    assert frames[0].headers == {"streamtype": "error", "port": "80"}
    assert frames[1].headers == {"streamtype": "data", "ü": ""} and frames[1].fin
    data = [frame for frame in frames if frame.type == DATA]
    assert b"".join(frame.data for frame in data) == b"hello"
    assert [frame.fin for frame in data] == [False] * (len(data) - 1) + [True]


@given(st.binary(max_size=200))
def test_nonsense_is_an_error_or_waits_for_more(raw: bytes) -> None:
    with contextlib.suppress(SPDYError):
        list(Reader().feed(raw))


def test_headers_that_unpack_to_megabytes_are_refused() -> None:
    packer = zlib.compressobj(9)
    packed = packer.compress(b"\0\0\0\1\0\x80\0\0" + b"a" * 50_000_000) + packer.flush(zlib.Z_SYNC_FLUSH)
    payload = struct.pack(">IIH", 1, 0, 0) + packed[:60_000]
    with pytest.raises(SPDYError):
        list(Reader().feed(struct.pack(">HHI", 0x8003, SYN_STREAM, len(payload)) + payload))


def test_a_control_frame_that_claims_megabytes_is_refused_at_once() -> None:
    with pytest.raises(SPDYError):
        list(Reader().feed(struct.pack(">HHI", 0x8003, SYN_STREAM, 0xFFFFFF)))


class Pair:
    """A client's end of a connection in this process."""

    def __init__(self) -> None:
        self.writer, self.reader = Writer(), Reader()
        self.frames: list[Frame] = []
        self.changed = asyncio.Event()
        self._incoming: asyncio.Queue[bytes] = asyncio.Queue(1)

    async def read(self) -> bytes:
        return await self._incoming.get()

    async def write(self, data: bytes) -> None:
        self.frames += self.reader.feed(data)
        self.changed.set()
        await asyncio.sleep(0)

    async def send(self, data: bytes) -> None:
        await self._incoming.put(data)

    async def until(self, good: Callable[[list[Frame]], bool]) -> None:
        async with asyncio.timeout(60):
            while not good(self.frames):
                self.changed.clear()
                await self.changed.wait()

    def sent(self, stream: int) -> bytes:
        return b"".join(frame.data for frame in self.frames if frame.type == DATA and frame.stream == stream)

    def open(self, first: int, port: int) -> bytes:
        named = {"port": str(port), "requestid": str(first)}
        return (
            self.writer.syn_stream(first, {"streamtype": "error", **named})
            + self.writer.data(first, b"", fin=True)
            + self.writer.syn_stream(first + 2, {"streamtype": "data", **named})
        )


async def forward(port: int, connection: PortConnection) -> str:
    if port == 9:
        return "nobody listens"
    if port == 1:
        async for part in connection.read():
            await connection.write(b"one" + part)
            return ""
    async for part in connection.read():
        await connection.write(part.upper())
    return ""


async def test_a_connection_that_ended_does_not_hold_up_others() -> None:
    pair = Pair()
    running = asyncio.ensure_future(run_port_forward(pair, forward, "p"))
    await pair.send(pair.open(1, 1))
    await pair.send(pair.writer.data(3, b"!"))
    await pair.until(lambda frames: any(frame.fin and frame.stream == 3 for frame in frames))
    assert pair.sent(3) == b"one!"
    for _ in range(100):
        await pair.send(pair.writer.data(3, b"nobody reads this"))
    await pair.send(pair.open(5, 80))
    await pair.send(pair.writer.data(7, b"abc") + pair.writer.data(7, b"", fin=True))
    await pair.until(lambda frames: any(frame.fin and frame.stream == 7 for frame in frames))
    assert pair.sent(7) == b"ABC"
    await pair.send(b"")
    await running


async def test_errors_of_a_port_are_told_on_its_stream_and_bad_streams_are_refused() -> None:
    pair = Pair()
    running = asyncio.ensure_future(run_port_forward(pair, forward, "p"))
    await pair.send(pair.open(1, 9))
    await pair.until(lambda frames: any(frame.fin and frame.stream == 3 for frame in frames))
    assert pair.sent(1) == b"error forwarding port 9 to pod p: nobody listens"
    await pair.send(pair.writer.syn_stream(5, {"streamtype": "data", "port": "x"}))
    await pair.send(pair.writer.syn_stream(7, {"streamtype": "other", "port": "1"}))
    await pair.until(lambda frames: sum(frame.type == RST_STREAM for frame in frames) == 2)
    await pair.send(pair.writer.ping(b"\0\0\0\7"))
    await pair.until(lambda frames: frames[-1] == Frame(PING, data=b"\0\0\0\7"))
    # Streams are numbered upwards.
    await pair.send(pair.writer.syn_stream(5, {"streamtype": "error", "port": "1"}))
    with pytest.raises(SPDYError):
        await running


async def test_a_client_that_opens_one_stream_of_two_is_told_so_in_time() -> None:
    pair = Pair()
    running = asyncio.ensure_future(run_port_forward(pair, forward, "p"))
    await pair.send(pair.writer.syn_stream(1, {"streamtype": "error", "port": "1", "requestid": "0"}))
    await pair.until(lambda frames: any(frame.type == RST_STREAM for frame in frames))
    assert b"timed out waiting for streams" in pair.sent(1)
    await pair.send(b"")
    await running


async def test_a_command_that_gets_no_streams_ends_in_time() -> None:
    pair = Pair()

    async def never(streams: object) -> dict[str, object]:
        raise AssertionError("it has no streams")

    async with asyncio.timeout(120):
        await run_command(pair, never, frozenset(("stdout",)), False, "v4.channel.k8s.io")
