"""Bytes become objects in the form that was asked for."""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec
import pytest
from helpers.objects_samples import Machine, Part, Robot, json_values
from hypothesis import given
from hypothesis import strategies as st

from reconcile.errors import ConfigurationError, IncompleteObjectError, ObjectDecodeError
from reconcile.objects.access import gvk_of, key_of, uid_of
from reconcile.objects.codecs import codec_for, codec_of, encode, raw_of
from reconcile.objects.identity import GroupVersionKind, ObjectKey, ResourceType
from reconcile.objects.kinds import MetadataOnly, resource_type_of
from reconcile.objects.metadata import decode_metadata
from reconcile.objects.origin import replay

PLAIN = ResourceType("example.com", "v1", "Machine", "machines")
RAW = json.dumps(
    {
        "apiVersion": "example.com/v1",
        "kind": "Machine",
        "metadata": {
            "name": "m",
            "namespace": "n",
            "uid": "u",
            "resourceVersion": "7",
            "generation": 3,
            "labels": {"a": "b"},
            "annotations": {"c": "d"},
            "finalizers": ["f/x"],
            "deletionTimestamp": "2026-01-01T00:00:00Z",
            "managedFields": [{"manager": "x"}],
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "A", "name": "a", "uid": "1"},
                {"apiVersion": "apps/v1", "kind": "B", "name": "b", "uid": "2", "controller": True},
            ],
        },
        "spec": {"parts": [{"name": "p"}]},
    }
).encode()


def test_metadata_is_read_and_the_rest_skipped() -> None:
    found = decode_metadata(RAW)
    assert found.key == ObjectKey("n", "m")
    assert found.gvk == GroupVersionKind("example.com", "v1", "Machine")
    assert (found.uid, found.resource_version, found.generation) == ("u", "7", 3)
    assert found.labels == {"a": "b"}
    assert found.annotations == {"c": "d"}
    assert found.finalizers == ("f/x",)
    assert found.deleting
    assert found.controller is not None
    assert found.controller.gvk == GroupVersionKind("apps", "v1", "B")
    assert not hasattr(found, "managed_fields")


def test_metadata_cannot_be_changed() -> None:
    found = decode_metadata(RAW)
    with pytest.raises(AttributeError):
        found.name = "x"  # type: ignore[misc]
    for mapping in (found.labels, found.annotations):
        with pytest.raises(TypeError):
            mapping["a"] = "x"  # type: ignore[index]


def test_metadata_with_nothing_in_it() -> None:
    found = decode_metadata(
        b'{"metadata":{"name":"m","creationTimestamp":null,"labels":null,"annotations":null}}'
    )
    assert (found.labels, found.annotations, found.controller, found.deleting) == ({}, {}, None, False)


def test_a_null_time_does_not_hide_the_annotations() -> None:
    raw = b'{"metadata":{"name":"m","creationTimestamp":null,"annotations":{"a":"b"}}}'
    assert decode_metadata(raw).annotations == {"a": "b"}


def test_detached_metadata_does_not_hold_the_object_s_bytes() -> None:
    raw = bytes(bytearray(RAW))
    before = sys.getrefcount(raw)
    attached = decode_metadata(raw)
    assert sys.getrefcount(raw) > before
    detached = decode_metadata(raw, detached=True)
    assert detached.annotations == attached.annotations
    del attached
    assert sys.getrefcount(raw) == before


@pytest.mark.parametrize(
    ("raw", "key", "field"),
    [
        (b'{"metadata":{"name":"m","namespace":"n","labels":{"a":1}}}', "n/m", "$.metadata.labels[...]"),
        (b"{}", "", ""),
        (b'{"metadata":', "", ""),
        (b"[]", "", ""),
    ],
)
def test_broken_metadata_is_named(raw: bytes, key: str, field: str) -> None:
    with pytest.raises(ObjectDecodeError) as caught:
        decode_metadata(raw)
    assert (caught.value.key, caught.value.field) == (key, field)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5)), json_values())
def test_labels_and_annotations_are_read_whatever_else_is_there(texts: dict[str, str], other: Any) -> None:
    metadata = {"x": other, "labels": texts, "annotations": texts, "name": "m"}
    found = decode_metadata(json.dumps({"spec": other, "metadata": metadata}).encode())
    assert found.labels == texts
    assert found.annotations == texts


def test_one_kind_three_forms() -> None:
    struct = codec_for(Machine).decode(RAW)
    assert struct.spec.parts == [Part(name="p")]
    assert codec_for(PLAIN).decode(RAW) == json.loads(RAW)
    assert codec_for(MetadataOnly(Machine)).decode(RAW) == decode_metadata(RAW)
    for obj in (struct, json.loads(RAW), decode_metadata(RAW)):
        assert key_of(obj) == ObjectKey("n", "m")
        assert gvk_of(obj) == PLAIN.gvk
        assert uid_of(obj) == "u"


def test_codecs_are_the_same_each_time() -> None:
    assert codec_for(Machine) is codec_for(Machine)
    assert codec_for(PLAIN) is codec_for(ResourceType("example.com", "v1", "Machine", "machines"))


def test_the_wire_form_says_version_and_kind_first() -> None:
    assert encode(Machine()).startswith(b'{"apiVersion":"example.com/v1","kind":"Machine"')
    assert encode({"apiVersion": "v1", "kind": "X", "a": 1}) == b'{"apiVersion":"v1","kind":"X","a":1}'
    with pytest.raises(ConfigurationError, match="apiVersion and kind"):
        encode({"a": 1})


def test_a_plain_item_of_a_list_is_given_version_and_kind() -> None:
    found = codec_for(PLAIN).decode(b'{"metadata":{"name":"m"}}')
    assert found == {"apiVersion": "example.com/v1", "kind": "Machine", "metadata": {"name": "m"}}


def test_an_object_remembers_its_bytes() -> None:
    assert raw_of(codec_for(Machine).decode(RAW)) == RAW
    assert raw_of(Machine()) is None
    assert raw_of(codec_for(PLAIN).decode(RAW)) is None


def test_metadata_cannot_be_written() -> None:
    found = decode_metadata(RAW)
    with pytest.raises(IncompleteObjectError, match="metadata only"):
        codec_of(found).encode(found)


@pytest.mark.parametrize(
    ("raw", "key", "field"),
    [
        (b'{"metadata":{"name":"m"},"spec":{"parts":[{"name":1}]}}', "m", "$.spec.parts[0].name"),
        (b'{"metadata":{"name":"m"},"spec":{"parts":null,"node":3}}', "m", "$.spec.node"),
        (b'{"metadata":{"name":"m"},"spec":{"parts":[null]}}', "m", "$.spec.parts[0]"),
        (b"{", "", ""),
    ],
)
def test_what_does_not_decode_is_named(raw: bytes, key: str, field: str) -> None:
    with pytest.raises(ObjectDecodeError) as caught:
        codec_for(Machine).decode(raw)
    assert (caught.value.key, caught.value.field) == (key, field)
    assert "example.com/v1 Machine" in str(caught.value)


def test_null_reads_as_absent_where_the_type_has_none() -> None:
    raw = b'{"metadata":{"name":"m","labels":null},"spec":{"parts":[{"name":"a","args":null,"ports":null}]}}'
    found = codec_for(Machine).decode(raw)
    assert found.metadata.labels == {}
    assert found.spec.parts == [Part(name="a")]


def test_null_in_a_required_field_reads_as_the_zero_value_and_stays_null() -> None:
    raw = b'{"metadata":{"name":"m"},"spec":{"parts":[{"name":"a","ports":[{"containerPort":null}]}]}}'
    found = codec_for(Machine).decode(raw)
    assert found.spec.parts[0].ports[0].container_port == 0
    found.spec.node = "n"
    ports = json.loads(replay(found))["spec"]["parts"][0]["ports"]
    assert ports == [{"containerPort": None}]


def test_a_kind_argument_means_one_resource() -> None:
    assert resource_type_of(Machine) is resource_type_of(MetadataOnly(Machine)) is Machine.__resource_type__
    assert resource_type_of(Robot).plural == "robots"
    for wrong in (int, "Pod", None, Part):
        with pytest.raises(ConfigurationError, match="is not a kind"):
            resource_type_of(wrong)


def test_conditions_write_the_fields_that_servers_require() -> None:
    from reconcile.objects.meta import Condition

    assert msgspec.json.encode(Condition(type="Ready", status="True")) == (
        b'{"type":"Ready","status":"True","reason":"","message":""}'
    )
