"""Kubernetes' authorizer: declared, so that its functions are known; only admission policies have one."""

from __future__ import annotations

from typing import Any

from reconcile.cel.declarations import Function, Overload
from reconcile.cel.failure import no_such_overload
from reconcile.cel.types import BOOL, STRING, Kind, Type

_GROUP = "kubernetes.authorization"
AUTHORIZER = Type(Kind.STRUCT, f"{_GROUP}.Authorizer")
PATH_CHECK = Type(Kind.STRUCT, f"{_GROUP}.PathCheck")
GROUP_CHECK = Type(Kind.STRUCT, f"{_GROUP}.GroupCheck")
RESOURCE_CHECK = Type(Kind.STRUCT, f"{_GROUP}.ResourceCheck")
DECISION = Type(Kind.STRUCT, f"{_GROUP}.Decision")


def declarations() -> list[Function]:
    def of(name: str, *overloads: tuple[str, tuple[Type, ...], Type]) -> Function:
        return Function(name, [Overload(id, args, result, _absent, True) for id, args, result in overloads])

    def refined(name: str, id: str) -> Function:
        return of(name, (id, (RESOURCE_CHECK, STRING), RESOURCE_CHECK))

    return [
        of("path", ("authorizer_path", (AUTHORIZER, STRING), PATH_CHECK)),
        of("group", ("authorizer_group", (AUTHORIZER, STRING), GROUP_CHECK)),
        of("serviceAccount", ("authorizer_serviceaccount", (AUTHORIZER, STRING, STRING), AUTHORIZER)),
        of("resource", ("groupcheck_resource", (GROUP_CHECK, STRING), RESOURCE_CHECK)),
        refined("subresource", "resourcecheck_subresource"),
        refined("namespace", "resourcecheck_namespace"),
        refined("name", "resourcecheck_name"),
        of(
            "check",
            ("pathcheck_check", (PATH_CHECK, STRING), DECISION),
            ("resourcecheck_check", (RESOURCE_CHECK, STRING), DECISION),
        ),
        of("errored", ("decision_errored", (DECISION,), BOOL)),
        of("error", ("decision_error", (DECISION,), STRING)),
        of("allowed", ("decision_allowed", (DECISION,), BOOL)),
        of("reason", ("decision_reason", (DECISION,), STRING)),
        refined("fieldSelector", "authorizer_fieldselector"),
        refined("labelSelector", "authorizer_labelselector"),
    ]


def _absent(*values: Any) -> Any:
    raise no_such_overload()
