"""What a request wants, as authorization sees it: from method, path and query alone.

Nothing is looked up for it. The derivation is `RequestInfoFactory` of k8s.io/apiserver: it knows no
resources, so that a path of an unknown one is judged too, and a name may come from the field selector
`metadata.name`.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from reconcile.apiserver.access.attributes import Attributes
from reconcile.apiserver.handlers.messages import Request
from reconcile.apiserver.handlers.options import Query, parse_int
from reconcile.apiserver.handlers.selection import parse_field_selector
from reconcile.apiserver.interfaces import User
from reconcile.apiserver.status import StatusError

_VERBS: Final = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_OF_NAMESPACES: Final = ("status", "finalize")


class UnreadableRequestError(Exception):
    """The path names a special verb and nothing else; the server answers 500 with this text."""


def attributes_of(request: Request, user: User) -> Attributes:
    """Raises UnreadableRequestError."""
    path = unquote(request.path)
    parts = path.strip("/").split("/")
    if len(parts) < 3 or parts[0] not in ("api", "apis") or (parts[0] == "apis" and len(parts) < 4):
        return Attributes(user, request.method.lower(), path=path, is_resource=False)
    if parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    else:
        group, version, rest = parts[1], parts[2], parts[3:]
    if rest[0] in ("watch", "proxy"):
        if len(rest) < 2:
            raise UnreadableRequestError(f"unable to determine kind and namespace from url, {request.path}")
        verb, rest = rest[0], rest[1:]
    else:
        verb = _VERBS.get(request.method, "")
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _OF_NAMESPACES:
            rest = rest[2:]
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 and verb != "proxy" else ""
    if not name and verb == "get":
        verb, name = _of_collection(Query(request.query))
    if not name and verb == "delete":
        verb = "deletecollection"
    return Attributes(user, verb, rest[0], group, version, subresource, namespace, name, path)


def _of_collection(query: Query) -> tuple[str, str]:
    """Verb of a GET without a name, and the name that its field selector demands."""
    verb = "watch" if query.flag("watch") else "list"
    try:
        for number in ("limit", "timeoutSeconds"):
            if text := query.get(number):
                parse_int(text)
        terms = parse_field_selector(query.get("fieldSelector"))
    except StatusError:
        # Options that cannot be read are none: the handler will say what is wrong with them.
        return verb, ""
    for field, operator, value in terms:
        if field == "metadata.name" and operator == "=":
            good = value not in (".", "..") and "/" not in value and "%" not in value
            return verb, value if good else ""
    return verb, ""
