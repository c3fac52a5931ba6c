"""Who writes an admission policy with parameters, or binds one, must be allowed to read these.

Else a policy's messages would tell its author what is in objects that are not theirs to read. Rules and words
are those of registry/admissionregistration/*/authz.go: a part of validation, asked if nothing else is wrong.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.apiserver import status
from reconcile.apiserver.access.attributes import Attributes
from reconcile.apiserver.access.user import SUPER_USERS
from reconcile.apiserver.field_errors import forbidden
from reconcile.apiserver.interfaces import (
    AdmissionAttributes,
    AdmissionPlugin,
    JSONObject,
    Operation,
    RequestContext,
    User,
)
from reconcile.apiserver.resources import Resource

_GROUP: Final = "admissionregistration.k8s.io"
_POLICIES: Final = ("validatingadmissionpolicies", "mutatingadmissionpolicies")
_BINDINGS: Final = ("validatingadmissionpolicybindings", "mutatingadmissionpolicybindings")


class PolicyParams(AdmissionPlugin):
    """Asked first of all validation by admission, which is directly after that of the object."""

    name = "AuthorizePolicyParams"

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        kind = resource.type
        wanted = kind.group == _GROUP and kind.plural in (*_POLICIES, *_BINDINGS)
        return wanted and operation in ("CREATE", "UPDATE") and not subresource

    async def validate(self, attributes: AdmissionAttributes) -> None:
        context, new = attributes.context, attributes.object
        if context.authorizer is None or SUPER_USERS in context.user.groups or new is None:
            return
        spec: JSONObject = new.get("spec") or {}
        old: JSONObject = (attributes.old_object or {}).get("spec") or {}
        kind = attributes.resource.type
        if kind.plural in _POLICIES:
            field, problem = "spec.paramKind", _of_policy(context, spec, old)
        else:
            field, problem = "spec.paramRef", _of_binding(context, spec, old)
        if problem:
            name = new["metadata"].get("name") or ""
            raise status.invalid(kind.group, kind.kind, name, [forbidden(field, problem)])


def _of_policy(context: RequestContext, spec: JSONObject, old: JSONObject) -> str:
    kind = spec.get("paramKind")
    if kind is None or kind == old.get("paramKind"):
        return ""
    group, version, resource = _resolved(context, kind)
    if _may(context, Attributes(context.user, "get", resource, group, version, "", "*", "*")):
        return ""
    shown = f"(kind={kind.get('kind') or ''}, apiVersion={kind.get('apiVersion') or ''})"
    needs = 'must have "get" permission on all objects of the referenced paramKind'
    return f"user {_go_user(context.user)} {needs} {shown}"


def _of_binding(context: RequestContext, spec: JSONObject, old: JSONObject) -> str:
    reference = spec.get("paramRef")
    if reference is None:
        return ""
    name: str = spec.get("policyName") or ""
    if reference == old.get("paramRef") and name == old.get("policyName"):
        return ""
    mutating = context.resource.type.plural == "mutatingadmissionpolicybindings"
    policies = f"{'mutating' if mutating else 'validating'}admissionpolicies.{_GROUP}"
    policy = context.access.read(policies, "", name)
    kind: JSONObject | None = None if policy is None else (policy.get("spec") or {}).get("paramKind")
    group, version, resource = ("*", "*", "*") if kind is None else _resolved(context, kind)
    verb = "get" if reference.get("name") else "list"
    place = reference.get("namespace") or "", reference.get("name") or ""
    if _may(context, Attributes(context.user, verb, resource, group, version, "", *place)):
        return ""
    user = _go_user(context.user)
    lacks = f'user {user} does not have "{verb}" permission'
    purpose = "to determine minimum required permissions and"
    everything = "for all groups, versions and resources"
    if policy is None:
        return f"unable to get policy {name} {purpose} {lacks} {everything}"
    if kind is not None and resource == "*":
        shown = f"&ParamKind{{APIVersion:{kind.get('apiVersion') or ''},Kind:{kind.get('kind') or ''},}}"
        return f"unable to resolve paramKind {shown} {purpose} {lacks} {everything}"
    if mutating:
        # Upstream's slip: the two have changed places.
        return f'user {verb} does not have "{user}" permission on the object referenced by paramRef'
    return f"{lacks} on the object referenced by paramRef"


def _resolved(context: RequestContext, kind: dict[str, Any]) -> tuple[str, str, str]:
    """Group, version and plural of a kind; a plural of `*` where it is not served."""
    api_version: str = kind.get("apiVersion") or ""
    group, _, version = api_version.rpartition("/")
    resource = context.access.resource_for_kind(api_version, kind.get("kind") or "")
    return group, version, "*" if resource is None else resource.type.plural


def _may(context: RequestContext, wanted: Attributes) -> bool:
    return context.authorizer is None or context.authorizer.authorize(wanted).allowed


def _go_user(user: User) -> str:
    """The user as Go's %v prints it."""
    groups = " ".join(user.groups)
    extra = " ".join(f"{key}:[{' '.join(values)}]" for key, values in sorted(user.extra.items()))
    return f"&{{{user.name} {user.uid} [{groups}] map[{extra}]}}"
