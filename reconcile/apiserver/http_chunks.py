"""A body that comes in chunks, read as Go's net/http reads it."""

from __future__ import annotations

import re
from typing import Final

_MAX_LINE: Final = 4096
# What may be sent beside the data: as much again twice, sixteen bytes a chunk, and this.
_MAX_EXCESS: Final = 16 * 1024
_trailer: Final = re.compile(rb"[\w!#$%&'*+.^`|~ -]+:[\t\x20-\x7e\x80-\xff]*\r?", re.ASCII).fullmatch


class BadChunks(Exception):
    """The body is not in chunks; the text is what Go says of it."""


class Chunks:
    """Takes what has come out of a buffer, until the body has ended.

    Attributes:
        body: the data so far, of which no more than `limit` bytes are kept.
        size: how much data has come.
        done: whether all of it has.
    """

    def __init__(self, limit: int) -> None:
        self.body = bytearray()
        self.size = 0
        self.done = False
        self._limit = limit
        self._left = 0
        self._footer = False
        self._ended = False
        self._excess = 0

    def take(self, buffer: bytearray) -> None:
        """Take from the front of the buffer. Raises BadChunks."""
        while buffer and not self.done:
            if self._left:
                part = buffer[: self._left]
                del buffer[: len(part)]
                self._left -= len(part)
                self.size += len(part)
                self.body += part[: max(0, self._limit - len(self.body))]
                self._footer = not self._left
            elif self._footer:
                if len(buffer) < 2:
                    return
                if buffer[:2] != b"\r\n":
                    raise BadChunks("malformed chunked encoding")
                del buffer[:2]
                self._footer = False
            elif self._ended:
                if not self._take_trailer(buffer):
                    return
            elif not self._begin(buffer):
                return

    def _begin(self, buffer: bytearray) -> bool:
        """Read the size of the next chunk; False while it is not there."""
        end = buffer.find(b"\n", 0, _MAX_LINE)
        if end < 0:
            if len(buffer) >= _MAX_LINE:
                raise BadChunks("header line too long")
            return False
        line = bytes(buffer[: end + 1])
        del buffer[: end + 1]
        at = line.find(b"\r")
        if at < 0:
            raise BadChunks("chunked line ends with bare LF")
        if at != len(line) - 2:
            raise BadChunks("invalid CR in chunked line")
        line = line[:at]
        self._excess += len(line) + 2
        digits = line.rstrip(b" \t").partition(b";")[0]
        self._left = _size(digits)
        self._excess = max(0, self._excess - 16 - 2 * self._left)
        if self._excess > _MAX_EXCESS:
            raise BadChunks("chunked encoding contains too much non-data")
        self._ended = not self._left
        return True

    def _take_trailer(self, buffer: bytearray) -> bool:
        if buffer[:2] == b"\r\n":
            del buffer[:2]
            self.done = True
            return True
        if len(buffer) < 2:
            return False
        end = buffer.find(b"\r\n\r\n", 0, _MAX_LINE)
        if end < 0:
            if len(buffer) >= _MAX_LINE:
                raise BadChunks("http: suspiciously long trailer after chunked body")
            return False
        lines = bytes(buffer[:end]).split(b"\r\n")
        del buffer[: end + 4]
        for line in lines:
            if _trailer(line):
                continue
            quoted = line.decode("latin-1").replace("\\", "\\\\").replace('"', '\\"')
            missing = "" if b":" in line else ": missing colon"
            raise BadChunks(f'malformed MIME header{missing or " line"}: "{quoted}"')
        self.done = True
        return True


def _size(digits: bytes) -> int:
    if not digits:
        raise BadChunks("empty hex number for chunk length")
    for index, digit in enumerate(digits):
        if digit not in b"0123456789abcdefABCDEF":
            raise BadChunks("invalid byte in chunk length")
        if index == 16:
            raise BadChunks("http chunk length too large")
    return int(digits, 16)
