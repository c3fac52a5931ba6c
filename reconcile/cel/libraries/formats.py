"""Kubernetes' named formats."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass

from reconcile.cel import types
from reconcile.cel.declarations import Function, Overload
from reconcile.cel.net import NetError, parse_url
from reconcile.cel.numerals import days_since_1970
from reconcile.cel.strfmt import parse_date_time
from reconcile.cel.types import FORMAT, STRING
from reconcile.cel.values import NONE, ListValue, Opaque, Optional
from reconcile.objects.names import (
    dns_1035_label_problems,
    dns_label_problems,
    dns_subdomain_problems,
    label_value_problems,
    qualified_name_problems,
)

_UUID = re.compile(r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    """A format: equal by name.

    Attributes:
        problems: what is wrong with a text.
        pattern_size: the length that its pattern counts with in costs.
    """

    name: str
    problems: Callable[[str], list[str]]
    pattern_size: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Format) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


def declarations() -> list[Function]:
    strings = types.optional_of(types.list_of(STRING))
    return [
        Function("validate", [Overload("format-validate", (FORMAT, STRING), strings, _validate, True)]),
        Function("format.named", [Overload("format-named", (STRING,), types.optional_of(FORMAT), _named)]),
        *(_constant(name, format) for name, format in _formats().items()),
    ]


def _constant(name: str, format: Format) -> Function:
    value = Opaque(FORMAT, format, format.name)
    return Function(f"format.{name}", [Overload(f"format.{name}", (), FORMAT, lambda: value)])


def _named(name: str) -> Optional:
    format = _formats().get(name)
    return NONE if format is None else Optional(Opaque(FORMAT, format, format.name))


def _validate(format: Opaque, text: str) -> Optional:
    problems: list[str] = format.value.problems(text)
    return Optional(ListValue(problems)) if problems else NONE


def _prefix(problems: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """A name that more will be added to: a dash at its end is that of the middle."""
    return lambda text: problems(f"{text[:-1]}a" if text.endswith("-") else text)


def _one(good: Callable[[str], bool], wrong: str) -> Callable[[str], list[str]]:
    return lambda text: [] if good(text) else [wrong]


def _uri(text: str) -> list[str]:
    try:
        parse_url(text, request=True)
    except NetError as error:
        return [str(error)]
    return []


def _is_base64(text: str) -> bool:
    try:
        return bool(text) and bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False


def _is_date(text: str) -> bool:
    match = _DATE.fullmatch(text)
    return match is not None and days_since_1970(*(int(part) for part in match.groups())) is not None


def _is_date_time(text: str) -> bool:
    if len(text) < 4:
        return False
    day, t, _ = text.partition("T")
    if not t:
        day, t, _ = text.partition("t")
    return bool(t) and _is_date(day) and parse_date_time(text) is not None


def _formats() -> dict[str, Format]:
    return {
        "dns1123Label": Format("DNS1123Label", dns_label_problems, 30),
        "dns1123Subdomain": Format("DNS1123Subdomain", dns_subdomain_problems, 60),
        "dns1035Label": Format("DNS1035Label", dns_1035_label_problems, 30),
        "qualifiedName": Format("QualifiedName", qualified_name_problems, 60),
        "dns1123LabelPrefix": Format("DNS1123LabelPrefix", _prefix(dns_label_problems), 30),
        "dns1123SubdomainPrefix": Format("DNS1123SubdomainPrefix", _prefix(dns_subdomain_problems), 60),
        "dns1035LabelPrefix": Format("DNS1035LabelPrefix", _prefix(dns_1035_label_problems), 30),
        "labelValue": Format("LabelValue", label_value_problems, 40),
        "uri": Format("URI", _uri, 1103),
        "uuid": Format(
            "uuid", _one(lambda text: _UUID.fullmatch(text) is not None, "does not match the UUID format"), 70
        ),
        "byte": Format("byte", _one(_is_base64, "invalid base64"), 84),
        "date": Format("date", _one(_is_date, "invalid date"), 71),
        "datetime": Format("datetime", _one(_is_date_time, "invalid datetime"), 71),
    }
