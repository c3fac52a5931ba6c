"""The few facts about an object that code needs whatever form the object has.

    gvk_of, key_of, uid_of, metadata_of

Forms: a generated struct, a CustomResource (or another model with `metadata`), a plain dict,
`ObjectMetadata`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from reconcile.errors import ConfigurationError
from reconcile.objects.identity import GroupVersionKind, ObjectKey, ResourceType
from reconcile.objects.meta import ObjectMeta
from reconcile.objects.metadata import ObjectMetadata


def gvk_of(obj: Any) -> GroupVersionKind:
    """Group, version and kind of an object.

    Raises:
        ConfigurationError: the object does not say; a plain dict needs `apiVersion` and `kind`.
    """
    cls = cast("type[Any]", type(obj))
    if isinstance(obj, dict):
        plain = cast("dict[str, Any]", obj)
        api_version, kind = plain.get("apiVersion"), plain.get("kind")
    elif isinstance(obj, ObjectMetadata):
        api_version, kind = obj.api_version, obj.kind
    else:
        resource: object = getattr(cls, "__resource_type__", None)
        if not isinstance(resource, ResourceType):
            raise ConfigurationError(f"{cls.__name__} is not a kind: it has no __resource_type__")
        return resource.gvk
    if not isinstance(api_version, str) or not isinstance(kind, str) or not api_version or not kind:
        raise ConfigurationError(f"the object {key_of(obj)} does not say its apiVersion and kind")
    return GroupVersionKind.of(api_version, kind)


def metadata_of(obj: Any) -> ObjectMeta | ObjectMetadata | dict[str, Any]:
    """The object's own metadata: changing it changes the object (`ObjectMetadata` cannot be changed).

    A plain dict without metadata is given one.
    """
    if isinstance(obj, ObjectMetadata):
        return obj
    if isinstance(obj, dict):
        return cast("dict[str, Any]", obj).setdefault("metadata", {})
    found: object = getattr(obj, "metadata", None)
    if isinstance(found, ObjectMeta | ObjectMetadata):
        return found
    if isinstance(found, dict):
        return cast("dict[str, Any]", found)
    raise ConfigurationError(
        f"{type(obj).__name__} is not an object: it has no metadata of the types ObjectMeta or dict"
    )


def key_of(obj: Any) -> ObjectKey:
    """Namespace and name of an object; the namespace of a cluster-scoped object is empty."""
    metadata = _read(obj)
    if isinstance(metadata, Mapping):
        return ObjectKey(str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))
    return ObjectKey(metadata.namespace or "", metadata.name or "")


def uid_of(obj: Any) -> str:
    """The uid of an object; empty for one that is not created yet."""
    return _text(obj, "uid")


def resource_version_of(obj: Any) -> str:
    """The resource version of an object; empty for one that is not created yet."""
    metadata = _read(obj)
    if isinstance(metadata, Mapping):
        return str(metadata.get("resourceVersion") or "")
    return metadata.resource_version


def deleting(obj: Any) -> bool:
    """Whether the object's deletion has begun and waits for finalizers or a grace period."""
    metadata = _read(obj)
    if isinstance(metadata, Mapping):
        return metadata.get("deletionTimestamp") is not None
    return metadata.deletion_timestamp is not None


def _text(obj: Any, field: str) -> str:
    metadata = _read(obj)
    found: Any = metadata.get(field) if isinstance(metadata, Mapping) else getattr(metadata, field)
    return str(found or "")


def _read(obj: Any) -> ObjectMeta | ObjectMetadata | Mapping[str, Any]:
    """The metadata to be read alone: a plain object without any stays as it is."""
    metadata: object = getattr(obj, "metadata", None)
    if isinstance(metadata, ObjectMeta | ObjectMetadata):
        return metadata
    if isinstance(obj, Mapping):
        return cast("Mapping[str, Any]", obj).get("metadata") or {}
    return metadata_of(obj)
