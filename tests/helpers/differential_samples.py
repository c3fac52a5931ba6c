# ruff: noqa: E501 (samples are one to a line)
"""Valid objects of built-in kinds and statuses, and edits of them that no generator makes."""

from __future__ import annotations

from typing import Any

import yaml
from helpers.differential_more_samples import MORE_EDITS, MORE_STATUSES, more_samples

Body = dict[str, Any]

_POD = """
{containers: [{name: c, image: 'i:1', command: [a], args: [b], workingDir: /w, imagePullPolicy: Always,
   ports: [{name: web, containerPort: 80, hostPort: 81, protocol: TCP, hostIP: 1.2.3.4}],
   env: [{name: A, value: b}, {name: N, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}},
         {name: R, valueFrom: {resourceFieldRef: {containerName: c, resource: limits.cpu, divisor: '1'}}},
         {name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}, {name: M, valueFrom: {configMapKeyRef: {name: s, key: k}}}],
   envFrom: [{prefix: P, configMapRef: {name: m}}, {secretRef: {name: m}}],
   resources: {limits: {cpu: '2', memory: 1Gi}, requests: {cpu: '1', memory: 1Gi}},
   readinessProbe: {httpGet: {path: /, port: web, scheme: HTTP, httpHeaders: [{name: X-A, value: b}]}, periodSeconds: 3,
                    initialDelaySeconds: 1, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 1},
   livenessProbe: {tcpSocket: {port: 80}, terminationGracePeriodSeconds: 3},
   startupProbe: {exec: {command: [a]}},
   lifecycle: {preStop: {exec: {command: [a]}}, postStart: {httpGet: {port: 80}}},
   securityContext: {runAsUser: 1, runAsGroup: 1, runAsNonRoot: true, readOnlyRootFilesystem: true, privileged: false,
     allowPrivilegeEscalation: false, procMount: Default, capabilities: {add: [NET_ADMIN], drop: [ALL]},
     seccompProfile: {type: RuntimeDefault}, appArmorProfile: {type: RuntimeDefault}, seLinuxOptions: {level: s0}},
   volumeMounts: [{name: e, mountPath: /e, subPath: x, readOnly: true}, {name: p, mountPath: /p, mountPropagation: None}],
   terminationMessagePath: /t, terminationMessagePolicy: File}],
 initContainers: [{name: i, image: 'i:1', restartPolicy: Always}],
 volumes: [{name: e, emptyDir: {sizeLimit: 1Gi, medium: Memory}}, {name: h, hostPath: {path: /h, type: Directory}},
   {name: s, secret: {secretName: s, defaultMode: 420, items: [{key: a, path: b, mode: 256}]}},
   {name: m, configMap: {name: m, items: [{key: a, path: b}]}},
   {name: d, downwardAPI: {items: [{path: a, fieldRef: {fieldPath: metadata.labels}}]}},
   {name: n, nfs: {server: a, path: /b}}, {name: v, persistentVolumeClaim: {claimName: c}}, {name: x, csi: {driver: a.b}},
   {name: p, projected: {defaultMode: 420, sources: [{secret: {name: s, items: [{key: a, path: b}]}},
      {serviceAccountToken: {path: t, expirationSeconds: 3600, audience: a}}]}},
   {name: g, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}}],
 affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [
     {matchExpressions: [{key: zone, operator: In, values: [a]}], matchFields: [{key: metadata.name, operator: In, values: [a]}]}]},
     preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [{key: a, operator: Exists}]}}]},
   podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {a: b}}, topologyKey: zone, namespaces: [x]}]},
   podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 5, podAffinityTerm: {labelSelector: {}, topologyKey: zone}}]}},
 tolerations: [{key: k, operator: Equal, value: v, effect: NoExecute, tolerationSeconds: 5}],
 topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {a: b}}}],
 securityContext: {runAsUser: 0, runAsGroup: 1, fsGroup: 2, fsGroupChangePolicy: Always, supplementalGroups: [1],
   sysctls: [{name: kernel.shm_rmid_forced, value: '1'}], seccompProfile: {type: Localhost, localhostProfile: a}},
 hostAliases: [{ip: 1.2.3.4, hostnames: [a.b]}], dnsPolicy: None,
 dnsConfig: {nameservers: [1.1.1.1], searches: [a.b], options: [{name: ndots, value: '2'}]},
 nodeSelector: {a: b}, imagePullSecrets: [{name: p}], hostname: h, subdomain: s, schedulerName: s,
 terminationGracePeriodSeconds: 5, activeDeadlineSeconds: 10, readinessGates: [{conditionType: a.b/c}],
 schedulingGates: [{name: a.b/g}], serviceAccountName: default, enableServiceLinks: true, shareProcessNamespace: false,
 automountServiceAccountToken: false, restartPolicy: Always, setHostnameAsFQDN: false}
"""
_SMALL = "{metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: 'i:1'}], restartPolicy: %s}}"

_SAMPLES = """
{apiVersion: v1, kind: Pod, spec: POD}
{apiVersion: v1, kind: ConfigMap, data: {a: b}, binaryData: {c: AAEC}, immutable: false}
{apiVersion: v1, kind: Secret, type: kubernetes.io/tls, data: {tls.crt: AAAA, tls.key: AAAA}}
{apiVersion: v1, kind: Service, spec: {type: LoadBalancer, selector: {a: b}, ports: [{name: a, port: 80, targetPort: web, protocol: TCP, appProtocol: http}, {name: b, port: 81, targetPort: 8080}], sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 10}}, externalIPs: [1.2.3.4], loadBalancerSourceRanges: [1.2.3.0/24], externalTrafficPolicy: Cluster, internalTrafficPolicy: Cluster, ipFamilies: [IPv4], ipFamilyPolicy: SingleStack, loadBalancerClass: a/b, allocateLoadBalancerNodePorts: false, publishNotReadyAddresses: true, trafficDistribution: PreferClose}}
{apiVersion: v1, kind: ServiceAccount, automountServiceAccountToken: false, imagePullSecrets: [{name: x}], secrets: [{name: s}]}
{apiVersion: v1, kind: LimitRange, spec: {limits: [{type: Container, max: {cpu: '4'}, min: {cpu: '1'}, default: {cpu: '3'}, defaultRequest: {cpu: '2'}, maxLimitRequestRatio: {cpu: '2'}}, {type: PersistentVolumeClaim, max: {storage: 2Gi}, min: {storage: 1Gi}}]}}
{apiVersion: v1, kind: ResourceQuota, spec: {hard: {pods: '10', requests.cpu: '1', count/configmaps: '5'}, scopes: [NotTerminating], scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: In, values: [a]}]}}}
{apiVersion: v1, kind: PersistentVolumeClaim, spec: {accessModes: [ReadWriteOnce], storageClassName: a, volumeName: v, volumeMode: Filesystem, selector: {matchLabels: {a: b}}, resources: {requests: {storage: 1Gi}}, dataSource: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: s}}}
{apiVersion: v1, kind: PersistentVolume, spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, hostPath: {path: /x}, persistentVolumeReclaimPolicy: Retain, storageClassName: a, mountOptions: [ro], volumeMode: Filesystem, claimRef: {namespace: a, name: b}, nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}]}}}}
{apiVersion: v1, kind: ReplicationController, spec: {replicas: 0, minReadySeconds: 1, selector: {a: b}, template: ALWAYS}}
{apiVersion: v1, kind: PodTemplate, template: ALWAYS}
{apiVersion: v1, kind: Endpoints, subsets: [{addresses: [{ip: 10.1.1.1, hostname: a, nodeName: n}], notReadyAddresses: [{ip: 10.1.1.2}], ports: [{name: a, port: 80, protocol: TCP, appProtocol: http}]}]}
{apiVersion: v1, kind: Node, spec: {unschedulable: true, podCIDR: 10.2.0.0/24, podCIDRs: [10.2.0.0/24], providerID: 'a://b', taints: [{key: k, value: v, effect: NoSchedule}]}}
{apiVersion: v1, kind: Namespace, spec: {finalizers: [kubernetes]}}
{apiVersion: v1, kind: Event, involvedObject: {kind: Pod, namespace: NAMESPACE, name: p}, reason: r, message: m, type: Normal, count: 1, source: {component: c}, firstTimestamp: '2026-01-01T00:00:00Z'}
{apiVersion: apps/v1, kind: Deployment, spec: {replicas: 0, minReadySeconds: 1, revisionHistoryLimit: 2, progressDeadlineSeconds: 5, paused: true, selector: {matchLabels: {a: b}, matchExpressions: [{key: a, operator: In, values: [b]}]}, strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 1}}, template: ALWAYS}}
{apiVersion: apps/v1, kind: ReplicaSet, spec: {replicas: 0, minReadySeconds: 1, selector: {matchExpressions: [{key: a, operator: Exists}]}, template: ALWAYS}}
{apiVersion: apps/v1, kind: StatefulSet, spec: {replicas: 0, serviceName: s, minReadySeconds: 1, podManagementPolicy: Parallel, revisionHistoryLimit: 3, ordinals: {start: 1}, persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Retain}, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 1, maxUnavailable: 1}}, selector: {matchLabels: {a: b}}, volumeClaimTemplates: [{metadata: {name: v}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}], template: ALWAYS}}
{apiVersion: apps/v1, kind: DaemonSet, spec: {minReadySeconds: 1, revisionHistoryLimit: 1, updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1, maxSurge: 0}}, selector: {matchLabels: {a: b}}, template: ALWAYS}}
{apiVersion: apps/v1, kind: ControllerRevision, revision: 3, data: {spec: {}}}
{apiVersion: batch/v1, kind: Job, spec: {parallelism: 1, completions: 2, completionMode: Indexed, backoffLimitPerIndex: 1, maxFailedIndexes: 1, activeDeadlineSeconds: 5, ttlSecondsAfterFinished: 3, suspend: true, podReplacementPolicy: Failed, podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {containerName: c, operator: In, values: [1, 2]}}, {action: Ignore, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]}, successPolicy: {rules: [{succeededIndexes: '0', succeededCount: 1}]}, template: NEVER}}
{apiVersion: batch/v1, kind: CronJob, spec: {schedule: '* * * * *', timeZone: Etc/UTC, concurrencyPolicy: Forbid, startingDeadlineSeconds: 5, successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 1, suspend: true, jobTemplate: {spec: {backoffLimit: 2, template: NEVER}}}}
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: {minReplicas: 1, maxReplicas: 3, scaleTargetRef: {kind: Deployment, name: web, apiVersion: apps/v1}, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}, {type: Pods, pods: {metric: {name: m, selector: {matchLabels: {a: b}}}, target: {type: AverageValue, averageValue: '1'}}}, {type: Object, object: {describedObject: {kind: Service, name: s, apiVersion: v1}, metric: {name: m}, target: {type: Value, value: '1'}}}, {type: External, external: {metric: {name: m}, target: {type: Value, value: '1'}}}, {type: ContainerResource, containerResource: {name: cpu, container: c, target: {type: Utilization, averageUtilization: 50}}}], behavior: {scaleUp: {stabilizationWindowSeconds: 5, selectPolicy: Max, policies: [{type: Pods, value: 1, periodSeconds: 15}]}, scaleDown: {selectPolicy: Min, policies: [{type: Percent, value: 10, periodSeconds: 15}]}}}}
{apiVersion: policy/v1, kind: PodDisruptionBudget, spec: {minAvailable: 50%, unhealthyPodEvictionPolicy: AlwaysAllow, selector: {matchLabels: {a: b}}}}
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, spec: {podSelector: {matchLabels: {a: b}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}, {podSelector: {}, namespaceSelector: {}}], ports: [{port: 80, endPort: 90, protocol: TCP}]}], egress: [{to: [{podSelector: {}}], ports: [{port: web}]}], policyTypes: [Ingress, Egress]}}
{apiVersion: networking.k8s.io/v1, kind: Ingress, spec: {ingressClassName: c, defaultBackend: {service: {name: s, port: {name: web}}}, tls: [{hosts: [a.example.com], secretName: t}], rules: [{host: a.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: s, port: {number: 80}}}}, {path: /x, pathType: Exact, backend: {resource: {apiGroup: g.io, kind: K, name: n}}}]}}]}}
{apiVersion: networking.k8s.io/v1, kind: IngressClass, spec: {controller: example.com/x, parameters: {apiGroup: g.io, kind: K, name: n, scope: Cluster}}}
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, rules: [{apiGroups: [''], resources: [pods], verbs: [get], resourceNames: [a]}]}
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}, subjects: [{kind: User, name: u, apiGroup: rbac.authorization.k8s.io}, {kind: ServiceAccount, name: s, namespace: n}]}
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, rules: [{nonResourceURLs: [/x], verbs: [get]}], aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}}
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r}, subjects: [{kind: Group, name: u, apiGroup: rbac.authorization.k8s.io}]}
{apiVersion: coordination.k8s.io/v1, kind: Lease, spec: {holderIdentity: me, leaseDurationSeconds: 15, renewTime: '2026-01-02T03:04:05.600000Z', leaseTransitions: 0}}
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, endpoints: [{addresses: [10.1.1.1], hostname: h, nodeName: n, zone: z, hints: {forZones: [{name: z}]}, conditions: {ready: false}}], ports: [{name: a, port: 80, protocol: TCP, appProtocol: http}]}
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, value: -5, globalDefault: false, preemptionPolicy: Never, description: d}
{apiVersion: storage.k8s.io/v1, kind: StorageClass, provisioner: example.com/x, parameters: {a: b}, mountOptions: [ro], reclaimPolicy: Retain, volumeBindingMode: Immediate, allowVolumeExpansion: true, allowedTopologies: [{matchLabelExpressions: [{key: zone, values: [a]}]}]}
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, webhooks: [{name: a.example.com, sideEffects: None, admissionReviewVersions: [v1], clientConfig: {url: 'https://localhost/x'}, failurePolicy: Ignore, matchPolicy: Exact, timeoutSeconds: 5, namespaceSelector: {matchLabels: {a: b}}, objectSelector: {}, rules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nothing], scope: '*'}]}]}
{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, webhooks: [{name: a.example.com, sideEffects: None, admissionReviewVersions: [v1], clientConfig: {service: {namespace: a, name: b, path: /c, port: 443}}, failurePolicy: Ignore, reinvocationPolicy: Never, rules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nothing]}]}]}
{apiVersion: apiregistration.k8s.io/v1, kind: APIService, spec: {group: g.io, version: v1, groupPriorityMinimum: 10, versionPriority: 10, insecureSkipTLSVerify: true, service: {namespace: a, name: b, port: 443}}}
{apiVersion: storage.k8s.io/v1, kind: CSIDriver, spec: {attachRequired: true, podInfoOnMount: true, volumeLifecycleModes: [Persistent, Ephemeral], storageCapacity: true, fsGroupPolicy: File, tokenRequests: [{audience: a, expirationSeconds: 700}], requiresRepublish: false, seLinuxMount: false, nodeAllocatableUpdatePeriodSeconds: 20}}
{apiVersion: storage.k8s.io/v1, kind: CSINode, spec: {drivers: [{name: a.b, nodeID: n, topologyKeys: [zone], allocatable: {count: 3}}]}}
{apiVersion: storage.k8s.io/v1, kind: VolumeAttachment, spec: {attacher: a.b, nodeName: n, source: {persistentVolumeName: v}}}
{apiVersion: storage.k8s.io/v1, kind: CSIStorageCapacity, storageClassName: a, capacity: 1Gi, maximumVolumeSize: 1Gi, nodeTopology: {matchLabels: {a: b}}}
{apiVersion: storage.k8s.io/v1, kind: VolumeAttributesClass, driverName: a.b, parameters: {a: b}}
{apiVersion: node.k8s.io/v1, kind: RuntimeClass, handler: h, overhead: {podFixed: {cpu: '1', memory: 1Gi}}, scheduling: {nodeSelector: {a: b}, tolerations: [{key: k, operator: Equal, value: v, effect: NoExecute, tolerationSeconds: 5}]}}
{apiVersion: networking.k8s.io/v1, kind: IPAddress, spec: {parentRef: {group: '', resource: services, namespace: a, name: b}}}
{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, spec: {cidrs: [10.9.0.0/16, 'fd00:9::/112']}}
{apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: FlowSchema, spec: {priorityLevelConfiguration: {name: catch-all}, matchingPrecedence: 9000, distinguisherMethod: {type: ByUser}, rules: [{subjects: [{kind: User, user: {name: nobody}}, {kind: Group, group: {name: g}}, {kind: ServiceAccount, serviceAccount: {namespace: a, name: b}}], resourceRules: [{verbs: [get], apiGroups: [''], resources: [pods], namespaces: [a], clusterScope: false}], nonResourceRules: [{verbs: [get], nonResourceURLs: [/x]}]}]}}
{apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: PriorityLevelConfiguration, spec: {type: Limited, limited: {nominalConcurrencyShares: 1, lendablePercent: 10, borrowingLimitPercent: 20, limitResponse: {type: Queue, queuing: {queues: 8, handSize: 2, queueLengthLimit: 5}}}}}
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, spec: {failurePolicy: Ignore, matchConstraints: {matchPolicy: Exact, namespaceSelector: {matchLabels: {a: b}}, objectSelector: {}, resourceRules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nothing], scope: '*', resourceNames: [a]}], excludeResourceRules: [{apiGroups: [example.com], apiVersions: [v1], operations: [UPDATE], resources: [nothing]}]}, variables: [{name: v, expression: 'true'}], validations: [{expression: variables.v, message: m, reason: Invalid, messageExpression: "'a'"}], matchConditions: [{name: c, expression: 'true'}], auditAnnotations: [{key: k, valueExpression: "'a'"}]}}
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, spec: {policyName: nothing, validationActions: [Audit, Warn], matchResources: {namespaceSelector: {matchLabels: {a: b}}, objectSelector: {}, resourceRules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nothing]}]}}}
{apiVersion: resource.k8s.io/v1, kind: DeviceClass, spec: {selectors: [{cel: {expression: 'true'}}], config: [{opaque: {driver: a.b, parameters: {a: b}}}], extendedResourceName: a.b/c}}
{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, spec: {devices: {requests: [{name: r, exactly: {deviceClassName: a, allocationMode: ExactCount, count: 1, selectors: [{cel: {expression: 'true'}}]}}], constraints: [{requests: [r], matchAttribute: a.b/c}], config: [{requests: [r], opaque: {driver: a.b, parameters: {a: b}}}]}}}
{apiVersion: resource.k8s.io/v1, kind: ResourceClaimTemplate, spec: {metadata: {labels: {a: b}}, spec: {devices: {requests: [{name: r, exactly: {deviceClassName: a, allocationMode: All}}]}}}}
{apiVersion: resource.k8s.io/v1, kind: ResourceSlice, spec: {driver: a.b, pool: {name: p, generation: 1, resourceSliceCount: 1}, nodeName: n, devices: [{name: d, attributes: {a: {string: b}}, capacity: {c: {value: 1Gi}}}]}}
""".strip()
_NAMES = {
    "APIService": "v1.g.io",
    "IPAddress": "10.1.9.9",
    "RoleBinding": "x",
    "Node": "breakage-node",
    "Namespace": "breakage-namespace",
}


def samples(namespace: str) -> dict[str, Body]:
    """A valid object of each kind, by its name."""
    found: dict[str, Body] = {}
    for line in _SAMPLES.splitlines():
        text = line.replace("POD", _POD.strip().replace("\n", " ")) if "spec: POD" in line else line
        text = text.replace("ALWAYS", _SMALL % "Always").replace("NEVER", _SMALL % "Never")
        obj = yaml.safe_load(text.replace("NAMESPACE", namespace))
        kind = obj["kind"]
        obj["metadata"] = {"name": _NAMES.get(kind, "breakage")}
        found[kind] = obj
    return found | more_samples(namespace)


STATUSES: dict[str, Body] = {
    kind: yaml.safe_load(text)
    for kind, text in {
        "Pod": "{phase: Running, podIP: 10.1.2.3, podIPs: [{ip: 10.1.2.3}], hostIP: 10.1.1.1, hostIPs: [{ip: 10.1.1.1}], qosClass: Burstable, conditions: [{type: Ready, status: 'True'}], containerStatuses: [{name: c, image: 'i:1', imageID: x, ready: true, restartCount: 1, started: true, state: {running: {startedAt: '2026-01-01T00:00:00Z'}}}], startTime: '2026-01-01T00:00:00Z'}",
        "Service": "{loadBalancer: {ingress: [{ip: 1.2.3.4, ipMode: VIP, ports: [{port: 80, protocol: TCP}]}, {hostname: a.b}]}, conditions: [{type: Ready, status: 'True', reason: R, message: m, lastTransitionTime: '2026-01-01T00:00:00Z'}]}",
        "ResourceQuota": "{hard: {pods: '10'}, used: {pods: '1'}}",
        "PersistentVolumeClaim": "{phase: Pending, accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, allocatedResources: {storage: 1Gi}, allocatedResourceStatuses: {storage: NodeResizePending}, conditions: [{type: Resizing, status: 'True'}]}",
        "PersistentVolume": "{phase: Available, message: m, reason: r}",
        "ReplicationController": "{replicas: 3, fullyLabeledReplicas: 2, readyReplicas: 2, availableReplicas: 1, observedGeneration: 1, conditions: [{type: ReplicaFailure, status: 'True'}]}",
        "Node": "{capacity: {cpu: '1', memory: 1Gi, pods: '10'}, allocatable: {cpu: '1', memory: 1Gi, pods: '10'}, phase: Running, conditions: [{type: Ready, status: 'True'}], addresses: [{type: InternalIP, address: 10.1.1.1}], daemonEndpoints: {kubeletEndpoint: {Port: 10250}}, images: [{names: [a], sizeBytes: 5}], volumesInUse: [a], volumesAttached: [{name: a, devicePath: b}]}",
        "Namespace": "{phase: Active, conditions: [{type: NamespaceDeletionDiscoveryFailure, status: 'False'}]}",
        "Deployment": "{replicas: 3, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 1, unavailableReplicas: 1, observedGeneration: 1, collisionCount: 2, terminatingReplicas: 1, conditions: [{type: Available, status: 'True'}]}",
        "ReplicaSet": "{replicas: 3, fullyLabeledReplicas: 2, readyReplicas: 2, availableReplicas: 1, observedGeneration: 1, terminatingReplicas: 1, conditions: [{type: ReplicaFailure, status: 'True'}]}",
        "StatefulSet": "{replicas: 3, readyReplicas: 2, currentReplicas: 2, updatedReplicas: 1, availableReplicas: 1, observedGeneration: 1, collisionCount: 2, currentRevision: a, updateRevision: b, conditions: [{type: X, status: 'True'}]}",
        "DaemonSet": "{currentNumberScheduled: 1, numberMisscheduled: 1, desiredNumberScheduled: 1, numberReady: 1, observedGeneration: 1, updatedNumberScheduled: 1, numberAvailable: 1, numberUnavailable: 1, collisionCount: 1, conditions: [{type: X, status: 'True'}]}",
        "Job": "{active: 1, succeeded: 0, failed: 1, ready: 1, terminating: 0, startTime: '2026-01-01T00:00:00Z', failedIndexes: '1', uncountedTerminatedPods: {succeeded: [a], failed: [b]}, conditions: [{type: Suspended, status: 'True'}]}",
        "CronJob": "{lastScheduleTime: '2026-01-01T00:00:00Z', active: [{kind: Job, name: a, namespace: b}]}",
        "HorizontalPodAutoscaler": "{currentReplicas: 1, desiredReplicas: 1, observedGeneration: 1, conditions: [{type: AbleToScale, status: 'True'}], currentMetrics: [{type: Resource, resource: {name: cpu, current: {averageUtilization: 5, averageValue: '1'}}}]}",
        "PodDisruptionBudget": "{observedGeneration: 1, disruptionsAllowed: 1, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1, disruptedPods: {a: '2026-01-01T00:00:00Z'}, conditions: [{type: DisruptionAllowed, status: 'True', reason: R, message: m, lastTransitionTime: '2026-01-01T00:00:00Z'}]}",
        "Ingress": "{loadBalancer: {ingress: [{ip: 1.2.3.4, ports: [{port: 80, protocol: TCP}]}, {hostname: a.b}]}}",
        "VolumeAttachment": "{attached: true, attachmentMetadata: {a: b}, attachError: {message: m, errorCode: 3}, detachError: {message: m}}",
        "ServiceCIDR": "{conditions: [{type: Ready, status: 'True', reason: R, message: m, lastTransitionTime: '2026-01-01T00:00:00Z'}]}",
        "APIService": "{conditions: [{type: Available, status: 'True', reason: R, message: m}]}",
    }.items()
}  # fmt: skip
STATUSES |= MORE_STATUSES
"""A valid status of each kind that has one."""


EDITS: dict[str, dict[str, Any]] = {
    kind: {f"edit {index}": yaml.safe_load(text) for index, text in enumerate(texts)}
    for kind, texts in {
        "Pod": [
            "{spec: {hostNetwork: true}}",
            "{spec: {hostUsers: false, hostPID: true, hostIPC: true}}",
            "{spec: {os: {name: windows}}}",
            "{spec: {os: {name: linux}, securityContext: {windowsOptions: {hostProcess: true}}}}",
            "{spec: {shareProcessNamespace: true, hostPID: true}}",
            "{spec: {hostnameOverride: a.b, setHostnameAsFQDN: true}}",
            "{spec: {dnsPolicy: ClusterFirst, dnsConfig: null}}",
            "{spec: {resources: {limits: {cpu: '1'}, requests: {cpu: 500m}}}}",
            "{spec: {nodeName: n}}",
            "{spec: {resources: {limits: {cpu: 1m}}}}",
            "{spec: {resources: {limits: {cpu: '9', 'Bad Key!': '1'}, requests: {example.com/d: '1'}}}}",
            "{spec: {resources: {limits: {hugepages-2Mi: 3Mi}}}}",
            "{spec: {resources: {claims: [{name: x}]}}}",
        ],
        "Service": [
            "{spec: {type: ExternalName}}",
            "{spec: {type: ExternalName, externalName: a.b, clusterIP: None}}",
            "{spec: {type: ClusterIP, externalTrafficPolicy: Local, healthCheckNodePort: 30000}}",
            "{spec: {clusterIP: None, type: NodePort}}",
            "{spec: {type: ClusterIP, loadBalancerClass: a/b}}",
            "{spec: {sessionAffinity: None}}",
            "{spec: {ipFamilies: [IPv4, IPv4]}}",
        ],
        "Deployment": [
            "{spec: {strategy: {type: Recreate}}}",
            "{spec: {strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}}}",
            "{spec: {minReadySeconds: 9, progressDeadlineSeconds: 9}}",
            "{spec: {template: {spec: {restartPolicy: Never}}}}",
            "{spec: {template: {metadata: {labels: {a: other}}}}}",
        ],
        "StatefulSet": [
            "{spec: {updateStrategy: {type: OnDelete}}}",
            "{spec: {template: {spec: {activeDeadlineSeconds: 5}}}}",
        ],
        "DaemonSet": [
            "{spec: {updateStrategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 1}}}}",
            "{spec: {updateStrategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}}}",
        ],
        "Job": [
            "{spec: {completionMode: NonIndexed}}",
            "{spec: {completions: null}}",
            "{spec: {parallelism: 200000, completions: 200000}}",
            "{spec: {podReplacementPolicy: TerminatingOrFailed}}",
            "{spec: {manualSelector: true}}",
            "{spec: {backoffLimitPerIndex: null}}",
        ],
        "CronJob": ["{spec: {schedule: 'TZ=Etc/UTC * * * * *'}}", "{spec: {timeZone: Nowhere/Town}}"],
        "HorizontalPodAutoscaler": [
            "{spec: {minReplicas: 5, maxReplicas: 3}}",
            "{spec: {metrics: null, minReplicas: 0}}",
        ],
        "Ingress": [
            "{spec: {rules: null, defaultBackend: null}}",
            "{metadata: {annotations: {kubernetes.io/ingress.class: c}}}",
        ],
        "NetworkPolicy": ["{spec: {policyTypes: [Ingress]}}", "{spec: {egress: [{ports: [{endPort: 5}]}]}}"],
        "PersistentVolumeClaim": [
            "{spec: {accessModes: [ReadWriteOncePod, ReadWriteOnce]}}",
            "{spec: {resources: {limits: {storage: 1Mi}}}}",
            "{spec: {dataSourceRef: {kind: K, name: n}}}",
        ],
        "PersistentVolume": ["{spec: {hostPath: {path: /}, persistentVolumeReclaimPolicy: Recycle}}"],
        "ResourceQuota": ["{spec: {scopes: [BestEffort, NotBestEffort]}}"],
        "EndpointSlice": ["{addressType: IPv6}", "{addressType: FQDN}"],
        "PriorityLevelConfiguration": [
            "{spec: {type: Exempt}}",
            "{spec: {limited: {limitResponse: {type: Reject}}}}",
        ],
        "ServiceCIDR": ["{spec: {cidrs: [10.9.0.0/16, 10.8.0.0/16]}}"],
        "StorageClass": ["{volumeBindingMode: WaitForFirstConsumer, allowedTopologies: null}"],
    }.items()
}
EDITS |= MORE_EDITS
"""Of each kind: merge patches by name, of what must fit each other. A map with the key `=` is taken whole."""
