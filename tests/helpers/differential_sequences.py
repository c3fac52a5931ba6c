"""Drawn sequences of requests over a few objects of several kinds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from helpers.differential import (
    Ask,
    apply,
    delete,
    get,
    json_patch,
    merge,
    post,
    put,
    query,
    strategic,
    watch,
)
from helpers.drawn_kinds import PLACE, RICH, Kind
from helpers.drawn_plain_kinds import plain_kinds
from hypothesis import strategies as st

Body = dict[str, Any]

KINDS = (*RICH, *plain_kinds())
_NAMES = ("a", "b")
_TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
_PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

# Objects of the cluster are found again by this label.
_OF = {"of": PLACE}
_LABELS = st.sampled_from([None, None, {"l": "1"}, {"l": "2", "m": "1"}, {"l": "1"}, {"bad label": "x"}])
_OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "$uid(configmaps-a)"}
_META_PATCHES = (
    {"metadata": {"labels": {"l": "2"}}},
    {"metadata": {"labels": {"l": "1", "m": None}}},
    {"metadata": {"labels": None}},
    {"metadata": {"labels": {"l": "x" * 64}}},
    {"metadata": {"labels": {"l": 5}}},
    {"metadata": {"annotations": {"n": "1"}}},
    {"metadata": {"annotations": {"n": None, "o": ""}}},
    {"metadata": {"finalizers": ["a.b/c"]}},
    {"metadata": {"finalizers": ["a.b/c", "d.e/f"]}},
    {"metadata": {"finalizers": ["a.b/c", "a.b/c"]}},
    {"metadata": {"finalizers": ["orphan"]}},
    {"metadata": {"finalizers": ["bad"]}},
    {"metadata": {"finalizers": None}},
    {"metadata": {"resourceVersion": "1"}},
    {"metadata": {"resourceVersion": None}},
    {"metadata": {"ownerReferences": [_OWNER]}},
    {"metadata": {"ownerReferences": [{**_OWNER, "controller": True, "blockOwnerDeletion": True}]}},
    {"metadata": {"ownerReferences": [{**_OWNER, "uid": ""}]}},
    {"metadata": {"ownerReferences": None}},
    {"metadata": {"uid": "other"}},
    {"metadata": {"name": "other"}},
    {"metadata": {"namespace": "other"}},
    {"metadata": {"generateName": "gen"}},
    {"metadata": {"generation": 77}},
    {"metadata": {"deletionTimestamp": "2020-01-01T00:00:00Z"}},
    {"metadata": {"creationTimestamp": None}},
    {"metadata": {"managedFields": []}},
    {"metadata": {"managedFields": [{}]}},
    {"metadata": None},
    {"apiVersion": "other/v1"},
    {"kind": "Other"},
    {},
)
_OPTIONS: st.SearchStrategy[Body] = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "fieldManager": st.sampled_from(["m1", "m2"]),
            "fieldValidation": st.sampled_from(["Strict", "Ignore", "Warn"]),
            "dryRun": st.just("All"),
        },
    ),
    st.sampled_from(
        [{}, {}, {"fieldManager": "m" * 129}, {"fieldValidation": "Some"}, {"dryRun": "Some"}, {"dryRun": ""}]
    ),
)
_SELECTIONS = (
    {},
    {"labelSelector": "l=1"},
    {"labelSelector": "l!=1"},
    {"labelSelector": "!m"},
    {"labelSelector": "l in (1,2),!m"},
    {"labelSelector": "l notin (1)"},
)
_BY_NAME = ("metadata.name={}", "metadata.name!={}")
_DELETES: st.SearchStrategy[Body | None] = st.sampled_from(
    [
        None,
        None,
        {"propagationPolicy": "Background"},
        {"propagationPolicy": "Orphan"},
        {"propagationPolicy": "Foreground"},
        {"propagationPolicy": "Foreground", "gracePeriodSeconds": 3},
        {"orphanDependents": True},
        {"orphanDependents": False},
        {"gracePeriodSeconds": 0},
        {"gracePeriodSeconds": 7},
        {"gracePeriodSeconds": -1},
        {"preconditions": {"uid": "no"}},
        {"preconditions": {"uid": "$uid(LABEL)"}},
        {"preconditions": {"resourceVersion": "$rv(LABEL)"}},
        {"preconditions": {"uid": "$uid(LABEL)", "resourceVersion": "1"}},
        {"dryRun": ["All"]},
        {"dryRun": ["Some"]},
        {"unknown": 1},
    ]
)
_DELETE_QUERIES: st.SearchStrategy[Body] = st.sampled_from(
    [
        {"propagationPolicy": "Foreground"},
        {"propagationPolicy": "Orphan"},
        {"gracePeriodSeconds": 0},
        {"gracePeriodSeconds": 2},
        {"dryRun": "All"},
        {"orphanDependents": "true"},
    ]
)
_VERBS = (
    *("create",) * 3,
    *("apply",) * 3,
    *("merge",) * 2,
    *("delete",) * 2,
    "put", "put", "strategic", "json", "status", "status", "scale", "more", "more", "collection", "get",
    "list", "page", "at", "generate", "form", "delete query",
)  # fmt: skip


_HAS_MORE = frozenset(
    {
        "clusterroles",
        "clusterrolebindings",
        "flowschemas",
        "prioritylevelconfigurations",
        "apiservices",
        "servicecidrs",
    }
)
"""Of these a real server has some of its own, so that more of them follow a page that has all of ours."""


def _meta_patches(kind: Kind) -> tuple[Body, ...]:
    """Of objects of the cluster no namespace: that of some is dropped there, and refused of others."""
    return tuple(
        each for each in _META_PATCHES if kind.namespaced or "namespace" not in (each.get("metadata") or {})
    )


@st.composite
def _meta(draw: st.DrawFn, kind: Kind, name: str) -> Body:
    meta: Body = {"name": name}
    labels = draw(_LABELS)
    if not kind.namespaced:
        labels = {**(labels or {}), **_OF}
    if labels:
        meta["labels"] = labels
    match draw(st.integers(0, 24)):
        case 0 | 1:
            meta["finalizers"] = ["a.b/c"]
        case 2:
            meta["ownerReferences"] = [_OWNER]
        case 3:
            meta["ownerReferences"] = [{**_OWNER, "uid": "u", "blockOwnerDeletion": True}]
        case 4:
            meta["annotations"] = {"x": "1"}
        case 5:
            meta["finalizers"] = ["foregroundDeletion"]
        case _:
            pass
    return meta


@st.composite
def _body(draw: st.DrawFn, kind: Kind, name: str) -> Body:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": draw(_meta(kind, name)),
        **draw(kind.contents),
    }


@st.composite
def _selection(draw: st.DrawFn, kind: Kind, name: str) -> Body:
    found = dict(draw(st.sampled_from(_SELECTIONS)))
    if not kind.namespaced:
        found["labelSelector"] = ",".join(filter(None, (f"of={PLACE}", found.get("labelSelector"))))
    fields = [None, None, None, *(each.format(name) for each in _BY_NAME), *kind.fields]
    if chosen := draw(st.sampled_from(fields)):
        found["fieldSelector"] = chosen
    return found


def _labelled(options: Body | None, label: str) -> Body | None:
    """The options of a deletion, about the object of the label."""
    if options is None or "preconditions" not in options:
        return options
    wanted = {key: value.replace("LABEL", label) for key, value in options["preconditions"].items()}
    return {**options, "preconditions": wanted}


@st.composite
def _request(draw: st.DrawFn, kinds: tuple[Kind, ...]) -> list[Ask]:
    kind = draw(st.sampled_from(kinds))
    name = kind.name(draw(st.sampled_from(_NAMES)))
    collection = kind.path
    path, label = f"{collection}/{name}", f"{kind.plural}-{name.removeprefix(f'{PLACE}-')}"
    options = draw(_OPTIONS)
    verb = draw(st.sampled_from(_VERBS))
    match verb:
        case "create":
            return [post(collection, draw(_body(kind, name)), **options).named(label)]
        case "generate":
            body = draw(_body(kind, name))
            prefix = f"{body['metadata'].pop('name')}{draw(st.sampled_from(['g-', 'long' * 16]))}"
            body["metadata"]["generateName"] = prefix
            return [post(collection, body, **options).named(label)]
        case "put":
            body = draw(_body(kind, name))
            version = draw(st.sampled_from([None, f"$rv({label})", f"$rv({label})", "1"]))
            if version:
                body["metadata"]["resourceVersion"] = version
            if draw(st.integers(0, 5)) == 0:
                body["metadata"]["uid"] = draw(st.sampled_from([f"$uid({label})", "no"]))
            return [put(path, body, **options).named(label)]
        case "apply":
            options.pop("fieldManager", None)
            if draw(st.booleans()):
                options["force"] = draw(st.sampled_from(["true", "true", "true", "false"]))
            manager = draw(st.sampled_from(["m1", "m2", "kubectl", "kubectl", ""]))
            body = draw(_body(kind, name))
            if kind.status and draw(st.integers(0, 7)) == 0:
                body.update(draw(st.sampled_from(kind.status)))
            if draw(st.integers(0, 9)) == 0:
                body["metadata"]["resourceVersion"] = draw(st.sampled_from([f"$rv({label})", "1"]))
            return [apply(path, body, manager, **options).named(label)]
        case "merge":
            patch = draw(st.one_of(kind.patches, st.sampled_from(_meta_patches(kind))))
            return [merge(path, patch, **options).named(label)]
        case "strategic":
            patch = draw(st.one_of(kind.patches, st.sampled_from(_meta_patches(kind))))
            return [strategic(path, patch, **options).named(label)]
        case "json":
            return [json_patch(path, draw(_operations()), **options).named(label)]
        case "status" if kind.status:
            return [draw(_status_request(kind, path, name, options)).named(label)]
        case "scale" if kind.scale:
            return [draw(_scale_request(path, name, options))]
        case "more" if kind.more:
            return [draw(st.sampled_from(kind.more(path, name)))]
        case "delete":
            return [delete(path, _labelled(draw(_DELETES), label))]
        case "delete query":
            return [delete(path, None, **draw(_DELETE_QUERIES))]
        case "collection":
            given = _labelled(draw(_DELETES), label)
            return [delete(collection, given, **draw(_selection(kind, name)))]
        case "list":
            return [get(collection, **draw(_selection(kind, name)))]
        case "page" if kind.plural not in _HAS_MORE:
            selection = draw(_selection(kind, name))
            first = get(collection, limit=1, **selection).named(f"{kind.plural}-page")
            token = {"continue": f"$continue({kind.plural}-page)"}
            again = Ask("GET", query(collection, {"limit": draw(st.sampled_from([1, 2])), **token}))
            return draw(st.sampled_from([[first], [first, again], [again.named(f"{kind.plural}-page")]]))
        case "at":
            return draw(_older_list(kind, label))
        case "form":
            return [draw(_in_form(kind, path, name, draw(st.booleans())))]
        case _:
            return [get(path)]


@st.composite
def _status_request(draw: st.DrawFn, kind: Kind, path: str, name: str, options: Body) -> Ask:
    patch = draw(st.sampled_from(kind.status))
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}, **patch}
    match draw(st.integers(0, 7)):
        case 0 | 1 | 2:
            return merge(f"{path}/status", patch, **options)
        case 3:
            return strategic(f"{path}/status", patch, **options)
        case 4:
            return put(f"{path}/status", draw(st.one_of(st.just(body), _body(kind, name))), **options)
        case 5:
            return json_patch(f"{path}/status", draw(_operations()), **options)
        case 6:
            return get(f"{path}/status")
        case _:
            options.pop("fieldManager", None)
            return apply(f"{path}/status", body, draw(st.sampled_from(["st", "m1"])), **options)


@st.composite
def _scale_request(draw: st.DrawFn, path: str, name: str, options: Body) -> Ask:
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": name}}
    replicas = {"spec": {"replicas": draw(st.sampled_from([4, 5, -1]))}}
    match draw(st.integers(0, 6)):
        case 0 | 1:
            return merge(f"{path}/scale", replicas, **options)
        case 2:
            return get(f"{path}/scale")
        case 3:
            return put(f"{path}/scale", {**scale, **replicas}, **options)
        case 4:
            stale = {**scale, "metadata": {"name": name, "resourceVersion": "1"}, **replicas}
            return put(f"{path}/scale", stale, **options)
        case 5:
            return strategic(f"{path}/scale", replicas, **options)
        case _:
            options.pop("fieldManager", None)
            manager = draw(st.sampled_from(["scaler", "m1"]))
            return apply(f"{path}/scale", {**scale, **replicas}, manager, **options)


@st.composite
def _older_list(draw: st.DrawFn, kind: Kind, label: str) -> list[Ask]:
    """A list at a version, or one that may be old: before it the real server's caches are brought up."""
    version = draw(st.sampled_from(["$rv(start)", "$rv(start)", f"$rv({label})", "0"]))
    match = draw(st.sampled_from(["Exact", "NotOlderThan", None]))
    options: Body = {"resourceVersion": version}
    if match:
        options["resourceVersionMatch"] = match
    if draw(st.integers(0, 3)) == 0:
        options["limit"] = 1
    own = {} if kind.namespaced else {"labelSelector": f"of={PLACE}"}
    return [get(kind.path, **own), get(kind.path, **options, **own)]


@st.composite
def _in_form(draw: st.DrawFn, kind: Kind, path: str, name: str, whole: bool) -> Ask:
    """A read, a write or a list whose answer is a table or metadata."""
    if whole:
        accept = draw(st.sampled_from([_TABLE, _PARTIAL_LIST]))
        options = draw(_selection(kind, name))
        if accept is _TABLE and draw(st.booleans()):
            options["includeObject"] = draw(st.sampled_from(["None", "Object", "Metadata"]))
        return replace(get(kind.path, **options), accept=accept)
    accept = draw(st.sampled_from([_TABLE, _PARTIAL]))
    asks = (
        get(path),
        merge(path, {"metadata": {"annotations": {"f": "1"}}}),
        delete(path, {"propagationPolicy": "Background"}),
    )
    return replace(draw(st.sampled_from(asks)), accept=accept)


@st.composite
def _operations(draw: st.DrawFn) -> list[Body]:
    return draw(
        st.lists(
            st.sampled_from(
                [
                    {"op": "add", "path": "/metadata/labels", "value": {"l": "1"}},
                    {"op": "add", "path": "/metadata/labels/l", "value": "2"},
                    {"op": "remove", "path": "/metadata/labels"},
                    {"op": "replace", "path": "/metadata/annotations", "value": {"q": "1"}},
                    {"op": "add", "path": "/data", "value": {"x": "5"}},
                    {"op": "test", "path": "/metadata/name", "value": "a"},
                    {"op": "replace", "path": "/spec/replicas", "value": 4},
                    {"op": "copy", "from": "/metadata/name", "path": "/metadata/labels/l"},
                    {"op": "move", "from": "/metadata/labels", "path": "/metadata/annotations"},
                    {"op": "add", "path": "/metadata/finalizers", "value": ["a.b/c"]},
                    {"op": "add", "path": "/metadata/finalizers/-", "value": "d.e/f"},
                    {"op": "remove", "path": "/metadata/finalizers/0"},
                    {"op": "remove", "path": "/metadata/finalizers"},
                    {"op": "add", "path": "/spec/color", "value": "red"},
                    {"op": "add", "path": "/status", "value": {}},
                    {"op": "remove", "path": "/status"},
                    {"op": "add", "path": "/status/replicas", "value": 1},
                    {"op": "remove", "path": "/spec"},
                    {"op": "replace", "path": "", "value": {}},
                    {"op": "remove", "path": "/metadata/resourceVersion"},
                ]
            ),
            min_size=1,
            max_size=3,
        )
    )


def _once_generated(asked: list[Ask]) -> list[Ask]:
    """Of several that generate a name from one prefix, the first: the order of their names is dice."""
    seen: set[tuple[str, str]] = set()
    kept: list[Ask] = []
    for ask in asked:
        meta = ask.body.get("metadata") if isinstance(ask.body, dict) else None
        prefix = meta.get("generateName") if isinstance(meta, dict) and ask.method == "POST" else None
        if prefix is None or (ask.path.partition("?")[0], prefix) not in seen:
            kept.append(ask)
        if prefix is not None:
            seen.add((ask.path.partition("?")[0], prefix))
    return kept


_NAMESPACE_ENDS = (
    [],
    [],
    [],
    [delete(f"/api/v1/namespaces/{PLACE}")],
    [
        delete(f"/api/v1/namespaces/{PLACE}"),
        put(
            f"/api/v1/namespaces/{PLACE}/finalize",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLACE}, "spec": {}},
        ),
        # The real server's admission hears of it a moment later.
        Ask("UNTIL", f"/api/v1/namespaces/{PLACE}/configmaps?dryRun=All", {}, label="not found"),
    ],
)


def _watching(kind: Kind, selection: Body) -> tuple[Ask, ...]:
    since = {"resourceVersion": "$rv(start)", **selection}
    initial = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", **selection}
    return (
        watch(kind.path, **since),
        watch(kind.path, **since),
        watch(kind.path, **since),
        replace(watch(kind.path, **since), accept=_TABLE),
        replace(watch(kind.path, **since), accept=_PARTIAL),
        watch(kind.path, allowWatchBookmarks="true", **initial),
        watch(kind.path, resourceVersion="0", **selection),
    )


@st.composite
def sequences(draw: st.DrawFn, length: int, *, watches: bool = True) -> list[Ask]:
    """Requests about objects of up to four kinds, and what lists and watches of them tell afterwards.

    In some the namespace is deleted in between, with what is in it. `$PLACE` stands for it.
    """
    rich = st.lists(st.sampled_from(RICH), min_size=1, max_size=3, unique_by=id)
    some = st.lists(st.sampled_from(KINDS), min_size=1, max_size=4, unique_by=id)
    kinds = tuple(draw(st.one_of(rich, some)))
    made = [
        post(kind.path, draw(_body(kind, kind.name(name)))).named(f"{kind.plural}-{name}")
        for kind in kinds
        for name in _NAMES
        if draw(st.booleans())
    ]
    asked = [
        each for several in draw(st.lists(_request(kinds), min_size=1, max_size=length)) for each in several
    ]
    if end := draw(st.sampled_from(_NAMESPACE_ENDS)):
        place = draw(st.integers(0, len(asked)))
        asked[place:place] = end
    asked = _once_generated([*made, *asked])
    first = get(f"/api/v1/namespaces/{PLACE}/configmaps").named("start")
    touched = [kind for kind in kinds if any(f"/{kind.plural}" in ask.path for ask in asked)]
    own = [{} if kind.namespaced else {"labelSelector": f"of={PLACE}"} for kind in touched]
    lists = [get(kind.path, **selection) for kind, selection in zip(touched, own, strict=True)]
    if not watches:
        return [first, *asked, *lists]
    watched = [
        draw(st.sampled_from(_watching(kind, draw(_selection(kind, kind.name("a")))))) for kind in touched
    ]
    return [first, *asked, *lists, *watched]


def placed(ask: Ask, namespace: str) -> Ask:
    """The request in a namespace."""
    return replace(ask, path=ask.path.replace(PLACE, namespace), body=_placed(ask.body, namespace))


def _placed(value: Any, namespace: str) -> Any:
    if isinstance(value, dict):
        return {key: _placed(inner, namespace) for key, inner in value.items()}
    if isinstance(value, list):
        return [_placed(item, namespace) for item in value]
    return value.replace(PLACE, namespace) if isinstance(value, str) else value
