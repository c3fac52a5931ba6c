"""List bodies: the raw bytes of each item out of chunks cut anywhere, by JSON syntax alone. Pure.

    chunks ──▶ top level: members one by one ──"items": [──▶ items ──▶ batches of bytes
                    │                                          │
                    └── kind, apiVersion, metadata             ├── fast: cut at the last separator that looks
                        (before or after the items)            │   like the one between the first two items,
                                                               │   and let msgspec split what is before it
                                                               └── slow: count brackets outside of strings

The fast way never guesses: a stretch is accepted only when it parses as a sequence of complete values,
and a prefix of a JSON array that does can only end at an item's boundary. What msgspec does not accept
(a nested separator, absurd depth, bad syntax inside one item) goes the slow way, which needs brackets to
balance and nothing else: an item that no decoder would take is still cut out and handed on.
"""

from __future__ import annotations

import json
import re
from typing import Literal

import msgspec

from reconcile.errors import TransportError


class ListMetadata(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What a list says about itself.

    Attributes:
        resource_version: the list's resource version, where a watch goes on.
        continue_: token of the next page; empty on the last one.
        remaining_item_count: how many items follow this page; None when the server does not say.
    """

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")
    remaining_item_count: int | None = None


class ListHead(msgspec.Struct, frozen=True, rename="camel"):
    """Everything of a list but its items."""

    kind: str = ""
    api_version: str = ""
    metadata: ListMetadata | None = None


_SPACE = re.compile(rb"[ \t\r\n]*")
_SCALAR = re.compile(rb"[^,\]}\s]*")
_TO_BRACKET = re.compile(rb'[^"{}\[\]]*+(?:"(?>[^"\\]+|\\.)*+"[^"{}\[\]]*+)*+', re.DOTALL)
_TO_QUOTE = re.compile(rb'(?>[^"\\]+|\\.)*+', re.DOTALL)
_FIRST_KEY = re.compile(rb'\s*,\s*\{\s*"[^"\\]{1,64}"\s*:')
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_head = msgspec.json.Decoder(ListHead).decode

_State = Literal["start", "member", "colon", "value", "item", "after_item", "done"]
_WANTED = ("kind", "apiVersion", "metadata")
# How many nested look-alikes of the separator are tried before counting brackets instead.
_TRIES = 3
# A piece this long without any separator is an item the separator does not fit: count brackets.
_LONG = 1 << 16


class ListSplitter:
    """Cuts the body of a list into the raw bytes of its items.

    `feed` returns the items that each chunk completes, in order, as bytes of their own (no view keeps
    the body alive); `finish` returns everything else. Work is linear in the bytes fed. For a body that is
    not a list no item comes and `finish` still returns its head.
    """

    def __init__(self) -> None:
        self._buffer: bytearray = bytearray()
        # Where reading goes on in the buffer; everything before it is done with.
        self._at: int = 0
        self._state: _State = "start"
        self._key = ""
        self._head: dict[str, bytes] = {}
        self._scanner = _ValueScanner()
        # The bytes between two items, from the closing brace to the next item's first colon.
        self._separator = b""
        # Up to where the buffer was searched for it without success.
        self._searched: int = 0
        self._counting: bool = True
        self._ending: bool = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The items that this chunk completes. Raises `TransportError` when the body is not JSON."""
        self._buffer += chunk
        items: list[bytes] = []
        while self._step(items):
            pass
        if self._at:
            del self._buffer[: self._at]
            self._scanner.shift(self._at)
            self._searched = max(0, self._searched - self._at)
            self._at = 0
        return items

    def finish(self) -> tuple[list[bytes], ListHead]:
        """The last items and the list's head. Raises `TransportError` when the body was cut short."""
        items: list[bytes] = []
        # No further separator comes to wait for.
        self._counting = self._ending = True
        while self._step(items):
            pass
        if self._state != "done":
            raise TransportError("the body of a list ended before the list did; read it again")
        text = b",".join(b'"%b":%b' % (key.encode(), value) for key, value in self._head.items())
        try:
            head = _decode_head(b"{" + text + b"}")
        except msgspec.DecodeError as error:
            raise TransportError(f"the metadata of a list cannot be read: {error}") from error
        return items, head

    def _step(self, items: list[bytes]) -> bool:
        """Go on by one token, member or run of items; False when more bytes are needed."""
        buffer = self._buffer
        self._at = at = _end(_SPACE, buffer, self._at)
        if at == len(buffer):
            return False
        byte = buffer[at]
        match self._state:
            case "item":
                if byte == 0x5D:  # ]
                    self._at, self._state = at + 1, "member"
                    return True
                return self._take_items(items)
            case "after_item":
                if byte == 0x2C:  # ,
                    self._at, self._state = at + 1, "item"
                elif byte == 0x5D:
                    self._at, self._state = at + 1, "member"
                else:
                    raise _not_json(buffer, at)
                return True
            case "start":
                if byte != 0x7B:  # {
                    raise _not_json(buffer, at)
                self._at, self._state = at + 1, "member"
                return True
            case "member":
                return self._take_key(byte)
            case "colon":
                if byte != 0x3A:  # :
                    raise _not_json(buffer, at)
                self._at, self._state = at + 1, "value"
                return True
            case "value":
                return self._take_value(byte)
            case "done":
                raise _not_json(buffer, at)

    def _take_key(self, byte: int) -> bool:
        if byte == 0x2C:
            self._at += 1
            return True
        if byte == 0x7D:  # }
            self._at, self._state = self._at + 1, "done"
            return True
        if byte != 0x22:  # "
            raise _not_json(self._buffer, self._at)
        end = self._scanner.end(self._buffer, self._at)
        if end < 0:
            return False
        try:
            self._key = json.loads(self._buffer[self._at : end])
        except ValueError as error:
            raise _not_json(self._buffer, self._at) from error
        self._at, self._state = end, "colon"
        return True

    def _take_value(self, byte: int) -> bool:
        if self._key == "items" and byte == 0x5B:  # [
            self._at, self._state = self._at + 1, "item"
            return True
        end = self._scanner.end(self._buffer, self._at)
        if end < 0:
            return False
        if self._key in _WANTED:
            self._head[self._key] = bytes(self._buffer[self._at : end])
        self._at, self._state = end, "member"
        return True

    def _take_items(self, items: list[bytes]) -> bool:
        if not self._counting:
            if self._take_run(items):
                return True
            if not self._counting:
                return False
        buffer, at = self._buffer, self._at
        end = self._scanner.end(buffer, at)
        if end < 0:
            return False
        if end == at:
            raise _not_json(buffer, at)
        items.append(bytes(memoryview(buffer)[at:end]))
        self._at, self._state = end, "after_item"
        if buffer[end - 1] == 0x7D and (found := _FIRST_KEY.match(buffer, end)):
            self._separator = b"}" + found.group()
        if self._separator and not self._ending:
            self._counting, self._searched = False, end
        return True

    def _take_run(self, items: list[bytes]) -> bool:
        """Take everything up to the last separator in the buffer in one go, if it is one."""
        buffer, at = self._buffer, self._at
        start = max(at, self._searched - len(self._separator) + 1)
        cut = buffer.rfind(self._separator, start)
        if cut < 0:
            self._searched = len(buffer)
            self._counting = len(buffer) - at > _LONG
            return False
        for _ in range(_TRIES):
            try:
                run = _split(b"[%b]" % memoryview(buffer)[at : cut + 1])
            except (msgspec.DecodeError, RecursionError):
                cut = buffer.rfind(self._separator, start, cut + len(self._separator) - 1)
                if cut < 0:
                    break
                continue
            items.extend(map(bytes, run))
            self._at, self._state = cut + 1, "after_item"
            self._searched = cut + 1
            return True
        self._counting = True
        return False


class _ValueScanner:
    """Finds where one JSON value ends, over as many chunks as it takes, by brackets and strings alone."""

    __slots__ = ("_at", "_depth", "_in_string", "_running")

    def __init__(self) -> None:
        self._at = self._depth = 0
        self._in_string = self._running = False

    def shift(self, by: int) -> None:
        """The buffer lost its first `by` bytes."""
        if self._running:
            self._at -= by

    def end(self, buffer: bytearray, start: int) -> int:
        """The index after the value that starts at `start`, or -1 when more bytes are needed."""
        if not self._running:
            if buffer[start] not in b'{["':
                return self._end_of_scalar(buffer, start)
            self._running, self._at, self._depth, self._in_string = True, start, 0, False
        at, depth, size = self._at, self._depth, len(buffer)
        while True:
            if self._in_string:
                at = _end(_TO_QUOTE, buffer, at)
                if at >= size or buffer[at] != 0x22:
                    break
                self._in_string = False
                at += 1
                if not depth:
                    self._running = False
                    return at
            if depth:
                at = _end(_TO_BRACKET, buffer, at)
            if at >= size:
                break
            byte = buffer[at]
            at += 1
            if byte == 0x22:
                self._in_string = True
            elif byte == 0x7B or byte == 0x5B:
                depth += 1
            else:
                depth -= 1
                if not depth:
                    self._running = False
                    return at
        self._at, self._depth = at, depth
        return -1

    @staticmethod
    def _end_of_scalar(buffer: bytearray, start: int) -> int:
        end = _end(_SCALAR, buffer, start)
        return end if end < len(buffer) else -1


def _end(pattern: re.Pattern[bytes], buffer: bytearray, at: int) -> int:
    found = pattern.match(buffer, at)
    return found.end() if found else at


def _not_json(buffer: bytearray, at: int) -> TransportError:
    near = bytes(buffer[max(0, at - 20) : at + 40])
    return TransportError(f"the body of a list is not the JSON of a list, near {near!r}")
