"""The plugin MutatingAdmissionPolicy. The words are those of pkg/admission/plugin/policy/mutating."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from reconcile.apiserver.admission.conditions import Conditions, ConditionsError
from reconcile.apiserver.admission.matching import Match, Objects
from reconcile.apiserver.admission.policies.bound import (
    Binding,
    Bound,
    ConfigurationProblem,
    PolicyPlugin,
)
from reconcile.apiserver.admission.policies.patches import Mutation, MutationError, mutations_of
from reconcile.apiserver.admission.refusals import refused
from reconcile.apiserver.interfaces import AdmissionAttributes, JSONObject
from reconcile.apiserver.status import StatusError

if TYPE_CHECKING:
    from reconcile.apiserver.admission.expressions import Composed
    from reconcile.apiserver.handlers.parts import Parts


@dataclass(slots=True)
class Mutations:
    """The compiled expressions of a policy."""

    composed: Composed
    conditions: Conditions
    mutations: list[Mutation]
    again: bool

    @classmethod
    def of(cls, policy: JSONObject) -> Mutations:
        from reconcile.apiserver.admission.expressions import composed_of, variables

        spec = policy["spec"]
        fails = spec.get("failurePolicy") != "Ignore"
        params = spec.get("paramKind") is not None
        composed = composed_of(spec.get("variables") or (), params=params)
        declared = variables(params=params, composed=composed)
        conditions = Conditions.of(
            spec.get("matchConditions") or (), declared, fails=fails, composed=composed
        )
        mutations = mutations_of(spec.get("mutations") or (), declared)
        return cls(composed, conditions, mutations, spec.get("reinvocationPolicy") == "IfNeeded")


@dataclass(frozen=True, slots=True)
class _Invocation:
    bound: Bound[Mutations]
    binding: Binding
    match: Match
    param: JSONObject | None

    @property
    def key(self) -> tuple[str, str, str]:
        meta: JSONObject = (self.param or {}).get("metadata") or {}
        named = f"{meta.get('namespace') or ''}/{meta.get('name') or ''}"
        return self.bound.name, self.binding.name, named


@dataclass(slots=True)
class _Memory:
    last: bytes = b""
    invoked: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])
    again: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])

    def require(self) -> None:
        self.again |= self.invoked
        self.invoked = set()


class MutatingPolicies(PolicyPlugin[Mutations]):
    """One after the other, by name; each sees what those before it made of the object."""

    name = "MutatingAdmissionPolicy"
    policies = "mutatingadmissionpolicies"
    bindings = "mutatingadmissionpolicybindings"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._objects = Objects(parts)

    async def admit(self, attributes: AdmissionAttributes) -> None:
        errors: list[tuple[bool, str, str]] = []
        invocations: list[_Invocation] = []
        for bound in self.bound(Mutations.of):
            await self._select(bound, attributes, invocations, errors)
        if invocations:
            await self._run(invocations, attributes, errors)
        told = [(text, reason) for fails, text, reason in errors if fails]
        if told:
            error = refused(attributes, "")
            causes = [{"message": text} for text, _ in told]
            raise StatusError(
                told[0][0],
                code=403,
                reason=told[0][1] or "Forbidden",
                details={**error.details, "causes": causes},
            )

    async def _select(
        self,
        bound: Bound[Mutations],
        attributes: AdmissionAttributes,
        invocations: list[_Invocation],
        errors: list[tuple[bool, str, str]],
    ) -> None:
        try:
            match = bound.criteria.match(attributes, self._objects)
            if match is None:
                return
            resource = self.check_params(bound)
        except (StatusError, ConfigurationProblem) as error:
            text = f'policy "{bound.name}" denied request: failed to configure policy: {_text(error)}'
            errors.append((bound.fails, text, ""))
            return
        for binding in bound.bindings:
            try:
                if binding.criteria is not None and (
                    binding.criteria.match(attributes, self._objects) is None
                ):
                    continue
                params = await self.params(resource, binding, attributes)
            except (StatusError, ConfigurationProblem) as error:
                text = f"failed to configure binding: {_text(error)}"
                errors.append((bound.fails, _denied(bound, binding, text), ""))
                continue
            invocations += [_Invocation(bound, binding, match, param) for param in params]

    async def _run(
        self,
        invocations: list[_Invocation],
        attributes: AdmissionAttributes,
        errors: list[tuple[bool, str, str]],
    ) -> None:
        state = attributes.reinvocation
        memory: _Memory = state.memory.setdefault(self.name, _Memory())
        if state.running and memory.last != msgspec.msgpack.encode(attributes.object):
            memory.require()
        namespace = self.namespace_of(attributes)
        touched = False
        try:
            for each in invocations:
                touched |= await self._invoke(each, attributes, namespace, memory, errors)
        finally:
            memory.last = msgspec.msgpack.encode(attributes.object)
        if touched:
            memory.require()
            state.wanted = True

    async def _invoke(
        self,
        invocation: _Invocation,
        attributes: AdmissionAttributes,
        namespace: JSONObject | None,
        memory: _Memory,
        errors: list[tuple[bool, str, str]],
    ) -> bool:
        """Whether a patch was applied, be it without effect. Raises StatusError."""
        bound, binding, match = invocation.bound, invocation.binding, invocation.match
        compiled = bound.compiled

        def failed(message: str) -> None:
            errors.append((bound.fails, _denied(bound, binding, message), "Invalid"))

        values = await self._values(invocation, attributes, namespace)
        try:
            if compiled.conditions.compiled and not compiled.conditions.hold(values):
                return False
        except ConditionsError as error:
            failed(str(error))
            return False
        if attributes.reinvocation.running and invocation.key not in memory.again:
            return False
        held = attributes.object
        if held is None:
            return False
        before = msgspec.msgpack.encode(held)
        touched = False
        for mutation in compiled.mutations:
            current = await self._objects.converted(held, attributes, match)
            assert current is not None
            if touched:
                values = await self._values(invocation, attributes, namespace)
            try:
                made = mutation.apply(current, values, compiled.composed, self._objects, attributes, match)
            except MutationError as error:
                failed(str(error))
                continue
            self._objects.default(made, attributes, match)
            made = await self._objects.converted_back(made, attributes, match)
            held.clear()
            held.update(made)
            touched = True
        if before != msgspec.msgpack.encode(held):
            memory.require()
            attributes.reinvocation.wanted = True
        if compiled.again:
            memory.invoked.add(invocation.key)
        return touched

    async def _values(
        self, invocation: _Invocation, attributes: AdmissionAttributes, namespace: JSONObject | None
    ) -> dict[str, Any]:
        from reconcile.apiserver.admission.expressions import values_of

        match = invocation.match
        new = await self._objects.converted(attributes.object, attributes, match)
        old = await self._objects.converted(attributes.old_object, attributes, match)
        return values_of(attributes, match, new, old, params=invocation.param, namespace=namespace)


def _denied(bound: Bound[Mutations], binding: Binding, message: str) -> str:
    return f"policy '{bound.name}' with binding '{binding.name}' denied request: {message}"


def _text(error: Exception) -> str:
    return error.message if isinstance(error, StatusError) else str(error)
