"""Questions about writes: create, update, patches."""

from __future__ import annotations

from typing import Any

from helpers.differential import JSON_PATCH, MERGE, Ask, get, json_patch, merge, post, put, strategic
from helpers.differential_cases import deployment, pod
from helpers.differential_storage import config_map

Body = dict[str, Any]
_JSON = "writes: json patch"
_MERGE = "writes: merge patch"
_STRATEGIC = "writes: strategic merge patch"


def named(body: Body, **metadata: Any) -> Body:
    return {**body, "metadata": {**body["metadata"], **metadata}}


def container(name: str, image: str = "nginx:1", **more: Any) -> Body:
    return {"name": name, "image": image, **more}


def cases(namespace: str) -> dict[str, list[Ask]]:
    core = f"/api/v1/namespaces/{namespace}"
    maps = f"{core}/configmaps"
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    return {
        **_creating(maps, leases, core),
        **_patching(maps, f"{deployments}/web", deployments, f"{core}/pods"),
    }


def _creating(maps: str, leases: str, core: str) -> dict[str, list[Ask]]:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "l"},
        "spec": {"holderIdentity": "me", "leaseDurationSeconds": 3},
    }
    create, naming, update = "writes: create", "writes: generateName", "writes: update"
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "u"}
    return {
        "writes: create": [
            post(maps, config_map("a")).good(create),
            post(maps, config_map("a")).bad(create),
            post(maps, {"metadata": {"name": "implicit"}}).good(create),
            post(maps, {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "x"}}).bad(create),
            post(maps, {"kind": "ConfigMap", "apiVersion": "v2", "metadata": {"name": "x"}}).bad(create),
            post(maps, {"kind": "Nonsense", "apiVersion": "v1", "metadata": {"name": "x"}}).bad(create),
            post(maps, {"kind": "ConfigMapList", "apiVersion": "v1", "items": []}).bad(create),
            post(maps, {}).bad(create),
            post(maps, b"{").bad(create),
            post(maps, b"").bad(create),
            post(maps, b"[]").bad(create),
            post(maps, b"null").bad(create),
            post(maps, named(config_map("x"), namespace="other")).bad(create),
            post(maps, named(config_map("x"), resourceVersion="5")).bad(create),
            post(maps, named(config_map("x"), uid="given", creationTimestamp="2020-01-01T00:00:00Z")).good(
                create
            ),
            post(maps, named(config_map("y"), generation=5, selfLink="/x", deletionGracePeriodSeconds=3)),
            post(maps, named(config_map("z"), deletionTimestamp="2020-01-01T00:00:00Z")),
            post(maps, named(config_map("l1"), labels={"a b": "c"})).bad(create),
            post(maps, named(config_map("l2"), labels={"a": "b c", "x/": "1"})).bad(create),
            post(maps, named(config_map("l3"), labels={"a": 1})).bad(create),
            post(maps, named(config_map("l4"), annotations={"a b": "c", "OK/ok": "1"})).bad(create),
            post(maps, named(config_map("l5"), annotations={"a": "x" * 262145})).bad(create),
            post(maps, named(config_map("o1"), ownerReferences=[owner])).good(create),
            post(maps, named(config_map("o2"), ownerReferences=[owner, owner])),
            post(
                maps,
                named(
                    config_map("o3"),
                    ownerReferences=[
                        {**owner, "controller": True},
                        {**owner, "uid": "v", "controller": True},
                    ],
                ),
            ).bad(create),
            post(
                maps,
                named(
                    config_map("o4"), ownerReferences=[{"apiVersion": "", "kind": "", "name": "", "uid": ""}]
                ),
            ).bad(create),
            post(maps, named(config_map("o5"), ownerReferences=[{**owner, "kind": "Event"}])).bad(create),
            post(maps, named(config_map("o6"), ownerReferences=[{"name": "a"}])).bad(create),
            post(maps, named(config_map("f1"), finalizers=["a.b/c", "orphan"])).good(create),
            post(maps, named(config_map("f2"), finalizers=["nope"])).bad(create),
            post(maps, named(config_map("f3"), finalizers=["orphan", "foregroundDeletion"])).bad(create),
            post(maps, named(config_map("f4"), finalizers=["a b/c"])).bad(create),
            *(post(maps, config_map(name)).bad(create) for name in ("A", "a_b", "-a", "a..b", "a" * 254)),
            post(f"{core}/configmaps/", config_map("slash")),
            post("/api/v1/configmaps", config_map("x")).bad(create),
            post("/api/v1/namespaces/none/configmaps", config_map("x")).bad(create),
            post(f"{maps}/a", config_map("a")).bad(create),
            post(maps, {"metadata": "x"}).bad(create),
            post(maps, {"metadata": {"name": 5}}).bad(create),
            post(maps, {"metadata": {"name": "k"}, "data": {"a": 1}}).bad(create),
            post(maps, {"metadata": {"name": "k"}, "data": []}).bad(create),
            post(maps, {"metadata": {"name": "k"}, "data": {"a b": "1", "..": "2"}}).bad(create),
            post(maps, {"metadata": {"name": "k"}, "data": {"a": None}}),
            Ask("POST", maps, b"metadata: {name: yaml}\ndata: {a: 'b'}\n", "application/yaml").good(create),
            Ask("POST", maps, b"a: b: c", "application/yaml").bad(create),
            Ask("POST", maps, b"x", "text/plain").bad(create),
        ],
        "writes: generateName": [
            post(maps, {"metadata": {"generateName": "g-"}}).good(naming).named("one"),
            get(f"{maps}/$name(one)"),
            post(maps, {"metadata": {"generateName": "g-", "name": "given"}}).good(naming),
            post(maps, {"metadata": {"generateName": "G_"}}, dryRun="All").bad(naming),
            post(maps, {"metadata": {"generateName": "g" * 70}}).good(naming),
            post(maps, {"metadata": {"generateName": ""}}).bad(naming),
            post(
                f"{core}/services",
                {"metadata": {"generateName": "9-"}, "spec": {"ports": [{"port": 1}]}},
                dryRun="All",
            ),
        ],
        "writes: update": [
            post(maps, config_map("a", x="1")).named("a"),
            put(f"{maps}/a", config_map("a", x="2")).good(update),
            put(f"{maps}/a", config_map("a", x="2")).good(update),
            put(f"{maps}/a", {"data": {"y": "1"}}).bad(update),
            put(f"{maps}/a", config_map("b")).bad(update),
            put(f"{maps}/none", config_map("none")).bad(update),
            put(f"{maps}/a", named(config_map("a"), namespace="x")).bad(update),
            put(f"{maps}/a", named(config_map("a"), uid="other")).bad(update),
            put(f"{maps}/a", named(config_map("a"), uid="$uid(a)")).good(update),
            put(f"{maps}/a", named(config_map("a"), creationTimestamp="2020-01-01T00:00:00Z")),
            put(f"{maps}/a", named(config_map("a"), deletionTimestamp="2020-01-01T00:00:00Z")),
            put(f"{maps}/a", named(config_map("a"), labels={"a b": "c"})).bad(update),
            put(f"{maps}/a", {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "a"}}).bad(update),
            put(f"{maps}/a", b"{").bad(update),
            put(maps, config_map("a")).bad(update),
            put(f"{maps}/a", named(config_map("a"), managedFields=[])).good(update),
            put(f"{maps}/a", named(config_map("a", q="1"), managedFields=[{"manager": "x"}])),
            get(f"{maps}/a"),
        ],
        "writes: create on update": [
            put(f"{leases}/l", lease).good("writes: create on update").named("l"),
            put(f"{leases}/l", lease).bad("writes: create on update"),
            put(f"{leases}/l", named(lease, resourceVersion="$rv(l)")).good("writes: create on update"),
            put(f"{leases}/m", named({**lease, "metadata": {"name": "m"}}, resourceVersion="5")),
            put(f"{leases}/n", named({**lease, "metadata": {"name": "n"}}, uid="x")).bad(
                "writes: create on update"
            ),
            put(f"{maps}/none", config_map("none")).bad("writes: create on update"),
            put(f"{core}/endpoints/e", {"metadata": {"name": "e"}}).good("writes: create on update"),
            put(f"{leases}/l", {**lease, "metadata": {"name": "x"}}).bad("writes: create on update"),
            merge(f"{leases}/zz", {"spec": {"holderIdentity": "x"}}).bad("writes: create on update"),
        ],
    }


def _patching(maps: str, web: str, deployments: str, pods: str) -> dict[str, list[Ask]]:
    a = f"{maps}/a"
    return {
        "writes: json patch": [
            post(maps, config_map("a", x="1", y="2")),
            json_patch(a, [{"op": "add", "path": "/data/z", "value": "3"}]).good(_JSON),
            json_patch(
                a, [{"op": "test", "path": "/data/z", "value": "3"}, {"op": "remove", "path": "/data/z"}]
            ).good(_JSON),
            json_patch(a, [{"op": "copy", "from": "/data/x", "path": "/data/c"}]).good(_JSON),
            json_patch(a, [{"op": "move", "from": "/data/x", "path": "/data/m"}]).good(_JSON),
            json_patch(a, [{"op": "replace", "path": "/data", "value": {"r": "1"}}]).good(_JSON),
            json_patch(a, [{"op": "add", "path": "/metadata/labels", "value": {"a~b": "x"}}]).bad(_JSON),
            json_patch(a, [{"op": "add", "path": "/metadata/annotations", "value": {"a/b": "x"}}]).good(
                _JSON
            ),
            json_patch(a, [{"op": "replace", "path": "/metadata/annotations/a~1b", "value": "y"}]).good(
                _JSON
            ),
            json_patch(a, []).good(_JSON),
            json_patch(a, [{"op": "test", "path": "/data/r", "value": "2"}]).bad(_JSON),
            json_patch(a, [{"op": "test", "path": "/data/none", "value": "2"}]).bad(_JSON),
            json_patch(a, [{"op": "test", "path": "/data/none", "value": None}]),
            json_patch(a, [{"op": "remove", "path": "/data/none"}]).bad(_JSON),
            json_patch(a, [{"op": "replace", "path": "/data/none", "value": "1"}]),
            json_patch(a, [{"op": "add", "path": "/none/x", "value": "1"}]).bad(_JSON),
            json_patch(a, [{"op": "add", "path": "data", "value": "1"}]).bad(_JSON),
            json_patch(a, [{"op": "nonsense", "path": "/data"}]).bad(_JSON),
            json_patch(a, [{"op": "add", "path": "/data/x"}]),
            json_patch(a, [{"path": "/data/x"}]).bad(_JSON),
            json_patch(a, [{"op": "copy", "from": "/data/none", "path": "/data/c"}]),
            json_patch(a, [{"op": "replace", "path": "/metadata/name", "value": "b"}]).bad(_JSON),
            json_patch(a, [{"op": "replace", "path": "/kind", "value": "Secret"}]).bad(_JSON),
            json_patch(a, [{"op": "add", "path": "/data/n", "value": 5}]).bad(_JSON),
            json_patch(a, {"op": "add"}).bad(_JSON),
            Ask("PATCH", a, b"nonsense", JSON_PATCH).bad(_JSON),
            Ask("PATCH", a, b"", JSON_PATCH).bad(_JSON),
            json_patch(a, [{"op": "add", "path": "/data/x", "value": "1"}] * 10001).bad(_JSON),
            json_patch(f"{maps}/none", [{"op": "add", "path": "/data", "value": {}}]).bad(_JSON),
            post(deployments, deployment()),
            json_patch(
                web, [{"op": "add", "path": "/spec/template/spec/containers/-", "value": container("d")}]
            ).good(_JSON),
            json_patch(
                web, [{"op": "add", "path": "/spec/template/spec/containers/0", "value": container("e")}]
            ).good(_JSON),
            json_patch(web, [{"op": "remove", "path": "/spec/template/spec/containers/0"}]).good(_JSON),
            json_patch(web, [{"op": "remove", "path": "/spec/template/spec/containers/9"}]).bad(_JSON),
            json_patch(web, [{"op": "remove", "path": "/spec/template/spec/containers/-1"}]),
            json_patch(web, [{"op": "add", "path": "/spec/template/spec/containers/x", "value": {}}]).bad(
                _JSON
            ),
            json_patch(web, [{"op": "test", "path": "/spec/replicas", "value": 1.0}]),
        ],
        "writes: merge patch": [
            post(maps, config_map("a", x="1", y="2")),
            merge(a, {"data": {"x": None, "z": "3"}}).good(_MERGE),
            merge(a, {"data": None}).good(_MERGE),
            merge(a, {}).good(_MERGE),
            merge(a, {"data": {"n": 1}}).bad(_MERGE),
            merge(a, {"data": "x"}).bad(_MERGE),
            merge(a, {"metadata": {"name": "b"}}).bad(_MERGE),
            merge(a, {"metadata": {"uid": "b"}}).bad(_MERGE),
            merge(a, {"metadata": {"labels": {"a": "b"}, "annotations": {"x": "y"}}}).good(_MERGE),
            merge(a, {"metadata": {"labels": None, "creationTimestamp": None}}).good(_MERGE),
            merge(a, {"metadata": None}),
            merge(a, {"kind": "Secret"}).bad(_MERGE),
            merge(a, {"apiVersion": "v2"}).bad(_MERGE),
            merge(a, {"unknown": 1}),
            Ask("PATCH", a, b"[1]", MERGE).bad(_MERGE),
            Ask("PATCH", a, b"x", MERGE).bad(_MERGE),
            Ask("PATCH", a, b"", MERGE).bad(_MERGE),
            Ask("PATCH", a, b"{}", "application/json").bad(_MERGE),
            Ask("PATCH", a, b"{}", "").bad(_MERGE),
            merge(f"{maps}/none", {}).bad(_MERGE),
            merge(maps, {}).bad(_MERGE),
            merge(a, {}, force="true").bad(_MERGE),
        ],
        "writes: strategic merge patch": [
            post(deployments, deployment()),
            strategic(web, _pod_patch(containers=[{"name": "c", "env": [{"name": "A", "value": "1"}]}])).good(
                _STRATEGIC
            ),
            strategic(web, _pod_patch(containers=[{"name": "c", "env": [{"name": "B", "value": "2"}]}])).good(
                _STRATEGIC
            ),
            strategic(web, _pod_patch(containers=[container("d")])).good(_STRATEGIC),
            strategic(web, _pod_patch(containers=[{"name": "d", "$patch": "delete"}])).good(_STRATEGIC),
            strategic(
                web, _pod_patch(containers=[{"name": "c", "env": [{"name": "A", "$patch": "delete"}]}])
            ).good(_STRATEGIC),
            strategic(
                web,
                _pod_patch(
                    **{
                        "$setElementOrder/containers": [{"name": "e"}, {"name": "c"}],
                        "containers": [container("e")],
                    }
                ),
            ).good(_STRATEGIC),
            strategic(web, _pod_patch(containers=[{"$patch": "replace"}, container("only")])).good(
                _STRATEGIC
            ),
            strategic(web, {"metadata": {"finalizers": ["a.b/c"]}}).good(_STRATEGIC),
            strategic(web, {"metadata": {"finalizers": ["d.e/f"]}}).good(_STRATEGIC),
            strategic(web, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.b/c", "d.e/f"]}}).good(
                _STRATEGIC
            ),
            strategic(web, {"metadata": {"labels": {"$patch": "replace", "x": "y"}}}).good(_STRATEGIC),
            strategic(web, _pod_patch(volumes=[{"name": "v", "emptyDir": {}}])).good(_STRATEGIC),
            strategic(
                web,
                _pod_patch(
                    volumes=[{"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "x"}}]
                ),
            ).good(_STRATEGIC),
            strategic(web, _pod_patch(tolerations=[{"key": "a", "operator": "Exists"}])).good(_STRATEGIC),
            strategic(web, _pod_patch(volumes=None)).good(_STRATEGIC),
            strategic(web, _pod_patch(containers=[{"image": "x"}])).bad(_STRATEGIC),
            strategic(web, _pod_patch(containers=[{"name": "c", "$patch": "nonsense"}])).bad(_STRATEGIC),
            strategic(web, _pod_patch(containers="x")).bad(_STRATEGIC),
            strategic(web, {"spec": {"replicas": "x"}}).bad(_STRATEGIC),
            strategic(web, {"spec": {"selector": {"matchLabels": {"a": "z"}}}}).bad(_STRATEGIC),
            strategic(
                web,
                _pod_patch(
                    **{"$setElementOrder/containers": [{"name": "zzz"}], "containers": [container("yyy")]}
                ),
            ).bad(_STRATEGIC),
            strategic(web, {"$patch": "delete"}),
            strategic(web, {"spec": {"$patch": "replace", "replicas": 1}}).bad(_STRATEGIC),
            strategic(web, b"x").bad(_STRATEGIC),
            strategic(web, b"[]").bad(_STRATEGIC),
            post(pods, pod()),
            strategic(f"{pods}/p", {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}).good(
                _STRATEGIC
            ),
            strategic(f"{pods}/p", {"spec": {"containers": [{"name": "c", "command": ["x"]}]}}).bad(
                _STRATEGIC
            ),
            strategic(f"{pods}/p/status", {"status": {"conditions": [{"type": "A", "status": "True"}]}}).good(
                _STRATEGIC
            ),
            strategic(f"{pods}/p/status", {"status": {"conditions": [{"type": "B", "status": "True"}]}}).good(
                _STRATEGIC
            ),
            strategic(
                f"{pods}/p/status", {"status": {"conditions": [{"type": "A", "status": "False"}]}}
            ).good(_STRATEGIC),
        ],
    }


def _pod_patch(**spec: Any) -> Body:
    return {"spec": {"template": {"spec": spec}}}
