"""Lists are cut into their items whatever the items hold and however the bytes arrive."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.client.list_splitter import ListHead, ListSplitter
from reconcile.errors import TransportError


def split(body: bytes, sizes: list[int] | None = None) -> tuple[list[bytes], ListHead]:
    splitter = ListSplitter()
    found: list[bytes] = []
    at = 0
    sizes = sizes or [len(body) or 1]
    step = 0
    while at < len(body):
        size = sizes[step % len(sizes)]
        found += splitter.feed(body[at : at + size])
        at, step = at + size, step + 1
    rest, head = splitter.finish()
    return found + rest, head


HOSTILE_TEXTS = st.sampled_from(
    ['},{"metadata":', '"', "\\", "]}", '"items":[', "},{", '\\"},{\\"', "é☃", "\x00", "a" * 200]
)
TEXTS = st.one_of(st.text(max_size=12), HOSTILE_TEXTS)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["metadata", "items", "kind", "x", '"', "é"]), inner, max_size=4),
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(["metadata", "items", "spec", "kind"]), VALUES, max_size=4)
NESTED_TEMPLATES = st.fixed_dictionaries(
    {"metadata": OBJECTS, "templates": st.lists(st.fixed_dictionaries({"metadata": OBJECTS}), max_size=4)}
)
ITEMS = st.lists(st.one_of(OBJECTS, NESTED_TEMPLATES, VALUES), max_size=8)
HEADS = st.permutations(["kind", "apiVersion", "metadata", "items", "other"])


@settings(max_examples=400, deadline=None)
@given(
    items=ITEMS,
    order=HEADS,
    other=VALUES,
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    ascii=st.booleans(),
    spaced=st.sampled_from([(",", ":"), (", ", ": "), (" ,\n ", "\t: ")]),
    indent=st.sampled_from([None, 2]),
)
def test_any_list_in_any_chunks(
    items: list[Any],
    order: list[str],
    other: Any,
    sizes: list[int],
    ascii: bool,
    spaced: tuple[str, str],
    indent: int | None,
) -> None:
    members = {
        "kind": "PodList",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": "7", "continue": 'a"]}', "remainingItemCount": 3},
        "items": items,
        "other": other,
    }
    document = {name: members[name] for name in order}
    body = json.dumps(document, ensure_ascii=ascii, separators=spaced, indent=indent).encode()
    found, head = split(body, sizes)
    assert [json.loads(item) for item in found] == items
    assert (head.kind, head.api_version) == ("PodList", "v1")
    assert head.metadata is not None
    assert (head.metadata.resource_version, head.metadata.continue_) == ("7", 'a"]}')
    assert head.metadata.remaining_item_count == 3


@settings(max_examples=150, deadline=None)
@given(count=st.integers(0, 60), size=st.integers(1, 5000), nested=st.integers(0, 8))
def test_uniform_items_with_nested_look_alikes_of_the_separator(count: int, size: int, nested: int) -> None:
    items = [
        {"metadata": {"name": f"p{i}"}, "t": [{"metadata": {"name": str(j)}} for j in range(nested)]}
        for i in range(count)
    ]
    body = json.dumps({"metadata": {}, "items": items}, separators=(",", ":")).encode()
    found, _ = split(body, [size])
    assert [json.loads(item) for item in found] == items


def test_items_are_the_very_bytes_of_the_body() -> None:
    first, second = b'{ "metadata":{"x":1.50e3} ,"u":"\\u00e9" }', b'{"metadata":{}}'
    found, _ = split(b'{"items":[ ' + first + b" , " + second + b"\n]}", [3])
    assert found == [first, second]


@pytest.mark.parametrize("items", [b"[]", b"null", b"[ ]", b"{}", b'"x"', b"3"])
def test_lists_without_items(items: bytes) -> None:
    found, head = split(b'{"kind":"L","items":' + items + b',"metadata":{"resourceVersion":"3"}}', [1])
    assert found == []
    assert head.metadata is not None and head.metadata.resource_version == "3"


def test_a_key_written_with_escapes_is_still_items() -> None:
    found, _ = split(b'{"it\\u0065ms":[{"a":1}]}')
    assert found == [b'{"a":1}']


def test_items_that_no_decoder_takes_are_cut_out_all_the_same() -> None:
    good = b'{"metadata":{"name":"good"}}'
    bad = [
        b'{"metadata":{"name":"bad\\q escape"}}',
        b'{"metadata":{"n":0123}}',
        b'{"metadata":{"n":+-}}',
        b'{"metadata":{"name":"\xff\xfe"}}',
        b'{"metadata":{} "missing comma":1}',
        b'{"metadata":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ]
    items = [good, good, *(piece for each in bad for piece in (each, good)), good]
    body = b'{"items":[' + b",".join(items) + b"]}"
    for size in (1, 7, 100, len(body)):
        assert split(body, [size])[0] == items


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"items":[',
        b'{"items":[{"a":1}',
        b'{"items":[{"a":1},',
        b'{"items":[{"a":1}]',
        b'{"items":[{"a":"}]}',
    ],
)
def test_a_body_cut_short_is_an_error(body: bytes) -> None:
    with pytest.raises(TransportError, match="ended before"):
        split(body)


@pytest.mark.parametrize(
    "body", [b"no list", b"[]", b'{"items":[{}{}]}', b'{"a" 1}', b"{}x", b'{"items":[,]}']
)
def test_what_is_no_list_is_an_error(body: bytes) -> None:
    with pytest.raises(TransportError, match="JSON"):
        split(body)


def test_a_status_comes_back_as_its_head() -> None:
    assert split(b'{"kind":"Status","apiVersion":"v1","code":403}')[1].kind == "Status"


def test_one_byte_at_a_time_takes_linear_time() -> None:
    item = {"metadata": {"name": "x" * 50}, "data": "y" * 20_000}
    body = json.dumps({"items": [item, item, item]}, separators=(",", ":")).encode()
    started = time.process_time()
    found, _ = split(body, [1])
    assert len(found) == 3
    assert time.process_time() - started < 5


def test_one_huge_item_of_nothing_but_brackets_is_worked_on_in_short_steps() -> None:
    item = b'{"a":' + b"[{}," * 50_000 + b"1" + b"]" * 50_000 + b"}"
    body = b'{"items":[' + item + b"]}"
    splitter = ListSplitter()
    longest = 0.0
    found: list[bytes] = []
    for at in range(0, len(body), 1 << 14):
        started = time.process_time()
        found += splitter.feed(body[at : at + (1 << 14)])
        longest = max(longest, time.process_time() - started)
    assert found + splitter.finish()[0] == [item]
    assert longest < 0.1
