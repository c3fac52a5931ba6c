"""Impersonation: a request on behalf of somebody else, and who may ask for one.

kube-apiserver 1.36 knows five modes and takes the first that is allowed: four *constrained* ones, each of
which asks for a right on the user (`impersonate:serviceaccount`) and for one on what is done in its name
(`impersonate-on:serviceaccount:list`), and the old one, the verb `impersonate` alone. When none is allowed,
the answer is what the first one said. The mode that last worked for a user is tried first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote

from reconcile.apiserver import field_errors, status
from reconcile.apiserver.access.attributes import Attributes, Authorizer
from reconcile.apiserver.access.forbidden import forbidden_to
from reconcile.apiserver.access.user import (
    ALL_AUTHENTICATED,
    ALL_UNAUTHENTICATED,
    ANONYMOUS,
    SUPER_USERS,
    service_account_groups,
    split_service_account,
)
from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.interfaces import User
from reconcile.objects.names import dns_subdomain_problems

_GROUP: Final = "authentication.k8s.io"
_EXTRA: Final = "impersonate-extra-"
_MANY: Final = 4
_REMEMBERED: Final = 10_000
_NODE: Final = "system:node:"
_PATH: Final = re.compile(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+")

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Mode:
    """Attributes: name: as verbs spell it; empty for the old mode."""

    name: str = ""

    @property
    def verb(self) -> str:
        return f"impersonate:{self.name}" if self.name else "impersonate"


_ASSOCIATED_NODE: Final = _Mode("associated-node")
_MODES: Final = (
    _ASSOCIATED_NODE,
    _Mode("arbitrary-node"),
    _Mode("serviceaccount"),
    _Mode("user-info"),
    _Mode(),
)


def wanted_user(headers: Headers) -> User | None:
    """The user that the `Impersonate-…` headers (names in lower case) want; None when there are none.

    Raises StatusError where they want all but a user name.
    """
    name = uid = ""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}
    for field, value in headers:
        if field == "impersonate-user":
            name = name or value
        elif field == "impersonate-uid":
            uid = uid or value
        elif field == "impersonate-group":
            groups.append(value)
        elif field.startswith(_EXTRA):
            extra.setdefault(unquote(field[len(_EXTRA) :]), []).append(value)
    wanted = User(name, tuple(groups), uid, extra)
    if name:
        return wanted
    if groups or uid or extra:
        raise status.bad_request(f"requested {_go_dump(wanted)} without impersonating a user name")
    return None


class Impersonation:
    """Decides who may act as whom."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._last: dict[str, _Mode] = {}

    def act_as(self, wanted: User, asked: Attributes) -> User:
        """The user for whom the request `asked` is carried out. Raises StatusError."""
        requestor = asked.user
        last = self._last.get(requestor.name)
        modes = _MODES if last is None else (last, *(mode for mode in _MODES if mode is not last))
        first_error: status.StatusError | None = None
        for mode in modes:
            if not _applies(mode, wanted, requestor):
                continue
            try:
                user = self._check(mode, wanted, asked)
            except status.StatusError as error:
                first_error = first_error or error
                continue
            if mode is not last:
                self._last.pop(requestor.name, None)
                self._last[requestor.name] = mode
                if len(self._last) > _REMEMBERED:
                    del self._last[next(iter(self._last))]
            return user
        assert first_error is not None, "the old mode applies to everybody"
        raise first_error

    def _check(self, mode: _Mode, wanted: User, asked: Attributes) -> User:
        if mode.name:
            self._require(replace(asked, verb=f"impersonate-on:{mode.name}:{asked.verb}"))
        core = _GROUP if mode.name else ""
        base = Attributes(asked.user, mode.verb, group=_GROUP, version="v1")
        groups = self._check_name(mode, wanted, replace(base, group=core))
        if wanted.uid:
            self._require(replace(base, resource="uids", name=wanted.uid))
        if wanted.groups:
            self._check_groups(mode, wanted.groups, replace(base, group=core, resource="groups"))
        if wanted.extra:
            self._check_extra(mode, wanted, replace(base, resource="userextras"))
        if wanted.name == ANONYMOUS.name:
            groups = _with(groups, ALL_UNAUTHENTICATED)
        elif ALL_UNAUTHENTICATED not in groups:
            groups = _with(groups, ALL_AUTHENTICATED)
        return replace(wanted, groups=groups)

    def _check_name(self, mode: _Mode, wanted: User, base: Attributes) -> tuple[str, ...]:
        """The groups that come with the name."""
        groups = wanted.groups
        on_user = replace(base, resource="users", name=wanted.name)
        node = _node_of(wanted.name)
        account = split_service_account(wanted.name)
        if mode.name and node is not None:
            # One association is good for all nodes: it is asked about no node in particular.
            shown = "*" if mode is _ASSOCIATED_NODE else node
            on_user = replace(on_user, resource="nodes", name=shown)
            groups = ("system:nodes",)
        if account is not None:
            namespace, name = account
            on_user = replace(on_user, resource="serviceaccounts", namespace=namespace, name=name)
            groups = groups or service_account_groups(namespace)
        self._require(on_user)
        return groups

    def _check_groups(self, mode: _Mode, groups: Sequence[str], base: Attributes) -> None:
        if mode.name:
            if "" in groups:
                raise forbidden_to(base, "impersonating the empty string group is not allowed")
            if SUPER_USERS in groups:
                text = "impersonating the system:masters group is not allowed"
                raise forbidden_to(replace(base, name=SUPER_USERS), text)
            if len(groups) >= _MANY and self._authorizer.authorize(replace(base, name="*")).allowed:
                return
        for group in groups:
            self._require(replace(base, name=group))

    def _check_extra(self, mode: _Mode, wanted: User, base: Attributes) -> None:
        if mode.name:
            if problem := _extra_problem(wanted):
                raise forbidden_to(base, problem)
            many = len(wanted.extra) >= _MANY or sum(map(len, wanted.extra.values())) >= _MANY
            every = replace(base, subresource="*", name="*")
            if many and self._authorizer.authorize(every).allowed:
                return
        for key, values in wanted.extra.items():
            for value in values:
                self._require(replace(base, subresource=key, name=value))

    def _require(self, attributes: Attributes) -> None:
        decision = self._authorizer.authorize(attributes)
        if not decision.allowed:
            raise forbidden_to(attributes, decision.reason)


def _applies(mode: _Mode, wanted: User, requestor: User) -> bool:
    name_only = not (wanted.uid or wanted.groups or wanted.extra)
    node = _node_of(wanted.name)
    account = split_service_account(wanted.name)
    match mode.name:
        case "associated-node":
            at = requestor.extra.get("authentication.kubernetes.io/node-name") or ()
            by_account = split_service_account(requestor.name) is not None
            return name_only and node is not None and by_account and list(at) == [node]
        case "arbitrary-node":
            return name_only and node is not None
        case "serviceaccount":
            return name_only and account is not None
        case "user-info":
            return node is None and account is None
        case _:
            return True


def _node_of(username: str) -> str | None:
    if not username.startswith(_NODE):
        return None
    name = username[len(_NODE) :]
    return None if dns_subdomain_problems(name) else name


def _extra_problem(wanted: User) -> str:
    for key, values in wanted.extra.items():
        if not key:
            return "impersonating the empty string key in extra is not allowed"
        if errors := _path_problems(key):
            return f"impersonating an invalid key in extra is not allowed: {field_errors.aggregate(errors)}"
        if key != key.lower():
            return f"impersonating a non-lowercase key in extra is not allowed: {go_quote(key)}"
        if not values:
            return "impersonating empty values in extra is not allowed"
        if "" in values:
            return "impersonating the empty string value in extra is not allowed"
    return ""


def _path_problems(key: str) -> list[str]:
    host, slash, path = key.partition("/")
    if not (host and slash and path):
        detail = 'must be a domain-prefixed path (such as "acme.io/foo")'
        return [str(field_errors.invalid("extra.key", key, detail))]
    errors = [str(field_errors.invalid("extra.key", host, text)) for text in dns_subdomain_problems(host)]
    if not _PATH.fullmatch(path):
        detail = f"Invalid path (regex used for validation is '{_PATH.pattern}')"
        errors.append(str(field_errors.invalid("extra.key", path, detail)))
    return errors


def _with(groups: tuple[str, ...], group: str) -> tuple[str, ...]:
    return groups if group in groups else (*groups, group)


def _go_dump(user: User) -> str:
    """The user as Go's %#v prints it: this is in a message."""
    groups = f"[]string{{{', '.join(map(go_quote, user.groups))}}}" if user.groups else "[]string(nil)"
    pairs = ", ".join(
        f"{go_quote(key)}:[]string{{{', '.join(map(go_quote, values))}}}"
        for key, values in sorted(user.extra.items())
    )
    extra = f"map[string][]string{{{pairs}}}" if user.extra else "map[string][]string(nil)"
    return (
        f"&user.DefaultInfo{{Name:{go_quote(user.name)}, UID:{go_quote(user.uid)}, Groups:{groups}, "
        f"Extra:{extra}}}"
    )
