# ruff: noqa: E501 (specs are one to a line)
"""Conversations about what pods and their templates do beside being refused: warnings, annotations, label keys."""

from __future__ import annotations

from typing import Any

from helpers.differential import Ask, delete, get, merge, post
from helpers.differential_cases import deployment, pod

Body = dict[str, Any]

DEPRECATED_LABEL = "beta.kubernetes.io/arch"
_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
_CONTAINER_SECCOMP = "container.seccomp.security.alpha.kubernetes.io/c"
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/c"


def cases(namespace: str) -> dict[str, list[Ask]]:
    core = f"/api/v1/namespaces/{namespace}"
    return {
        "pods: annotations": _pod_annotations(f"{core}/pods"),
        "pods: warnings": _pod_warnings(f"{core}/pods"),
        "pods: label keys become selectors": _label_keys(f"{core}/pods"),
        "pods: users of their own": _host_users(f"{core}/pods"),
        "pod templates: warnings": _template_warnings(namespace),
        "workloads: annotations": _workloads(namespace),
    }


def _pod(name: str = "p", annotations: dict[str, str] | None = None, **spec: Any) -> Body:
    made = pod(name, **spec)
    if annotations:
        made["metadata"]["annotations"] = annotations
    return made


def _secured(**context: Any) -> Body:
    return {"containers": [{"name": "c", "image": "i:1", "securityContext": context}]}


def _pod_annotations(pods: str) -> list[Ask]:
    runtime, local = {"type": "RuntimeDefault"}, {"type": "Localhost", "localhostProfile": "a/b"}
    cost = "controller.kubernetes.io/pod-deletion-cost"
    tolerations = "scheduler.alpha.kubernetes.io/tolerations"
    mirror = "kubernetes.io/config.mirror"
    bad: list[Body] = [
        _pod(annotations={cost: value}) for value in ("1", "-5", "+5", "01", "x", "99999999999", "")
    ]
    bad += [
        _pod(annotations={_SECCOMP: value})
        for value in (
            "runtime/default",
            "docker/default",
            "unconfined",
            "localhost/a",
            "localhost/../a",
            "x",
            "",
        )
    ]
    bad += [_pod(annotations={_CONTAINER_SECCOMP: value}) for value in ("unconfined", "localhost//a", "x")]
    bad += [
        _pod(annotations={_SECCOMP: value}, securityContext={"seccompProfile": profile})
        for profile in (runtime, local, {"type": "Unconfined"})
        for value in ("runtime/default", "localhost/a/b", "localhost/c", "unconfined")
    ]
    bad += [
        _pod(annotations={_CONTAINER_SECCOMP: value}, **_secured(seccompProfile=profile))
        for profile in (runtime, local)
        for value in ("docker/default", "localhost/c")
    ]
    bad += [
        _pod(annotations={_APP_ARMOR: value}, **spec)
        for value in ("runtime/default", "localhost/a", "localhost/", "unconfined", "x")
        for spec in (
            {},
            _secured(appArmorProfile=runtime),
            _secured(appArmorProfile={"type": "Localhost", "localhostProfile": "b"}),
            {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
            {"os": {"name": "windows"}},
        )
    ]
    bad += [
        _pod(annotations={_APP_ARMOR.replace("/c", "/other"): "unconfined"}),
        _pod(annotations={mirror: "x"}),
        _pod(annotations={mirror: "x"}, nodeName="n"),
        _pod(annotations={tolerations: "x"}),
        _pod(annotations={tolerations: '[{"key":"Bad Key!"}]'}),
        _pod(annotations={tolerations: '[{"key":"a","operator":"Exists"}]'}),
        _pod("a.b"),
    ]
    held = _pod("held", {_APP_ARMOR: "unconfined", mirror: "x", cost: "1"}, nodeName="n")
    changes: list[Body] = [
        {_APP_ARMOR: None},
        {_APP_ARMOR: "runtime/default"},
        {_APP_ARMOR.replace("/c", "/d"): "unconfined"},
        {mirror: None},
        {mirror: "y"},
        {cost: "x"},
        {_SECCOMP: "x"},
        {"other": "z"},
    ]
    return [
        *(post(pods, body, dryRun="All") for body in bad),
        post(pods, held),
        *(merge(f"{pods}/held", {"metadata": {"annotations": each}}, dryRun="All") for each in changes),
        *(
            merge(f"{pods}/held/status", {"metadata": {"annotations": each}}, dryRun="All")
            for each in changes
        ),
        post(pods, _pod("plain")),
        merge(f"{pods}/plain", {"metadata": {"annotations": {mirror: "x"}}}),
        merge(f"{pods}/plain", {"metadata": {"annotations": {_APP_ARMOR: "unconfined"}}}),
        delete(f"{pods}/plain"),
        delete(f"{pods}/held", gracePeriodSeconds=0),
    ]


SOURCES: dict[str, Body] = {
    "photonPersistentDisk": {"pdID": "a"},
    "gitRepo": {"repository": "a"},
    "scaleIO": {"gateway": "g", "system": "s", "secretRef": {"name": "s"}, "volumeName": "v"},
    "flocker": {"datasetName": "a"},
    "storageos": {"volumeName": "v"},
    "quobyte": {"registry": "a:1", "volume": "v"},
    "glusterfs": {"endpoints": "e", "path": "p"},
    "cephfs": {"monitors": ["m"]},
    "rbd": {"monitors": ["m"], "image": "i"},
    "azureDisk": {"diskName": "d", "diskURI": "https://blob.core.windows.net/d"},
    "azureFile": {"secretName": "s", "shareName": "n"},
    "awsElasticBlockStore": {"volumeID": "v"},
    "gcePersistentDisk": {"pdName": "d"},
    "cinder": {"volumeID": "v"},
    "vsphereVolume": {"volumePath": "p"},
    "portworxVolume": {"volumeID": "v"},
    "fc": {"targetWWNs": ["a"], "lun": 1},
    "iscsi": {"targetPortal": "1.2.3.4:3260", "iqn": "iqn.2015-02.example.com:test", "lun": 0},
    "flexVolume": {"driver": "a/b"},
    "image": {"reference": "i:1"},
}


def _mapped(*paths: str) -> list[Body]:
    return [{"key": f"k{index}", "path": path} for index, path in enumerate(paths)]


def _with(kind: str, field: str, terms: list[Body]) -> Body:
    return {"affinity": {kind: {f"{field}DuringSchedulingIgnoredDuringExecution": terms}}}


def _warned_specs() -> list[Body]:
    """Specs of pods that are accepted with warnings."""
    term = {"topologyKey": "zone"}
    expressions = [{"key": DEPRECATED_LABEL, "operator": "In", "values": ["Bad Value!"]}]
    selector = {"matchExpressions": [{"key": DEPRECATED_LABEL, "operator": "Exists"}]}
    projections = [
        {"configMap": {"name": "m", "items": _mapped("a")}},
        {"secret": {"name": "s", "items": _mapped("a/b")}},
    ]
    port = {"containerPort": 80, "protocol": "TCP"}
    return [
        *({"volumes": [{"name": "v", kind: source}]} for kind, source in SOURCES.items()),
        {"volumes": [{"name": "v", "configMap": {"name": "m", "items": _mapped("a", "a/b", "c", "c/")}}]},
        {"volumes": [{"name": "v", "secret": {"secretName": "m", "items": _mapped("a", "a")}}]},
        {"volumes": [{"name": "v", "projected": {"sources": projections}}]},
        {"volumes": [{"name": "v", "projected": {"sources": [{}]}}]},
        {
            "volumes": [
                {
                    "name": "v",
                    "ephemeral": {
                        "volumeClaimTemplate": {
                            "spec": {
                                "accessModes": ["ReadWriteOnce"],
                                "resources": {"requests": {"storage": "1500m"}},
                            }
                        }
                    },
                }
            ]
        },
        _with("podAffinity", "required", [term]),
        _with("podAffinity", "preferred", [{"weight": 1, "podAffinityTerm": term}]),
        _with("podAntiAffinity", "required", [term]),
        _with("podAntiAffinity", "preferred", [{"weight": 1, "podAffinityTerm": term}]),
        {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [selector]}}}},
        _with("nodeAffinity", "preferred", [{"weight": 1, "preference": {"matchExpressions": expressions}}]),
        {"nodeSelector": {DEPRECATED_LABEL: "a"}},
        {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "failure-domain.beta.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}]},
        {"hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a"]}, {"ip": "1.2.3.4", "hostnames": ["b"]}]},
        {"hostAliases": [{"ip": "::ffff:1.2.3.4", "hostnames": ["a"]}]},
        {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["2001:DB8::1"]}},
        {"imagePullSecrets": [{"name": "a"}, {"name": "a"}, {"name": ""}]},
        {"terminationGracePeriodSeconds": -1},
        {"containers": [{"name": "c", "image": "i:1", "resources": {"limits": {"memory": "1500m", "ephemeral-storage": "1500m"}, "requests": {"memory": "500m", "ephemeral-storage": "100m"}}}]},
        {"containers": [{"name": "c", "image": "i:1", "env": [{"name": "A", "value": "a"}, {"name": "A", "value": "b"}, {"name": "A", "value": "$(A)"}, {"name": "A", "value": "x$(A)"}]}]},
        {"containers": [{"name": "c", "image": "i:1", "ports": [port, {**port, "hostPort": 80}, {**port, "hostIP": "1.2.3.4"}]}]},
        {"containers": [{"name": "c", "image": "i:1", "ports": [{**port, "name": "a", "hostPort": 80}]}, {"name": "d", "image": "i:1", "ports": [{**port, "hostPort": 80, "hostIP": "1.2.3.4"}, {"containerPort": 81, "name": "a"}]}]},
    ]  # fmt: skip


_OLD_ANNOTATIONS = (
    "scheduler.alpha.kubernetes.io/critical-pod",
    "security.alpha.kubernetes.io/sysctls",
    "security.alpha.kubernetes.io/unsafe-sysctls",
)


def _pod_warnings(pods: str) -> list[Ask]:
    address = "0010.1.2.3"
    return [
        *(post(pods, _pod(**spec), dryRun="All") for spec in _warned_specs()),
        post(pods, _pod(annotations=dict.fromkeys(_OLD_ANNOTATIONS, "x")), dryRun="All"),
        post(pods, _pod("dotted.name"), dryRun="All"),
        post(pods, _pod("p", nodeSelector={DEPRECATED_LABEL: "a"})),
        # Of an update nothing is said.
        merge(f"{pods}/p", {"metadata": {"labels": {"c": "d"}}}),
        merge(f"{pods}/p/status", {"status": {"podIP": address, "podIPs": [{"ip": address}]}}),
        merge(f"{pods}/p/status", {"status": {"podIP": "2001:DB8::1", "podIPs": [{"ip": "2001:DB8::1"}]}}),
        merge(f"{pods}/p/status", {"status": {"hostIP": "::ffff:1.2.3.4", "hostIPs": [{"ip": "::ffff:1.2.3.4"}]}}),
        delete(f"{pods}/p"),
    ]  # fmt: skip


def _label_keys(pods: str) -> list[Ask]:
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"x": "y"}}}
    keyed = {**term, "matchLabelKeys": ["a"], "mismatchLabelKeys": ["e"]}
    missing = {**term, "matchLabelKeys": ["missing"]}
    spread = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    labels = {"a": "b", "e": "f"}
    specs = [
        *(_with(kind, "required", [keyed, missing]) for kind in ("podAffinity", "podAntiAffinity")),
        *(
            _with(kind, "preferred", [{"weight": 1, "podAffinityTerm": keyed}])
            for kind in ("podAffinity", "podAntiAffinity")
        ),
        {"topologySpreadConstraints": [{**spread, "labelSelector": {}, "matchLabelKeys": ["a"]}]},
        {"topologySpreadConstraints": [{**spread, "matchLabelKeys": ["a"]}]},
        _with("podAffinity", "required", [{"topologyKey": "zone", "matchLabelKeys": ["a"]}]),
        _with("podAffinity", "required", [{**term, "labelSelector": {"matchLabels": {"a": "b"}}, "matchLabelKeys": ["a"]}]),
    ]  # fmt: skip
    asked: list[Ask] = []
    for index, spec in enumerate(specs):
        body = _pod(f"k{index}", **spec)
        body["metadata"]["labels"] = labels
        path = f"{pods}/k{index}"
        asked += [
            post(pods, body),
            get(path),
            merge(path, {"metadata": {"labels": {"a": "z"}}}),
            delete(path),
        ]
    return asked


def _host_users(pods: str) -> list[Ask]:
    return [
        post(pods, _pod(hostUsers=False, **spec), dryRun="All")
        for spec in (
            {},
            {"hostPID": True},
            {"hostIPC": True},
            {"hostNetwork": True},
            {"hostPID": True, "hostIPC": True, "hostNetwork": True, "containers": [{"name": "c", "image": "i:1"}]},
        )
    ]  # fmt: skip


def _template_warnings(namespace: str) -> list[Ask]:
    apps = f"/apis/apps/v1/namespaces/{namespace}"
    core = f"/api/v1/namespaces/{namespace}"
    batch = f"/apis/batch/v1/namespaces/{namespace}"
    asked: list[Ask] = []
    unconfined = {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}
    kept: Body = {"containers": [{"name": "c", "image": "i:1"}]}
    for noted, spec in (
        ({_APP_ARMOR: "unconfined"}, {}),
        ({_APP_ARMOR: "unconfined"}, unconfined),
        ({_APP_ARMOR: "runtime/default"}, unconfined),
        ({_SECCOMP: "x", _CONTAINER_SECCOMP: "y"}, {}),
        ({_SECCOMP: "x", _CONTAINER_SECCOMP: "y"}, {"securityContext": {"seccompProfile": {"type": "Unconfined"}}}),
        ({"controller.kubernetes.io/pod-deletion-cost": "x"}, {}),
        (dict.fromkeys(_OLD_ANNOTATIONS, "x"), {"nodeSelector": {DEPRECATED_LABEL: "a"}}),
    ):  # fmt: skip
        template = {"metadata": {"labels": {"a": "b"}, "annotations": noted}, "spec": {**kept, **spec}}
        asked.append(post(f"{apps}/deployments", deployment(template=template), dryRun="All"))
    old: Body = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {**kept, "nodeSelector": {DEPRECATED_LABEL: "a"}},
    }
    selector = {"matchLabels": {"a": "b"}}
    ends = {**old, "spec": {**old["spec"], "restartPolicy": "Never"}}
    for collection, spec in (
        (f"{apps}/deployments", {"selector": selector, "template": old, "replicas": 0}),
        (f"{apps}/replicasets", {"selector": selector, "template": old, "replicas": 0}),
        (f"{apps}/daemonsets", {"selector": selector, "template": old}),
        (f"{apps}/statefulsets", {"selector": selector, "template": old, "replicas": 0, "revisionHistoryLimit": -1}),
        (f"{core}/replicationcontrollers", {"selector": {"a": "b"}, "template": old, "replicas": 0}),
        (f"{batch}/jobs", {"template": ends, "suspend": True}),
        (f"{batch}/cronjobs", {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": ends}}}),
    ):  # fmt: skip
        path = f"{collection}/dotted.name"
        template = {"metadata": {"annotations": {"x": "y"}}}
        inner: Body = (
            {"jobTemplate": {"spec": {"template": template}}} if "cron" in path else {"template": template}
        )
        asked += [
            post(collection, {"metadata": {"name": "dotted.name"}, "spec": spec}),
            merge(path, {"metadata": {"labels": {"c": "d"}}}),
            merge(path, {"metadata": {"annotations": {"c": "d"}}}),
            merge(path, {"spec": inner}),
            delete(path, propagationPolicy="Background"),
        ]
    templates = f"{core}/podtemplates"
    return [
        *asked,
        post(templates, {"metadata": {"name": "dotted.name"}, "template": old}),
        merge(f"{templates}/dotted.name", {"metadata": {"labels": {"c": "d"}}}),
        merge(f"{templates}/dotted.name", {"template": {"metadata": {"annotations": {"c": "d"}}}}),
        delete(f"{templates}/dotted.name"),
    ]


def _workloads(namespace: str) -> list[Ask]:
    apps = f"/apis/apps/v1/namespaces/{namespace}"
    rollback = "deprecated.deployment.rollback.to"
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i:1"}]},
    }
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    generation = "deprecated.daemonset.template.generation"
    sets, made = f"{apps}/daemonsets", f"{apps}/daemonsets/d"
    noted = [{rollback: value} for value in ("0", "5", "-1", "x", "")]
    noted += [{generation: value} for value in ("5", "-1", "x")]
    body = deployment(replicas=0)
    return [
        *(
            post(
                f"{apps}/{kind}", {"metadata": {"name": "n", "annotations": each}, "spec": spec}, dryRun="All"
            )
            for kind in ("deployments", "daemonsets")
            for each in noted
        ),
        post(f"{apps}/deployments", body),
        *(
            merge(f"{apps}/deployments/web", {"metadata": {"annotations": each}}, dryRun="All")
            for each in noted
            # One that is emptied counts as a change of nothing that can be seen.
            if "" not in each.values()
        ),
        delete(f"{apps}/deployments/web"),
        post(sets, {"metadata": {"name": "d"}, "spec": spec}),
        merge(made, {"metadata": {"labels": {"a": "b"}}}),
        merge(made, {"spec": {"template": {"metadata": {"annotations": {"x": "y"}}}}}),
        *(merge(made, {"metadata": {"annotations": each}}, dryRun="All") for each in noted),
        merge(made, {"metadata": {"annotations": {generation: None}}}),
        get(made),
        delete(made),
    ]
