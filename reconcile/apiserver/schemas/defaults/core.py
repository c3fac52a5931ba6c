"""Defaults of the core group: pods and what they are made of, services, nodes, volumes."""

from __future__ import annotations

import re
from typing import Any

from reconcile.apiserver.limits.pod_resources import of_containers, pod_level
from reconcile.objects.quantities import Amount, canonical

JSONObject = dict[str, Any]

_VOLUME_NAME = "name"


_IMAGE = re.compile(
    r"(?:[A-Za-z0-9.\-\[\]:]+/)?[a-z0-9]+(?:(?:\.|__?|-+|/)[a-z0-9]+)*(?::\w[\w.-]{0,127})?(?:@[A-Za-z0-9:+._-]+)?"
)


def image_tag(image: str) -> str:
    """The tag of an image reference; `latest` when it has neither tag nor digest; empty for what is none."""
    rest, at, _ = image.partition("@")
    if len(image) > 255 or ".." in rest or not _IMAGE.fullmatch(image):
        return ""
    _, _, last = rest.rpartition("/")
    _, colon, tag = last.partition(":")
    return tag if colon else "" if at else "latest"


def _pull_policy(image: str) -> str:
    return "Always" if image_tag(image) == "latest" else "IfNotPresent"


def container(obj: JSONObject) -> None:
    if not obj.get("imagePullPolicy"):
        obj["imagePullPolicy"] = _pull_policy(obj.get("image", ""))
    if not obj.get("terminationMessagePath"):
        obj["terminationMessagePath"] = "/dev/termination-log"
    if not obj.get("terminationMessagePolicy"):
        obj["terminationMessagePolicy"] = "File"
    _round_up_lists(obj.get("resources"), "limits", "requests")


def _round_up_lists(holder: JSONObject | None, *keys: str) -> None:
    """Amounts finer than a thousandth are rounded up to one."""
    for key in keys:
        amounts: dict[str, str] = (holder or {}).get(key) or {}
        for name, amount in amounts.items():
            if amount.endswith(("n", "u")):
                amounts[name] = canonical(f"{Amount.parse(amount).milli_value}m")


def volume(obj: JSONObject) -> None:
    if all(key == _VOLUME_NAME for key in obj):
        obj["emptyDir"] = {}
    image = obj.get("image")
    if image is not None and not image.get("pullPolicy"):
        image["pullPolicy"] = _pull_policy(image.get("reference", ""))


def pod_spec(obj: JSONObject) -> None:
    if not obj.get("dnsPolicy"):
        obj["dnsPolicy"] = "ClusterFirst"
    if not obj.get("restartPolicy"):
        obj["restartPolicy"] = "Always"
    if obj.get("securityContext") is None:
        obj["securityContext"] = {}
    if obj.get("terminationGracePeriodSeconds") is None:
        obj["terminationGracePeriodSeconds"] = 30
    if not obj.get("schedulerName"):
        obj["schedulerName"] = "default-scheduler"
    # Host network pods announce their ports on the host, in templates too.
    if obj.get("hostNetwork"):
        for kind in ("containers", "initContainers"):
            for each in obj.get(kind) or ():
                for port in each.get("ports") or ():
                    if not port.get("hostPort"):
                        port["hostPort"] = port.get("containerPort", 0)
    # The deprecated alias is kept equal to the field that replaced it.
    if obj.get("serviceAccountName"):
        obj["serviceAccount"] = obj["serviceAccountName"]
    elif obj.get("serviceAccount"):
        obj["serviceAccountName"] = obj["serviceAccount"]


def pod(obj: JSONObject) -> None:
    spec = obj["spec"]
    for kind in ("containers", "initContainers"):
        for each in spec.get(kind) or ():
            resources = each.get("resources") or {}
            limits = resources.get("limits")
            if limits:
                requests = resources.setdefault("requests", {})
                for name, amount in limits.items():
                    requests.setdefault(name, amount)
    _pod_level_resources(spec)
    if spec.get("enableServiceLinks") is None:
        spec["enableServiceLinks"] = True


def _pod_level_resources(spec: JSONObject) -> None:
    """What a pod asks for as a whole, if it says anything of it: what its containers do, or its limits."""
    resources: JSONObject = spec.get("resources") or {}
    if not resources.get("limits") and not resources.get("requests"):
        return
    pod = {"spec": spec}
    limits: dict[str, str] = dict(resources.get("limits") or {})
    requests: dict[str, str] = dict(resources.get("requests") or {})
    for name, amount in of_containers(pod, "limits").items():
        if name.startswith("hugepages-") and name not in requests:
            limits.setdefault(name, str(amount))
    if limits:
        resources["limits"] = limits
        for name, amount in of_containers(pod, "requests").items():
            if name in ("cpu", "memory"):
                requests.setdefault(name, str(amount))
        for name, text in limits.items():
            if pod_level(name):
                requests.setdefault(name, text)
    if requests:
        resources["requests"] = requests


def azure_disk(obj: JSONObject) -> None:
    if obj.get("readOnly") is None:
        obj["readOnly"] = False


def pod_status(obj: JSONObject) -> None:
    """The singular and the plural form of the pod's address are kept consistent."""
    one, many = obj.get("podIP"), obj.get("podIPs")
    if one and (not many or many[0].get("ip") != one):
        obj["podIPs"] = [{"ip": one}]
    elif many and not one:
        obj["podIP"] = many[0].get("ip", "")


def _mode(obj: JSONObject) -> None:
    if obj.get("defaultMode") is None:
        obj["defaultMode"] = 0o644


def probe(obj: JSONObject) -> None:
    for key, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        if not obj.get(key):
            obj[key] = value
    grpc = obj.get("grpc")
    if grpc is not None and grpc.get("service") is None:
        grpc["service"] = ""


def http_get(obj: JSONObject) -> None:
    if not obj.get("path"):
        obj["path"] = "/"
    if not obj.get("scheme"):
        obj["scheme"] = "HTTP"


def token_projection(obj: JSONObject) -> None:
    if obj.get("expirationSeconds") is None:
        obj["expirationSeconds"] = 3600


def field_selector(obj: JSONObject) -> None:
    if not obj.get("apiVersion"):
        obj["apiVersion"] = "v1"


def host_path(obj: JSONObject) -> None:
    if obj.get("type") is None:
        obj["type"] = ""


def _protocol(obj: JSONObject) -> None:
    if not obj.get("protocol"):
        obj["protocol"] = "TCP"


def service(obj: JSONObject) -> None:
    spec = obj["spec"]
    if not spec.get("sessionAffinity"):
        spec["sessionAffinity"] = "None"
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        given = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
        if given is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 10800}}
    if not spec.get("type"):
        spec["type"] = "ClusterIP"
    for port in spec.get("ports") or ():
        _protocol(port)
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port", 0)
    kind = spec["type"]
    external = kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and spec.get("externalIPs"))
    if external and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if spec.get("internalTrafficPolicy") is None and kind in ("NodePort", "LoadBalancer", "ClusterIP"):
        spec["internalTrafficPolicy"] = "Cluster"
    if kind == "LoadBalancer":
        if spec.get("allocateLoadBalancerNodePorts") is None:
            spec["allocateLoadBalancerNodePorts"] = True
        for ingress in (obj.get("status") or {}).get("loadBalancer", {}).get("ingress") or ():
            if ingress.get("ip") and ingress.get("ipMode") is None:
                ingress["ipMode"] = "VIP"


def secret(obj: JSONObject) -> None:
    if not obj.get("type"):
        obj["type"] = "Opaque"


def persistent_volume(obj: JSONObject) -> None:
    status, spec = obj["status"], obj["spec"]
    if not status.get("phase"):
        status["phase"] = "Pending"
    if not spec.get("persistentVolumeReclaimPolicy"):
        spec["persistentVolumeReclaimPolicy"] = "Retain"
    if spec.get("volumeMode") is None:
        spec["volumeMode"] = "Filesystem"


def persistent_volume_claim(obj: JSONObject) -> None:
    if not obj["status"].get("phase"):
        obj["status"]["phase"] = "Pending"


def persistent_volume_claim_spec(obj: JSONObject) -> None:
    if obj.get("volumeMode") is None:
        obj["volumeMode"] = "Filesystem"


def namespace(obj: JSONObject) -> None:
    name = obj["metadata"].get("name")
    if name:
        labels = obj["metadata"].get("labels") or {}
        obj["metadata"]["labels"] = {**labels, "kubernetes.io/metadata.name": name}


def namespace_status(obj: JSONObject) -> None:
    if not obj.get("phase"):
        obj["phase"] = "Active"


def node_status(obj: JSONObject) -> None:
    if obj.get("allocatable") is None and obj.get("capacity"):
        obj["allocatable"] = dict(obj["capacity"])


def limit_range_item(obj: JSONObject) -> None:
    if obj.get("type") != "Container":
        return
    limits: dict[str, str] = obj.get("default") or {}
    requests: dict[str, str] = obj.get("defaultRequest") or {}
    for name, amount in (obj.get("max") or {}).items():
        limits.setdefault(name, amount)
    for name, amount in limits.items():
        requests.setdefault(name, amount)
    for name, amount in (obj.get("min") or {}).items():
        requests.setdefault(name, amount)
    if limits:
        obj["default"] = limits
    if requests:
        obj["defaultRequest"] = requests


def replication_controller(obj: JSONObject) -> None:
    spec = obj["spec"]
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels:
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        if not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = dict(labels)
    if spec.get("replicas") is None:
        spec["replicas"] = 1


_CORE = "io.k8s.api.core.v1."

FUNCTIONS = {
    _CORE + name: function
    for name, function in {
        "Container": container,
        "EphemeralContainer": container,
        "Volume": volume,
        "PodSpec": pod_spec,
        "Pod": pod,
        "PodStatus": pod_status,
        "SecretVolumeSource": _mode,
        "ConfigMapVolumeSource": _mode,
        "DownwardAPIVolumeSource": _mode,
        "ProjectedVolumeSource": _mode,
        "AzureDiskVolumeSource": azure_disk,
        "Probe": probe,
        "HTTPGetAction": http_get,
        "ServiceAccountTokenProjection": token_projection,
        "ObjectFieldSelector": field_selector,
        "HostPathVolumeSource": host_path,
        "ContainerPort": _protocol,
        "EndpointPort": _protocol,
        "Service": service,
        "Secret": secret,
        "PersistentVolume": persistent_volume,
        "PersistentVolumeClaim": persistent_volume_claim,
        "PersistentVolumeClaimSpec": persistent_volume_claim_spec,
        "Namespace": namespace,
        "NamespaceStatus": namespace_status,
        "NodeStatus": node_status,
        "LimitRangeItem": limit_range_item,
        "ReplicationController": replication_controller,
    }.items()
}
