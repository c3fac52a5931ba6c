"""What is wrong with an access review: pkg/apis/authorization/validation of Kubernetes."""

from __future__ import annotations

from typing import Any, Final

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, required
from reconcile.apiserver.handlers.selection import parse_field_selector
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.status import StatusError
from reconcile.objects.label_syntax import InvalidSelectorError, parse_label_selector
from reconcile.objects.names import label_value_problems, qualified_name_problems

_RESOURCE: Final = "spec.resourceAttributes"
_NEEDS_VALUES: Final = "must be specified when `operator` is 'In' or 'NotIn'"
_NO_VALUES: Final = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"


def review_errors(review: JSONObject, namespace: str, *, local: bool, own: bool) -> list[FieldError]:
    """Arguments: local: of one namespace; own: about the one who asks."""
    spec: JSONObject = review.get("spec") or {}
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    errors: list[FieldError] = []
    if resource is not None and path is not None:
        text = "cannot be specified in combination with resourceAttributes"
        errors.append(invalid("spec.nonResourceAttributes", _go_path(path), text))
    if resource is None and path is None:
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        errors.append(invalid(_RESOURCE, None, text))
    if not own and not spec.get("user") and not spec.get("groups"):
        errors.append(invalid("spec.user", "", "at least one of user or group must be specified"))
    if resource is not None:
        errors += _field_selector(f"{_RESOURCE}.fieldSelector", resource.get("fieldSelector"))
        errors += _label_selector(f"{_RESOURCE}.labelSelector", resource.get("labelSelector"))
    metadata: JSONObject = review.get("metadata") or {}
    given = {key for key, value in metadata.items() if value and key != "managedFields"}
    if given - ({"namespace"} if local else set[str]()):
        text = "must be empty except for namespace" if local else "must be empty"
        errors.append(invalid("metadata", metadata, text))
    if local and resource is not None and (resource.get("namespace") or "") != namespace:
        value = resource.get("namespace") or ""
        errors.append(invalid(f"{_RESOURCE}.namespace", value, "must match metadata.namespace"))
    if local and path is not None:
        text = "disallowed on this kind of request"
        errors.append(invalid("spec.nonResourceAttributes", _go_path(path), text))
    return errors


def _go_path(attributes: JSONObject) -> JSONObject:
    """As the message shows it: a struct of Go that has no names for JSON."""
    return {"Path": attributes.get("path") or "", "Verb": attributes.get("verb") or ""}


def _field_selector(field: str, selector: JSONObject | None) -> list[FieldError]:
    errors = _one_form(field, selector)
    for index, requirement in enumerate((selector or {}).get("requirements") or ()):
        where = f"{field}.requirements[{index}]"
        if not requirement.get("key"):
            errors.append(required(f"{where}.key", "must be specified"))
        errors += _values(where, requirement)
    return errors


def _label_selector(field: str, selector: JSONObject | None) -> list[FieldError]:
    errors = _one_form(field, selector)
    for index, requirement in enumerate((selector or {}).get("requirements") or ()):
        where = f"{field}.requirements[{index}]"
        errors += _values(where, requirement)
        key = requirement.get("key") or ""
        errors += [invalid(f"{where}.key", key, text) for text in qualified_name_problems(key)]
        for position, value in enumerate(requirement.get("values") or ()):
            problems = label_value_problems(value)
            errors += [invalid(f"{where}.values[{position}]", value, text) for text in problems]
    return errors


def _one_form(field: str, selector: JSONObject | None) -> list[FieldError]:
    if selector is None:
        return []
    raw, requirements = selector.get("rawSelector"), selector.get("requirements")
    if raw and requirements:
        return [invalid(f"{field}.rawSelector", raw, "may not specified at the same time as requirements")]
    if not raw and not requirements:
        text = f"when {field} is specified, requirements or rawSelector is required"
        return [required(f"{field}.requirements", text)]
    return []


def _values(where: str, requirement: JSONObject) -> list[FieldError]:
    operator, values = requirement.get("operator"), requirement.get("values")
    if operator in ("In", "NotIn") and not values:
        return [required(f"{where}.values", _NEEDS_VALUES)]
    if operator in ("Exists", "DoesNotExist") and values:
        return [forbidden(f"{where}.values", _NO_VALUES)]
    return []


def selector_problems(resource: JSONObject) -> list[str]:
    """What of the selectors was not understood: they restrict nothing then, and the answer says so."""
    found: list[str] = []
    for field, good in (("fieldSelector", _good_field), ("labelSelector", _good_label)):
        selector: JSONObject = resource.get(field) or {}
        requirements: list[Any] = selector.get("requirements") or []
        judged = [good(requirement) for requirement in requirements]
        if selector.get("rawSelector"):
            judged = [_parses(field, selector["rawSelector"])]
        if not all(judged):
            what = "partially ignored" if any(judged) else "ignored"
            found.append(f"{_RESOURCE}.{field} {what} due to parse error")
    return found


def _parses(field: str, text: str) -> bool:
    try:
        if field == "fieldSelector":
            parse_field_selector(text)
        else:
            parse_label_selector(text)
    except (StatusError, InvalidSelectorError):
        return False
    return True


def _good_field(requirement: JSONObject) -> bool:
    return requirement.get("operator") in ("In", "NotIn") and len(requirement.get("values") or ()) == 1


def _good_label(requirement: JSONObject) -> bool:
    return requirement.get("operator") in ("In", "NotIn", "Exists", "DoesNotExist")
