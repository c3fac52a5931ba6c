"""What the kinds of resource.k8s.io have in common: names, lists and sets, selectors, configurations, taints.

The rules, their order and their words are those of kube-apiserver's `pkg/apis/resource/validation`. Its
declarative rules of this group decide nothing in 1.36: they only run beside these.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import msgspec

from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    go_quote,
    internal,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.volume_sources import csi_driver_name as driver_name
from reconcile.objects.names import label_value_problems, qualified_name_problems

__all__ = [
    "attribute_name",
    "binding_parameters",
    "configuration",
    "counters",
    "device_taint",
    "device_toleration",
    "driver_name",
    "each",
    "fully_qualified_name",
    "pool_name",
    "raw_object",
    "selectors",
    "share_id",
]

JSONObject = dict[str, Any]
Check = Callable[[str, Any], list[FieldError]]

MOST_REQUESTS = 32
MOST_CONFIGURATIONS = 32
_MOST_SELECTORS = 32
_LONGEST_POOL_NAME = 253
_LONGEST_IDENTIFIER = 32
_LONGEST_EXPRESSION = 10 * 1024
_LONGEST_PARAMETERS = 10 * 1024
_MOST_BINDING_CONDITIONS = 4
_MOST_COUNTERS = 32
_OPERATORS = ("Equal", "Exists")
_EFFECTS = ("NoExecute", "NoSchedule", "None")
_SHARE_ID_FORM = (
    "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase "
    "hexadecimal characters"
)
_HEX = frozenset(string.hexdigits)


def each(
    field: str,
    values: Sequence[Any] | None,
    most: int,
    check: Check,
    key: Callable[[Any], Hashable] | None = None,
    repeated: Callable[[Any], object] | None = None,
) -> list[FieldError]:
    """What is wrong with the elements of a list; of one that is too long, that alone.

    Args:
        most: how many elements there may be; below zero for any number.
        key: what may not be there twice, and is shown when it is.
        repeated: what of an element is shown in its place.
    """
    values = values or ()
    if 0 <= most < len(values):
        return [too_many(field, len(values), most)]
    errors = [error for index, value in enumerate(values) for error in check(f"{field}[{index}]", value)]
    if key is None:
        return errors
    seen: set[Hashable] = set()
    for index, value in enumerate(values):
        found = key(value)
        if found in seen:
            errors.append(duplicate(f"{field}[{index}]", repeated(value) if repeated else found))
        seen.add(found)
    return errors


def pool_name(field: str, name: str) -> list[FieldError]:
    """Names of the DNS, with slashes between them."""
    if not name:
        return [required(field)]
    errors = [too_long(field, "", _LONGEST_POOL_NAME)] if len(name.encode()) > _LONGEST_POOL_NAME else []
    return errors + [error for part in name.split("/") for error in checks.dns_subdomain(field, part)]


_IDENTIFIER_FORM = (
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric "
    "characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is "
    "'[A-Za-z_][A-Za-z0-9_]*')"
)


def _identifier(field: str, name: str) -> list[FieldError]:
    errors = [too_long(field, "", _LONGEST_IDENTIFIER)] if len(name.encode()) > _LONGEST_IDENTIFIER else []
    if not (name.isascii() and name.isidentifier()):
        errors.append(invalid(field, name, _IDENTIFIER_FORM))
    return errors


def attribute_name(field: str, name: str) -> list[FieldError]:
    """The name of an attribute or a capacity, with or without a domain."""
    domain, slash, plain = name.partition("/")
    if not slash:
        return _identifier(field, name)
    if "/" in plain:
        # Upstream looks at names of one part and of two.
        return []
    errors = driver_name(field, domain) if domain else [invalid(field, "", "the domain must not be empty")]
    if not plain:
        return [*errors, invalid(field, "", "the name must not be empty")]
    return errors + _identifier(field, plain)


def fully_qualified_name(field: str, name: str) -> list[FieldError]:
    """The name of an attribute with its domain."""
    errors = attribute_name(field, name)
    if "/" not in name:
        text = "a fully qualified name must be a domain and a name separated by a slash"
        errors.append(invalid(field, name, text))
    return errors


def share_id(field: str, uid: str) -> list[FieldError]:
    problem = _uuid_problem(uid)
    if problem:
        return [invalid(field, uid, f"error validating uid: {problem}")]
    if len(uid) != 36 or uid != uid.lower():
        return [invalid(field, uid, _SHARE_ID_FORM)]
    return []


def _uuid_problem(text: str) -> str:
    """What keeps a text from being a UUID in any of its forms, as github.com/google/uuid says it."""
    plain = text
    match len(text.encode()):
        case 36:
            pass
        case 45:
            if text[:9].lower() != "urn:uuid:":
                return f"invalid urn prefix: {go_quote(text[:9])}"
            plain = text[9:]
        case 38:
            if text[0] != "{" or text[-1] != "}":
                return "invalid bracketed UUID format"
            plain = text[1:-1]
        case 32:
            return "" if _HEX.issuperset(text) else "invalid UUID format"
        case length:
            return f"invalid UUID length: {length}"
    parts = plain.split("-")
    fits = [len(part) for part in parts] == [8, 4, 4, 4, 12] and _HEX.issuperset("".join(parts))
    return "" if fits else "invalid UUID format"


def selectors(field: str, given: Sequence[JSONObject] | None) -> list[FieldError]:
    """Expressions that choose devices."""
    return each(field, given, _MOST_SELECTORS, _selector)


def _selector(path: str, selector: JSONObject) -> list[FieldError]:
    cel = selector.get("cel")
    if cel is None:
        return [required(f"{path}.cel")]
    from reconcile.cel.devices import COST_LIMIT, DeviceSelector
    from reconcile.cel.errors import CelError

    field, expression = f"{path}.cel.expression", cel.get("expression") or ""
    if len(expression.encode()) > _LONGEST_EXPRESSION:
        return [too_long(field, "", _LONGEST_EXPRESSION)]
    try:
        compiled = DeviceSelector(expression)
    except CelError as error:
        message = str(error)
        if message.startswith("program instantiation failed"):
            return [internal(field, message)]
        if not message.startswith("must evaluate to"):
            message = f"compilation failed: {message}"
        return [invalid(field, expression, message)]
    if compiled.most > COST_LIMIT:
        return [forbidden(field, "too complex, exceeds cost limit")]
    return []


def configuration(path: str, config: JSONObject, *, stored: bool = False) -> list[FieldError]:
    """Parameters for a driver.

    Args:
        stored: they are there already, of whatever size.
    """
    opaque = config.get("opaque")
    if opaque is None:
        return [required(f"{path}.opaque")]
    errors = driver_name(f"{path}.opaque.driver", opaque.get("driver") or "")
    most = -1 if stored else _LONGEST_PARAMETERS
    return errors + raw_object(f"{path}.opaque.parameters", opaque.get("parameters"), most)


def raw_object(field: str, value: Any, most: int) -> list[FieldError]:
    """An object of which nothing is known.

    Args:
        most: its most bytes as JSON; below zero for any number.
    """
    if value is None:
        return [required(field)]
    if 0 <= most < len(msgspec.json.encode(value)):
        return [too_long(field, "", most)]
    if not isinstance(value, dict):
        return [invalid(field, "<value omitted>", "must be a valid JSON object")]
    return []


def _label_value(field: str, value: str) -> list[FieldError]:
    return checks.names(field, value, label_value_problems)


def device_taint(path: str, taint: JSONObject, before: JSONObject | None = None) -> list[FieldError]:
    """What keeps devices from being used.

    Args:
        before: the taint that it takes the place of, whose effect is not looked at again.
    """
    errors = checks.names(f"{path}.key", taint.get("key") or "", qualified_name_problems)
    if value := taint.get("value"):
        errors += _label_value(f"{path}.value", value)
    effect = taint.get("effect") or ""
    if before is not None and (before.get("effect") or "") == effect:
        return errors
    return errors + checks.one_of(taint, path, "effect", _EFFECTS)


def device_toleration(path: str, toleration: JSONObject) -> list[FieldError]:
    key, value = toleration.get("key") or "", toleration.get("value") or ""
    errors = checks.names(f"{path}.key", key, qualified_name_problems) if key else []
    match toleration.get("operator") or "":
        case "Exists":
            if value:
                errors.append(invalid(f"{path}.value", value, "must be empty for operator `Exists`"))
        case "Equal":
            errors += _label_value(f"{path}.value", value)
        case "":
            errors.append(required(f"{path}.operator"))
        case operator:
            errors.append(not_supported(f"{path}.operator", operator, _OPERATORS))
    return errors + checks.one_of(toleration, path, "effect", _EFFECTS, need=False)


def binding_parameters(path: str, device: JSONObject) -> list[FieldError]:
    """What must be, and what may not, before a device counts as bound."""
    wanted: list[str] = device.get("bindingConditions") or []
    failed: list[str] = device.get("bindingFailureConditions") or []
    field, other = f"{path}.bindingConditions", f"{path}.bindingFailureConditions"
    errors = each(field, wanted, _MOST_BINDING_CONDITIONS, _condition_name)
    errors += each(other, failed, _MOST_BINDING_CONDITIONS, _condition_name)
    errors += [duplicate(f"{field}[{i}]", name) for i, name in enumerate(wanted) if name in wanted[:i]]
    for index, name in enumerate(failed):
        if name in failed[:index]:
            errors.append(duplicate(f"{other}[{index}]", name))
        if name in wanted:
            text = "bindingFailureConditions must not overlap with bindingConditions"
            errors.append(invalid(f"{other}[{index}]", name, text))
    if failed and not wanted:
        text = "bindingConditions are required to use bindingFailureConditions"
        errors.append(invalid(field, device.get("bindingConditions"), text))
    if wanted and not failed:
        text = "bindingFailureConditions are required to use bindingConditions"
        errors.append(invalid(other, device.get("bindingFailureConditions"), text))
    return errors


def counters(path: str, given: JSONObject, name: str) -> list[FieldError]:
    """Counters of a set, or what a device takes of them.

    Args:
        name: the field that has the name of the set.
    """
    value, held = given.get(name) or "", given.get("counters") or {}
    errors = checks.dns_label(f"{path}.{name}", value) if value else [required(f"{path}.{name}")]
    field = f"{path}.counters"
    if not held:
        return [*errors, required(field)]
    if len(held) > _MOST_COUNTERS:
        return [*errors, too_many(field, len(held), _MOST_COUNTERS)]
    return errors + [error for key in held for error in checks.dns_label(field, key)]


def _condition_name(field: str, name: str) -> list[FieldError]:
    return checks.names(field, name, qualified_name_problems)
