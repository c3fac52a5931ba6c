"""RBAC: the roles and bindings that are stored, indexed by subject, as an `Authorizer`.

    storage ──every change──▶ roles, bindings (parsed) ──▶ subject → bindings
                                                             ▲
    authorize(who, what) ── user, groups, service account ───┘ ──▶ roles' rules ──▶ yes or no

What decides is what is stored at that moment: there is no cache that lags behind, as there is in the real
server. Whoever is in `system:masters` may do everything, whatever is stored. Rules:
plugin/pkg/auth/authorizer/rbac.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.apiserver.access.attributes import Attributes, Decision, RulesFound
from reconcile.apiserver.access.rules import Rule, rules_of
from reconcile.apiserver.access.user import SUPER_USERS
from reconcile.apiserver.field_errors import aggregate, go_quote
from reconcile.apiserver.handlers.store import decode_object
from reconcile.apiserver.interfaces import User
from reconcile.apiserver.storage import Change, Storage, StoredObject

GROUP: Final = "rbac.authorization.k8s.io"
_ROLES: Final = f"roles.{GROUP}"
_CLUSTER_ROLES: Final = f"clusterroles.{GROUP}"
_ROLE_BINDINGS: Final = f"rolebindings.{GROUP}"
_CLUSTER_ROLE_BINDINGS: Final = f"clusterrolebindings.{GROUP}"


class _Binding:
    """A stored binding, parsed.

    Attributes:
        place: its collection and key.
        subjects: each subject as users are looked up by it, with its words.
    """

    __slots__ = ("kind", "name", "namespace", "place", "role", "subjects")

    def __init__(self, place: tuple[str, str], namespace: str, obj: dict[str, Any]) -> None:
        self.place = place
        self.namespace = namespace
        self.name: str = obj["metadata"]["name"]
        reference = obj.get("roleRef") or {}
        self.kind: str = reference.get("kind") or ""
        self.role: str = reference.get("name") or ""
        self.subjects: list[tuple[str, str]] = []
        for subject in obj.get("subjects") or ():
            kind, name = subject.get("kind") or "", subject.get("name") or ""
            if kind == "ServiceAccount":
                where = subject.get("namespace") or namespace
                if where:
                    user = f"system:serviceaccount:{where}:{name}"
                    self.subjects.append((f"User {user}", f"{kind} {go_quote(f'{name}/{where}')}"))
            elif kind in ("User", "Group"):
                self.subjects.append((f"{kind} {name}", f"{kind} {go_quote(name)}"))

    def source(self, subject: str) -> str:
        """Where a right comes from, in upstream's words."""
        if self.namespace:
            kind, name = "RoleBinding", f"{self.name}/{self.namespace}"
        else:
            kind, name = "ClusterRoleBinding", self.name
        return f"{kind} {go_quote(name)} of {self.kind} {go_quote(self.role)} to {subject}"


class RBAC:
    """Follows the storage from `__init__` on, until `close`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._bindings: dict[tuple[str, str], _Binding] = {}
        # Namespace (empty: the whole cluster) and subject → bindings.
        self._by_subject: dict[tuple[str, str], dict[tuple[str, str], _Binding]] = {}
        self._roles: dict[tuple[str, str], tuple[StoredObject, tuple[Rule, ...]]] = {}
        self._ends = (storage.feed(self._note), storage.on_restore(self._read_all))
        self._read_all()

    def close(self) -> None:
        for end in self._ends:
            end()

    def authorize(self, attributes: Attributes) -> Decision:
        if SUPER_USERS in attributes.user.groups:
            return Decision(True)
        errors: list[str] = []
        for binding, subject in self._bindings_of(attributes.user, attributes.namespace):
            for rule in self._rules_behind(binding, errors):
                if rule.allows(attributes):
                    return Decision(True, f"RBAC: allowed by {binding.source(subject)}")
        return Decision(False, f"RBAC: {aggregate(errors)}" if errors else "")

    def rules_for(self, user: User, namespace: str) -> RulesFound:
        errors: list[str] = []
        rules = self.held_rules(user, namespace, errors)
        return RulesFound(tuple(rule.to_json() for rule in rules), aggregate(errors) if errors else "")

    def held_rules(
        self, user: User, namespace: str, errors: list[str], *, asked_about: str = ""
    ) -> list[Rule]:
        """Every rule that applies to the user there; `errors` gets what could not be resolved.

        `asked_about`: the plural of the request's resource, which upstream's message names where it reads the
        roles in the course of a write.
        """
        return [
            rule
            for binding, _ in self._bindings_of(user, namespace)
            for rule in self._rules_behind(binding, errors, asked_about)
        ]

    def referenced_rules(self, kind: str, name: str, namespace: str) -> tuple[Rule, ...] | None:
        """The rules of the role that a binding in `namespace` refers to; None when there is no such role."""
        collection = _ROLES if kind == "Role" else _CLUSTER_ROLES
        key = f"{namespace}/{name}" if kind == "Role" else name
        held = self._storage.get(collection, key)
        if held is None:
            return None
        known = self._roles.get((collection, key))
        if known is None or known[0] is not held:
            known = (held, rules_of(decode_object(held.raw)))
            self._roles[collection, key] = known
        return known[1]

    def _rules_behind(self, binding: _Binding, errors: list[str], asked_about: str = "") -> tuple[Rule, ...]:
        rules = self.referenced_rules(binding.kind, binding.role, binding.namespace)
        if rules is None:
            shown = asked_about or binding.kind.lower()
            errors.append(f"{shown}.{GROUP} {go_quote(binding.role)} not found")
            return ()
        return rules

    def _bindings_of(self, user: User, namespace: str) -> Iterator[tuple[_Binding, str]]:
        """The bindings that apply to the user, those of the cluster first, with the subject's words."""
        subjects = {f"User {user.name}", *(f"Group {group}" for group in user.groups)}
        for place in ("", namespace) if namespace else ("",):
            found: dict[tuple[str, str], _Binding] = {}
            for subject in subjects:
                found.update(self._by_subject.get((place, subject), {}))
            for key in sorted(found):
                binding = found[key]
                words = next(words for subject, words in binding.subjects if subject in subjects)
                yield binding, words

    def _note(self, collection: str, change: Change) -> None:
        if not collection.endswith(GROUP):
            return
        place = (collection, change.object.key)
        if collection in (_ROLES, _CLUSTER_ROLES):
            self._roles.pop(place, None)
            return
        self._drop(place)
        if change.type != "DELETED" and collection in (_ROLE_BINDINGS, _CLUSTER_ROLE_BINDINGS):
            self._add(place, change.object)

    def _read_all(self) -> None:
        self._bindings.clear()
        self._by_subject.clear()
        self._roles.clear()
        for collection in (_ROLE_BINDINGS, _CLUSTER_ROLE_BINDINGS):
            for held in self._storage.page(collection).items:
                self._add((collection, held.key), held)

    def _add(self, place: tuple[str, str], held: StoredObject) -> None:
        binding = _Binding(place, held.namespace, decode_object(held.raw))
        self._bindings[place] = binding
        for subject, _ in binding.subjects:
            self._by_subject.setdefault((binding.namespace, subject), {})[place] = binding

    def _drop(self, place: tuple[str, str]) -> None:
        binding = self._bindings.pop(place, None)
        if binding is None:
            return
        for subject, _ in binding.subjects:
            held = self._by_subject.get((binding.namespace, subject))
            if held is not None:
                held.pop(place, None)
                if not held:
                    del self._by_subject[binding.namespace, subject]
