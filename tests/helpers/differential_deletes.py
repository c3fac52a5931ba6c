"""Questions about the options of writes, and about deletion."""

from __future__ import annotations

import copy

from helpers.differential import (
    JSON_PATCH,
    MERGE,
    Ask,
    apply,
    delete,
    get,
    json_patch,
    merge,
    post,
    put,
    strategic,
)
from helpers.differential_cases import deployment, pod
from helpers.differential_storage import config_map
from helpers.differential_writes import Body, container, named

_DRY = "writes: dry run"
_MANAGER = "writes: fieldManager"
_STRICT = "writes: fieldValidation Strict"
_WARN = "writes: fieldValidation Warn"
_IGNORE = "writes: fieldValidation Ignore"
_PRECONDITIONS = "writes: preconditions"
_FINALIZERS = "writes: finalizers"
_GRACE = "writes: grace period"
_PROPAGATION = "writes: propagation"
_COLLECTION = "writes: deletecollection"


def cases(namespace: str) -> dict[str, list[Ask]]:
    core = f"/api/v1/namespaces/{namespace}"
    maps = f"{core}/configmaps"
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    web = f"{deployments}/web"
    return {
        **_options(maps, web, deployments),
        **_deleting(maps, f"{core}/pods", web, deployments, f"{core}/secrets", core),
    }


def _options(maps: str, web: str, deployments: str) -> dict[str, list[Ask]]:
    a = f"{maps}/a"
    unknown = {**config_map("u", x="1"), "unknown": {"deep": 1}}
    twice = b'{"metadata":{"name":"t"},"data":{"a":"1","a":"2"},"data":{"b":"3"}}'
    nested = deployment("n", nonsense=1)
    nested["spec"]["template"]["spec"]["containers"][0]["wrong"] = True
    nested["metadata"]["typo"] = "x"
    return {
        "writes: dry run": [
            post(maps, config_map("d", x="1"), dryRun="All").good(_DRY),
            get(f"{maps}/d"),
            post(maps, config_map("a", x="1")).named("a"),
            post(maps, config_map("a", x="1"), dryRun="All").bad(_DRY),
            put(a, config_map("a", x="2"), dryRun="All").good(_DRY),
            merge(a, {"data": {"x": "3"}}, dryRun="All").good(_DRY),
            apply(a, config_map("a", x="4"), "one", dryRun="All", force="true").good(_DRY),
            apply(f"{maps}/n", config_map("n"), "one", dryRun="All").good(_DRY),
            delete(a, dryRun="All").good(_DRY),
            delete(a, {"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}).good(_DRY),
            delete(maps, dryRun="All").good(_DRY),
            get(a).good(_DRY),
            post(maps, config_map("d"), dryRun="Some").bad(_DRY),
            put(a, config_map("a"), dryRun="Some").bad(_DRY),
            merge(a, {}, dryRun="Some").bad(_DRY),
            delete(a, dryRun="Some").bad(_DRY),
            delete(a, {"dryRun": ["Some"]}).bad(_DRY),
            Ask("POST", f"{maps}?dryRun=All&dryRun=All", config_map("d")),
            Ask("POST", f"{maps}?dryRun=All&dryRun=x", config_map("d")).bad(_DRY),
            Ask("POST", f"{maps}?dryRun=", config_map("d")),
        ],
        "writes: fieldManager": [
            post(maps, config_map("a", x="1"), fieldManager="first").good(_MANAGER),
            put(a, config_map("a", x="2"), fieldManager="second").good(_MANAGER),
            merge(a, {"data": {"y": "1"}}, fieldManager="third").good(_MANAGER),
            merge(a, {"data": {"y": "1"}}, fieldManager="fourth").good(_MANAGER),
            json_patch(a, [{"op": "remove", "path": "/data/y"}], fieldManager="fifth").good(_MANAGER),
            merge(a, {"data": {"y": "2"}}, fieldManager="x" * 128).good(_MANAGER),
            merge(a, {"data": {"y": "2"}}, fieldManager="x" * 129).bad(_MANAGER),
            merge(a, {"data": {"y": "2"}}, fieldManager="x\x01y").bad(_MANAGER),
            post(maps, config_map("b"), fieldManager="\x7f").bad(_MANAGER),
            put(a, config_map("a", x="3"), fieldManager="é").good(_MANAGER),
            get(a),
        ],
        "writes: fieldValidation": [
            post(maps, unknown, fieldValidation="Strict").bad(_STRICT),
            post(maps, config_map("u", x="1"), fieldValidation="Strict").good(_STRICT),
            put(f"{maps}/u", unknown, fieldValidation="Strict").bad(_STRICT),
            merge(f"{maps}/u", {"unknown": 1}, fieldValidation="Strict").bad(_STRICT),
            json_patch(
                f"{maps}/u", [{"op": "add", "path": "/unknown", "value": 1}], fieldValidation="Strict"
            ).bad(_STRICT),
            strategic(f"{maps}/u", {"unknown": 1}, fieldValidation="Strict"),
            apply(f"{maps}/u", {**config_map("u"), "unknown": 1}, "x", fieldValidation="Strict").bad(_STRICT),
            apply(f"{maps}/u", {**config_map("u"), "unknown": 1}, "x", fieldValidation="Ignore"),
            post(maps, twice, fieldValidation="Strict").bad(_STRICT),
            post(deployments, nested, fieldValidation="Strict").bad(_STRICT),
            Ask("PATCH", f"{maps}/u?fieldValidation=Strict", b'{"data":{"a":"1","a":"2"}}', MERGE).bad(
                _STRICT
            ),
            post(maps, named(unknown, name="u2"), fieldValidation="Warn").bad(_WARN),
            post(maps, named(unknown, name="u3")).bad(_WARN),
            post(maps, twice, fieldValidation="Warn").bad(_WARN),
            put(f"{maps}/u", unknown, fieldValidation="Warn").bad(_WARN),
            merge(f"{maps}/u", {"unknown": 1, "data": {"q": "1"}}, fieldValidation="Warn").bad(_WARN),
            Ask("PATCH", f"{maps}/u?fieldValidation=Warn", b'{"data":{"a":"1","a":"2"}}', MERGE).bad(_WARN),
            strategic(f"{maps}/u", {"unknown": 1}, fieldValidation="Warn"),
            json_patch(f"{maps}/u", [{"op": "add", "path": "/unknown", "value": 1}]).bad(_WARN),
            Ask(
                "PATCH", f"{maps}/u", b'[{"op":"add","path":"/data/z","value":"1","nonsense":2}]', JSON_PATCH
            ),
            Ask(
                "PATCH",
                f"{maps}/u?fieldValidation=Strict",
                b'[{"op":"add","path":"/data/z","value":"1","nonsense":2}]',
                JSON_PATCH,
            ),
            post(deployments, nested, fieldValidation="Warn").bad(_WARN),
            post(maps, named(unknown, name="u4"), fieldValidation="Ignore").good(_IGNORE),
            put(f"{maps}/u", unknown, fieldValidation="Ignore").good(_IGNORE),
            merge(f"{maps}/u", {"unknown": 1}, fieldValidation="Ignore").good(_IGNORE),
            post(maps, config_map("u5"), fieldValidation="Nonsense").bad(_STRICT),
            merge(f"{maps}/u", {}, fieldValidation="strict").bad(_STRICT),
            Ask(
                "POST",
                f"{maps}?fieldValidation=Strict",
                b"metadata: {name: y}\nfoo: 1\nfoo: 2\n",
                "application/yaml",
            ).bad(_STRICT),
            Ask(
                "POST",
                f"{maps}?fieldValidation=Warn",
                b"metadata: {name: y}\nfoo: 1\ndata: {a: b, a: c}\n",
                "application/yaml",
            ).bad(_WARN),
        ],
    }


def _deleting(
    maps: str, pods: str, web: str, deployments: str, secrets: str, core: str
) -> dict[str, list[Ask]]:
    held = named(config_map("h"), finalizers=["a.b/c"])
    h = f"{maps}/h"
    bound = pod("q", nodeName="n1", terminationGracePeriodSeconds=20)
    preconditions: Body = {"kind": "DeleteOptions", "apiVersion": "v1"}
    return {
        "writes: generation and status": [
            post(deployments, {**deployment(), "status": {"replicas": 5}}).good(
                "writes: generation", "writes: status"
            ),
            merge(web, {"metadata": {"labels": {"x": "y"}}}).good("writes: generation"),
            merge(web, {"metadata": {"annotations": {"x": "y"}}}).good("writes: generation"),
            merge(web, {"spec": {"replicas": 4}}).good("writes: generation"),
            merge(web, {"status": {"replicas": 4}}).good("writes: generation", "writes: status"),
            merge(
                f"{web}/status",
                {"status": {"replicas": 4}, "spec": {"replicas": 9}, "metadata": {"labels": {"q": "r"}}},
            ).good("writes: status"),
            merge(f"{web}/status", {"status": {"replicas": -4}}).bad("writes: status"),
            merge(f"{web}/status", {"metadata": {"annotations": {"st": "1"}, "finalizers": ["a.b/c"]}}).good(
                "writes: status"
            ),
            merge(web, {"metadata": {"generation": 99}}).good("writes: generation"),
            merge(web, {"metadata": {"generation": -1}}),
            put(web, named(deployment(), generation=-5)),
            post(deployments, named(deployment("g"), generation=-1)),
            put(f"{web}/status", {**deployment(), "status": {"observedGeneration": 1}}).good(
                "writes: status"
            ),
            put(f"{deployments}/none/status", deployment("none")).bad("writes: status"),
            post(f"{web}/status", deployment()).bad("writes: status"),
            delete(f"{web}/status").bad("writes: status"),
            get(f"{web}/status").good("writes: status"),
            get(f"{maps}/x/status").bad("writes: status"),
            post(deployments, named(deployment("gb"), generation="x")).bad("writes: generation"),
            get(web),
        ],
        "writes: preconditions": [
            post(maps, config_map("a")).named("a"),
            delete(f"{maps}/a", {**preconditions, "preconditions": {"uid": "x"}}).bad(_PRECONDITIONS),
            delete(f"{maps}/a", {**preconditions, "preconditions": {"resourceVersion": "1"}}).bad(
                _PRECONDITIONS
            ),
            delete(
                f"{maps}/a", {**preconditions, "preconditions": {"uid": "$uid(a)", "resourceVersion": "1"}}
            ).bad(_PRECONDITIONS),
            delete(
                f"{maps}/a",
                {**preconditions, "preconditions": {"uid": "$uid(a)", "resourceVersion": "$rv(a)"}},
            ).good(_PRECONDITIONS),
            post(maps, config_map("a")).named("a"),
            delete(f"{maps}/a", {"preconditions": {"resourceVersion": "$rv(a)"}}).good(_PRECONDITIONS),
            delete(f"{maps}/a", {"preconditions": {"uid": "x"}}).bad(_PRECONDITIONS),
            post(maps, held).named("h"),
            delete(h, {"preconditions": {"uid": "$uid(h)"}}).good(_PRECONDITIONS),
            delete(h, {"preconditions": {"resourceVersion": "$rv(h)"}}).bad(_PRECONDITIONS),
            delete(h, {"preconditions": "x"}).bad(_PRECONDITIONS),
            delete(h, {"kind": "Nonsense", "apiVersion": "v1"}),
            delete(h, {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"}),
            delete(h, {"kind": "DeleteOptions", "apiVersion": "apps/v1"}),
            delete(h, b"{"),
            delete(h, {"unknown": 1}),
        ],
        "writes: finalizers": [
            post(maps, held).good(_FINALIZERS),
            delete(h).good(_FINALIZERS),
            delete(h).good(_FINALIZERS),
            get(h),
            merge(h, {"data": {"x": "1"}}).good(_FINALIZERS),
            merge(h, {"metadata": {"finalizers": ["a.b/c", "d.e/f"]}}).bad(_FINALIZERS),
            merge(h, {"metadata": {"deletionTimestamp": None, "deletionGracePeriodSeconds": None}}).good(
                _FINALIZERS
            ),
            merge(h, {"metadata": {"deletionGracePeriodSeconds": 5}}),
            put(h, config_map("h"), dryRun="All"),
            merge(h, {"metadata": {"finalizers": None}}).good(_FINALIZERS),
            get(h).bad(_FINALIZERS),
            post(maps, held),
            apply(h, held, "f"),
            delete(h),
            apply(h, config_map("h"), "f"),
            apply(h, config_map("h"), "test", force="true"),
            merge(h, {"metadata": {"finalizers": []}}),
            post(deployments, named(deployment(), finalizers=["a.b/c"])),
            delete(web),
            merge(f"{web}/status", {"metadata": {"finalizers": None}}),
            merge(web, {"spec": {"replicas": 2}, "metadata": {"finalizers": None}}),
            get(web),
        ],
        "writes: grace period": [
            post(pods, pod("p")),
            delete(f"{pods}/p").good(_GRACE),
            post(pods, bound).named("q"),
            delete(f"{pods}/q").good(_GRACE),
            delete(f"{pods}/q", gracePeriodSeconds=50).good(_GRACE),
            delete(f"{pods}/q", gracePeriodSeconds=5).good(_GRACE),
            get(f"{pods}/q"),
            delete(f"{pods}/q", {"gracePeriodSeconds": 3}).good(_GRACE),
            delete(f"{pods}/q", gracePeriodSeconds=-1),
            delete(f"{pods}/q", gracePeriodSeconds=0).good(_GRACE),
            get(f"{pods}/q").bad(_GRACE),
            delete(f"{pods}/q", gracePeriodSeconds="x").bad(_GRACE),
            delete(f"{pods}/q", {"gracePeriodSeconds": "x"}).bad(_GRACE),
            post(pods, named(bound, finalizers=["a.b/c"])),
            delete(f"{pods}/q", gracePeriodSeconds=1).good(_GRACE),
            delete(f"{pods}/q", gracePeriodSeconds=0).good(_GRACE),
            merge(f"{pods}/q", {"metadata": {"finalizers": None}}),
            get(f"{pods}/q"),
            post(pods, named(pod("r"), finalizers=["a.b/c"])),
            delete(f"{pods}/r"),
            merge(f"{pods}/r", {"metadata": {"finalizers": None}}),
            post(maps, config_map("g")),
            delete(f"{maps}/g", gracePeriodSeconds=30).good(_GRACE),
            post(pods, bound),
            merge(f"{pods}/q/status", {"status": {"phase": "Succeeded"}}),
            delete(f"{pods}/q"),
        ],
        "writes: propagation": [
            *(
                ask
                for index, options in enumerate(
                    (
                        {"propagationPolicy": "Background"},
                        {"propagationPolicy": "Foreground"},
                        {"propagationPolicy": "Orphan"},
                        {"orphanDependents": True},
                        {"orphanDependents": False},
                    )
                )
                for ask in (
                    post(maps, config_map(f"p{index}")),
                    delete(f"{maps}/p{index}", options).good(_PROPAGATION),
                    get(f"{maps}/p{index}"),
                    delete(f"{maps}/p{index}", {"propagationPolicy": "Background"}),
                    delete(f"{maps}/p{index}", {"propagationPolicy": "Foreground"}),
                )
            ),
            post(maps, config_map("x")),
            delete(f"{maps}/x", propagationPolicy="Foreground").good(_PROPAGATION),
            delete(f"{maps}/x", propagationPolicy="Nonsense").bad(_PROPAGATION),
            delete(f"{maps}/x", {"propagationPolicy": "Nonsense"}).bad(_PROPAGATION),
            delete(f"{maps}/x", {"propagationPolicy": "Orphan", "orphanDependents": True}).bad(_PROPAGATION),
            delete(f"{maps}/x", {"propagationPolicy": "Orphan"}),
            merge(f"{maps}/x", {"metadata": {"finalizers": None}}),
            post(deployments, deployment()),
            delete(web, {"propagationPolicy": "Foreground"}).good(_PROPAGATION),
            merge(web, {"metadata": {"finalizers": None}}),
            post(f"/apis/batch/v1{core[7:]}/jobs", _job()),
            delete(f"/apis/batch/v1{core[7:]}/jobs/j").good(_PROPAGATION),
            get(f"/apis/batch/v1{core[7:]}/jobs/j"),
            post(f"{core}/replicationcontrollers", _controller()),
            delete(f"{core}/replicationcontrollers/r"),
            get(f"{core}/replicationcontrollers/r"),
        ],
        "writes: deletecollection": [
            *(post(maps, config_map(name, {"n": name})) for name in "abcd"),
            delete(maps, labelSelector="n in (a,b)").good(_COLLECTION),
            delete(maps, labelSelector="n in b").bad(_COLLECTION),
            delete(maps, fieldSelector="metadata.name=c").good(_COLLECTION),
            delete(maps, fieldSelector="x=c").bad(_COLLECTION),
            delete(maps, {"propagationPolicy": "Nonsense"}).bad(_COLLECTION),
            delete(maps, b"{").bad(_COLLECTION),
            delete("/api/v1/configmaps").bad(_COLLECTION),
            *(post(maps, config_map(name, {"n": name})) for name in "efgh"),
            delete(maps, limit=2).good(_COLLECTION),
            delete(maps, {"preconditions": {"uid": "x"}}),
            delete(maps, {"propagationPolicy": "Foreground"}).good(_COLLECTION),
            get(maps),
            delete(secrets).good(_COLLECTION),
            delete(f"{core}/services").good(_COLLECTION),
            delete(maps),
            post(pods, pod("p")),
            post(pods, pod("q", nodeName="n")),
            delete(pods).good(_COLLECTION),
            delete(pods, gracePeriodSeconds=0).good(_COLLECTION),
            get(pods),
        ],
    }


def _job() -> Body:
    template = {"spec": {"restartPolicy": "Never", "containers": [container("c")]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {"template": template},
    }


def _controller() -> Body:
    template = copy.deepcopy(deployment()["spec"]["template"])
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "r", "finalizers": ["a.b/c"]},
        "spec": {"replicas": 0, "selector": {"a": "b"}, "template": template},
    }
