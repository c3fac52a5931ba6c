"""Policy rules: what one allows, what a set of them covers, and how they are written in messages.

A `Rule` is one entry of a role's `rules`. The meaning is that of `pkg/apis/rbac/v1/evaluation_helpers.go` and
of `component-helpers/auth/rbac/validation` in Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconcile.apiserver.access.attributes import Attributes
from reconcile.apiserver.field_errors import go_quote


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of a role's `rules`; `*` is a wildcard in all but `names`.

    Attributes:
        verbs: the verbs.
        groups: API groups, the core group as an empty text.
        resources: `pods`, `pods/status`, `*/scale`.
        names: of objects; none for all, also those that a request does not name.
        paths: of URLs that are no resources; a `*` at the end stands for any rest.
    """

    verbs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def allows(self, asked: Attributes) -> bool:
        if "*" not in self.verbs and asked.verb not in self.verbs:
            return False
        if not asked.is_resource:
            return any(_path_covers(path, asked.path) for path in self.paths)
        if "*" not in self.groups and asked.group not in self.groups:
            return False
        if self.names and asked.name not in self.names:
            return False
        if not asked.subresource:
            return "*" in self.resources or asked.resource in self.resources
        wanted = f"{asked.resource}/{asked.subresource}", f"*/{asked.subresource}"
        return any(resource == "*" or resource in wanted for resource in self.resources)

    def to_json(self) -> dict[str, list[str]]:
        found = {
            "verbs": self.verbs,
            "apiGroups": self.groups,
            "resources": self.resources,
            "resourceNames": self.names,
            "nonResourceURLs": self.paths,
        }
        return {key: list(values) for key, values in found.items() if values}

    def __str__(self) -> str:
        """As messages of upstream show a rule."""
        parts = (
            ("APIGroups", self.groups),
            ("Resources", self.resources),
            ("NonResourceURLs", self.paths),
            ("ResourceNames", self.names),
            ("Verbs", self.verbs),
        )
        return f"{{{', '.join(f'{name}:{go_list(values)}' for name, values in parts if values)}}}"


ALL_RESOURCES = Rule(("*",), ("*",), ("*",))
ALL_PATHS = Rule(("*",), paths=("*",))


def rules_of(role: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The rules of a Role or ClusterRole."""
    return tuple(parse_rule(rule) for rule in role.get("rules") or ())


def parse_rule(rule: Mapping[str, Any]) -> Rule:
    return Rule(
        tuple(rule.get("verbs") or ()),
        tuple(rule.get("apiGroups") or ()),
        tuple(rule.get("resources") or ()),
        tuple(rule.get("resourceNames") or ()),
        tuple(rule.get("nonResourceURLs") or ()),
    )


def go_list(values: Iterable[str]) -> str:
    """Texts as Go's %q shows a slice of them.

    >>> go_list(["get", "list"])
    '["get" "list"]'
    """
    return f"[{' '.join(go_quote(value) for value in values)}]"


def uncovered(held: Sequence[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """What of `wanted` is not in `held`, in the smallest pieces: one verb of one resource (or path)."""
    pieces = (piece for rule in wanted for piece in _pieces(rule))
    return [piece for piece in pieces if not any(_covers(own, piece) for own in held)]


def compact(pieces: Iterable[Rule]) -> list[Rule]:
    """Pieces that differ by their verb alone as one rule, as messages show them."""
    simple: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    others: list[Rule] = []
    for rule in pieces:
        if rule.paths or len(rule.names) > 1 or len(rule.groups) != 1 or len(rule.resources) != 1:
            others.append(rule)
        else:
            simple.setdefault((rule.groups[0], rule.resources[0], rule.names), []).extend(rule.verbs)
    merged = [
        Rule(tuple(verbs), (group,), (resource,), names) for (group, resource, names), verbs in simple.items()
    ]
    return [*others, *merged]


def _pieces(rule: Rule) -> Iterator[Rule]:
    for group in rule.groups:
        for resource in rule.resources:
            for verb in rule.verbs:
                for names in [(name,) for name in rule.names] or [()]:
                    yield Rule((verb,), (group,), (resource,), names)
    for path in rule.paths:
        for verb in rule.verbs:
            yield Rule((verb,), paths=(path,))


def _covers(own: Rule, piece: Rule) -> bool:
    return (
        _has_all(own.verbs, piece.verbs)
        and _has_all(own.groups, piece.groups)
        and all(_resource_covered(own.resources, resource) for resource in piece.resources)
        and (not own.names or (bool(piece.names) and set(piece.names) <= set(own.names)))
        and all(any(_path_covers(path, wanted) for path in own.paths) for wanted in piece.paths)
    )


def _has_all(own: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return "*" in own or set(wanted) <= set(own)


def _resource_covered(own: tuple[str, ...], wanted: str) -> bool:
    if "*" in own or wanted in own:
        return True
    _, slash, subresource = wanted.partition("/")
    return bool(slash) and f"*/{subresource}" in own


def _path_covers(own: str, wanted: str) -> bool:
    return own == wanted or (own.endswith("*") and wanted.startswith(own.rstrip("*")))
