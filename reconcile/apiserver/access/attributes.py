"""What is asked of an authorizer, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from reconcile.apiserver.interfaces import User


@dataclass(frozen=True, slots=True)
class Attributes:
    """One thing that somebody wants to do.

    Attributes:
        user: who.
        verb: of a resource `get`, `list`, `create`, …; of another path the HTTP method in lower case.
        resource: plural name; empty for a path that is no resource.
        group: API group; empty for the core group.
        version: API version; `*` for any.
        subresource: such as `status`; empty for the object itself.
        namespace: empty for what has none, and for all namespaces.
        name: of the object; empty where the request does not name one.
        path: the path, when it is no resource.
        is_resource: a resource is meant, and not a path. Reviews may leave the resource's name empty.
    """

    user: User
    verb: str
    resource: str = ""
    group: str = ""
    version: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    is_resource: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """An authorizer's answer.

    Attributes:
        allowed: it may be done.
        reason: why, or what was wrong with the rules; may be empty.
    """

    allowed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RulesFound:
    """What one user may do in one namespace, as rules in the form of a role's.

    Attributes:
        rules: the rules, those of the whole cluster first.
        error: what was wrong with some roles or bindings; empty when nothing was.
    """

    rules: tuple[dict[str, list[str]], ...]
    error: str = ""


class Authorizer(Protocol):
    """Decides who may do what. Pure and synchronous: it answers by what is stored now."""

    def authorize(self, attributes: Attributes) -> Decision: ...

    def rules_for(self, user: User, namespace: str) -> RulesFound:
        """Every rule that applies to the user in the namespace (empty: in the cluster as a whole)."""
        ...
