"""Expressions of webhooks and policies: their variables, their limits, and the words of their errors.

As k8s.io/apiserver's pkg/admission/plugin/cel. Expressions are compiled once for each change of the object
that they stand in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from reconcile.apiserver.access.user import user_info
from reconcile.apiserver.admission.asking import asking
from reconcile.apiserver.admission.matching import Match
from reconcile.apiserver.interfaces import AdmissionAttributes, JSONObject
from reconcile.cel import CelError, types
from reconcile.cel.compiler import Failed
from reconcile.cel.failure import Failure
from reconcile.cel.libraries import authorizer as authorizer_library
from reconcile.cel.programs import Expression
from reconcile.cel.schema_types import DYN, Declared
from reconcile.cel.schema_values import dynamic
from reconcile.cel.types import Kind, Type
from reconcile.cel.values import MapValue

BUDGET = 10_000_000
"""What all validations of a policy may cost for one request and one parameter."""
MATCH_BUDGET = 2_500_000
"""What match conditions may cost for one request."""
OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"


class OutOfBudgetError(Exception):
    """The expressions cost more than they may; nothing further is evaluated."""


# The variables


def _scalar(type: Type) -> Declared:
    return Declared(type)


_STRING = Declared(types.STRING)
_STRINGS = Declared(types.list_of(types.STRING), element=_STRING)
_TEXTS = Declared(types.map_of(types.STRING, types.STRING), key=_STRING, element=_STRING)
_TIME = Declared(types.TIMESTAMP)
_INT = Declared(types.INT)


def _object(name: str, /, **fields: Declared) -> Declared:
    escaped = {f"__{key}__" if key == "namespace" else key: value for key, value in fields.items()}
    return Declared(Type(Kind.STRUCT, f"kubernetes.{name}"), fields=escaped)


@cache
def _request_type() -> Declared:
    kind = _object("GroupVersionKind", group=_STRING, version=_STRING, kind=_STRING)
    resource = _object("GroupVersionResource", group=_STRING, version=_STRING, resource=_STRING)
    extra = Declared(types.map_of(types.STRING, _STRINGS.type), key=_STRING, element=_STRINGS)
    user = _object("UserInfo", username=_STRING, uid=_STRING, groups=_STRINGS, extra=extra)
    return _object(
        "AdmissionRequest",
        kind=kind,
        resource=resource,
        subResource=_STRING,
        requestKind=kind,
        requestResource=resource,
        requestSubResource=_STRING,
        name=_STRING,
        namespace=_STRING,
        operation=_STRING,
        userInfo=user,
        dryRun=Declared(types.BOOL),
        options=DYN,
    )


@cache
def _namespace_type() -> Declared:
    condition = _object(
        "NamespaceCondition",
        status=_STRING,
        type=_STRING,
        lastTransitionTime=_TIME,
        message=_STRING,
        reason=_STRING,
    )
    conditions = Declared(types.list_of(condition.type), element=condition)
    metadata = _object(
        "NamespaceMetadata",
        name=_STRING,
        generateName=_STRING,
        namespace=_STRING,
        labels=_TEXTS,
        annotations=_TEXTS,
        UID=_STRING,
        creationTimestamp=_TIME,
        deletionGracePeriodSeconds=_INT,
        deletionTimestamp=_TIME,
        generation=_INT,
        resourceVersion=_STRING,
        finalizers=_STRINGS,
    )
    return _object(
        "Namespace",
        metadata=metadata,
        spec=_object("NamespaceSpec", finalizers=_STRINGS),
        status=_object("NamespaceStatus", conditions=conditions, phase=_STRING),
    )


def variables(
    *,
    params: bool = False,
    authorizer: bool = True,
    composed: Composed | None = None,
    objects: Declared = DYN,
    parameter: Declared = DYN,
) -> dict[str, Declared]:
    """The variables that an expression has."""
    found = {
        "object": objects,
        "oldObject": objects,
        "namespaceObject": _namespace_type(),
        "request": _request_type(),
    }
    if params:
        found["params"] = parameter
    if authorizer:
        found["authorizer"] = Declared(authorizer_library.AUTHORIZER)
        found["authorizer.requestResource"] = Declared(authorizer_library.RESOURCE_CHECK)
    if composed is not None:
        found["variables"] = composed.declared
    return found


# Compiled expressions


@dataclass(slots=True)
class Compiled:
    """One expression, compiled or not.

    Attributes:
        text: the expression.
        expression: None where it does not compile.
        error: why not.
        cause: the error of the expression language, when it was one.
    """

    text: str
    expression: Expression | None = None
    error: str = ""
    cause: CelError | None = None


def compiled(
    text: str,
    wanted: Sequence[Type],
    declared: Mapping[str, Declared],
    *,
    structs: bool = False,
) -> Compiled:
    """Compile an expression of one of the wanted types; none for any."""
    try:
        expression = Expression(text, declared, structs=structs)
    except CelError as error:
        message = str(error)
        if not message.startswith("program instantiation failed"):
            message = f"compilation failed: {message}"
        return Compiled(text, error=message, cause=error)
    if wanted and expression.type not in wanted:
        shown = [_shown(each) for each in wanted]
        expected = shown[0] if len(shown) == 1 else f"one of [{' '.join(shown)}]"
        return Compiled(text, error=f"must evaluate to {expected} but got {_shown(expression.type)}")
    return Compiled(text, expression)


def _shown(type: Type) -> str:
    return type.name if type.kind is Kind.NULL else str(type)


class Composed:
    """The `variables` of a policy: each may use those before it."""

    def __init__(self) -> None:
        self._fields: dict[str, Declared] = {}
        self.compiled: dict[str, Compiled] = {}
        self.declared = Declared(Type(Kind.STRUCT, "kubernetes.variables"), fields=self._fields)

    def add(self, name: str, found: Compiled) -> None:
        """A further variable; those compiled afterwards know it."""
        self.compiled[name] = found
        self.declare(name, None if found.expression is None else found.expression.type)

    def declare(self, name: str, type: Type | None) -> None:
        """A further variable is of this type; None: of any."""
        self._fields[name] = _declared(types.DYN if type is None else type)


def composed_of(given: Iterable[Mapping[str, Any]], *, params: bool) -> Composed:
    """The variables of a policy, compiled in order."""
    composed = Composed()
    for each in given:
        declared = variables(params=params, composed=composed)
        composed.add(each.get("name") or "", compiled(each.get("expression") or "", (), declared))
    return composed


def _declared(type: Type) -> Declared:
    """A variable's type as others see it: objects are of any type."""
    if type.kind is Kind.LIST:
        element = _declared(type.parameters[0])
        return Declared(types.list_of(element.type), element=element)
    if type.kind is Kind.MAP:
        key, element = (_declared(each) for each in type.parameters)
        return Declared(types.map_of(key.type, element.type), key=key, element=element)
    scalar = (
        Kind.BOOL,
        Kind.BYTES,
        Kind.DOUBLE,
        Kind.DURATION,
        Kind.INT,
        Kind.NULL,
        Kind.STRING,
        Kind.TIMESTAMP,
        Kind.UINT,
    )
    return _scalar(type) if type.kind in scalar else DYN


class _Lazy(MapValue):
    """The values of `variables`: each is worked out when it is first asked for."""

    def __init__(self, composed: Composed, values: dict[str, Any]) -> None:
        super().__init__({})
        self._composed = composed
        self._values = values
        self._known: dict[str, Any] = {}
        self.spent = 0

    def __len__(self) -> int:
        return len(self._composed.compiled)

    def __iter__(self) -> Any:
        return iter(self._composed.compiled)

    def find(self, key: Any) -> tuple[Any] | None:
        if key not in self._composed.compiled:
            return None
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._evaluated(key)
        if isinstance(found, Failure):
            raise Failure(found.message)
        return found

    def _evaluated(self, name: str) -> tuple[Any] | Failure:
        one = self._composed.compiled[name]
        if one.expression is None:
            return Failure(f'composited variable "{name}" fails to compile: {one.error}')
        try:
            value, cost = one.expression.run(self._values)
        except Failed as failed:
            self.spent += failed.cost
            return Failure(f'composited variable "{name}" fails to evaluate: {failed.message}')
        self.spent += cost
        return (value,)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one expression came to: a value, or an error."""

    value: Any = None
    error: str = ""


class Activation:
    """The values of the variables for one request, and what is left of the budget.

    Attributes:
        values: by variable.
        budget: what may still be spent.
    """

    def __init__(self, values: Mapping[str, Any], budget: int, composed: Composed | None = None) -> None:
        self.values = dict(values)
        self.budget = budget
        self._lazy: _Lazy | None = None
        if composed is not None:
            self._lazy = self.values["variables"] = _Lazy(composed, self.values)

    def evaluate(self, one: Compiled) -> Evaluation:
        """Evaluate; raises OutOfBudgetError when that cost too much."""
        if one.expression is None:
            return Evaluation(error=f"compilation error: {one.error}")
        failed: Failed | None = None
        value: Any = None
        try:
            value, cost = one.expression.run(self.values)
        except Failed as caught:
            failed, cost = caught, caught.cost
        if self._lazy is not None:
            spent, self._lazy.spent = self._lazy.spent, 0
            self._spend(spent)
        self._spend(cost)
        if failed is not None:
            return Evaluation(error=f"expression '{one.text}' resulted in error: {failed.message}")
        return Evaluation(value)

    def _spend(self, cost: int) -> None:
        if cost > self.budget:
            raise OutOfBudgetError(OUT_OF_BUDGET)
        self.budget -= cost


def values_of(
    attributes: AdmissionAttributes,
    match: Match,
    obj: JSONObject | None,
    old: JSONObject | None,
    *,
    params: Any = None,
    namespace: JSONObject | None = None,
) -> dict[str, Any]:
    """The values for a request whose objects were converted to the match's kind."""
    ask = asking(attributes)
    kind = attributes.resource.type
    own = authorizer_library.Question(
        group=kind.group,
        resource=kind.plural,
        subresource=attributes.subresource,
        namespace=attributes.namespace,
        name=attributes.name,
    )
    return {
        "object": dynamic(obj),
        "oldObject": dynamic(old),
        "params": dynamic(params),
        "request": dynamic(request_of(attributes, match)),
        "namespaceObject": dynamic(_namespace_value(namespace)),
        "authorizer": authorizer_library.authorizer(ask),
        "authorizer.requestResource": authorizer_library.resource_check(ask, own),
    }


def request_of(attributes: AdmissionAttributes, match: Match) -> JSONObject:
    """The AdmissionRequest without uid and objects; empty fields are left out."""
    own, other = attributes.resource.type, match.resource.type
    found: JSONObject = {
        "kind": {"group": match.kind.group, "version": match.kind.version, "kind": match.kind.kind},
        "resource": {"group": other.group, "version": other.version, "resource": other.plural},
        "subResource": attributes.subresource,
        "requestKind": {
            "group": attributes.kind.group,
            "version": attributes.kind.version,
            "kind": attributes.kind.kind,
        },
        "requestResource": {"group": own.group, "version": own.version, "resource": own.plural},
        "requestSubResource": attributes.subresource,
        "name": attributes.name,
        "namespace": attributes.namespace,
        "operation": attributes.operation,
        "userInfo": user_info(attributes.user),
        "dryRun": attributes.dry_run,
        "options": attributes.options,
    }
    for key in ("subResource", "requestSubResource", "name", "namespace"):
        if not found[key]:
            del found[key]
    return found


def _namespace_value(namespace: JSONObject | None) -> JSONObject | None:
    if namespace is None:
        return None
    hidden = ("managedFields", "ownerReferences", "selfLink")
    meta = {key: value for key, value in namespace["metadata"].items() if key not in hidden}
    found: JSONObject = {"metadata": meta}
    found["spec"] = namespace.get("spec") or {}
    found["status"] = namespace.get("status") or {}
    return found
