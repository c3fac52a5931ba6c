"""What authorization asks in the middle of a write: nobody grants more than they have.

Two admission plugins, put around the others: the first one's `validate` comes before every other
validation, the last one's `admit` after every other mutation, as in kube-apiserver
(registry/rbac/*/policybased, handlers/update.go).
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.apiserver import status
from reconcile.apiserver.access.attributes import Attributes
from reconcile.apiserver.access.forbidden import forbidden_to
from reconcile.apiserver.access.rbac import GROUP, RBAC
from reconcile.apiserver.access.rules import (
    ALL_PATHS,
    ALL_RESOURCES,
    Rule,
    compact,
    go_list,
    rules_of,
    uncovered,
)
from reconcile.apiserver.access.user import SUPER_USERS
from reconcile.apiserver.field_errors import aggregate, go_quote
from reconcile.apiserver.interfaces import (
    AdmissionAttributes,
    AdmissionPlugin,
    JSONObject,
    Operation,
    RequestContext,
)
from reconcile.apiserver.resources import Resource

_ROLES: Final = ("roles", "clusterroles")
_BINDINGS: Final = ("rolebindings", "clusterrolebindings")
_KEPT: Final = ("ownerReferences", "finalizers", "selfLink", "managedFields")


class CreateOnUpdate(AdmissionPlugin):
    """An update or apply that creates needs the right to create too."""

    name = "AuthorizeCreateOnUpdate"

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return operation == "CREATE"

    async def validate(self, attributes: AdmissionAttributes) -> None:
        context = attributes.context
        authorizer = context.authorizer
        if authorizer is None or context.verb == "create":
            return
        kind = attributes.resource.type
        wanted = Attributes(
            context.user,
            "create",
            kind.plural,
            kind.group,
            kind.version,
            attributes.subresource,
            context.namespace,
            context.name,
        )
        decision = authorizer.authorize(wanted)
        if not decision.allowed:
            raise forbidden_to(wanted, decision.reason)


class NoEscalation(AdmissionPlugin):
    """Roles and bindings grant no more than their author holds, unless `escalate` or `bind` allow it."""

    name = "RBACEscalation"

    def __init__(self, rbac: RBAC) -> None:
        self._rbac = rbac

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        kind = resource.type
        return (
            operation in ("CREATE", "UPDATE")
            and kind.group == GROUP
            and kind.plural in (*_ROLES, *_BINDINGS)
            and not subresource
        )

    async def admit(self, attributes: AdmissionAttributes) -> None:
        context = attributes.context
        new, old = attributes.object, attributes.old_object
        if SUPER_USERS in context.user.groups or new is None:
            return
        if attributes.resource.type.plural in _ROLES:
            self._check_role(attributes, context, new, old)
        else:
            self._check_binding(attributes, context, new, old)

    def _check_role(
        self,
        attributes: AdmissionAttributes,
        context: RequestContext,
        new: JSONObject,
        old: JSONObject | None,
    ) -> None:
        plural = attributes.resource.type.plural
        # A request that creates names nothing in its path.
        name = "" if context.verb == "create" else context.name
        escalate = Attributes(
            context.user, "escalate", plural, GROUP, "*", namespace=context.namespace, name=name
        )
        if self._rbac.authorize(escalate).allowed or _only_for_collection(new, old):
            return
        self._confirm(attributes, context, new, rules_of(new))
        if _aggregates(new) or (old is not None and _aggregates(old)):
            missing = uncovered(self._rbac.held_rules(context.user, "", []), (ALL_RESOURCES, ALL_PATHS))
            if missing:
                text = "must have cluster-admin privileges to use the aggregationRule"
                raise status.forbidden(GROUP, plural, new["metadata"].get("name") or "", text)

    def _check_binding(
        self,
        attributes: AdmissionAttributes,
        context: RequestContext,
        new: JSONObject,
        old: JSONObject | None,
    ) -> None:
        if _only_for_collection(new, old):
            return
        reference: dict[str, Any] = new.get("roleRef") or {}
        kind, name = reference.get("kind") or "", reference.get("name") or ""
        plural = {"ClusterRole": "clusterroles", "Role": "roles"}.get(kind)
        if plural is not None:
            group = reference.get("apiGroup") or ""
            bind = Attributes(
                context.user, "bind", plural, group, "*", namespace=context.namespace, name=name
            )
            if self._rbac.authorize(bind).allowed:
                return
        if plural is None:
            text = f"unsupported role reference kind: {go_quote(kind)}"
            raise status.StatusError(text, code=500)
        rules = self._rbac.referenced_rules(kind, name, context.namespace)
        if rules is None:
            raise status.not_found(GROUP, attributes.resource.type.plural, name)
        self._confirm(attributes, context, new, rules)

    def _confirm(
        self,
        attributes: AdmissionAttributes,
        context: RequestContext,
        obj: JSONObject,
        wanted: tuple[Rule, ...],
    ) -> None:
        errors: list[str] = []
        user = context.user
        asked_about = attributes.resource.type.plural
        held = self._rbac.held_rules(user, context.namespace, errors, asked_about=asked_about)
        missing = uncovered(held, wanted)
        if not missing:
            return
        lines = "\n".join(sorted({str(rule) for rule in compact(missing)}))
        text = (
            f"user {go_quote(user.name)} (groups={go_list(user.groups)}) is attempting to grant RBAC "
            f"permissions not currently held:\n{lines}"
        )
        if errors:
            text = f"{text}; resolution errors: [{aggregate(errors)}]"
        raise status.forbidden(
            GROUP, attributes.resource.type.plural, obj["metadata"].get("name") or "", text
        )


def _aggregates(role: JSONObject) -> bool:
    return bool((role.get("aggregationRule") or {}).get("clusterRoleSelectors"))


def _only_for_collection(new: JSONObject, old: JSONObject | None) -> bool:
    """Whether an update changes nothing but what garbage collection needs to change."""
    if old is None:
        return False
    kept = {key: old["metadata"][key] for key in _KEPT if key in old["metadata"]}
    metadata = {key: value for key, value in new["metadata"].items() if key not in _KEPT}
    return {**new, "metadata": {**metadata, **kept}} == old
