"""Checks that the rules of several kinds share, in upstream's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from reconcile.objects.names import (
    dns_1035_label_problems,
    dns_label_problems,
    dns_subdomain_problems,
    label_value_problems,
    qualified_name_problems,
)
from reconcile.objects.quantities import Amount
from reconcile.objects.selectors import Selector

JSONObject = dict[str, Any]

IMMUTABLE = "field is immutable"


def non_negative(obj: JSONObject, path: str, *keys: str) -> list[FieldError]:
    return [
        invalid(f"{path}.{key}", obj[key], "must be greater than or equal to 0")
        for key in keys
        if isinstance(obj.get(key), int) and obj[key] < 0
    ]


def positive(obj: JSONObject, path: str, *keys: str) -> list[FieldError]:
    return [
        invalid(f"{path}.{key}", obj[key], "must be greater than 0")
        for key in keys
        if isinstance(obj.get(key), int) and obj[key] <= 0
    ]


def one_of(
    obj: JSONObject, path: str, key: str, allowed: Sequence[str], *, need: bool = True
) -> list[FieldError]:
    value = obj.get(key)
    field = f"{path}.{key}" if path else key
    if not value:
        return [required(field)] if need else []
    return [] if value in allowed else [not_supported(field, value, allowed)]


def immutable(new: JSONObject, old: JSONObject, path: str, *keys: str) -> list[FieldError]:
    return [
        invalid(f"{path}.{key}" if path else key, new.get(key), IMMUTABLE)
        for key in keys
        if not same(new.get(key), old.get(key))
    ]


def same(left: Any, right: Any) -> bool:
    """Equal, and absent, null and an empty list are one: apimachinery's semantic equality of decoded objects.

    A part that is there and empty is not the same as none: decoding leaves no maps that say nothing.
    """
    if isinstance(left, dict) and isinstance(right, dict):
        return all(same(left.get(key), right.get(key)) for key in {**left, **right})
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if left == [] or right == []:
        return not left and not right
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def identical(left: Any, right: Any) -> bool:
    """Equal, and only absent and null are one: of decoded objects, which say what the structs of Go say."""
    if isinstance(left, dict) and isinstance(right, dict):
        return all(identical(left.get(key), right.get(key)) for key in {**left, **right})
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(identical, left, right))
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def names(field: str, value: str, problems: Callable[[str], Iterable[str]]) -> list[FieldError]:
    return [invalid(field, value, problem) for problem in problems(value)]


def dns_label(field: str, value: str) -> list[FieldError]:
    return names(field, value, dns_label_problems)


def dns_subdomain(field: str, value: str) -> list[FieldError]:
    return names(field, value, dns_subdomain_problems)


def dns_1035(field: str, value: str) -> list[FieldError]:
    return names(field, value, dns_1035_label_problems)


def path_segment(value: str) -> list[str]:
    """What keeps a value from being one segment of a path."""
    problems = [f"may not be '{value}'"] if value in (".", "..") else []
    return problems + [f"may not contain '{part}'" for part in ("/", "%") if part in value]


_KEY = re.compile(r"[-._a-zA-Z0-9]+")


def config_key_problems(key: str) -> list[str]:
    """What keeps a text from being a key of a config map or a secret."""
    problems = ["must be no more than 253 characters"] if len(key) > 253 else []
    if not _KEY.fullmatch(key):
        problems.append(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  "
            "or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
        )
    if key == ".":
        problems.append("must not be '.'")
    if key.startswith(".."):
        problems.append("must not be '..'" if key == ".." else "must not start with '..'")
    return problems


def decoded_length(text: str) -> int:
    """How many bytes a text in Base64 stands for."""
    return len(text) * 3 // 4 - text[-2:].count("=")


_PORT_NAME = re.compile(r"[-a-z0-9]+")


def port_name_problems(value: str) -> list[str]:
    problems: list[str] = []
    if len(value) > 15:
        problems.append("must be no more than 15 characters")
    if not _PORT_NAME.fullmatch(value):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        problems.append("must contain at least one letter (a-z)")
    if "--" in value:
        problems.append("must not contain consecutive hyphens")
    if value and (value[0] == "-" or value[-1] == "-"):
        problems.append("must not begin or end with a hyphen")
    return problems


PORT_RANGE = "must be between 1 and 65535, inclusive"


def port_number(field: str, value: int) -> list[FieldError]:
    return [] if 1 <= value <= 65535 else [invalid(field, value, PORT_RANGE)]


def port_number_or_name(field: str, value: int | str) -> list[FieldError]:
    if isinstance(value, int):
        return port_number(field, value)
    return [invalid(field, value, problem) for problem in port_name_problems(value)]


_PERCENT = re.compile(r"[0-9]+%")
_PERCENT_MESSAGE = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    "regex used for validation is '[0-9]+%')"
)


def int_or_percent(field: str, value: int | str) -> list[FieldError]:
    if isinstance(value, int):
        return [invalid(field, value, "must be greater than or equal to 0")] if value < 0 else []
    return [] if _PERCENT.fullmatch(value) else [invalid(field, value, _PERCENT_MESSAGE)]


def amount_of(value: int | str) -> int:
    """The number of an int-or-percent."""
    if isinstance(value, int):
        return value
    return int(value[:-1]) if _PERCENT.fullmatch(value) else 0


def at_most_all(field: str, value: int | str) -> list[FieldError]:
    if isinstance(value, str) and _PERCENT.fullmatch(value) and amount_of(value) > 100:
        return [invalid(field, value, "must not be greater than 100%")]
    return []


def labels(field: str, values: JSONObject | None) -> list[FieldError]:
    errors: list[FieldError] = []
    for key, value in (values or {}).items():
        errors += [invalid(field, key, problem) for problem in qualified_name_problems(key)]
        errors += [invalid(field, value, problem) for problem in label_value_problems(value)]
    return errors


def annotation_keys(field: str, values: JSONObject | None) -> list[FieldError]:
    return [
        invalid(field, key, problem)
        for key in values or ()
        for problem in qualified_name_problems(key.lower())
    ]


_NOT_OF_TEMPLATES = (
    "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation",
    "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences", "finalizers",
    "managedFields",
)  # fmt: skip


def template_metadata(path: str, metadata: JSONObject) -> list[FieldError]:
    """The metadata of a template, which gives labels and annotations alone."""
    errors = annotation_keys(f"{path}.annotations", metadata.get("annotations"))
    errors += labels(f"{path}.labels", metadata.get("labels"))
    return errors + [
        forbidden(f"{path}.{'uID' if key == 'uid' else key}", "cannot be set")
        for key in _NOT_OF_TEMPLATES
        if metadata.get(key)
    ]


_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def label_selector(field: str, selector: JSONObject | None) -> list[FieldError]:
    """What is wrong with a metav1.LabelSelector."""
    if selector is None:
        return []
    errors = labels(f"{field}.matchLabels", selector.get("matchLabels"))
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        path = f"{field}.matchExpressions[{index}]"
        operator = expression.get("operator", "")
        values = expression.get("values") or []
        if operator in ("In", "NotIn"):
            if not values:
                errors.append(
                    required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
                )
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                errors.append(
                    forbidden(
                        f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                    )
                )
        else:
            errors.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
        key = expression.get("key", "")
        errors += [invalid(f"{path}.key", key, problem) for problem in qualified_name_problems(key)]
        for position, value in enumerate(values):
            errors += [
                invalid(f"{path}.values[{position}]", value, problem)
                for problem in label_value_problems(value)
            ]
    return errors


def selects_nothing_given(selector: JSONObject) -> bool:
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def selector_of(selector: JSONObject | None) -> Selector | None:
    """The parsed selector; None when it is invalid."""
    try:
        return Selector.from_api(selector)
    except ValueError:
        return None


def parsed_selector(selector: JSONObject | None) -> Selector | None:
    """As apimachinery parses it: none selects nothing; None where it is invalid."""
    return Selector.nothing() if selector is None else selector_of(selector)


def shown_selector(selector: JSONObject) -> JSONObject:
    """A selector as messages show it: fields in the order of Go's struct, keys in order."""
    given: JSONObject = {}
    if selector.get("matchLabels"):
        given["matchLabels"] = dict(sorted(selector["matchLabels"].items()))
    if selector.get("matchExpressions"):
        keys = ("key", "operator", "values")
        given["matchExpressions"] = [
            {key: each.get(key, "") for key in keys if key != "values" or each.get(key)}
            for each in selector["matchExpressions"]
        ]
    return given


def not_decremented(new: JSONObject, old: JSONObject, key: str) -> list[FieldError]:
    """A counter of the status that may not be taken back."""
    value, before = new.get(key), old.get(key)
    if before is None or (value is not None and value >= before):
        return []
    return [invalid(f"status.{key}", value or 0, "cannot be decremented")]


_CONDITION_REASON = re.compile("[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
_CONDITION_REASON_TEXT = (
    "a condition reason must start with alphabetic character, optionally followed by a string of "
    "alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  "
    "or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is "
    f"'{_CONDITION_REASON.pattern}')"
)
_CONDITION_STATUSES = ("False", "True", "Unknown")


def conditions(path: str, given: list[JSONObject]) -> list[FieldError]:
    """Conditions of the common form, metav1.Condition."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, condition in enumerate(given):
        where, kind = f"{path}[{index}]", condition.get("type") or ""
        if kind in seen:
            errors.append(duplicate(f"{where}.type", kind))
        seen.add(kind)
        errors += names(f"{where}.type", kind, qualified_name_problems)
        status, reason = condition.get("status") or "", condition.get("reason") or ""
        if status not in _CONDITION_STATUSES:
            errors.append(not_supported(f"{where}.status", status, _CONDITION_STATUSES))
        generation = condition.get("observedGeneration") or 0
        if generation < 0:
            text = "must be greater than or equal to zero"
            errors.append(invalid(f"{where}.observedGeneration", generation, text))
        if condition.get("lastTransitionTime") is None:
            errors.append(required(f"{where}.lastTransitionTime"))
        if not reason:
            errors.append(required(f"{where}.reason"))
        else:
            if not _CONDITION_REASON.fullmatch(reason):
                errors.append(invalid(f"{where}.reason", reason, _CONDITION_REASON_TEXT))
            if len(reason.encode()) > 1024:
                errors.append(too_long(f"{where}.reason", "", 1024))
        if len((condition.get("message") or "").encode()) > 32768:
            errors.append(too_long(f"{where}.message", "", 32768))
    return errors


_RESOURCE_MESSAGE = "must be a standard resource type or fully qualified"
STANDARD_CONTAINER_RESOURCES = ("cpu", "memory", "ephemeral-storage")
COUNTED_RESOURCES = frozenset(
    {
        "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps",
        "persistentvolumeclaims", "services.nodeports", "services.loadbalancers",
    }
)  # fmt: skip
COMPUTE_RESOURCES = frozenset(
    {"cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"}
)
QUOTA_RESOURCES = (
    COUNTED_RESOURCES
    | COMPUTE_RESOURCES
    | {"ephemeral-storage", "requests.storage", "requests.ephemeral-storage", "limits.ephemeral-storage"}
)
STANDARD_RESOURCES = QUOTA_RESOURCES | {"storage"}


def resource_requirements(
    path: str,
    resources: JSONObject | None,
    named: Callable[[str, str], list[FieldError]] | None = None,
) -> list[FieldError]:
    """Requests and limits. `named` checks field and name of a resource; as that of a container by default."""
    name_errors = named or container_resource_name
    if not resources:
        return []
    errors: list[FieldError] = []
    limits = resources.get("limits") or {}
    requests = resources.get("requests") or {}
    for name, text in limits.items():
        field = f"{path}.limits[{name}]"
        errors += name_errors(field, name)
        errors += resource_amount(field, name, text)
        errors += _whole_pages(field, name, text)
    for name, text in requests.items():
        field = f"{path}.requests[{name}]"
        errors += name_errors(field, name)
        errors += resource_amount(field, name, text)
        errors += _within_limit(path, name, text, limits.get(name))
        errors += _whole_pages(field, name, text)
    names = limits.keys() | requests.keys()
    if any(map(_huge_pages, names)) and not names & {"cpu", "memory"}:
        errors.append(forbidden(path, "HugePages require cpu or memory"))
    return errors


def _within_limit(path: str, name: str, text: str, limit: str | None) -> list[FieldError]:
    if limit is None:
        detail = "Limit must be set for non overcommitable resources"
        return [required(f"{path}.limits", detail)] if equal_only(name) else []
    amount, most = Amount.parse(text), Amount.parse(limit)
    if equal_only(name) and amount != most:
        return [invalid(f"{path}.requests", text, f"must be equal to {name} limit of {limit}")]
    if amount > most:
        return [invalid(f"{path}.requests", text, f"must be less than or equal to {name} limit of {limit}")]
    return []


def _whole_pages(field: str, name: str, text: str) -> list[FieldError]:
    if not _huge_pages(name):
        return []
    try:
        size = Amount.parse(name.removeprefix("hugepages-"))
    except ValueError:
        size = Amount.parse("0")
    amount = Amount.parse(text)
    if size > 0 and amount >= 0 and not amount.nanos % size.nanos:
        return []
    return [invalid(field, text, f"{text} is not positive integer multiple of {name}")]


def resource_name(field: str, name: str) -> list[FieldError]:
    """The name of any resource: a standard one, or a qualified one."""
    errors = [invalid(field, name, problem) for problem in qualified_name_problems(name)]
    if (
        not errors
        and "/" not in name
        and name not in STANDARD_RESOURCES
        and not _huge_pages(name.removeprefix("requests."))
    ):
        errors.append(invalid(field, name, _RESOURCE_MESSAGE))
    return errors


def container_resource_name(field: str, name: str) -> list[FieldError]:
    """The name of a resource that containers request."""
    errors = resource_name(field, name)
    if "/" not in name:
        if name not in STANDARD_CONTAINER_RESOURCES and not _huge_pages(name):
            errors.append(invalid(field, name, "must be a standard resource for containers"))
    elif "kubernetes.io/" not in name and not _extended(name):
        errors.append(invalid(field, name, "doesn't follow extended resource name standard"))
    return errors


def _extended(name: str) -> bool:
    """Whether a quota could count requests of it."""
    return not name.startswith("requests.") and not qualified_name_problems(f"requests.{name}")


def _huge_pages(name: str) -> bool:
    return name.startswith("hugepages-")


def resource_amount(field: str, name: str, text: str) -> list[FieldError]:
    """An amount of a resource: not below zero, and whole where the resource has no parts."""
    amount = Amount.parse(text)
    errors = [] if amount >= 0 else [invalid(field, text, "must be greater than or equal to 0")]
    if (name in COUNTED_RESOURCES or whole(name)) and fractional(text):
        errors.append(invalid(field, text, "must be an integer"))
    return errors


def fractional(text: str) -> bool:
    """Whether an amount has a part below one, down to thousandths: finer ones are rounded up to these."""
    return bool(-(-Amount.parse(text).nanos // 10**6) % 1000)


def whole(name: str) -> bool:
    return "/" in name and not name.partition("/")[0].endswith("kubernetes.io")


def equal_only(name: str) -> bool:
    return whole(name) or name.startswith("hugepages-")
