"""Bodies that come compressed. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Final

from reconcile.client.answer_parser import MalformedAnswer

# What one piece becomes at once; more of it comes when that is dealt with.
_MOST: Final = 1 << 18
_WITH_GZIP_HEADER: Final = zlib.MAX_WBITS | 16


class GzipDecoder:
    """What was compressed, out of pieces cut anywhere. Raises `MalformedAnswer`."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_WITH_GZIP_HEADER)
        self._begun = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The plain text of this piece, of which a few bytes may be megabytes, in bounded pieces."""
        while piece:
            if self._member.eof:
                self._member = zlib.decompressobj(_WITH_GZIP_HEADER)
            self._begun = True
            try:
                plain = self._member.decompress(piece, _MOST)
            except zlib.error as error:
                raise MalformedAnswer(f"the body is not compressed as it says: {error}") from error
            if plain:
                yield plain
            piece = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def end(self) -> None:
        """The body has ended."""
        if self._begun and not self._member.eof:
            raise MalformedAnswer("the compressed body ended before its announced end")


def decoder_for(headers: Mapping[str, str]) -> GzipDecoder | None:
    """What decodes the body below these header fields; None when it is plain. Raises `MalformedAnswer`."""
    coding = headers.get("content-encoding")
    if coding is None or coding.lower() == "identity":
        return None
    if coding.lower() not in ("gzip", "x-gzip"):
        raise MalformedAnswer(f"content-encoding {coding!r}, which nobody asked for")
    return GzipDecoder()
