"""How field management compares: by JSON's idea of equality, whatever Python's is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.apiserver.managedfields.typed import compare, equal
from reconcile.apiserver.schemas.topology import UNTYPED

scalars = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, "", "1"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
)


def equal_by_definition(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal_by_definition(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal_by_definition, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return left == right


@given(values, values)
def test_equal_is_json_equality(left: Any, right: Any) -> None:
    assert equal(left, right) == equal_by_definition(left, right)


@pytest.mark.parametrize(("old", "new"), [(1, True), (0, False), ([1], [True])])
def test_a_number_that_becomes_a_boolean_is_modified(old: Any, new: Any) -> None:
    assert compare({"a": {"b": old}}, {"a": {"b": new}}, UNTYPED).modified == {("f:a", "f:b")}


def test_the_order_of_keys_is_no_difference() -> None:
    difference = compare({"a": {"b": 1, "c": 2}}, {"a": {"c": 2, "b": 1}}, UNTYPED)
    assert not (difference.added or difference.modified or difference.removed)
