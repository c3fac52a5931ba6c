"""Defaults of the groups around the workloads: networking, storage, RBAC, admission, extensions."""

from __future__ import annotations

from typing import Any

JSONObject = dict[str, Any]

_RBAC = "rbac.authorization.k8s.io"


def _absent(obj: JSONObject, **values: Any) -> None:
    for key, value in values.items():
        if obj.get(key) is None:
            obj[key] = value


def endpoint_port(obj: JSONObject) -> None:
    _absent(obj, name="", protocol="TCP")


def network_policy_port(obj: JSONObject) -> None:
    _absent(obj, protocol="TCP")


def network_policy(obj: JSONObject) -> None:
    spec = obj["spec"]
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def ingress_class(obj: JSONObject) -> None:
    parameters = obj["spec"].get("parameters")
    if parameters is not None:
        _absent(parameters, scope="Cluster")


def storage_class(obj: JSONObject) -> None:
    _absent(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def csi_driver(obj: JSONObject) -> None:
    spec = obj["spec"]
    _absent(
        spec,
        attachRequired=True,
        podInfoOnMount=False,
        storageCapacity=False,
        fsGroupPolicy="ReadWriteOnceWithFSType",
        requiresRepublish=False,
        seLinuxMount=False,
    )
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


def role_binding(obj: JSONObject) -> None:
    if not obj["roleRef"].get("apiGroup"):
        obj["roleRef"]["apiGroup"] = _RBAC


def subject(obj: JSONObject) -> None:
    if not obj.get("apiGroup") and obj.get("kind") in ("User", "Group"):
        obj["apiGroup"] = _RBAC


def priority_class(obj: JSONObject) -> None:
    _absent(obj, preemptionPolicy="PreemptLowerPriority")


def validating_webhook(obj: JSONObject) -> None:
    _absent(
        obj,
        failurePolicy="Fail",
        matchPolicy="Equivalent",
        namespaceSelector={},
        objectSelector={},
        timeoutSeconds=10,
    )


def mutating_webhook(obj: JSONObject) -> None:
    validating_webhook(obj)
    _absent(obj, reinvocationPolicy="Never")


def rule(obj: JSONObject) -> None:
    _absent(obj, scope="*")


def service_reference(obj: JSONObject) -> None:
    _absent(obj, port=443)


def admission_policy_spec(obj: JSONObject) -> None:
    _absent(obj, failurePolicy="Fail")


def match_resources(obj: JSONObject) -> None:
    _absent(obj, matchPolicy="Equivalent", namespaceSelector={}, objectSelector={})


def custom_resource_definition(obj: JSONObject) -> None:
    status: JSONObject = obj.get("status") or {}
    stored = [each.get("name") or "" for each in obj["spec"].get("versions") or () if each.get("storage")]
    if stored and not status.get("storedVersions"):
        obj["status"] = {**status, "storedVersions": stored[:1]}


def custom_resource_definition_spec(obj: JSONObject) -> None:
    names = obj["names"]
    if not names.get("singular"):
        names["singular"] = names.get("kind", "").lower()
    if not names.get("listKind") and names.get("kind"):
        names["listKind"] = names["kind"] + "List"
    if obj.get("conversion") is None:
        obj["conversion"] = {"strategy": "None"}


def api_service_spec(obj: JSONObject) -> None:
    if obj.get("service") is not None:
        _absent(obj["service"], port=443)


def _zero(obj: JSONObject, **values: int) -> None:
    for key, value in values.items():
        if not obj.get(key):
            obj[key] = value


def flow_schema_spec(obj: JSONObject) -> None:
    _zero(obj, matchingPrecedence=1000)


def exempt_level(obj: JSONObject) -> None:
    _absent(obj, nominalConcurrencyShares=0, lendablePercent=0)


def limited_level(obj: JSONObject) -> None:
    _absent(obj, nominalConcurrencyShares=30, lendablePercent=0)


def queuing(obj: JSONObject) -> None:
    _zero(obj, handSize=8, queues=64, queueLengthLimit=50)


_FLOWS = "io.k8s.api.flowcontrol.v1."
_ADMISSION = "io.k8s.api.admissionregistration.v1."
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."

FUNCTIONS = {
    "io.k8s.api.discovery.v1.EndpointPort": endpoint_port,
    "io.k8s.api.networking.v1.NetworkPolicyPort": network_policy_port,
    "io.k8s.api.networking.v1.NetworkPolicy": network_policy,
    "io.k8s.api.networking.v1.IngressClass": ingress_class,
    "io.k8s.api.storage.v1.StorageClass": storage_class,
    "io.k8s.api.storage.v1.CSIDriver": csi_driver,
    "io.k8s.api.rbac.v1.RoleBinding": role_binding,
    "io.k8s.api.rbac.v1.ClusterRoleBinding": role_binding,
    "io.k8s.api.rbac.v1.Subject": subject,
    "io.k8s.api.scheduling.v1.PriorityClass": priority_class,
    _FLOWS + "FlowSchemaSpec": flow_schema_spec,
    _FLOWS + "ExemptPriorityLevelConfiguration": exempt_level,
    _FLOWS + "LimitedPriorityLevelConfiguration": limited_level,
    _FLOWS + "QueuingConfiguration": queuing,
    _ADMISSION + "ValidatingWebhook": validating_webhook,
    _ADMISSION + "MutatingWebhook": mutating_webhook,
    _ADMISSION + "Rule": rule,
    _ADMISSION + "RuleWithOperations": rule,
    _ADMISSION + "NamedRuleWithOperations": rule,
    _ADMISSION + "ServiceReference": service_reference,
    _ADMISSION + "ValidatingAdmissionPolicySpec": admission_policy_spec,
    _ADMISSION + "MutatingAdmissionPolicySpec": admission_policy_spec,
    _ADMISSION + "MatchResources": match_resources,
    _EXTENSIONS + "ServiceReference": service_reference,
    _EXTENSIONS + "CustomResourceDefinition": custom_resource_definition,
    _EXTENSIONS + "CustomResourceDefinitionSpec": custom_resource_definition_spec,
    "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIServiceSpec": api_service_spec,
}
