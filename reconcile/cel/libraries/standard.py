"""Operators, conversions and strings of cel-spec's standard definitions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from reconcile.cel import arithmetic, types
from reconcile.cel.declarations import Function, Overload
from reconcile.cel.equality import compare
from reconcile.cel.failure import Failure, no_such_overload
from reconcile.cel.numerals import (
    MAX_INT,
    MAX_SECONDS,
    MAX_UINT,
    MIN_SECONDS,
    SECOND,
    format_general,
    format_plain,
    format_time,
    parse_bool,
    parse_double,
    parse_duration,
    parse_int,
    parse_time,
    parse_uint,
)
from reconcile.cel.re2 import search
from reconcile.cel.types import BOOL, BYTES, DOUBLE, DURATION, DYN, INT, STRING, TIMESTAMP, UINT, Type
from reconcile.cel.values import (
    Duration,
    ListValue,
    MapValue,
    Timestamp,
    UInt,
    type_of_value,
)

_A, _B = types.parameter("A"), types.parameter("B")
_LIST, _MAP = types.list_of(_A), types.map_of(_A, _B)


def declarations() -> list[Function]:
    return [*_logic(), *_arithmetic(), *_relations(), *_collections(), *_conversions(), *_strings()]


def _logic() -> list[Function]:
    """What the compiler knows by name; nothing here runs."""
    return [
        Function("_?_:_", [Overload("conditional", (BOOL, _A, _A), _A)]),
        Function("_&&_", [Overload("logical_and", (BOOL, BOOL), BOOL)]),
        Function("_||_", [Overload("logical_or", (BOOL, BOOL), BOOL)]),
        Function("!_", [Overload("logical_not", (BOOL,), BOOL)], run=_not),
        Function("@not_strictly_false", [Overload("not_strictly_false", (BOOL,), BOOL)]),
        Function("_==_", [Overload("equals", (_A, _A), BOOL)]),
        Function("_!=_", [Overload("not_equals", (_A, _A), BOOL)]),
    ]


def _not(value: Any) -> bool:
    if type(value) is not bool:
        raise no_such_overload()
    return not value


def _arithmetic() -> list[Function]:
    def of(*kinds: tuple[str, Type, Type, Type]) -> list[Overload]:
        return [Overload(name, (left, right), result) for name, left, right, result in kinds]

    return [
        Function(
            "_+_",
            of(
                ("add_bytes", BYTES, BYTES, BYTES),
                ("add_double", DOUBLE, DOUBLE, DOUBLE),
                ("add_duration_duration", DURATION, DURATION, DURATION),
                ("add_duration_timestamp", DURATION, TIMESTAMP, TIMESTAMP),
                ("add_timestamp_duration", TIMESTAMP, DURATION, TIMESTAMP),
                ("add_int64", INT, INT, INT),
                ("add_list", _LIST, _LIST, _LIST),
                ("add_string", STRING, STRING, STRING),
                ("add_uint64", UINT, UINT, UINT),
            ),
            run=arithmetic.add,
        ),
        Function(
            "_/_",
            of(
                ("divide_double", DOUBLE, DOUBLE, DOUBLE),
                ("divide_int64", INT, INT, INT),
                ("divide_uint64", UINT, UINT, UINT),
            ),
            run=arithmetic.divide,
        ),
        Function(
            "_%_",
            of(("modulo_int64", INT, INT, INT), ("modulo_uint64", UINT, UINT, UINT)),
            run=arithmetic.modulo,
        ),
        Function(
            "_*_",
            of(
                ("multiply_double", DOUBLE, DOUBLE, DOUBLE),
                ("multiply_int64", INT, INT, INT),
                ("multiply_uint64", UINT, UINT, UINT),
            ),
            run=arithmetic.multiply,
        ),
        Function(
            "-_",
            [Overload("negate_double", (DOUBLE,), DOUBLE), Overload("negate_int64", (INT,), INT)],
            run=arithmetic.negate,
        ),
        Function(
            "_-_",
            of(
                ("subtract_double", DOUBLE, DOUBLE, DOUBLE),
                ("subtract_duration_duration", DURATION, DURATION, DURATION),
                ("subtract_int64", INT, INT, INT),
                ("subtract_timestamp_duration", TIMESTAMP, DURATION, TIMESTAMP),
                ("subtract_timestamp_timestamp", TIMESTAMP, TIMESTAMP, DURATION),
                ("subtract_uint64", UINT, UINT, UINT),
            ),
            run=arithmetic.subtract,
        ),
    ]


_ORDERED: tuple[tuple[str, Type, Type], ...] = (
    ("bool", BOOL, BOOL),
    ("int64", INT, INT),
    ("int64_double", INT, DOUBLE),
    ("int64_uint64", INT, UINT),
    ("uint64", UINT, UINT),
    ("uint64_double", UINT, DOUBLE),
    ("uint64_int64", UINT, INT),
    ("double", DOUBLE, DOUBLE),
    ("double_int64", DOUBLE, INT),
    ("double_uint64", DOUBLE, UINT),
    ("string", STRING, STRING),
    ("bytes", BYTES, BYTES),
    ("timestamp", TIMESTAMP, TIMESTAMP),
    ("duration", DURATION, DURATION),
)


def _relations() -> list[Function]:
    def relation(name: str, prefix: str, test: Callable[[int], bool]) -> Function:
        able = (bool, int, UInt, float, str, bytes, Timestamp, Duration)

        def run(left: Any, right: Any) -> bool:
            if type(left) not in able:
                raise Failure(f"no such overload: {name}")
            return test(compare(left, right))

        overloads = [Overload(f"{prefix}_{kind}", (left, right), BOOL) for kind, left, right in _ORDERED]
        return Function(name, overloads, run=run)

    return [
        relation("_<_", "less", lambda order: order < 0),
        relation("_<=_", "less_equals", lambda order: order <= 0),
        relation("_>_", "greater", lambda order: order > 0),
        relation("_>=_", "greater_equals", lambda order: order >= 0),
    ]


def _collections() -> list[Function]:
    sizes = [
        ("bytes", BYTES), ("list", _LIST), ("map", _MAP), ("string", STRING),
    ]  # fmt: skip
    size = Function("size", run=_size)
    for name, type in sizes:
        size.overloads += [
            Overload(f"size_{name}", (type,), INT),
            Overload(f"{name}_size", (type,), INT, member=True),
        ]
    return [
        Function(
            "_[_]",
            [Overload("index_list", (_LIST, INT), _A), Overload("index_map", (_MAP, _A), _B)],
        ),
        Function(
            "@in",
            [Overload("in_list", (_A, _LIST), BOOL), Overload("in_map", (_A, _MAP), BOOL)],
            run=_in,
        ),
        size,
    ]


def _size(value: Any) -> int:
    if isinstance(value, str | bytes | ListValue | MapValue):
        return len(value)
    raise Failure("no such overload" if type(value) in (Timestamp, Duration) else "no such overload: size")


def _in(wanted: Any, where: Any) -> bool:
    if isinstance(where, ListValue):
        return where.contains(wanted)
    if isinstance(where, MapValue):
        return where.contains(wanted)
    raise no_such_overload()


def _conversions() -> list[Function]:
    def conversion(name: str, result: Type, *kinds: tuple[str, Type]) -> Function:
        run = CONVERSIONS[name]
        return Function(name, [Overload(id, (source,), result, run) for id, source in kinds])

    return [
        Function("type", [Overload("type", (_A,), types.type_of(_A))], run=type_of_value),
        conversion("bool", BOOL, ("bool_to_bool", BOOL), ("string_to_bool", STRING)),
        conversion("bytes", BYTES, ("bytes_to_bytes", BYTES), ("string_to_bytes", STRING)),
        conversion(
            "double",
            DOUBLE,
            ("double_to_double", DOUBLE),
            ("int64_to_double", INT),
            ("string_to_double", STRING),
            ("uint64_to_double", UINT),
        ),
        conversion(
            "duration",
            DURATION,
            ("duration_to_duration", DURATION),
            ("int64_to_duration", INT),
            ("string_to_duration", STRING),
        ),
        Function("dyn", [Overload("to_dyn", (_A,), DYN)], run=lambda value: value),
        conversion(
            "int",
            INT,
            ("int64_to_int64", INT),
            ("double_to_int64", DOUBLE),
            ("duration_to_int64", DURATION),
            ("string_to_int64", STRING),
            ("timestamp_to_int64", TIMESTAMP),
            ("uint64_to_int64", UINT),
        ),
        conversion(
            "string",
            STRING,
            ("string_to_string", STRING),
            ("bool_to_string", BOOL),
            ("bytes_to_string", BYTES),
            ("double_to_string", DOUBLE),
            ("duration_to_string", DURATION),
            ("int64_to_string", INT),
            ("timestamp_to_string", TIMESTAMP),
            ("uint64_to_string", UINT),
        ),
        conversion(
            "timestamp",
            TIMESTAMP,
            ("timestamp_to_timestamp", TIMESTAMP),
            ("int64_to_timestamp", INT),
            ("string_to_timestamp", STRING),
        ),
        conversion(
            "uint",
            UINT,
            ("uint64_to_uint64", UINT),
            ("double_to_uint64", DOUBLE),
            ("int64_to_uint64", INT),
            ("string_to_uint64", STRING),
        ),
    ]


def _named(value: Any, wanted: Type) -> Failure:
    return Failure(f"type conversion error from '{type_of_value(value).name}' to '{wanted.name}'")


def _to_bool(value: Any) -> bool:
    found = parse_bool(value) if isinstance(value, str) else value
    if type(found) is not bool:
        raise _named(value, BOOL)
    return found


def _to_bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _to_double(value: Any) -> float:
    found = parse_double(value) if isinstance(value, str) else float(value)
    if found is None:
        raise _named(value, DOUBLE)
    return found


def _to_duration(value: Any) -> Duration:
    if isinstance(value, Duration):
        return value
    nanos = parse_duration(value) if isinstance(value, str) else None
    if nanos is None:
        raise _named(value, DURATION)
    return Duration(nanos)


def _to_int(value: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, float):
        if not (-9223372036854775808.0 < value < 9223372036854775808.0):
            raise Failure("integer overflow")
        return int(value)
    if isinstance(value, Duration):
        return value.nanos
    if isinstance(value, Timestamp):
        return value.nanos // SECOND
    if isinstance(value, UInt):
        if value > MAX_INT:
            raise Failure("integer overflow")
        return int(value)
    found = parse_int(value)
    if found is None:
        raise _named(value, INT)
    return found


def _to_uint(value: Any) -> UInt:
    if isinstance(value, UInt):
        return value
    if isinstance(value, float):
        if math.isnan(value) or not 0 <= value < 18446744073709551616.0:
            raise Failure("unsigned integer overflow")
        return UInt(int(value))
    if isinstance(value, int):
        if not 0 <= value <= MAX_UINT:
            raise Failure("unsigned integer overflow")
        return UInt(value)
    found = parse_uint(value)
    if found is None:
        raise _named(value, UINT)
    return UInt(found)


def _to_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return format_general(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise Failure("invalid UTF-8 in bytes, cannot convert to string") from None
    if isinstance(value, Duration):
        seconds, nanos = divmod(abs(value.nanos), SECOND)
        total = float(seconds) + nanos / 1e9
        return f"{format_plain(-total if value.nanos < 0 else total)}s"
    if isinstance(value, Timestamp):
        return format_time(value.nanos, value.east)
    raise _named(value, STRING)


def _to_timestamp(value: Any) -> Timestamp:
    if isinstance(value, Timestamp):
        return value
    if isinstance(value, int):
        nanos, east = int(value) * SECOND, 0
    else:
        found = parse_time(value)
        if found is None:
            raise _named(value, TIMESTAMP)
        nanos, east = found
    if not MIN_SECONDS <= nanos // SECOND <= MAX_SECONDS:
        raise Failure("timestamp overflow")
    return Timestamp(nanos, east)


CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "bool": _to_bool,
    "bytes": _to_bytes,
    "double": _to_double,
    "duration": _to_duration,
    "int": _to_int,
    "string": _to_string,
    "timestamp": _to_timestamp,
    "uint": _to_uint,
}


def _strings() -> list[Function]:
    def test(name: str, id: str, run: Callable[[str, str], bool]) -> Function:
        def checked(text: Any, other: Any) -> bool:
            if not isinstance(text, str) or not isinstance(other, str):
                raise no_such_overload()
            return run(text, other)

        return Function(name, [Overload(id, (STRING, STRING), BOOL, checked, True)], guarded=False)

    return [
        test("contains", "contains_string", lambda text, part: part in text),
        test("endsWith", "ends_with_string", str.endswith),
        test("startsWith", "starts_with_string", str.startswith),
        Function(
            "matches",
            [
                Overload("matches", (STRING, STRING), BOOL),
                Overload("matches_string", (STRING, STRING), BOOL, member=True),
            ],
            run=_matches,
        ),
    ]


def _matches(text: Any, pattern: Any) -> bool:
    if not isinstance(text, str):
        raise Failure(
            "no such overload" if type(text) in (Timestamp, Duration) else "no such overload: matches"
        )
    if not isinstance(pattern, str):
        raise no_such_overload()
    return search(pattern, text) is not None
