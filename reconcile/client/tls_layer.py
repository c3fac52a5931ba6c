"""TLS of one connection as bytes in and bytes out. Pure, but for OpenSSL's randomness.

    network ──▶ received ──▶ what the peer said          what we say ──▶ encrypted ──▶ network

The event loops' own TLS costs more than the encryption itself: asyncio's is Python with a state machine for
every case, and both pass each piece through a protocol of their own. Here a piece is one call each way.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Final

# A record holds no more; asking for more would only reserve memory.
_RECORD: Final = 1 << 14


class TLSLayer:
    """One side of one TLS connection: the client's.

    Args:
        context: whom to trust, what to present.
        server_name: who the certificate must be for.
        below: a layer that this one is carried in: TLS to a server through TLS to a proxy.
        session: of an earlier connection with the same context to the same server: neither side then signs or
            judges a certificate anew, unless the server has forgotten it.

    Attributes:
        ready: the handshake is done.
        ended: the peer has said that nothing more comes.
    """

    __slots__ = ("_below", "_incoming", "_object", "_outgoing", "_read", "ended", "ready")

    def __init__(
        self,
        context: ssl.SSLContext,
        server_name: str,
        below: TLSLayer | None = None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_name, session=session
        )
        self._read = self._object.read
        self._below = below
        self.ready = False
        self.ended = False

    @property
    def session(self) -> ssl.SSLSession | None:
        """What another connection may go on with; None until the server has given a ticket for it."""
        session = self._object.session
        return session if session is not None and session.has_ticket else None

    @property
    def resumed(self) -> bool:
        """Whether it went on with the session it was given."""
        return bool(self._object.session_reused)

    def begin(self) -> bytes:
        """The first bytes of the handshake."""
        self._shake()
        return self.to_send()

    def received(self, data: bytes) -> bytes:
        """What the peer said in these bytes; afterwards there may be something to send.

        Raises `ssl.SSLError`, after which there may be an alert to send.
        """
        if self._below is not None:
            data = self._below.received(data)
            if self._below.ended:
                self._incoming.write_eof()
        incoming = self._incoming
        incoming.write(data)
        if not self.ready and not self._shake():
            return b""
        try:
            piece = self._read(_RECORD)
            if not incoming.pending and not self._object.pending():
                # Nearly always: what came was one record.
                if not piece:
                    self.ended = True
                return piece
        except ssl.SSLWantReadError:
            return b""
        pieces: list[bytes] = []
        try:
            while piece:
                pieces.append(piece)
                piece = self._read(_RECORD)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        return b"".join(pieces)

    def encrypted(self, data: bytes) -> bytes:
        """What to send for the peer to receive `data`."""
        done = self._object.write(data)
        while done < len(data):
            done += self._object.write(memoryview(data)[done:])
        return self.to_send()

    def to_send(self) -> bytes:
        """What TLS itself has to say: of the handshake, or an alert. Empty when nothing."""
        if not self._outgoing.pending:
            return b"" if self._below is None else self._below.to_send()
        data = self._outgoing.read()
        return data if self._below is None else self._below.encrypted(data)

    def farewell(self) -> bytes:
        """The bytes that say that nothing more comes from here."""
        # It waits for the peer's, which nobody does.
        with suppress(ssl.SSLError):
            self._object.unwrap()
        return self.to_send()

    def _shake(self) -> bool:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.ready = True
        return True
