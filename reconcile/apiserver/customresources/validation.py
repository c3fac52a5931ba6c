"""A value against a structural schema, in the words of kube-apiserver.

Patterns are RE2, as on the server (see `reconcile.cel.re2`).
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
    type_invalid,
)
from reconcile.apiserver.managedfields.typed import equal
from reconcile.cel.re2 import PatternError, compile_re2

JSONObject = dict[str, Any]


def compiled(pattern: str) -> re.Pattern[str] | None:
    """An RE2 pattern as Python's; None for what RE2 does not take."""
    try:
        return compile_re2(pattern)
    except PatternError:
        return None


def _date_time(text: str) -> bool:
    try:
        return (
            bool(re.match(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d", text))
            and datetime.fromisoformat(text.upper()).tzinfo is not None
        )
    except ValueError:
        return False


def _date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text)) and len(text) == 10
    except ValueError:
        return False


def _address(version: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            return ipaddress.ip_address(text).version == version
        except ValueError:
            return False

    return check


def _network(text: str) -> bool:
    try:
        return "/" in text and bool(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return False


def _base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True


_UUID = re.compile(r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_HOSTNAME = re.compile(r"(?i)[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*\.?")
_DURATION = re.compile(r"-?((\d+(\.\d*)?|\.\d+)\s*(ns|us|µs|ms|s|m|h|d|w|[a-z]+)\s*)+|0")

_FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": _date_time,
    "datetime": _date_time,
    "date": _date,
    "ipv4": _address(4),
    "ipv6": _address(6),
    "cidr": _network,
    "byte": _base64,
    "uuid": lambda text: bool(_UUID.fullmatch(text)),
    "hostname": lambda text: len(text) <= 255 and bool(_HOSTNAME.fullmatch(text)),
    "email": lambda text: bool(re.fullmatch(r"[^@\s]+@[^@\s]+", text)),
    "uri": lambda text: bool(re.match(r"[A-Za-z][-+.A-Za-z0-9]*:|/", text)),
    "mac": lambda text: bool(re.fullmatch(r"(?i)[0-9a-f]{2}([:-][0-9a-f]{2}){5}", text)),
    "duration": lambda text: bool(_DURATION.fullmatch(text)),
}


def type_name(value: Any) -> str:
    """A JSON value's type as OpenAPI names it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return "array" if isinstance(value, list) else "object"


def _has_type(value: Any, wanted: str) -> bool:
    found = type_name(value)
    return found == wanted or (wanted == "number" and found == "integer")


def validate(new: Any, schema: JSONObject, old: Any = None, path: str = "") -> list[FieldError]:
    """What is wrong with a value. Errors of a part that an update leaves as it was are not reported again."""
    errors = _validate(new, schema, path)
    if old is None or not errors:
        return errors
    return _ratcheted(new, old, schema, path)


def _ratcheted(new: Any, old: Any, schema: JSONObject, path: str) -> list[FieldError]:
    """Errors of the parts that changed."""
    if old is not None and equal(new, old):
        return []
    if isinstance(new, dict) and isinstance(old, dict):
        errors = _own(new, schema, path)
        properties: JSONObject = schema.get("properties") or {}
        additional = schema.get("additionalProperties")
        for key, value in new.items():
            inner = properties.get(key, additional)
            if isinstance(inner, dict):
                errors += _ratcheted(value, old.get(key), inner, _child(path, key, schema, properties))
        return errors
    keys = schema.get("x-kubernetes-list-map-keys")
    if isinstance(new, list) and isinstance(old, list) and keys and isinstance(schema.get("items"), dict):
        errors = _own(new, schema, path)
        before = {tuple(str(item.get(key)) for key in keys): item for item in old if isinstance(item, dict)}
        for index, item in enumerate(new):
            matching = (
                before.get(tuple(str(item.get(key)) for key in keys)) if isinstance(item, dict) else None
            )
            errors += _ratcheted(item, matching, schema["items"], f"{path}[{index}]")
        return errors
    return _validate(new, schema, path)


def _child(path: str, key: str, schema: JSONObject, properties: JSONObject) -> str:
    if path and key not in properties and isinstance(schema.get("additionalProperties"), dict):
        return f"{path}.{key}"
    return f"{path}.{key}" if path else key


def _validate(value: Any, schema: JSONObject, path: str) -> list[FieldError]:
    if value is None and schema.get("nullable"):
        return []
    errors = _own(value, schema, path)
    if isinstance(value, dict):
        properties: JSONObject = schema.get("properties") or {}
        additional = schema.get("additionalProperties")
        for key, inner_value in value.items():
            if not path and key == "metadata":
                continue
            inner = properties.get(key, additional)
            if isinstance(inner, dict):
                errors += _validate(inner_value, inner, _child(path, key, schema, properties))
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            errors += _validate(item, schema["items"], f"{path}[{index}]")
    return errors


def _own(value: Any, schema: JSONObject, path: str) -> list[FieldError]:
    """What is wrong with a value itself, not with what is in it."""
    if value is None and schema.get("nullable"):
        return []
    field = path or "<nil>"
    body = f"{path} in body "
    wanted, either = schema.get("type"), schema.get("x-kubernetes-int-or-string")
    if either and not wanted and type_name(value) not in ("integer", "string"):
        found = type_name(value)
        return [type_invalid(field, found, f'{body}must be of type integer,string: "{found}"')]
    if wanted and not _has_type(value, wanted):
        found = type_name(value)
        errors = [type_invalid(field, found, f'{body}must be of type {wanted}: "{found}"')]
        if wanted == "integer" and isinstance(value, float):
            text = f"Checked value must be of type integer (default format) in {path}"
            errors.append(invalid(field, "", text))
            errors += _number(value, schema, field, body)
        return errors + _enum(value, schema, field)
    errors: list[FieldError] = []
    if isinstance(value, str):
        errors += _string(value, schema, field, body)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        errors += _number(value, schema, field, body)
    elif isinstance(value, list):
        errors += _array(value, schema, field, body)
    elif isinstance(value, dict):
        errors += _object(value, schema, field, body, path)
    errors += _enum(value, schema, field)
    errors += _combinations(value, schema, field, body, path)
    return errors


def _enum(value: Any, schema: JSONObject, field: str) -> list[FieldError]:
    choices = schema.get("enum")
    if choices is None or any(equal(value, choice) for choice in choices):
        return []
    shown = [choice if isinstance(choice, str) else _plain(choice) for choice in choices]
    return [not_supported(field, value, shown)]


def _plain(value: Any) -> str:
    import msgspec

    return msgspec.json.encode(value).decode()


def _string(value: str, schema: JSONObject, field: str, body: str) -> list[FieldError]:
    longest, shortest = schema.get("maxLength"), schema.get("minLength")
    # The first of these that fails is the only one reported.
    if longest is not None and len(value) > longest:
        errors = [too_long(field, value, longest)]
    elif shortest is not None and len(value) < shortest:
        errors = [invalid(field, value, f"{body}should be at least {shortest} chars long")]
    else:
        expression = compiled(schema["pattern"]) if schema.get("pattern") else None
        bad = expression is not None and not expression.search(value)
        errors = [invalid(field, value, f"{body}should match '{schema['pattern']}'")] if bad else []
    form = schema.get("format")
    if form in _FORMATS and not _FORMATS[form](value):
        errors.append(type_invalid(field, value, f'{body}must be of type {form}: "{value}"'))
    return errors


def _number(value: float, schema: JSONObject, field: str, body: str) -> list[FieldError]:
    errors: list[FieldError] = []
    high, low = schema.get("maximum"), schema.get("minimum")
    if high is not None:
        if schema.get("exclusiveMaximum") and value >= high:
            errors.append(invalid(field, value, f"{body}should be less than {_number_text(high)}"))
        elif value > high:
            errors.append(
                invalid(field, value, f"{body}should be less than or equal to {_number_text(high)}")
            )
    if low is not None:
        if schema.get("exclusiveMinimum") and value <= low:
            errors.append(invalid(field, value, f"{body}should be greater than {_number_text(low)}"))
        elif value < low:
            errors.append(
                invalid(field, value, f"{body}should be greater than or equal to {_number_text(low)}")
            )
    multiple = schema.get("multipleOf")
    if multiple and abs(value / multiple - round(value / multiple)) > 1e-9:
        errors.append(invalid(field, value, f"{body}should be a multiple of {_number_text(multiple)}"))
    bits = {"int32": 31, "int64": 63}.get(schema.get("format", ""))
    if bits and not -(2**bits) <= value < 2**bits:
        errors.append(
            invalid(field, value, f"{body}must be of type {schema['format']}: {_number_text(value)!r}")
        )
    return errors


def _number_text(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def _array(value: list[Any], schema: JSONObject, field: str, body: str) -> list[FieldError]:
    errors: list[FieldError] = []
    most, least = schema.get("maxItems"), schema.get("minItems")
    if most is not None and len(value) > most:
        errors.append(too_many(field, len(value), most))
    if least is not None and len(value) < least:
        errors.append(invalid(field, len(value), f"{body}should have at least {least} items"))
    return errors


def _object(value: JSONObject, schema: JSONObject, field: str, body: str, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if schema.get("additionalProperties") is False:
        known = schema.get("properties") or {}
        errors += [
            invalid(field, name, f"{path}.{name} in body is a forbidden property")
            for name in value
            if name not in known
        ]
    errors += [
        required(f"{path}.{name}" if path else name)
        for name in schema.get("required") or ()
        if name not in value
    ]
    most, least = schema.get("maxProperties"), schema.get("minProperties")
    if most is not None and len(value) > most:
        errors.append(too_many(field, len(value), most))
    if least is not None and len(value) < least:
        errors.append(invalid(field, len(value), f"{body}should have at least {least} properties"))
    return errors


def _combinations(value: Any, schema: JSONObject, field: str, body: str, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for inner in schema.get("allOf") or ():
        errors += _validate(value, inner, path)
    any_of = schema.get("anyOf")
    if any_of and not any(not _validate(value, inner, path) for inner in any_of):
        best = min((_validate(value, inner, path) for inner in any_of), key=len)
        if not schema.get("x-kubernetes-int-or-string"):
            errors += [invalid(field, value, f"{body}must validate at least one schema (anyOf)"), *best]
    one_of = schema.get("oneOf")
    if one_of:
        good = sum(1 for inner in one_of if not _validate(value, inner, path))
        if good != 1:
            found = "Found none valid" if good == 0 else f"Found {good} valid alternatives"
            errors.append(
                invalid(field, value, f"{body}must validate one and only one schema (oneOf). {found}")
            )
    negated = schema.get("not")
    if negated and not _validate(value, negated, path):
        errors.append(invalid(field, value, f"{body}must not validate the schema (not)"))
    return errors
