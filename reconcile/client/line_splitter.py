"""Watch bodies: newline-separated JSON documents out of chunks cut anywhere. Pure."""

from __future__ import annotations


class LineSplitter:
    """Cuts a stream of chunks into its lines.

    A line is everything up to a newline, without it; empty lines are left out. Linear in the bytes fed,
    whatever the chunking.

    >>> splitter = LineSplitter()
    >>> splitter.feed(b'{"a":1}\\n{"b"'), splitter.feed(b':2}\\n')
    ([b'{"a":1}'], [b'{"b":2}'])
    """

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes, in order."""
        if b"\n" not in chunk:
            if chunk:
                self._parts.append(chunk)
            return []
        if self._parts:
            self._parts.append(chunk)
            chunk = b"".join(self._parts)
        lines = chunk.split(b"\n")
        last = lines.pop()
        self._parts = [last] if last else []
        return [line for line in lines if line and not line.isspace()]

    @property
    def pending(self) -> bytes:
        """What has come of a line that is not complete; empty at a line boundary."""
        return b"".join(self._parts)
