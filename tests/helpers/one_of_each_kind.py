"""One object of every built-in kind that a client creates, with some of its less usual fields."""

from __future__ import annotations

import base64
from typing import Any

import yaml

_POD = """
{containers: [{name: c, image: 'i:1', ports: [{containerPort: 80}], resources: {limits: {cpu: 1500m}},
  env: [{name: A, value: b}, {name: N, valueFrom: {fieldRef: {fieldPath: metadata.name}}},
        {name: S, valueFrom: {secretKeyRef: {name: s, key: k, optional: true}}}],
  readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 3}, livenessProbe: {tcpSocket: {port: 80}},
  volumeMounts: [{name: v, mountPath: /v}, {name: p, mountPath: /p, readOnly: true}]}],
 volumes: [{name: v, emptyDir: {sizeLimit: 1Gi}},
           {name: p, projected: {sources: [{secret: {name: s, items: [{key: a, path: b}]}}]}}],
 affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [
   {matchExpressions: [{key: zone, operator: In, values: [a, b]}]}]}}},
 tolerations: [{key: k, operator: Exists, effect: NoExecute, tolerationSeconds: 0}],
 topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}],
 securityContext: {runAsUser: 0, supplementalGroups: [1, 300], sysctls: [{name: a.b, value: c}]},
 automountServiceAccountToken: false, restartPolicy: RESTART}
"""
_TEMPLATE = "{metadata: {labels: {a: b}}, spec: " + _POD.strip() + "}"

_OBJECTS = """
{apiVersion: v1, kind: Pod, metadata: {name: NAME, labels: {a: ''}, annotations: {note: "\\u00fc"}}, spec: POD}
{apiVersion: v1, kind: ConfigMap, metadata: {name: NAME}, data: {a: ''}, binaryData: {b: AAEC/w==}, immutable: false}
{apiVersion: v1, kind: Secret, metadata: {name: NAME}, stringData: {a: b}, data: {e: '', f: AAEC}}
{apiVersion: v1, kind: Service, metadata: {name: NAME}, spec: {selector: {a: b}, ports: [{name: a, port: 80, targetPort: web}, {name: b, port: 81, targetPort: 8080}]}}
{apiVersion: v1, kind: ServiceAccount, metadata: {name: NAME}, automountServiceAccountToken: false, imagePullSecrets: [{name: x}]}
{apiVersion: v1, kind: LimitRange, metadata: {name: NAME}, spec: {limits: [{type: PersistentVolumeClaim, max: {storage: 1Gi}}]}}
{apiVersion: v1, kind: ResourceQuota, metadata: {name: NAME}, spec: {hard: {services: '1000'}}}
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: NAME}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
{apiVersion: v1, kind: PersistentVolume, metadata: {name: UNIQUE}, spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, hostPath: {path: /x}}}
{apiVersion: v1, kind: ReplicationController, metadata: {name: NAME}, spec: {replicas: 0, selector: {a: b}, template: ALWAYS}}
{apiVersion: v1, kind: PodTemplate, metadata: {name: NAME}, template: ALWAYS}
{apiVersion: v1, kind: Endpoints, metadata: {name: NAME}, subsets: [{addresses: [{ip: 10.1.1.1}], ports: [{port: 80}]}]}
{apiVersion: v1, kind: Node, metadata: {name: UNIQUE}, spec: {unschedulable: true, taints: [{key: k, effect: NoSchedule}]}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: NAME}, spec: {replicas: 0, selector: {matchLabels: {a: b}}, strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 1}}, template: ALWAYS}}
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: NAME}, spec: {replicas: 0, selector: {matchExpressions: [{key: a, operator: Exists}]}, template: ALWAYS}}
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: NAME}, spec: {replicas: 0, serviceName: s, selector: {matchLabels: {a: b}}, template: ALWAYS}}
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: NAME}, spec: {selector: {matchLabels: {a: b}}, template: ALWAYS}}
{apiVersion: apps/v1, kind: ControllerRevision, metadata: {name: NAME}, revision: 3, data: {spec: {list: [1, two, null]}}}
{apiVersion: batch/v1, kind: Job, metadata: {name: NAME}, spec: {parallelism: 0, suspend: true, template: NEVER}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: NAME}, spec: {schedule: '* * * * *', suspend: true, jobTemplate: {spec: {template: NEVER}}}}
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: NAME}, spec: {maxReplicas: 3, scaleTargetRef: {kind: Deployment, name: web, apiVersion: apps/v1}, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]}}
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: NAME}, spec: {minAvailable: 50%, selector: {matchLabels: {a: b}}}}
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: NAME}, spec: {podSelector: {}, ingress: [{}], egress: [{ports: [{port: web}, {port: 80}]}], policyTypes: [Ingress, Egress]}}
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: NAME}, spec: {rules: [{host: a.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: s, port: {number: 80}}}}]}}]}}
{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: UNIQUE}, spec: {controller: example.com/x}}
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: NAME}, rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]}
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: NAME}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: NAME}, subjects: [{kind: User, name: u, apiGroup: rbac.authorization.k8s.io}]}
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: UNIQUE}, rules: [{nonResourceURLs: [/x], verbs: [get]}], aggregationRule: null}
{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: NAME}, spec: {holderIdentity: me, leaseDurationSeconds: 15, renewTime: '2026-01-02T03:04:05.600000Z', leaseTransitions: 0}}
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: NAME}, addressType: IPv4, endpoints: [{addresses: [10.1.1.1], conditions: {ready: false}}], ports: [{name: '', port: 80}]}
{apiVersion: events.k8s.io/v1, kind: Event, metadata: {name: NAME}, eventTime: '2026-01-02T03:04:05.000006Z', action: a, reason: r, type: Normal, reportingController: example.com/c, reportingInstance: i, regarding: {kind: Pod, namespace: NAMESPACE, name: p}}
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: UNIQUE}, value: -5, globalDefault: false, preemptionPolicy: Never}
{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: UNIQUE}, provisioner: example.com/x, parameters: {a: b}, mountOptions: [ro]}
{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {name: UNIQUE}, spec: {attachRequired: false, tokenRequests: [{audience: a, expirationSeconds: 3600}]}}
{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: UNIQUE}, handler: h, overhead: {podFixed: {cpu: 10m}}}
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: UNIQUE}, webhooks: [{name: a.example.com, sideEffects: None, admissionReviewVersions: [v1], clientConfig: {url: 'https://localhost/x'}, failurePolicy: Ignore, rules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nothing]}]}]}
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: {name: UNIQUE}, spec: {validations: [{expression: 'true'}], matchConstraints: {resourceRules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nothing]}]}}}
{apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: PriorityLevelConfiguration, metadata: {name: UNIQUE}, spec: {type: Limited, limited: {nominalConcurrencyShares: 1, limitResponse: {type: Reject}}}}
{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, metadata: {name: UNIQUE}, spec: {request: REQUEST, signerName: example.com/s, usages: [client auth]}}
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: UNIQUEs.example.com}, spec: {group: example.com, scope: Cluster, names: {plural: UNIQUEs, kind: UNIQUE, singular: UNIQUE}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: number, minimum: 0, maximum: 2.5, default: 1}, list: {type: array, items: {type: string, enum: [a, b]}}, map: {type: object, additionalProperties: {type: string}}}}}}}}]}}
""".strip()  # noqa: E501


def one_of_each_kind(namespace: str, unique: str, request: str) -> list[dict[str, Any]]:
    """The objects: named `sample` in the namespace, or after `unique` where they are in none.

    `request` is a PEM certificate request in base64.
    """
    objects: list[dict[str, Any]] = []
    for line in _OBJECTS.splitlines():
        text = line.replace("POD", _POD.replace("RESTART", "Always").strip().replace("\n", " "))
        for name in ("Always", "Never"):
            template = _TEMPLATE.replace("RESTART", name).replace("\n", " ")
            text = text.replace(name.upper(), template)
        text = text.replace("NAMESPACE", namespace).replace("NAME", "sample").replace("REQUEST", request)
        objects.append(yaml.safe_load(text.replace("UNIQUE", unique.replace("-", ""))))
    return objects


def a_request() -> str:
    """A certificate request, PEM in base64."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    made = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()
