"""Server-side apply: sets of fields, merging, and ownership."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconcile.apiserver.managedfields.fieldset import from_fields_v1, path_text, to_fields_v1
from reconcile.apiserver.managedfields.typed import compare, equal, field_set, merge, remove
from reconcile.apiserver.schemas import BuiltinSchemas
from reconcile.apiserver.schemas.topology import UNTYPED
from reconcile.objects.identity import GroupVersionKind

_POD = BuiltinSchemas().schema_for(GroupVersionKind("", "v1", "Pod"))
assert _POD is not None
SHAPE = _POD.shape


def pod(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"containers": list(containers)}}


def test_items_of_a_keyed_list_are_told_apart_by_their_keys() -> None:
    fields = field_set(pod({"name": "a", "image": "x"}), SHAPE)
    assert to_fields_v1(fields) == {
        "f:spec": {"f:containers": {'k:{"name":"a"}': {".": {}, "f:image": {}, "f:name": {}}}}
    }


def test_a_missing_key_takes_its_default() -> None:
    fields = field_set(pod({"name": "a", "ports": [{"containerPort": 80}]}), SHAPE)
    texts = {path_text(path) for path in fields}
    assert '.spec.containers[name="a"].ports[containerPort=80,protocol="TCP"]' in texts


def test_merging_keeps_what_the_configuration_does_not_say() -> None:
    live = pod({"name": "a", "image": "x", "tty": True}, {"name": "b", "image": "y"})
    merged = merge(live, pod({"name": "b", "image": "z"}, {"name": "c", "image": "w"}), SHAPE)
    assert merged == pod(
        {"name": "a", "image": "x", "tty": True}, {"name": "b", "image": "z"}, {"name": "c", "image": "w"}
    )


def test_an_atomic_list_is_replaced() -> None:
    live = pod({"name": "a", "args": ["1", "2"]})
    merged = merge(live, pod({"name": "a", "args": ["3"]}), SHAPE)
    assert merged["spec"]["containers"][0]["args"] == ["3"]


def test_removal_of_an_item_leaves_the_others() -> None:
    value = pod({"name": "a"}, {"name": "b"})
    paths = frozenset({("f:spec", "f:containers", 'k:{"name":"a"}')})
    assert remove(value, paths, SHAPE) == pod({"name": "b"})


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
_objects = st.dictionaries(st.text("abc", min_size=1, max_size=2), _json, max_size=4)


@given(_objects)
def test_fields_survive_the_wire(value: dict[str, Any]) -> None:
    fields = field_set(value, UNTYPED)
    assert from_fields_v1(json.loads(json.dumps(to_fields_v1(fields)))) == fields


@given(_objects, _objects)
def test_comparison_is_empty_only_between_equals(one: dict[str, Any], other: dict[str, Any]) -> None:
    found = compare(one, other, UNTYPED)
    changed = bool(found.added or found.modified or found.removed)
    assert changed or equal(one, other) or not one or not other
    assert not (changed and equal(one, other))


@given(_objects)
def test_applying_what_is_there_changes_nothing(value: dict[str, Any]) -> None:
    assert equal(merge(value, value, UNTYPED), value)
