"""The plugin ValidatingAdmissionPolicy. The words are those of pkg/admission/plugin/policy/validating."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconcile.apiserver.admission.conditions import Conditions, ConditionsError
from reconcile.apiserver.admission.matching import Match, Objects
from reconcile.apiserver.admission.policies.bound import (
    Binding,
    Bound,
    ConfigurationProblem,
    PolicyPlugin,
)
from reconcile.apiserver.admission.refusals import refused
from reconcile.apiserver.interfaces import AdmissionAttributes, JSONObject
from reconcile.apiserver.status import StatusError

if TYPE_CHECKING:
    from reconcile.apiserver.admission.expressions import Compiled, Composed
    from reconcile.apiserver.handlers.parts import Parts

_LONGEST_MESSAGE = 5 * 1024
_CODES = {"Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413}


@dataclass(frozen=True, slots=True)
class Denial:
    """One reason to refuse a request.

    Attributes:
        message: why.
        reason: of the Status; empty for Invalid.
    """

    message: str
    reason: str = ""


@dataclass(slots=True)
class Validations:
    """The compiled expressions of a policy."""

    spec: JSONObject
    composed: Composed
    conditions: Conditions
    validations: list[tuple[JSONObject, Compiled, Compiled | None]]
    annotations: list[tuple[JSONObject, Compiled]]
    fails: bool

    @classmethod
    def of(cls, policy: JSONObject) -> Validations:
        from reconcile.apiserver.admission.expressions import compiled, composed_of, variables
        from reconcile.cel import types

        spec = policy["spec"]
        fails = spec.get("failurePolicy") != "Ignore"
        params = spec.get("paramKind") is not None
        composed = composed_of(spec.get("variables") or (), params=params)
        declared = variables(params=params, composed=composed)
        quiet = variables(params=params, composed=composed, authorizer=False)
        validations: list[tuple[JSONObject, Compiled, Compiled | None]] = []
        for each in spec.get("validations") or ():
            message = each.get("messageExpression")
            validations.append(
                (
                    each,
                    compiled(each.get("expression") or "", (types.BOOL,), declared),
                    compiled(message, (types.STRING,), quiet) if message else None,
                )
            )
        annotations = [
            (each, compiled(each.get("valueExpression") or "", (types.STRING, types.NULL), declared))
            for each in spec.get("auditAnnotations") or ()
        ]
        conditions = Conditions.of(
            spec.get("matchConditions") or (), declared, fails=fails, composed=composed
        )
        return cls(spec, composed, conditions, validations, annotations, fails)

    def evaluate(self, values: dict[str, Any]) -> tuple[list[Denial], list[Denial]]:
        """What validations, and what audit annotations, refuse."""
        from reconcile.apiserver.admission.expressions import BUDGET, Activation, OutOfBudgetError

        try:
            if self.conditions.compiled and not self.conditions.hold(values):
                return [], []
        except ConditionsError as error:
            return self._error(str(error)), []
        activation = Activation(values, BUDGET, self.composed)
        try:
            found = [activation.evaluate(compiled) for _, compiled, _ in self.validations]
        except OutOfBudgetError as error:
            return self._error(str(error)), []
        messages, spent = self._messages(values, activation.budget)
        denials: list[Denial] = []
        for index, ((spec, _, _), each) in enumerate(zip(self.validations, found, strict=True)):
            if each.error:
                denials += self._error(each.error)
            elif spent:
                denials += self._error(f"failed messageExpression: {spent}")
            elif each.value is not True:
                message = messages[index] or (spec.get("message") or "").strip()
                text = message or f"failed expression: {spec['expression'].strip()}"
                denials.append(Denial(text, spec.get("reason") or ""))
        audit, problem = self._annotate(values)
        return (problem, []) if problem else (denials, audit)

    def _error(self, message: str) -> list[Denial]:
        return [Denial(message)] if self.fails else []

    def _messages(self, values: dict[str, Any], budget: int) -> tuple[list[str], str]:
        """The text of each messageExpression, or nothing; and why none was evaluated."""
        from reconcile.apiserver.admission.expressions import Activation, OutOfBudgetError

        activation = Activation(values, budget, self.composed)
        found: list[str] = []
        for _, _, expression in self.validations:
            if expression is None:
                found.append("")
                continue
            try:
                value = activation.evaluate(expression).value
            except OutOfBudgetError as error:
                return [], str(error)
            text = value.strip() if isinstance(value, str) else ""
            found.append("" if len(text.encode()) > _LONGEST_MESSAGE or "\n" in text else text)
        return found, ""

    def _annotate(self, values: dict[str, Any]) -> tuple[list[Denial], list[Denial]]:
        """What the values of audit annotations refuse: each one's, and that of them all."""
        if not self.annotations:
            return [], []
        from reconcile.apiserver.admission.expressions import BUDGET, Activation, OutOfBudgetError

        activation = Activation(values, BUDGET, self.composed)
        denials: list[Denial] = []
        try:
            for _, expression in self.annotations:
                found = activation.evaluate(expression)
                if found.error:
                    denials += self._error(found.error)
        except OutOfBudgetError as error:
            return [], self._error(str(error))
        return denials, []


class ValidatingPolicies(PolicyPlugin[Validations]):
    """Every matching policy is evaluated; the first denial is told."""

    name = "ValidatingAdmissionPolicy"
    policies = "validatingadmissionpolicies"
    bindings = "validatingadmissionpolicybindings"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._objects = Objects(parts)

    async def validate(self, attributes: AdmissionAttributes) -> None:
        denied: list[tuple[str, Denial]] = []
        for bound in self.bound(Validations.of):
            await self._policy(bound, attributes, denied)
        if not denied:
            return
        text, denial = denied[0]
        message = f"{text} denied request: {denial.message}"
        error = refused(attributes, message)
        details = {**error.details, "causes": [{"message": message}]}
        reason = denial.reason or "Invalid"
        raise StatusError(error.message, code=_CODES.get(reason, 422), reason=reason, details=details)

    async def _policy(
        self,
        bound: Bound[Validations],
        attributes: AdmissionAttributes,
        denied: list[tuple[str, Denial]],
    ) -> None:
        named = f"ValidatingAdmissionPolicy '{bound.name}'"

        def configuration(what: str, error: Exception, binding: Binding | None = None) -> None:
            if bound.fails:
                message = error.message if isinstance(error, StatusError) else str(error)
                label = named if binding is None else f"{named} with binding '{binding.name}'"
                denied.append((label, Denial(f"failed to configure {what}: {message}")))

        try:
            match = bound.criteria.match(attributes, self._objects)
            if match is None:
                return
            resource = self.check_params(bound)
        except (StatusError, ConfigurationProblem) as error:
            configuration("policy", error)
            return
        objects: tuple[JSONObject | None, JSONObject | None] | None = None
        for binding in bound.bindings:
            try:
                if binding.criteria is not None and (
                    binding.criteria.match(attributes, self._objects) is None
                ):
                    continue
                params = await self.params(resource, binding, attributes)
                if objects is None and params:
                    objects = await self._versioned(attributes, match)
            except (StatusError, ConfigurationProblem) as error:
                configuration("binding", error, binding)
                continue
            namespace = self.namespace_of(attributes)
            for param in params:
                assert objects is not None
                self._evaluate(bound, binding, attributes, match, objects, param, namespace, denied)

    async def _versioned(
        self, attributes: AdmissionAttributes, match: Match
    ) -> tuple[JSONObject | None, JSONObject | None]:
        new = await self._objects.converted(attributes.object, attributes, match)
        return new, await self._objects.converted(attributes.old_object, attributes, match)

    @staticmethod
    def _evaluate(
        bound: Bound[Validations],
        binding: Binding,
        attributes: AdmissionAttributes,
        match: Match,
        objects: tuple[JSONObject | None, JSONObject | None],
        param: JSONObject | None,
        namespace: JSONObject | None,
        denied: list[tuple[str, Denial]],
    ) -> None:
        from reconcile.apiserver.admission.expressions import values_of

        label = f"ValidatingAdmissionPolicy '{bound.name}' with binding '{binding.name}'"
        values = values_of(attributes, match, *objects, params=param, namespace=namespace)
        denials, audit = bound.compiled.evaluate(values)
        for denial in denials:
            for action in binding.spec.get("validationActions") or ():
                if action == "Deny":
                    denied.append((label, denial))
                elif action == "Warn":
                    attributes.context.warnings.append(f"Validation failed for {label}: {denial.message}")
        denied += [(label, denial) for denial in audit]
