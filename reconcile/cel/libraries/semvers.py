"""Kubernetes' semantic versions."""

from __future__ import annotations

import re

from reconcile.cel.declarations import Function, Overload
from reconcile.cel.failure import Failure
from reconcile.cel.numerals import MAX_UINT
from reconcile.cel.types import BOOL, INT, SEMVER, STRING
from reconcile.cel.values import Opaque

_DIGITS = re.compile(r"[0-9]*", re.ASCII)
_WORD = re.compile(r"[0-9A-Za-z-]*", re.ASCII)

Precedence = tuple[int, int, int, tuple[tuple[int, int, str], ...]]


def declarations() -> list[Function]:
    both = (SEMVER, SEMVER)
    return [
        Function(
            "semver",
            [
                Overload("string_to_semver", (STRING,), SEMVER, _semver),
                Overload("string_bool_to_semver", (STRING, BOOL), SEMVER, _semver),
            ],
        ),
        Function(
            "isSemver",
            [
                Overload("is_semver_string", (STRING,), BOOL, _is_semver),
                Overload("is_semver_string_bool", (STRING, BOOL), BOOL, _is_semver),
            ],
        ),
        Function(
            "isGreaterThan",
            [Overload("semver_is_greater_than", both, BOOL, lambda one, other: _order(one, other) > 0, True)],
        ),
        Function(
            "isLessThan",
            [Overload("semver_is_less_than", both, BOOL, lambda one, other: _order(one, other) < 0, True)],
        ),
        Function("compareTo", [Overload("semver_compare_to", both, INT, _order, True)]),
        Function("major", [Overload("semver_major", (SEMVER,), INT, lambda one: one.value[0], True)]),
        Function("minor", [Overload("semver_minor", (SEMVER,), INT, lambda one: one.value[1], True)]),
        Function("patch", [Overload("semver_patch", (SEMVER,), INT, lambda one: one.value[2], True)]),
    ]


def strict_semver_value(text: str) -> Opaque:
    """The value of a version in its minimal form; raises Failure when it is none."""
    return _semver(text)


def _semver(text: str, normalize: bool = False) -> Opaque:
    return Opaque(SEMVER, _parsed(_normalized(text) if normalize else text), text)


def _is_semver(text: str, normalize: bool = False) -> bool:
    try:
        _semver(text, normalize)
    except Failure:
        return False
    return True


def _order(one: Opaque, other: Opaque) -> int:
    return _compare(one.value, other.value)


def _compare(one: Precedence, other: Precedence) -> int:
    if one[:3] != other[:3]:
        return 1 if one[:3] > other[:3] else -1
    left, right = one[3], other[3]
    if bool(left) != bool(right):
        # A version before its release comes before it.
        return -1 if left else 1
    return (left > right) - (left < right)


def _number(text: str, name: str) -> int:
    if not _DIGITS.fullmatch(text):
        raise Failure(f'Invalid character(s) found in {name.lower()} number "{text}"')
    if len(text) > 1 and text[0] == "0":
        raise Failure(f'{name} number must not contain leading zeroes "{text}"')
    if not text or int(text) > MAX_UINT:
        wrong = "invalid syntax" if not text else "value out of range"
        raise Failure(f'strconv.ParseUint: parsing "{text}": {wrong}')
    return int(text)


def _parsed(text: str) -> Precedence:
    if not text:
        raise Failure("Version string empty")
    parts = text.split(".", 2)
    if len(parts) != 3:
        raise Failure("No Major.Minor.Patch elements found")
    major, minor = _number(parts[0], "Major"), _number(parts[1], "Minor")
    rest, plus, build = parts[2].partition("+")
    patch, dash, before = rest.partition("-")
    number = _number(patch, "Patch")
    identifiers = tuple(_identifier(each) for each in before.split(".")) if dash else ()
    for each in build.split(".") if plus else ():
        if not each:
            raise Failure("Build meta data is empty")
        if not _WORD.fullmatch(each):
            raise Failure(f'Invalid character(s) found in build meta data "{each}"')
    return major, minor, number, identifiers


def _identifier(text: str) -> tuple[int, int, str]:
    """Sorts as identifiers do: numbers first, by value."""
    if not text:
        raise Failure("Prerelease is empty")
    if _DIGITS.fullmatch(text):
        if len(text) > 1 and text[0] == "0":
            raise Failure(f'Numeric PreRelease version must not contain leading zeroes "{text}"')
        return 0, int(text), ""
    if not _WORD.fullmatch(text):
        raise Failure(f'Invalid character(s) found in prerelease "{text}"')
    return 1, 0, text


def _normalized(text: str) -> str:
    """Without a `v` and leading zeros, and with all three numbers."""
    parts = text.removeprefix("v").split(".", 2)
    for index, part in enumerate(parts):
        if len(part) > 1:
            stripped = part.lstrip("0")
            parts[index] = stripped if stripped[:1].isdigit() else f"0{stripped}"
    if len(parts) < 3 and re.search(r"[-+]", parts[-1]):
        raise Failure("short version cannot contain PreRelease/Build meta data")
    return ".".join([*parts, "0", "0"][:3]) if len(parts) < 3 else ".".join(parts)
