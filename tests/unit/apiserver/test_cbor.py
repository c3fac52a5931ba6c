"""CBOR to JSON values and back, with nobody else's program: values, widths, depth, and any bytes at all."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.apiserver import ServerOptions
from reconcile.apiserver.cbor import CBORError, decode, encode_object, index_of_unknown
from reconcile.apiserver.cbor.writing import encode
from reconcile.errors import ConfigurationError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=30,
)


@given(VALUES)
def test_what_is_written_is_read(value: object) -> None:
    assert decode(encode(value)) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_an_error(raw: bytes) -> None:
    with contextlib.suppress(CBORError):
        decode(raw)


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (0, "00"), (23, "17"), (24, "1818"), (255, "18ff"), (256, "190100"), (65536, "1a00010000"),
        (2**32, "1b0000000100000000"), (-1, "20"), (-(2**63), "3b7fffffffffffffff"),
        (1.5, "f93e00"), (0.1, "fb3fb999999999999a"), (65504.0, "f97bff"), (100000.0, "fa47c35000"),
        (5.960464477539063e-08, "f90001"), (-0.0, "f98000"), (1e300, "fb7e37e43c8800759c"),
        (True, "f5"), (False, "f4"), (None, "f6"), ("a", "4161"), ([], "80"), ({}, "a0"),
        ({"b": 1, "aa": 2, "a": 3}, "a3416103416201426161" "02"),
    ],
)  # fmt: skip
def test_each_value_has_one_shortest_form(value: object, wire: str) -> None:
    assert encode(value).hex() == wire
    assert decode(bytes.fromhex(wire)) == value


def test_levels_are_read_without_recursion_and_have_a_limit() -> None:
    found = decode(b"\x81" * 10_000 + b"\x01")
    for _ in range(10_000):
        (found,) = found
    assert found == 1
    with pytest.raises(CBORError, match="exceeded max nested level 10000"):
        decode(b"\x81" * 10_001 + b"\x01")


def test_a_length_that_is_only_claimed_takes_no_memory() -> None:
    with pytest.raises(CBORError, match="unexpected EOF"):
        decode(b"\x9a\x7f\xff\xff\xff\x00")


def test_a_negative_zero_and_the_widths_of_floats_survive() -> None:
    assert struct.pack(">d", decode(bytes.fromhex("f98000"))) == struct.pack(">d", -0.0)


def test_only_the_place_of_an_unknown_field_is_told() -> None:
    obj = {"kind": "Pod", "spec": {"a.b": {"c": 1}, "list": [{"x": 1, "y": 2}]}}
    assert index_of_unknown(obj, 'unknown field "spec"') == 1
    assert index_of_unknown(obj, 'unknown field "spec.a.b.c"') == 0
    assert index_of_unknown(obj, 'unknown field "spec.list[0].y"') == 1


def test_bytes_and_floats_of_built_in_kinds_are_written_as_what_they_are() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "AAEC"}}
    wire = encode_object(secret)
    assert b"\xd6\x43\x00\x01\x02" in wire and decode(wire) == secret
    other = encode_object({**secret, "kind": "Other"})
    assert b"\x44AAEC" in other


def test_an_unknown_feature_gate_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="CBORServingAndStorage"):
        ServerOptions(feature_gates={"Cbor": True})
