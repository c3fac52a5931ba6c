"""One call to a webhook: where it is, what is sent, and what an answer that is none means."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from inspect import isawaitable
from posixpath import normpath
from typing import Any
from urllib.parse import urlsplit

import msgspec

from reconcile.apiserver.admission.webhooks.network import NetworkDialer
from reconcile.apiserver.admission.webhooks.options import (
    Dialer,
    DialError,
    Review,
    ReviewHandler,
    WebhookAnswer,
    WebhookCall,
    WebhookOptions,
)
from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.handlers.bodies import go_json_error
from reconcile.apiserver.interfaces import Access, JSONObject

_TEXTS = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    409: "the server reported a conflict",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: (
        "the server was unable to return a response in the time allotted, but may still be processing the "
        "request"
    ),
}

_KNOWN = frozenset(
    (f"{group}/{version}", kind)
    for group, kind in (("admission.k8s.io", "AdmissionReview"), ("apiextensions.k8s.io", "ConversionReview"))
    for version in ("v1", "v1beta1")
)


class CallError(Exception):
    """A webhook could not be asked, or did not answer with what was asked for."""


class Caller:
    """Calls webhooks by their `clientConfig`. Belongs to one server; `close` when it stops."""

    def __init__(self, options: WebhookOptions, access: Access) -> None:
        self._handlers = options.handlers
        self._services = options.services
        self._dialer: Dialer = options.dialer or NetworkDialer()
        self._access = access

    async def close(self) -> None:
        await self._dialer.close()

    async def ask(self, config: Mapping[str, Any], review: Review, timeout: float) -> Review:
        """The review that comes back. `timeout` in seconds. Raises CallError."""
        query = f"?timeout={_seconds(timeout)}"
        service = config.get("service")
        if service:
            port = service.get("port") or 443
            name = f"{service['name']}.{service['namespace']}.svc"
            host, path = f"{name}:{port}", service.get("path") or "/"
            key = f"https://{name}{'' if port == 443 else f':{port}'}{path}"
            server_name = name
            url = f"https://{host}{_cleaned(path)}{query}"
        else:
            parts = urlsplit(config.get("url") or "")
            host = parts.netloc if parts.port else f"{parts.netloc}:443"
            path = parts.path
            key = f"{parts.scheme}://{parts.netloc.removesuffix(':443')}{path}"
            server_name = parts.hostname or ""
            url = f"{parts.scheme}://{parts.netloc}{_cleaned(path)}{query}"
        try:
            async with asyncio.timeout(timeout):
                handler = self._handlers.get(key)
                if handler is not None:
                    return _registered(await _handled(handler, review))
                address = self._resolve(service) if service else host
                ca_bundle = base64.b64decode(config.get("caBundle") or "")
                body = msgspec.json.encode(review)
                call = WebhookCall(url, address, server_name, ca_bundle, body)
                return _registered(_review(await self._dialer.post(call)))
        except TimeoutError:
            raise CallError(f"Post {go_quote(url)}: context deadline exceeded") from None
        except DialError as error:
            raise CallError(f"Post {go_quote(url)}: {error}") from None

    def _resolve(self, service: JSONObject) -> str:
        """The address of a service: as told, or of one of its ready endpoints. Raises DialError."""
        told = self._services.get(f"{service['namespace']}/{service['name']}")
        if told is not None:
            return told
        return endpoint_of(service, self._access)


def endpoint_of(service: JSONObject, access: Access) -> str:
    """The address of a ready endpoint of a service (`namespace`, `name`, `port`). Raises DialError."""
    namespace, name, port = service["namespace"], service["name"], service.get("port") or 443
    found = access.read("services", namespace, name)
    if found is None:
        raise DialError(f"service {go_quote(name)} not found")
    if found["spec"].get("type") == "ExternalName":
        return f"{found['spec']['externalName']}:{port}"
    ports = [each for each in found["spec"].get("ports") or () if each.get("port") == port]
    if not ports:
        raise DialError(f"no service port {port} found for service {go_quote(name)}")
    wanted = ports[0].get("name") or ""
    for piece in access.read_all("endpointslices.discovery.k8s.io", namespace):
        labels: JSONObject = piece["metadata"].get("labels") or {}
        if labels.get("kubernetes.io/service-name") != name:
            continue
        numbers = [each["port"] for each in piece.get("ports") or () if (each.get("name") or "") == wanted]
        for endpoint in piece.get("endpoints") or ():
            ready = (endpoint.get("conditions") or {}).get("ready") is not False
            if numbers and ready and endpoint.get("addresses"):
                return f"{endpoint['addresses'][0]}:{numbers[0]}"
    raise DialError(f"no endpoints available for service {go_quote(name)}")


def _cleaned(path: str) -> str:
    """Without empty parts, dots and a slash at the end, as the client in kube-apiserver joins it."""
    return normpath("/" + path.lstrip("/"))


def _seconds(timeout: float) -> str:
    whole = int(timeout) + (timeout > int(timeout))
    minutes, seconds = divmod(whole, 60)
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def _review(answer: WebhookAnswer) -> Review:
    """The object of an answer. Raises CallError."""
    if not 200 <= answer.status <= 206:
        raise CallError(_refusal(answer))
    if not answer.body:
        raise CallError(
            f"0-length response with status code: {answer.status} and content type: {answer.content_type}"
        )
    try:
        found = json.loads(answer.body)
    except ValueError:
        problem = go_json_error(answer.body)
        raise CallError(f"couldn't get version/kind; json parse error: {problem}") from None
    if not isinstance(found, dict):
        kind = {list: "array", str: "string", bool: "bool"}.get(type(found), "number")
        raise CallError(
            f"couldn't get version/kind; json parse error: json: cannot unmarshal {kind} into Go value of "
            'type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string '
            '"json:\\"kind,omitempty\\"" }'
        )
    return found


async def _handled(handler: ReviewHandler, review: Review) -> Review:
    """What a function answers, as bytes would have carried it. Raises CallError."""
    try:
        found = handler(json.loads(json.dumps(review)))
        made = await found if isawaitable(found) else found
        return json.loads(json.dumps(made))
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        raise CallError(
            f"an error on the server ({go_quote(text)}) has prevented the request from succeeding"
        ) from error


def _registered(review: Review) -> Review:
    """The review, when it is of a kind that is known. Raises CallError."""
    version, kind = review.get("apiVersion") or "", review.get("kind") or ""
    if version and kind and (version, kind) not in _KNOWN:
        raise CallError(
            f"no kind {go_quote(kind)} is registered for version {go_quote(version)} in scheme "
            '"pkg/runtime/scheme.go:111"'
        )
    return review


def _refusal(answer: WebhookAnswer) -> str:
    """What the client says of an answer with an error status."""
    try:
        found = json.loads(answer.body)
        if isinstance(found, dict) and found.get("kind") == "Status" and found.get("status") == "Failure":
            return str(found.get("message") or "unknown")
    except ValueError:
        pass
    media = answer.content_type.partition(";")[0].strip().lower()
    is_text = not media or media.startswith("text/")
    message = answer.body.decode(errors="replace").strip() if is_text else "unknown"
    if answer.status in (403, 406, 415):
        return message
    known = _TEXTS.get(answer.status)
    if known is not None:
        return known
    if answer.status >= 500:
        return f"an error on the server ({go_quote(message)}) has prevented the request from succeeding"
    return f"the server responded with the status code {answer.status} but did not return more information"
