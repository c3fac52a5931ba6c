"""ValidatingAdmissionPolicy, MutatingAdmissionPolicy and their bindings: what may be stored.

The rules are those of kube-apiserver's `pkg/apis/admissionregistration/validation`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.admission_expressions import expression_errors
from reconcile.apiserver.strategies.admission_kinds import (
    FAILURE_POLICIES,
    MATCH_POLICIES,
    REINVOCATION_POLICIES,
    match_conditions,
    rule_errors,
)
from reconcile.apiserver.strategies.json_paths import json_path_problem
from reconcile.apiserver.strategies.shown import shown_list
from reconcile.objects.names import dns_1035_label_problems, dns_subdomain_problems

JSONObject = dict[str, Any]

_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS = ("Audit", "Deny", "Warn")
_PATCH_TYPES = ("ApplyConfiguration", "JSONPatch")
_MUTATING_OPERATIONS = ("*", "CONNECT", "CREATE", "UPDATE")
_NOT_FOUND_ACTIONS = ("Deny", "Allow")
_MOST_ANNOTATIONS = 20
_LONGEST_VALUE = 5 * 1024
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")


def validating_policy(obj: JSONObject) -> list[FieldError]:
    return _validating(obj, None)


def validating_policy_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    return _validating(new, old)


def mutating_policy(obj: JSONObject) -> list[FieldError]:
    return _mutating(obj, None)


def mutating_policy_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    return _mutating(new, old)


def validating_policy_status(new: JSONObject, _old: JSONObject) -> list[FieldError]:
    status: JSONObject = new.get("status") or {}
    errors: list[FieldError] = []
    for index, warning in enumerate((status.get("typeChecking") or {}).get("expressionWarnings") or ()):
        path = f"status.typeChecking.expressionWarnings[{index}]"
        if not warning.get("warning"):
            errors.append(required(f"{path}.warning"))
        field = (warning.get("fieldRef") or "").strip()
        problem = json_path_problem(f"{{{field}}}") if field else ""
        if not field:
            errors.append(required(f"{path}.fieldRef"))
        elif problem:
            errors.append(invalid(f"{path}.fieldRef", field, f"invalid JSONPath: {problem}"))
    return errors + checks.conditions("status.conditions", status.get("conditions") or [])


def _validating(obj: JSONObject, old: JSONObject | None) -> list[FieldError]:
    spec: JSONObject = obj["spec"]
    errors = _common(spec, old)
    params = spec.get("paramKind") is not None
    variables: list[tuple[str, str]] = []
    errors += _variables(spec, params, variables)
    known = variables if spec.get("variables") else None
    validations, annotations = spec.get("validations") or [], spec.get("auditAnnotations") or []
    if not validations and not annotations:
        text = "validations or auditAnnotations must contain at least one item"
        return [*errors, required("spec.validations", text), required("spec.auditAnnotations", text)]
    for index, each in enumerate(validations):
        errors += _validation(f"spec.validations[{index}]", each, params, known)
    if len(annotations) > _MOST_ANNOTATIONS:
        text = f"must not have more than {_MOST_ANNOTATIONS} auditAnnotations"
        shown = shown_list("admissionregistration.v1.AuditAnnotation", annotations)
        errors.append(invalid("spec.auditAnnotations", shown, text))
    keys: set[str] = set()
    for index, each in enumerate(annotations):
        path, key = f"spec.auditAnnotations[{index}]", each.get("key") or ""
        errors += _annotation(path, obj["metadata"].get("name") or "", each, params, known)
        if key in keys:
            errors.append(duplicate(f"{path}.key", key))
        keys.add(key)
    return errors


def _mutating(obj: JSONObject, old: JSONObject | None) -> list[FieldError]:
    spec: JSONObject = obj["spec"]
    errors = _common(spec, old, mutating=True)
    params = spec.get("paramKind") is not None
    variables: list[tuple[str, str]] = []
    errors += _variables(spec, params, variables)
    mutations = spec.get("mutations") or []
    if not mutations:
        errors.append(required("spec.mutations", "mutations must contain at least one item"))
    for index, each in enumerate(mutations):
        errors += _mutation(f"spec.mutations[{index}]", each, params, variables)
    policy = spec.get("reinvocationPolicy") or ""
    if not policy:
        errors.append(required("spec.reinvocationPolicy"))
    elif policy not in REINVOCATION_POLICIES:
        errors.append(not_supported("spec.reinvocationPolicy", policy, REINVOCATION_POLICIES))
    return errors


def _common(spec: JSONObject, old: JSONObject | None, *, mutating: bool = False) -> list[FieldError]:
    """What both kinds of policies have before their variables."""
    errors = _choice("spec.failurePolicy", spec.get("failurePolicy"), FAILURE_POLICIES)
    kind = spec.get("paramKind")
    if kind is not None:
        errors += _param_kind(kind)
    constraints = spec.get("matchConstraints")
    if constraints is None:
        errors.append(required("spec.matchConstraints"))
    else:
        errors += _match_resources("spec.matchConstraints", constraints)
        if not constraints.get("resourceRules"):
            errors.append(required("spec.matchConstraints.resourceRules"))
        if mutating:
            errors += _mutating_operations("spec.matchConstraints", constraints)
    before: JSONObject = (old or {}).get("spec") or {}
    same = old is not None and all(
        (spec.get(key) or None) == (before.get(key) or None) for key in ("paramKind", "matchConditions")
    )
    if not same:
        given = spec.get("matchConditions") or []
        errors += match_conditions("spec.matchConditions", given, params=kind is not None)
    return errors


def _choice(field: str, value: Any, allowed: Sequence[str]) -> list[FieldError]:
    if value is None:
        return [required(field)]
    return [] if value in allowed else [not_supported(field, value, allowed)]


def _mutating_operations(path: str, resources: JSONObject) -> list[FieldError]:
    return [
        not_supported(f"{path}.resourceRules.operations", operation, _MUTATING_OPERATIONS)
        for rule in resources.get("resourceRules") or ()
        for operation in rule.get("operations") or ()
        if operation not in _MUTATING_OPERATIONS
    ]


def _param_kind(kind: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    field, given = "spec.paramKind.apiVersion", kind.get("apiVersion") or ""
    group, _, version = given.rpartition("/")
    if not given:
        errors.append(required(field))
    elif given.count("/") > 1:
        errors.append(invalid(field, given, f"unexpected GroupVersion string: {given}"))
    else:
        problems = dns_subdomain_problems(group) if group else []
        if problems:
            errors.append(invalid(field, group, ",".join(problems)))
        if not version:
            errors.append(invalid(field, given, "version must be specified"))
        elif problems := dns_1035_label_problems(version):
            errors.append(invalid(field, version, ",".join(problems)))
    name = kind.get("kind") or ""
    if not name:
        errors.append(required("spec.paramKind.kind"))
    elif problems := dns_1035_label_problems(name.lower()):
        text = f"may have mixed case, but should otherwise match: {','.join(problems)}"
        errors.append(invalid("spec.paramKind.kind", name, text))
    return errors


def _match_resources(path: str, resources: JSONObject | None) -> list[FieldError]:
    if resources is None:
        return []
    errors = _choice(f"{path}.matchPolicy", resources.get("matchPolicy"), MATCH_POLICIES)
    for key in ("namespaceSelector", "objectSelector"):
        errors += checks.label_selector(f"{path}.{key}", resources.get(key))
    for key in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(resources.get(key) or ()):
            where, names = f"{path}.{key}[{index}]", rule.get("resourceNames") or []
            for place, name in enumerate(names):
                errors += _path_segment(f"{where}.resourceNames[{place}]", name)
                if name in names[:place]:
                    errors.append(duplicate(f"{where}.resourceNames[{place}]", name))
            errors += rule_errors(where, rule)
    return errors


def _path_segment(field: str, name: str) -> list[FieldError]:
    if name in (".", ".."):
        return [invalid(field, name, f"may not be '{name}'")]
    return [invalid(field, name, f"may not contain '{char}'") for char in "/%" if char in name]


def _variables(spec: JSONObject, params: bool, known: list[tuple[str, str]]) -> list[FieldError]:
    """What is wrong with the variables; fills in the names and expressions of them."""
    from reconcile.cel.lexer import RESERVED

    errors: list[FieldError] = []
    for index, variable in enumerate(spec.get("variables") or ()):
        path, name = f"spec.variables[{index}]", variable.get("name") or ""
        expression = variable.get("expression") or ""
        if not name.strip():
            errors.append(required(f"{path}.name", "name is not specified"))
        elif not _IDENTIFIER.fullmatch(name) or name in RESERVED or name in ("true", "false", "null", "in"):
            errors.append(invalid(f"{path}.name", name, "must be a valid CEL identifier"))
        if not expression.strip():
            errors.append(required(f"{path}.expression", "expression is not specified"))
            continue
        errors += expression_errors(
            f"{path}.expression", expression, (), params=params, variables=known, composed=True
        )
        known.append((name, expression))
    return errors


def _validation(
    path: str, validation: JSONObject, params: bool, variables: Sequence[tuple[str, str]] | None
) -> list[FieldError]:
    errors: list[FieldError] = []
    expression, message = validation.get("expression") or "", validation.get("message") or ""
    told = validation.get("messageExpression") or ""
    if not expression.strip():
        errors.append(required(f"{path}.expression", "expression is not specified"))
    else:
        errors += expression_errors(
            f"{path}.expression",
            expression,
            params=params,
            variables=variables or (),
            composed=variables is not None,
        )
    if told and not told.strip():
        errors.append(invalid(f"{path}.messageExpression", told, "must be non-empty if specified"))
    elif told:
        errors += expression_errors(
            f"{path}.messageExpression",
            told,
            ("string",),
            params=params,
            authorizer=False,
            variables=variables or (),
            composed=variables is not None,
        )
    if message and not message.strip():
        errors.append(invalid(f"{path}.message", message, "must be non-empty if specified"))
    elif re.search(r"[\n\r]", message.strip()):
        errors.append(invalid(f"{path}.message", message, "must not contain line breaks"))
    reason = validation.get("reason")
    if reason is not None and reason not in _REASONS:
        errors.append(not_supported(f"{path}.reason", reason, _REASONS))
    return errors


def _annotation(
    path: str, name: str, annotation: JSONObject, params: bool, variables: Sequence[tuple[str, str]] | None
) -> list[FieldError]:
    key, expression = annotation.get("key") or "", (annotation.get("valueExpression") or "").strip()
    field = f"{path}.valueExpression"
    errors = [invalid(f"{path}.key", key, "requires metadata.name be non-empty")]
    if name:
        errors = checks.names(f"{path}.key", f"{name}/{key}", checks.qualified_name_problems)
    if not expression:
        errors.append(required(field, "valueExpression is not specified"))
    elif len(expression.encode()) > _LONGEST_VALUE:
        errors.append(required(field, f"must not exceed {_LONGEST_VALUE} bytes in length"))
    else:
        errors += expression_errors(
            field,
            expression,
            ("string", "null_type"),
            params=params,
            variables=variables or (),
            composed=variables is not None,
        )
    return errors


def _mutation(
    path: str, mutation: JSONObject, params: bool, variables: list[tuple[str, str]]
) -> list[FieldError]:
    kind = mutation.get("patchType") or ""
    if not kind:
        return [required(f"{path}.patchType")]
    if kind not in _PATCH_TYPES:
        return [not_supported(f"{path}.patchType", kind, _PATCH_TYPES)]
    patch = kind == "JSONPatch"
    own, other = ("jsonPatch", "applyConfiguration") if patch else ("applyConfiguration", "jsonPatch")
    errors: list[FieldError] = []
    given = mutation.get(own)
    if given is None:
        errors.append(required(f"{path}.{own}", f"must be specified when patchType is {kind}"))
    else:
        expression = (given.get("expression") or "").strip()
        field = f"{path}.{own}.expression"
        wanted = "list(JSONPatch)" if patch else "Object"
        if not expression:
            errors.append(required(field))
        else:
            errors += expression_errors(
                field, expression, (wanted,), params=params, variables=variables, composed=True
            )
    if mutation.get(other) is not None:
        text = f"must not be specified when patchType is {kind}"
        errors.append(invalid(f"{path}.{other}", f"{{{other}}}", text))
    return errors


def validating_binding(obj: JSONObject) -> list[FieldError]:
    spec: JSONObject = obj["spec"]
    errors = _binding(spec)
    actions: list[str] = spec.get("validationActions") or []
    field = "spec.validationActions"
    for index, action in enumerate(actions):
        if action not in _ACTIONS:
            errors.append(not_supported(f"{field}[{index}]", action, _ACTIONS))
        if action in actions[:index]:
            errors.append(duplicate(f"{field}[{index}]", action))
    if "Deny" in actions and "Warn" in actions:
        text = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the "
            "API response and headers serves no purpose)"
        )
        errors.append(invalid(field, actions, text))
    if not actions:
        errors.append(required(field, "at least one validation action is required"))
    return errors


def mutating_binding(obj: JSONObject) -> list[FieldError]:
    spec: JSONObject = obj["spec"]
    return _binding(spec) + _mutating_operations("spec.matchResources", spec.get("matchResources") or {})


def _binding(spec: JSONObject) -> list[FieldError]:
    name = spec.get("policyName") or ""
    errors = checks.names("spec.policyName", name, dns_subdomain_problems) if name else []
    if not name:
        errors.append(required("spec.policyName"))
    ref = spec.get("paramRef")
    if ref is not None:
        errors += _param_ref("spec.paramRef", ref)
    return errors + _match_resources("spec.matchResources", spec.get("matchResources"))


def _param_ref(path: str, ref: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    name, selector = ref.get("name") or "", ref.get("selector")
    exclusive = "name and selector are mutually exclusive"
    if name:
        errors += _path_segment(f"{path}.name", name)
        if selector is not None:
            errors.append(forbidden(f"{path}.name", exclusive))
    if selector is not None:
        errors += checks.label_selector(f"{path}.selector", selector)
        if name:
            errors.append(forbidden(f"{path}.selector", exclusive))
    if not name and selector is None:
        errors.append(required(path, "one of name or selector must be specified"))
    action = ref.get("parameterNotFoundAction") or ""
    if not action:
        errors.append(required(f"{path}.parameterNotFoundAction"))
    elif action not in _NOT_FOUND_ACTIONS:
        errors.append(not_supported(f"{path}.parameterNotFoundAction", action, _NOT_FOUND_ACTIONS))
    return errors
