"""Bytes on a connection, and what a server says to them: for requests that no HTTP client would send."""

from __future__ import annotations

import contextlib
import socket
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from helpers.bad_requests import client_context

_PATIENCE = 120.0
_BODILESS = (101, 204, 304)


@dataclass(frozen=True)
class RawAnswer:
    """One answer as it came.

    Attributes:
        line: the status line.
        headers: the header fields, names in lower case, the values of those that repeat in order.
        framing: how the end of the body is told: `length`, `chunked`, `close` or `none`.
        body: the body, unpacked.
        interim: status lines that came before (100 Continue).
    """

    line: str
    headers: Mapping[str, tuple[str, ...]]
    framing: str
    body: bytes
    interim: tuple[str, ...] = ()

    def header(self, name: str) -> str:
        return ", ".join(self.headers.get(name, ()))


@dataclass
class RawConversation:
    """The answers on one connection. `kept`: whether a request after them is answered too."""

    answers: list[RawAnswer] = field(default_factory=list[RawAnswer])
    kept: bool = False


class RawServer:
    """Connects as the administrator of a kubeconfig, with or without their certificate."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        address = config["clusters"][0]["cluster"]["server"].removeprefix("https://")
        host, _, port = address.rpartition(":")
        self.host, self.port = host, int(port)
        self._context = client_context(config)

    def converse(self, sent: bytes, methods: tuple[str, ...] = ("GET",)) -> RawConversation:
        """Send bytes, read one answer for each method, then ask once more on the same connection.

        `methods`: those of the requests, as HEAD has no body. A server that closes early ends the reading.
        """
        found = RawConversation()
        with contextlib.closing(self._connect()) as connection:
            reader = _Reader(connection)
            # A server may answer and close before it has read everything.
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                connection.sendall(sent.replace(b"$host", f"{self.host}:{self.port}".encode()))
            for method in methods:
                answer = reader.answer(method)
                if answer is None:
                    return found
                found.answers.append(answer)
                if answer.framing == "close":
                    return found
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                connection.sendall(b"GET /livez/ping HTTP/1.1\r\nHost: last\r\n\r\n")
                found.kept = reader.answer("GET") is not None
        return found

    def _connect(self) -> ssl.SSLSocket:
        raw = socket.create_connection((self.host, self.port), timeout=_PATIENCE)
        return self._context.wrap_socket(raw)


class _Reader:
    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._connection = connection
        self._buffer = b""

    def answer(self, method: str) -> RawAnswer | None:
        """The next answer, None when there is none."""
        interim: list[str] = []
        while True:
            head = self._until(b"\r\n\r\n")
            if not head:
                return None
            line, *fields = head.decode("latin-1").split("\r\n")
            code = int(line.split(" ")[1])
            if code != 100:
                break
            interim.append(line)
        headers: dict[str, tuple[str, ...]] = {}
        for each in fields:
            name, _, value = each.partition(":")
            name = name.lower()
            headers[name] = (*headers.get(name, ()), value.strip())
        framing, body = self._body(method, code, headers)
        if headers.get("content-encoding") == ("gzip",):
            body = zlib.decompress(body, 31)
        return RawAnswer(line, headers, framing, body, tuple(interim))

    def _body(self, method: str, code: int, headers: Mapping[str, tuple[str, ...]]) -> tuple[str, bytes]:
        chunked = headers.get("transfer-encoding") == ("chunked",)
        length = headers.get("content-length")
        if method == "HEAD" or code in _BODILESS:
            return "chunked" if chunked else "length" if length else "none", b""
        if chunked:
            body = b""
            while size := int(self._until(b"\r\n") or b"0", 16):
                body += self._exactly(size)
                self._until(b"\r\n")
            self._until(b"\r\n")
            return "chunked", body
        if length:
            return "length", self._exactly(int(length[0]))
        while self._more():
            pass
        body, self._buffer = self._buffer, b""
        return "close", body

    def _more(self) -> bool:
        try:
            data = self._connection.recv(65536)
        except (ConnectionError, ssl.SSLError):
            return False
        self._buffer += data
        return bool(data)

    def _until(self, mark: bytes) -> bytes:
        """What comes before a mark; empty when the connection ends without one."""
        while mark not in self._buffer:
            if not self._more():
                return b""
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size and self._more():
            pass
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found
