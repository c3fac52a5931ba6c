"""Paths: which resource, object and subresource a path names."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

from reconcile.apiserver.registry import Registry
from reconcile.apiserver.resources import Resource


class Route(NamedTuple):
    """What a path names. `watch`: by the old form of watches, `/api/v1/watch/…`."""

    resource: Resource
    namespace: str
    name: str
    subresource: str
    watch: bool


class Unknown(NamedTuple):
    """A path of no resource.

    Attributes:
        in_group: of a group version that is served.
        without_kind: it ends after a verb, where a kind must be named.
    """

    in_group: bool
    without_kind: bool = False


def route(registry: Registry, path: str) -> Route | Unknown:
    """Find what a path below `/api` or `/apis` names."""
    # As Go's server does: decoded first, so that %2F parts a path too.
    parts = (unquote(path) if "%" in path else path).split("/")
    if parts and not parts[-1]:
        # One slash at the end is forgiven.
        parts.pop()
    # parts[0] is empty: paths begin with a slash.
    if len(parts) >= 3 and parts[1] == "api":
        group, version, rest = "", parts[2], parts[3:]
    elif len(parts) >= 4 and parts[1] == "apis":
        group, version, rest = parts[2], parts[3], parts[4:]
    else:
        return Unknown(False)
    if group == "" and version == "v1" and (at := _proxied(rest)):
        # What comes behind is the path of another server.
        rest = rest[: at + 1]
    if rest in (["watch"], ["proxy"]):
        return Unknown(False, True)
    watch = False
    if rest and rest[0] == "watch" and len(rest) > 1:
        watch, rest = True, rest[1:]
    found = _find(registry, group, version, rest)
    if found is None:
        return Unknown(_serves(registry, group, version))
    resource, namespace, name, subresource = found
    return Route(resource, namespace, name, subresource, watch)


def _proxied(rest: list[str]) -> int:
    """Where `proxy` stands in a path that is proxied; 0 for none."""
    at = 2 if rest[:1] == ["nodes"] else 4
    kinds = ("pods", "services")
    named = at == 2 or (rest[:1] == ["namespaces"] and rest[2:3] and rest[2] in kinds)
    return at if named and rest[at : at + 1] == ["proxy"] else 0


def _find(
    registry: Registry, group: str, version: str, rest: list[str]
) -> tuple[Resource, str, str, str] | None:
    if not rest or not all(rest):
        return None
    if rest[0] == "namespaces" and len(rest) > 2:
        # namespaces/NS/RESOURCE…, unless it is a subresource of the namespace itself.
        resource = registry.find(group, version, rest[2])
        if resource is not None and resource.type.namespaced:
            name = rest[3] if len(rest) > 3 else ""
            return resource, rest[1], name, "/".join(rest[4:])
    resource = registry.find(group, version, rest[0])
    if resource is None:
        return None
    if resource.type.namespaced:
        # All namespaces: the collection only.
        return (resource, "", "", "") if len(rest) == 1 else None
    return resource, "", rest[1] if len(rest) > 1 else "", "/".join(rest[2:])


def _serves(registry: Registry, group: str, version: str) -> bool:
    return any(
        resource.type.group == group and resource.type.version == version for resource in registry
    ) or any(resource.type.group == group for resource in registry)
