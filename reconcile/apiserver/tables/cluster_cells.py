"""The cells of the kinds by which a cluster is run: admission, flow control, devices, drivers, addresses.

As `cells.py`, which holds the kinds that workloads meet. The words are those of kubernetes
pkg/printers/internalversion and, for APIServices, of kube-aggregator.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reconcile.apiserver.tables.durations import human_duration

JSONObject = dict[str, Any]
NONE, UNSET = "<none>", "<unset>"


def _condition(obj: JSONObject, kind: str) -> JSONObject | None:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each.get("type") == kind), None)


def api_service(obj: JSONObject, now: datetime) -> dict[str, Any]:
    service = (obj.get("spec") or {}).get("service")
    condition = _condition(obj, "Available") or {"status": "Unknown"}
    available = condition.get("status", "")
    if available != "True" and condition.get("reason"):
        available = f"{available} ({condition['reason']})"
    return {
        "Service": f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local",
        "Available": available,
    }


def signing_request(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    found = {each.get("type") for each in status.get("conditions") or ()}
    condition = "Denied" if "Denied" in found else "Approved" if "Approved" in found else "Pending"
    if "Failed" in found:
        condition += ",Failed"
    if status.get("certificate"):
        condition += ",Issued"
    seconds = spec.get("expirationSeconds")
    return {
        "SignerName": spec.get("signerName") or NONE,
        "Requestor": spec.get("username", ""),
        "RequestedDuration": NONE if seconds is None else human_duration(seconds),
        "Condition": condition,
    }


def flow_schema(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec = obj.get("spec") or {}
    method = spec.get("distinguisherMethod")
    dangling = _condition(obj, "Dangling")
    return {
        "PriorityLevel": (spec.get("priorityLevelConfiguration") or {}).get("name", ""),
        "MatchingPrecedence": spec.get("matchingPrecedence") or 0,
        "DistinguisherMethod": NONE if method is None else method.get("type", ""),
        "MissingPL": "?" if dangling is None else dangling.get("status", ""),
    }


def priority_level(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec = obj.get("spec") or {}
    cells: dict[str, Any] = dict.fromkeys(
        ("NominalConcurrencyShares", "Queues", "HandSize", "QueueLengthLimit"), NONE
    )
    limited = spec.get("limited")
    if limited is not None:
        cells["NominalConcurrencyShares"] = limited.get("nominalConcurrencyShares") or 0
        queuing = (limited.get("limitResponse") or {}).get("queuing")
        if queuing is not None:
            cells["Queues"] = queuing.get("queues") or 0
            cells["HandSize"] = queuing.get("handSize") or 0
            cells["QueueLengthLimit"] = queuing.get("queueLengthLimit") or 0
    return {"Type": spec.get("type", ""), **cells}


def policy(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec = obj.get("spec") or {}
    kind = spec.get("paramKind")
    return {
        "Validations": len(spec.get("validations") or ()),
        "Mutations": len(spec.get("mutations") or ()),
        "ParamKind": UNSET if kind is None else f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}",
    }


def policy_binding(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec = obj.get("spec") or {}
    reference = spec.get("paramRef") or {}
    text = UNSET
    if reference.get("name"):
        text = f"{reference.get('namespace') or '*'}/{reference['name']}"
    elif reference.get("selector") is not None:
        text = _go_text(reference["selector"])
    return {"PolicyName": spec.get("policyName", ""), "ParamRef": text}


def _go_text(selector: JSONObject) -> str:
    """A LabelSelector as Go prints it."""
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    requirements = "".join(
        "LabelSelectorRequirement{"
        f"Key:{each.get('key', '')},Operator:{each.get('operator', '')},"
        f"Values:[{' '.join(each.get('values') or ())}],}},"
        for each in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{requirements}}},}}"
    )


def ip_address(obj: JSONObject, now: datetime) -> dict[str, Any]:
    parent = (obj.get("spec") or {}).get("parentRef")
    if parent is None:
        return {"ParentRef": NONE}
    group, resource = parent.get("group", ""), parent.get("resource", "")
    path = [f"{resource}.{group}".lower() if group else resource.lower()]
    if parent.get("namespace"):
        path.append(parent["namespace"])
    return {"ParentRef": "/".join((*path, parent.get("name", "")))}


def resource_claim(obj: JSONObject, now: datetime) -> dict[str, Any]:
    status = obj.get("status") or {}
    deleted = bool(obj["metadata"].get("deletionTimestamp"))
    states = ["deleted"] if deleted else []
    if status.get("allocation") is not None:
        states.append("allocated")
        if status.get("reservedFor"):
            states.append("reserved")
    elif not deleted:
        states.append("pending")
    return {"State": ",".join(states)}


def resource_slice(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec = obj.get("spec") or {}
    return {
        "Node": spec.get("nodeName") or "",
        "Driver": spec.get("driver", ""),
        "Pool": (spec.get("pool") or {}).get("name", ""),
    }


def csi_driver(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec = obj.get("spec") or {}
    requests = spec.get("tokenRequests")
    return {
        "AttachRequired": spec.get("attachRequired") is not False,
        "PodInfoOnMount": bool(spec.get("podInfoOnMount")),
        "StorageCapacity": bool(spec.get("storageCapacity")),
        "TokenRequests": UNSET
        if requests is None
        else ",".join(each.get("audience", "") for each in requests),
        "RequiresRepublish": bool(spec.get("requiresRepublish")),
        "Modes": ",".join(spec.get("volumeLifecycleModes") or ()) or NONE,
    }


def volume_attachment(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec = obj.get("spec") or {}
    return {
        "Attacher": spec.get("attacher", ""),
        "PV": (spec.get("source") or {}).get("persistentVolumeName") or "",
        "Node": spec.get("nodeName", ""),
        "Attached": bool((obj.get("status") or {}).get("attached")),
    }


def ingress_class(obj: JSONObject, now: datetime) -> dict[str, Any]:
    spec = obj.get("spec") or {}
    parameters, text = spec.get("parameters"), NONE
    if parameters is not None:
        kind = parameters.get("kind", "")
        if parameters.get("apiGroup") is not None:
            kind = f"{kind}.{parameters['apiGroup']}"
        text = f"{kind}/{parameters.get('name', '')}"
    metadata = obj["metadata"]
    name = metadata["name"]
    if (metadata.get("annotations") or {}).get("ingressclass.kubernetes.io/is-default-class") == "true":
        name += " (default)"
    return {"Name": name, "Controller": spec.get("controller", ""), "Parameters": text}
