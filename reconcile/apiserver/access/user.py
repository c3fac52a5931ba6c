"""Who asks: the user of a request, and its written form.

`RequestContext.user` is the one that a request is carried out for: after impersonation, the impersonated one.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from reconcile.apiserver.interfaces import User

UserInfo = User
"""The frozen record of a user: `name`, `groups`, `uid`, `extra`."""

ANONYMOUS: Final = User("system:anonymous", ("system:unauthenticated",))
ALL_AUTHENTICATED: Final = "system:authenticated"
ALL_UNAUTHENTICATED: Final = "system:unauthenticated"
SUPER_USERS: Final = "system:masters"
CREDENTIAL_ID: Final = "authentication.kubernetes.io/credential-id"

_PREFIX: Final = "system:serviceaccount:"
# What the name of a header field may have beside letters and digits; the percent sign escapes all else.
_IN_NAMES: Final = "!#$&'*+-.^_`|~"


def user_info(user: User) -> dict[str, Any]:
    """The `userInfo` of reviews, as JSON: `username`, `uid`, `groups`, `extra`; what is empty is left out."""
    info: dict[str, Any] = {}
    if user.name:
        info["username"] = user.name
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(value) for key, value in sorted(user.extra.items())}
    return info


def header_fields(user: User) -> list[tuple[str, str]]:
    """The user as the fields that a server behind this one believes (`X-Remote-…`)."""
    found = [("x-remote-user", user.name)]
    if user.uid:
        found.append(("x-remote-uid", user.uid))
    found += [("x-remote-group", group) for group in user.groups]
    for key, values in user.extra.items():
        name = f"x-remote-extra-{quote(key, safe=_IN_NAMES)}"
        found += [(name, value) for value in values]
    return found


def authenticated(user: User) -> User:
    """The user in the group of all who are known, unless anonymous or in one of the two groups already."""
    if user.name == ANONYMOUS.name or ALL_AUTHENTICATED in user.groups or ALL_UNAUTHENTICATED in user.groups:
        return user
    return User(user.name, (*user.groups, ALL_AUTHENTICATED), user.uid, user.extra)


def service_account(namespace: str, name: str, *, uid: str = "") -> User:
    """The user that a service account's tokens stand for.

    >>> service_account("default", "operator").groups
    ('system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated')
    """
    groups = (*service_account_groups(namespace), ALL_AUTHENTICATED)
    return User(f"{_PREFIX}{namespace}:{name}", groups, uid)


def service_account_groups(namespace: str) -> tuple[str, str]:
    return "system:serviceaccounts", f"system:serviceaccounts:{namespace}"


def split_service_account(username: str) -> tuple[str, str] | None:
    """Namespace and name of the service account that a user name stands for; None for other users.

    >>> split_service_account("system:serviceaccount:default:operator")
    ('default', 'operator')
    >>> split_service_account("system:serviceaccount:default:Operator") is None
    True
    """
    from reconcile.objects.names import dns_label_problems, dns_subdomain_problems

    if not username.startswith(_PREFIX):
        return None
    namespace, separator, name = username[len(_PREFIX) :].partition(":")
    if not separator or dns_label_problems(namespace) or dns_subdomain_problems(name):
        return None
    return namespace, name
