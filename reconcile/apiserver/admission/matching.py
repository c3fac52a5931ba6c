"""Which requests a webhook or policy is about: rules, scope, selectors, equivalent resources.

As kube-apiserver's predicates (pkg/admission/plugin/webhook/predicates and plugin/policy/matching).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from reconcile.apiserver.interfaces import AdmissionAttributes, JSONObject, ObjectSchema
from reconcile.apiserver.resources import Resource
from reconcile.apiserver.status import StatusError, internal_error, not_found
from reconcile.objects.identity import GroupVersionKind
from reconcile.objects.selectors import Selector

if TYPE_CHECKING:
    from reconcile.apiserver.handlers.parts import Parts
    from reconcile.apiserver.schemas.topology import Shape


@dataclass(frozen=True, slots=True)
class Match:
    """How a rule matched.

    Attributes:
        resource: the resource of the rule: the request's own, or an equivalent one in another version.
        kind: the kind that objects have to be converted to.
    """

    resource: Resource
    kind: GroupVersionKind


@dataclass(slots=True)
class Criteria:
    """What one webhook, policy or binding is about.

    Attributes:
        rules: of `RuleWithOperations`, with `resourceNames` where policies have them.
        excluded: rules of what it is not about after all.
        equivalent: matchPolicy is Equivalent.
        all_without_rules: no rules stand for everything (policies and bindings), or for nothing (webhooks).
    """

    rules: list[JSONObject]
    namespaces: Selector
    objects: Selector
    equivalent: bool
    excluded: list[JSONObject]
    all_without_rules: bool

    @classmethod
    def of_webhook(cls, hook: JSONObject) -> Criteria:
        return cls._of(hook, hook.get("rules") or [], [], all_without_rules=False)

    @classmethod
    def of_policy(cls, match: JSONObject) -> Criteria:
        """Of `matchConstraints` or `matchResources`."""
        excluded = match.get("excludeResourceRules") or []
        return cls._of(match, match.get("resourceRules") or [], excluded, all_without_rules=True)

    @classmethod
    def _of(
        cls,
        given: JSONObject,
        rules: list[JSONObject],
        excluded: list[JSONObject],
        *,
        all_without_rules: bool,
    ) -> Criteria:
        return cls(
            rules,
            Selector.from_api(given.get("namespaceSelector") or {}),
            Selector.from_api(given.get("objectSelector") or {}),
            given.get("matchPolicy") == "Equivalent",
            excluded,
            all_without_rules,
        )

    def match(self, attributes: AdmissionAttributes, objects: Objects) -> Match | None:
        """How the request matches; None when it does not. Raises StatusError."""
        problem: StatusError | None = None
        try:
            if not self._namespace_matches(attributes, objects):
                return None
        except StatusError as error:
            # Of no interest where the rules are about something else.
            problem = error
        if not self._object_matches(attributes):
            return None
        if self.excluded and self._by_rules(self.excluded, attributes, objects) is not None:
            return None
        if not self.rules and self.all_without_rules:
            found: Match | None = Match(attributes.resource, attributes.kind)
        else:
            found = self._by_rules(self.rules, attributes, objects)
        if found is not None and problem is not None:
            raise problem
        return found

    def _namespace_matches(self, attributes: AdmissionAttributes, objects: Objects) -> bool:
        plural = attributes.resource.type.plural
        if not attributes.namespace and plural != "namespaces":
            return True
        if self.namespaces.selects_everything:
            return True
        new = attributes.object
        if (
            plural == "namespaces"
            and not attributes.subresource
            and attributes.operation in ("CREATE", "UPDATE")
            and new is not None
        ):
            return self.namespaces.matches(_labels(new))
        namespace = objects.namespace(attributes.namespace)
        if namespace is None:
            raise not_found("", "namespaces", attributes.namespace)
        return self.namespaces.matches(_labels(namespace))

    def _object_matches(self, attributes: AdmissionAttributes) -> bool:
        if self.objects.selects_everything:
            return True
        return any(
            obj is not None and isinstance(obj.get("metadata"), dict) and self.objects.matches(_labels(obj))
            for obj in (attributes.object, attributes.old_object)
        )

    def _by_rules(
        self, rules: list[JSONObject], attributes: AdmissionAttributes, objects: Objects
    ) -> Match | None:
        for rule in rules:
            if _rule_matches(rule, attributes, attributes.resource):
                return Match(attributes.resource, attributes.kind)
        if not self.equivalent:
            return None
        equivalents = objects.equivalents(attributes.resource, attributes.subresource)
        for rule in rules:
            for other in equivalents:
                if _rule_matches(rule, attributes, other):
                    return Match(other, objects.kind_for(other, attributes))
        return None


def _labels(obj: JSONObject) -> Mapping[str, str]:
    return (obj.get("metadata") or {}).get("labels") or {}


def _one_of(values: Iterable[str] | None, wanted: str) -> bool:
    return any(value in ("*", wanted) for value in values or ())


def _rule_matches(rule: JSONObject, attributes: AdmissionAttributes, resource: Resource) -> bool:
    kind = resource.type
    scope = rule.get("scope") or "*"
    if scope != "*":
        cluster = kind.group_resource == "namespaces" or not attributes.namespace
        if scope != ("Cluster" if cluster else "Namespaced"):
            return False
    if not _one_of(rule.get("operations"), attributes.operation):
        return False
    if not _one_of(rule.get("apiGroups"), kind.group) or not _one_of(rule.get("apiVersions"), kind.version):
        return False
    if not any(
        plural in ("*", kind.plural) and sub in ("*", attributes.subresource)
        for plural, _, sub in (each.partition("/") for each in rule.get("resources") or ())
    ):
        return False
    names = rule.get("resourceNames")
    return not names or attributes.name in names


class Objects:
    """What matching and calls ask of the server: namespaces, equivalent resources, other versions."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def parts(self) -> Parts:
        return self._parts

    def namespace(self, name: str) -> JSONObject | None:
        return self._parts.access.read("namespaces", "", name)

    def equivalents(self, resource: Resource, subresource: str) -> list[Resource]:
        """The same objects under another group or version."""
        return [
            other
            for other in self._parts.registry
            if other is not resource
            and other.storage_name == resource.storage_name
            and (not subresource or subresource in other.subresources)
            and other.type != resource.type
        ]

    def kind_for(self, resource: Resource, attributes: AdmissionAttributes) -> GroupVersionKind:
        if attributes.subresource:
            kind = resource.subresources[attributes.subresource].gvk
            if kind is not None:
                return kind
        return resource.type.gvk

    async def converted(
        self, obj: JSONObject | None, attributes: AdmissionAttributes, match: Match
    ) -> JSONObject | None:
        """A private copy of an object of the request in the match's kind. Raises StatusError."""
        if obj is None:
            return None
        copy: JSONObject = _copy(obj)
        if match.kind == attributes.kind:
            return copy
        version = f"{match.kind.group}/{match.kind.version}" if match.kind.group else match.kind.version
        store = self._parts.store
        try:
            return (await store.convert(attributes.resource, [copy], version))[0]
        except StatusError as error:
            raise internal_error(error.message) from error

    def check(self, obj: JSONObject, attributes: AdmissionAttributes, match: Match) -> list[str]:
        """Bring an object of the match's kind into its kind's form; returns the unknown fields, which go.

        Raises StatusError.
        """
        schema = self._schema(attributes, match)
        return [] if schema is None else schema.check(obj, attributes.context)

    def shape(self, attributes: AdmissionAttributes, match: Match) -> Shape:
        """How the match's kind merges."""
        schema: Any = self._schema(attributes, match)
        return schema.shape

    def default(self, obj: JSONObject, attributes: AdmissionAttributes, match: Match) -> None:
        """Give an object of the match's kind its defaults."""
        schema = self._schema(attributes, match)
        if schema is not None:
            schema.default(obj)
            if match.resource is attributes.context.resource and match.kind == match.resource.type.gvk:
                match.resource.strategy.default(obj, attributes.context)

    def _schema(self, attributes: AdmissionAttributes, match: Match) -> ObjectSchema | None:
        if match.kind == match.resource.type.gvk:
            return match.resource.schema
        return self._parts.schemas.schema_for(match.kind)

    async def converted_back(
        self, obj: JSONObject, attributes: AdmissionAttributes, match: Match
    ) -> JSONObject:
        """An object of the match's kind in the request's kind."""
        if match.kind == attributes.kind:
            return obj
        kind = attributes.kind
        version = f"{kind.group}/{kind.version}" if kind.group else kind.version
        return (await self._parts.store.convert(match.resource, [obj], version))[0]


def _copy(obj: Any) -> Any:
    """A private copy of JSON."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(obj))
