"""The store and its indexes against a model: a dict that is filtered."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.cached_objects import cached
from hypothesis import given
from hypothesis import strategies as st

from reconcile.errors import ConfigurationError
from reconcile.informers import CachedObject, Index
from reconcile.informers.indexes import IndexSet
from reconcile.informers.store import IndexBuild, Store
from reconcile.objects.identity import ObjectKey

_NODE = Index("spec.nodeName")
_IMAGES = Index("image", paths=("spec.containers[].image",))
_TEAM = Index("team", metadata=lambda metadata: [team] if (team := metadata.labels.get("team")) else [])
_BOTH = Index(
    "node/phase", paths=("spec.nodeName", "status.phase"), function=lambda node, phase: [f"{node}/{phase}"]
)
_WHOLE = Index("whole", function=lambda obj: [str(len(obj.get("spec", {})))])

_names = st.sampled_from("abc")
_spaces = st.sampled_from(["one", "two"])
_bodies = st.fixed_dictionaries(
    {},
    optional={
        "spec": st.fixed_dictionaries(
            {},
            optional={
                "nodeName": st.sampled_from(["n1", "n2"]),
                "containers": st.lists(st.fixed_dictionaries({"image": st.sampled_from("xyz")}), max_size=3),
            },
        ),
        "status": st.fixed_dictionaries({"phase": st.sampled_from(["Running", "Failed"])}),
    },
)
_operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), _spaces, _names, _bodies, st.sampled_from([None, "red", "blue"])),
        st.tuples(st.just("remove"), _spaces, _names, st.none(), st.none()),
    ),
    max_size=40,
)


def _model_values(name: str, obj: CachedObject) -> set[str]:
    plain: dict[str, Any] = __import__("json").loads(obj.raw)
    spec, status = plain.get("spec", {}), plain.get("status", {})
    match name:
        case "spec.nodeName":
            return {spec.get("nodeName", "")}
        case "image":
            return {container["image"] for container in spec.get("containers", ())}
        case "team":
            return {team} if (team := obj.metadata.labels.get("team")) else set()
        case "node/phase":
            return {f"{spec.get('nodeName')}/{status.get('phase')}"}
        case _:
            return {str(len(spec))}


def _agree(store: Store, model: dict[ObjectKey, CachedObject], names: list[str]) -> None:
    assert len(store) == len(model)
    assert {obj.key: obj for obj in store.snapshot()} == model
    assert store.bytes == sum(obj.size for obj in model.values())
    for space in ("one", "two", "none"):
        in_space = {key: obj for key, obj in model.items() if key.namespace == space}
        assert {obj.key: obj for obj in store.snapshot(space)} == in_space
    for name in names:
        filed: dict[str, set[ObjectKey]] = {}
        for key, obj in model.items():
            for value in _model_values(name, obj):
                filed.setdefault(value, set()).add(key)
        assert sorted(store.index_values(name)) == sorted(filed), "no empty value stays behind"
        for value, keys in filed.items():
            found = store.by_index(name, value)
            assert {obj.key for obj in found} == keys and len(found) == len(keys)
            assert all(model[obj.key] is obj for obj in found)


@given(_operations, st.integers(0, 40))
def test_store_and_indexes_agree_with_a_filtered_dict(operations: list[Any], add_index_at: int) -> None:
    indexes = (_NODE, _IMAGES, _TEAM)
    store, model = Store(IndexSet(indexes)), dict[ObjectKey, CachedObject]()
    names = [index.name for index in indexes]
    for version, (operation, space, name, body, team) in enumerate(operations, start=1):
        if version - 1 == add_index_at:
            for late in (_BOTH, _WHOLE):
                build = IndexBuild(store, late)
                for obj in build.objects():
                    build.add(obj)
                list(build.finish(store.indexes.with_index(late)))
                names.append(late.name)
        key = ObjectKey(space, name)
        if operation == "put":
            metadata = {"labels": {"team": team}} if team else {}
            obj = cached(name, version, namespace=space, metadata=metadata, **body)
            assert store.put(obj) is model.get(key)
            model[key] = obj
        else:
            assert store.remove(key) is model.pop(key, None)
        _agree(store, model, names)


def test_all_indexes_of_a_change_cost_one_decode() -> None:
    indexes = IndexSet((_NODE, _IMAGES, _TEAM, _BOTH))
    store = Store(indexes)
    store.put(cached("a", 1, spec={"nodeName": "n1"}))
    assert indexes.counters.decodes == 1
    store.put(cached("a", 2, spec={"nodeName": "n2"}))
    store.remove(ObjectKey("default", "a"))
    assert indexes.counters.decodes == 2


def test_metadata_indexes_decode_nothing() -> None:
    indexes = IndexSet((_TEAM,))
    Store(indexes).put(cached("a"))
    assert indexes.counters.decodes == 0


def test_failing_index_function_files_under_nothing_and_is_reported() -> None:
    reported: list[Any] = []
    indexes = IndexSet(
        (Index("bad", function=lambda obj: [obj["missing"]]), _NODE),
        on_error=lambda name, obj, error: reported.append((name, obj.key.name, type(error))),
    )
    store = Store(indexes)
    store.put(cached("a", spec={"nodeName": "n1"}))
    assert reported == [("bad", "a", KeyError)]
    assert len(store.by_index("spec.nodeName", "n1")) == 1
    store.remove(ObjectKey("default", "a"))
    assert store.index_values("spec.nodeName") == []


def test_shape_that_does_not_fit_a_path_has_nothing_there() -> None:
    store = Store(IndexSet((_NODE, _IMAGES)))
    store.put(cached("a", spec="not a map"))
    store.put(cached("b", spec={"nodeName": 5, "containers": {"image": "x"}}))
    assert [obj.key.name for obj in store.by_index("spec.nodeName", "")] == ["a"]
    assert [obj.key.name for obj in store.by_index("spec.nodeName", "5")] == ["b"]
    assert store.index_values("image") == []


@pytest.mark.parametrize("path", ["", "[].x", "spec.[", "spec..x", "spec[abc]"])
def test_malformed_paths_are_refused(path: str) -> None:
    with pytest.raises(ConfigurationError):
        Index("x", paths=(path,))
