"""Drawn sequences of requests over a few objects of several kinds."""

from __future__ import annotations

from dataclasses import dataclass
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
from hypothesis import strategies as st

Body = dict[str, Any]

WIDGETS: Body = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.drawn.example.com"},
    "spec": {
        "group": "drawn.example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {
                    "status": {},
                    "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
                },
                "selectableFields": [{"jsonPath": ".spec.color"}],
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "replicas": {"type": "integer", "minimum": 0, "default": 1},
                                    "color": {"type": "string", "enum": ["red", "blue"]},
                                    "parts": {
                                        "type": "array",
                                        "x-kubernetes-list-type": "map",
                                        "x-kubernetes-list-map-keys": ["name"],
                                        "items": {
                                            "type": "object",
                                            "required": ["name"],
                                            "properties": {
                                                "name": {"type": "string"},
                                                "size": {"type": "integer", "maximum": 9},
                                            },
                                        },
                                    },
                                    "tags": {
                                        "type": "array",
                                        "x-kubernetes-list-type": "set",
                                        "items": {"type": "string"},
                                    },
                                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                },
                            },
                            "status": {
                                "type": "object",
                                "properties": {"replicas": {"type": "integer"}, "phase": {"type": "string"}},
                            },
                        },
                    }
                },
            }
        ],
    },
}


@dataclass(frozen=True)
class Kind:
    """A kind that is drawn from.

    Attributes:
        path: of its collection, below the namespace's.
        contents: what an object has beside its metadata.
        patches: merge patches of it.
        status: merge patches of its status; empty where it has none.
        scale: it has a scale.
    """

    api_version: str
    kind: str
    plural: str
    contents: st.SearchStrategy[Body]
    patches: st.SearchStrategy[Body]
    status: tuple[Body, ...] = ()
    scale: bool = False
    strategic: bool = True

    def path(self, namespace: str) -> str:
        root = "/api/v1" if self.api_version == "v1" else f"/apis/{self.api_version}"
        return f"{root}/namespaces/{namespace}/{self.plural}"


_TEXTS = st.sampled_from(["1", "2", ""])
_DATA = st.dictionaries(st.sampled_from(["x", "y"]), _TEXTS, max_size=2)
_IMAGES = st.sampled_from(["nginx:1", "nginx:2"])
_ENV = st.lists(
    st.builds(lambda name, value: {"name": name, "value": value}, st.sampled_from(["A", "B"]), _TEXTS),
    max_size=2,
    unique_by=lambda each: each["name"],
)
_NAMES = ("a", "b")


@st.composite
def _deployment(draw: st.DrawFn) -> Body:
    container: Body = {"name": draw(st.sampled_from(["c", "d"])), "image": draw(_IMAGES)}
    if env := draw(_ENV):
        container["env"] = env
    spec: Body = {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}},
    }
    replicas = draw(st.sampled_from([None, 1, 2, -1]))
    if replicas is not None:
        spec["replicas"] = replicas
    if draw(st.booleans()):
        spec["strategy"] = draw(st.sampled_from([{"type": "Recreate"}, {"type": "RollingUpdate"}, {}]))
    return {"spec": spec}


_WIDGET = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.sampled_from([0, 3, -1, "x"]),
        "color": st.sampled_from(["red", "blue", "green"]),
        "parts": st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(["p", "q"])}, optional={"size": st.sampled_from([1, 2, 99])}
            ),
            max_size=2,
        ),
        "tags": st.lists(st.sampled_from(["s", "t"]), max_size=2),
        "free": st.sampled_from([{}, {"deep": {"er": 1}}, {"list": [1]}]),
        "unknown": st.just(1),
    },
).map(lambda spec: {"spec": spec})

KINDS = (
    Kind(
        "v1",
        "ConfigMap",
        "configmaps",
        _DATA.map(lambda data: {"data": data}),
        st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "3", None]), max_size=2).map(
            lambda data: {"data": data}
        ),
    ),
    Kind(
        "v1",
        "Secret",
        "secrets",
        _DATA.map(lambda data: {"stringData": data}),
        st.sampled_from(
            [
                {"data": {"x": "AAA="}},
                {"stringData": {"y": "9"}},
                {"data": None},
                {"type": "t"},
                {"immutable": True},
                {"data": {"x": "not base64"}},
            ]
        ),
    ),
    Kind(
        "apps/v1",
        "Deployment",
        "deployments",
        _deployment(),
        st.sampled_from(
            [
                {"spec": {"replicas": 3}},
                {"spec": {"replicas": None}},
                {"spec": {"paused": True}},
                {"spec": {"template": {"metadata": {"annotations": {"t": "1"}}}}},
                {
                    "spec": {
                        "template": {
                            "spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "z"}]}]}
                        }
                    }
                },
                {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}},
                {"spec": {"selector": None}},
            ]
        ),
        status=(
            {"status": {"replicas": 1}},
            {"status": {"observedGeneration": 2, "readyReplicas": 3}},
            {"status": {"conditions": [{"type": "Available", "status": "True"}]}},
            {"status": None},
        ),
        scale=True,
    ),
    Kind(
        "v1",
        "Service",
        "services",
        st.sampled_from(
            [
                {"spec": {"clusterIP": "None", "selector": {"a": "b"}, "ports": [{"port": 80}]}},
                {
                    "spec": {
                        "clusterIP": "None",
                        "selector": {"a": "b"},
                        "ports": [{"port": 80, "name": "w"}, {"port": 81, "name": "x"}],
                    }
                },
                {"spec": {"type": "ExternalName", "externalName": "example.com"}},
                {"spec": {"clusterIP": "None", "selector": {"a": "b"}, "ports": [{"port": 0}]}},
            ]
        ),
        st.sampled_from(
            [
                {"spec": {"selector": {"a": "c"}}},
                {"spec": {"ports": [{"port": 82, "name": "y"}]}},
                {"spec": {"sessionAffinity": "ClientIP"}},
                {"spec": {"publishNotReadyAddresses": True}},
                {"spec": {"ports": None}},
            ]
        ),
        status=(
            {"status": {"conditions": []}},
            {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}},
        ),
    ),
    Kind(
        "coordination.k8s.io/v1",
        "Lease",
        "leases",
        st.sampled_from(
            [
                {},
                {"spec": {"holderIdentity": "m"}},
                {"spec": {"leaseDurationSeconds": 5}},
                {"spec": {"leaseDurationSeconds": -5}},
            ]
        ),
        st.sampled_from(
            [
                {"spec": {"holderIdentity": "n"}},
                {"spec": {"leaseTransitions": 1}},
                {"spec": {"leaseTransitions": -1}},
                {"spec": None},
            ]
        ),
    ),
    Kind(
        "drawn.example.com/v1",
        "Widget",
        "widgets",
        _WIDGET,
        st.sampled_from(
            [
                {"spec": {"color": "blue"}},
                {"spec": {"color": None}},
                {"spec": {"color": 5}},
                {"spec": {"parts": [{"name": "r", "size": 3}]}},
                {"spec": {"free": {"k": [1]}}},
                {"spec": None},
                {"status": {"phase": "x"}},
                {"extra": 1},
            ]
        ),
        status=(
            {"status": {"phase": "Ready"}},
            {"status": {"replicas": 2}},
            {"status": {"phase": 1}},
            {"status": {"phase": "Done"}, "spec": {"color": "blue"}},
        ),
        scale=True,
        strategic=False,
    ),
)

_LABELS = st.sampled_from([None, {"l": "1"}, {"l": "2", "m": "1"}, {"bad label": "x"}])
_META_PATCHES = (
    {"metadata": {"labels": {"l": "2"}}},
    {"metadata": {"labels": None}},
    {"metadata": {"annotations": {"n": "1"}}},
    {"metadata": {"finalizers": ["a.b/c"]}},
    {"metadata": {"finalizers": None}},
    {"metadata": {"resourceVersion": "1"}},
)
_OPTIONS: st.SearchStrategy[Body] = st.fixed_dictionaries(
    {},
    optional={
        "fieldManager": st.sampled_from(["m1", "m2"]),
        "fieldValidation": st.sampled_from(["Strict", "Ignore"]),
        "dryRun": st.just("All"),
    },
)
_SELECTIONS = st.sampled_from(
    [
        {},
        {"labelSelector": "l=1"},
        {"labelSelector": "l!=1"},
        {"labelSelector": "!m"},
        {"fieldSelector": "metadata.name=a"},
        {"fieldSelector": "metadata.name!=a"},
    ]
)
_DELETES = st.sampled_from(
    [
        None,
        {"propagationPolicy": "Background"},
        {"propagationPolicy": "Orphan"},
        {"propagationPolicy": "Foreground"},
        {"gracePeriodSeconds": 0},
        {"preconditions": {"uid": "no"}},
        {"dryRun": ["All"]},
    ]
)


@st.composite
def _body(draw: st.DrawFn, kind: Kind, name: str) -> Body:
    body: Body = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name},
        **draw(kind.contents),
    }
    if labels := draw(_LABELS):
        body["metadata"]["labels"] = labels
    if draw(st.integers(0, 9)) == 0:
        body["metadata"]["finalizers"] = ["a.b/c"]
    return body


@st.composite
def _request(draw: st.DrawFn, namespace: str) -> Ask:
    kind = draw(st.sampled_from(KINDS))
    name = draw(st.sampled_from(_NAMES))
    collection = kind.path(namespace)
    path, label = f"{collection}/{name}", f"{kind.plural}-{name}"
    options = draw(_OPTIONS)
    verb = draw(
        st.sampled_from(
            [
                "create",
                "create",
                "apply",
                "apply",
                "apply",
                "put",
                "merge",
                "merge",
                "strategic",
                "json",
                "status",
                "scale",
                "delete",
                "delete",
                "collection",
                "get",
                "list",
                "page",
                "at",
            ]
        )
    )
    match verb:
        case "create":
            return post(collection, draw(_body(kind, name)), **options).named(label)
        case "put":
            body = draw(_body(kind, name))
            version = draw(st.sampled_from([None, f"$rv({label})", "1"]))
            if version:
                body["metadata"]["resourceVersion"] = version
            return put(path, body, **options).named(label)
        case "apply":
            options.pop("fieldManager", None)
            if draw(st.booleans()):
                options["force"] = "true"
            manager = draw(st.sampled_from(["m1", "m2", "kubectl"]))
            return apply(path, draw(_body(kind, name)), manager, **options).named(label)
        case "merge":
            patch = draw(st.one_of(kind.patches, st.sampled_from(_META_PATCHES)))
            return merge(path, patch, **options).named(label)
        case "strategic":
            patch = draw(st.one_of(kind.patches, st.sampled_from(_META_PATCHES)))
            return strategic(path, patch, **options).named(label)
        case "json":
            return json_patch(path, draw(_operations()), **options).named(label)
        case "status" if kind.status:
            patch = draw(st.sampled_from(kind.status))
            if draw(st.booleans()):
                return merge(f"{path}/status", patch, **options).named(label)
            options.pop("fieldManager", None)
            body = {
                "apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}, **patch,
            }  # fmt: skip
            return apply(f"{path}/status", body, "st", **options).named(label)
        case "scale" if kind.scale:
            replicas = draw(st.sampled_from([0, 5, -1]))
            return merge(f"{path}/scale", {"spec": {"replicas": replicas}}, **options)
        case "delete":
            return delete(path, draw(_DELETES))
        case "collection":
            return delete(collection, draw(_DELETES), **draw(_SELECTIONS))
        case "list":
            return get(collection, **draw(_SELECTIONS))
        case "page":
            first = get(collection, limit=1, **draw(_SELECTIONS)).named(f"{kind.plural}-page")
            again = Ask("GET", query(collection, {"limit": 1, "continue": f"$continue({kind.plural}-page)"}))
            return draw(st.sampled_from([first, first, again]))
        case "at":
            match = draw(st.sampled_from(["Exact", "NotOlderThan"]))
            return get(collection, resourceVersion="$rv(start)", resourceVersionMatch=match)
        case _:
            return get(path)


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
                    {"op": "add", "path": "/metadata/finalizers", "value": ["a.b/c"]},
                    {"op": "remove", "path": "/metadata/finalizers"},
                    {"op": "add", "path": "/spec/color", "value": "red"},
                ]
            ),
            min_size=1,
            max_size=3,
        )
    )


@st.composite
def sequences(draw: st.DrawFn, namespace: str, length: int) -> list[Ask]:
    """Requests about objects in a namespace, and what watches of all of it tell afterwards."""
    asked = draw(st.lists(_request(namespace), min_size=1, max_size=length))
    first = get(f"/api/v1/namespaces/{namespace}/configmaps").named("start")
    touched = [kind for kind in KINDS if any(f"/{kind.plural}" in ask.path for ask in asked)]
    lists = [get(kind.path(namespace)) for kind in touched]
    watches = [
        watch(kind.path(namespace), resourceVersion="$rv(start)", **draw(_SELECTIONS)) for kind in touched
    ]
    return [first, *asked, *lists, *watches]
