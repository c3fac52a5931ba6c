"""cel-go's strings, version 2: charAt, indexOf, replace, split, format, …"""

from __future__ import annotations

from typing import Any

from reconcile.cel import types
from reconcile.cel.declarations import Function, Overload
from reconcile.cel.failure import Failure
from reconcile.cel.string_format import FormatError, format_string
from reconcile.cel.types import INT, STRING
from reconcile.cel.values import ListValue, shown

_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_QUOTED = str.maketrans(
    {
        "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
        "\\": "\\\\", '"': '\\"',
    }
)  # fmt: skip


def declarations() -> list[Function]:
    strings = types.list_of(STRING)

    def of(name: str, *overloads: tuple[str, tuple[Any, ...], Any, Any]) -> Function:
        return Function(name, [Overload(id, args, result, run, True) for id, args, result, run in overloads])

    two = (STRING, STRING)
    return [
        of("charAt", ("string_char_at_int", (STRING, INT), STRING, _char_at)),
        of(
            "indexOf",
            ("string_index_of_string", two, INT, _index_of),
            ("string_index_of_string_int", (*two, INT), INT, _index_of),
        ),
        of(
            "lastIndexOf",
            ("string_last_index_of_string", two, INT, _last_index_of),
            ("string_last_index_of_string_int", (*two, INT), INT, _last_index_of_offset),
        ),
        of("lowerAscii", ("string_lower_ascii", (STRING,), STRING, _lower)),
        of(
            "replace",
            ("string_replace_string_string", (STRING, STRING, STRING), STRING, _replace),
            ("string_replace_string_string_int", (STRING, STRING, STRING, INT), STRING, _replace),
        ),
        of(
            "split",
            ("string_split_string", two, strings, _split),
            ("string_split_string_int", (*two, INT), strings, _split),
        ),
        of(
            "substring",
            ("string_substring_int", (STRING, INT), STRING, _substring),
            ("string_substring_int_int", (STRING, INT, INT), STRING, _substring_range),
        ),
        of("trim", ("string_trim", (STRING,), STRING, lambda text: text.strip(_SPACE))),
        of("upperAscii", ("string_upper_ascii", (STRING,), STRING, _upper)),
        of("format", ("string_format", (STRING, types.LIST), STRING, _format)),
        Function("strings.quote", [Overload("strings_quote", (STRING,), STRING, _quote)]),
        of(
            "join",
            ("list_join", (strings,), STRING, _join),
            ("list_join_string", (strings, STRING), STRING, _join),
        ),
    ]


def _out_of_range(index: int) -> Failure:
    return Failure(f"index out of range: {index}")


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise _out_of_range(index)
    return text[index : index + 1]


def _index_of(text: str, part: str, start: int = 0) -> int:
    if not part:
        return start
    if start < 0:
        raise _out_of_range(start)
    return text.find(part, start)


def _last_index_of(text: str, part: str) -> int:
    return text.rfind(part) if part else len(text)


def _last_index_of_offset(text: str, part: str, start: int) -> int:
    if not part:
        return start
    if start < 0:
        raise _out_of_range(start)
    if start >= len(text):
        return -1
    return text.rfind(part, 0, start + len(part))


def _lower(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)


def _upper(text: str) -> str:
    return "".join(char.upper() if char.isascii() else char for char in text)


def _replace(text: str, old: str, new: str, most: int = -1) -> str:
    return text.replace(old, new, most if most >= 0 else -1)


def _split(text: str, separator: str, most: int = -1) -> ListValue:
    if most == 0:
        return ListValue([])
    if not separator:
        if most < 0 or most >= len(text):
            return ListValue(list(text))
        return ListValue([*text[: most - 1], text[most - 1 :]])
    return ListValue(text.split(separator, most - 1 if most > 0 else -1))


def _substring(text: str, start: int) -> str:
    if not 0 <= start <= len(text):
        raise _out_of_range(start)
    return text[start:]


def _substring_range(text: str, start: int, end: int) -> str:
    if start > end:
        raise Failure(f"invalid substring range. start: {start}, end: {end}")
    for index in (start, end):
        if not 0 <= index <= len(text):
            raise _out_of_range(index)
    return text[start:end]


def _quote(text: str) -> str:
    return f'"{text.translate(_QUOTED)}"'


def _join(values: ListValue, separator: str = "") -> str:
    parts: list[str] = []
    for value in values:
        if not isinstance(value, str):
            raise Failure(f"join: invalid input: {shown(value)}")
        parts.append(value)
    return separator.join(parts)


def _format(text: str, args: ListValue) -> str:
    try:
        return format_string(text, args)
    except FormatError as error:
        raise Failure(error.message) from None
