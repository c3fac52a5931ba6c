"""What the keywords of a schema say of one value: type, bounds, choices. Nothing of what is in it.

Each function compiles what a schema has for one kind of JSON value into a check, or None where the schema
has nothing to say. The rules and the words are those of kube-openapi's `pkg/validation/validate` and
`pkg/validation/errors`, odd ones included: a choice is compared after a conversion as Go's `reflect` makes
it, so that 1.5 is the choice 1; a bound that the format cannot hold is an error whatever the value is.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from reconcile.apiserver.customresources.string_formats import known_format
from reconcile.apiserver.field_errors import (
    FieldError,
    go_quote,
    invalid,
    not_supported,
    quoted,
    too_long,
    type_invalid,
)

Schema = Mapping[str, Any]
Check = Callable[[Any, str], list[FieldError]]
"""What is wrong with a value at a path."""

NOWHERE: Final = "<nil>"
"""The field of an error that names none, as of the whole value and of schemas that are combined."""

_GO: Final[Mapping[type, tuple[str, str]]] = {
    str: ("string", ""),
    bool: ("boolean", ""),
    int: ("integer", "int64"),
    float: ("number", "float64"),
    list: ("array", ""),
    dict: ("object", ""),
}
_MAX_JSON_INTEGER: Final = 2.0**53 - 1
_FLOAT_OVERFLOWS: Final = 2.0**128 - 2.0**103
"""What rounds to more than a float of 32 bits holds."""
MAX_INT, MIN_INT = 2**63 - 1, -(2**63)
_BITS: Final = {"int32": 31, "int64": 63, "": 63}
_OF_NUMBERS: Final = {"integer": ("int32", "int64"), "number": ("float", "double")}


def narrowed(value: Any) -> Any:
    """A number as Go reads it: an integer of more than 64 bits is a float."""
    return float(value) if type(value) is int and not MIN_INT <= value <= MAX_INT else value


def field_of(path: str) -> str:
    """The field that an error about a path names."""
    return path.removeprefix(".") or NOWHERE


def in_body(path: str, text: str) -> str:
    return f"{path} in body {text}"


@dataclass(frozen=True, slots=True)
class Types:
    """The types of a schema and its format, as one that looks at values sees them.

    Attributes:
        names: none where any is taken; two for an int-or-string.
        format: empty where there is none, or one that is ignored.
    """

    names: tuple[str, ...]
    format: str

    @classmethod
    def of_objects(cls, schema: Schema) -> Types:
        """As custom objects are checked: formats that are not known for the type are ignored."""
        names: tuple[str, ...] = (schema["type"],) if schema.get("type") else ()
        if schema.get("x-kubernetes-int-or-string"):
            names = ("integer", "string")
        form = schema.get("format") or ""
        kind = names[0] if len(names) == 1 else "string"
        known = known_format(form) is not None if kind == "string" else form in _OF_NUMBERS.get(kind, ())
        return cls(names, form if known else "")

    @classmethod
    def of_defaults(cls, schema: Schema) -> Types:
        """As defaults are checked: by the schema as it is written, where an int-or-string has no type."""
        return cls((schema["type"],) if schema.get("type") else (), schema.get("format") or "")

    @property
    def any(self) -> bool:
        """Whether nothing is asked of the type."""
        return not self.names and not self.format

    def mismatch(self, kind: type, *, whole: bool = False) -> tuple[str, str] | None:
        """What was wanted and what was found instead; None where a value of the kind is taken.

        Args:
            kind: str, bool, int, float, list or dict.
            whole: it is a float without a fraction.
        """
        found, form = _GO[kind]
        fits = (
            found in self.names
            or (found == "integer" and "number" in self.names)
            or (whole and "integer" in self.names)
        )
        texts = kind is str or kind is list
        if self.format and not texts and not fits and form != self.format:
            return self.format, form
        if self.format and texts and "integer" not in self.names and "number" not in self.names:
            return None
        return None if fits else (",".join(self.names), found)

    def refusal(self, mismatch: tuple[str, str], path: str) -> FieldError:
        wanted, found = mismatch
        return type_invalid(field_of(path), found, in_body(path, f'must be of type {wanted}: "{found}"'))


def is_whole(value: float) -> bool:
    """Whether a float is an integer: `swag.IsFloat64AJSONInteger`, which is not exact."""
    if not -_MAX_JSON_INTEGER <= value <= _MAX_JSON_INTEGER:
        return False
    cut = float(int(value))
    # Of what is below zero only what has no fraction at all is one.
    return value == cut or (cut > 0 and (value - cut) / (value + cut) < 1e-9)


def null_check(schema: Schema, types: Types) -> Check | None:
    """What is wrong with a null."""
    if not types.names or schema.get("nullable"):
        return None
    refusal = (",".join(types.names), "null")
    return lambda _, path: [types.refusal(refusal, path)]


def string_check(schema: Schema) -> Check | None:
    """Lengths and pattern: the first that fails is the only one reported."""
    longest, shortest, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    if longest is None and not shortest and not pattern:
        return None

    def check(value: str, path: str) -> list[FieldError]:
        field = field_of(path)
        if longest is not None and len(value) > longest:
            return [too_long(field, "", longest)]
        if shortest is not None and len(value) < shortest:
            return [invalid(field, value, in_body(path, f"should be at least {shortest} chars long"))]
        wrong = _unmatched(pattern, value) if pattern else ""
        return [invalid(field, value, in_body(path, f"should match '{wrong}'"))] if wrong else []

    return check


def _unmatched(pattern: str, text: str) -> str:
    """The pattern, if it does not match, or is none."""
    from reconcile.cel.re2 import PatternError, compile_re2

    try:
        return "" if compile_re2(pattern).search(text) else pattern
    except PatternError as error:
        return f"{pattern}, but pattern is invalid: error parsing regexp: {error}"


def format_check(types: Types) -> Check | None:
    """The format of a string."""
    form = types.format
    fits = known_format(form) if form else None
    if fits is None:
        return None

    def check(value: str, path: str) -> list[FieldError]:
        if fits(value):
            return []
        text = in_body(path, f"must be of type {form}: {go_quote(value)}")
        return [type_invalid(field_of(path), value, text)]

    return check


def enum_check(schema: Schema, kind: type) -> Check | None:
    """The choices that there are for a kind of values."""
    choices = [_read(choice) for choice in schema.get("enum") or ()]
    if not choices:
        return None
    written = [choice if isinstance(choice, str) else quoted(_raw(choice)) for choice in choices]
    texts = frozenset(choice for choice in choices if isinstance(choice, str))

    def check(value: Any, path: str) -> list[FieldError]:
        if kind is str:
            chosen = value in texts
        else:
            chosen = any(_is_choice(value, choice) for choice in choices)
        return [] if chosen else [not_supported(field_of(path), shown(value), written)]

    return check


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _read(inner) for key, inner in value.items()}
    return [_read(item) for item in value] if isinstance(value, list) else narrowed(value)


def shown(value: Any) -> Any:
    """A value as errors show it: with keys in order, and numbers as Go writes them."""
    return _raw(value) if isinstance(value, dict | list) else value


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(_json(value).encode())


def _is_choice(value: Any, choice: Any) -> bool:
    """Whether a value is a choice once it is converted to the choice's type, as Go converts."""
    from reconcile.cel.correlation import same

    if value is None:
        return False
    if type(value) is int and type(choice) is str:
        return choice == (chr(value) if _is_character(value) else "\ufffd")
    if type(value) in (int, float) and type(choice) in (int, float):
        return _int64(value) == choice if type(choice) is int else float(value) == choice
    return same(value, choice)


def _is_character(value: int) -> bool:
    return 0 <= value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF


def _int64(value: float) -> int:
    whole = int(value)
    return whole if MIN_INT <= whole <= MAX_INT else MIN_INT


def _json(value: Any) -> str:
    """A JSON value as Go writes it, with keys in order."""
    if isinstance(value, dict):
        return f"{{{','.join(f'{_json(key)}:{_json(value[key])}' for key in sorted(value))}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_json, value))}]"
    value = narrowed(value)
    if isinstance(value, float):
        if value == 0 or 1e-6 <= abs(value) < 1e21:
            from reconcile.cel.numerals import format_plain

            return format_plain(value)
        return repr(value).replace("e-0", "e-")
    return msgspec.json.encode(value).decode()


def number_check(schema: Schema, types: Types, kind: type) -> Check | None:
    """Range of the format, multipleOf, minimum, maximum, in this order, for integers or for floats."""
    name = types.names[0] if len(types.names) == 1 else ""
    form = types.format if types.format in _OF_NUMBERS.get(name, ()) else ""
    holder = _Holder(name, form)
    parts: list[Check] = []
    if (name == "integer" and (kind is float or form == "int32")) or form == "float":
        parts.append(lambda value, path: holder.errors(value, "Checked", path))
    for keyword, made in (("multipleOf", _multiple), ("minimum", _limit), ("maximum", _limit)):
        bound = schema.get(keyword)
        if bound is not None:
            exclusive = bool(schema.get(f"exclusive{keyword.capitalize()}"))
            parts.append(made(keyword, float(bound), exclusive, holder, kind))
    if not parts:
        return None
    return lambda value, path: [error for part in parts for error in part(value, path)]


@dataclass(frozen=True, slots=True)
class _Holder:
    """What holds the numbers of a type and format: an integer or float of so many bits."""

    name: str
    format: str

    def holds(self, value: float) -> bool:
        if self.name == "integer":
            end = 2 ** _BITS[self.format]
            return value == int(value) and -end <= int(value) < end
        return self.format != "float" or abs(value) < _FLOAT_OVERFLOWS

    def errors(self, value: float, what: str, path: str) -> list[FieldError]:
        if self.holds(value):
            return []
        how = f"with format {self.format}" if self.format else "(default format)"
        return [invalid(NOWHERE, "", f"{what} value must be of type {self.name} {how} in {path}")]


def _multiple(keyword: str, factor: float, _: bool, holder: _Holder, kind: type) -> Check:
    integers = kind is int and holder.holds(factor)
    bound: float = _int64(factor) if integers else factor

    def fits(value: float) -> bool:
        if integers:
            return value % bound == 0
        return is_whole(1 / bound * value if bound < 1 else value / bound)

    def check(value: float, path: str) -> list[FieldError]:
        errors = holder.errors(factor, "MultipleOf", path)
        value = value if integers else float(value)
        if bound <= 0:
            text = f"factor MultipleOf declared for {path} must be positive: {go_number(bound)}"
            errors.append(invalid(field_of(path), bound, text))
        elif not fits(value):
            text = in_body(path, f"should be a multiple of {go_number(bound)}")
            errors.append(invalid(field_of(path), value, text))
        return errors

    return check


def _limit(keyword: str, limit: float, exclusive: bool, holder: _Holder, kind: type) -> Check:
    """A minimum or maximum. One that the type cannot hold is an error of its own, and compared as a float."""
    integers = kind is int and holder.holds(limit)
    bound: float = _int64(limit) if integers else limit
    beyond, word = (operator.lt, "greater") if keyword == "minimum" else (operator.gt, "less")
    text = f"should be {word} than {'' if exclusive else 'or equal to '}{go_number(bound)}"

    def check(value: float, path: str) -> list[FieldError]:
        errors = holder.errors(limit, f"{keyword.capitalize()} boundary", path)
        value = value if integers else float(value)
        if beyond(value, bound) or (exclusive and value == bound):
            errors.append(invalid(field_of(path), value, in_body(path, text)))
        return errors

    return check


def go_number(value: float) -> str:
    """A number as Go's `%v` prints it."""
    if isinstance(value, int):
        return str(value)
    from reconcile.cel.numerals import format_general

    return format_general(value)
