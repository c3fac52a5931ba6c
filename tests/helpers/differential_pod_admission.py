"""Conversations about what classes, nodes and defaults give and refuse: the smaller admission plugins."""

from __future__ import annotations

import base64
from typing import Any

from helpers.differential import Ask, delete, get, merge, post, strategic
from helpers.differential_cases import pod
from helpers.differential_limit_ranges import claim, container

Body = dict[str, Any]


def line(name: str) -> str:
    return f"admission: {name}"


def cases(namespace: str) -> dict[str, list[Ask]]:
    core = f"/api/v1/namespaces/{namespace}"
    return {
        "priority classes": _priorities(namespace, f"{core}/pods"),
        "runtime classes": _runtime_classes(namespace, f"{core}/pods"),
        "tolerations": _tolerations(f"{core}/pods"),
        "storage classes and claims": _claims(namespace, core),
        "ingress classes": _ingresses(namespace),
        "nodes, their pods and resizes": _nodes(namespace, f"{core}/pods"),
        "certificate subjects": _certificates(namespace),
    }


def _priorities(namespace: str, pods: str) -> list[Ask]:
    classes, about = "/apis/scheduling.k8s.io/v1/priorityclasses", line("Priority")
    high, default = f"{namespace}-high", f"{namespace}-default"

    def known(name: str, value: int) -> Ask:
        return Ask(
            "UNTIL", f"{pods}?dryRun=All", pod("w", priorityClassName=name), label=f"'priority': {value}"
        )

    return [
        post(classes, {"metadata": {"name": high}, "value": 1000, "preemptionPolicy": "Never"}).good(about),
        known(high, 1000),
        post(pods, pod("none")).good(about),
        post(pods, pod("high", priorityClassName=high)).good(about),
        post(pods, pod("system", priorityClassName="system-node-critical")).good(about),
        post(pods, pod("same", priorityClassName=high, priority=1000, preemptionPolicy="Never")).good(about),
        post(pods, pod("x", priorityClassName="missing")).bad(about),
        post(pods, pod("x", priority=5)).bad(about),
        post(pods, pod("x", priorityClassName=high, priority=5)).bad(about),
        post(pods, pod("x", priorityClassName=high, preemptionPolicy="PreemptLowerPriority")).bad(about),
        post(pods, {**pod("x", priorityClassName="missing"), "metadata": {"generateName": "gen-"}}).bad(
            about
        ),
        merge(f"{pods}/high", {"spec": {"priority": None, "preemptionPolicy": None}}).good(about),
        merge(f"{pods}/high", {"spec": {"priority": 7}}).bad(about),
        post(classes, {"metadata": {"name": default}, "value": 7, "globalDefault": True}).good(about),
        Ask("UNTIL", f"{pods}?dryRun=All", pod("w"), label="'priority': 7"),
        post(pods, pod("given")).good(about),
        post(classes, {"metadata": {"name": f"{namespace}-second"}, "value": 9, "globalDefault": True}).bad(
            about
        ),
        merge(f"{classes}/{high}", {"globalDefault": True}).bad(about),
        merge(f"{classes}/{default}", {"metadata": {"labels": {"a": "b"}}}).good(about),
        delete(f"{classes}/{default}"),
        delete(f"{classes}/{high}"),
        # Other conversations have no default.
        Ask("UNTIL", f"{pods}?dryRun=All", pod("w"), label="'priority': 0"),
    ]


def _runtime_classes(namespace: str, pods: str) -> list[Ask]:
    classes, about = "/apis/node.k8s.io/v1/runtimeclasses", line("RuntimeClass")
    heavy, plain = f"{namespace}-heavy", f"{namespace}-plain"
    fixed = {"cpu": "250m", "memory": "64Mi"}
    tolerations = [
        {"key": "a", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "b", "operator": "Equal", "value": "c"},
    ]
    return [
        post(classes, {"metadata": {"name": plain}, "handler": "p"}).good(about),
        post(
            classes,
            {
                "metadata": {"name": heavy},
                "handler": "h",
                "overhead": {"podFixed": fixed},
                "scheduling": {"nodeSelector": {"kind": "heavy"}, "tolerations": tolerations},
            },
        ).good(about),
        post(pods, pod("heavy", runtimeClassName=heavy)).good(about),
        post(pods, pod("plain", runtimeClassName=plain)).good(about),
        post(pods, pod("same", runtimeClassName=heavy, overhead={"cpu": "0.25", "memory": "64Mi"})).good(
            about
        ),
        post(
            pods,
            pod(
                "more",
                runtimeClassName=heavy,
                nodeSelector={"disk": "ssd", "kind": "heavy"},
                tolerations=[
                    {"key": "a", "operator": "Equal", "value": "x", "effect": "NoSchedule"},
                    {"key": "b", "operator": "Equal", "value": "c", "effect": "NoSchedule"},
                    {"key": "z", "operator": "Exists"},
                ],
            ),
        ).good(about),
        post(pods, pod("x", runtimeClassName="missing")).bad(about),
        post(pods, pod("x", runtimeClassName=heavy, overhead={"cpu": "1"})).bad(about),
        post(pods, pod("x", runtimeClassName=plain, overhead=fixed)).bad(about),
        post(pods, pod("x", overhead=fixed)).bad(about),
        post(pods, pod("x", runtimeClassName=heavy, nodeSelector={"kind": "light"})).bad(about),
        delete(f"{classes}/{heavy}"),
        delete(f"{classes}/{plain}"),
    ]


def _tolerations(pods: str) -> list[Ask]:
    about = line("DefaultTolerationSeconds")
    not_ready, unreachable = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
    return [
        post(pods, pod(f"p{index}", tolerations=given)).good(about)
        for index, given in enumerate(
            [
                [],
                [{"key": not_ready, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}],
                [{"key": unreachable, "operator": "Exists"}],
                [{"operator": "Exists"}],
                [{"operator": "Exists", "effect": "NoSchedule"}],
                [{"key": not_ready, "operator": "Exists", "effect": "NoSchedule"}],
            ]
        )
    ]


def _claims(namespace: str, core: str) -> list[Ask]:
    classes, claims = "/apis/storage.k8s.io/v1/storageclasses", f"{core}/persistentvolumeclaims"
    default, resize, protection = (
        line("DefaultStorageClass"),
        line("PersistentVolumeClaimResize"),
        line("StorageObjectInUseProtection"),
    )
    fast, fixed, volume = f"{namespace}-fast", f"{namespace}-fixed", f"{namespace}-volume"
    marked = {"storageclass.kubernetes.io/is-default-class": "true"}

    def larger(name: str) -> Ask:
        return merge(f"{claims}/{name}", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})

    bound: Body = {
        "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
    }
    return [
        post(claims, claim("none", "1Gi")).good(default),
        post(
            classes,
            {
                "metadata": {"name": fast, "annotations": marked},
                "provisioner": "p",
                "allowVolumeExpansion": True,
            },
        ),
        post(classes, {"metadata": {"name": fixed}, "provisioner": "p"}),
        Ask("UNTIL", f"{claims}?dryRun=All", claim("w", "1Gi"), label=fast),
        post(claims, claim("given", "1Gi")).good(default, protection),
        post(claims, claim("empty", "1Gi", storageClassName="")).good(default),
        post(claims, claim("fixed", "1Gi", storageClassName=fixed)).good(default),
        post(
            claims,
            {
                **claim("old", "1Gi"),
                "metadata": {"name": "old", "annotations": {"volume.beta.kubernetes.io/storage-class": "x"}},
            },
        ).good(default),
        larger("given").bad(resize),
        *(
            ask
            for name in ("given", "fixed", "empty")
            for ask in (
                merge(f"{claims}/{name}", {"spec": {"volumeName": f"v-{name}"}}),
                merge(f"{claims}/{name}/status", bound),
            )
        ),
        larger("given").good(resize),
        larger("fixed").bad(resize),
        larger("empty").bad(resize),
        merge(f"{claims}/fixed", {"metadata": {"labels": {"a": "b"}}}).good(resize),
        delete(f"{claims}/given").good(protection),
        get(f"{claims}/given").good(protection),
        post(
            "/api/v1/persistentvolumes",
            {
                "metadata": {"name": volume, "finalizers": ["example.com/mine"]},
                "spec": {
                    "capacity": {"storage": "1Gi"},
                    "accessModes": ["ReadWriteOnce"],
                    "hostPath": {"path": "/x"},
                },
            },
        ).good(protection),
        post(
            "/apis/storage.k8s.io/v1/volumeattributesclasses",
            {"metadata": {"name": f"{namespace}-vac"}, "driverName": "d", "parameters": {"a": "b"}},
        ).good(protection),
        delete(f"{classes}/{fast}"),
        delete(f"{classes}/{fixed}"),
        # Other conversations have no default.
        until_gone(f"{claims}?dryRun=All", claim("w", "1Gi"), fast),
    ]


def until_gone(path: str, body: Body, text: str) -> Ask:
    return Ask("UNTILNOT", path, body, label=text)


def _ingresses(namespace: str) -> list[Ask]:
    about = line("DefaultIngressClass")
    base = "/apis/networking.k8s.io/v1"
    classes, ingresses = f"{base}/ingressclasses", f"{base}/namespaces/{namespace}/ingresses"
    marked = {"ingressclass.kubernetes.io/is-default-class": "true"}

    def ingress(name: str, **more: Any) -> Body:
        backend = {"service": {"name": "s", "port": {"number": 80}}}
        return {"metadata": {"name": name}, "spec": {"defaultBackend": backend, **more}}

    annotated = ingress("annotated")
    annotated["metadata"]["annotations"] = {"kubernetes.io/ingress.class": "c"}
    return [
        post(ingresses, ingress("none")).good(about),
        post(classes, {"metadata": {"name": f"{namespace}-plain"}, "spec": {"controller": "example.com/c"}}),
        post(
            classes,
            {
                "metadata": {"name": f"{namespace}-default", "annotations": marked},
                "spec": {"controller": "example.com/c"},
            },
        ),
        Ask("UNTIL", f"{ingresses}?dryRun=All", ingress("w"), label=f"{namespace}-default"),
        post(ingresses, ingress("given")).good(about),
        post(ingresses, ingress("named", ingressClassName=f"{namespace}-plain")).good(about),
        post(ingresses, annotated).good(about),
        delete(f"{classes}/{namespace}-default"),
        delete(f"{classes}/{namespace}-plain"),
        until_gone(f"{ingresses}?dryRun=All", ingress("w"), f"{namespace}-default"),
    ]


def _nodes(namespace: str, pods: str) -> list[Ask]:
    taint, topology, resize = (
        line("TaintNodesByCondition"),
        line("PodTopologyLabels"),
        line("PodResizeValidator"),
    )
    zone = {"topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r", "other": "o"}
    name, windows = f"{namespace}-node", f"{namespace}-windows"
    small = {"requests": {"cpu": "100m", "memory": "64Mi"}}

    def resized(pod_name: str, cpu: str, memory: str = "64Mi") -> Ask:
        amounts = {"requests": {"cpu": cpu, "memory": memory}}
        body = {"spec": {"containers": [{"name": "c", "resources": amounts}]}}
        return strategic(f"{pods}/{pod_name}/resize", body)

    def binding(pod_name: str, node: str) -> Ask:
        body = {"metadata": {"name": pod_name}, "target": {"kind": "Node", "name": node}}
        return post(f"{pods}/{pod_name}/binding", body)

    return [
        post("/api/v1/nodes", {"metadata": {"name": name, "labels": zone}}).good(taint),
        merge(f"/api/v1/nodes/{name}/status", {"status": {"allocatable": {"cpu": "1", "memory": "1Gi"}}}),
        post(
            "/api/v1/nodes",
            {
                "metadata": {"name": windows, "labels": {"kubernetes.io/os": "windows"}},
                "spec": {"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]},
            },
        ).good(taint),
        Ask(
            "UNTIL", f"{pods}?dryRun=All", pod("w", nodeName=name), label="'topology.kubernetes.io/zone': 'z'"
        ),
        post(pods, pod("placed", nodeName=name, containers=[container(**small)])).good(topology),
        post(pods, pod("bound", containers=[container(**small)])).good(topology),
        binding("bound", name).good(topology),
        get(f"{pods}/bound").good(topology),
        post(pods, pod("away", nodeName="missing", containers=[container(**small)])).good(topology),
        post(pods, pod("glass", nodeName=windows, containers=[container(**small)])),
        resized("placed", "200m").good(resize),
        resized("placed", "2").bad(resize),
        resized("placed", "1500m", "2Gi").bad(resize),
        resized("away", "200m").bad(resize),
        resized("glass", "200m").bad(resize),
        delete(f"/api/v1/nodes/{name}"),
        delete(f"/api/v1/nodes/{windows}"),
    ]


def _certificates(namespace: str) -> list[Ask]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def asked_for(*groups: str) -> str:
        names = [x509.NameAttribute(NameOID.COMMON_NAME, "me")]
        names += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        key = ec.generate_private_key(ec.SECP256R1())
        made = (
            x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, hashes.SHA256())
        )
        return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()

    about = line("CertificateSubjectRestriction")
    path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    client = "kubernetes.io/kube-apiserver-client"

    def request(name: str, signer: str, *groups: str) -> Ask:
        spec = {"request": asked_for(*groups), "signerName": signer, "usages": ["client auth"]}
        return post(path, {"metadata": {"name": f"{namespace}-{name}"}, "spec": spec})

    return [
        request("devs", client, "devs").good(about),
        request("other", "example.com/signer", "system:masters").good(about),
        request("masters", client, "devs", "system:masters").bad(about),
    ]
