"""Merge and strategic patches: applying what was made gives what was meant."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from helpers.objects_samples import json_values
from hypothesis import given
from hypothesis import strategies as st

from reconcile.objects.patches import (
    PatchError,
    PatchField,
    apply_merge_patch,
    apply_strategic_patch,
    create_merge_patch,
    create_strategic_patch,
)


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": {"b": "c"}}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": 1}, {"a": [{"b": None}, None]}, {"a": [{}, None]}),
        ({"a": 1}, [None, 1], [None, 1]),
    ],
)
def test_merge_patches(document: Any, patch: Any, expected: Any) -> None:
    before = copy.deepcopy((document, patch))
    assert apply_merge_patch(document, patch) == expected
    assert (document, patch) == before


def test_a_scalar_is_no_merge_patch() -> None:
    with pytest.raises(PatchError, match="Invalid JSON Patch") as caught:
        apply_merge_patch({}, "x")
    assert caught.value.code == 400


def without_null_fields(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_null_fields(inner) for key, inner in value.items() if inner is not None}
    return [without_null_fields(item) for item in value] if isinstance(value, list) else value


objects = st.dictionaries(st.sampled_from("abc"), json_values(), max_size=3).map(without_null_fields)


@given(objects, objects)
def test_a_made_merge_patch_makes_the_one_of_the_other(before: Any, after: Any) -> None:
    patch = create_merge_patch(before, after)
    assert apply_merge_patch(before, patch) == after
    assert create_merge_patch(after, after) == {}


class Schema:
    """Maps as they come; `items` merges by name, `tags` merges scalars, `volume` retains keys."""

    name = "Sample"

    def field(self, name: str) -> PatchField:
        fields = {
            "items": PatchField(merge=True, merge_key="name", inner=self),
            "tags": PatchField(merge=True),
            "volume": PatchField(retain_keys=True, inner=self),
            "whole": PatchField(replace=True, inner=self),
        }
        return fields.get(name, PatchField(inner=self))


SCHEMA = Schema()


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        (
            {"items": [{"name": "a", "v": 1}, {"name": "b"}]},
            {"items": [{"name": "b", "v": 2}, {"name": "c"}]},
            {"items": [{"name": "a", "v": 1}, {"name": "b", "v": 2}, {"name": "c"}]},
        ),
        (
            {"items": [{"name": "a"}, {"name": "b"}]},
            {"items": [{"name": "a", "$patch": "delete"}]},
            {"items": [{"name": "b"}]},
        ),
        (
            {"items": [{"name": "a"}, {"name": "b"}]},
            {"items": [{"name": "c"}, {"$patch": "replace"}]},
            {"items": [{"name": "c"}]},
        ),
        ({"m": {"a": 1, "b": 2}}, {"m": {"$patch": "replace", "c": 3}}, {"m": {"c": 3}}),
        ({"m": {"a": 1}}, {"m": {"$patch": "delete"}}, {"m": {}}),
        ({"tags": ["a", "b"]}, {"tags": ["c", "a"]}, {"tags": ["c", "a", "b"]}),
        (
            {"tags": ["a", "b", "c"]},
            {"$deleteFromPrimitiveList/tags": ["b"], "$setElementOrder/tags": ["c", "a"]},
            {"tags": ["c", "a"]},
        ),
        (
            {"items": [{"name": "server"}, {"name": "a"}, {"name": "b"}]},
            {"$setElementOrder/items": [{"name": "b"}, {"name": "a"}], "items": [{"name": "a", "v": 1}]},
            {"items": [{"name": "server"}, {"name": "b"}, {"name": "a", "v": 1}]},
        ),
        (
            {"volume": {"hostPath": 1, "name": "v"}},
            {"volume": {"$retainKeys": ["name", "emptyDir"], "emptyDir": {}}},
            {"volume": {"name": "v", "emptyDir": {}}},
        ),
        ({"whole": {"a": 1}}, {"whole": {"b": 2}}, {"whole": {"b": 2}}),
        ({"list": [1, 2]}, {"list": [3]}, {"list": [3]}),
        ({"a": 1}, {"a": None, "b": {"c": None}}, {"b": {}}),
    ],
)
def test_strategic_patches(document: Any, patch: Any, expected: Any) -> None:
    before = copy.deepcopy((document, patch))
    assert apply_strategic_patch(document, patch, SCHEMA) == expected
    assert (document, patch) == before


@pytest.mark.parametrize(
    ("document", "patch", "text", "code"),
    [
        (
            {"items": [{"name": "a"}]},
            {"items": [{"v": 1}]},
            "map: map[v:1] does not contain declared merge key: name",
            500,
        ),
        ({"m": {"a": 1}}, {"m": {"$patch": "x"}}, "unknown patch type: x in map: map[$patch:x]", 500),
        (
            {"m": {"a": 1}},
            {"m": {"$retainKeys": ["b"], "c": 1}},
            "invalid patch format of retainKeys",
            400,
        ),
        (
            {"tags": ["a"]},
            {"$deleteFromPrimitiveListX": ["a"]},
            "invalid patch format of primitive list",
            400,
        ),
        ({"tags": [["a"]]}, {"tags": [["b"]]}, "lists of lists are not supported", 422),
    ],
)
def test_strategic_errors_read_as_the_server_s(document: Any, patch: Any, text: str, code: int) -> None:
    with pytest.raises(PatchError) as caught:
        apply_strategic_patch(document, patch, SCHEMA)
    assert (str(caught.value), caught.value.code) == (text, code)


items = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("abcde")}, optional={"v": st.integers(0, 3), "t": st.none()}
    ),
    max_size=4,
    unique_by=lambda item: item["name"],
).map(without_null_fields)
mergeable = st.fixed_dictionaries(
    {},
    optional={
        "items": items,
        "tags": st.lists(st.sampled_from("abcd"), unique=True),
        "volume": st.dictionaries(st.sampled_from("xy"), st.integers(0, 3)),
        "m": objects,
    },
)


@given(mergeable, mergeable)
def test_a_made_strategic_patch_makes_the_one_of_the_other(before: Any, after: Any) -> None:
    patch = create_strategic_patch(before, after, SCHEMA)
    assert apply_strategic_patch(before, patch, SCHEMA) == after
    assert create_strategic_patch(after, after, SCHEMA) == {}
