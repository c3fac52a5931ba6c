"""The cells of built-in kinds' rows, without name and age where the column says so itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from reconcile.apiserver.tables import cluster_cells
from reconcile.apiserver.tables.durations import human_duration, parse, since
from reconcile.objects.selectors import Selector

JSONObject = dict[str, Any]
Cells = Callable[[JSONObject, datetime], dict[str, Any]]
"""An object and the time → the cells by column name; `Name` and `Age` are filled in by the renderer."""

NONE, UNKNOWN, UNSET = "<none>", "<unknown>", "<unset>"


def _selector(selector: JSONObject | None) -> str:
    if not selector:
        return NONE
    try:
        return str(Selector.from_api(selector)) or NONE
    except ValueError:
        return "<error>"


def _labels(values: JSONObject | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((values or {}).items())) or NONE


def _containers(template: JSONObject) -> dict[str, Any]:
    containers = (template.get("spec") or {}).get("containers") or ()
    return {
        "Containers": ",".join(each["name"] for each in containers),
        "Images": ",".join(each.get("image", "") for each in containers),
    }


def deployment(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    return {
        "Ready": f"{status.get('readyReplicas') or 0}/{spec.get('replicas') or 0}",
        "Up-to-date": status.get("updatedReplicas") or 0,
        "Available": status.get("availableReplicas") or 0,
        **_containers(spec["template"]),
        "Selector": _selector(spec.get("selector")),
    }


def replica_set(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    selector = spec.get("selector")
    plain = obj["kind"] == "ReplicationController"
    return {
        "Desired": spec.get("replicas") or 0,
        "Current": status.get("replicas") or 0,
        "Ready": status.get("readyReplicas") or 0,
        **_containers(spec.get("template") or {}),
        "Selector": _labels(selector) if plain else _selector(selector),
    }


def stateful_set(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    ready = f"{status.get('readyReplicas') or 0}/{spec.get('replicas') or 0}"
    return {"Ready": ready, **_containers(spec["template"])}


def daemon_set(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    return {
        "Desired": status.get("desiredNumberScheduled") or 0,
        "Current": status.get("currentNumberScheduled") or 0,
        "Ready": status.get("numberReady") or 0,
        "Up-to-date": status.get("updatedNumberScheduled") or 0,
        "Available": status.get("numberAvailable") or 0,
        "Node Selector": _labels(spec["template"]["spec"].get("nodeSelector")),
        **_containers(spec["template"]),
        "Selector": _selector(spec.get("selector")),
    }


def job(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    done = status.get("succeeded") or 0
    if spec.get("completions") is not None:
        completions = f"{done}/{spec['completions']}"
    else:
        parallel = spec.get("parallelism") or 0
        completions = f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"
    held = {each["type"] for each in status.get("conditions") or () if each["status"] == "True"}
    if "Complete" in held:
        state = "Complete"
    elif "Failed" in held:
        state = "Failed"
    elif obj["metadata"].get("deletionTimestamp"):
        state = "Terminating"
    elif "Suspended" in held:
        state = "Suspended"
    elif "FailureTarget" in held:
        state = "FailureTarget"
    elif "SuccessCriteriaMet" in held:
        state = "SuccessCriteriaMet"
    else:
        state = "Running"
    duration = ""
    if status.get("startTime"):
        end = parse(status["completionTime"]) if status.get("completionTime") else now
        duration = human_duration((end - parse(status["startTime"])).total_seconds())
    return {
        "Status": state,
        "Completions": completions,
        "Duration": duration,
        **_containers(spec["template"]),
        "Selector": _selector(spec.get("selector")),
    }


def cron_job(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    last = status.get("lastScheduleTime")
    return {
        "Schedule": spec.get("schedule", ""),
        "Timezone": spec.get("timeZone") or NONE,
        "Suspend": "True" if spec.get("suspend") else "False",
        "Active": len(status.get("active") or ()),
        "Last Schedule": since(last, now) if last else NONE,
        **_containers(spec["jobTemplate"]["spec"]["template"]),
        "Selector": _selector(spec["jobTemplate"]["spec"].get("selector")),
    }


def service(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec = obj["spec"]
    kind = spec.get("type", "ClusterIP")
    external: list[str] = spec.get("externalIPs") or []
    if kind == "LoadBalancer":
        balancer = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
        addresses = [each.get("ip") or each.get("hostname") or "" for each in balancer] + external
        shown = ",".join(addresses) or "<pending>"
    elif kind == "ExternalName":
        shown = spec.get("externalName", "")
    else:
        shown = ",".join(external) or NONE
    ports = [
        f"{port['port']}:{port['nodePort']}/{port['protocol']}"
        if port.get("nodePort")
        else f"{port['port']}/{port['protocol']}"
        for port in spec.get("ports") or ()
    ]
    addresses = spec.get("clusterIPs") or ()
    return {
        "Type": kind,
        "Cluster-IP": addresses[0] if addresses else NONE,
        "External-IP": shown,
        "Port(s)": ",".join(ports) or NONE,
        "Selector": _labels(spec.get("selector")),
    }


def node(obj: JSONObject, now: datetime) -> dict[str, Any]:
    status = obj.get("status") or {}
    info = status.get("nodeInfo") or {}
    states = [
        "Ready" if each["status"] == "True" else "NotReady"
        for each in status.get("conditions") or ()
        if each["type"] == "Ready"
    ] or ["Unknown"]
    if obj["spec"].get("unschedulable"):
        states.append("SchedulingDisabled")
    roles: set[str] = set()
    for key, value in (obj["metadata"].get("labels") or {}).items():
        if key.startswith("node-role.kubernetes.io/") and len(key) > 24:
            roles.add(key[24:])
        elif key == "kubernetes.io/role" and value:
            roles.add(value)

    def address(kind: str) -> str:
        found = [each["address"] for each in status.get("addresses") or () if each["type"] == kind]
        return found[0] if found else NONE

    return {
        "Status": ",".join(states),
        "Roles": ",".join(sorted(roles)) or NONE,
        "Version": info.get("kubeletVersion", ""),
        "Internal-IP": address("InternalIP"),
        "External-IP": address("ExternalIP"),
        "OS-Image": info.get("osImage") or UNKNOWN,
        "Kernel-Version": info.get("kernelVersion") or UNKNOWN,
        "Container-Runtime": info.get("containerRuntimeVersion") or UNKNOWN,
    }


def event(obj: JSONObject, now: datetime) -> dict[str, Any]:
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    first = obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp") or obj.get("eventTime")
    last = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp")
    series = obj.get("series") or {}
    count = obj.get("count") or obj.get("deprecatedCount") or 1
    if series:
        last, count = series.get("lastObservedTime"), series.get("count") or 0
    first_seen = since(first, now)
    component = (
        source.get("component") or obj.get("reportingComponent") or obj.get("reportingController") or ""
    )
    host = source.get("host") or obj.get("reportingInstance") or ""
    return {
        "Last Seen": since(last, now) if last else first_seen,
        "Type": obj.get("type") or "",
        "Reason": obj.get("reason") or "",
        "Object": f"{about.get('kind', '').lower()}/{about.get('name', '')}"
        if about.get("name")
        else about.get("kind", "").lower(),
        "Subobject": about.get("fieldPath") or "",
        "Source": f"{component}, {host}" if host else component,
        "Message": (obj.get("message") or obj.get("note") or "").strip(),
        "First Seen": first_seen,
        "Count": count,
    }


def persistent_volume(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    claim = spec.get("claimRef")
    phase = "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", "")
    return {
        "Capacity": (spec.get("capacity") or {}).get("storage", ""),
        "Access Modes": _modes(spec.get("accessModes")),
        "Reclaim Policy": spec.get("persistentVolumeReclaimPolicy", ""),
        "Status": phase,
        "Claim": f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        "StorageClass": spec.get("storageClassName", ""),
        "VolumeAttributesClass": spec.get("volumeAttributesClassName") or UNSET,
        "Reason": status.get("reason", ""),
        "VolumeMode": spec.get("volumeMode") or UNSET,
    }


def persistent_volume_claim(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    bound = bool(spec.get("volumeName"))
    phase = "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", "")
    return {
        "Status": phase,
        "Volume": spec.get("volumeName", ""),
        "Capacity": (status.get("capacity") or {}).get("storage", "0") if bound else "",
        "Access Modes": _modes(status.get("accessModes")) if bound else "",
        "StorageClass": spec.get("storageClassName", ""),
        "VolumeAttributesClass": spec.get("volumeAttributesClassName") or UNSET,
        "VolumeMode": spec.get("volumeMode") or UNSET,
    }


def _modes(modes: Iterable[str] | None) -> str:
    short = {
        "ReadWriteOnce": "RWO",
        "ReadOnlyMany": "ROX",
        "ReadWriteMany": "RWX",
        "ReadWriteOncePod": "RWOP",
    }
    given = set(modes or ())
    return ",".join(text for mode, text in short.items() if mode in given)


# So many metrics of an autoscaler are shown.
_METRICS_SHOWN = 2


def _metric(metric: JSONObject, current: JSONObject) -> str:
    """One target of an autoscaler and how far it is from it."""
    kind: str = metric.get("type", "")
    source = kind[:1].lower() + kind[1:]
    given: JSONObject = metric.get(source) or {}
    if not given:
        return "<unknown type>"
    wanted: JSONObject = given.get("target") or {}
    found: JSONObject = (current.get(source) or {}).get("current") or {}
    average = wanted.get("averageValue")
    if source in ("resource", "containerResource"):
        if average is not None:
            return f"{given['name']}: {found.get('averageValue', UNKNOWN)}/{average}"
        used, aim = found.get("averageUtilization"), wanted.get("averageUtilization")
        now = UNKNOWN if used is None else f"{used}%"
        return f"{given['name']}: {now}/{'<auto>' if aim is None else f'{aim}%'}"
    if source == "pods":
        return f"{found.get('averageValue', UNKNOWN)}/{average or ''}"
    if average is not None:
        return f"{found.get('averageValue', UNKNOWN)}/{average} (avg)"
    return f"{found.get('value', UNKNOWN)}/{wanted.get('value', '')}"


def autoscaler(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    current: list[JSONObject] = status.get("currentMetrics") or []
    shown = [
        _metric(metric, current[index] if index < len(current) else {})
        for index, metric in enumerate(spec.get("metrics") or ())
    ]
    percent = spec.get("targetCPUUtilizationPercentage")
    if percent is not None:
        held = status.get("currentCPUUtilizationPercentage")
        shown.append(f"cpu: {f'{held}%' if held is not None else UNKNOWN}/{percent}%")
    targets = ", ".join(shown[:_METRICS_SHOWN])
    if len(shown) > _METRICS_SHOWN:
        targets += f" + {len(shown) - _METRICS_SHOWN} more..."
    low = spec.get("minReplicas")
    return {
        "Reference": f"{target.get('kind', '')}/{target.get('name', '')}",
        "Targets": targets or NONE,
        "MinPods": UNSET if low is None else str(low),
        "MaxPods": spec.get("maxReplicas") or 0,
        "Replicas": status.get("currentReplicas") or 0,
    }


def disruption_budget(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec = obj["spec"]
    return {
        "Min Available": str(spec.get("minAvailable", "N/A")),
        "Max Unavailable": str(spec.get("maxUnavailable", "N/A")),
        "Allowed Disruptions": (obj.get("status") or {}).get("disruptionsAllowed") or 0,
    }


def ingress(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec = obj["spec"]
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    shown = ",".join(hosts[:3]) + (f" + {len(hosts) - 3} more..." if len(hosts) > 3 else "")
    balancer = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return {
        "Class": spec.get("ingressClassName") or NONE,
        "Hosts": shown or "*",
        "Address": ",".join(each.get("ip") or each.get("hostname") or "" for each in balancer),
        "Ports": "80, 443" if spec.get("tls") else "80",
    }


def endpoints(obj: JSONObject, now: datetime) -> dict[str, Any]:
    found: list[str] = []
    for subset in obj.get("subsets") or ():
        for address in subset.get("addresses") or ():
            ports = subset.get("ports") or ()
            found += [f"{address['ip']}:{port['port']}" for port in ports] if ports else [address["ip"]]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return {"Endpoints": ",".join(found[:3]) + more if found else NONE}


def endpoint_slice(obj: JSONObject, now: datetime) -> dict[str, Any]:
    ports = [str(port["port"]) if port.get("port") is not None else "*" for port in obj.get("ports") or ()]
    found = [address for each in obj.get("endpoints") or () for address in each.get("addresses") or ()]

    def few(values: list[str]) -> str:
        if not values:
            return UNSET
        return ",".join(values[:3]) + (f" + {len(values) - 3} more..." if len(values) > 3 else "")

    return {"AddressType": obj.get("addressType", ""), "Ports": few(ports), "Endpoints": few(found)}


def binding(obj: JSONObject, now: datetime) -> dict[str, Any]:
    reference = obj["roleRef"]
    by_kind: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in obj.get("subjects") or ():
        name = subject["name"]
        if subject["kind"] == "ServiceAccount":
            name = f"{subject.get('namespace', '')}/{name}"
        by_kind.setdefault(subject["kind"], []).append(name)
    return {
        "Role": f"{reference.get('kind', '')}/{reference.get('name', '')}",
        "Users": ", ".join(by_kind["User"]),
        "Groups": ", ".join(by_kind["Group"]),
        "ServiceAccounts": ", ".join(by_kind["ServiceAccount"]),
    }


def created_at(obj: JSONObject, now: datetime) -> dict[str, Any]:
    return {"Created At": obj["metadata"].get("creationTimestamp", "")}


def storage_class(obj: JSONObject, now: datetime) -> dict[str, Any]:
    name = obj["metadata"]["name"]
    annotations = obj["metadata"].get("annotations") or {}
    if annotations.get("storageclass.kubernetes.io/is-default-class") == "true":
        name += " (default)"
    return {
        "Name": name,
        "Provisioner": obj.get("provisioner", ""),
        "ReclaimPolicy": obj.get("reclaimPolicy") or "Delete",
        "VolumeBindingMode": obj.get("volumeBindingMode") or UNSET,
        "AllowVolumeExpansion": bool(obj.get("allowVolumeExpansion")),
    }


def priority_class(obj: JSONObject, now: datetime) -> dict[str, Any]:
    return {
        "Value": obj.get("value") or 0,
        "Global-Default": bool(obj.get("globalDefault")),
        "PreemptionPolicy": obj.get("preemptionPolicy") or "",
    }


def network_policy(obj: JSONObject, now: datetime) -> dict[str, Any]:
    return {"Pod-Selector": _selector(obj["spec"].get("podSelector"))}


def controller_revision(obj: JSONObject, now: datetime) -> dict[str, Any]:
    owner = next(
        (each for each in obj["metadata"].get("ownerReferences") or () if each.get("controller")), None
    )
    text = NONE
    if owner is not None:
        group = owner["apiVersion"].partition("/")[0] if "/" in owner["apiVersion"] else ""
        kind = owner["kind"].lower()
        text = f"{kind}.{group}/{owner['name']}" if group else f"{kind}/{owner['name']}"
    return {"Controller": text, "Revision": obj.get("revision") or 0}


def resource_quota(obj: JSONObject, now: datetime) -> dict[str, Any]:
    status = obj.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    limits = [
        f"{key}: {used.get(key, '0')}/{value}"
        for key, value in sorted(hard.items())
        if key.startswith("limits")
    ]
    rest = [
        f"{key}: {used.get(key, '0')}/{value}"
        for key, value in sorted(hard.items())
        if not key.startswith("limits")
    ]
    return {"Request": ", ".join(rest), "Limit": ", ".join(limits)}


CELLS: dict[str, Cells] = {
    "deployments.apps": deployment,
    "replicasets.apps": replica_set,
    "replicationcontrollers": replica_set,
    "statefulsets.apps": stateful_set,
    "daemonsets.apps": daemon_set,
    "controllerrevisions.apps": controller_revision,
    "jobs.batch": job,
    "cronjobs.batch": cron_job,
    "services": service,
    "nodes": node,
    "events": event,
    "events.events.k8s.io": event,
    "persistentvolumes": persistent_volume,
    "persistentvolumeclaims": persistent_volume_claim,
    "horizontalpodautoscalers.autoscaling": autoscaler,
    "poddisruptionbudgets.policy": disruption_budget,
    "ingresses.networking.k8s.io": ingress,
    "networkpolicies.networking.k8s.io": network_policy,
    "endpoints": endpoints,
    "endpointslices.discovery.k8s.io": endpoint_slice,
    "rolebindings.rbac.authorization.k8s.io": binding,
    "clusterrolebindings.rbac.authorization.k8s.io": binding,
    "roles.rbac.authorization.k8s.io": created_at,
    "clusterroles.rbac.authorization.k8s.io": created_at,
    "limitranges": created_at,
    "customresourcedefinitions.apiextensions.k8s.io": created_at,
    "storageclasses.storage.k8s.io": storage_class,
    "priorityclasses.scheduling.k8s.io": priority_class,
    "resourcequotas": resource_quota,
    "namespaces": lambda obj, now: {"Status": (obj.get("status") or {}).get("phase", "")},
    "configmaps": lambda obj, now: {"Data": len(obj.get("data") or ()) + len(obj.get("binaryData") or ())},
    "secrets": lambda obj, now: {"Type": obj.get("type", ""), "Data": len(obj.get("data") or ())},
    "leases.coordination.k8s.io": lambda obj, now: {
        "Holder": (obj.get("spec") or {}).get("holderIdentity") or ""
    },
    "validatingwebhookconfigurations.admissionregistration.k8s.io": lambda obj, now: {
        "Webhooks": len(obj.get("webhooks") or ())
    },
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": lambda obj, now: {
        "Webhooks": len(obj.get("webhooks") or ())
    },
    "ingressclasses.networking.k8s.io": cluster_cells.ingress_class,
    "runtimeclasses.node.k8s.io": lambda obj, now: {"Handler": obj.get("handler", "")},
    "podtemplates": lambda obj, now: {
        **_containers(obj.get("template") or {}),
        "Pod Labels": _labels(((obj.get("template") or {}).get("metadata") or {}).get("labels")),
    },
    "apiservices.apiregistration.k8s.io": cluster_cells.api_service,
    "certificatesigningrequests.certificates.k8s.io": cluster_cells.signing_request,
    "flowschemas.flowcontrol.apiserver.k8s.io": cluster_cells.flow_schema,
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": cluster_cells.priority_level,
    "validatingadmissionpolicies.admissionregistration.k8s.io": cluster_cells.policy,
    "mutatingadmissionpolicies.admissionregistration.k8s.io": cluster_cells.policy,
    "validatingadmissionpolicybindings.admissionregistration.k8s.io": cluster_cells.policy_binding,
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io": cluster_cells.policy_binding,
    "ipaddresses.networking.k8s.io": cluster_cells.ip_address,
    "servicecidrs.networking.k8s.io": lambda obj, now: {
        "CIDRs": ",".join((obj.get("spec") or {}).get("cidrs") or ())
    },
    "resourceclaims.resource.k8s.io": cluster_cells.resource_claim,
    "resourceslices.resource.k8s.io": cluster_cells.resource_slice,
    "csidrivers.storage.k8s.io": cluster_cells.csi_driver,
    "csinodes.storage.k8s.io": lambda obj, now: {
        "Drivers": len((obj.get("spec") or {}).get("drivers") or ())
    },
    "csistoragecapacities.storage.k8s.io": created_at,
    "volumeattachments.storage.k8s.io": cluster_cells.volume_attachment,
    "volumeattributesclasses.storage.k8s.io": lambda obj, now: {"DriverName": obj.get("driverName", "")},
}
