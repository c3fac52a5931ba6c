"""Policies with their bindings and parameters: which are in force, and for what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from reconcile.apiserver.admission.configured import Configured
from reconcile.apiserver.admission.matching import Criteria
from reconcile.apiserver.interfaces import AdmissionAttributes, AdmissionPlugin, JSONObject
from reconcile.apiserver.resources import Resource
from reconcile.objects.selectors import Selector

if TYPE_CHECKING:
    from reconcile.apiserver.handlers.parts import Parts

C = TypeVar("C")
_GROUP = "admissionregistration.k8s.io"


class ConfigurationProblem(Exception):
    """A policy or binding that cannot be evaluated as it is configured; its failure policy decides."""


@dataclass(slots=True)
class Binding:
    """A binding.

    Attributes:
        name: its name.
        spec: as configured.
        criteria: what it narrows the policy to; None for nothing.
    """

    name: str
    spec: JSONObject
    criteria: Criteria | None

    @classmethod
    def of(cls, obj: JSONObject) -> Binding:
        match = obj["spec"].get("matchResources")
        criteria = None if match is None else Criteria.of_policy(match)
        return cls(obj["metadata"]["name"], obj["spec"], criteria)


@dataclass(slots=True)
class Bound(Generic[C]):
    """A policy that has bindings.

    Attributes:
        name: its name.
        spec: as configured.
        criteria: its `matchConstraints`.
        bindings: by name.
        compiled: its expressions.
    """

    name: str
    spec: JSONObject
    criteria: Criteria
    bindings: list[Binding]
    compiled: C

    @property
    def fails(self) -> bool:
        return self.spec.get("failurePolicy") != "Ignore"


class PolicyPlugin(AdmissionPlugin, Generic[C]):
    """What the plugins of both kinds share."""

    policies = ""
    bindings = ""

    def __init__(self, parts: Parts) -> None:
        storage = parts.store.storage
        self._parts = parts
        self._policies = Configured[dict[str, JSONObject]](storage, f"{self.policies}.{_GROUP}", _by_name)
        self._bindings = Configured[dict[str, list[Binding]]](
            storage, f"{self.bindings}.{_GROUP}", _by_policy
        )
        self._compiled: dict[tuple[str, int], C] = {}
        self._bound: list[Bound[C]] = []
        self._seen: tuple[Any, Any] = (None, None)

    def bound(self, compile: Callable[[JSONObject], C]) -> list[Bound[C]]:
        """The policies in force, by name; each is compiled once for each generation of it."""
        now = (self._policies.version, self._bindings.version)
        if now != self._seen:
            policies, bindings = self._policies.get(), self._bindings.get()
            kept: dict[tuple[str, int], C] = {}
            bound: list[Bound[C]] = []
            for name in sorted(bindings):
                policy = policies.get(name)
                if policy is None:
                    continue
                key = (policy["metadata"]["uid"], policy["metadata"].get("generation") or 0)
                compiled = self._compiled.get(key)
                kept[key] = compile(policy) if compiled is None else compiled
                criteria = Criteria.of_policy(policy["spec"].get("matchConstraints") or {})
                bound.append(Bound(name, policy["spec"], criteria, bindings[name], kept[key]))
            self._compiled, self._bound, self._seen = kept, bound, now
        return self._bound

    def check_params(self, bound: Bound[C]) -> Resource | None:
        """The resource of the parameters; None for none. Raises ConfigurationProblem."""
        kind = bound.spec.get("paramKind")
        if kind is None:
            return None
        found = self._parts.registry.for_kind(kind.get("apiVersion") or "", kind.get("kind") or "")
        if found is None:
            group, _, version = (kind.get("apiVersion") or "").rpartition("/")
            named = f"{group}/{version}, Kind={kind.get('kind')}"
            raise ConfigurationProblem(f"failed to find resource referenced by paramKind: '{named}'")
        return found

    async def params(
        self, resource: Resource | None, binding: Binding, attributes: AdmissionAttributes
    ) -> list[JSONObject | None]:
        """The parameters to evaluate with; `[None]` without. Raises ConfigurationProblem."""
        ref: JSONObject | None = binding.spec.get("paramRef")
        if resource is None or ref is None:
            return [None]
        namespace = ""
        if resource.type.namespaced:
            namespace = ref.get("namespace") or attributes.namespace
            if not namespace:
                raise ConfigurationProblem(
                    "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
                )
        elif ref.get("namespace"):
            raise ConfigurationProblem(
                "paramRef.namespace must not be provided for a cluster-scoped `paramKind`"
            )
        store = self._parts.store
        found: list[JSONObject | None] = []
        if ref.get("name"):
            held = store.find(resource, namespace, ref["name"])
            found = [] if held is None else [await store.load(resource, held)]
        else:
            selector = Selector.from_api(ref.get("selector") or {})
            page = store.storage.page(resource.storage_name, namespace=namespace)
            for held in page.items:
                if selector.matches(held.labels):
                    found.append(await store.load(resource, held))
        if not found and ref.get("parameterNotFoundAction") == "Deny":
            raise ConfigurationProblem(
                "no params found for policy binding with `Deny` parameterNotFoundAction"
            )
        return found

    def namespace_of(self, attributes: AdmissionAttributes) -> JSONObject | None:
        """The namespace of the object, for `namespaceObject`; None for what has none. Raises StatusError."""
        from reconcile.apiserver.status import not_found

        if not attributes.namespace or attributes.kind == ("", "v1", "Namespace"):
            return None
        found = self._parts.access.read("namespaces", "", attributes.namespace)
        if found is None:
            raise not_found("", "namespaces", attributes.namespace)
        return found


def _by_name(policies: list[JSONObject]) -> dict[str, JSONObject]:
    return {each["metadata"]["name"]: each for each in policies}


def _by_policy(bindings: list[JSONObject]) -> dict[str, list[Binding]]:
    found: dict[str, list[Binding]] = {}
    for each in bindings:
        found.setdefault(each["spec"].get("policyName") or "", []).append(Binding.of(each))
    return found
