"""Kubernetes' authorizer: what an admission policy asks about who may do what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from reconcile.cel.declarations import Function, Overload
from reconcile.cel.failure import Failure, no_such_overload
from reconcile.cel.types import BOOL, STRING, Kind, Type
from reconcile.cel.values import Opaque
from reconcile.objects.names import dns_label_problems, dns_subdomain_problems

_GROUP = "kubernetes.authorization"
AUTHORIZER = Type(Kind.STRUCT, f"{_GROUP}.Authorizer")
PATH_CHECK = Type(Kind.STRUCT, f"{_GROUP}.PathCheck")
GROUP_CHECK = Type(Kind.STRUCT, f"{_GROUP}.GroupCheck")
RESOURCE_CHECK = Type(Kind.STRUCT, f"{_GROUP}.ResourceCheck")
DECISION = Type(Kind.STRUCT, f"{_GROUP}.Decision")


@dataclass(frozen=True, slots=True)
class Question:
    """What an expression asks of an authorizer.

    Attributes:
        verb: the verb.
        service_account: namespace and name of the account that is meant; None: who makes the request.
        path: of a question about a path; empty for one about a resource.
        field_selector, label_selector: what the check is narrowed to.
    """

    verb: str = ""
    service_account: tuple[str, str] | None = None
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    label_selector: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the authorizer says."""

    allowed: bool
    reason: str = ""
    error: str = ""


Ask = Callable[[Question], Answer]


@dataclass(frozen=True, slots=True)
class _State:
    ask: Ask
    question: Question
    answer: Answer | None = None


def authorizer(ask: Ask) -> Opaque:
    """The variable `authorizer`."""
    return Opaque(AUTHORIZER, _State(ask, Question()), AUTHORIZER.name)


def resource_check(ask: Ask, question: Question) -> Opaque:
    """A check that is about a resource already, such as `authorizer.requestResource`."""
    return Opaque(RESOURCE_CHECK, _State(ask, question), RESOURCE_CHECK.name)


def declarations() -> list[Function]:
    def of(name: str, *overloads: Overload) -> Function:
        return Function(name, list(overloads))

    def overload(id: str, args: tuple[Type, ...], result: Type, run: Callable[..., Any]) -> Overload:
        return Overload(id, args, result, run, True)

    def refined(name: str, id: str, field: str) -> Function:
        def run(value: Any, given: Any) -> Any:
            return _refined(_expect(value, RESOURCE_CHECK), RESOURCE_CHECK, **{field: given})

        return of(name, overload(id, (RESOURCE_CHECK, STRING), RESOURCE_CHECK, run))

    return [
        of("path", overload("authorizer_path", (AUTHORIZER, STRING), PATH_CHECK, _path)),
        of("group", overload("authorizer_group", (AUTHORIZER, STRING), GROUP_CHECK, _group)),
        of(
            "serviceAccount",
            overload("authorizer_serviceaccount", (AUTHORIZER, STRING, STRING), AUTHORIZER, _account),
        ),
        of("resource", overload("groupcheck_resource", (GROUP_CHECK, STRING), RESOURCE_CHECK, _resource)),
        refined("subresource", "resourcecheck_subresource", "subresource"),
        refined("namespace", "resourcecheck_namespace", "namespace"),
        refined("name", "resourcecheck_name", "name"),
        of(
            "check",
            overload("pathcheck_check", (PATH_CHECK, STRING), DECISION, _check),
            overload("resourcecheck_check", (RESOURCE_CHECK, STRING), DECISION, _check),
        ),
        of("errored", overload("decision_errored", (DECISION,), BOOL, lambda it: bool(_answer(it).error))),
        of("error", overload("decision_error", (DECISION,), STRING, lambda it: _answer(it).error)),
        of("allowed", overload("decision_allowed", (DECISION,), BOOL, lambda it: _answer(it).allowed)),
        of("reason", overload("decision_reason", (DECISION,), STRING, lambda it: _answer(it).reason)),
        refined("fieldSelector", "authorizer_fieldselector", "field_selector"),
        refined("labelSelector", "authorizer_labelselector", "label_selector"),
    ]


def _expect(value: Any, *types: Type) -> _State:
    if isinstance(value, Opaque) and value.type in types:
        return value.value
    raise no_such_overload()


def _refined(state: _State, type: Type, **fields: Any) -> Opaque:
    return Opaque(type, _State(state.ask, replace(state.question, **fields)), type.name)


def _path(value: Any, path: str) -> Opaque:
    state = _expect(value, AUTHORIZER)
    if not path.strip():
        raise Failure("path must not be empty")
    return _refined(state, PATH_CHECK, path=path)


def _group(value: Any, group: str) -> Opaque:
    return _refined(_expect(value, AUTHORIZER), GROUP_CHECK, group=group)


def _account(value: Any, namespace: str, name: str) -> Opaque:
    state = _expect(value, AUTHORIZER)
    if dns_subdomain_problems(name):
        raise Failure("Invalid service account name")
    if dns_label_problems(namespace):
        raise Failure("Invalid service account namespace")
    return _refined(state, AUTHORIZER, service_account=(namespace, name))


def _resource(value: Any, resource: str) -> Opaque:
    state = _expect(value, GROUP_CHECK)
    if not resource.strip():
        raise Failure("resource must not be empty")
    return _refined(state, RESOURCE_CHECK, resource=resource)


def _check(value: Any, verb: str) -> Opaque:
    state = _expect(value, PATH_CHECK, RESOURCE_CHECK)
    question = replace(state.question, verb=verb)
    return Opaque(DECISION, _State(state.ask, question, state.ask(question)), DECISION.name)


def _answer(value: Any) -> Answer:
    answer = _expect(value, DECISION).answer
    assert answer is not None
    return answer
