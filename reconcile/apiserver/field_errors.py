"""Field errors: what validation found, worded as `k8s.io/apimachinery/pkg/util/validation/field` words it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import msgspec


class FieldErrorType(Enum):
    """The type of a field error: its reason in a Status cause, and the words it begins with."""

    NOT_FOUND = ("FieldValueNotFound", "Not found")
    REQUIRED = ("FieldValueRequired", "Required value")
    DUPLICATE = ("FieldValueDuplicate", "Duplicate value")
    INVALID = ("FieldValueInvalid", "Invalid value")
    NOT_SUPPORTED = ("FieldValueNotSupported", "Unsupported value")
    FORBIDDEN = ("FieldValueForbidden", "Forbidden")
    TOO_LONG = ("FieldValueTooLong", "Too long")
    TOO_MANY = ("FieldValueTooMany", "Too many")
    INTERNAL = ("InternalError", "Internal error")
    TYPE_INVALID = ("FieldValueTypeInvalid", "Invalid value")

    @property
    def reason(self) -> str:
        return self.value[0]

    @property
    def words(self) -> str:
        return self.value[1]


class _Omitted:
    def __repr__(self) -> str:
        return "OMITTED"


OMITTED: Final = _Omitted()
"""In place of a value that must not be shown, or that there is none of."""

_WITHOUT_VALUE = frozenset(
    {FieldErrorType.REQUIRED, FieldErrorType.FORBIDDEN, FieldErrorType.TOO_LONG, FieldErrorType.INTERNAL}
)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field of an object.

    Attributes:
        type: what is wrong.
        field: the field's path, as `spec.containers[0].name` or `metadata.labels`.
        value: the offending JSON value; shown by the types that show one.
        detail: more words; may be empty.

    >>> str(invalid("spec.replicas", -1, "must be greater than or equal to 0"))
    'spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    """

    type: FieldErrorType
    field: str
    value: object = OMITTED
    detail: str = ""

    @property
    def body(self) -> str:
        """The text without the field: the `message` of a Status cause."""
        words = self.type.words
        if self.type not in _WITHOUT_VALUE and self.value is not OMITTED:
            words = f"{words}: {quoted(self.value)}"
        return f"{words}: {self.detail}" if self.detail else words

    def __str__(self) -> str:
        return f"{self.field}: {self.body}"


def quoted(value: object) -> str:
    """A JSON value as the server shows it in messages: strings as Go's %q, floats as its %v, the rest as
    compact JSON."""
    if isinstance(value, str):
        return go_quote(value)
    if value is None:
        return "null"
    if isinstance(value, float):
        from reconcile.cel.numerals import format_general

        return format_general(value)
    text = msgspec.json.encode(value).decode()
    if "<" in text or ">" in text or "&" in text:
        # Go writes JSON that may stand in HTML.
        for char in "<>&":
            text = text.replace(char, f"\\u{ord(char):04x}")
    return text


_ESCAPES = {
    '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f",
    "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
}  # fmt: skip


def go_quote(text: str) -> str:
    """The text as Go's `%q` prints it."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    parts: list[str] = []
    for char in text:
        if char in _ESCAPES:
            parts.append(_ESCAPES[char])
        elif char.isprintable():
            parts.append(char)
        elif ord(char) < 0x80:
            parts.append(f"\\x{ord(char):02x}")
        elif ord(char) < 0x10000:
            parts.append(f"\\u{ord(char):04x}")
        else:
            parts.append(f"\\U{ord(char):08x}")
    return f'"{"".join(parts)}"'


def not_found(field: str, value: object) -> FieldError:
    return FieldError(FieldErrorType.NOT_FOUND, field, value)


def required(field: str, detail: str = "") -> FieldError:
    return FieldError(FieldErrorType.REQUIRED, field, "", detail)


def duplicate(field: str, value: object) -> FieldError:
    return FieldError(FieldErrorType.DUPLICATE, field, value)


def invalid(field: str, value: object, detail: str) -> FieldError:
    return FieldError(FieldErrorType.INVALID, field, value, detail)


def type_invalid(field: str, value: object, detail: str) -> FieldError:
    return FieldError(FieldErrorType.TYPE_INVALID, field, value, detail)


def not_supported(field: str, value: object, valid: Sequence[str]) -> FieldError:
    detail = "supported values: " + ", ".join(go_quote(item) for item in valid) if valid else ""
    return FieldError(FieldErrorType.NOT_SUPPORTED, field, value, detail)


def forbidden(field: str, detail: str) -> FieldError:
    return FieldError(FieldErrorType.FORBIDDEN, field, "", detail)


def too_long(field: str, value: object, max_length: int) -> FieldError:
    size = "1 byte" if max_length == 1 else f"{max_length} bytes"
    detail = f"may not be more than {size}" if max_length >= 0 else "value is too long"
    return FieldError(FieldErrorType.TOO_LONG, field, value, detail)


def too_many(field: str, actual: int, max_items: int) -> FieldError:
    size = "1 item" if max_items == 1 else f"{max_items} items"
    detail = f"must have at most {size}" if max_items >= 0 else "has too many items"
    return FieldError(FieldErrorType.TOO_MANY, field, actual if actual >= 0 else OMITTED, detail)


def internal(field: str, detail: str) -> FieldError:
    return FieldError(FieldErrorType.INTERNAL, field, None, detail)


def aggregate(texts: Sequence[str]) -> str:
    """Several messages as one, as apimachinery's `utilerrors.NewAggregate` prints them: no repeats."""
    unique = list(dict.fromkeys(texts))
    return unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]"
