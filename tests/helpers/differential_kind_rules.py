# ruff: noqa: E501 (objects are one to a line)
"""Conversations about what kinds do beside refusing: warn, drop what no longer fits, give out, own their fields."""

from __future__ import annotations

import itertools
from typing import Any

from helpers.differential import Ask, delete, get, merge, post, put
from helpers.differential_cases import pod
from helpers.differential_pod_rules import DEPRECATED_LABEL, SOURCES

Body = dict[str, Any]


def cases(namespace: str) -> dict[str, list[Ask]]:
    core = f"/api/v1/namespaces/{namespace}"
    return {
        "services: what they are given": _services(f"{core}/services"),
        "other kinds: warnings": _warnings(namespace),
        "roles: rules and what they bind": _roles(namespace),
        "volumes: defaults": _volumes(namespace),
        "metadata: uids": _uids(f"{core}/configmaps"),
    }


def _services(services: str) -> list[Ask]:
    def service(name: str, **spec: Any) -> Body:
        return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}

    asked: list[Ask] = []
    last: list[Ask] = []
    kinds: dict[str, Body] = {
        "ClusterIP": {},
        "NodePort": {"externalTrafficPolicy": "Local", "internalTrafficPolicy": "Local"},
        "LoadBalancer": {
            "externalTrafficPolicy": "Local",
            "loadBalancerClass": "a/b",
            "allocateLoadBalancerNodePorts": False,
            "loadBalancerSourceRanges": ["1.2.3.0/24"],
            "loadBalancerIP": "1.2.3.4",
        },
        "ExternalName": {"externalName": "a.b"},
    }
    # None goes before the end, and those that give their addresses back change last: an address that was given
    # out twice on one server alone would be a difference.
    ways = sorted(itertools.permutations(kinds, 2), key=lambda way: way[1] == "ExternalName")
    for old, new in ways:
        path = f"{services}/{old}-{new}".lower()
        more = {"externalName": "c.d"} if new == "ExternalName" else {}
        asked.append(post(services, service(path.rpartition("/")[2], type=old, **kinds[old])))
        later = [merge(path, {"spec": {"type": new, **more}}), get(path)]
        asked += later if new != "ExternalName" else []
        last += later if new == "ExternalName" else []
    path = f"{services}/put"
    headless = service("put", clusterIP="None", externalIPs=["1.2.3.4"], sessionAffinity="ClientIP")
    hints = "service.kubernetes.io/topology-aware-hints"
    mode = "service.kubernetes.io/topology-mode"
    noted = {
        "metadata": {"name": "put", "annotations": {hints: "auto", mode: "Auto"}},
        "spec": {"ports": [{"port": 80}]},
    }
    same = {**noted, "metadata": {"name": "put", "annotations": {hints: "auto", mode: "auto"}}}
    return [
        *asked,
        post(services, service("put", type="NodePort", externalTrafficPolicy="Local")),
        put(path, service("put", type="ClusterIP")),
        get(path),
        merge(f"{path}/status", {"status": {"loadBalancer": {"ingress": [{"ip": "::ffff:1.2.3.4"}]}}}),
        merge(
            f"{services}/clusterip-loadbalancer/status",
            {"status": {"loadBalancer": {"ingress": [{"ip": "2001:DB8::1"}]}}},
        ),
        merge(f"{services}/clusterip-loadbalancer", {"spec": {"type": "ClusterIP"}}),
        *last,
        post(services, headless, dryRun="All"),
        post(services, noted, dryRun="All"),
        post(services, same, dryRun="All"),
        post(services, service("put", trafficDistribution="PreferClose"), dryRun="All"),
        post(services, service("put", externalName="a.b"), dryRun="All"),
        post(services, service("put", loadBalancerIP="2001:DB8::1", type="LoadBalancer"), dryRun="All"),
        *(
            put(
                f"{services}/made/status",
                {"metadata": {"name": "made", "labels": {label: "x"}}, "spec": spec},
            )
            for label in ("bad label", "a")
            for spec in ({"clusterIP": "None", "ports": [{"port": 80}]}, {"ipFamilyPolicy": "None"})
        ),
        *_allocations(services),
        delete(services),
    ]


def _allocations(services: str) -> list[Ask]:
    """What can be had, and what cannot, in earnest and as a dry run."""

    def service(name: str, *ports: Body, **spec: Any) -> Body:
        return {"metadata": {"name": name}, "spec": {"ports": list(ports) or [{"port": 80}], **spec}}

    udp = {"port": 80, "protocol": "UDP", "name": "u"}
    both = ({"port": 80, "name": "t"}, udp)
    named = ({"port": 80, "name": "t", "nodePort": 30001}, {**udp, "nodePort": 30001})
    unlike = ({"port": 80, "name": "t", "nodePort": 30002}, {**udp, "nodePort": 30003})
    given: list[Body] = [
        service("a", clusterIP="10.0.0.5"),
        service("b", clusterIP="10.1.0.250"),
        service("c", *both, type="NodePort"),
        service("d", *named, type="NodePort"),
        service("e", *unlike, type="NodePort"),
        service("f", {"port": 80, "nodePort": 5}, type="NodePort"),
        service("g", {"port": 80, "nodePort": 30004}, {"port": 81, "name": "x"}, type="NodePort"),
        service("h", {"port": 80, "nodePort": 30005}, type="ClusterIP"),
        service("i", type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=30006),
        service("j", type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=7),
        service("k", type="LoadBalancer", externalTrafficPolicy="Cluster", healthCheckNodePort=30008),
        service(
            "l", {"port": 80, "nodePort": 30009}, type="LoadBalancer", allocateLoadBalancerNodePorts=False
        ),
        # Taken by those above.
        service("m", clusterIP="10.0.0.5"),
        service("n", {"port": 80, "nodePort": 30001}, type="NodePort"),
        service("o", type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=30006),
    ]
    changes: list[Ask] = []
    for options in ({"dryRun": "All"}, {}):
        changes += [
            merge(f"{services}/c", {"spec": {"ports": [{**udp, "nodePort": 30001}]}}, **options),
            merge(f"{services}/c", {"spec": {"ports": [{**udp, "nodePort": 30011}]}}, **options),
            merge(
                f"{services}/c", {"spec": {"ports": [{"port": 99}, {"port": 100, "name": "x"}]}}, **options
            ),
            merge(f"{services}/c", {"spec": {"ports": [{"port": 99, "name": "y"}, udp]}}, **options),
            merge(f"{services}/i", {"spec": {"healthCheckNodePort": 30012}}, **options),
            merge(f"{services}/i", {"spec": {"externalTrafficPolicy": "Cluster"}}, **options),
            merge(f"{services}/i", {"spec": {"externalTrafficPolicy": "Local"}}, **options),
            merge(f"{services}/a", {"spec": {"clusterIP": "10.0.0.6"}}, **options),
            merge(f"{services}/a", {"spec": {"clusterIP": ""}}, **options),
            merge(f"{services}/a", {"spec": {"clusterIP": None, "clusterIPs": None}}, **options),
            put(f"{services}/a", service("a"), **options),
        ]
    return [
        *(post(services, body, dryRun="All") for body in given),
        *(post(services, body) for body in given),
        *(post(services, body, dryRun="All") for body in given[-3:]),
        *changes,
    ]


def _warnings(namespace: str) -> list[Ask]:
    core, batch = f"/api/v1/namespaces/{namespace}", f"/apis/batch/v1/namespaces/{namespace}"
    ingresses = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses"
    backend = {"service": {"name": "s", "port": {"number": 80}}}
    classed = {"kubernetes.io/ingress.class": "c"}
    account = {"kubernetes.io/enforce-mountable-secrets": "true"}
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i:1"}], "restartPolicy": "Never"},
    }
    cron = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}}
    volume: Body = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/x"},
    }
    old_class = {"volume.beta.kubernetes.io/storage-class": "a"}
    old_options = {"volume.beta.kubernetes.io/mount-options": "ro"}
    claim: Body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1500m"}}}
    node = f"{namespace}-node"
    quota = {"requests.cpu": "4", "limits.cpu": "2", "memory": "2Gi", "limits.memory": "1Gi"}
    return [
        post(ingresses, {"metadata": {"name": "i", "annotations": classed}, "spec": {"defaultBackend": backend}}),
        merge(f"{ingresses}/i", {"metadata": {"labels": {"a": "b"}}}),
        merge(f"{ingresses}/i/status", {"status": {"loadBalancer": {"ingress": [{"ip": "2001:DB8::1"}]}}}),
        post(
            ingresses,
            {
                "metadata": {"name": "j", "annotations": classed},
                "spec": {"defaultBackend": backend, "ingressClassName": "c"},
            },
        ),
        delete(f"{ingresses}/i"),
        post(f"{core}/serviceaccounts", {"metadata": {"name": "a", "annotations": account}}),
        merge(f"{core}/serviceaccounts/a", {"metadata": {"labels": {"a": "b"}}}),
        merge(f"{core}/serviceaccounts/default", {"metadata": {"annotations": account}}),
        delete(f"{core}/serviceaccounts/a"),
        post("/api/v1/nodes", {"metadata": {"name": node}, "spec": {"externalID": "x"}}),
        merge(f"/api/v1/nodes/{node}", {"spec": {"podCIDR": "10.1.2.3/16", "podCIDRs": ["10.1.2.3/16"]}}),
        merge(f"/api/v1/nodes/{node}", {"spec": {"configSource": {"configMap": {"name": "a", "namespace": "b", "kubeletConfigKey": "k"}}}}),
        delete(f"/api/v1/nodes/{node}"),
        post(f"{core}/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": quota}}, dryRun="All"),
        post(
            "/apis/node.k8s.io/v1/runtimeclasses",
            {"metadata": {"name": namespace}, "handler": "h", "scheduling": {"nodeSelector": {DEPRECATED_LABEL: "a"}}},
            dryRun="All",
        ),
        post(f"{batch}/cronjobs", {"metadata": {"name": "c"}, "spec": cron}),
        merge(f"{batch}/cronjobs/c", {"spec": {"schedule": "TZ=UTC * * * * *"}}),
        merge(f"{batch}/cronjobs/c", {"spec": {"timeZone": "Etc/UTC"}}),
        post(f"{batch}/cronjobs", {"metadata": {"name": "d"}, "spec": {**cron, "schedule": "TZ=UTC * * * * *"}}),
        *(
            post(f"{batch}/cronjobs", {"metadata": metadata, "spec": spec})
            for metadata in ({"name": "x" * 53}, {"generateName": "x" * 66}, {"generateName": "Bad-"})
            for spec in (cron, {**cron, "schedule": "never"})
        ),
        delete(f"{batch}/cronjobs/c"),
        post(
            f"{batch}/jobs",
            {
                "metadata": {"name": "j"},
                "spec": {"completionMode": "Indexed", "completions": 100001, "parallelism": 10001, "template": template},
            },
            dryRun="All",
        ),
        *(
            post(
                "/api/v1/persistentvolumes",
                {"metadata": {"name": namespace, "annotations": noted}, "spec": {**volume, **spec}},
                dryRun="All",
            )
            for noted, spec in (
                (old_class, {}),
                (old_options, {}),
                ({}, {"persistentVolumeReclaimPolicy": "Recycle"}),
                (
                    {},
                    {"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": DEPRECATED_LABEL, "operator": "Exists"}]}]}}},
                ),
                *(
                    ({}, {"hostPath": None, kind: source})
                    for kind, source in SOURCES.items()
                    if kind not in ("gitRepo", "image")
                ),
            )
        ),
        post(f"{core}/persistentvolumeclaims", {"metadata": {"name": "c", "annotations": old_class}, "spec": claim}, dryRun="All"),
        post(
            "/apis/storage.k8s.io/v1/storageclasses",
            {
                "metadata": {"name": namespace},
                "provisioner": "a/b",
                "allowedTopologies": [{"matchLabelExpressions": [{"key": DEPRECATED_LABEL, "values": ["a"]}]}],
            },
            dryRun="All",
        ),
        post(
            f"/apis/storage.k8s.io/v1/namespaces/{namespace}/csistoragecapacities",
            {"metadata": {"name": "c"}, "storageClassName": "a", "nodeTopology": {"matchLabels": {DEPRECATED_LABEL: "a"}, "matchExpressions": [{"key": DEPRECATED_LABEL, "operator": "Exists"}]}},
            dryRun="All",
        ),
        post(
            f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies",
            {"metadata": {"name": "n"}, "spec": {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.1.2.3/16"}}]}], "egress": [{"to": [{"ipBlock": {"cidr": "2001:DB8::/32"}}]}]}},
            dryRun="All",
        ),
        post(
            f"{core}/endpoints",
            {"metadata": {"name": "e"}, "subsets": [{"addresses": [{"ip": "2001:DB8::1"}], "ports": [{"port": 80}]}]},
            dryRun="All",
        ),
        post(
            f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices",
            {"metadata": {"name": "e"}, "addressType": "IPv6", "endpoints": [{"addresses": ["2001:DB8::1"]}], "ports": []},
            dryRun="All",
        ),
        post(
            f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets",
            {"metadata": {"name": "b"}, "spec": {"maxUnavailable": 1}},
            dryRun="All",
        ),
    ]  # fmt: skip


def _roles(namespace: str) -> list[Ask]:
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    group = "rbac.authorization.k8s.io"
    ref = {"apiGroup": group, "kind": "Role", "name": "r"}
    binding: Body = {"metadata": {"name": "b"}, "roleRef": ref, "subjects": []}
    cluster = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{namespace}"
    return [
        post(f"{rbac}/roles", {"metadata": {"name": "r"}, "rules": []}),
        put(f"{rbac}/roles/r", {"metadata": {"name": "r"}, "rules": None}),
        put(f"{rbac}/roles/r", {"metadata": {"name": "r"}, "rules": []}),
        post(f"{rbac}/roles", {"metadata": {"name": "none"}}),
        merge(f"{rbac}/roles/none", {"rules": []}),
        merge(f"{rbac}/roles/none", {"rules": None}),
        post(f"{rbac}/roles", {"metadata": {"name": "null"}, "rules": None}),
        post(cluster.rpartition("/")[0], {"metadata": {"name": namespace}, "rules": []}),
        delete(cluster),
        post(f"{rbac}/rolebindings", binding),
        put(f"{rbac}/rolebindings/b", {**binding, "roleRef": {**ref, "name": "s"}}),
        merge(f"{rbac}/rolebindings/b", {"roleRef": {"kind": "ClusterRole"}}),
        merge(f"{rbac}/rolebindings/b", {"subjects": [{"kind": "User", "name": "u"}]}),
        merge(f"{rbac}/rolebindings/b", {"subjects": []}),
        delete(f"{rbac}/rolebindings"),
        delete(f"{rbac}/roles"),
    ]


def _volumes(namespace: str) -> list[Ask]:
    core = f"/api/v1/namespaces/{namespace}"
    capacity = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
    asked: list[Ask] = []
    for kind, source in SOURCES.items():
        body = pod("p", volumes=[{"name": "v", kind: source}])
        asked.append(post(f"{core}/pods", body, dryRun="All"))
        if kind in ("gitRepo", "image"):
            continue
        volume = {"metadata": {"name": namespace}, "spec": {**capacity, kind: source}}
        asked.append(post("/api/v1/persistentvolumes", volume, dryRun="All"))
    return asked


def _uids(maps: str) -> list[Ask]:
    wrong = {"uid": "00000000-0000-0000-0000-000000000000"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    return [
        post(maps, config).named("c"),
        put(f"{maps}/c", {**config, "metadata": {"name": "c", **wrong}}),
        merge(f"{maps}/c", {"metadata": wrong}),
        merge(f"{maps}/c", {"metadata": {"uid": None}}),
        merge(f"{maps}/c", {"metadata": {"uid": "$uid(c)"}}),
        put(f"{maps}/missing", {**config, "metadata": {"name": "missing", **wrong}}),
        merge(f"{maps}/missing", {"metadata": wrong}),
        post(maps, {**config, "metadata": {"name": "given", **wrong}}),
        delete(f"{maps}/c", {"preconditions": wrong}),
        delete(f"{maps}/c"),
    ]
