"""What is wrong with the URL of a webhook, in the words of Go's `net/url` and of upstream."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconcile.apiserver.field_errors import FieldError, go_quote, invalid, required

_FORM = "; desired format: https://host[/path]"
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*")
_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})(.{0,2})", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"%\x80-\U0010ffff]*")


@dataclass(frozen=True)
class _Url:
    scheme: str = ""
    user: str | None = None
    host: str = ""
    query: str = ""
    fragment: str = ""


class _Bad(ValueError):
    """The text is no URL; the message is Go's."""


def url_errors(field: str, text: str, *, https: bool = True) -> list[FieldError]:
    try:
        url = _parse(text)
    except _Bad as error:
        shown = f"parse {go_quote(text)}: {error}"
        return [required(field, f"url must be a valid URL: {shown}{_FORM}")]
    errors: list[FieldError] = []
    if https and url.scheme != "https":
        errors.append(invalid(field, url.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    if not url.host:
        errors.append(invalid(field, url.host, f"host must be specified{_FORM}"))
    if url.user is not None:
        errors.append(invalid(field, url.user, "user information is not permitted in the URL"))
    if url.fragment:
        errors.append(invalid(field, url.fragment, "fragments are not permitted in the URL"))
    if url.query:
        errors.append(invalid(field, url.query, "query parameters are not permitted in the URL"))
    return errors


def _parse(text: str) -> _Url:
    """As Go's `url.Parse`, as far as its parts and its errors are told apart here."""
    rest, _, fragment = text.partition("#")
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):
        raise _Bad("net/url: invalid control character in URL")
    _check_escapes(fragment)
    if rest.startswith(":"):
        raise _Bad("missing protocol scheme")
    scheme = ""
    head, colon, tail = rest.partition(":")
    if colon and _SCHEME.fullmatch(head):
        scheme, rest = head.lower(), tail
    rest, _, query = rest.partition("?")
    user: str | None = None
    host = ""
    if not rest.startswith("/"):
        if scheme:
            return _Url(scheme, fragment=fragment, query=query)
        if ":" in rest.partition("/")[0]:
            raise _Bad("first path segment in URL cannot contain colon")
    if rest.startswith("//") and not (not scheme and rest.startswith("///")):
        authority, slash, rest = rest[2:].partition("/")
        rest = slash + rest
        before, at, after = authority.rpartition("@")
        if at:
            user = before
        host = after if at else authority
        _check_host(host)
    _check_escapes(rest)
    return _Url(scheme, user, host, query, fragment)


def _check_host(host: str) -> None:
    _, colon, port = host.rpartition(":")
    if host.startswith("["):
        if "]" not in host:
            raise _Bad("missing ']' in host")
        _, colon, port = host.rpartition("]")
        colon, port = port[:1], port[1:]
        if colon and colon != ":":
            raise _Bad(f"invalid port {go_quote(colon + port)} after host")
    elif host.count(":") > 1:
        _, colon, port = host.partition(":")
    if colon and port and not (port.isascii() and port.isdigit()):
        raise _Bad(f"invalid port {go_quote(':' + port)} after host")
    for index, char in enumerate(host):
        if not _HOST.fullmatch(char):
            raise _Bad(f"invalid character {go_quote(host[index])} in host name")
    _check_escapes(host)


def _check_escapes(text: str) -> None:
    found = _ESCAPE.search(text)
    if found:
        raise _Bad(f"invalid URL escape {go_quote(found[0])}")
