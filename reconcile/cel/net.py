"""URLs and addresses as Go's `net/url` and `net/netip` read them."""

from __future__ import annotations

import ipaddress
import re
import string
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_UNRESERVED = frozenset((string.ascii_letters + string.digits + "-_.~").encode())
_IN_PATH = _UNRESERVED | frozenset(b"$&+,/:;=@")
_IN_HOST = _UNRESERVED | frozenset(b"!$&'()*+,;=:[]<>\"")
_IN_USER = _UNRESERVED | frozenset(b"$&+,;=")
_VALID_PATH = _IN_PATH | frozenset(b"!'()*[]%")
_USERINFO = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_PORT = re.compile(r"(?::[0-9]*)?")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")


class NetError(ValueError):
    """A text that is no URL or address; the words are Go's."""


@dataclass(slots=True)
class Url:
    """A parsed URL; the fields are Go's."""

    scheme: str = ""
    opaque: str = ""
    user: str | None = None
    host: str = ""
    path: str = ""
    raw_path: str = ""
    force_query: bool = False
    raw_query: str = ""
    fragment: str = ""
    omit_host: bool = False

    @property
    def hostname(self) -> str:
        return _split_host_port(self.host)[0]

    @property
    def port(self) -> str:
        return _split_host_port(self.host)[1]

    @property
    def escaped_path(self) -> str:
        if self.raw_path and all(byte in _VALID_PATH for byte in _bytes(self.raw_path)):
            return self.raw_path
        return "*" if self.path == "*" else _escape(self.path, _IN_PATH)

    def query(self) -> dict[str, list[str]]:
        """Parameters by name; those that cannot be decoded are left out."""
        found: dict[str, list[str]] = {}
        for part in self.raw_query.split("&"):
            if not part or ";" in part:
                continue
            name, _, value = part.partition("=")
            try:
                key, decoded = _unescape(name, plus=True), _unescape(value, plus=True)
            except NetError:
                continue
            found.setdefault(key, []).append(decoded)
        return found

    def __str__(self) -> str:
        text = f"{self.scheme}:" if self.scheme else ""
        if self.opaque:
            text += self.opaque
        else:
            named = bool(self.scheme or self.host or self.user is not None)
            if named and not (self.omit_host and not self.host and self.user is None):
                if self.host or self.path or self.user is not None:
                    text += "//"
                if self.user is not None:
                    text += f"{self.user}@"
                text += _escape(self.host, _IN_HOST)
            path = self.escaped_path
            if path and not path.startswith("/") and self.host:
                text += "/"
            if not text and ":" in path.partition("/")[0]:
                text += "./"
            text += path
        if self.force_query or self.raw_query:
            text += f"?{self.raw_query}"
        return f"{text}#{_escape(self.fragment, _IN_PATH | frozenset(b'?'))}" if self.fragment else text


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _escape(text: str, kept: frozenset[int]) -> str:
    return "".join(chr(byte) if byte in kept else f"%{byte:02X}" for byte in _bytes(text))


def _split_host_port(host: str) -> tuple[str, str]:
    colon = host.rfind(":")
    port = ""
    if colon != -1 and _PORT.fullmatch(host[colon:]):
        host, port = host[:colon], host[colon + 1 :]
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return host, port


_PERCENT = re.compile(r"%([0-9a-fA-F]{2})?")


def _unescape(text: str, *, host: bool = False, zone: bool = False, plus: bool = False) -> str:
    parts = bytearray()
    place = 0
    while place < len(text):
        char = text[place]
        if char == "%":
            match = _PERCENT.match(text, place)
            if match is None or match.group(1) is None:
                raise NetError(f'invalid URL escape "{text[place : place + 3]}"')
            byte = int(match.group(1), 16)
            wrong = host and byte < 0x80 and match.group() != "%25"
            if zone:
                wrong = match.group() != "%25" and byte != 0x20 and byte not in _IN_HOST
            if wrong:
                raise NetError(f'invalid URL escape "{match.group()}"')
            parts.append(byte)
            place += 3
            continue
        if (host or zone) and ord(char) < 0x80 and ord(char) not in _IN_HOST:
            raise NetError(f'invalid character "{char}" in host name')
        parts += b" " if plus and char == "+" else _bytes(char)
        place += 1
    return parts.decode("utf-8", "surrogateescape")


def parse_url(text: str, *, request: bool = False) -> Url:
    """`url.Parse`, or as for a request `url.ParseRequestURI`.

    Raises:
        NetError: it is none.
    """
    whole = text
    fragment = ""
    if not request:
        text, _, fragment = text.partition("#")
    try:
        url = _parse(text, request)
    except NetError as error:
        raise NetError(f'parse "{text}": {error}') from None
    if fragment:
        try:
            url.fragment = _unescape(fragment)
        except NetError as error:
            raise NetError(f'parse "{whole}": {error}') from None
    return url


def _parse(text: str, request: bool) -> Url:
    if any(byte < 0x20 or byte == 0x7F for byte in _bytes(text)):
        raise NetError("net/url: invalid control character in URL")
    if not text and request:
        raise NetError("empty url")
    if text == "*":
        return Url(path="*")
    if text.startswith(":"):
        raise NetError("missing protocol scheme")
    url, rest = Url(), text
    match = _SCHEME.match(text)
    if match is not None:
        url.scheme, rest = match.group(1).lower(), text[match.end() :]
    if rest.endswith("?") and rest.count("?") == 1:
        url.force_query, rest = True, rest[:-1]
    else:
        rest, _, url.raw_query = rest.partition("?")
    if not rest.startswith("/"):
        if url.scheme:
            url.opaque = rest
            return url
        if request:
            raise NetError("invalid URI for request")
        if ":" in rest.partition("/")[0]:
            raise NetError("first path segment in URL cannot contain colon")
    if (url.scheme or (not request and not rest.startswith("///"))) and rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        user, at, host = authority.rpartition("@")
        url.host = _host(url.scheme, host)
        if at:
            url.user = _user(user)
    elif url.scheme and rest.startswith("/"):
        url.omit_host = True
    url.path = _unescape(rest)
    url.raw_path = "" if rest == _escape(url.path, _IN_PATH) else rest
    return url


def _user(text: str) -> str:
    if not _USERINFO.fullmatch(text):
        raise NetError("net/url: invalid userinfo")
    name, colon, password = text.partition(":")
    decoded = _escape(_unescape(name), _IN_USER)
    return f"{decoded}:{_escape(_unescape(password), _IN_USER)}" if colon else decoded


def _host(scheme: str, host: str) -> str:
    bracket = host.rfind("[")
    if bracket > 0:
        raise NetError("invalid IP-literal")
    if bracket == 0:
        end = host.rfind("]")
        if end < 0:
            raise NetError("missing ']' in host")
        port, name = host[end + 1 :], host[1:end]
        if not _PORT.fullmatch(port):
            raise NetError(f'invalid port "{port}" after host')
        mark = name.find("%25")
        if mark >= 0:
            name = _unescape(name[:mark], host=True) + _unescape(name[mark:], zone=True)
        else:
            name = _unescape(name, host=True)
        try:
            address = parse_address(name, zones=True)
        except NetError as error:
            raise NetError(f"invalid host: {error}") from None
        if address.version == 4:
            raise NetError("invalid IP-literal")
        return f"[{name}]{port}"
    colon = host.find(":")
    if colon != -1:
        if scheme not in ("http", "https"):
            colon = host.rfind(":")
        if not _PORT.fullmatch(host[colon:]):
            raise NetError(f'invalid port "{host[colon:]}" after host')
    return _unescape(host, host=True)


def parse_address(text: str, *, zones: bool = False) -> Address:
    """`netip.ParseAddr`; with Kubernetes' limits unless zones are allowed: no zone, no IPv4 inside IPv6.

    Raises:
        NetError: it is none.
    """
    plain, percent, zone = text.partition("%")
    try:
        if percent and (not zone or ":" not in plain):
            raise ValueError("zone")
        address = ipaddress.ip_address(plain)
    except ValueError:
        raise NetError(f'ParseAddr("{text}"): unable to parse IP') from None
    if not zones:
        if percent:
            raise NetError(f'IP address "{text}" with zone value is not allowed')
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            raise NetError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return address


@dataclass(frozen=True, slots=True)
class Prefix:
    """A network as it was written: its address may have bits beyond the prefix."""

    address: Address
    bits: int

    def masked(self) -> Prefix:
        network = ipaddress.ip_network((self.address, self.bits), strict=False)
        return Prefix(network.network_address, self.bits)

    def contains(self, address: Address) -> bool:
        return address.version == self.address.version and address in ipaddress.ip_network(
            (self.address, self.bits), strict=False
        )

    def holds(self, other: Prefix) -> bool:
        return self.bits <= other.bits and self.contains(other.address)

    def __str__(self) -> str:
        return f"{self.address}/{self.bits}"


def parse_prefix(text: str) -> Prefix:
    """`netip.ParsePrefix` with Kubernetes' limits: no IPv4 inside IPv6.

    Raises:
        NetError: it is none.
    """

    def wrong(what: str) -> NetError:
        return NetError(
            f'network address parse error during conversion from string: netip.ParsePrefix("{text}"): {what}'
        )

    address, slash, bits = text.rpartition("/")
    if not slash:
        raise wrong("no '/'")
    try:
        parsed = parse_address(address, zones=True)
    except NetError as error:
        raise wrong(str(error)) from None
    if "%" in address:
        raise wrong("IPv6 zones cannot be present in a prefix")
    if not re.fullmatch(r"0|[1-9][0-9]*", bits, re.ASCII):
        raise wrong(f'bad bits after slash: "{bits}"')
    if int(bits) > parsed.max_prefixlen:
        raise wrong("prefix length out of range")
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        raise NetError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return Prefix(parsed, int(bits))
