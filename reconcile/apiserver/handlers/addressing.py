"""Name and namespace in a body against those of the path."""

from __future__ import annotations

from reconcile.apiserver import status
from reconcile.apiserver.interfaces import JSONObject, RequestContext


def check_name(context: RequestContext, meta: JSONObject) -> None:
    """The name in the body is that in the path."""
    name = meta.get("name") or ""
    if not name:
        raise status.bad_request(
            f"the name of the object ({context.name} based on URL) was undeterminable: name must be provided"
        )
    if name != context.name:
        raise status.bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({context.name})"
        )


def check_namespace(context: RequestContext, meta: JSONObject) -> None:
    """The namespace in the body is that in the path; objects of the cluster have none, whatever they say."""
    if not context.resource.type.namespaced:
        meta.pop("namespace", None)
        return
    if (meta.get("namespace") or context.namespace) != context.namespace:
        raise status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if context.namespace:
        meta["namespace"] = context.namespace
