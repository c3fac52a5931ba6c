"""The codec and the envelope on bytes written by hand, and which form an Accept header gets."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.apiserver.handlers.negotiation import Form, negotiate, negotiate_plain
from reconcile.apiserver.protobuf import (
    EnvelopeError,
    ProtobufError,
    decode_object,
    encode_object,
    watch_frame,
)
from reconcile.apiserver.protobuf.wire import read_varint, varint
from reconcile.apiserver.status import StatusError

PROTOBUF = "application/vnd.kubernetes.protobuf"
CONFIG_MAP: dict[str, Any] = {
    "kind": "ConfigMap",
    "apiVersion": "v1",
    "metadata": {"name": "a", "creationTimestamp": "2026-01-02T03:04:05Z"},
    "data": {"b": "", "a": "ü"},
    "immutable": False,
}
BODY = (
    b"k8s\x00"
    b"\x0a\x0f\x0a\x02v1\x12\x09ConfigMap"
    b"\x12\x2d"
    b"\x0a\x19\x0a\x01a\x12\x00\x1a\x00\x22\x00\x2a\x00\x32\x00\x38\x00\x42\x08\x08\xa5\xeb\xdc\xca\x06\x10\x00"
    b"\x12\x07\x0a\x01a\x12\x02\xc3\xbc\x12\x05\x0a\x01b\x12\x00"
    b"\x20\x00"
    b"\x1a\x00\x22\x00"
)


def body(kind: str, message: bytes, api_version: str = "v1") -> bytes:
    meta = (
        b"\x0a"
        + varint(len(api_version))
        + api_version.encode()
        + b"\x12"
        + varint(len(kind))
        + kind.encode()
    )
    return b"k8s\x00\x0a" + varint(len(meta)) + meta + b"\x12" + varint(len(message)) + message


def test_an_object_is_a_kind_and_its_fields_by_number() -> None:
    assert encode_object(CONFIG_MAP) == BODY
    assert decode_object(BODY) == CONFIG_MAP


def test_every_number_survives_as_its_64_bits() -> None:
    @given(st.integers(min_value=-(2**63), max_value=2**64 - 1))
    def survives(number: int) -> None:
        value, end = read_varint(varint(number), 0)
        assert (value, end) == (number % 2**64, len(varint(number)))

    survives()


def test_bytes_at_random_are_an_object_or_an_error() -> None:
    @given(st.binary(max_size=60))
    def either(message: bytes) -> None:
        with contextlib.suppress(ProtobufError):
            decode_object(body("Pod", message))

    either()


def test_a_body_cut_anywhere_is_an_error_or_a_shorter_object() -> None:
    for end in range(len(BODY)):
        with contextlib.suppress(ProtobufError):
            assert decode_object(BODY[:end])["kind"] in ("", "ConfigMap")


def test_unknown_fields_are_passed_over_and_a_message_that_comes_twice_is_merged() -> None:
    unknown = b"\xfa\x06\x02hi" + b"\xf8\x06\x05" + b"\xf9\x06" + bytes(8) + b"\xfd\x06" + bytes(4)
    twice = b"\x0a\x03\x0a\x01a" + unknown + b"\x0a\x03\x1a\x01n"
    assert decode_object(body("ConfigMap", twice))["metadata"] == {"name": "a", "namespace": "n"}


def test_packed_and_single_items_of_a_list_are_read() -> None:
    groups = b"\x22\x02\x01\x02" + b"\x20\x03"  # supplementalGroups of a pod's security context
    spec = b"\x72" + varint(len(groups)) + groups
    found = decode_object(body("Pod", b"\x12" + varint(len(spec)) + spec))
    assert found["spec"]["securityContext"]["supplementalGroups"] == [1, 2, 3]


def test_a_body_without_a_kind_is_of_the_kind_that_is_expected() -> None:
    assert decode_object(b"k8s\x00\x12\x00", "v1", "ConfigMap")["kind"] == "ConfigMap"
    assert decode_object(body("Unheard", b"\x0a\x00")) == {"kind": "Unheard", "apiVersion": "v1"}
    for wrong in (b"", b"{}", b"k8s\x00"):
        with pytest.raises(EnvelopeError):
            decode_object(wrong)


def test_a_kind_without_protobuf_form_is_an_error() -> None:
    with pytest.raises(ProtobufError, match="does not implement the protobuf marshalling interface"):
        encode_object({"kind": "Table", "apiVersion": "meta.k8s.io/v1"})


def test_values_with_a_json_form_of_their_own() -> None:
    objects: list[dict[str, Any]] = [
        {
            "kind": "Lease",
            "apiVersion": "coordination.k8s.io/v1",
            "metadata": {},
            "spec": {"renewTime": "1969-12-31T23:59:59.000001Z", "leaseTransitions": -1},
        },
        {
            "kind": "PodDisruptionBudget",
            "apiVersion": "policy/v1",
            "metadata": {},
            "spec": {"minAvailable": "50%", "maxUnavailable": 0},
            "status": {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": -3},
        },
        {
            "kind": "Secret",
            "apiVersion": "v1",
            "metadata": {},
            "data": {"a": base64.b64encode(bytes(range(256))).decode(), "empty": ""},
        },
        {
            "kind": "ControllerRevision",
            "apiVersion": "apps/v1",
            "metadata": {},
            "data": {"a": [1, 2.5, None, {"b": "c"}]},
            "revision": 2**40,
        },
        {
            "kind": "ResourceQuota",
            "apiVersion": "v1",
            "metadata": {},
            "spec": {"hard": {"cpu": "1500m"}},
            "status": {},
        },
    ]
    for obj in objects:
        assert decode_object(encode_object(obj)) == obj


def test_a_frame_of_a_watch_begins_with_its_length() -> None:
    framed = watch_frame("ADDED", BODY)
    assert int.from_bytes(framed[:4], "big") == len(framed) - 4
    assert framed[4:11] == b"\x0a\x05ADDED" and framed.endswith(BODY)


def test_negotiation_prefers_quality_then_exactness_then_order() -> None:
    table = "application/json;as=Table;g=meta.k8s.io;v=v1"
    for accept, form in (
        ("", Form()),
        ("*/*", Form()),
        (f"{PROTOBUF},application/json", Form("protobuf")),
        (f"application/json,{PROTOBUF}", Form()),
        (f"application/json;q=0.1,{PROTOBUF};q=0.2", Form("protobuf")),
        (f"*/*,{PROTOBUF}", Form("protobuf")),
        (f"{table},application/json", Form("json", "Table")),
        (f"{PROTOBUF};as=Table;g=meta.k8s.io;v=v1,{table}", Form("json", "Table")),
        ("application/json;pretty=1", Form(pretty=True)),
    ):
        assert negotiate(accept) == form, accept
    assert negotiate(f"{PROTOBUF},application/json", custom=True) == Form()
    assert negotiate_plain(f"{PROTOBUF};as=Table;g=meta.k8s.io;v=v1") == Form()
    for accept in ("image/png", "application/*", "text/yaml", "application/json;sv=v2"):
        with pytest.raises(StatusError) as refused:
            negotiate(accept)
        assert refused.value.code == 406
    with pytest.raises(StatusError, match="stream=watch"):
        negotiate("application/yaml", watch=True)
