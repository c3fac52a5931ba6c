"""Conversations about resource quotas: what they refuse, and what they charge.

Admission of the real server hears of them by a watch, so each conversation first posts something, dry, until
it is refused on account of the quota. No controller counts what is used: the first status is written here.
"""

from __future__ import annotations

from typing import Any

from helpers.differential import Ask, delete, get, json_patch, merge, post, put, strategic
from helpers.differential_cases import pod
from helpers.differential_limit_ranges import claim, container, sized, until_refused

Body = dict[str, Any]

_QUOTA, _CHARGES, _SCOPES = (
    "admission: ResourceQuota",
    "admission: ResourceQuota charges",
    "admission: ResourceQuota scopes",
)


def quota(name: str, hard: Body, **spec: Any) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": name},
        "spec": {"hard": hard, **spec},
    }


_TEMPLATE: Body = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}
_SENTINELS: dict[str, Body] = {
    "podtemplates": {"metadata": {"name": "sentinel"}, "template": _TEMPLATE},
    "serviceaccounts": {"metadata": {"name": "sentinel"}},
}


def made_known(
    core: str, name: str, hard: Body, used: Body | None = None, *, sentinel: str = "podtemplates", **spec: Any
) -> list[Ask]:
    """A quota with a status, known to admission: it is waited for until it refuses an object of its own.

    A quota with scopes counts pods alone: who makes several makes one without scopes last, as admission
    hears of them in order.
    """
    scoped = "scopes" in spec or "scopeSelector" in spec
    limits = hard if scoped else {**hard, f"count/{sentinel}": "0"}
    body = quota(name, limits, **spec)
    status = {"hard": limits, "used": {**dict.fromkeys(limits, "0"), **(used or {})}}
    asks = [
        post(f"{core}/resourcequotas", body),
        put(f"{core}/resourcequotas/{name}/status", {**body, "status": status}),
    ]
    if not scoped:
        known = f"exceeded quota: {name}"
        asks.append(until_refused(f"{core}/{sentinel}", _SENTINELS[sentinel], known))
    return asks


def _service(name: str, **spec: Any) -> Body:
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 81}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": ports, **spec},
    }


def _quotas(core: str) -> dict[str, list[Ask]]:
    pods, services, claims = f"{core}/pods", f"{core}/services", f"{core}/persistentvolumeclaims"
    maps, deployments = f"{core}/configmaps", core.replace("/api/v1", "/apis/apps/v1") + "/deployments"
    status = f"{core}/resourcequotas/q"
    return {
        "quotas: objects": [
            *made_known(
                core,
                "q",
                {
                    "configmaps": "2",
                    "count/configmaps": "3",
                    "count/deployments.apps": "1",
                    "secrets": "1",
                    "replicationcontrollers": "0",
                },
            ),
            post(maps, {"metadata": {"name": "a"}}).good(_CHARGES),
            get(status).good(_CHARGES),
            post(maps, {"metadata": {"name": "a"}}),
            get(status),
            post(maps, {"metadata": {"name": "b"}}, dryRun="All"),
            post(maps, {"metadata": {"name": "b"}}).bad(_QUOTA),
            get(status),
            merge(f"{maps}/a", {"data": {"x": "y"}}).good(_QUOTA),
            delete(f"{maps}/a"),
            get(status).good(_QUOTA),
            post(f"{core}/secrets", {"metadata": {"generateName": "s-"}}).good(_CHARGES),
            post(f"{core}/secrets", {"metadata": {"generateName": "s-"}}).bad(_QUOTA),
            post(
                f"{core}/events",
                {
                    "metadata": {"name": "e", "namespace": core.rsplit("/", 1)[1]},
                    "involvedObject": {"namespace": core.rsplit("/", 1)[1]},
                },
            ).good(_QUOTA),
            post(deployments, _deployment("d")).good(_CHARGES),
            post(deployments, _deployment("e")).bad(_QUOTA),
            get(status),
        ],
        "quotas: unknown status": [
            post(f"{core}/resourcequotas", quota("q", {"configmaps": "1"})),
            post(maps, {"metadata": {"name": "a"}}).good(_QUOTA),
            put(
                f"{status}/status",
                {
                    **quota("q", {"configmaps": "1"}),
                    "status": {"hard": {"configmaps": "1", "secrets": "1"}, "used": {}},
                },
            ),
            until_refused(maps, {"metadata": {"name": "b"}}, "status unknown"),
            post(maps, {"metadata": {"name": "b"}}).bad(_QUOTA),
        ],
        "quotas: compute": [
            *made_known(
                core,
                "q",
                {
                    "pods": "3",
                    "requests.cpu": "1",
                    "limits.cpu": "2",
                    "requests.memory": "1Gi",
                    "limits.memory": "2Gi",
                    "requests.ephemeral-storage": "1Gi",
                    "requests.example.com/gpu": "2",
                    "count/pods": "4",
                    "hugepages-2Mi": "4Mi",
                },
            ),
            post(pods, pod("bare")).bad(_QUOTA),
            post(
                pods,
                pod(
                    "half",
                    containers=[sized("100m", "100Mi"), container("b", limits={"cpu": "1"})],
                    initContainers=[container("i", requests={"memory": "1"})],
                ),
            ).bad(_QUOTA),
            post(pods, pod("a", containers=[sized("100m", "100Mi")])).good(_CHARGES),
            get(status).good(_CHARGES),
            post(
                pods,
                pod(
                    "b",
                    containers=[
                        container(
                            requests={
                                "cpu": "200m",
                                "memory": "64Mi",
                                "example.com/gpu": "1",
                                "ephemeral-storage": "1Mi",
                            },
                            limits={"cpu": "400m", "memory": "128Mi", "example.com/gpu": "1"},
                        )
                    ],
                ),
            ).good(_CHARGES),
            get(status),
            post(
                pods,
                pod(
                    "c",
                    containers=[
                        container(
                            requests={"cpu": "200m", "memory": "64Mi", "example.com/gpu": "2"},
                            limits={"cpu": "400m", "memory": "128Mi", "example.com/gpu": "2"},
                        )
                    ],
                ),
            ).bad(_QUOTA),
            post(pods, pod("d", containers=[sized("1", "2Gi")])).bad(_QUOTA),
            post(
                pods,
                pod("e", containers=[sized("100m", "1Mi")], initContainers=[sized("300m", "1Mi", "i")]),
            ).good(_CHARGES),
            get(status),
            post(pods, pod("f", containers=[sized("1m", "1")])).bad(_QUOTA),
            strategic(
                f"{pods}/a/resize",
                {
                    "spec": {
                        "containers": [
                            {
                                "name": "c",
                                "resources": {"requests": {"cpu": "150m"}, "limits": {"cpu": "150m"}},
                            }
                        ]
                    }
                },
            ).good(_CHARGES),
            get(status),
            strategic(
                f"{pods}/a/resize",
                {
                    "spec": {
                        "containers": [
                            {"name": "c", "resources": {"requests": {"cpu": "50m"}, "limits": {"cpu": "50m"}}}
                        ]
                    }
                },
            ),
            get(status),
            strategic(
                f"{pods}/a/resize",
                {
                    "spec": {
                        "containers": [
                            {
                                "name": "c",
                                "resources": {"requests": {"cpu": "950m"}, "limits": {"cpu": "950m"}},
                            }
                        ]
                    }
                },
            ).bad(_QUOTA),
        ],
        "quotas: pod resources and overhead": [
            *made_known(core, "q", {"requests.cpu": "1", "limits.memory": "1Gi", "cpu": "2"}),
            post(
                pods,
                pod(
                    "own",
                    containers=[container()],
                    resources={"requests": {"cpu": "300m"}, "limits": {"memory": "100Mi", "cpu": "1"}},
                ),
            ).good(_CHARGES),
            get(status),
            post(
                pods,
                pod(
                    "side",
                    containers=[sized("100m", "10Mi")],
                    initContainers=[
                        sized("200m", "20Mi", "s", restartPolicy="Always"),
                        sized("50m", "5Mi", "i"),
                    ],
                ),
            ).good(_CHARGES),
            get(status),
        ],
        "quotas: services": [
            *made_known(
                core, "q", {"services": "3", "services.nodeports": "3", "services.loadbalancers": "1"}
            ),
            post(services, _service("plain", clusterIP="None")).good(_CHARGES),
            get(status),
            post(services, _service("node", type="NodePort")).good(_CHARGES),
            get(status).good(_CHARGES),
            post(services, _service("balanced", type="LoadBalancer")).bad(_QUOTA),
            post(services, _service("free", type="LoadBalancer", allocateLoadBalancerNodePorts=False)).good(
                _CHARGES
            ),
            get(status),
            merge(f"{services}/node", {"spec": {"type": "ClusterIP"}}).good(_QUOTA),
            get(status),
            merge(f"{services}/node", {"spec": {"type": "LoadBalancer"}}).bad(_QUOTA),
            post(services, _service("more")).bad(_QUOTA),
        ],
        "quotas: claims": [
            *made_known(
                core,
                "q",
                {
                    "persistentvolumeclaims": "3",
                    "requests.storage": "10Gi",
                    "gold.storageclass.storage.k8s.io/requests.storage": "3Gi",
                    "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "2",
                },
            ),
            post(claims, claim("a", "2Gi")).good(_CHARGES),
            get(status),
            post(claims, claim("b", "4Gi", storageClassName="gold")).bad(_QUOTA),
            post(claims, claim("b", "1500m", storageClassName="gold")),
            post(claims, claim("c", "2Gi", storageClassName="gold")).good(_CHARGES),
            get(status).good(_CHARGES),
            post(claims, claim("d", "1Gi", storageClassName="gold")).bad(_QUOTA),
            merge(
                f"{claims}/a/status", {"status": {"phase": "Bound", "allocatedResources": {"storage": "4Gi"}}}
            ),
            get(status),
        ],
        "quotas: several": [
            *made_known(core, "a", {"configmaps": "5"}),
            *made_known(core, "q", {"configmaps": "1", "secrets": "1"}, sentinel="serviceaccounts"),
            post(maps, {"metadata": {"name": "a"}}).good(_CHARGES),
            get(f"{core}/resourcequotas").good(_CHARGES),
            post(maps, {"metadata": {"name": "b"}}).bad(_QUOTA),
            get(f"{core}/resourcequotas"),
            put(f"{core}/configmaps/new", {"metadata": {"name": "new"}}),
            json_patch(f"{core}/configmaps/a", [{"op": "add", "path": "/data", "value": {"a": "b"}}]).good(
                _QUOTA
            ),
        ],
    }


def _deployment(name: str) -> Body:
    return {
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": _TEMPLATE,
        },
    }


def _scopes(core: str, namespace: str) -> dict[str, list[Ask]]:
    pods = f"{core}/pods"
    maker = [{"scopeName": "PriorityClass", "operator": "In", "values": [f"{namespace}-high", "other"]}]
    not_maker = [{"scopeName": "PriorityClass", "operator": "NotIn", "values": [f"{namespace}-high"]}]
    affinity = {
        "podAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "labelSelector": {}, "namespaces": ["other"]}
            ]
        }
    }
    preferred = {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 1,
                    "podAffinityTerm": {
                        "topologyKey": "kubernetes.io/hostname",
                        "labelSelector": {},
                        "namespaceSelector": {},
                    },
                }
            ]
        }
    }
    plain: dict[str, Body] = {
        "best": {},
        "sized": {"containers": [sized("100m", "10Mi")]},
        "ending": {"activeDeadlineSeconds": 100},
        "near": {"affinity": affinity},
        "far": {"affinity": preferred},
        "high": {"priorityClassName": f"{namespace}-high"},
    }
    scopes: dict[str, Body] = {
        "best-effort": {"scopes": ["BestEffort"]},
        "not-best-effort": {"scopes": ["NotBestEffort"]},
        "terminating": {"scopes": ["Terminating"]},
        "not-terminating": {"scopes": ["NotTerminating"]},
        "affinity": {
            "scopeSelector": {
                "matchExpressions": [{"scopeName": "CrossNamespacePodAffinity", "operator": "Exists"}]
            }
        },
        "priority": {"scopeSelector": {"matchExpressions": maker}},
        "other-priority": {"scopeSelector": {"matchExpressions": not_maker}},
        "any-priority": {"scopes": ["PriorityClass"]},
        "no-priority": {
            "scopeSelector": {
                "matchExpressions": [{"scopeName": "PriorityClass", "operator": "DoesNotExist"}]
            }
        },
        "both": {"scopes": ["Terminating", "BestEffort"]},
    }
    made: list[Ask] = [
        post(
            "/apis/scheduling.k8s.io/v1/priorityclasses",
            {"metadata": {"name": f"{namespace}-high"}, "value": 7},
        ),
        Ask(
            "UNTIL",
            f"{pods}?dryRun=All",
            pod("w", priorityClassName=f"{namespace}-high"),
            label="'priority': 7",
        ),
    ]
    for name, spec in scopes.items():
        made += made_known(core, name, {"pods": "9"}, **spec)
    # All quotas are known once the last one is: they come in one watch.
    made += made_known(core, "zz", {"configmaps": "1"})
    for name, spec in plain.items():
        made += [post(pods, pod(name, **spec)).good(_SCOPES), get(f"{core}/resourcequotas").good(_SCOPES)]
    made += [
        merge(f"{pods}/best", {"spec": {"activeDeadlineSeconds": 50}}).good(_SCOPES),
        get(f"{core}/resourcequotas").good(_SCOPES),
        *made_known(core, "narrow", {"pods": "0"}, scopes=["Terminating"]),
        until_refused(pods, pod("w", activeDeadlineSeconds=5), "exceeded quota: narrow"),
        post(pods, pod("late", activeDeadlineSeconds=5)).bad(_SCOPES),
        merge(f"{pods}/sized", {"spec": {"activeDeadlineSeconds": 50}}).bad(_SCOPES),
        post(pods, pod("early")).good(_SCOPES),
        delete(f"/apis/scheduling.k8s.io/v1/priorityclasses/{namespace}-high"),
    ]
    claims = f"{core}/persistentvolumeclaims"
    return {
        "quotas: scopes": made,
        "quotas: scopes of claims": [
            *made_known(
                core,
                "named",
                {"persistentvolumeclaims": "5", "requests.storage": "5Gi"},
                scopeSelector={
                    "matchExpressions": [
                        {"scopeName": "VolumeAttributesClass", "operator": "In", "values": ["fast"]}
                    ]
                },
            ),
            *made_known(core, "any", {"persistentvolumeclaims": "1"}, scopes=["VolumeAttributesClass"]),
            *made_known(core, "zz", {"configmaps": "1"}),
            post(claims, claim("plain", "1Gi", storageClassName="x")).good(_SCOPES),
            post(claims, claim("fast", "1Gi", storageClassName="x", volumeAttributesClassName="fast")).good(
                _SCOPES
            ),
            get(f"{core}/resourcequotas").good(_SCOPES),
            post(claims, claim("slow", "1Gi", storageClassName="x", volumeAttributesClassName="slow")).bad(
                _SCOPES
            ),
        ],
    }


def cases(namespace: str) -> dict[str, list[Ask]]:
    core = f"/api/v1/namespaces/{namespace}"
    return {**_quotas(core), **_scopes(core, namespace)}
