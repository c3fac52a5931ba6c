"""The words of 403: who cannot do what."""

from __future__ import annotations

from reconcile.apiserver import status
from reconcile.apiserver.access.attributes import Attributes
from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.interfaces import RequestContext


def forbidden_to(attributes: Attributes, reason: str = "") -> status.StatusError:
    """The 403 of what an authorizer did not allow."""
    text = _cannot(attributes)
    for char, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(char, escaped)
    detail = f"{text}: {reason}" if reason else text
    return status.forbidden(attributes.group, attributes.resource, attributes.name, detail)


def require_create(context: RequestContext) -> None:
    """Whoever opens a session in a pod by GET, as WebSockets do, needs the verb `create` too. Raises 403."""
    authorizer, kind = context.authorizer, context.resource.type
    if authorizer is None or context.verb == "create":
        return
    wanted = Attributes(
        context.user,
        "create",
        kind.plural,
        kind.group,
        kind.version,
        context.subresource,
        context.namespace,
        context.name,
    )
    decision = authorizer.authorize(wanted)
    if not decision.allowed:
        raise status.forbidden(kind.group, kind.plural, context.name, decision.reason)


def _cannot(attributes: Attributes) -> str:
    user = f"User {go_quote(attributes.user.name)} cannot {attributes.verb}"
    if not attributes.is_resource:
        return f"{user} path {go_quote(attributes.path)}"
    resource = attributes.resource
    if attributes.subresource:
        resource = f"{resource}/{attributes.subresource}"
    what = f"{user} resource {go_quote(resource)} in API group {go_quote(attributes.group)}"
    if attributes.namespace:
        return f"{what} in the namespace {go_quote(attributes.namespace)}"
    return f"{what} at the cluster scope"
