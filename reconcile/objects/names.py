"""Which names the API accepts, and what it says about the others.

Each function returns what is wrong with a value, in apimachinery's words; nothing when it is valid.
"""

from __future__ import annotations

import re
from typing import Final

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_DNS_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE: Final = f"({_QUALIFIED})?"

_EMPTY: Final = "must be non-empty"

_label = re.compile(_LABEL).fullmatch
_subdomain = re.compile(_SUBDOMAIN).fullmatch
_dns_1035 = re.compile(_DNS_1035).fullmatch
_qualified = re.compile(_QUALIFIED).fullmatch
_label_value = re.compile(_LABEL_VALUE).fullmatch


def _too_long(length: int, unit: str = "bytes") -> str:
    return f"must be no more than {length} {unit}"


def _mismatch(message: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {shown}regex used for validation is '{pattern}')"


def dns_label_problems(value: str) -> list[str]:
    """RFC 1123 label: names of namespaces, services' ports, containers."""
    problems = [_too_long(63, "characters")] if len(value.encode()) > 63 else []
    if not _label(value) and _subdomain(value):
        problems.append("must not contain dots")
    elif not _label(value):
        message = (
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
            "and must start and end with an alphanumeric character"
        )
        problems.append(_mismatch(message, _LABEL, "my-name", "123-abc"))
    return problems


def dns_1035_label_problems(value: str) -> list[str]:
    """RFC 1035 label: begins with a letter; names of services."""
    problems = [_too_long(63, "characters")] if len(value.encode()) > 63 else []
    if not _dns_1035(value):
        message = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
            "alphabetic character, and end with an alphanumeric character"
        )
        problems.append(_mismatch(message, _DNS_1035, "my-name", "abc-123"))
    return problems


def dns_subdomain_problems(value: str, *, unit: str = "characters") -> list[str]:
    """RFC 1123 subdomain: names of most objects, prefixes of label keys."""
    problems = [_too_long(253, unit)] if len(value.encode()) > 253 else []
    if not _subdomain(value):
        message = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
            "and must start and end with an alphanumeric character"
        )
        problems.append(_mismatch(message, _SUBDOMAIN, "example.com"))
    return problems


def qualified_name_problems(value: str) -> list[str]:
    """A name with an optional DNS prefix and `/`: keys of labels and annotations, finalizers."""
    prefix, slash, name = value.rpartition("/")
    if (
        _qualified(name)
        and len(name) <= 63
        and (not slash or (len(prefix) <= 253 and _subdomain(prefix) is not None))
    ):
        return []
    message = (
        "must consist of alphanumeric characters, '-', '_' or '.', "
        "and must start and end with an alphanumeric character"
    )
    mismatch = _mismatch(message, _QUALIFIED, "MyName", "my.name", "123-abc")
    if "/" in prefix:
        return [
            f"a valid label key {mismatch} with an optional DNS subdomain prefix and '/' "
            "(e.g. 'example.com/MyName')"
        ]
    problems: list[str] = []
    if slash and not prefix:
        problems.append(f"prefix part {_EMPTY}")
    elif slash:
        problems += [f"prefix part {problem}" for problem in dns_subdomain_problems(prefix, unit="bytes")]
    if not name:
        problems.append(f"name part {_EMPTY}")
    elif len(name.encode()) > 63:
        problems.append(f"name part {_too_long(63)}")
    if not _qualified(name):
        problems.append(f"name part {mismatch}")
    return problems


def label_value_problems(value: str) -> list[str]:
    """The value of a label; may be empty."""
    problems = [_too_long(63)] if len(value.encode()) > 63 else []
    if not _label_value(value):
        message = (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
            "and must start and end with an alphanumeric character"
        )
        problems.append(_mismatch(message, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return problems
