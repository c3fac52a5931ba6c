"""Which kind goes by which rules."""

from __future__ import annotations

from functools import cache

from reconcile.apiserver import strategies as kinds
from reconcile.apiserver.interfaces import (
    Action,
    ActionSubresource,
    Conversion,
    ObjectSubresource,
    ProjectedSubresource,
    Strategy,
    Subresource,
)
from reconcile.apiserver.schemas.catalog import ServedSubresource, catalog
from reconcile.apiserver.strategies.basic import KindStrategy, StatusStrategy
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
            return kinds.pods.PodStrategy()
        case "services":
            return kinds.services.ServiceStrategy()
        case "configmaps":
            return KindStrategy(
                validate=kinds.core.config_map,
                validate_change=kinds.core.config_map_update,
                change_first=True,
            )
        case "secrets":
            return kinds.core.SecretStrategy(
                validate=kinds.core.secret,
                validate_change=kinds.core.secret_update,
                change_first=True,
                warn=kinds.core.secret_warnings,
                fields={"type": ("type",)},
            )
        case "nodes":
            return kinds.nodes.NodeStrategy()
        case "namespaces":
            return kinds.core.NamespaceStrategy()
        case "persistentvolumes":
            return kinds.persistent_volumes.PersistentVolumeStrategy()
        case "persistentvolumeclaims":
            return kinds.claims.PersistentVolumeClaimStrategy()
        case "events":
            return kinds.events.EventStrategy(new_form=False)
        case "events.events.k8s.io":
            return kinds.events.EventStrategy(new_form=True)
        case "endpoints":
            return KindStrategy(
                validate_created=kinds.endpoints.endpoints_create,
                validate_change=kinds.endpoints.endpoints_update,
                warn=kinds.endpoints.endpoints_warnings,
            )
        case "serviceaccounts":
            return kinds.core.ServiceAccountStrategy()
        case "podtemplates":
            return KindStrategy(
                generation=True,
                validate=kinds.workloads.pod_template,
                template=("template",),
                warn=kinds.workloads.pod_template_warnings,
            )
        case "limitranges":
            return kinds.quotas.LimitRangeStrategy(validate=kinds.quotas.limit_range)
        case "resourcequotas":
            return KindStrategy(
                status=True,
                validate=kinds.quotas.resource_quota,
                validate_change=kinds.quotas.resource_quota_update,
                warn=kinds.quotas.resource_quota_warnings,
            )
        case "replicationcontrollers":
            return kinds.workloads.ReplicationControllerStrategy(
                generation=True,
                status=True,
                validate=kinds.workloads.replication_controller,
                template=("spec", "template"),
                warn=kinds.workloads.controller_warnings,
                name_problems=kinds.workloads.controller_name,
                fields={"status.replicas": ("status", "replicas")},
            )
        case "deployments.apps":
            return kinds.workloads.DeploymentStrategy(
                generation=True,
                status=True,
                annotations_count=True,
                validate=kinds.workloads.deployment,
                template=("spec", "template"),
                validate_change=kinds.workloads.fixed_selector,
                warn=kinds.workloads.workload_warnings,
            )
        case "replicasets.apps":
            return KindStrategy(
                generation=True,
                status=True,
                validate=kinds.workloads.replica_set,
                template=("spec", "template"),
                validate_change=kinds.workloads.fixed_selector,
                warn=kinds.workloads.workload_warnings,
            )
        case "statefulsets.apps":
            return kinds.stateful_sets.StatefulSetStrategy()
        case "daemonsets.apps":
            return kinds.workloads.DaemonSetStrategy(
                generation=True,
                status=True,
                validate=kinds.workloads.daemon_set,
                template=("spec", "template"),
                validate_change=kinds.workloads.fixed_selector,
                change_first=True,
            )
        case "controllerrevisions.apps":
            return KindStrategy(
                validate=kinds.others.controller_revision,
                validate_change=kinds.others.controller_revision_update,
                on_create=kinds.others.controller_revision_create,
            )
        case "jobs.batch":
            return kinds.job_kinds.JobStrategy()
        case "cronjobs.batch":
            return KindStrategy(
                generation=True,
                status=True,
                validate=kinds.cron_jobs.cron_job,
                template=("spec", "jobTemplate", "spec", "template"),
                on_create=kinds.cron_jobs.cron_job_created,
                warn=kinds.cron_jobs.cron_job_warnings,
            )
        case "leases.coordination.k8s.io":
            return kinds.others.LeaseStrategy(validate=kinds.others.lease)
        case "endpointslices.discovery.k8s.io":
            return kinds.endpoints.EndpointSliceStrategy()
        case "horizontalpodautoscalers.autoscaling":
            return kinds.autoscaler_versions.AutoscalerStrategy(
                status=True, validate=kinds.autoscaling.autoscaler
            )
        case "poddisruptionbudgets.policy":
            return KindStrategy(
                generation=True,
                status=True,
                validate=kinds.others.disruption_budget,
                name_rule="path_segment",
                validates_meta=False,
            )
        case "storageclasses.storage.k8s.io":
            return KindStrategy(
                validate=kinds.storage.storage_class,
                validate_change=kinds.storage.storage_class_update,
                warn=kinds.storage.storage_class_warnings,
            )
        case "volumeattributesclasses.storage.k8s.io":
            return KindStrategy(
                validate_created=kinds.storage.attributes_class,
                validate_change=kinds.storage.attributes_class_update,
            )
        case "volumeattachments.storage.k8s.io":
            return KindStrategy(
                status=True,
                validate=kinds.storage.volume_attachment,
                validate_change=kinds.storage.volume_attachment_update,
            )
        case "csinodes.storage.k8s.io":
            return KindStrategy(
                validate=kinds.storage.csi_node, validate_change=kinds.storage.csi_node_update
            )
        case "csidrivers.storage.k8s.io":
            return kinds.storage.CSIDriverStrategy(
                grows=True,
                validate=kinds.storage.csi_driver,
                validate_change=kinds.storage.csi_driver_update,
                warn=kinds.storage.csi_driver_warnings,
            )
        case "csistoragecapacities.storage.k8s.io":
            return KindStrategy(
                validate=kinds.storage.storage_capacity,
                validate_change=kinds.storage.storage_capacity_update,
                warn=kinds.storage.storage_capacity_warnings,
            )
        case "priorityclasses.scheduling.k8s.io":
            return kinds.others.PriorityClassStrategy(
                generation=True,
                validate_created=kinds.others.priority_class,
                validate_change=kinds.others.priority_class_update,
            )
        case "roles.rbac.authorization.k8s.io":
            return KindStrategy(name_rule="path_segment", validate=kinds.others.role)
        case "clusterroles.rbac.authorization.k8s.io":
            return KindStrategy(name_rule="path_segment", validate=kinds.others.cluster_role)
        case "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io":
            return KindStrategy(
                name_rule="path_segment",
                validate=kinds.others.role_binding,
                validate_change=kinds.others.role_binding_update,
            )
        case "ingresses.networking.k8s.io":
            return KindStrategy(
                generation=True,
                status=True,
                validate=kinds.networking.ingress,
                on_create=kinds.networking.ingress_create,
                warn=kinds.networking.ingress_warnings,
            )
        case "networkpolicies.networking.k8s.io":
            return KindStrategy(
                generation=True,
                validate_created=kinds.networking.network_policy,
                validate_change=kinds.networking.network_policy_update,
                warn=kinds.networking.network_policy_warnings,
            )
        case "resourceclaims.resource.k8s.io":
            return kinds.resource_claims.ClaimStrategy()
        case "resourceclaimtemplates.resource.k8s.io":
            return kinds.resource_claims.ClaimTemplateStrategy()
        case "resourceslices.resource.k8s.io":
            return kinds.resource_slices.SliceStrategy()
        case "deviceclasses.resource.k8s.io":
            return KindStrategy(
                generation=True,
                validate_created=kinds.device_classes.device_class,
                validate_change=kinds.device_classes.device_class_update,
                name_problems=kinds.device_classes.class_name_problems,
            )
        case "ipaddresses.networking.k8s.io":
            return kinds.service_networks.AddressStrategy()
        case "servicecidrs.networking.k8s.io":
            return KindStrategy(
                status=True,
                validate_created=kinds.service_networks.service_networks,
                validate_change=kinds.service_networks.service_networks_update,
            )
        case "runtimeclasses.node.k8s.io":
            return KindStrategy(
                validate=kinds.service_networks.runtime_class,
                warn=kinds.service_networks.runtime_class_warnings,
                validate_change=kinds.service_networks.runtime_class_update,
            )
        case "flowschemas.flowcontrol.apiserver.k8s.io":
            return KindStrategy(generation=True, status=True, validate=kinds.flow_control.flow_schema)
        case "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io":
            return KindStrategy(generation=True, status=True, validate=kinds.flow_control.priority_level)
        case "ingressclasses.networking.k8s.io":
            return KindStrategy(
                generation=True,
                validate=kinds.networking.ingress_class,
                validate_change=kinds.networking.ingress_class_update,
                change_first=True,
            )
        case (
            "validatingwebhookconfigurations.admissionregistration.k8s.io"
            | "mutatingwebhookconfigurations.admissionregistration.k8s.io"
        ):
            return KindStrategy(
                generation=True,
                validate_created=kinds.admission_kinds.webhooks,
                validate_change=kinds.admission_kinds.webhooks_update,
            )
        case "validatingadmissionpolicies.admissionregistration.k8s.io":
            return KindStrategy(
                generation=True,
                status=True,
                validate_created=kinds.admission_policies.validating_policy,
                validate_change=kinds.admission_policies.validating_policy_update,
            )
        case "mutatingadmissionpolicies.admissionregistration.k8s.io":
            return KindStrategy(
                generation=True,
                validate_created=kinds.admission_policies.mutating_policy,
                validate_change=kinds.admission_policies.mutating_policy_update,
            )
        case "validatingadmissionpolicybindings.admissionregistration.k8s.io":
            return KindStrategy(generation=True, validate=kinds.admission_policies.validating_binding)
        case "mutatingadmissionpolicybindings.admissionregistration.k8s.io":
            return KindStrategy(generation=True, validate=kinds.admission_policies.mutating_binding)
        case "apiservices.apiregistration.k8s.io":
            return kinds.api_services.APIServiceStrategy()
        case "certificatesigningrequests.certificates.k8s.io":
            return kinds.signing_requests.SigningRequestStrategy()
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
            return kinds.pods.PodStatusStrategy()
        case "namespaces":
            return kinds.core.NamespaceStatusStrategy()
        case "services":
            return StatusStrategy(
                validate=kinds.service_checks.service_status, warn=kinds.addresses.load_balancer_warnings
            )
        case "deployments.apps":
            return StatusStrategy(validate=kinds.workloads.deployment_status, keep_labels=True)
        case "replicasets.apps" | "replicationcontrollers":
            return StatusStrategy(validate=kinds.workloads.replica_set_status)
        case "statefulsets.apps":
            return StatusStrategy(validate=kinds.stateful_sets.stateful_set_status)
        case "daemonsets.apps":
            return StatusStrategy(validate=kinds.workloads.daemon_set_status)
        case "jobs.batch":
            return StatusStrategy(validate=kinds.job_kinds.job_status)
        case "poddisruptionbudgets.policy":
            return StatusStrategy(validate=kinds.others.disruption_budget_status)
        case "ingresses.networking.k8s.io":
            return StatusStrategy(
                validate=kinds.networking.ingress_status, warn=kinds.addresses.load_balancer_warnings
            )
        case "horizontalpodautoscalers.autoscaling":
            return StatusStrategy(validate=kinds.autoscaling.autoscaler_status)
        case "nodes":
            return kinds.nodes.NodeStatusStrategy()
        case "resourcequotas":
            return StatusStrategy(validate=kinds.quotas.resource_quota_status)
        case "persistentvolumes":
            return kinds.persistent_volumes.PersistentVolumeStatusStrategy()
        case "persistentvolumeclaims":
            return StatusStrategy(validate=kinds.claims.persistent_volume_claim_status)
        case "volumeattachments.storage.k8s.io":
            return StatusStrategy(validate=kinds.storage.volume_attachment_status_update)
        case "certificatesigningrequests.certificates.k8s.io":
            return kinds.signing_requests.SigningStatusStrategy()
        case "validatingadmissionpolicies.admissionregistration.k8s.io":
            return StatusStrategy(validate=kinds.admission_policies.validating_policy_status)
        case "resourceclaims.resource.k8s.io":
            return kinds.resource_claim_status.ClaimStatusStrategy()
        case "apiservices.apiregistration.k8s.io":
            return StatusStrategy(validate=kinds.api_services.api_service_status)
        case "customresourcedefinitions.apiextensions.k8s.io":
            from reconcile.apiserver.customresources.definition import definition_status

            return StatusStrategy(validate=definition_status)
        case (
            "flowschemas.flowcontrol.apiserver.k8s.io"
            | "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io"
        ):
            return StatusStrategy(validate=kinds.flow_control.status)
        case _:
            return StatusStrategy()


def _subresource_rules(group_resource: str, name: str) -> Strategy | None:
    match (group_resource, name):
        case ("pods", "ephemeralcontainers"):
            return kinds.pod_debugging.EphemeralContainersStrategy()
        case ("pods", "resize"):
            return kinds.pod_resize.ResizeStrategy()
        case ("namespaces", "finalize"):
            return kinds.core.NamespaceFinalizeStrategy()
        case _:
            return None


def _subresource_action(group_resource: str, name: str) -> Action | None:
    match (group_resource, name):
        case ("pods", "binding"):
            return kinds.pod_actions.bind
        case ("pods", "eviction"):
            return kinds.pod_actions.evict
        case ("serviceaccounts", "token"):
            return kinds.pod_actions.issue_token
        case _:
            return None


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
        action = _subresource_action(name, key)
        rules = _subresource_rules(name, key)
        if action is not None:
            result.append(
                ActionSubresource(key, served.verbs, gvk, action=action, name_checked=key == "token")
            )
        elif key == "scale":
            projection = kinds.scale.ScaleProjection()
            result.append(ProjectedSubresource(key, served.verbs, gvk, projection=projection))
        elif key == "status":
            result.append(
                ObjectSubresource(key, served.verbs, None if own else gvk, rules=_status_rules(name))
            )
        elif rules is not None:
            result.append(ObjectSubresource(key, served.verbs, None if own else gvk, rules=rules))
        elif key == "approval":
            approval = kinds.signing_requests.ApprovalStrategy()
            result.append(ObjectSubresource(key, served.verbs, None, rules=approval))
    return tuple(result)


def action_for(resource: ResourceType) -> Action | None:
    """What a POST to the collection does, for kinds that are never stored."""
    match resource.group_resource:
        case (
            "selfsubjectaccessreviews.authorization.k8s.io"
            | "subjectaccessreviews.authorization.k8s.io"
            | "localsubjectaccessreviews.authorization.k8s.io"
        ):
            return kinds.reviews.access_review
        case "selfsubjectrulesreviews.authorization.k8s.io":
            return kinds.reviews.rules_review
        case "selfsubjectreviews.authentication.k8s.io":
            return kinds.reviews.who_am_i
        case "tokenreviews.authentication.k8s.io":
            return kinds.reviews.token_review
        case "bindings":
            return kinds.pod_actions.bind
        case _:
            return None


def conversion_for(resource: ResourceType) -> Conversion | None:
    if resource.group_resource in ("events", "events.events.k8s.io"):
        return kinds.conversions.EventConversion()
    if resource.group_resource == "horizontalpodautoscalers.autoscaling":
        return kinds.autoscaler_versions.AutoscalerConversion()
    return None


def storage_name_for(resource: ResourceType) -> tuple[str, str]:
    """Where the kind's objects are stored, and in which `apiVersion`: `("", "")` for the usual place."""
    if resource.group_resource in ("events", "events.events.k8s.io"):
        return "events", "v1"
    if resource.group_resource == "horizontalpodautoscalers.autoscaling":
        return "", "autoscaling/v2"
    return "", ""
