"""The order of groups and their versions in discovery: by the priorities of their APIServices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from reconcile.apiserver.data import data
from reconcile.apiserver.interfaces import JSONObject

if TYPE_CHECKING:
    from reconcile.apiserver.aggregation.remote import Remote

Groups = dict[str, dict[str, list[JSONObject]]]
# Those of custom kinds.
_GROUP_PRIORITY: Final = 1000
_VERSION_PRIORITY: Final = 100
_ALWAYS_FIRST: Final = "apiregistration.k8s.io"


def version_priority(version: str) -> tuple[int, int, int, str]:
    """Sorts versions as Kubernetes prefers them: v2, v1, v1beta1, v1alpha1, others by name."""
    match = re.fullmatch(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?", version)
    if match is None:
        return (3, 0, 0, version)
    stage = {None: 0, "beta": 1, "alpha": 2}[match[2]]
    return (stage, -int(match[1]), -int(match[3] or 0), version)


def in_order(
    groups: Groups, custom: set[str], remotes: Mapping[tuple[str, str], Remote]
) -> tuple[Groups, list[str]]:
    """The groups in the order of `/apis`, and their names in that of the aggregated document.

    `groups` has this server's own first, in their order; `custom` are those of custom kinds alone, and
    `remotes` what other servers serve, which is added.
    """
    if not custom and not remotes:
        return groups, list(groups)
    own = [name for name in groups if name not in custom]
    if not remotes:
        # The server's own come before all custom ones: their numbers need not be known.
        first = {name: (0, min(f"{version}.{name}" for version in groups[name])) for name in custom}
        names = [*own, *sorted(custom, key=lambda name: first[name])]
        return {name: groups[name] for name in names}, [*own, *sorted(custom)]
    numbers = _own_numbers()
    for name in custom:
        for version in groups[name]:
            numbers.setdefault((name, version), (_GROUP_PRIORITY, _VERSION_PRIORITY))
    for key, remote in remotes.items():
        numbers[key] = (remote.group_priority, remote.version_priority)
        groups.setdefault(key[0], {})[key[1]] = []
    for name, versions in groups.items():
        if any((name, version) in remotes for version in versions):
            groups[name] = {
                version: versions[version]
                for version in sorted(
                    versions,
                    key=lambda version: (-numbers.get((name, version), (0, 0))[1], version_priority(version)),
                )
            }
    ranks = {
        name: max(numbers.get((name, version), (0, 0))[0] for version in groups[name]) for name in groups
    }
    fixed = [name for name in ("", _ALWAYS_FIRST) if name in groups]
    others = [name for name in groups if name not in fixed]

    def by_service(name: str) -> tuple[int, str]:
        services = [
            f"{version}.{name}"
            for version in groups[name]
            if numbers.get((name, version), (0, 0))[0] == ranks[name]
        ]
        return -ranks[name], min(services)

    listed = [*fixed, *sorted(others, key=by_service)]
    by_name = [*fixed, *sorted(others, key=lambda name: (-ranks[name], name))]
    return {name: groups[name] for name in listed}, by_name


def _own_numbers() -> dict[tuple[str, str], tuple[int, int]]:
    """The priorities of this server's own group versions."""
    objects: dict[str, list[dict[str, Any]]] = msgspec.json.decode(data("", "published.json.gz"))
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for each in objects["apiservices.apiregistration.k8s.io"]:
        spec = each["spec"]
        key = (spec.get("group") or "", spec["version"])
        found[key] = (spec["groupPriorityMinimum"], spec["versionPriority"])
    return found
