"""`/openapi/v2` and `/openapi/v3`: the built-in kinds' documents, and those of custom resources."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from reconcile.apiserver.discovery import openapi_v3_protobuf, published
from reconcile.apiserver.discovery.custom_schemas import list_schema, published_v2, published_v3
from reconcile.apiserver.discovery.openapi_protobuf import CONTENT_TYPE, NAMES, encode_document
from reconcile.apiserver.handlers.messages import Request, Response
from reconcile.apiserver.interfaces import JSONObject, SchemaSource
from reconcile.apiserver.registry import Registry
from reconcile.apiserver.resources import Resource

_JSON = "application/json"
_V2_TYPES = (_JSON, *NAMES)
_V3_TYPES = (_JSON, *openapi_v3_protobuf.NAMES)
# As Go's encoder writes them into the documents of version 3.
_ESCAPED = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))


class OpenAPI:
    """The OpenAPI documents of a registry."""

    def __init__(
        self, registry: Registry, schemas: SchemaSource, now: Callable[[], datetime] | None = None
    ) -> None:
        """`now`: the wall clock, for the time from which on documents are as they are; None: none is told."""
        self._registry = registry
        self._now = now or (lambda: None)
        self._modified: datetime | None = None
        self._schemas = schemas
        self._generation = -1
        self._documents: dict[str, tuple[bytes, str]] = {}

    def answer(self, request: Request) -> Response | None:
        path = request.path
        if path != "/openapi/v2" and not path.startswith("/openapi/v3"):
            return None
        self._forget_older()
        accept = request.headers.get("accept", "")
        if path == "/openapi/v2":
            vary = "Accept-Encoding, Accept"
            media = published.chosen(accept, _V2_TYPES)
            if media is None:
                return published.not_acceptable(vary)
            body, etag = self._document("v2")
            if media != _JSON:
                media, body = CONTENT_TYPE, self._document("v2 protobuf")[0]
            return published.document(
                request, body, media=media, etag=etag, modified=self._modified, vary=vary
            )
        if path == "/openapi/v3":
            body = self._document("index")[0]
            media = "text/plain; charset=utf-8"
            return published.document(request, body, media=media, modified=self._now())
        name = path[len("/openapi/v3/") :]
        if name not in self._names():
            return Response(404, {"cache-control": "no-cache, private"})
        media = published.chosen(accept, _V3_TYPES)
        if media is None:
            return published.not_acceptable("Accept")
        return self._one(request, name, media)

    def _one(self, request: Request, name: str, media: str) -> Response:
        """The document of one group version; whoever names it by its hash may keep it for good."""
        etag = self._digest(name)
        wanted = dict(request.query).get("hash")
        if wanted is not None and wanted != etag:
            return published.moved(f"/openapi/v3/{name}?hash={etag}", etag)
        body = self._document(name)[0]
        if media != _JSON:
            media = openapi_v3_protobuf.CONTENT_TYPE
            body = self._document(f"protobuf {name}")[0]
        # It is not packed on its way, on a real server either.
        headers = {"content-length": str(len(body))} if "range" not in request.headers else {}
        if wanted is not None:
            headers |= published.forever(self._now())
        return published.document(
            request, body, media=media, etag=etag, modified=self._modified, vary="Accept", headers=headers
        )

    def v3(self, path: str) -> bytes | None:
        """The document of `api/v1`, `apis/apps/v1`, …; None where nothing of it is served."""
        self._forget_older()
        return self._document(path)[0] if path in self._names() else None

    def _forget_older(self) -> None:
        if self._generation != self._registry.generation:
            self._generation = self._registry.generation
            self._documents = {}
            self._modified = self._now()

    def _custom(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self._registry:
            if resource.custom:
                found.setdefault(f"apis/{resource.type.api_version}", []).append(resource)
        return found

    def _names(self) -> list[str]:
        return [*self._schemas.openapi_v3_groups(), *self._custom()]

    def _document(self, name: str) -> tuple[bytes, str]:
        found = self._documents.get(name)
        if found is None:
            if name == "index":
                body = self._index()
            elif name == "v2":
                body = self._v2()
            elif name == "v2 protobuf":
                body = encode_document(msgspec.json.decode(self._document("v2")[0]))
            elif name.startswith("protobuf "):
                document = msgspec.json.decode(self._document(name[len("protobuf ") :])[0])
                body = openapi_v3_protobuf.encode_document(document)
            else:
                if name in self._schemas.openapi_v3_groups():
                    body = self._schemas.openapi_v3(name)
                else:
                    body = msgspec.json.encode(_v3(self._custom()[name], self._schemas))
                for character, escape in _ESCAPED:
                    body = body.replace(character, escape)
            found = self._documents[name] = (body, hashlib.sha512(body).hexdigest().upper())
        return found

    def _index(self) -> bytes:
        paths = {
            name: {"serverRelativeURL": f"/openapi/v3/{name}?hash={self._digest(name)}"}
            for name in self._names()
        }
        return msgspec.json.encode({"paths": paths})

    def _digest(self, name: str) -> str:
        """What stands for a group version's document as it is."""
        if name in self._schemas.openapi_v3_groups():
            # A built-in document never changes in one release: its name stands for it.
            return hashlib.sha512(name.encode()).hexdigest().upper()
        return self._document(name)[1]

    def _v2(self) -> bytes:
        raw = self._schemas.openapi_v2()
        custom = [resource for resource in self._registry if resource.custom]
        if not custom:
            return raw
        document: dict[str, Any] = msgspec.json.decode(raw)
        for resource in custom:
            name = _schema_name(resource)
            document["definitions"][name] = published_v2(resource)
            document["definitions"][f"{name}List"] = list_schema(resource, name, v2=True)
            document["paths"].update(_paths(resource, "#/definitions/", v2=True))
        return msgspec.json.encode(document)


def _schema_name(resource: Resource) -> str:
    """`com.example.v1.Database`: the group's labels turned round."""
    kind = resource.type
    return ".".join([*reversed(kind.group.split(".")), kind.version, kind.kind])


def _v3(resources: list[Resource], schemas: SchemaSource) -> JSONObject:
    components: JSONObject = {}
    paths: JSONObject = {}
    for resource in resources:
        name = _schema_name(resource)
        components[name] = published_v3(resource)
        components[f"{name}List"] = list_schema(resource, name, v2=False)
        paths.update(_paths(resource, "#/components/schemas/", v2=False))
    shared: JSONObject = msgspec.json.decode(schemas.openapi_v3("api/v1"))["components"]["schemas"]
    _add_references(components, shared)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"},
        "paths": paths,
        "components": {"schemas": components},
    }


def _add_references(components: JSONObject, shared: JSONObject) -> None:
    """Add the shared schemas that are referred to, and those that these refer to."""
    marker = b'"#/components/schemas/'
    todo = list(components.values())
    while todo:
        raw = msgspec.json.encode(todo.pop())
        for piece in raw.split(marker)[1:]:
            name = piece.partition(b'"')[0].decode()
            if name not in components and name in shared:
                components[name] = shared[name]
                todo.append(shared[name])


_WRITES = ("dryRun", "fieldManager", "fieldValidation")
_OPERATIONS = {
    "collection": (("get", "list", ()), ("post", "post", _WRITES), ("delete", "deletecollection", ())),
    "object": (
        ("get", "get", ()),
        ("put", "put", _WRITES),
        ("delete", "delete", ("dryRun",)),
        ("patch", "patch", (*_WRITES, "force")),
    ),
    "subresource": (("get", "get", ()), ("put", "put", _WRITES), ("patch", "patch", (*_WRITES, "force"))),
}


def _paths(resource: Resource, prefix: str, *, v2: bool) -> JSONObject:
    kind = resource.type
    namespace = "{namespace}" if kind.namespaced else ""
    collection = kind.path(namespace)
    one = kind.path(namespace, "{name}")
    found = {
        collection: _operations(resource, "collection", prefix, v2),
        one: _operations(resource, "object", prefix, v2),
    }
    for name in resource.subresources:
        found[f"{one}/{name}"] = _operations(resource, "subresource", prefix, v2)
    return found


def _operations(resource: Resource, of: str, prefix: str, v2: bool) -> JSONObject:
    kind = resource.type
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    reference = {"$ref": f"{prefix}{_schema_name(resource)}"}
    response: JSONObject = {"description": "OK"}
    if v2:
        response["schema"] = reference
    else:
        response["content"] = {"application/json": {"schema": reference}}
    found: JSONObject = {}
    for method, action, parameters in _OPERATIONS[of]:
        taken = [_parameter(name, v2) for name in parameters]
        found[method] = {
            "description": f"{action} {kind.kind}",
            "operationId": f"{action}{kind.group.replace('.', '')}{kind.version}{kind.kind}{of}",
            # As of all that Go writes, there is no empty list of them.
            **({"parameters": taken} if taken else {}),
            "responses": {"200": response},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": gvk,
        }
    return found


def _parameter(name: str, v2: bool) -> JSONObject:
    type_name = "boolean" if name == "force" else "string"
    if v2:
        return {"name": name, "in": "query", "type": type_name, "uniqueItems": True}
    return {"name": name, "in": "query", "schema": {"type": type_name, "uniqueItems": True}}
