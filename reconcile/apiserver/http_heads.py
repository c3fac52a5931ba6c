"""The head of a request as Go's net/http reads it: what it takes, and what it refuses in which words.

Bytes to a `Head`, or a `Refusal` with which the connection ends. `net/http` (server.go, request.go,
transfer.go), `net/textproto` and `net/url` have the rules.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

# `http.Server.MaxHeaderBytes` as kube-apiserver sets it, and what Go reads beyond it.
MAX_HEAD: Final = 1024 * 1024 + 4096

# Of these upstream takes a list, one member a field; of all others the first field counts.
_LISTS: Final = frozenset(("connection", "x-stream-protocol-version", "sec-websocket-protocol"))

_token: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII).fullmatch
_name: Final = re.compile(r"[\w!#$%&'*+.^`|~ -]+", re.ASCII).fullmatch
_value: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*").fullmatch
_host: Final = re.compile(r"[\w!$%&()*+,\-.:;=\['\]~]*", re.ASCII).fullmatch
_version: Final = re.compile(r"HTTP/([0-9])\.([0-9])").fullmatch
_scheme: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL).fullmatch
_user: Final = re.compile(r"[\w.:~!$&'()*+,;=%@-]*", re.ASCII).fullmatch
_port: Final = re.compile(r"(?::[0-9]*)?").fullmatch
_escapes: Final = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*", re.DOTALL).fullmatch
_host_text: Final = re.compile(
    r"(?:[\w!$&'()*+,;=:\[\]<>\".~\x80-\xff-]|%[89A-Fa-f][0-9A-Fa-f])*", re.ASCII
).fullmatch
_beyond: Final = re.compile(r"[^\x21-\x7e]")
_MAX_LENGTH: Final = 2**63 - 1


class Refusal(Exception):
    """The connection ends with this status line and text."""

    def __init__(self, line: str = "400 Bad Request", text: str = "") -> None:
        super().__init__(line)
        self.line = line
        self.text = text or line

    def __bytes__(self) -> bytes:
        head = f"HTTP/1.1 {self.line}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
        return f"{head}{self.text}".encode()


class Head(NamedTuple):
    """A request without its body.

    Attributes:
        method: the method.
        target: path and query; what Go takes out of an absolute target. Not ASCII is escaped.
        fields: the header fields, names in lower case; the first of those that repeat.
        length: bytes of the body; -1: it comes in chunks.
        pairs: the header fields one by one; empty where each came once.
        old: of HTTP/1.0.
        last: the connection ends with the answer.
        held: of HTTP/1.0, and the connection is to be kept.
        expects: the client waits with its body for an invitation.
        unmet: the client expects what there is not.
    """

    method: str
    target: str
    fields: dict[str, str]
    length: int
    pairs: tuple[tuple[str, str], ...] = ()
    old: bool = False
    last: bool = False
    held: bool = False
    expects: bool = False
    unmet: bool = False


def end_of_head(buffer: bytearray, begin: int = 0) -> int:
    """Where the body begins; 0 while the head is not whole. `begin`: what was looked through before."""
    at = max(0, begin - 3)
    ends = (buffer.find(mark, at) for mark in (b"\n\r\n", b"\n\n"))
    found = [at + size for at, size in zip(ends, (3, 2), strict=True) if at >= 0]
    return min(found, default=0)


def check_line(raw: bytes) -> None:
    """Raise Refusal for a first line that begins no request, of which no more need be awaited."""
    _request_line(raw.decode("latin-1").removesuffix("\r"))


def read_head(raw: bytes) -> Head:
    """The head of a request; `raw` ends with the line feed before the empty line. Raises Refusal."""
    first, *rest = raw.decode("latin-1").removesuffix("\n").split("\n")
    method, target, major, minor = _request_line(first.removesuffix("\r"))
    pairs = _read_fields(rest)
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name not in fields:
            fields[name] = value
        elif name in _LISTS:
            fields[name] = f"{fields[name]}, {value}"
    hosts = [value for name, value in pairs if name == "host"]
    if len(hosts) > 1:
        raise Refusal
    modern = (major, minor) >= (1, 1)
    length = _length(pairs, modern)
    if major != 1 and (method, target, major, minor) != ("PRI", "*", 2, 0):
        raise Refusal("505 HTTP Version Not Supported: unsupported protocol version")
    if modern and not hosts and method != "CONNECT":
        raise Refusal("400 Bad Request: missing required Host header")
    if hosts and not _host(hosts[0]):
        raise Refusal("400 Bad Request: malformed Host header")
    if any(" " in name for name, _ in pairs):
        raise Refusal("400 Bad Request: invalid header name")
    connection = {each.strip(" \t").lower() for each in fields.get("connection", "").split(",")}
    expected = fields.get("expect", "")
    invited = "100-continue" in {each.lower() for each in re.split(r"[ ,\t]", expected)}
    return Head(
        method,
        _beyond.sub(lambda found: f"%{ord(found[0]):02X}", target),
        fields,
        length,
        tuple(pairs) if len(fields) < len(pairs) else (),
        old=not modern,
        last="close" in connection or not (modern or "keep-alive" in connection),
        held=not modern and "keep-alive" in connection,
        expects=invited and modern and length != 0,
        unmet=bool(expected) and not invited,
    )


def _request_line(line: str) -> tuple[str, str, int, int]:
    """Method, path with query, and version."""
    method, _, rest = line.partition(" ")
    target, _, version = rest.partition(" ")
    spoken = _version(version)
    if not _token(method) or spoken is None:
        raise Refusal
    if method == "CONNECT" and not target.startswith("/"):
        target = f"http://{target}"
    return method, _path(target), int(spoken[1]), int(spoken[2])


def _path(target: str) -> str:
    """Path and query of a target, as `url.ParseRequestURI` finds them."""
    if not target or any(char < " " or char == "\x7f" for char in target):
        raise Refusal
    if target == "*":
        return target
    if target[0] == ":":
        raise Refusal
    rest, scheme = target, ""
    if (found := _scheme(target)) is not None:
        scheme, rest = found[1].lower(), found[2]
    path, mark, query = rest.partition("?")
    if not path.startswith("/"):
        if not scheme:
            raise Refusal
        # Opaque, as a mail's address: it has no path.
        return mark + query
    if scheme and path.startswith("//"):
        authority, slash, path = path[2:].partition("/")
        _check_authority(scheme, authority)
        path = slash + path
    if not _escapes(path):
        raise Refusal
    return path + mark + query


def _check_authority(scheme: str, authority: str) -> None:
    user, at, host = authority.rpartition("@")
    if at and not (_user(user) and _escapes(user)):
        raise Refusal
    if "[" in host:
        import ipaddress

        address, bracket, port = host[1:].rpartition("]")
        try:
            literal = ipaddress.ip_address(address.partition("%25")[0])
        except ValueError:
            raise Refusal from None
        if host[0] != "[" or not bracket or literal.version == 4 or not _port(port):
            raise Refusal
        return
    if ":" in host:
        at_port = host.index(":") if scheme in ("http", "https") else host.rindex(":")
        if not _port(host[at_port:]):
            raise Refusal
    if not _host_text(host):
        raise Refusal


def _read_fields(lines: list[str]) -> list[tuple[str, str]]:
    """Header fields, names in lower case; what a line folds into the next is one value."""
    pairs: list[tuple[str, str]] = []
    joined: list[str] = []
    for line in lines:
        line = line.removesuffix("\r")
        if line[:1] in (" ", "\t") and line:
            if not joined:
                raise Refusal
            joined[-1] = f"{joined[-1]} {line.strip(' ' + chr(9))}"
        else:
            if ":" not in line:
                raise Refusal
            joined.append(line.strip(" \t"))
    for line in joined:
        name, _, value = line.partition(":")
        if not _name(name) or not _value(value):
            raise Refusal
        # What is no name is refused later, under the name that it has.
        pairs.append((name if " " in name else name.lower(), value.lstrip(" \t")))
    return pairs


def _length(pairs: list[tuple[str, str]], modern: bool) -> int:
    """How long the body is, -1 for one in chunks."""
    encodings = [value for name, value in pairs if name == "transfer-encoding"]
    chunked = modern and bool(encodings)
    if chunked and (len(encodings) > 1 or encodings[0].lower() != "chunked"):
        raise Refusal("501 Not Implemented", "Unsupported transfer encoding")
    lengths = {value.strip(" \t") for name, value in pairs if name == "content-length"}
    if len(lengths) > 1:
        raise Refusal
    length = 0
    for text in lengths:
        if not text.isascii() or not text.isdigit() or len(text) > 40 or int(text) > _MAX_LENGTH:
            raise Refusal
        length = int(text)
    if not chunked:
        return length
    for name, value in pairs:
        if name == "trailer" and any(
            each.strip(" \t").lower() in ("transfer-encoding", "trailer", "content-length")
            for each in value.split(",")
        ):
            raise Refusal
    return -1
