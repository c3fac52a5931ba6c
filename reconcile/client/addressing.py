"""Where a request goes: keys, URL paths and query parameters. Pure.

A name that is missing or is no path segment is refused here: a DELETE of an object whose name turned out
empty would otherwise be a DELETE of its whole collection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias, cast
from urllib.parse import quote

from reconcile.errors import ConfigurationError
from reconcile.objects.identity import ObjectKey, ResourceType

Query: TypeAlias = tuple[tuple[str, str], ...]

_PLAIN = re.compile(r"[A-Za-z0-9._~:@-]+").fullmatch


def key_of(key: ObjectKey | str, namespace: str | None, resource_type: ResourceType) -> ObjectKey:
    """The full key of one object; raises `ConfigurationError` when namespace or name is missing."""
    if isinstance(key, str):
        key = ObjectKey.parse(key)
    if namespace is not None and namespace != key.namespace:
        key = ObjectKey(namespace, key.name)
    if resource_type.namespaced:
        if not key.namespace:
            raise ConfigurationError(
                f"{resource_type.kind} {key.name!r} lives in a namespace: "
                f'give it as "namespace/{key.name or "name"}" or by namespace='
            )
    elif key.namespace:
        # A key copied from an owned object may carry a namespace that means nothing here.
        key = ObjectKey("", key.name)
    if not key.name:
        raise ConfigurationError(f"a {resource_type.kind} was asked for without a name")
    return key


def object_path(resource_type: ResourceType, key: ObjectKey, subresource: str = "") -> str:
    """The encoded URL path of an object or of its subresource."""
    return resource_type.path(segment(key.namespace), segment(key.name), subresource)


def collection_path(resource_type: ResourceType, namespace: str | None) -> str:
    """The encoded URL path of all objects, or of those in one namespace."""
    if namespace and resource_type.namespaced:
        return resource_type.path(segment(namespace))
    return resource_type.path()


def segment(text: str) -> str:
    """One encoded segment of a path. Raises `ConfigurationError` for what the server takes for no name."""
    if not text or (_PLAIN(text) and text not in (".", "..")):
        return text
    if text in (".", "..") or "/" in text or "%" in text:
        raise ConfigurationError(f'{text!r} cannot be a name: "." and "..", "/" and "%" are not allowed')
    return quote(text, safe=":@")


def label_text(selector: Any) -> str:
    """A label selector as the server reads it: a string as it is, a mapping of equalities, or an object."""
    if isinstance(selector, Mapping):
        pairs = cast("Mapping[str, str]", selector)
        return ",".join(f"{key}={value}" for key, value in pairs.items())
    return _text(selector, "labels")


def field_text(selector: Any) -> str:
    """A field selector as the server reads it; values of a mapping are escaped."""
    if isinstance(selector, Mapping):
        pairs = cast("Mapping[str, str]", selector)
        return ",".join(f"{path}={_escaped(str(value))}" for path, value in pairs.items())
    return _text(selector, "fields")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def _text(selector: Any, name: str) -> str:
    if selector is None:
        return ""
    if isinstance(selector, str):
        return selector
    if type(selector).__str__ is object.__str__:
        raise ConfigurationError(f"{name}= takes a string, a mapping or a selector, not {selector!r}")
    return str(selector)


def selection(
    *,
    labels: Any = None,
    fields: Any = None,
    limit: int | None = None,
    continue_: str | None = None,
    resource_version: str | None = None,
    resource_version_match: str | None = None,
) -> Query:
    """The query parameters of a list."""
    query: list[tuple[str, str]] = []
    if labels and (text := label_text(labels)):
        query.append(("labelSelector", text))
    if fields and (text := field_text(fields)):
        query.append(("fieldSelector", text))
    if limit:
        query.append(("limit", str(limit)))
    if continue_:
        query.append(("continue", continue_))
    if resource_version is not None:
        query.append(("resourceVersion", resource_version))
    if resource_version_match:
        query.append(("resourceVersionMatch", resource_version_match))
    return tuple(query)


def write_options(
    *,
    field_manager: str | None = None,
    field_validation: str | None = None,
    dry_run: bool = False,
    force: bool | None = None,
) -> Query:
    """The query parameters of a create, update, patch or apply."""
    query: list[tuple[str, str]] = []
    if field_manager:
        query.append(("fieldManager", field_manager))
    if field_validation:
        query.append(("fieldValidation", field_validation))
    if dry_run:
        query.append(("dryRun", "All"))
    if force is not None:
        query.append(("force", "true" if force else "false"))
    return tuple(query)


def server_timeout(seconds: float) -> str:
    """The value of the query parameter `timeout`, by which a server bounds its work on one request.

    >>> server_timeout(4.5)
    '4500ms'
    """
    return f"{max(1, int(seconds * 1000))}ms"
