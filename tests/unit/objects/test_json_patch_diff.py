"""The JSON patch between two values makes the one of the other, and is as small as it may be."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile import ConfigurationError
from reconcile.objects.patches import apply_json_patch, create_json_patch

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(0, 2, width=16) | st.sampled_from("ab/~")
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "a/b", "~", ""]), inner)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "a/b", "~1", ""]), VALUES, max_size=4)


@settings(max_examples=400, deadline=None)
@given(OBJECTS, OBJECTS)
def test_the_patch_makes_one_of_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    operations = create_json_patch(before, after)
    made = apply_json_patch(copy.deepcopy(before), operations)
    assert json.dumps(made, sort_keys=True) == json.dumps(after, sort_keys=True)
    assert create_json_patch(made, after) == []


@pytest.mark.parametrize(
    ("before", "after", "operations"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, [{"op": "replace", "path": "/a", "value": True}]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, [{"op": "remove", "path": "/a/c"}]),
        ({"a/b": 1}, {"a/b": 2}, [{"op": "replace", "path": "/a~1b", "value": 2}]),
        ({"a": [1, 2]}, {"a": [0, 1, 2]}, [{"op": "add", "path": "/a/0", "value": 0}]),
        ({"a": [1, 2, 3]}, {"a": [1, 3]}, [{"op": "remove", "path": "/a/1"}]),
        (
            {"a": [{"n": 1, "v": 1}, {"n": 2, "v": 1}]},
            {"a": [{"n": 1, "v": 1}, {"n": 2, "v": 9}]},
            [{"op": "replace", "path": "/a/1/v", "value": 9}],
        ),
    ],
)
def test_it_says_no_more_than_what_changed(
    before: dict[str, Any], after: dict[str, Any], operations: list[dict[str, Any]]
) -> None:
    assert create_json_patch(before, after) == operations


def test_the_whole_is_never_replaced() -> None:
    with pytest.raises(ConfigurationError, match="between two JSON objects"):
        create_json_patch([], {})
