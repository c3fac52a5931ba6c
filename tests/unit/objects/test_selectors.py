"""Selectors read, match and complain as apimachinery's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.objects.meta import LabelSelector, LabelSelectorRequirement
from reconcile.objects.selectors import (
    FieldSelector,
    InvalidSelectorError,
    Requirement,
    Selector,
    field_selector,
    label_selector,
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        ("x=a,y=b,z=c", "x=a,y=b,z=c"),
        ("x!=a,y==b", "x!=a,y==b"),
        (" x = a , !y ", "x=a,!y"),
        ("x in (b,a),y notin ()", "x in (a,b),y notin ()"),
        ("x in (,a)", "x in (,a)"),
        ("x in (a,,b)", "x in (,a,b)"),
        ("x in (a,)", "x in (,a)"),
        ("x=", "x="),
        ("x>1,y<7", "x>1,y<7"),
        ("in in (in,notin)", "in in (in,notin)"),
        ("z,a", "a,z"),
        ("example.com/x=1", "example.com/x=1"),
    ],
)
def test_written_forms(text: str, canonical: str) -> None:
    assert str(Selector.parse(text)) == canonical
    assert Selector.parse(canonical) == Selector.parse(text)


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("", {}, True),
        ("x=a", {"x": "a"}, True),
        ("x=a", {}, False),
        ("x!=a", {}, True),
        ("x!=a", {"x": "a"}, False),
        ("x in (a,b)", {"x": "b"}, True),
        ("x notin (a,b)", {}, True),
        ("x notin (a,b)", {"x": "a"}, False),
        ("x", {"x": ""}, True),
        ("!x", {"x": ""}, False),
        ("x>5", {"x": "6"}, True),
        ("x>5", {"x": "five"}, False),
        ("x<5", {}, False),
        ("x=", {"x": ""}, True),
    ],
)
def test_matching(text: str, labels: dict[str, str], matches: bool) -> None:
    assert Selector.parse(text).matches(labels) is matches


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("x=a,", "found '', expected: identifier after ','"),
        ("x=a y", "found 'y', expected: ',' or 'end of string'"),
        ("x a", "unable to parse requirement: found 'a', expected: in, notin, =, ==, !=, gt, lt"),
        ("x in a", "unable to parse requirement: found 'a' expected: '('"),
        ("x in (a b)", "unable to parse requirement: found 'b', expected: ',' or ')'"),
        ("x=(", "unable to parse requirement: found '(', expected: identifier"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("!x=a", "found '=', expected: ',' or 'end of string'"),
        (
            "x>a",
            'unable to parse requirement: values[0]: Invalid value: "a": '
            "for 'Gt', 'Lt' operators, the value must be an integer",
        ),
        (
            "-x=a",
            'unable to parse requirement: <nil>: Invalid value: "-x": name part must consist of alphanumeric '
            "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
            "'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
            "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        ),
        (
            "x=" + "a" * 64,
            f'unable to parse requirement: values[0][x]: Invalid value: "{"a" * 64}": '
            "must be no more than 63 bytes",
        ),
    ],
)
def test_errors_read_as_the_server_s(text: str, error: str) -> None:
    with pytest.raises(InvalidSelectorError) as caught:
        Selector.parse(text)
    assert str(caught.value) == error


def test_the_api_s_form() -> None:
    struct = LabelSelector(
        match_labels={"a": "1"},
        match_expressions=[
            LabelSelectorRequirement(key="b", operator="In", values=["x", "y"]),
            LabelSelectorRequirement(key="c", operator="DoesNotExist"),
        ],
    )
    plain = {
        "matchLabels": {"a": "1"},
        "matchExpressions": [
            {"key": "b", "operator": "In", "values": ["x", "y"]},
            {"key": "c", "operator": "DoesNotExist"},
        ],
    }
    selector = Selector.from_api(struct)
    assert str(selector) == "a=1,b in (x,y),!c"
    assert Selector.from_api(plain) == selector == label_selector(plain)
    assert not Selector.from_api(None).matches({})
    assert Selector.from_api({}).selects_everything
    with pytest.raises(InvalidSelectorError, match='"Gt" is not a valid label selector operator'):
        Selector.from_api({"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]})


def test_what_is_taken_where_labels_select() -> None:
    expected = Selector((Requirement("a", "=", ("1",)),))
    assert label_selector({"a": "1"}) == label_selector("a=1") == label_selector(expected) == expected
    assert label_selector(None).selects_everything
    assert (expected & Selector.parse("b")).matches({"a": "1", "b": ""})
    assert expected.exact("a") == "1"
    assert expected.exact("b") is None


keys = st.sampled_from(["a", "b", "c.d/e"])
values = st.sampled_from(["", "x", "y", "10"])
requirements = st.one_of(
    st.builds(Requirement, keys, st.sampled_from(["=", "==", "!="]), st.tuples(values)),
    st.builds(Requirement, keys, st.sampled_from(["in", "notin"]), st.lists(values, min_size=1).map(tuple)),
    st.builds(Requirement, keys, st.sampled_from(["exists", "!"])),
)


@given(st.lists(requirements, max_size=4), st.dictionaries(keys, values))
def test_the_written_form_says_the_same(parts: list[Requirement], labels: dict[str, str]) -> None:
    selector = Selector.all_of(parts)
    again = Selector.parse(str(selector))
    assert again == selector
    assert again.matches(labels) == all(part.matches(labels) for part in parts)


def test_field_selectors() -> None:
    selector = FieldSelector.parse(r"status.phase!=Failed,spec.nodeName=a\,b,metadata.name==x")
    assert str(selector) == r"metadata.name=x,spec.nodeName=a\,b,status.phase!=Failed"
    assert selector.matches({"metadata.name": "x", "spec.nodeName": "a,b"})
    assert not selector.matches({"metadata.name": "x", "spec.nodeName": "a"})
    assert selector.exact("spec.nodeName") == "a,b"
    assert selector.exact("status.phase") is None
    assert field_selector({"a": "1"}) == FieldSelector.parse("a=1")
    assert field_selector(None).selects_everything
    assert FieldSelector.parse("a=").matches({})


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a", "invalid selector: 'a'; can't understand 'a'"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
        ("a=\\b", "invalid field selector: invalid escape sequence: \\b"),
    ],
)
def test_field_selector_errors_read_as_the_server_s(text: str, error: str) -> None:
    with pytest.raises(InvalidSelectorError) as caught:
        FieldSelector.parse(text)
    assert str(caught.value) == error


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.text(max_size=6)))
def test_any_value_can_be_selected(fields: dict[str, str]) -> None:
    selector = FieldSelector.from_fields(fields)
    assert FieldSelector.parse(str(selector)) == selector
    assert selector.matches(fields)
