"""Server-side apply: sets of fields, merging, and ownership."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconcile.apiserver.managedfields.creation import created_fields, without
from reconcile.apiserver.managedfields.fieldset import from_fields_v1, path_text, to_fields_v1
from reconcile.apiserver.managedfields.typed import compare, equal, field_set, merge, remove
from reconcile.apiserver.schemas import BuiltinSchemas
from reconcile.apiserver.schemas.topology import UNTYPED
from reconcile.objects.identity import GroupVersionKind
from tests.helpers.one_of_each_kind import one_of_each_kind

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


@given(_objects, _objects)
def test_what_a_creation_takes_is_what_comparison_finds(empty: dict[str, Any], new: dict[str, Any]) -> None:
    found = compare(empty, new, UNTYPED)
    assert _text(created_fields(empty, new, UNTYPED)) == _text(
        to_fields_v1(frozenset(found.added | found.modified))
    )


def test_what_a_creation_of_any_kind_takes_is_what_comparison_finds() -> None:
    schemas = BuiltinSchemas()
    below = {key: frozenset[str]() for key in ("f:apiVersion", "f:kind")}
    below["f:metadata"] = frozenset({"f:name"})
    dropped = frozenset({("f:metadata",), ("f:metadata", "f:name"), ("f:kind",), ("f:apiVersion",)})
    for obj in one_of_each_kind("default", "unique", ""):
        group, _, version = obj["apiVersion"].rpartition("/")
        schema = schemas.schema_for(GroupVersionKind(group, version, obj["kind"]))
        assert schema is not None
        schema.check(obj)
        schema.default(obj)
        found = compare(schema.empty, obj, schema.shape)
        taken = created_fields(schema.empty, obj, schema.shape)
        paths = frozenset(found.added | found.modified)
        assert _text(taken) == _text(to_fields_v1(paths)), obj["kind"]
        below = {
            "f:apiVersion": frozenset[str](),
            "f:kind": frozenset[str](),
            "f:metadata": frozenset({"f:name"}),
        }
        assert _text(without(taken, below)) == _text(to_fields_v1(paths - dropped)), obj["kind"]


def _text(fields: dict[str, Any]) -> str:
    """With the order of keys, which is that of the wire."""
    return json.dumps(fields)


@given(_objects)
def test_applying_what_is_there_changes_nothing(value: dict[str, Any]) -> None:
    assert equal(merge(value, value, UNTYPED), value)
