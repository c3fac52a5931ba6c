"""SPDY/3.1 as bytes: frames out of what arrives, and frames to be sent. No streams, no sockets.

As much of it as upstream's moby/spdystream speaks: streams with headers, data, resets, pings and the end.
It has no flow control windows; what is not read holds the connection back.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

VERSION: Final = 3
SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, HEADERS, WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
DATA: Final = 0
FIN: Final = 1
PROTOCOL_ERROR, INVALID_STREAM, REFUSED_STREAM, CANCEL = 1, 2, 3, 5
# Bytes of a control frame, of its headers once they are unpacked, and how many of them; more is an attack.
_CONTROL: Final = 64 * 1024
_UNPACKED: Final = 256 * 1024
_HEADERS: Final = 100

# What both sides know of headers beforehand (SPDY/3, 2.6.10.1): words with their length, and then text.
_WORDS: Final = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges "
    "age allow authorization cache-control connection content-base content-encoding content-language "
    "content-length content-location content-md5 content-range content-type date etag expect expires from "
    "host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location "
    "max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer "
    "transfer-encoding upgrade user-agent vary via warning www-authenticate method get status 200_OK version "
    "HTTP/1.1 url public set-cookie keep-alive origin"
)
_TEXT: Final = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _dictionary() -> bytes:
    words = [word.replace("_", " ").encode() for word in _WORDS.split()]
    return b"".join([len(word).to_bytes(4, "big") + word for word in words]) + _TEXT.encode()


class SPDYError(Exception):
    """The other side does not speak the protocol; the connection ends."""


class Frame(NamedTuple):
    """One frame, or a part of a frame of data.

    Attributes:
        type: of the constants above; `DATA` for data.
        stream: the stream's number; 0 where there is none.
        fin: nothing more comes on the stream.
        headers: names in lower case.
        data: data, or what a control frame says.
    """

    type: int
    stream: int = 0
    fin: bool = False
    headers: Mapping[str, str] = {}
    data: bytes = b""


class Reader:
    """Takes bytes as they come; data is handed on without waiting for the end of its frame."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._inflate = zlib.decompressobj(zdict=_dictionary())
        # Of a frame of data that has begun: its stream, bytes still to come, and whether it is the last.
        self._stream = self._left = 0
        self._fin = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete now. Raises SPDYError."""
        self._held += data
        while True:
            frame = self._next()
            if frame is None:
                return
            yield frame

    def _next(self) -> Frame | None:
        held = self._held
        if self._left:
            if not held:
                return None
            part = bytes(held[: self._left])
            del held[: len(part)]
            self._left -= len(part)
            return Frame(DATA, self._stream, self._fin and not self._left, data=part)
        if len(held) < 8:
            return None
        first, second = struct.unpack_from(">II", held)
        flags, length = second >> 24, second & 0xFFFFFF
        if not first & 0x80000000:
            del held[:8]
            self._stream, self._left, self._fin = first, length, bool(flags & FIN)
            return self._next() if length else Frame(DATA, first, self._fin)
        if first >> 16 & 0x7FFF != VERSION:
            raise SPDYError(f"version {first >> 16 & 0x7FFF} of SPDY")
        if length > _CONTROL:
            raise SPDYError(f"a control frame of {length} bytes")
        if len(held) < 8 + length:
            return None
        payload = bytes(held[8 : 8 + length])
        del held[: 8 + length]
        return self._control(first & 0xFFFF, flags, payload)

    def _control(self, type: int, flags: int, payload: bytes) -> Frame:
        if type in (SETTINGS, PING, GOAWAY):
            return Frame(type, data=payload)
        before = 10 if type == SYN_STREAM else 4
        if len(payload) < before:
            raise SPDYError(f"a frame of type {type} with {len(payload)} bytes")
        stream = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
        if type not in (SYN_STREAM, SYN_REPLY, HEADERS):
            return Frame(type, stream, data=payload[4:])
        return Frame(type, stream, bool(flags & FIN), self._headers(payload[before:]))

    def _headers(self, packed: bytes) -> dict[str, str]:
        try:
            raw = self._inflate.decompress(packed, _UNPACKED)
        except zlib.error as error:
            raise SPDYError(f"headers: {error}") from None
        if self._inflate.unconsumed_tail:
            raise SPDYError(f"headers of more than {_UNPACKED} bytes")
        count, at = int.from_bytes(raw[:4], "big"), 4
        if count > _HEADERS:
            raise SPDYError(f"{count} headers")
        words: list[str] = []
        for _ in range(2 * count):
            size = int.from_bytes(raw[at : at + 4], "big")
            if at + 4 + size > len(raw):
                raise SPDYError("headers that are cut off")
            words.append(raw[at + 4 : at + 4 + size].decode("utf-8", "replace"))
            at += 4 + size
        return {name.lower(): value for name, value in zip(words[::2], words[1::2], strict=True)}


class Writer:
    """Makes frames; they must be sent in the order in which they were made."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=_dictionary())

    def _control(self, type: int, payload: bytes, flags: int = 0) -> bytes:
        return struct.pack(">HHI", 0x8000 | VERSION, type, flags << 24 | len(payload)) + payload

    def _packed(self, headers: Mapping[str, str]) -> bytes:
        raw = len(headers).to_bytes(4, "big")
        for word in (word for pair in headers.items() for word in pair):
            raw += len(word.encode()).to_bytes(4, "big") + word.encode()
        return self._deflate.compress(raw) + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def syn_stream(self, stream: int, headers: Mapping[str, str], *, fin: bool = False) -> bytes:
        payload = struct.pack(">IIH", stream, 0, 0) + self._packed(headers)
        return self._control(SYN_STREAM, payload, FIN if fin else 0)

    def syn_reply(self, stream: int) -> bytes:
        return self._control(SYN_REPLY, stream.to_bytes(4, "big") + self._packed({}))

    def reset(self, stream: int, status: int) -> bytes:
        return self._control(RST_STREAM, struct.pack(">II", stream, status))

    def ping(self, payload: bytes) -> bytes:
        return self._control(PING, payload)

    def go_away(self, last: int) -> bytes:
        return self._control(GOAWAY, struct.pack(">II", last, 0))

    def data(self, stream: int, data: bytes, *, fin: bool = False) -> bytes:
        return struct.pack(">II", stream, (FIN if fin else 0) << 24 | len(data)) + data
