# ruff: noqa: E501 (samples are one to a line)
"""A valid object of each kind with as little in it as a server takes; `Kind/plain` by name."""

from __future__ import annotations

from typing import Any

import yaml

Body = dict[str, Any]

_TEXTS = """
{apiVersion: v1, kind: Pod, spec: {containers: [{name: c, image: 'i:1'}]}}
{apiVersion: v1, kind: ConfigMap}
{apiVersion: v1, kind: Secret}
{apiVersion: v1, kind: Service, spec: {ports: [{port: 80}]}}
{apiVersion: v1, kind: ServiceAccount}
{apiVersion: v1, kind: LimitRange}
{apiVersion: v1, kind: ResourceQuota}
{apiVersion: v1, kind: PersistentVolumeClaim, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
{apiVersion: v1, kind: PersistentVolume, spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, hostPath: {path: /x}}}
{apiVersion: v1, kind: ReplicationController, spec: {template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: 'i:1'}]}}}}
{apiVersion: v1, kind: PodTemplate, template: {spec: {containers: [{name: c, image: 'i:1'}]}}}
{apiVersion: v1, kind: Endpoints}
{apiVersion: v1, kind: Node}
{apiVersion: v1, kind: Namespace}
{apiVersion: v1, kind: Event, involvedObject: {namespace: NAMESPACE}}
{apiVersion: apps/v1, kind: Deployment, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: 'i:1'}]}}}}
{apiVersion: apps/v1, kind: ReplicaSet, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: 'i:1'}]}}}}
{apiVersion: apps/v1, kind: StatefulSet, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: 'i:1'}]}}}}
{apiVersion: apps/v1, kind: DaemonSet, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: 'i:1'}]}}}}
{apiVersion: apps/v1, kind: ControllerRevision, data: {}}
{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {containers: [{name: c, image: 'i:1'}], restartPolicy: Never}}}}
{apiVersion: batch/v1, kind: CronJob, spec: {schedule: '* * * * *', jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: 'i:1'}], restartPolicy: Never}}}}}}
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: {maxReplicas: 3, scaleTargetRef: {kind: Deployment, name: web, apiVersion: apps/v1}}}
{apiVersion: policy/v1, kind: PodDisruptionBudget}
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy}
{apiVersion: networking.k8s.io/v1, kind: Ingress, spec: {rules: [{}]}}
{apiVersion: networking.k8s.io/v1, kind: IngressClass, spec: {controller: example.com/x}}
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role}
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, roleRef: {kind: Role, name: r}}
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole}
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, roleRef: {kind: ClusterRole, name: r}}
{apiVersion: coordination.k8s.io/v1, kind: Lease}
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4}
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass}
{apiVersion: storage.k8s.io/v1, kind: StorageClass, provisioner: example.com/x}
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration}
{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration}
{apiVersion: apiregistration.k8s.io/v1, kind: APIService, spec: {group: g.io, version: v1, groupPriorityMinimum: 10, versionPriority: 10}}
{apiVersion: storage.k8s.io/v1, kind: CSIDriver}
{apiVersion: storage.k8s.io/v1, kind: CSINode}
{apiVersion: storage.k8s.io/v1, kind: VolumeAttachment, spec: {attacher: a.b, nodeName: n, source: {persistentVolumeName: v}}}
{apiVersion: storage.k8s.io/v1, kind: CSIStorageCapacity, storageClassName: a}
{apiVersion: storage.k8s.io/v1, kind: VolumeAttributesClass, driverName: a.b, parameters: {a: b}}
{apiVersion: node.k8s.io/v1, kind: RuntimeClass, handler: h}
{apiVersion: networking.k8s.io/v1, kind: IPAddress, spec: {parentRef: {resource: services, name: b}}}
{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, spec: {cidrs: [10.9.0.0/16]}}
{apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: FlowSchema, spec: {priorityLevelConfiguration: {name: catch-all}}}
{apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: PriorityLevelConfiguration, spec: {type: Limited, limited: {limitResponse: {type: Queue, queuing: {}}}}}
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, spec: {matchConstraints: {resourceRules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nothing]}]}, variables: [{name: v, expression: 'true'}], auditAnnotations: [{key: k, valueExpression: '''a'''}]}}
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, spec: {policyName: nothing, validationActions: [Audit]}}
{apiVersion: resource.k8s.io/v1, kind: DeviceClass}
{apiVersion: resource.k8s.io/v1, kind: ResourceClaim}
{apiVersion: resource.k8s.io/v1, kind: ResourceClaimTemplate}
{apiVersion: resource.k8s.io/v1, kind: ResourceSlice, spec: {driver: a.b, pool: {name: p, resourceSliceCount: 1}, nodeName: n}}
{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingAdmissionPolicy, spec: {reinvocationPolicy: Never, paramKind: {apiVersion: v1, kind: ConfigMap}, matchConstraints: {resourceRules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nothing]}]}, variables: [{name: v, expression: '''x'''}], mutations: [{patchType: ApplyConfiguration, applyConfiguration: {expression: 'Object{metadata: Object.metadata{name: variables.v}}'}}]}}
{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingAdmissionPolicyBinding, spec: {policyName: nothing}}
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, spec: {group: breakage.example.com, scope: Namespaced, names: {plural: things, kind: Thing}, versions: [{name: v1, storage: true, deprecated: true, schema: {openAPIV3Schema: {type: object}}}]}}
{apiVersion: events.k8s.io/v1, kind: Event, eventTime: '2026-01-01T00:00:00.000000Z', reportingController: example.com/c, reportingInstance: i, action: a, reason: r, regarding: {namespace: NAMESPACE}, type: Normal}
"""
_NAMES = {
    "APIService": "v1.g.io",
    "CustomResourceDefinition": "things.breakage.example.com",
    "IPAddress": "10.1.9.9",
    "Namespace": "breakage-namespace",
    "Node": "breakage-node",
}


def plain_samples(namespace: str) -> dict[str, Body]:
    """The smallest valid object of each kind."""
    found: dict[str, Body] = {}
    for line in _TEXTS.strip().splitlines():
        obj = yaml.safe_load(line.replace("NAMESPACE", namespace))
        kind = obj["kind"]
        obj["metadata"] = {"name": _NAMES.get(kind, "breakage")}
        form = "new-plain" if obj["apiVersion"] == "events.k8s.io/v1" else "plain"
        found[f"{kind}/{form}"] = obj
    return found
