"""What a server behind an APIService serves, in the form of aggregated discovery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from reconcile.apiserver.aggregation.remote import Remote
from reconcile.apiserver.interfaces import JSONObject


@dataclass(frozen=True, slots=True)
class Discovered:
    """The resources of one group version.

    Attributes:
        resources: as aggregated discovery lists them.
        current: whether the server said so when it was last asked.
    """

    resources: list[JSONObject]
    current: bool


def groups_of(document: Any) -> dict[tuple[str, str], list[JSONObject]]:
    """The resources of each group version of an APIGroupDiscoveryList."""
    found: dict[tuple[str, str], list[JSONObject]] = {}
    if not isinstance(document, dict):
        return found
    for group in cast("JSONObject", document).get("items") or ():
        name = (group.get("metadata") or {}).get("name") or ""
        for version in group.get("versions") or ():
            found[name, version.get("version") or ""] = version.get("resources") or []
    return found


def entries_of(document: Any, remote: Remote) -> list[JSONObject]:
    """The resources of an APIResourceList; its subresources are below their parents."""
    found: dict[str, JSONObject] = {}
    if not isinstance(document, dict):
        return []
    for entry in cast("JSONObject", document).get("resources") or ():
        plural, slash, sub = entry["name"].partition("/")
        kind = {
            "group": entry.get("group") or remote.group,
            "version": entry.get("version") or remote.version,
            "kind": entry.get("kind") or "",
        }
        verbs = entry.get("verbs") or []
        if slash:
            parent = found.setdefault(plural, {"resource": plural})
            parent.setdefault("subresources", []).append(
                {"subresource": sub, "responseKind": kind, "verbs": verbs}
            )
            continue
        made: JSONObject = {
            "resource": plural,
            "responseKind": kind,
            "scope": "Namespaced" if entry.get("namespaced") else "Cluster",
            "singularResource": entry.get("singularName") or "",
            "verbs": verbs,
        }
        for field in ("shortNames", "categories"):
            if entry.get(field):
                made[field] = entry[field]
        found[plural] = {**made, **found.get(plural, {})}
    return list(found.values())
