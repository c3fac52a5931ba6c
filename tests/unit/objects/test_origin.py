"""A typed read-modify-write keeps what the type does not know."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from helpers.objects_samples import Machine, Part, Port, Robot, Template, json_values
from hypothesis import given
from hypothesis import strategies as st

from reconcile.errors import IncompleteObjectError
from reconcile.objects.codecs import Codec, codec_for
from reconcile.objects.identity import ResourceType
from reconcile.objects.kinds import MetadataOnly
from reconcile.objects.origin import align, plain_states, replay
from reconcile.objects.patches import create_merge_patch

MACHINES: Codec[Machine] = codec_for(Machine)
PLAIN = ResourceType("example.com", "v1", "Machine", "machines")


def machine(**fields: Any) -> Machine:
    head = {"apiVersion": "example.com/v1", "kind": "Machine", "metadata": {"name": "m", "namespace": "n"}}
    return MACHINES.decode(json.dumps({**head, **fields}).encode())


def written(obj: Any) -> dict[str, Any]:
    return json.loads(replay(obj))


def test_an_untouched_object_is_written_as_it_was_read() -> None:
    raw = (
        b'{"apiVersion":"example.com/v1","kind":"Machine","metadata":{"name":"m","labels":null,"x":1.10},'
        b'"spec":{"parts":[],"free":1e3,"vendor":{}},"status":{}}'
    )
    assert replay(MACHINES.decode(raw)) == raw


def test_a_vendor_field_inside_the_second_of_three_items_survives_insert_and_reorder() -> None:
    parts = [{"name": "a"}, {"name": "b", "vendor": {"gpu": 1.10}}, {"name": "c"}]
    obj = machine(spec={"parts": parts})
    obj.spec.parts.insert(0, Part(name="new", image="i"))
    obj.spec.parts.reverse()
    obj.spec.parts[1].image = "changed"
    assert written(obj)["spec"]["parts"] == [
        {"name": "c"},
        {"name": "b", "vendor": {"gpu": 1.1}, "image": "changed"},
        {"name": "a"},
        {"name": "new", "image": "i"},
    ]


def test_an_item_is_told_by_all_its_map_keys() -> None:
    ports = [
        {"containerPort": 53, "protocol": "TCP", "x": "tcp"},
        {"containerPort": 53, "protocol": "UDP", "x": "udp"},
    ]
    obj = machine(spec={"parts": [{"name": "dns", "ports": ports}]})
    del obj.spec.parts[0].ports[0]
    obj.spec.parts[0].ports[0].name = "dns"
    assert written(obj)["spec"]["parts"][0]["ports"] == [
        {"containerPort": 53, "protocol": "UDP", "x": "udp", "name": "dns"}
    ]


def test_items_with_one_key_twice_are_aligned_in_order() -> None:
    obj = machine(spec={"parts": [{"name": "a", "x": 1}, {"name": "a", "x": 2}]})
    obj.spec.parts[1].image = "i"
    assert written(obj)["spec"]["parts"] == [{"name": "a", "x": 1}, {"name": "a", "x": 2, "image": "i"}]


def test_what_is_set_to_none_or_emptied_is_removed() -> None:
    obj = machine(spec={"node": "n1", "vendor": 1, "parts": [{"name": "a", "env": {"K": "v"}, "y": 2}]})
    obj.spec.node = None
    obj.spec.parts[0].env.clear()
    assert written(obj)["spec"] == {"vendor": 1, "parts": [{"name": "a", "y": 2}]}


def test_explicit_empties_and_nulls_stay_until_touched() -> None:
    obj = machine(spec={"parts": [], "node": None, "free": {}})
    obj.metadata.labels["a"] = "b"
    assert written(obj)["spec"] == {"parts": [], "node": None, "free": {}}


def test_unknown_fields_of_a_part_survive_its_known_fields_coming_and_going() -> None:
    obj = machine(status={"vendor": 1})
    obj.status.phase = "Up"
    assert written(obj)["status"] == {"vendor": 1, "phase": "Up"}
    obj = machine(status={"phase": "Up", "vendor": 1})
    obj.status.phase = None
    assert written(obj)["status"] == {"vendor": 1}
    obj = machine(status={"phase": "Up"})
    obj.status.phase = None
    assert "status" not in written(obj)


def test_true_and_one_are_different_values() -> None:
    obj = machine(spec={"free": {"a": 1, "b": [0]}})
    obj.spec.free = {"a": True, "b": [False]}
    assert written(obj)["spec"]["free"] == {"a": True, "b": [False]}
    assert b"true" in replay(obj)


def test_a_copy_remembers_its_origin() -> None:
    obj = machine(spec={"vendor": 1})
    for twin in (copy.copy(obj), copy.deepcopy(obj)):
        twin.spec = copy.deepcopy(twin.spec)
        twin.spec.node = "n"
        assert written(twin)["spec"] == {"vendor": 1, "node": "n"}
        assert obj.spec.node is None


def test_kind_and_version_are_filled_in_for_items_of_a_list() -> None:
    obj = MACHINES.decode(b'{"metadata":{"name":"m"},"x":1}')
    expected = {"apiVersion": "example.com/v1", "kind": "Machine", "metadata": {"name": "m"}, "x": 1}
    assert written(obj) == expected


def test_an_object_made_by_hand_is_encoded_as_it_stands() -> None:
    obj = Machine(spec=Template(parts=[Part(name="a", ports=[Port(container_port=1)])]))
    assert written(obj)["spec"] == {"parts": [{"name": "a", "ports": [{"containerPort": 1}]}]}


def test_a_part_of_an_object_cannot_replace_the_whole() -> None:
    raw = b'{"metadata":{"name":"m","namespace":"n"}}'
    for kind in (Machine, Robot, PLAIN):
        source = raw if kind is not Robot else b'{"metadata":{"name":"m","namespace":"n"},"spec":{"size":1}}'
        with pytest.raises(IncompleteObjectError, match=r"n/m.*in part.*read it in full"):
            replay(codec_for(kind).decode(source, complete=False))
    with pytest.raises(IncompleteObjectError, match="metadata only"):
        replay(codec_for(MetadataOnly(Machine)).decode(raw))


def test_a_model_keeps_unknown_fields_of_its_own_and_of_structs_inside_it() -> None:
    spec = {
        "size": 1,
        "vendor": [1],
        "template": {"x": 1, "parts": [{"name": "a"}, {"name": "b", "y": None}]},
    }
    head = {"apiVersion": "example.com/v1", "kind": "Robot", "metadata": {"name": "r", "z": 0}}
    obj = codec_for(Robot).decode(json.dumps({**head, "spec": spec, "extra": {}}).encode())
    assert obj.spec.template is not None
    obj.spec.size = 2
    obj.spec.template.parts.insert(0, Part(name="c"))
    obj.spec.template.parts[2].image = "i"
    spec["size"] = 2
    spec["template"] = {
        "x": 1,
        "parts": [{"name": "c"}, {"name": "a"}, {"name": "b", "y": None, "image": "i"}],
    }
    assert written(obj) == {**head, "spec": spec, "extra": {}}


def test_lists_without_keys_are_aligned_by_equality_then_name_then_place() -> None:
    assert align([1, 2, 2], [2, 3, 2, 1]) == [1, None, 2, 0]
    before = [{"name": "a", "v": 1}, {"name": "b", "v": 1}]
    assert align(before, [{"name": "b", "v": 2}, {"name": "c"}, {"name": "a", "v": 1}]) == [1, None, 0]
    assert align([{"v": 1}, {"v": 2}], [{"v": 1}, {"v": 3}]) == [0, 1]
    assert align([{"v": 1}, {"v": 2}], [{"v": 3}]) == [None]


extras = st.dictionaries(st.sampled_from(["x-a", "x-b"]), json_values(), max_size=2)
names = st.sampled_from("abcdef")


@st.composite
def wire_parts(draw: st.DrawFn) -> list[dict[str, Any]]:
    chosen = draw(st.lists(names, max_size=5, unique=True))
    return [
        {
            **draw(extras),
            "name": name,
            **draw(st.fixed_dictionaries({}, optional={"image": st.text(max_size=3), "args": st.just([])})),
        }
        for name in chosen
    ]


@st.composite
def wire_machines(draw: st.DrawFn) -> dict[str, Any]:
    spec: dict[str, Any] = {**draw(extras), "parts": draw(wire_parts()), "free": draw(json_values())}
    return {
        "apiVersion": "example.com/v1",
        "kind": "Machine",
        "metadata": {"name": "m", **draw(extras)},
        "spec": spec,
        **draw(extras),
    }


@given(wire_machines(), st.data())
def test_unknown_fields_survive_any_typed_edit(wire: dict[str, Any], data: st.DataObject) -> None:
    obj = MACHINES.decode(json.dumps(wire).encode())
    obj.spec.parts = data.draw(st.permutations(obj.spec.parts))
    kept: set[str] = set()
    for part in list(obj.spec.parts):
        match data.draw(st.sampled_from(["keep", "change", "remove"])):
            case "remove":
                obj.spec.parts.remove(part)
                continue
            case "change":
                part.image = data.draw(st.none() | st.text(max_size=3))
            case _:
                pass
        kept.add(part.name)
    new = data.draw(st.lists(st.sampled_from("uvw"), unique=True, max_size=2))
    for name in new:
        obj.spec.parts.insert(data.draw(st.integers(0, len(obj.spec.parts))), Part(name=name))
    obj.spec.node = data.draw(st.none() | st.text(max_size=3))

    result = written(obj)

    def unknown(value: dict[str, Any]) -> dict[str, Any]:
        return {key: inner for key, inner in value.items() if key.startswith("x-")}

    assert unknown(result) == unknown(wire)
    assert result["metadata"] == wire["metadata"]
    assert unknown(result["spec"]) == unknown(wire["spec"])
    assert json.dumps(result["spec"]["free"]) == json.dumps(wire["spec"]["free"])
    by_name = {part["name"]: part for part in wire["spec"]["parts"]}
    for part in result["spec"].get("parts", []):
        assert unknown(part) == unknown(by_name.get(part["name"], {}))
    # and what is written reads back as what was meant
    assert MACHINES.decode(replay(obj)) == obj


@given(wire_machines())
def test_reading_and_writing_changes_nothing(wire: dict[str, Any]) -> None:
    assert written(MACHINES.decode(json.dumps(wire).encode())) == wire


def test_a_difference_has_the_unknown_fields_of_the_lists_that_differ_and_no_others() -> None:
    parts = [{"name": "a"}, {"name": "b", "vendor": {"gpu": 1}}, {"name": "c"}]
    obj = machine(spec={"parts": parts, "free": {"x": 1}}, status={"vendor": 1})
    before, now = copy.deepcopy(obj), copy.deepcopy(obj)
    assert create_merge_patch(*plain_states(before, now)) == {}
    now.spec.parts.insert(0, Part(name="new", image="i"))
    now.spec.parts.reverse()
    patch = create_merge_patch(*plain_states(before, now))
    wanted = [
        {"name": "c"},
        {"name": "b", "vendor": {"gpu": 1}},
        {"name": "a"},
        {"name": "new", "image": "i"},
    ]
    assert patch == {"spec": {"parts": wanted}}


def test_a_state_made_by_hand_differs_in_what_its_type_knows_alone() -> None:
    read = machine(spec={"parts": [{"name": "a", "vendor": 1}], "free": 1}, status={"vendor": 1})
    by_hand = Machine(metadata=read.metadata)
    by_hand.spec.parts = [Part(name="a", image="i")]
    patch = create_merge_patch(*plain_states(read, by_hand))
    assert patch["spec"]["parts"] == [{"name": "a", "vendor": 1, "image": "i"}]
    assert "status" not in patch
