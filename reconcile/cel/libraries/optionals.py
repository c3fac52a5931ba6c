"""Optional values. `or`, `orValue`, `.?` and `[?]` are the compiler's; they are declared here."""

from __future__ import annotations

from typing import Any

from reconcile.cel import types
from reconcile.cel.declarations import Function, Overload
from reconcile.cel.failure import Failure
from reconcile.cel.types import BOOL, DYN, INT, STRING
from reconcile.cel.values import NONE, ListValue, Optional, is_zero, shown


def declarations() -> list[Function]:
    key, value = types.parameter("K"), types.parameter("V")
    maybe = types.optional_of(value)
    whole, mapping = types.list_of(value), types.map_of(key, value)
    many = types.list_of(maybe)
    unwrap = [Overload("optional_unwrap", (many,), whole, _unwrap)]
    return [
        Function("optional.of", [Overload("optional_of", (value,), maybe, Optional)]),
        Function(
            "optional.ofNonZeroValue", [Overload("optional_ofNonZeroValue", (value,), maybe, _of_non_zero)]
        ),
        Function("optional.none", [Overload("optional_none", (), maybe, lambda: NONE)]),
        Function("value", [Overload("optional_value", (maybe,), value, lambda held: held.value, True)]),
        Function(
            "hasValue", [Overload("optional_hasValue", (maybe,), BOOL, lambda held: held.present, True)]
        ),
        Function("or", [Overload("optional_or_optional", (maybe, maybe), maybe, member=True)]),
        Function("orValue", [Overload("optional_orValue_value", (maybe, value), value, member=True)]),
        Function("_?._", [Overload("select_optional_field", (DYN, STRING), maybe)]),
        Function(
            "_[?_]",
            [
                Overload("list_optindex_optional_int", (whole, INT), maybe),
                Overload("optional_list_optindex_optional_int", (types.optional_of(whole), INT), maybe),
                Overload("map_optindex_optional_value", (mapping, key), maybe),
                Overload("optional_map_optindex_optional_value", (types.optional_of(mapping), key), maybe),
            ],
        ),
        Function(
            "_[_]",
            [
                Overload("optional_list_index_int", (types.optional_of(whole), INT), maybe),
                Overload("optional_map_index_value", (types.optional_of(mapping), key), maybe),
            ],
        ),
        Function("last", [Overload("list_last", (whole,), maybe, _last, True)]),
        Function("first", [Overload("list_first", (whole,), maybe, _first, True)]),
        Function("optional.unwrap", unwrap),
        Function("unwrapOpt", [Overload("optional_unwrapOpt", (many,), whole, _unwrap, True)]),
    ]


def _of_non_zero(value: Any) -> Optional:
    return NONE if is_zero(value) else Optional(value)


def _last(values: ListValue) -> Optional:
    return Optional(values.at(len(values) - 1)) if len(values) else NONE


def _first(values: ListValue) -> Optional:
    return Optional(values.at(0)) if len(values) else NONE


def _unwrap(values: ListValue) -> ListValue:
    found: list[Any] = []
    for value in values:
        if not isinstance(value, Optional):
            raise Failure(f"value {shown(value)} is not optional")
        if value.present:
            found.append(value.value)
    return ListValue(found)
