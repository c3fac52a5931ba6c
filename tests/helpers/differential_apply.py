"""Questions about server-side apply: ownership, conflicts, lists and maps, subresources, migration."""

from __future__ import annotations

from typing import Any

from helpers.differential import Ask, apply, get, merge, post, put
from helpers.differential_cases import deployment
from helpers.differential_storage import config_map
from helpers.differential_writes import Body, container, named

_APPLY = "writes: apply"
_CONFLICTS = "writes: apply conflicts"
_FORCE = "writes: apply force"
_TOPOLOGY = "writes: apply lists and maps"
_GIVES_UP = "writes: apply gives up ownership"
_SUBRESOURCES = "writes: apply to subresources"
_MIGRATION = "writes: migration from update to apply"
_MANAGER = "writes: fieldManager"


def cases(namespace: str) -> dict[str, list[Ask]]:
    core = f"/api/v1/namespaces/{namespace}"
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    return _applying(f"{core}/configmaps", f"{deployments}/web", deployments, f"{core}/services")


def _applied(replicas: int | None = None, **fields: Any) -> Body:
    body = deployment()
    body["spec"]["template"]["spec"]["containers"] = [container("c", **fields)]
    if replicas is not None:
        body["spec"]["replicas"] = replicas
    return body


def _applying(maps: str, web: str, deployments: str, services: str) -> dict[str, list[Ask]]:
    a = f"{maps}/a"
    env_a, env_b = {"name": "A", "value": "1"}, {"name": "B", "value": "2"}
    port = {"port": 80, "protocol": "TCP"}
    service: Body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"clusterIP": "None", "ports": [port]},
    }
    status: Body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    scale: Body = {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "web"},
        "spec": {"replicas": 7},
    }
    condition = {
        "type": "Available",
        "status": "True",
        "reason": "r",
        "message": "m",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "lastUpdateTime": "2026-01-01T00:00:00Z",
    }
    return {
        "apply: create, conflict, force": [
            apply(a, config_map("a", x="1"), "one").good(_APPLY),
            apply(a, config_map("a", x="1"), "one").good(_APPLY),
            apply(a, config_map("a", x="1"), "two").good(_APPLY),
            apply(a, config_map("a", x="2"), "two").bad(_CONFLICTS),
            apply(a, config_map("a", x="2", y="3"), "two", force="true").good(_FORCE),
            apply(a, config_map("a", x="1"), "one").bad(_CONFLICTS),
            merge(a, {"data": {"x": "5"}}, fieldManager="three"),
            apply(a, config_map("a", x="6"), "two").bad(_CONFLICTS),
            apply(a, config_map("a", x="5"), "two").good(_CONFLICTS),
            apply(a, config_map("a", x="6"), "two", force="1").good(_FORCE),
            apply(a, config_map("a", x="7"), "two", force="false"),
            apply(a, config_map("a", x="7"), "").bad(_APPLY),
            apply(a, config_map("b", x="7"), "one").bad(_APPLY),
            apply(a, {"data": {"x": "1"}}, "one").bad(_APPLY),
            apply(a, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}, "one").bad(_APPLY),
            apply(a, {"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "a"}}, "one").bad(_APPLY),
            apply(a, named(config_map("a"), managedFields=[]), "one"),
            apply(a, named(config_map("a"), managedFields=[{"manager": "x"}]), "one").bad(_APPLY),
            apply(a, named(config_map("a"), resourceVersion="1"), "one").bad(_APPLY),
            apply(a, named(config_map("a"), uid="nope"), "one").bad(_APPLY),
            apply(a, named(config_map("a"), namespace="nope"), "one").bad(_APPLY),
            apply(a, b"x", "one").bad(_APPLY),
            apply(a, b"[]", "one").bad(_APPLY),
            apply(a, {**config_map("a"), "unknown": 1}, "one").bad(_APPLY),
            apply(a, {**config_map("a"), "data": {"x": 1}}, "one").bad(_APPLY),
            apply(a, config_map("a", x="9"), "one", force="x"),
            apply(a, {**config_map("a"), "data": {"x": 1}}, "one", force="true").bad(_FORCE),
            apply(f"{maps}/new", named(config_map("new"), uid="x"), "one").bad(_APPLY),
            apply(f"{maps}/new", named(config_map("new"), resourceVersion="5"), "one"),
            apply(f"{maps}/Bad_Name", config_map("Bad_Name"), "one").bad(_APPLY),
            apply(
                f"{maps}/yaml",
                b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata: {a: b}\n",
                "one",
            ).good(_APPLY),
            apply(
                f"{maps}/yaml",
                b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata: {a: b, a: c}\n",
                "one",
            ).bad(_APPLY),
            apply(a, config_map("a", x="1"), "m" * 129).bad(_APPLY, _MANAGER),
            get(a),
        ],
        "apply: lists and maps": [
            apply(web, _applied(env=[env_a]), "one").good(_TOPOLOGY),
            apply(web, _applied(env=[env_b]), "two").good(_TOPOLOGY),
            get(web),
            apply(web, _applied(env=[{"name": "A", "value": "9"}]), "two").bad(_TOPOLOGY, _CONFLICTS),
            apply(web, _applied(env=[env_a, env_a]), "one").bad(_TOPOLOGY),
            apply(web, _applied(env=[{"value": "x"}]), "one").bad(_TOPOLOGY),
            apply(web, _applied(env=[]), "one").good(_TOPOLOGY, _GIVES_UP),
            apply(
                web, _applied(ports=[{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]), "one"
            ).good(_TOPOLOGY),
            apply(web, _applied(ports=[{"containerPort": 80, "protocol": "UDP"}]), "one").good(
                _TOPOLOGY, _GIVES_UP
            ),
            apply(web, _applied(command=["a", "b"]), "one").good(_TOPOLOGY),
            apply(web, _applied(command=["a"]), "two").bad(_TOPOLOGY, _CONFLICTS),
            apply(web, named(_applied(), finalizers=["a.b/c"]), "one").good(_TOPOLOGY),
            apply(web, named(_applied(), finalizers=["d.e/f"]), "two").good(_TOPOLOGY),
            apply(web, named(_applied(), finalizers=["a.b/c", "a.b/c"]), "one").bad(_TOPOLOGY),
            apply(web, _applied(), "two").good(_TOPOLOGY, _GIVES_UP),
            apply(web, _applied(), "one").good(_TOPOLOGY, _GIVES_UP),
            apply(f"{services}/s", service, "one").good(_TOPOLOGY),
            apply(f"{services}/s", {**service, "spec": {"ports": [{"port": 81}]}}, "two").bad(_TOPOLOGY),
            apply(f"{services}/s", {**service, "spec": {"ports": [{"port": 81, "name": "x"}]}}, "two"),
            apply(f"{services}/s", {**service, "spec": {"selector": {"a": "b"}}}, "two"),
            apply(f"{services}/s", {**service, "spec": {"selector": {"a": "c"}}}, "three").bad(_TOPOLOGY),
            apply(f"{services}/s", {**service, "spec": {"selector": {"z": "c"}}}, "three"),
            get(f"{services}/s"),
        ],
        "apply: ownership": [
            apply(web, _applied(3), "one").good(_GIVES_UP),
            apply(web, _applied(3), "two"),
            apply(web, _applied(), "one").good(_GIVES_UP),
            apply(web, _applied(), "two").good(_GIVES_UP),
            merge(web, {"spec": {"replicas": 8}}, fieldManager="scaler"),
            apply(web, _applied(9), "one").bad(_GIVES_UP, _CONFLICTS),
            merge(web, {"spec": {"replicas": None}}, fieldManager="scaler"),
            apply(web, _applied(2), "one", force="true").good(_FORCE),
            apply(web, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}, "one"),
            apply(
                web, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}, "two"
            ).bad(_GIVES_UP),
            get(web),
        ],
        "apply: subresources": [
            post(deployments, _applied(1), fieldManager="creator"),
            apply(
                f"{web}/status", {**status, "status": {"replicas": 1, "conditions": [condition]}}, "kubelet"
            ).good(_SUBRESOURCES),
            apply(f"{web}/status", {**status, "status": {"replicas": 2}}, "other").bad(
                _SUBRESOURCES, _CONFLICTS
            ),
            apply(f"{web}/status", {**status, "status": {"replicas": 2}}, "other", force="true").good(
                _SUBRESOURCES, _FORCE
            ),
            apply(
                f"{web}/status",
                {**status, "spec": {"replicas": 5}, "status": {"replicas": 2, "readyReplicas": 1}},
                "other",
            ).good(_SUBRESOURCES),
            apply(f"{web}/status", {**status, "status": {}}, "kubelet").good(_SUBRESOURCES),
            apply(web, {**_applied(1), "status": {"replicas": 9}}, "creator2"),
            apply(f"{web}/scale", scale, "hpa").bad(_SUBRESOURCES),
            apply(f"{web}/scale", scale, "hpa", force="true").good(_SUBRESOURCES),
            apply(f"{web}/scale", {**scale, "spec": {"replicas": 8}}, "hpa").good(_SUBRESOURCES),
            apply(f"{web}/scale", {**scale, "spec": {"replicas": -8}}, "hpa").bad(_SUBRESOURCES),
            apply(f"{deployments}/none/status", {**status, "metadata": {"name": "none"}}, "x").bad(
                _SUBRESOURCES
            ),
            apply(f"{deployments}/none/scale", {**scale, "metadata": {"name": "none"}}, "x").bad(
                _SUBRESOURCES
            ),
            get(web),
            merge(f"{web}/scale", {"spec": {"replicas": 3}}, fieldManager="m"),
            put(f"{web}/scale", {**scale, "spec": {"replicas": 4}}, fieldManager="n"),
            get(web),
        ],
        "apply: migration": [
            post(maps, config_map("a", x="1"), fieldManager="kubectl-create"),
            apply(a, config_map("a", x="1"), "kubectl").good(_MIGRATION),
            apply(a, config_map("a", x="2"), "kubectl").bad(_MIGRATION),
            apply(a, config_map("a"), "kubectl"),
            get(a),
            post(
                maps,
                named(
                    config_map("b", x="1"),
                    annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}"},
                ),
                fieldManager="kubectl-client-side-apply",
            ),
            apply(f"{maps}/b", config_map("b", x="1"), "kubectl").good(_MIGRATION),
            apply(f"{maps}/b", config_map("b"), "kubectl").good(_MIGRATION),
            get(f"{maps}/b"),
            apply(
                f"{maps}/b",
                named(
                    config_map("b", z="1"),
                    annotations={"kubectl.kubernetes.io/last-applied-configuration": "x"},
                ),
                "other",
            ),
            merge(a, {"metadata": {"managedFields": None}}, fieldManager="x"),
            merge(a, {"metadata": {"managedFields": [{}]}}, fieldManager="x").good(_MIGRATION),
            apply(a, config_map("a", q="2"), "kubectl").good(_MIGRATION),
            get(a),
            merge(
                a,
                {
                    "metadata": {
                        "managedFields": [
                            {
                                "manager": "x",
                                "operation": "Nonsense",
                                "apiVersion": "v1",
                                "fieldsType": "FieldsV1",
                            }
                        ]
                    }
                },
            ),
            merge(
                a,
                {
                    "metadata": {
                        "managedFields": [
                            {
                                "manager": "x",
                                "operation": "Update",
                                "apiVersion": "v1",
                                "fieldsType": "FieldsV9",
                                "fieldsV1": {},
                            }
                        ]
                    }
                },
            ),
            merge(
                a,
                {
                    "metadata": {
                        "managedFields": [
                            {
                                "manager": "x",
                                "operation": "Update",
                                "apiVersion": "v1",
                                "fieldsType": "FieldsV1",
                                "fieldsV1": {"nonsense": {}},
                            }
                        ]
                    }
                },
            ),
            merge(
                a,
                {
                    "metadata": {
                        "managedFields": [
                            {
                                "manager": "x",
                                "operation": "Update",
                                "apiVersion": "v1",
                                "fieldsType": "FieldsV1",
                                "time": "2026-01-01T00:00:00Z",
                                "fieldsV1": {"f:data": {"f:q": {}}},
                            }
                        ]
                    }
                },
            ),
            get(a),
        ],
    }
