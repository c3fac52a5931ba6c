"""JSON patches do what the API server does, and fail in its words."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from reconcile.objects.patches import PatchError, apply_json_patch

DOCUMENT: dict[str, Any] = {"a": {"b": 1, "n": None}, "list": [1, 2, 3], "x/y": {"~": 0}}


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([{"op": "add", "path": "/a/c", "value": 2}], {"a": {"b": 1, "n": None, "c": 2}}),
        ([{"op": "add", "path": "/list/1", "value": 9}], {"list": [1, 9, 2, 3]}),
        ([{"op": "add", "path": "/list/-", "value": 9}], {"list": [1, 2, 3, 9]}),
        ([{"op": "add", "path": "/list/-1", "value": 9}], {"list": [1, 2, 3, 9]}),
        ([{"op": "add", "path": "/a/c"}], {"a": {"b": 1, "n": None, "c": None}}),
        ([{"op": "remove", "path": "/list/-1"}], {"list": [1, 2]}),
        ([{"op": "remove", "path": "/x~1y/~0"}], {"x/y": {}}),
        ([{"op": "replace", "path": "/a/b", "value": {}}], {"a": {"b": {}, "n": None}}),
        ([{"op": "replace", "path": "/a/missing", "value": 1}], {"a": {"b": 1, "n": None, "missing": 1}}),
        ([{"op": "move", "from": "/list/0", "path": "/a/b"}], {"list": [2, 3], "a": {"b": 1, "n": None}}),
        ([{"op": "copy", "from": "/a", "path": "/list/0"}], {"list": [{"b": 1, "n": None}, 1, 2, 3]}),
        ([{"op": "test", "path": "/a", "value": {"n": None, "b": 1}}], {}),
        ([{"op": "test", "path": "/a/missing", "value": None}], {}),
        ([{"op": "test", "path": "/a/n"}], {}),
    ],
)
def test_operations(operations: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    before = copy.deepcopy(DOCUMENT)
    assert apply_json_patch(DOCUMENT, operations) == {**DOCUMENT, **expected}
    assert before == DOCUMENT


def test_the_whole_document_can_be_replaced() -> None:
    assert apply_json_patch(DOCUMENT, [{"op": "replace", "path": "", "value": {"z": 1}}]) == {"z": 1}


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        ({"op": "test", "path": "/a/b", "value": 2}, "testing value /a/b failed: test failed"),
        ({"op": "test", "path": "/a/b", "value": True}, "testing value /a/b failed: test failed"),
        (
            {"op": "test", "path": "/q/b", "value": 2},
            "test operation does not apply: is missing path: /q/b: missing value",
        ),
        (
            {"op": "remove", "path": "/a/zz"},
            "error in remove for path: '/a/zz': Unable to remove nonexistent key: zz: missing value",
        ),
        (
            {"op": "remove", "path": "/list/3"},
            "error in remove for path: '/list/3': Unable to access invalid index: 3: "
            "invalid index referenced",
        ),
        (
            {"op": "remove", "path": "/q/r"},
            'remove operation does not apply: doc is missing path: "/q/r": missing value',
        ),
        (
            {"op": "add", "path": "/q/r", "value": 1},
            'add operation does not apply: doc is missing path: "/q/r": missing value',
        ),
        (
            {"op": "add", "path": "/list/x", "value": 1},
            "error in add for path: '/list/x': value was not a proper array index: 'x': "
            'strconv.Atoi: parsing "x": invalid syntax',
        ),
        (
            {"op": "replace", "path": "/list/5", "value": 1},
            "replace operation does not apply: doc is missing key: /list/5: missing value",
        ),
        (
            {"op": "replace", "path": "/q/r", "value": 1},
            "replace operation does not apply: doc is missing path: /q/r: missing value",
        ),
        (
            {"op": "move", "from": "/a/zz", "path": "/b"},
            "error in move for path: 'zz': Unable to remove nonexistent key: zz: missing value",
        ),
        ({"op": "add", "value": 1}, "add operation failed to decode path: missing value"),
        (
            {"op": "replace", "value": 1},
            "replace operation failed to decode path: operation missing path field: missing value",
        ),
        ({"op": "jump", "path": "/a"}, "Unexpected kind: jump"),
        ({"path": "/a"}, "Unexpected kind: unknown"),
    ],
)
def test_errors_read_as_the_server_s(operation: dict[str, Any], text: str) -> None:
    with pytest.raises(PatchError) as caught:
        apply_json_patch(DOCUMENT, [operation])
    assert (str(caught.value), caught.value.code) == (text, 422)


def test_a_failing_patch_changes_nothing() -> None:
    before = copy.deepcopy(DOCUMENT)
    with pytest.raises(PatchError):
        apply_json_patch(DOCUMENT, [{"op": "remove", "path": "/a"}, {"op": "test", "path": "/a", "value": 1}])
    assert before == DOCUMENT


@pytest.mark.parametrize(("patch", "code"), [({}, 400), (["x"], 400), ([{"op": "test"}] * 10_001, 413)])
def test_what_is_no_patch_is_refused(patch: Any, code: int) -> None:
    with pytest.raises(PatchError) as caught:
        apply_json_patch(DOCUMENT, patch)
    assert caught.value.code == code
