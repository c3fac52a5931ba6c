"""Reading declared paths from an object's bytes."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from helpers.objects_samples import json_values
from hypothesis import given
from hypothesis import strategies as st

from reconcile.errors import ConfigurationError, ObjectDecodeError
from reconcile.objects.paths import PathReader, Step, parse_path

POD = json.dumps(
    {
        "metadata": {"labels": {"app": "web", "a.b/c": "d"}, "name": "p"},
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y:2"}, {"name": "c"}],
        },
        "status": {"phase": None, "ready": False},
    }
).encode()


def test_one_decode_reads_all_paths() -> None:
    reader = PathReader(
        [
            "spec.nodeName",
            "status.phase",
            "metadata.labels['app']",
            "metadata.labels['a.b/c']",
            ".spec.containers[*].image",
            "{.spec.containers[1].name}",
            "$.status.ready",
            "metadata.labels[]",
            "spec.absent.deeper[*]",
        ]
    )
    assert reader.read(POD) == (
        "n1", None, "web", "d", ["x:1", "y:2"], "b", False, ["web", "d"], [],
    )  # fmt: skip


def test_a_path_may_end_above_another() -> None:
    reader = PathReader(["metadata.labels", "metadata.labels.app", "spec.containers[0]"])
    labels = {"app": "web", "a.b/c": "d"}
    assert reader.read(POD) == (labels, "web", {"name": "a", "image": "x:1"})


def test_something_else_where_an_object_is_expected_has_no_values() -> None:
    reader = PathReader(["spec.nodeName", "spec.containers[*].image", "metadata.name"])
    raw = b'{"metadata":{"name":"p"},"spec":"text"}'
    assert reader.read(raw) == (None, [], "p")
    raw = b'{"metadata":{"name":"p"},"spec":{"nodeName":"n","containers":{"k":{"image":"i"}}}}'
    assert reader.read(raw) == ("n", ["i"], "p")


@pytest.mark.parametrize(
    "path", ["", "spec..x", "spec.[a]", "a b", "spec[", "spec['x]", "spec.containers[-1]"]
)
def test_a_path_that_cannot_be_read_is_named(path: str) -> None:
    with pytest.raises(ConfigurationError, match="path"):
        PathReader([path])


@pytest.mark.parametrize("raw", [b"", b"[1]", b'{"a":', b"3"])
def test_bytes_that_are_no_object_are_an_error(raw: bytes) -> None:
    with pytest.raises(ObjectDecodeError):
        PathReader(["a.b"]).read(raw)


def plainly(value: Any, steps: tuple[Step, ...]) -> list[Any]:
    if value is None:
        return []
    if not steps:
        return [value]
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        return plainly(value.get(step), rest) if isinstance(value, dict) else []
    if step is not None:
        return plainly(value[step], rest) if isinstance(value, list) and step < len(value) else []
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for item in items for found in plainly(item, rest)]


fields = st.sampled_from("abc")
documents = st.dictionaries(
    fields,
    st.recursive(
        json_values(max_leaves=2),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=3),
    ),
)
paths = st.lists(st.sampled_from([".a", ".b", ".c", "[*]", "[0]", "[1]"]), max_size=4).map(
    lambda steps: "a" + "".join(steps)
)


@given(documents, st.lists(paths, min_size=1, max_size=5))
def test_reads_what_a_walk_of_the_whole_object_finds(document: dict[str, Any], wanted: list[str]) -> None:
    raw = json.dumps(document).encode()
    expected: list[Any] = []
    for path in wanted:
        found = plainly(json.loads(raw), parse_path(path))
        expected.append(found if None in parse_path(path) else found[0] if found else None)
    reader = PathReader(wanted)
    assert reader.read(raw) == tuple(expected) == reader.read_plain(json.loads(raw))
    if beside := reader.beside_metadata():
        with_metadata = json.dumps({"metadata": {"name": "p"}, **document}).encode()
        try:
            metadata, values = beside(with_metadata)
        except msgspec.ValidationError:
            return
        assert metadata.name == "p"
        assert values == tuple(expected)
