"""`pods/proxy`, `services/proxy`, `nodes/proxy`: HTTP to what serves a port, as upstream proxies it.

name (`scheme:name:port`) ──▶ which pod and port, or node ──▶ connection ──▶ request, answer rewritten
"""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import logging
import posixpath
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast
from urllib.parse import quote, unquote, urlencode

from reconcile.apiserver import status
from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.handlers.messages import Request, Response
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.kubelet.backend import Connection, Kubelet, Unreachable
from reconcile.apiserver.kubelet.http_exchange import BadAnswerError, Exchange, Head
from reconcile.apiserver.kubelet.locating import node_place
from reconcile.apiserver.kubelet.rewriting import Rewriting
from reconcile.apiserver.kubelet.sessions import Takeover
from reconcile.apiserver.kubelet.spdy_connection import Pipe

_log = logging.getLogger(__name__)
JSONObject = dict[str, Any]

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_KINDS: Final = {"pods": "Pod", "services": "Service", "nodes": "Node"}
# A connection's own header fields, which end with it.
_HOP: Final = frozenset((
    "connection", "proxy-connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te",
    "trailer", "transfer-encoding", "upgrade",
))  # fmt: skip
_CORS: Final = frozenset(
    f"access-control-allow-{name}" for name in ("credentials", "headers", "methods", "origin")
)
# Pages longer than this are handed on as they are.
_PAGE: Final = 8 * 1024 * 1024
_SAFE: Final = "$&+,/:;=@-_.~"


@dataclass(frozen=True, slots=True)
class Target:
    """What is proxied to.

    Attributes:
        host: its host and port, as a URL has them.
        serve: serves one connection to it.
    """

    host: str
    serve: Callable[[Connection], Awaitable[None]]

    @property
    def refused(self) -> str:
        return f"dial tcp {self.host}: connect: connection refused"


def subpath(path: str) -> str | None:
    """What a path names behind `…/proxy`, decoded, with its slash: empty for nothing; None: no such path."""
    parts = (unquote(path) if "%" in path else path).strip("/").split("/")
    at = 4 if parts[:2] == ["api", "v1"] and parts[2:3] == ["nodes"] else 6
    if len(parts) <= at or parts[at] != "proxy":
        return None
    rest = "/".join(parts[at + 1 :])
    found = f"/{rest}" if rest and not rest.startswith("/") else rest
    return f"{found}/" if path.endswith("/") and not found.endswith("/") else found


def options_object(context: RequestContext, path: str) -> JSONObject:
    """The request's options as the object that admission sees."""
    kind = _KINDS[context.resource.type.plural]
    return {"kind": f"{kind}ProxyOptions", "apiVersion": "v1", "path": path}


async def answer_proxy(kubelet: Kubelet, request: Request, context: RequestContext, path: str) -> Response:
    """The answer to a request that admission has agreed to."""
    find = {"pods": _pod_target, "services": _service_target, "nodes": _node_target}
    target = find[context.resource.type.plural](kubelet, context)
    decoded = unquote(request.path)
    raw_query = request.raw_query or urlencode(request.query)
    query = f"?{raw_query}" if raw_query else ""
    upgrade = "upgrade" in request.headers.get("connection", "").lower()
    if not upgrade and not path and request.method in ("GET", "HEAD"):
        location = quote(decoded, safe=_SAFE) + "/" + query
        return Response(301, {"location": location, "cache-control": "no-cache, private"})
    path = _clean(path) if path else ""
    # An empty path is no target of a request.
    asked = f"{quote(path or '/', safe=_SAFE)}{query}"
    if upgrade:
        return await _upgraded(request, target, asked)
    prefix = decoded.removesuffix(path) if path else decoded
    forwarded = _clean(f"{prefix}/{path or '/'}")
    headers = [
        (name, value) for name, value in request.headers.items() if name not in _HOP | {"authorization"}
    ]
    headers = [
        each for each in headers if each[0] not in ("content-length", "x-forwarded-for", "x-forwarded-uri")
    ]
    headers += _forwarded_for(request)
    headers += [("x-forwarded-uri", quote(forwarded, safe=_SAFE)), ("connection", "close")]
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        headers.append(("content-length", str(len(request.body))))
    exchange = Exchange(target.serve)
    try:
        await exchange.ask(request.method, asked, headers, request.body)
        head = await exchange.head()
        rewriting = Rewriting(prefix, target.host, request.headers.get("host", ""))
        return await _answer(exchange, head, rewriting)
    except BaseException as error:
        await exchange.close()
        if isinstance(error, status.StatusError) or not isinstance(error, Exception):
            raise
        raise _unavailable(error, target) from None


def _clean(path: str) -> str:
    """A path without `.`, `..` and empty parts; a slash at its end stays."""
    found = posixpath.normpath(f"/{path.lstrip('/')}")
    return f"{found}/" if path.endswith("/") and found != "/" else found


def _forwarded_for(request: Request) -> list[tuple[str, str]]:
    before = request.headers.get("x-forwarded-for", "")
    hops = ", ".join(filter(None, (before, request.remote)))
    return [("x-forwarded-for", hops)] if hops else []


def _unavailable(error: Exception, target: Target) -> status.StatusError:
    """503 with the reason for which nothing came back."""
    if isinstance(error, Unreachable):
        reason = target.refused
    elif isinstance(error, BadAnswerError):
        reason = str(error)
    else:
        _log.error("proxying to %s failed: %s", target.host, error)
        reason = f"{type(error).__name__}: {error}"
    return status.service_unavailable(f"error trying to reach service: {reason}")


async def _answer(exchange: Exchange, head: Head, rewriting: Rewriting) -> Response:
    kept = [(name, value) for name, value in head.headers if name not in _HOP | _CORS]
    headers = {name: value for name, value in kept if name != "set-cookie"}
    cookies = tuple(each for each in kept if each[0] == "set-cookie")
    if "location" in headers:
        headers["location"] = rewriting.url(headers["location"])
    length = head.get("content-length")
    media = headers.get("content-type", "").partition(";")[0].strip()
    encoding = headers.get("content-encoding", "")
    bodyless = length == "0" or head.status in (204, 304)
    if "location" not in headers and media == "text/html" and encoding in ("", "gzip") and not bodyless:
        parts = _Body(exchange, head)
        held = b""
        async for part in parts:
            held += part
            if len(held) > _PAGE:
                headers.pop("content-length", None)
                return Response(
                    head.status, headers, stream=_Body(exchange, head, held, parts), repeated=cookies
                )
        raw = gzip.decompress(held) if encoding else held
        page = rewriting.page(raw.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        body = gzip.compress(page) if encoding else page
        headers["content-length"] = str(len(body))
        return Response(head.status, headers, body, repeated=cookies)
    if bodyless:
        await exchange.close()
        return Response(head.status, headers, repeated=cookies)
    headers.pop("content-length", None)
    return Response(
        head.status,
        headers,
        stream=_Body(exchange, head),
        repeated=cookies,
        length=int(length) if length.isdecimal() else None,
    )


class _Body:
    """The body of an answer as it comes; the connection ends with it."""

    def __init__(
        self, exchange: Exchange, head: Head, held: bytes = b"", rest: AsyncIterator[bytes] | None = None
    ) -> None:
        self._exchange = exchange
        self._parts = self._all(held, rest or aiter(exchange.body(head)))

    async def _all(self, held: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            if held:
                yield held
            async for part in rest:
                yield part
        finally:
            await self._exchange.close()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._parts

    async def __anext__(self) -> bytes:
        return await anext(self._parts)

    def close(self) -> None:
        """The reader is gone; its task ends the connection with it."""


async def _upgraded(request: Request, target: Target, asked: str) -> Response:
    headers = [(name, value) for name, value in request.headers.items() if name != "x-forwarded-for"]
    exchange = Exchange(target.serve)
    try:
        await exchange.ask(request.method, asked, [*headers, *_forwarded_for(request)], request.body)
        head = await exchange.head()
        if head.status != 101:
            if head.status < 400:
                raise status.StatusError(f"invalid upgrade response: status code {head.status}", code=500)
            return await _answer(exchange, head, Rewriting("", target.host, ""))
    except BaseException as error:
        await exchange.close()
        if isinstance(error, status.StatusError) or not isinstance(error, Exception):
            raise
        reason = target.refused if isinstance(error, Unreachable) else str(error)
        raise status.StatusError(f"error dialing backend: {reason}", code=500) from None

    async def run(pipe: Pipe) -> None:
        async def there() -> None:
            while data := await pipe.read():
                await exchange.send(data)

        async def back() -> None:
            async for part in exchange.rest():
                await pipe.write(part)

        tasks = [asyncio.ensure_future(there()), asyncio.ensure_future(back())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await exchange.close()

    return Response(101, takeover=Takeover(dict(head.headers), run))


def _parts(name: str, kind: str) -> tuple[str, str, str]:
    """Scheme, name and port of `name`, `name:port` or `scheme:name:port`. Raises 400."""
    parts = name.split(":")
    if len(parts) <= 2:
        parts = ["", *parts] if len(parts) == 2 else ["", *parts, ""]
    if len(parts) != 3 or not parts[1] or parts[0] not in ("", "http", "https"):
        raise status.bad_request(f"invalid {kind} request {go_quote(name)}")
    return parts[0], parts[1], parts[2]


def _allowed(address: str) -> None:
    """Raises 400 for an address that is none of a network's."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        ip = None
    if ip is None or ip.is_loopback or ip.is_multicast or ip.is_link_local or ip.is_unspecified:
        raise status.bad_request("address not allowed")


def _host(address: str, port: str) -> str:
    shown = f"[{address}]" if ":" in address else address
    return f"{shown}:{port}" if port else shown


def _pod_target(kubelet: Kubelet, context: RequestContext) -> Target:
    _, name, port = _parts(context.name, "pod")
    pod = context.access.read("pods", context.namespace, name)
    if pod is None:
        raise status.not_found("", "pods", name)
    if not port:
        ports = (each["ports"][0] for each in pod["spec"].get("containers") or [] if each.get("ports"))
        port = str(next(ports, {}).get("containerPort", ""))
    found: JSONObject = pod.get("status") or {}
    address = found.get("podIP") or ""
    _allowed(address)
    return _to_pod(kubelet, pod, address, port)


def _to_pod(kubelet: Kubelet, pod: JSONObject, address: str, port: str) -> Target:
    # As of a URL: without a port it is that of its scheme.
    number = int(port) if port.isdecimal() else 80
    if port and (not port.isdecimal() or number > 65535):
        raise status.service_unavailable(
            f"error trying to reach service: dial tcp: lookup tcp/{port}: unknown port"
            if not port.isdecimal()
            else f"error trying to reach service: dial tcp: address {port}: invalid port"
        )
    return Target(_host(address, port or "80"), partial(kubelet.port_forward, pod, number))


def _service_target(kubelet: Kubelet, context: RequestContext) -> Target:
    _, name, port = _parts(context.name, "service")
    access, namespace = context.access, context.namespace
    if port.isdecimal():
        service = access.read("services", namespace, name)
        if service is None:
            raise status.not_found("", "services", name)
        named = [
            each.get("name") or "" for each in service["spec"].get("ports") or [] if each["port"] == int(port)
        ]
        if not named:
            raise status.service_unavailable(
                f"no service port {int(port)} found for service {go_quote(name)}"
            )
        port = named[0]
    endpoints = access.read("endpoints", namespace, name)
    if endpoints is None:
        # So says upstream too: what is proxied are services.
        raise status.not_found("", "services", name)
    subsets = cast("list[JSONObject]", endpoints.get("subsets") or [])
    if not subsets:
        raise status.service_unavailable(f"no endpoints available for service {go_quote(name)}")
    for subset in subsets:
        for each in subset.get("ports") or []:
            if (each.get("name") or "") != port:
                continue
            for address in subset.get("addresses") or []:
                pod = _pod_at(address, context)
                if pod is not None:
                    return _to_pod(kubelet, pod, address["ip"], str(each["port"]))
    raise status.service_unavailable(f"no endpoints available for service {go_quote(context.name)}")


def _pod_at(address: JSONObject, context: RequestContext) -> JSONObject | None:
    """The pod that an endpoint's address is of; None where it is of none, which is not proxied to."""
    reference: JSONObject = address.get("targetRef") or {}
    if reference.get("namespace") != context.namespace:
        return None
    pod = context.access.read("pods", context.namespace, reference.get("name") or "")
    found: JSONObject = (pod or {}).get("status") or {}
    addresses = [each["ip"] for each in found.get("podIPs") or []]
    return pod if address["ip"] in addresses else None


def _node_target(kubelet: Kubelet, context: RequestContext) -> Target:
    _, name, port = _parts(context.name, "node")
    node = context.access.read("nodes", "", name)
    if node is None:
        raise status.not_found("", "nodes", name)
    place = node_place(node)
    try:
        ipaddress.ip_address(place.host)
    except ValueError:
        pass
    else:
        _allowed(place.host)
    number = int(port) if port.isdecimal() else place.port
    return Target(_host(place.host, str(number)), partial(kubelet.node_port, node, number))
