"""What reading and writing verbs share: the exchange, the defaults, and how arguments become requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

import msgspec

from reconcile.client.addressing import Query, key_of, object_path
from reconcile.client.discovery import Discovery
from reconcile.client.exchange import Exchange
from reconcile.client.options import RetryOptions
from reconcile.client.seams import WriteGuard, WriteObserver
from reconcile.client.transport import Transport, TransportRequest
from reconcile.errors import ConfigurationError
from reconcile.objects.codecs import Codec, codec_for
from reconcile.objects.identity import GroupVersionKind, ObjectKey, ResourceType
from reconcile.objects.kinds import MetadataOnly, resource_type_of
from reconcile.runtime import Runtime

Key: TypeAlias = ObjectKey | str

# Subresources whose body is the object itself; every other has a kind of its own.
OWN_KIND_SUBRESOURCES = ("", "status", "ephemeralcontainers", "resize", "approval", "finalize")

_ONE_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_LIST_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Verbs:
    """The common ground of `Client`'s verbs."""

    def __init__(
        self,
        transport: Transport,
        runtime: Runtime,
        *,
        field_manager: str,
        user_agent: str,
        observers: Sequence[WriteObserver],
        guard: WriteGuard | None,
        default_timeout: float | None,
        retries: RetryOptions,
        on_warning: Callable[[str], None] | None,
    ) -> None:
        self.runtime = runtime
        self.field_manager = field_manager
        self._exchange = Exchange(
            transport, runtime, retries=retries, guard=guard, observers=observers, on_warning=on_warning
        )
        self._timeout = default_timeout
        plain = {"accept": "application/json", "user-agent": user_agent}
        self._headers: Mapping[str, str] = plain
        self._one_metadata_headers: Mapping[str, str] = {**plain, "accept": f"{_ONE_METADATA},{_JSON}"}
        self._list_metadata_headers: Mapping[str, str] = {**plain, "accept": f"{_LIST_METADATA},{_JSON}"}
        self._write_headers = {
            name: {**plain, "content-type": content_type} for name, content_type in _CONTENT_TYPES.items()
        }
        self.discovery = Discovery(self._exchange, self._headers, timeout=default_timeout)
        self._exchange.observers.insert(0, self.discovery)

    async def resource_type(self, gvk: GroupVersionKind) -> ResourceType:
        """Where the server serves a kind; asked once by discovery and remembered.

        Raises `ConfigurationError`, naming the kind and what is served close to it, when the server does
        not serve it; asked again then, at most once in ten seconds.
        """
        return await self.discovery.resource_type(gvk)

    async def read_raw(self, path: str, query: Query = ()) -> bytes:
        """The body of a GET of any path of the server, such as `/version`; tried again as reads are."""
        return await self._exchange.read(self._get(path, query))

    async def _codec(self, kind: Any) -> Codec[Any]:
        if isinstance(kind, GroupVersionKind):
            return codec_for(await self.discovery.resource_type(kind))
        return codec_for(kind)

    async def _codec_of(self, obj: Any) -> Codec[Any]:
        """The codec of an object that is to be written."""
        if isinstance(obj, Mapping):
            plain = cast("Mapping[str, Any]", obj)
            api_version, kind = plain.get("apiVersion"), plain.get("kind")
            if not isinstance(api_version, str) or not isinstance(kind, str) or not kind:
                raise ConfigurationError("a plain object needs the fields apiVersion and kind")
            return codec_for(await self.discovery.resource_type(GroupVersionKind.of(api_version, kind)))
        resource_type_of(obj)
        return codec_for(cast("Any", type(obj)))

    def _get(
        self, path: str, query: Query = (), headers: Mapping[str, str] | None = None
    ) -> TransportRequest:
        return TransportRequest("GET", path, query, headers or self._headers, None, self._timeout)

    def _object_request(
        self, codec: Codec[Any], key: Key, namespace: str | None, subresource: str, query: Query
    ) -> TransportRequest:
        resource_type = codec.resource_type
        if subresource not in OWN_KIND_SUBRESOURCES:
            raise ConfigurationError(
                f"the subresource {subresource} of {resource_type.plural} has a kind of its own; "
                f'use client.subresource(kind, key, "{subresource}")'
            )
        path = object_path(resource_type, key_of(key, namespace, resource_type), subresource)
        return self._get(path, query, self._one_headers(codec.kind))

    def _one_headers(self, kind: Any) -> Mapping[str, str]:
        return self._one_metadata_headers if isinstance(kind, MetadataOnly) else self._headers

    def _list_headers(self, kind: Any) -> Mapping[str, str]:
        return self._list_metadata_headers if isinstance(kind, MetadataOnly) else self._headers


_JSON = "application/json"
_CONTENT_TYPES = {
    "object": _JSON,
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


def body_of(value: Any) -> bytes:
    """A patch or document as JSON: bytes and text as they are, everything else encoded."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    return msgspec.json.encode(plain_of(value))


def plain_of(value: Any) -> Any:
    """Plain JSON values of a struct, a Pydantic model or of what is plain already."""
    if hasattr(value, "__pydantic_validator__"):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    return msgspec.to_builtins(value) if isinstance(value, msgspec.Struct) else value
