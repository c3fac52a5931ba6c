"""What `transformMap` and `transformMapEntry` stand on."""

from __future__ import annotations

from typing import Any

from reconcile.cel import types
from reconcile.cel.declarations import Function, Overload
from reconcile.cel.failure import Failure
from reconcile.cel.values import MapValue, key_of, shown


def declarations() -> list[Function]:
    key, value = types.parameter("K"), types.parameter("V")
    whole = types.map_of(key, value)
    return [
        Function(
            "cel.@mapInsert",
            [
                Overload("@mapInsert_map_key_value", (whole, key, value), whole, insert),
                Overload("@mapInsert_map_map", (whole, whole), whole, _insert_all),
            ],
        )
    ]


def insert(values: MapValue, key: Any, value: Any) -> MapValue:
    if values.find(key) is not None:
        raise Failure(f"insert failed: key {shown(key)} already exists")
    if type(values) is MapValue:
        return MapValue({**values.entries, key_of(key): (key, value)})
    pairs = [(each, (values.find(each) or (None,))[0]) for each in values]
    return MapValue.of([*pairs, (key, value)])


def _insert_all(values: MapValue, added: MapValue) -> MapValue:
    for key in added:
        values = insert(values, key, (added.find(key) or (None,))[0])
    return values
