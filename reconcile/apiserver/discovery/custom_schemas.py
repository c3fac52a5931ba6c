"""The OpenAPI schemas of custom kinds, as apiextensions-apiserver publishes them.

pkg/controller/openapi/builder and pkg/controller/openapi/v2: version 2 leaves out what kubectl's validation
cannot read, and says of a kind that keeps unknown fields nothing but that it is an object.
"""

from __future__ import annotations

from typing import Any, Final, cast

from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.resources import Resource

META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1"
_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED: Final = "x-kubernetes-embedded-resource"
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_V2, _V3 = "#/definitions/", "#/components/schemas/"


def published_v2(resource: Resource) -> JSONObject:
    """What `/openapi/v2` says of the kind."""
    schema = _schema_of(resource)
    if schema is None or schema.get(_PRESERVE):
        return {"type": "object", **_kind(resource)}
    return {**_with_meta(_embedded(_as_v2(schema), _V2), _V2), **_kind(resource)}


def published_v3(resource: Resource) -> JSONObject:
    """What `/openapi/v3` says of the kind."""
    schema = _schema_of(resource)
    if schema is None:
        return {"type": "object", **_kind(resource)}
    return {**_with_meta(_embedded(_unfolded(schema), _V3), _V3), **_kind(resource)}


def list_schema(resource: Resource, name: str, *, v2: bool) -> JSONObject:
    """The list of a kind whose schema is published as `name`."""
    kind = resource.type
    prefix = _V2 if v2 else _V3
    description = f"List of {kind.plural}. More info: {_DOCS}"
    return {
        "description": f"{resource.list_kind} is a list of {kind.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"description": _API_VERSION, "type": "string"},
            "kind": {"description": _KIND, "type": "string"},
            "metadata": _reference(f"{prefix}{META}.ListMeta", _LIST_METADATA, prefix),
            "items": {"description": description, "type": "array", "items": {"$ref": f"{prefix}{name}"}},
        },
        **_kind(resource, resource.list_kind),
    }


def _schema_of(resource: Resource) -> JSONObject | None:
    """The `openAPIV3Schema` of a custom resource."""
    return getattr(resource.schema, "schema", None)


def _kind(resource: Resource, name: str = "") -> JSONObject:
    kind = resource.type
    gvk = {"group": kind.group, "kind": name or kind.kind, "version": kind.version}
    found: JSONObject = {"x-kubernetes-group-version-kind": [gvk]}
    if resource.strategy.selectable:
        found["x-kubernetes-selectable-fields"] = [
            {"fieldPath": path.removeprefix(".")} for path in resource.strategy.selectable
        ]
    return found


def _reference(target: str, description: str, prefix: str) -> JSONObject:
    if prefix == _V2:
        return {"description": description, "$ref": target}
    return {"description": description, "allOf": [{"$ref": target}]}


def _with_meta(schema: JSONObject, prefix: str) -> JSONObject:
    properties: JSONObject = dict(schema.get("properties") or {})
    properties["apiVersion"] = {"type": "string", "description": _API_VERSION}
    properties["kind"] = {"type": "string", "description": _KIND}
    properties["metadata"] = _reference(f"{prefix}{META}.ObjectMeta", _METADATA, prefix)
    return {**schema, "properties": properties}


def _parts(schema: JSONObject, change: Any) -> JSONObject:
    """The schema with its inner structural schemas changed."""
    made = dict(schema)
    properties = schema.get("properties")
    if properties is not None:
        made["properties"] = {name: change(inner) for name, inner in properties.items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            made[key] = change(schema[key])
    return made


def _embedded(schema: JSONObject, prefix: str) -> JSONObject:
    """Objects of other kinds inside say what every object has, and that they must."""
    made = _parts(schema, lambda inner: _embedded(inner, prefix))
    if not made.get(_EMBEDDED) or (prefix == _V2 and made.get(_PRESERVE)):
        return made
    made = _with_meta(made, prefix)
    made["properties"]["apiVersion"]["description"] = _EMBEDDED_API_VERSION
    made["properties"]["kind"]["description"] = _EMBEDDED_KIND
    names = cast("list[str]", made.get("required") or [])
    made["required"] = [*names, *(name for name in ("kind", "apiVersion") if name not in names)]
    return made


_NUMBER_OR_TEXT: Final = [{"type": "integer"}, {"type": "string"}]


def _unfolded(schema: JSONObject) -> JSONObject:
    """What `x-kubernetes-int-or-string` means, in words of OpenAPI."""
    made = _parts(schema, _unfolded)
    if not made.get(_INT_OR_STRING):
        return made
    first: JSONObject = (made.get("allOf") or [{}])[0]
    if _NUMBER_OR_TEXT not in (made.get("anyOf"), first.get("anyOf")):
        if "anyOf" in made:
            made["allOf"] = [{"anyOf": _NUMBER_OR_TEXT}, *(made.get("allOf") or ())]
        else:
            made["anyOf"] = _NUMBER_OR_TEXT
    return made


_ONLY_V3: Final = ("allOf", "oneOf", "anyOf", "not", "default")


def _as_v2(schema: JSONObject) -> JSONObject:
    """Without what Swagger 2 cannot say and kubectl cannot read."""
    properties: JSONObject = schema.get("properties") or {}
    made = {key: value for key, value in schema.items() if key not in _ONLY_V3}
    if made.pop("nullable", False):
        for key in ("type", "items", "properties"):
            made.pop(key, None)
    if made.get(_PRESERVE):
        made.pop("items", None)
        made.pop("properties", None)
        if made.get("type") == "object":
            del made["type"]
    if made.get("type") == "array" and "items" not in made:
        del made["type"]
    if "properties" in made and made.get("required"):
        # What may be null may be absent, for who does not know null.
        names = [name for name in made["required"] if not (properties.get(name) or {}).get("nullable")]
        made["required"] = names
        if not names:
            del made["required"]
    additional = made.get("additionalProperties")
    if isinstance(additional, dict) and cast("JSONObject", additional).get("nullable"):
        made.pop("required", None)
    return _parts(made, _as_v2)


_DOCS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_API_VERSION = (
    "APIVersion defines the versioned schema of this representation of an object. Servers should convert "
    "recognized schemas to the latest internal value, and may reject unrecognized values. More info: "
    f"{_DOCS}#resources"
)
_KIND = (
    "Kind is a string value representing the REST resource this object represents. Servers may infer this "
    "from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: "
    f"{_DOCS}#types-kinds"
)
_METADATA = f"Standard object's metadata. More info: {_DOCS}#metadata"
_LIST_METADATA = f"Standard list metadata. More info: {_DOCS}#types-kinds"
_EMBEDDED_API_VERSION = (
    "apiVersion defines the versioned schema of this representation of an object. More info: "
    f"{_DOCS}#resources"
)
_EMBEDDED_KIND = (
    "kind is a string value representing the type of this object. In CamelCase. More info: "
    f"{_DOCS}#types-kinds"
)
