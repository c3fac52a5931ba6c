"""Kubernetes' URLs: url(), isURL(), and the parts of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconcile.cel import types
from reconcile.cel.declarations import Function, Overload
from reconcile.cel.failure import Failure
from reconcile.cel.net import NetError, Url, parse_url
from reconcile.cel.types import BOOL, STRING, URL, Type
from reconcile.cel.values import ListValue, MapValue, Opaque


def declarations() -> list[Function]:
    query = types.map_of(STRING, types.list_of(STRING))
    return [
        Function("url", [Overload("string_to_url", (STRING,), URL, _url)]),
        _part("getScheme", "url_get_scheme", STRING, lambda url: url.scheme),
        _part("getHost", "url_get_host", STRING, lambda url: url.host),
        _part("getHostname", "url_get_hostname", STRING, lambda url: url.hostname),
        _part("getPort", "url_get_port", STRING, lambda url: url.port),
        _part("getEscapedPath", "url_get_escaped_path", STRING, lambda url: url.escaped_path),
        _part("getQuery", "url_get_query", query, _query),
        Function("isURL", [Overload("is_url_string", (STRING,), BOOL, _is_url)]),
    ]


def _part(name: str, id: str, result: Type, read: Callable[[Url], Any]) -> Function:
    def run(value: Opaque) -> Any:
        return read(parse_url(value.text))

    return Function(name, [Overload(id, (URL,), result, run, True)])


def _url(text: str) -> Opaque:
    try:
        parse_url(text, request=True)
        url = parse_url(text)
    except NetError as error:
        raise Failure(f"URL parse error during conversion from string: {error}") from None
    return Opaque(URL, str(url), text)


def _query(url: Url) -> MapValue:
    return MapValue.of([(name, ListValue(values)) for name, values in url.query().items()])


def _is_url(text: str) -> bool:
    try:
        parse_url(text, request=True)
    except NetError:
        return False
    return True
