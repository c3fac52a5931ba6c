"""Sequences of requests whose answers must be equal on the real and on the embedded server."""

from __future__ import annotations

import copy
from typing import Any

from helpers.differential import APPLY, JSON_PATCH, MERGE, STRATEGIC, Ask

Body = dict[str, Any]


def _template() -> Body:
    return {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "nginx:1", "ports": [{"containerPort": 80}]}]},
    }


def deployment(name: str = "web", **spec: Any) -> Body:
    given = {"selector": {"matchLabels": {"a": "b"}}, "template": _template(), **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": given}


def pod(name: str = "p", **spec: Any) -> Body:
    given = {"automountServiceAccountToken": False, **_template()["spec"], **spec}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"a": "b"}},
        "spec": given,
    }


def _crd(**properties: Any) -> Body:
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "required": ["size"], "properties": properties},
            "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
        },
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [{"name": "Size", "type": "string", "jsonPath": ".spec.size"}],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.diff.example.com"},
        "spec": {
            "group": "diff.example.com",
            "names": {"kind": "Foo", "plural": "foos"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def _foo(**spec: Any) -> Body:
    return {"apiVersion": "diff.example.com/v1", "kind": "Foo", "metadata": {"name": "x"}, "spec": spec}


def cases(namespace: str) -> dict[str, list[Ask]]:
    core = f"/api/v1/namespaces/{namespace}"
    apps = f"/apis/apps/v1/namespaces/{namespace}"
    deployments, web = f"{apps}/deployments", f"{apps}/deployments/web"
    applied: Body = deployment(replicas=2)
    fewer: Body = deployment()
    ports_apply = copy.deepcopy(applied)
    ports_apply["spec"]["template"]["spec"]["containers"][0]["ports"].append({"containerPort": 81})
    maps = f"{core}/configmaps"
    config: Body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"a": "1", "b": "2"},
    }
    foos = f"/apis/diff.example.com/v1/namespaces/{namespace}/foos"
    services = f"{core}/services"
    service: Body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"ports": [{"port": 80}], "clusterIP": "None", "selector": {"a": "b"}},
    }
    return {
        "deployment: create, patch, scale, status": [
            Ask("POST", deployments, deployment()),
            Ask("PATCH", web, {"spec": {"replicas": 3}}, MERGE),
            Ask("GET", f"{web}/scale"),
            Ask("PATCH", f"{web}/scale", {"spec": {"replicas": 5}}, MERGE),
            Ask("PATCH", f"{web}/status", {"status": {"replicas": 1, "observedGeneration": 3}}, MERGE),
            Ask("PATCH", f"{web}/status", {"status": {"readyReplicas": 9}}, MERGE),
            Ask("PATCH", web, {"spec": {"selector": {"matchLabels": {"a": "c"}}}}, MERGE),
            Ask(
                "PATCH",
                web,
                {"spec": {"template": {"spec": {"containers": [{"name": "d", "image": "y"}]}}}},
                STRATEGIC,
            ),
            Ask("PATCH", web, [{"op": "remove", "path": "/spec/nothing"}], JSON_PATCH),
            Ask("PATCH", web, [{"op": "replace", "path": "/spec/replicas", "value": "x"}], JSON_PATCH),
            Ask(
                "PATCH", web, {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}, STRATEGIC
            ),
            Ask("PATCH", f"{web}?fieldValidation=Strict", {"spec": {"foo": 1}}, MERGE),
            Ask("DELETE", web),
        ],
        "deployment: bad ones": [
            Ask("POST", f"{deployments}?dryRun=All", body)
            for body in (
                deployment(replicas=-1),
                deployment(selector={}),
                deployment(selector={"matchLabels": {"x": "y"}}),
                deployment(strategy={"type": "Foo"}),
                deployment(
                    strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}
                ),
                deployment(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "x%"}}),
                deployment(minReadySeconds=700),
                deployment(
                    template={
                        "metadata": {"labels": {"a": "b"}},
                        "spec": {"containers": [], "restartPolicy": "Never"},
                    }
                ),
                deployment("Bad_Name"),
            )
        ],
        "apply: own, share, conflict, give up": [
            Ask("PATCH", f"{web}?fieldManager=one", applied, APPLY),
            Ask("PATCH", f"{web}?fieldManager=two", applied, APPLY),
            Ask("PATCH", f"{web}?fieldManager=two", deployment(replicas=4), APPLY),
            Ask("PATCH", f"{web}?fieldManager=two&force=true", deployment(replicas=4), APPLY),
            Ask("PATCH", f"{web}?fieldManager=one", ports_apply, APPLY),
            Ask("PATCH", f"{web}?fieldManager=one&force=true", ports_apply, APPLY),
            Ask("PATCH", f"{web}?fieldManager=one", fewer, APPLY),
            Ask("PATCH", f"{web}?fieldManager=two", fewer, APPLY),
            Ask("PATCH", f"{web}?fieldManager=upd", {"spec": {"replicas": 9}}, MERGE),
            Ask("PATCH", f"{web}?fieldManager=one", deployment(replicas=3), APPLY),
            Ask(
                "PATCH",
                f"{web}/status?fieldManager=st",
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "metadata": {"name": "web"},
                    "status": {"replicas": 1},
                },
                APPLY,
            ),
            Ask("PATCH", f"{web}?fieldManager=one", deployment(foo=1), APPLY),
            Ask("PATCH", web, deployment(), APPLY),
            Ask("DELETE", web),
        ],
        "apply: config map, reset": [
            Ask("POST", f"{maps}?fieldManager=creator", config),
            Ask("PATCH", f"{maps}/c?fieldManager=a", {**config, "data": {"a": "1"}}, APPLY),
            Ask("PATCH", f"{maps}/c?fieldManager=a", {**config, "data": {"b": "3"}}, APPLY),
            Ask("PATCH", f"{maps}/c?fieldManager=a", {**config, "data": {"z": "3"}}, APPLY),
            Ask("PATCH", f"{maps}/c?fieldManager=a", {**config, "data": {}}, APPLY),
            Ask("PATCH", f"{maps}/c", {"metadata": {"managedFields": [{}]}}, MERGE),
            Ask("PATCH", f"{maps}/c?fieldManager=m", {"data": {"q": "1"}}, MERGE),
            Ask("PATCH", f"{maps}/c?fieldManager=a", {**config, "data": {"z": "3"}}, APPLY),
            Ask("PATCH", f"{maps}/c", {"immutable": True}, MERGE),
            Ask("PATCH", f"{maps}/c", {"data": {"q": "2"}}, MERGE),
            Ask("DELETE", f"{maps}/c"),
        ],
        "pod: create, bind, update, bad ones": [
            Ask("POST", f"{core}/pods", pod()),
            Ask(
                "POST",
                f"{core}/pods/p/binding",
                {
                    "apiVersion": "v1",
                    "kind": "Binding",
                    "metadata": {"name": "p"},
                    "target": {"kind": "Node", "name": "n1"},
                },
            ),
            Ask(
                "POST",
                f"{core}/pods/p/binding",
                {
                    "apiVersion": "v1",
                    "kind": "Binding",
                    "metadata": {"name": "p"},
                    "target": {"kind": "Node", "name": "n2"},
                },
            ),
            Ask(
                "PATCH",
                f"{core}/pods/p",
                {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}},
                STRATEGIC,
            ),
            Ask(
                "PATCH", f"{core}/pods/p/status", {"status": {"phase": "Running", "podIP": "10.1.1.1"}}, MERGE
            ),
            Ask("GET", f"{core}/pods/p", accept="application/json;as=Table;v=v1;g=meta.k8s.io"),
            Ask(
                "POST",
                f"{core}/pods/p/eviction",
                {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}},
            ),
            Ask("DELETE", f"{core}/pods/p?gracePeriodSeconds=0"),
            Ask("GET", f"{core}/pods/p"),
            *[
                Ask("POST", f"{core}/pods?dryRun=All", body)
                for body in (
                    pod(containers=[]),
                    pod(containers=[{"name": "A"}]),
                    pod(restartPolicy="Foo"),
                    pod(
                        containers=[
                            {"name": "a", "image": "x", "ports": [{"containerPort": 99999, "name": "UP"}]}
                        ]
                    ),
                    pod(
                        containers=[
                            {"name": "a", "image": "x", "volumeMounts": [{"name": "q", "mountPath": "/q"}]}
                        ]
                    ),
                    pod(
                        containers=[
                            {
                                "name": "a",
                                "image": "x",
                                "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},
                            }
                        ]
                    ),
                    pod(containers=[{"name": "a", "image": "x", "livenessProbe": {}}]),
                    pod(tolerations=[{"operator": "Foo"}]),
                    pod(priorityClassName="missing"),
                    pod(nodeSelector={"a b": "c"}),
                )
            ],
        ],
        "service": [
            Ask("POST", services, service),
            Ask("PATCH", f"{services}/s", {"spec": {"ports": [{"port": 81}]}}, STRATEGIC),
            Ask("PATCH", f"{services}/s", {"spec": {"clusterIP": "10.0.0.77"}}, MERGE),
            Ask("POST", f"{services}?dryRun=All", {**service, "spec": {}}),
            Ask(
                "POST", f"{services}?dryRun=All", {**service, "spec": {"type": "Foo", "ports": [{"port": 0}]}}
            ),
            Ask("POST", f"{services}?dryRun=All", {**service, "spec": {"ports": [{"port": 1}, {"port": 1}]}}),
            Ask("DELETE", f"{services}/s"),
        ],
        "secret, lease, job, cron job, node, namespace": [
            Ask(
                "POST",
                f"{core}/secrets",
                {"metadata": {"name": "s"}, "stringData": {"a": "b"}, "kind": "Secret", "apiVersion": "v1"},
            ),
            Ask("PATCH", f"{core}/secrets/s", {"type": "other"}, MERGE),
            Ask(
                "POST",
                f"{core}/secrets",
                {
                    "metadata": {"name": "t"},
                    "type": "kubernetes.io/tls",
                    "kind": "Secret",
                    "apiVersion": "v1",
                },
            ),
            Ask(
                "PUT",
                f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/l",
                {
                    "metadata": {"name": "l"},
                    "spec": {"leaseDurationSeconds": 0},
                    "kind": "Lease",
                    "apiVersion": "coordination.k8s.io/v1",
                },
            ),
            Ask(
                "POST",
                f"/apis/batch/v1/namespaces/{namespace}/cronjobs",
                {
                    "apiVersion": "batch/v1",
                    "kind": "CronJob",
                    "metadata": {"name": "x"},
                    "spec": {"schedule": "61 * * * *", "jobTemplate": {"spec": {"template": _template()}}},
                },
            ),
            Ask(
                "POST",
                f"/apis/batch/v1/namespaces/{namespace}/jobs?dryRun=All",
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "metadata": {"name": "x"},
                    "spec": {"template": _template()},
                },
            ),
            Ask(
                "POST",
                "/api/v1/nodes",
                {
                    "apiVersion": "v1",
                    "kind": "Node",
                    "metadata": {"name": "diff-n"},
                    "status": {"capacity": {"cpu": "4"}},
                },
            ),
            Ask("PATCH", "/api/v1/nodes/diff-n", {"spec": {"unschedulable": True}}, MERGE),
            Ask("DELETE", "/api/v1/nodes/diff-n"),
            Ask("DELETE", "/api/v1/namespaces/default"),
            Ask("POST", "/api/v1/namespaces/nowhere/configmaps", config),
        ],
        "definition: bad ones": [
            Ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All", body)
            for body in (
                _crd(size={"type": "string", "default": 1}),
                _crd(size={}),
                _crd(size={"type": "array"}),
                _crd(size={"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"}),
                _crd(size={"type": "foo"}),
            )
        ],
        "custom resource": [
            Ask(
                "POST",
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                _crd(
                    size={"type": "string", "enum": ["a", "b"]},
                    count={"type": "integer", "minimum": 1, "default": 2},
                    name={"type": "string", "pattern": "^x+$", "maxLength": 3},
                    port={"x-kubernetes-int-or-string": True},
                    when={"type": "string", "format": "date-time"},
                    items={
                        "type": "array",
                        "maxItems": 2,
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["k"],
                        "items": {
                            "type": "object",
                            "required": ["k"],
                            "properties": {"k": {"type": "string"}, "v": {"type": "string"}},
                        },
                    },
                ),
            ),
            Ask("WAIT", foos),
            Ask("POST", foos, _foo(size="c")),
            Ask("POST", foos, _foo(size=1)),
            Ask("POST", foos, _foo()),
            Ask("POST", foos, _foo(size="a", count=0)),
            Ask("POST", foos, _foo(size="a", name="yyyyy")),
            Ask("POST", foos, _foo(size="a", port=True)),
            Ask("POST", foos, _foo(size="a", when="x")),
            Ask("POST", foos, _foo(size="a", items=[{"k": "1"}, {"k": "1"}, {"k": "2"}])),
            Ask("POST", f"{foos}?fieldValidation=Strict", _foo(size="a", other=1)),
            Ask("POST", f"{foos}?fieldManager=m", {**_foo(size="a", other=1), "status": {"phase": "x"}}),
            Ask(
                "PATCH",
                f"{foos}/x/status?fieldManager=s",
                {"status": {"phase": "y"}, "spec": {"size": "b"}},
                MERGE,
            ),
            Ask(
                "PATCH",
                f"{foos}/x?fieldManager=ap&force=true",
                _foo(size="b", items=[{"k": "1", "v": "q"}]),
                APPLY,
            ),
            Ask("PATCH", f"{foos}/x?fieldManager=ap2", _foo(size="b", items=[{"k": "2"}]), APPLY),
            Ask("PATCH", f"{foos}/x?fieldManager=ap", _foo(size="b"), APPLY),
            Ask("PATCH", f"{foos}/x", {}, STRATEGIC),
            Ask("GET", f"{foos}/x", accept="application/json;as=Table;v=v1;g=meta.k8s.io"),
            Ask("DELETE", f"{foos}/x"),
            Ask("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/foos.diff.example.com"),
        ],
    }
