"""Which flow schema a request belongs to: header fields tell it, and nobody queues here.

Rules and order are those of k8s.io/apiserver, pkg/util/flowcontrol: the matching schema that comes first by
precedence, then by name. Long requests that are no watch belong to none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from reconcile.apiserver.access.attributes import Attributes
from reconcile.apiserver.handlers.messages import Request
from reconcile.apiserver.interfaces import JSONObject, User
from reconcile.apiserver.storage import Storage, StoredObject
from reconcile.apiserver.storage.sorted_map import SortedMap

FLOW_SCHEMA: Final = "x-kubernetes-pf-flowschema-uid"
PRIORITY_LEVEL: Final = "x-kubernetes-pf-prioritylevel-uid"
_SCHEMAS: Final = "flowschemas.flowcontrol.apiserver.k8s.io"
_LEVELS: Final = "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io"
_LONG: Final = frozenset(("attach", "exec", "proxy", "log", "portforward"))
_ANY: Final = ["*"]
_ACCOUNT: Final = "system:serviceaccount:"


class _Schema(NamedTuple):
    """`everything`: each request of the subjects of a rule, by the index of the rule."""

    headers: dict[str, str]
    rules: list[JSONObject]
    everything: list[bool]


class Flows:
    """The header fields of API priority and fairness, by what is stored now."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._known: tuple[object, object] = (None, None)
        self._schemas: list[_Schema] = []

    def headers(self, request: Request, user: User) -> dict[str, str]:
        """The fields for a request of this user; none where no schema matches."""
        schemas = self._storage.collection(_SCHEMAS).objects
        levels = self._storage.collection(_LEVELS).objects
        if self._known[0] is not schemas or self._known[1] is not levels:
            self._known = schemas, levels
            self._schemas = _compiled(schemas, levels)
        found: list[Attributes] = []

        def attributes() -> Attributes:
            if not found:
                from reconcile.apiserver.access.requests import attributes_of

                found.append(attributes_of(request, user))
            return found[0]

        if any(f"/{word}" in request.path for word in _LONG):
            asked = attributes()
            if asked.is_resource and (asked.verb == "proxy" or asked.subresource in _LONG):
                return {}
        for schema in self._schemas:
            if any(
                _is_subject(user, rule.get("subjects") or ()) and (everything or _matches(attributes, rule))
                for rule, everything in zip(schema.rules, schema.everything, strict=True)
            ):
                return schema.headers
        return {}


def _compiled(schemas: SortedMap[StoredObject], levels: SortedMap[StoredObject]) -> list[_Schema]:
    uids = {each.name: each.uid for each in levels.values()}
    found: list[tuple[int, str, _Schema]] = []
    for each in schemas.values():
        spec: JSONObject = msgspec.json.decode(each.raw).get("spec") or {}
        level = (spec.get("priorityLevelConfiguration") or {}).get("name", "")
        if level not in uids:
            continue
        rules: list[JSONObject] = spec.get("rules") or []
        headers = {FLOW_SCHEMA: each.uid, PRIORITY_LEVEL: uids[level]}
        schema = _Schema(headers, rules, [_is_everything(rule) for rule in rules])
        found.append((spec.get("matchingPrecedence", 1000), each.name, schema))
    return [schema for *_, schema in sorted(found, key=lambda each: each[:2])]


def _is_everything(rule: JSONObject) -> bool:
    resources: list[JSONObject] = rule.get("resourceRules") or []
    paths: list[JSONObject] = rule.get("nonResourceRules") or []
    return any(
        each.get("clusterScope")
        and all(each.get(name) == _ANY for name in ("verbs", "apiGroups", "resources", "namespaces"))
        for each in resources
    ) and any(each.get("verbs") == _ANY and each.get("nonResourceURLs") == _ANY for each in paths)


def _is_subject(user: User, subjects: Any) -> bool:
    for subject in subjects:
        kind = subject.get("kind")
        if kind == "User" and subject["user"]["name"] in ("*", user.name):
            return True
        if kind == "Group" and (subject["group"]["name"] == "*" or subject["group"]["name"] in user.groups):
            return True
        if kind == "ServiceAccount":
            account = subject["serviceAccount"]
            prefix = f"{_ACCOUNT}{account['namespace']}:"
            if account["name"] == "*":
                if user.name.startswith(prefix):
                    return True
            elif user.name == prefix + account["name"]:
                return True
    return False


def _matches(attributes: Callable[[], Attributes], rule: JSONObject) -> bool:
    asked = attributes()
    if not asked.is_resource:
        return any(
            _has(each, "verbs", asked.verb) and _covers(each.get("nonResourceURLs") or (), asked.path)
            for each in rule.get("nonResourceRules") or ()
        )
    resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    return any(
        _has(each, "verbs", asked.verb)
        and _has(each, "resources", resource)
        and _has(each, "apiGroups", asked.group)
        and (
            _has(each, "namespaces", asked.namespace) if asked.namespace else each.get("clusterScope", False)
        )
        for each in rule.get("resourceRules") or ()
    )


def _has(rule: JSONObject, name: str, value: str) -> bool:
    listed: list[str] = rule.get(name) or []
    return listed == _ANY or value in listed


def _covers(listed: Any, path: str) -> bool:
    for each in listed:
        if each in ("*", path):
            return True
        prefix = each.removesuffix("*")
        if path.startswith(prefix if prefix.endswith("/") else f"{prefix}/"):
            return True
    return False
