"""HTTP/1.1 answers out of bytes cut anywhere (RFC 9112). Pure.

    bytes ──▶ head ──▶ body: by its length · in chunks · until the connection ends ──▶ pieces
                └── 1xx: another head follows

One way to read an answer, or none: what says two things about its length, or ends its lines in a way of its
own, is refused, since a proxy in between may have read it otherwise.
"""

from __future__ import annotations

import re
from typing import Final

# A head with all its fields; the lines around a chunk.
_MAX_HEAD: Final = 1 << 16
_MAX_LINE: Final = 1 << 12

_VALUE = r"[^\x00-\x08\x0a-\x1f\x7f]*+"
_status: Final = re.compile(rf"HTTP/1\.([01]) ([1-9]\d\d)(?: {_VALUE})?", re.ASCII).fullmatch
_name: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII).fullmatch
_value: Final = re.compile(_VALUE).fullmatch
_size: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?").fullmatch
# Names of fields that are remembered, so that each is looked at once.
_MAX_NAMES: Final = 256

_LENGTH: Final = 0
_CHUNKED: Final = 1
_UNTIL_END: Final = 2
_TRAILERS: Final = 3


class MalformedAnswer(ValueError):
    """What came is no HTTP/1.1 answer, or one that can be read in two ways."""


class AnswerParser:
    """One answer, from its first byte to its last.

    Args:
        names: names of fields as they were seen, and in lower case; for all answers of a server.
        bodiless: no body follows the head, whatever it says: the answer to HEAD and CONNECT.

    Attributes:
        status: the status code; 0 until the head has come.
        headers: names in lower case; the values of a name that repeats are joined by commas.
        size: bytes of the body that have come and were not taken.
        complete: the last byte has come.
        keeps_alive: another request may be sent on the connection, once the answer is complete.
    """

    __slots__ = (
        "_after_chunk",
        "_bodiless",
        "_framing",
        "_kept",
        "_left",
        "_names",
        "_pieces",
        "complete",
        "headers",
        "keeps_alive",
        "size",
        "status",
    )

    def __init__(self, names: dict[str, str], *, bodiless: bool = False) -> None:
        self._names = names
        self.status = 0
        self.headers: dict[str, str] = {}
        self.size = 0
        self.complete = False
        self.keeps_alive = False
        self._bodiless = bodiless
        self._framing = _LENGTH
        # What is left of the body, or of the chunk.
        self._left = 0
        self._after_chunk = False
        # The beginning of a line that is not complete.
        self._kept = b""
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Go on with these bytes. Raises `MalformedAnswer`."""
        if self._kept:
            data, self._kept = self._kept + data, b""
        at = 0
        if not self.status:
            at = self._read_head(data)
            if at < 0:
                return
        if self.complete:
            # Nobody asked for more: what it answers is anyone's guess.
            if at < len(data):
                self.keeps_alive = False
        elif self._framing == _LENGTH:
            end = at + self._left
            come = len(data)
            if end > come:
                self._left = end - come
                self._add(data[at:] if at else data)
            else:
                self._add(data[at:end])
                self._finish(surplus=end < come)
        elif self._framing == _CHUNKED:
            self._read_chunks(data, at)
        elif self._framing == _TRAILERS:
            self._read_trailers(data, at)
        else:
            self._add(data[at:])

    def end(self) -> None:
        """The connection has ended. Raises `MalformedAnswer` for an answer that is cut off."""
        if self.complete:
            return
        if not self.status:
            raise MalformedAnswer("the server hung up" if not self._kept else "the head is cut off")
        if self._framing != _UNTIL_END:
            raise MalformedAnswer("the body ended before its announced end")
        self._finish(surplus=False)

    def take(self) -> bytes:
        """The body as far as it has come and was not taken yet."""
        pieces = self._pieces
        self._pieces, self.size = [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _add(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self.size += len(piece)

    def _finish(self, *, surplus: bool) -> None:
        self.complete = True
        if surplus:
            self.keeps_alive = False

    def _read_head(self, data: bytes) -> int:
        """Where the body begins; -1 when more of the head is to come."""
        at = 0
        while True:
            end = data.find(b"\r\n\r\n", at)
            if (len(data) if end < 0 else end) - at > _MAX_HEAD:
                raise MalformedAnswer(f"a head of more than {_MAX_HEAD} bytes")
            if end < 0:
                self._kept = data[at:]
                # A peer that speaks something else may wait for us in vain.
                if not b"HTTP/1.".startswith(self._kept[:7]):
                    raise MalformedAnswer(f"no HTTP/1.1 answer begins with {self._kept[:40]!r}")
                return -1
            lines = data[at:end].decode("utf-8", "surrogateescape").split("\r\n")
            found = _status(lines[0])
            if found is None:
                raise MalformedAnswer(f"no HTTP/1.1 answer begins with {lines[0][:80]!r}")
            minor, status = found.groups()
            at = end + 4
            if status[0] != "1":
                self._begin(minor, int(status), lines)
                return at
            if status == "101":
                raise MalformedAnswer("a change of protocol that nobody asked for")

    def _begin(self, minor: str, status: int, lines: list[str]) -> None:
        headers = self.headers
        names = self._names
        for number in range(1, len(lines)):
            line = lines[number]
            name, colon, value = line.partition(":")
            known = names.get(name)
            if known is None:
                known = _checked(name, line)
                if len(names) < _MAX_NAMES:
                    names[name] = known
            value = value.strip(" \t")
            # Anything printable is quickly seen to be; tabs and strange letters are allowed, too.
            if not colon or not (value.isprintable() or _value(value)):
                raise MalformedAnswer(f"a head with the line {line[:80]!r}")
            headers[known] = f"{headers[known]}, {value}" if known in headers else value
        options = headers.get("connection")
        if minor == "1":
            self.keeps_alive = options is None or "close" not in options.lower()
        else:
            self.keeps_alive = options is not None and "keep-alive" in options.lower()
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None and (length is not None or coding.lower() != "chunked" or minor == "0"):
            raise MalformedAnswer(
                f"transfer-encoding {coding!r}, content-length {length!r} in HTTP/1.{minor}"
            )
        if length is not None and not (length.isascii() and length.isdecimal() and len(length) < 19):
            raise MalformedAnswer(f"content-length {length!r}")
        self.status = status
        if self._bodiless or status in (204, 304):
            self.complete = True
        elif coding is not None:
            self._framing = _CHUNKED
        elif length is None:
            self._framing = _UNTIL_END
            self.keeps_alive = False
        else:
            self._left = int(length)
            self.complete = self._left == 0

    def _read_chunks(self, data: bytes, at: int) -> None:
        come = len(data)
        left = self._left
        if self._after_chunk:
            # Of the line's end behind a chunk, not all had come.
            if come - at < 2:
                self._kept = data[at:]
                return
            at = self._behind_chunk(data, at)
        while True:
            if not left:
                end = data.find(b"\r\n", at)
                if end < 0:
                    self._left = 0
                    self._keep(data, at)
                    return
                left = _size_of(data[at:end])
                at = end + 2
                if not left:
                    self._left = 0
                    self._framing = _TRAILERS
                    self._read_trailers(data, at)
                    return
            end = at + left
            if end > come:
                self._left = end - come
                self._add(data[at:])
                return
            self._pieces.append(data[at:end])
            self.size += left
            left = 0
            if data.startswith(b"\r\n", end):
                at = end + 2
                if at == come:
                    self._left = 0
                    return
            elif come - end < 2:
                self._left = 0
                self._after_chunk = True
                self._kept = data[end:]
                return
            else:
                at = self._behind_chunk(data, end)

    def _behind_chunk(self, data: bytes, at: int) -> int:
        if not data.startswith(b"\r\n", at):
            raise MalformedAnswer(f"a chunk is followed by {data[at : at + 20]!r}")
        self._after_chunk = False
        return at + 2

    def _read_trailers(self, data: bytes, at: int) -> None:
        """Fields behind the last chunk; they say nothing that anybody here reads."""
        while (end := data.find(b"\r\n", at)) != at:
            if end < 0:
                self._keep(data, at)
                return
            line = data[at:end].decode("utf-8", "surrogateescape")
            name, colon, value = line.partition(":")
            if not colon or not _name(name) or not _value(value):
                raise MalformedAnswer(f"the last chunk is followed by {line[:80]!r}")
            at = end + 2
        self._finish(surplus=at + 2 < len(data))

    def _keep(self, data: bytes, at: int) -> None:
        self._kept = data[at:]
        if len(self._kept) > _MAX_LINE:
            raise MalformedAnswer(f"a line of more than {_MAX_LINE} bytes in a chunked body")


def _size_of(line: bytes) -> int:
    """The size that a chunk begins with."""
    # Python reads 0x as well, the protocol does not.
    if line.isalnum() and len(line) < 16 and line[1:2] not in (b"x", b"X"):
        try:
            return int(line, 16)
        except ValueError:
            pass
    found = _size(line)
    if found is None:
        raise MalformedAnswer(f"a chunk begins with {line[:40]!r}")
    return int(found[1], 16)


def _checked(name: str, line: str) -> str:
    if not _name(name):
        raise MalformedAnswer(f"a head with the line {line[:80]!r}")
    return name.lower()
