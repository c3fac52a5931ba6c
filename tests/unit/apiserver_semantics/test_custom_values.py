"""What is said of a value that does not fit its schema: all causes in order and word by word, recorded."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.custom_values import CustomValue, custom_values
from helpers.drawn_custom_objects import TEXTS

from reconcile.apiserver.customresources.schema import shape_of
from reconcile.apiserver.customresources.string_formats import known_format
from reconcile.apiserver.customresources.validation import validate
from reconcile.apiserver.managedfields.typed import TypedError
from reconcile.apiserver.managedfields.typed import validate as fits_shape


def object_of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize("case", custom_values(), ids=lambda case: case.name)
def test_the_causes_are_those_that_were_recorded(case: CustomValue) -> None:
    old = None if case.old is None else {"spec": {"x": case.old}}
    found = validate({"spec": {"x": case.value}}, object_of(spec=object_of(x=case.schema)), old)
    assert [f"{error.type.reason} {error}" for error in found] == [*case.causes]


_REFUSED: dict[str, tuple[str, ...]] = {
    "bsonobjectid": ("5F43A1B2C3D4E5F60718293", "zz43a1b2c3d4e5f60718293a"),
    "byte": ("YQ=", "YQ", "a-b_", "YW Jj"),
    "cidr": ("10.0.0.0/33", "1.2.3/8"),
    "creditcard": ("4220855426213389", "x"),
    "date": ("2023-02-29", "2024-1-1", "2024-02-29T"),
    "date-time": (
        "2024-01-01 10:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T10:00:60Z",
        "2024-01-01T10:00:00",
    ),
    "datetime": (),
    "duration": ("1", "", "5 parsecs"),
    "email": ("a b@c", "a@", "(x) a@b", "a..b@c", "g: a@b, c@d;", "a@[1.2.3]", "a@b.", "x y", "g:;", "a@b("),
    "hexcolor": ("#ffff", "red"),
    "hostname": (
        "-a",
        "a.b",
        "a_b",
        "a.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "a.",
    ),
    "ipv4": ("1.2.3", "::1", "1.2.3.256"),
    "ipv6": ("1.2.3.4", "fe80::1%eth0", "1::2::3", "00001::", "::ffff:01.2.3.4"),
    "isbn": ("0321751044", "X"),
    "isbn10": ("9780321751041",),
    "isbn13": ("0321751043",),
    "k8s-long-name": ("a..b", "A", "a-.b"),
    "k8s-short-name": ("a.b", "-a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ""),
    "mac": ("01:23-45:67:89:ab",),
    "password": (),
    "rgbcolor": ("rgb(256,0,0)", "rgb(01,0,0)", "rgba(0,0,0)"),
    "ssn": ("191602869", "19-160-2869"),
    "uri": ("a", "", "http://[::1", "http://a b", "%zz", "http://a:b"),
    "uuid": ("123e4567",),
    "uuid3": ("123e4567-e89b-42d3-a456-426614174000",),
    "uuid4": ("123e4567-e89b-42d3-1456-426614174000",),
    "uuid5": ("123e4567-e89b-32d3-b456-426614174000",),
}
"""Of the texts that are drawn for a format those that a server refuses."""


@pytest.mark.parametrize("name", _REFUSED)
def test_texts_have_a_format_or_not_as_on_a_server(name: str) -> None:
    has = known_format(name)
    assert has is not None
    assert tuple(text for text in TEXTS[name] if not has(text)) == _REFUSED[name]


def test_formats_are_known_without_their_dashes() -> None:
    assert known_format("date-time") is known_format("datetime")
    assert known_format("nonsense") is None


def test_a_change_from_an_integer_to_the_same_float_is_one() -> None:
    schema = {"type": "number", "maximum": 1}
    assert validate({"a": 2}, object_of(a=schema), {"a": 2}) == []
    assert len(validate({"a": 2.0}, object_of(a=schema), {"a": 2})) == 1


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ({"type": "integer"}, "x", "numeric (int or float), got string"),
        ({"type": "number"}, {}, "numeric (int or float), got map[string]interface {}"),
        ({"type": "boolean"}, 1, "boolean, got &{1}"),
        ({"type": "string"}, 5, "string, got &value.valueUnstructured{Value:5}"),
        (
            {"type": "string"},
            [1, "a", {"b": 1.5}],
            "string, got &value.valueUnstructured{Value:[]interface {}{1, "
            '"a", map[string]interface {}{"b":1.5}}}',
        ),
        ({"type": "string", "format": "date"}, {"q": 1}, "any scalar, got &{map[q:1]}"),
        ({"type": "array", "items": {"type": "number"}}, {}, "list, got &{map[]}"),
        ({"type": "integer"}, 1.5, ""),
        ({"type": "string", "format": "date"}, 5, ""),
        ({"x-kubernetes-int-or-string": True}, [], ""),
    ],
)
def test_an_applied_value_of_another_type_is_refused_before_it_is_merged(
    schema: dict[str, Any], value: Any, text: str
) -> None:
    shape = shape_of(object_of(a=schema))
    if not text:
        fits_shape({"a": value}, shape)
        return
    with pytest.raises(TypedError) as refused:
        fits_shape({"a": value}, shape)
    assert str(refused.value) == f".a: expected {text}"
