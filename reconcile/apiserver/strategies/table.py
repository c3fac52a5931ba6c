"""Which kind goes by which rules."""

from __future__ import annotations

from functools import cache

from reconcile.apiserver.interfaces import (
    Action,
    ActionSubresource,
    Conversion,
    ObjectSubresource,
    ProjectedSubresource,
    RequestContext,
    Strategy,
    Subresource,
)
from reconcile.apiserver.schemas.catalog import ServedSubresource, catalog
from reconcile.apiserver.strategies import (
    admission_kinds,
    admission_policies,
    api_services,
    autoscaling,
    claims,
    core,
    cron_jobs,
    devices,
    endpoints,
    flow_control,
    job_kinds,
    networking,
    nodes,
    others,
    pod_actions,
    pods,
    quotas,
    reviews,
    service_networks,
    stateful_sets,
    storage,
    workloads,
)
from reconcile.apiserver.strategies.basic import KindStrategy, StatusStrategy
from reconcile.apiserver.strategies.conversions import AutoscalerConversion, EventConversion
from reconcile.apiserver.strategies.persistent_volumes import (
    PersistentVolumeStatusStrategy,
    PersistentVolumeStrategy,
)
from reconcile.apiserver.strategies.scale import ScaleProjection
from reconcile.apiserver.strategies.service_checks import service_status
from reconcile.apiserver.strategies.services import ServiceStrategy
from reconcile.objects.identity import GroupVersionKind, ResourceType

# A PUT of one that does not exist creates it.
_CREATED_ON_UPDATE = frozenset(
    {
        "runtimeclasses.node.k8s.io",
        "roles.rbac.authorization.k8s.io",
        "rolebindings.rbac.authorization.k8s.io",
        "clusterroles.rbac.authorization.k8s.io",
        "clusterrolebindings.rbac.authorization.k8s.io",
        "leases.coordination.k8s.io",
        "leasecandidates.coordination.k8s.io",
        "limitranges",
        "events",
        "events.events.k8s.io",
        "services",
        "endpoints",
    }
)
# An update must say which version it replaces.
_CONDITIONAL_UPDATE = frozenset(
    {
        "podcertificaterequests.certificates.k8s.io",
        "clustertrustbundles.certificates.k8s.io",
        "runtimeclasses.node.k8s.io",
        "storageversionmigrations.storagemigration.k8s.io",
        "poddisruptionbudgets.policy",
        "csidrivers.storage.k8s.io",
        "csistoragecapacities.storage.k8s.io",
        "volumeattachments.storage.k8s.io",
        "csinodes.storage.k8s.io",
        "leases.coordination.k8s.io",
        "leasecandidates.coordination.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "mutatingadmissionpolicies.admissionregistration.k8s.io",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        "apiservices.apiregistration.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
    }
)


def _make(group_resource: str, version: str) -> Strategy:
    match group_resource:
        case "pods":
            return pods.PodStrategy()
        case "services":
            return ServiceStrategy()
        case "configmaps":
            return KindStrategy(
                validate=core.config_map, validate_change=core.config_map_update, change_first=True
            )
        case "secrets":
            return core.SecretStrategy(
                validate=core.secret,
                validate_change=core.secret_update,
                change_first=True,
                warn=core.secret_warnings,
                fields={"type": ("type",)},
            )
        case "nodes":
            return nodes.NodeStrategy()
        case "namespaces":
            return core.NamespaceStrategy()
        case "persistentvolumes":
            return PersistentVolumeStrategy()
        case "persistentvolumeclaims":
            return claims.PersistentVolumeClaimStrategy()
        case "events":
            return core.EventStrategy(new_form=False)
        case "events.events.k8s.io":
            return core.EventStrategy(new_form=True)
        case "endpoints":
            return KindStrategy(
                validate_created=endpoints.endpoints_create,
                validate_change=endpoints.endpoints_update,
                warn=endpoints.endpoints_warnings,
            )
        case "serviceaccounts":
            return core.ServiceAccountStrategy()
        case "podtemplates":
            return KindStrategy(
                generation=True, validate=workloads.pod_template, warn=workloads.pod_template_warnings
            )
        case "limitranges":
            return quotas.LimitRangeStrategy(validate=quotas.limit_range)
        case "resourcequotas":
            return KindStrategy(
                status=True, validate=quotas.resource_quota, validate_change=quotas.resource_quota_update
            )
        case "replicationcontrollers":
            return workloads.ReplicationControllerStrategy(
                generation=True,
                status=True,
                validate=workloads.replication_controller,
                warn=workloads.controller_warnings,
                name_problems=workloads.controller_name,
                fields={"status.replicas": ("status", "replicas")},
            )
        case "deployments.apps":
            return KindStrategy(
                generation=True,
                status=True,
                annotations_count=True,
                validate=workloads.deployment,
                validate_change=workloads.fixed_selector,
                warn=workloads.workload_warnings,
            )
        case "replicasets.apps":
            return KindStrategy(
                generation=True,
                status=True,
                validate=workloads.replica_set,
                validate_change=workloads.fixed_selector,
                warn=workloads.workload_warnings,
                fields={"status.replicas": ("status", "replicas")},
            )
        case "statefulsets.apps":
            return stateful_sets.StatefulSetStrategy()
        case "daemonsets.apps":
            return workloads.DaemonSetStrategy(
                generation=True,
                status=True,
                validate=workloads.daemon_set,
                validate_change=workloads.fixed_selector,
                change_first=True,
            )
        case "controllerrevisions.apps":
            return KindStrategy(
                validate=others.controller_revision,
                validate_change=others.controller_revision_update,
                on_create=others.controller_revision_create,
            )
        case "jobs.batch":
            return job_kinds.JobStrategy()
        case "cronjobs.batch":
            return KindStrategy(
                generation=True,
                status=True,
                validate=cron_jobs.cron_job,
                name_problems=cron_jobs.cron_job_name,
                warn=cron_jobs.cron_job_warnings,
            )
        case "leases.coordination.k8s.io":
            return others.LeaseStrategy(validate=others.lease)
        case "endpointslices.discovery.k8s.io":
            return endpoints.EndpointSliceStrategy()
        case "horizontalpodautoscalers.autoscaling":
            return KindStrategy(status=True, validate=autoscaling.autoscaler)
        case "poddisruptionbudgets.policy":
            return KindStrategy(
                generation=True, status=True, validate=others.disruption_budget, name_rule="path_segment"
            )
        case "storageclasses.storage.k8s.io":
            return KindStrategy(
                validate=storage.storage_class,
                validate_change=storage.storage_class_update,
                warn=storage.storage_class_warnings,
            )
        case "volumeattributesclasses.storage.k8s.io":
            return KindStrategy(
                validate_created=storage.attributes_class, validate_change=storage.attributes_class_update
            )
        case "volumeattachments.storage.k8s.io":
            return KindStrategy(
                status=True,
                validate=storage.volume_attachment,
                validate_change=storage.volume_attachment_update,
            )
        case "csinodes.storage.k8s.io":
            return KindStrategy(validate=storage.csi_node, validate_change=storage.csi_node_update)
        case "csidrivers.storage.k8s.io":
            return storage.CSIDriverStrategy(
                grows=True,
                validate=storage.csi_driver,
                validate_change=storage.csi_driver_update,
                warn=storage.csi_driver_warnings,
            )
        case "csistoragecapacities.storage.k8s.io":
            return KindStrategy(
                validate=storage.storage_capacity,
                validate_change=storage.storage_capacity_update,
                warn=storage.storage_capacity_warnings,
            )
        case "priorityclasses.scheduling.k8s.io":
            return others.PriorityClassStrategy(
                generation=True,
                validate_created=others.priority_class,
                validate_change=others.priority_class_update,
            )
        case "roles.rbac.authorization.k8s.io":
            return KindStrategy(name_rule="path_segment", validate=others.role)
        case "clusterroles.rbac.authorization.k8s.io":
            return KindStrategy(name_rule="path_segment", validate=others.cluster_role)
        case "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io":
            return KindStrategy(
                name_rule="path_segment",
                validate=others.role_binding,
                validate_change=others.role_binding_update,
            )
        case "ingresses.networking.k8s.io":
            return KindStrategy(
                generation=True, status=True, validate=networking.ingress, on_create=networking.ingress_create
            )
        case "networkpolicies.networking.k8s.io":
            return KindStrategy(
                generation=True,
                validate_created=networking.network_policy,
                validate_change=networking.network_policy_update,
                warn=networking.network_policy_warnings,
            )
        case "resourceclaims.resource.k8s.io":
            return KindStrategy(status=True, validate_change=devices.claim_update)
        case "resourceclaimtemplates.resource.k8s.io":
            return KindStrategy(validate_change=devices.template_update)
        case "resourceslices.resource.k8s.io":
            return KindStrategy(generation=True, validate_change=devices.slice_update)
        case "ipaddresses.networking.k8s.io":
            return KindStrategy(
                validate=service_networks.ip_address,
                validate_change=service_networks.ip_address_update,
                name_problems=service_networks.address_name_problems,
            )
        case "servicecidrs.networking.k8s.io":
            return KindStrategy(
                status=True,
                validate_created=service_networks.service_networks,
                validate_change=service_networks.service_networks_update,
            )
        case "runtimeclasses.node.k8s.io":
            return KindStrategy(
                validate=service_networks.runtime_class,
                validate_change=service_networks.runtime_class_update,
            )
        case "flowschemas.flowcontrol.apiserver.k8s.io":
            return KindStrategy(generation=True, status=True, validate=flow_control.flow_schema)
        case "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io":
            return KindStrategy(generation=True, status=True, validate=flow_control.priority_level)
        case "ingressclasses.networking.k8s.io":
            return KindStrategy(
                generation=True,
                validate=networking.ingress_class,
                validate_change=networking.ingress_class_update,
                change_first=True,
            )
        case (
            "validatingwebhookconfigurations.admissionregistration.k8s.io"
            | "mutatingwebhookconfigurations.admissionregistration.k8s.io"
        ):
            return KindStrategy(
                generation=True,
                validate_created=admission_kinds.webhooks,
                validate_change=admission_kinds.webhooks_update,
            )
        case "validatingadmissionpolicies.admissionregistration.k8s.io":
            return KindStrategy(
                generation=True,
                status=True,
                validate_created=admission_policies.validating_policy,
                validate_change=admission_policies.validating_policy_update,
            )
        case "mutatingadmissionpolicies.admissionregistration.k8s.io":
            return KindStrategy(
                generation=True,
                validate_created=admission_policies.mutating_policy,
                validate_change=admission_policies.mutating_policy_update,
            )
        case "validatingadmissionpolicybindings.admissionregistration.k8s.io":
            return KindStrategy(generation=True, validate=admission_policies.validating_binding)
        case "mutatingadmissionpolicybindings.admissionregistration.k8s.io":
            return KindStrategy(generation=True, validate=admission_policies.mutating_binding)
        case "apiservices.apiregistration.k8s.io":
            return KindStrategy(
                status=True, validate=api_services.api_service, name_problems=api_services.any_name
            )
        case "certificatesigningrequests.certificates.k8s.io":
            return others.SigningRequestStrategy(
                status=True, fields={"spec.signerName": ("spec", "signerName")}
            )
        case "customresourcedefinitions.apiextensions.k8s.io":
            from reconcile.apiserver.customresources.definition import DefinitionStrategy

            return DefinitionStrategy()
        case _:
            served = _served().get((group_resource, version))
            return KindStrategy(
                generation=group_resource not in ("componentstatuses", "runtimeclasses.node.k8s.io"),
                status=bool(served and "status" in served),
            )


@cache
def _served() -> dict[tuple[str, str], dict[str, ServedSubresource]]:
    return {
        (f"{each.resource}.{each.group}" if each.group else each.resource, each.version): {
            sub.subresource: sub for sub in each.subresources
        }
        for each in catalog().resources
    }


def strategy_for(resource: ResourceType) -> Strategy:
    """The rules of a built-in kind."""
    name = resource.group_resource
    strategy = _make(name, resource.version)
    strategy.allow_create_on_update = name in _CREATED_ON_UPDATE
    strategy.allow_unconditional_update = name not in _CONDITIONAL_UPDATE
    return strategy


def _status_rules(group_resource: str) -> Strategy:
    match group_resource:
        case "pods":
            return pods.PodStatusStrategy()
        case "namespaces":
            return core.NamespaceStatusStrategy()
        case "services":
            return StatusStrategy(validate=service_status)
        case "deployments.apps":
            return StatusStrategy(validate=workloads.deployment_status, keep_labels=True)
        case "replicasets.apps" | "replicationcontrollers":
            return StatusStrategy(validate=workloads.replica_set_status)
        case "statefulsets.apps":
            return StatusStrategy(validate=stateful_sets.stateful_set_status)
        case "daemonsets.apps":
            return StatusStrategy(validate=workloads.daemon_set_status)
        case "jobs.batch":
            return StatusStrategy(validate=job_kinds.job_status)
        case "poddisruptionbudgets.policy":
            return StatusStrategy(validate=others.disruption_budget_status)
        case "ingresses.networking.k8s.io":
            return StatusStrategy(validate=networking.ingress_status)
        case "horizontalpodautoscalers.autoscaling":
            return StatusStrategy(validate=autoscaling.autoscaler_status)
        case "nodes":
            return nodes.NodeStatusStrategy()
        case "resourcequotas":
            return StatusStrategy(validate=quotas.resource_quota_status)
        case "persistentvolumes":
            return PersistentVolumeStatusStrategy()
        case "persistentvolumeclaims":
            return StatusStrategy(validate=claims.persistent_volume_claim_status)
        case "volumeattachments.storage.k8s.io":
            return StatusStrategy(validate=storage.volume_attachment_status_update)
        case "apiservices.apiregistration.k8s.io":
            return StatusStrategy(validate=api_services.api_service_status)
        case (
            "flowschemas.flowcontrol.apiserver.k8s.io"
            | "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io"
        ):
            return StatusStrategy(validate=flow_control.status)
        case _:
            return StatusStrategy()


_SUBRESOURCE_RULES = {
    ("pods", "ephemeralcontainers"): pods.EphemeralContainersStrategy,
    ("pods", "resize"): pods.ResizeStrategy,
    ("namespaces", "finalize"): core.NamespaceFinalizeStrategy,
}
_SUBRESOURCE_ACTIONS = {
    ("pods", "binding"): pod_actions.bind,
    ("pods", "eviction"): pod_actions.evict,
    ("serviceaccounts", "token"): pod_actions.issue_token,
}


def subresources_for(resource: ResourceType) -> tuple[Subresource, ...]:
    """The subresources that are served, in discovery's order.

    Not among them, for want of a kubelet: log, exec, attach, portforward and proxy.
    """
    name = resource.group_resource
    result: list[Subresource] = []
    for key, served in _served().get((name, resource.version), {}).items():
        kind = served.response_kind
        gvk = GroupVersionKind(
            kind.group or resource.group, kind.version or resource.version, kind.kind or resource.kind
        )
        own = kind.kind == resource.kind
        action = _SUBRESOURCE_ACTIONS.get((name, key))
        rules = _SUBRESOURCE_RULES.get((name, key))
        if action is not None:
            result.append(
                ActionSubresource(key, served.verbs, gvk, action=action, name_checked=key == "token")
            )
        elif key == "scale":
            projection = ScaleProjection()
            result.append(ProjectedSubresource(key, served.verbs, gvk, projection=projection))
        elif key == "status":
            result.append(
                ObjectSubresource(key, served.verbs, None if own else gvk, rules=_status_rules(name))
            )
        elif rules is not None:
            result.append(ObjectSubresource(key, served.verbs, None if own else gvk, rules=rules()))
        elif key == "approval":
            result.append(ObjectSubresource(key, served.verbs, None, rules=_ApprovalStrategy()))
    return tuple(result)


class _ApprovalStrategy(Strategy):
    """`certificatesigningrequests/approval`: the conditions alone."""

    def prepare_for_update(
        self, new: dict[str, object], old: dict[str, object], context: RequestContext
    ) -> None:
        given = new.get("status")
        conditions = given.get("conditions") if isinstance(given, dict) else None
        new["spec"] = old["spec"]
        before = old.get("status")
        status: dict[str, object] = dict(before) if isinstance(before, dict) else {}
        if isinstance(conditions, list) and conditions:
            times = {"lastUpdateTime": context.timestamp, "lastTransitionTime": context.timestamp}
            status["conditions"] = [
                {**each, **{key: each.get(key) or time for key, time in times.items()}} for each in conditions
            ]
        new["status"] = status


_ACTIONS: dict[str, Action] = {
    "selfsubjectaccessreviews.authorization.k8s.io": reviews.access_review,
    "subjectaccessreviews.authorization.k8s.io": reviews.access_review,
    "localsubjectaccessreviews.authorization.k8s.io": reviews.access_review,
    "selfsubjectrulesreviews.authorization.k8s.io": reviews.rules_review,
    "selfsubjectreviews.authentication.k8s.io": reviews.who_am_i,
    "tokenreviews.authentication.k8s.io": reviews.token_review,
    "bindings": pod_actions.bind,
}


def action_for(resource: ResourceType) -> Action | None:
    """What a POST to the collection does, for kinds that are never stored."""
    return _ACTIONS.get(resource.group_resource)


def conversion_for(resource: ResourceType) -> Conversion | None:
    if resource.group_resource in ("events", "events.events.k8s.io"):
        return EventConversion()
    if resource.group_resource == "horizontalpodautoscalers.autoscaling":
        return AutoscalerConversion()
    return None


def storage_name_for(resource: ResourceType) -> tuple[str, str]:
    """Where the kind's objects are stored, and in which `apiVersion`: `("", "")` for the usual place."""
    if resource.group_resource in ("events", "events.events.k8s.io"):
        return "events", "v1"
    if resource.group_resource == "horizontalpodautoscalers.autoscaling":
        return "", "autoscaling/v2"
    return "", ""
