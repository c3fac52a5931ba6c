"""Questions that upstream's suite of kubectl commands was the first to ask here."""

from __future__ import annotations

from typing import Any

from helpers.differential import Ask, delete, get, merge, post, strategic
from helpers.differential_cases import deployment, pod


def cases(namespace: str) -> dict[str, list[Ask]]:
    core = f"/api/v1/namespaces/{namespace}"
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    return {**_restored(core, deployments), **_open(namespace), **_autoscaled(namespace)}


def _restored(core: str, deployments: str) -> dict[str, list[Ask]]:
    p, web = f"{core}/pods/p", f"{deployments}/web"
    wrong: list[tuple[str, Any]] = [
        (p, {"metadata": {"labels": "invalid"}}),
        (p, {"metadata": {"labels": {"a": 1}}}),
        (p, {"metadata": {"labels": {"a": ["x", 1.5, None, True]}}}),
        (p, {"metadata": {"ownerReferences": 5}}),
        (p, {"metadata": {"deletionTimestamp": "yesterday"}}),
        (p, {"spec": "x"}),
        (p, {"spec": {"hostNetwork": "true"}}),
        (p, {"spec": {"activeDeadlineSeconds": "10"}}),
        (p, {"spec": {"activeDeadlineSeconds": 1.5}}),
        (p, {"spec": {"activeDeadlineSeconds": True}}),
        (p, {"spec": {"restartPolicy": 1}}),
        (p, {"spec": {"restartPolicy": {"b": 1e30, "a": 0.00001}}}),
        (p, {"spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "one"}}}]}}),
        (p, {"spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": True}}}]}}),
        (p, {"spec": {"containers": [{"name": "c", "args": "no"}]}}),
        (web, {"spec": {"replicas": "three"}}),
        (web, {"spec": {"strategy": {"rollingUpdate": {"maxSurge": True}}}}),
        (web, {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1.5}}}}),
        (web, {"spec": {"replicas": 3, "strategy": []}}),
        (f"{web}/scale", {"spec": {"replicas": "three"}}),
        (f"{web}/status", {"status": {"conditions": "none"}}),
    ]
    return {
        "patches: strategic ones whose results do not fit": [
            post(f"{core}/pods", pod()),
            post(deployments, deployment()),
            post(f"{core}/secrets", {"metadata": {"name": "s"}, "data": {"a": "YQ=="}}),
            *(strategic(path, body) for path, body in wrong),
            strategic(f"{core}/secrets/s", {"data": {"a": "?"}}),
            strategic(f"{core}/secrets/s", {"data": {"a": 7}}),
            merge(p, {"metadata": {"labels": "invalid"}}),
        ]
    }


def _open(namespace: str) -> dict[str, list[Ask]]:
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    group = f"open-{namespace}.example.com"
    objects = f"/apis/{group}/v1/namespaces/{namespace}/opens"

    def crd(spec: dict[str, Any], name: str = "opens") -> dict[str, Any]:
        schema = {"type": "object", "properties": {"spec": spec}}
        version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        kind = name[:-1].title()
        return {
            "metadata": {"name": f"{name}.{group}"},
            "spec": {
                "group": group,
                "names": {"kind": kind, "plural": name},
                "scope": "Namespaced",
                "versions": [version],
            },
        }

    known = {"type": "object", "properties": {"a": {"type": "string"}}}
    either = {"type": "object", "properties": {"known": known}, "additionalProperties": True}
    any_ = {"type": "object", "additionalProperties": True}
    kept = {**either, "x-kubernetes-preserve-unknown-fields": True}
    none = {"type": "object", "additionalProperties": False}
    given = {
        "known": {"a": "1", "b": "2"},
        "text": "x",
        "number": 1,
        "map": {"a": 1, "b": {"c": 2}},
        "list": [1, {"a": 1}, [{"b": 2}]],
        "nothing": None,
    }
    value = {
        "apiVersion": f"{group}/v1",
        "kind": "Open",
        "metadata": {"name": "o"},
        "spec": {"either": given, "any": given, "kept": given, "plain": given},
    }
    spec = {
        "type": "object",
        "properties": {"either": either, "any": any_, "kept": kept, "plain": known},
    }
    inside = {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "properties": {"metadata": {"type": "object", "properties": {"name": {"type": "string"}}}},
    }
    template = {"apiVersion": "foo/v1", "kind": "Sub"}
    embeds = objects.replace("opens", "embeds")

    def embedding(name: str, metadata: Any) -> dict[str, Any]:
        spec = {"template": {**template, "metadata": metadata}, "list": [{**template, "metadata": metadata}]}
        return {"apiVersion": f"{group}/v1", "kind": "Embed", "metadata": {"name": name}, "spec": spec}

    odd = {"name": "x", "unknown": "y", "namespace": "z", "labels": {}, "creationTimestamp": None}
    holder = {
        "type": "object",
        "properties": {"template": inside, "list": {"type": "array", "items": inside}},
    }
    return {
        "definitions: metadata of what is embedded": [
            post(crds, crd(holder, "embeds")),
            Ask("WAIT", embeds),
            post(embeds, embedding("a", odd), fieldValidation="Strict"),
            post(embeds, embedding("a", odd), fieldValidation="Warn"),
            get(f"{embeds}/a"),
            merge(f"{embeds}/a", {"spec": {"template": {"metadata": {"more": 1}}}}, fieldValidation="Warn"),
            post(embeds, embedding("b", {"name": "x", "labels": {"a": "b"}})),
            delete(f"{crds}/embeds.{group}"),
        ],
        "definitions: additional properties": [
            post(crds, crd(spec)),
            Ask("WAIT", objects),
            post(objects, value, fieldValidation="Warn"),
            get(f"{objects}/o"),
            post(objects, value, fieldValidation="Strict"),
            merge(f"{objects}/o", {"spec": {"either": {"map": {"z": {"y": 1}}, "more": "1"}}}),
            delete(f"{objects}/o"),
            post(objects, {**value, "spec": {"either": {"x": "1"}, "plain": {}}}),
            delete(f"{crds}/opens.{group}"),
            post(crds, crd({**none, "properties": {"a": {"type": "string"}}}, "closeds")),
            post(crds, crd({"type": "object", "properties": {"n": none}}, "nones")),
            Ask("WAIT", objects.replace("opens", "nones")),
            post(
                objects.replace("opens", "nones"),
                {**value, "kind": "None", "spec": {"n": {"x": "1", "y": {"z": 1}}}},
            ),
            delete(f"{crds}/nones.{group}"),
        ],
    }


def _autoscaled(namespace: str) -> dict[str, list[Ask]]:
    scalers = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"

    def scaler(kind: str, version: str) -> dict[str, Any]:
        target = {"kind": kind, "name": "web", "apiVersion": version}
        return {"metadata": {"name": "web"}, "spec": {"maxReplicas": 3, "scaleTargetRef": target}}

    return {
        "autoscalers: the group of what they scale": [
            post(scalers, scaler("ReplicationController", "v1")),
            delete(f"{scalers}/web"),
            post(scalers, scaler("ReplicationController", "")),
            merge(f"{scalers}/web", {"spec": {"scaleTargetRef": {"kind": "Deployment"}}}),
            delete(f"{scalers}/web"),
            post(scalers, scaler("ReplicationController", "a/b/c")),
            post(scalers, scaler("Deployment", "v1")),
            post(scalers, scaler("Deployment", "")),
        ]
    }
