"""Whether a policy's expressions fit the types of the objects that it is about.

The rules and words are those of k8s.io/apiserver's `pkg/admission/plugin/policy/validating/typechecking.go`:
what is found only warns.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconcile.apiserver.admission import expressions
from reconcile.cel import CelError
from reconcile.cel.libraries.authorizer import AUTHORIZER
from reconcile.cel.programs import checked_expression
from reconcile.cel.schema_types import DYN, Declared, declare
from reconcile.objects.identity import GroupVersionKind

JSONObject = dict[str, Any]
Definitions = Mapping[str, JSONObject]
KindsFor = Callable[[str, str, str], Sequence[GroupVersionKind]]
"""The kinds of a resource by group (empty: any), version and name."""

_MOST_KINDS: Final = 10
_MOST_KEPT: Final = 32
_EXTENSION: Final = "x-kubernetes-group-version-kind"


@dataclass(frozen=True, slots=True)
class _Types:
    """What the variables of one kind of object are declared as."""

    kind: GroupVersionKind
    variables: Mapping[str, Declared]


class TypeChecker:
    """Checks policies against the kinds of one server, as long as these stay what they are."""

    def __init__(self, kinds_for: KindsFor, definitions: Callable[[str], Definitions | None]) -> None:
        """
        Args:
            kinds_for: finds the kinds of resources.
            definitions: the schemas of an OpenAPI v3 document by its group and version, as in `apps/v1`; None
                where there is no such document.
        """
        self._kinds_for = kinds_for
        self._definitions = definitions
        self._known: dict[GroupVersionKind, tuple[bool, Declared | None]] = {}

    def check(self, policy: JSONObject) -> list[JSONObject]:
        """The warnings, as `status.typeChecking.expressionWarnings` has them."""
        spec: JSONObject = policy.get("spec") or {}
        types = list(self._types(spec))
        found: list[JSONObject] = []
        for index, validation in enumerate(spec.get("validations") or ()):
            for key in ("expression", "messageExpression"):
                text = validation.get(key) or ""
                if not text and key == "messageExpression":
                    continue
                warning = _warning(text, types)
                if warning:
                    found.append({"fieldRef": f"spec.validations[{index}].{key}", "warning": warning})
        return found

    def _types(self, spec: JSONObject) -> Iterator[_Types]:
        params = self._params(spec)
        for kind in self._kinds(spec):
            known, declared = self._declared(kind)
            if not known:
                continue
            variables = expressions.variables(objects=declared or DYN, authorizer=False)
            variables["authorizer"] = Declared(AUTHORIZER)
            if params is not None:
                variables["params"] = params
            yield _Types(kind, _with_variables(variables, spec.get("variables") or ()))

    def _params(self, spec: JSONObject) -> Declared | None:
        """What parameters are declared as; None for a policy without any."""
        given: JSONObject = spec.get("paramKind") or {}
        version, kind = given.get("apiVersion") or "", given.get("kind") or ""
        if version.count("/") > 1 or not (version or kind):
            return None
        group, _, version = version.rpartition("/")
        return self._declared(GroupVersionKind(group, version, kind))[1] or DYN

    def _kinds(self, spec: JSONObject) -> list[GroupVersionKind]:
        """The kinds of the objects that the policy names, ten of a rule at the most."""
        found: set[GroupVersionKind] = set()
        for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
            groups, versions = rule.get("apiGroups") or (), rule.get("apiVersions") or ()
            if any("*" in each for each in (*groups, *versions)):
                continue
            names = [each for each in rule.get("resources") or () if "*" not in each and "/" not in each]
            count = 0
            for group, version, name in itertools.product(sorted(groups), sorted(versions), sorted(names)):
                for kind in self._kinds_for(group, version, name):
                    found.add(kind)
                    count += 1
                    if count == _MOST_KINDS:
                        return _sorted(found)
        return _sorted(found)

    def _declared(self, kind: GroupVersionKind) -> tuple[bool, Declared | None]:
        """Whether there is a schema of the kind, and what it declares."""
        found = self._known.get(kind)
        if found is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            found = self._known[kind] = self._read(kind)
        return found

    def _read(self, kind: GroupVersionKind) -> tuple[bool, Declared | None]:
        definitions = self._definitions(f"{kind.group}/{kind.version}" if kind.group else kind.version)
        wanted = {"group": kind.group, "version": kind.version, "kind": kind.kind}
        for name, schema in (definitions or {}).items():
            if wanted in (schema.get(_EXTENSION) or ()):
                assert definitions is not None
                whole = _populated(definitions, schema, frozenset({name}))
                declared = declare(whole, resource=True)
                return True, None if declared is None else declared.named(kind.kind)
        return False, None


def _sorted(kinds: set[GroupVersionKind]) -> list[GroupVersionKind]:
    return sorted(kinds, key=lambda kind: (kind.group, kind.version, kind.kind))


def _with_variables(
    variables: dict[str, Declared], given: Sequence[Mapping[str, Any]]
) -> Mapping[str, Declared]:
    """With the policy's own variables, each of the type that its expression has, or of any."""
    composed = expressions.Composed()
    variables = {**variables, "variables": composed.declared}
    for each in given:
        try:
            type = checked_expression(each.get("expression") or "", variables).result
        except (CelError, RecursionError):
            type = None
        composed.declare(each.get("name") or "", type)
    return variables


def _warning(text: str, types: Sequence[_Types]) -> str:
    messages: list[str] = []
    for each in types:
        try:
            checked_expression(text, each.variables)
        except CelError as error:
            kind = each.kind
            version = f"{kind.group}/{kind.version}"
            messages.append(f"{version}, Kind={kind.kind}: {error}\n")
    return "\n".join(messages)


def _populated(definitions: Definitions, schema: JSONObject, visited: frozenset[str]) -> JSONObject:
    """A schema with what it refers to in the place of references; within itself it is any object."""
    name = _reference(schema)
    if name:
        if name in visited:
            return {"type": "object"}
        visited |= {name}
        schema = definitions.get(name) or {}
    made = {key: value for key, value in schema.items() if key not in ("description", _EXTENSION)}
    if made.get("format") == "int-or-string":
        made["x-kubernetes-int-or-string"] = True
    if "properties" in made:
        made["properties"] = {
            key: _populated(definitions, each, visited) for key, each in made["properties"].items()
        }
    for key in ("additionalProperties", "items"):
        if isinstance(made.get(key), dict):
            made[key] = _populated(definitions, made[key], visited)
    return made


def _reference(schema: JSONObject) -> str:
    """The name of the definition that a schema refers to, maybe by way of `allOf`; empty for none."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    for each in schema.get("allOf") or ():
        found = _reference(each)
        if found:
            return found
    return ""
