# ruff: noqa: E501 (samples are one to a line)
"""More samples of kinds: other forms of them, named after a slash, and kinds that take a certificate."""

from __future__ import annotations

from typing import Any

import yaml

Body = dict[str, Any]

_REQUEST = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIR01HNENBUUF3RERFS01BZ0dBMVVFQXd3QllUQlpNQk1HQnlx"
    "R1NNNDlBZ0VHQ0NxR1NNNDlBd0VIQTBJQQpCUG5yNUdRVWZNRUMyU01rMEpuWko4R2xEa0xWZWdpaEZ2L3NDaW1Cbll4bGNMcjMw"
    "U2lJa0NwcURCMW5yZEVECkVqeUZtcmFiK09sREhKT0VrdzFMZnU2Z0FEQUtCZ2dxaGtqT1BRUURBZ05JQURCRkFpQm9iK1hYY2pE"
    "SkZIMWIKYU4yOUhjY0tWK1hKUFN3UXc4MFAyVzdsRHU0b29RSWhBS2NxbWlycE1hRWJ6Vk9LT3hBRUtRSGVoUW9MM295WgpHN1hj"
    "dUFOb2lVTjAKLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg=="
)

_CLAIM = """
{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, spec: {devices: {
   requests: [{name: r, firstAvailable: [
     {name: s, deviceClassName: a, allocationMode: All, selectors: [{cel: {expression: device.driver == 'a.b'}}],
      tolerations: [{key: k, operator: Exists, effect: NoExecute, tolerationSeconds: 5}, {key: k, operator: Equal, value: v}],
      capacity: {requests: {a.b/c: 1Gi}}},
     {name: t, deviceClassName: b, allocationMode: ExactCount, count: 2}]}, {name: q, exactly: {deviceClassName: c}}],
   constraints: [{requests: [r/s, q], distinctAttribute: a.b/c}, {matchAttribute: d.e/f}],
   config: [{requests: [r/t], opaque: {driver: a.b, parameters: {a: b}}}]}}}
"""
_ALLOCATION = """
{devices: {results: [
     {request: r, driver: a.b, pool: p/q, device: d, bindingConditions: [x], bindingFailureConditions: [y],
      shareID: 11111111-2222-3333-4444-555555555555, consumedCapacity: {c: 1Gi},
      tolerations: [{key: k, operator: Equal, value: v, effect: NoExecute, tolerationSeconds: 5}]},
     {request: r, driver: a.b, pool: p, device: e, adminAccess: false}],
   config: [{source: FromClaim, requests: [r], opaque: {driver: a.b, parameters: {a: b}}}]},
 nodeSelector: {nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: In, values: [n]}]}]},
 allocationTimestamp: '2026-01-01T00:00:00Z'}
"""
_DEVICE_STATUS = """
{driver: a.b, pool: p, device: e, data: {a: b},
 conditions: [{type: Ready, status: 'True', reason: R, message: m, lastTransitionTime: '2026-01-01T00:00:00Z'}],
 networkData: {interfaceName: eth0, hardwareAddress: 'aa:bb', ips: [10.1.2.3/24, '2001:db8::1/64']}}
"""
_SLICE = """
{apiVersion: resource.k8s.io/v1, kind: ResourceSlice, spec: {driver: a.b, pool: {name: p/q, generation: 0, resourceSliceCount: 2},
   perDeviceNodeSelection: true, devices: [
     {name: d, nodeName: n, bindsToNode: true, bindingConditions: [x], bindingFailureConditions: [y],
      attributes: {a: {version: 1.2.3}, e.f/b: {int: 5}, c: {bool: true}},
      taints: [{key: k, value: v, effect: NoSchedule, timeAdded: '2026-01-01T00:00:00Z'}],
      consumesCounters: [{counterSet: s, counters: {m: {value: 1Gi}}}]},
     {name: e, allNodes: true, allowMultipleAllocations: true, capacity: {
        c: {value: 10Gi, requestPolicy: {default: 2Gi, validRange: {min: 1Gi, max: 4Gi, step: 1Gi}}}}},
     {name: f, allowMultipleAllocations: true, capacity: {c: {value: '10', requestPolicy: {default: '2', validValues: ['1', '2', '5']}}},
      nodeSelector: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In, values: [b]}]}]}}]}}
"""
_COUNTERS = """
{apiVersion: resource.k8s.io/v1, kind: ResourceSlice, spec: {driver: a.b, pool: {name: p, generation: 1, resourceSliceCount: 1},
   nodeSelector: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In, values: [b]}]}]},
   sharedCounters: [{name: s, counters: {m: {value: 1Gi}, n: {value: '2'}}}]}}
"""
_MUTATING_POLICY = """
{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingAdmissionPolicy, spec: {
   failurePolicy: Ignore, reinvocationPolicy: Never, paramKind: {apiVersion: v1, kind: ConfigMap},
   matchConstraints: {matchPolicy: Exact, namespaceSelector: {matchLabels: {a: b}}, objectSelector: {},
     resourceRules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nothing], scope: '*', resourceNames: [a]}],
     excludeResourceRules: [{apiGroups: [example.com], apiVersions: [v1], operations: [UPDATE], resources: [nothing]}]},
   variables: [{name: v, expression: "'x'"}], matchConditions: [{name: c, expression: 'true'}],
   mutations: [{patchType: ApplyConfiguration, applyConfiguration: {expression: 'Object{metadata: Object.metadata{name: variables.v}}'}},
     {patchType: JSONPatch, jsonPatch: {expression: '[JSONPatch{op: "add", path: "/a", value: params.metadata.name}]'}}]}}
"""
_MUTATING_BINDING = """
{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingAdmissionPolicyBinding, spec: {
   policyName: nothing, paramRef: {name: p, namespace: n, parameterNotFoundAction: Deny},
   matchResources: {namespaceSelector: {matchLabels: {a: b}}, objectSelector: {},
     resourceRules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nothing]}]}}}
"""
_PARAMETERS = """
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, spec: {
   policyName: nothing, validationActions: [Deny], paramRef: {selector: {matchLabels: {a: b}}, parameterNotFoundAction: Allow}}}
"""
_SIGNING = f"""
{{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, spec: {{
   request: {_REQUEST}, signerName: example.com/signer, expirationSeconds: 3600, usages: [client auth, digital signature]}}}}
"""
_DEFINITION = """
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, spec: {group: breakage.example.com, scope: Namespaced, preserveUnknownFields: false,
   names: {plural: things, singular: thing, kind: Thing, listKind: ThingList, shortNames: [th], categories: [all]},
   conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {service: {namespace: a, name: b, path: /c, port: 443}}}},
   versions: [{name: v1, served: true, storage: true, deprecated: true, deprecationWarning: w,
      subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.selector}},
      additionalPrinterColumns: [{name: A, type: string, jsonPath: .spec.a, priority: 1, format: date, description: d}],
      selectableFields: [{jsonPath: .spec.a}],
      schema: {openAPIV3Schema: {type: object, properties: {
        spec: {type: object, required: [a], properties: {a: {type: string, maxLength: 5, pattern: '^a'}, replicas: {type: integer, minimum: 0, maximum: 5}}},
        status: {type: object, properties: {replicas: {type: integer}, selector: {type: string}}}}}}}]}}
"""
_NEW_EVENT = """
{apiVersion: events.k8s.io/v1, kind: Event, eventTime: '2026-01-01T00:00:00.000000Z', reportingController: example.com/c, reportingInstance: i,
 action: a, reason: r, regarding: {kind: Pod, namespace: NAMESPACE, name: p}, related: {kind: Pod, namespace: NAMESPACE, name: q}, note: m,
 type: Normal, series: {count: 2, lastObservedTime: '2026-01-01T00:00:00.000000Z'}}
"""
_OLD_AUTOSCALER = """
{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, spec: {minReplicas: 1, maxReplicas: 3,
   scaleTargetRef: {kind: Deployment, name: web, apiVersion: apps/v1}, targetCPUUtilizationPercentage: 50}}
"""

_TEXTS = {
    "ResourceClaim/choices": _CLAIM,
    "ResourceClaim/given": (
        "{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, spec: {devices: {requests: [{name: r, exactly: {deviceClassName: a}}]}}}"
    ),
    "ResourceSlice/places": _SLICE,
    "ResourceSlice/counters": _COUNTERS,
    "MutatingAdmissionPolicy": _MUTATING_POLICY,
    "MutatingAdmissionPolicyBinding": _MUTATING_BINDING,
    "ValidatingAdmissionPolicyBinding/parameters": _PARAMETERS,
    "CertificateSigningRequest": _SIGNING,
    "CustomResourceDefinition": _DEFINITION,
    "Event/new": _NEW_EVENT,
    "HorizontalPodAutoscaler/old": _OLD_AUTOSCALER,
}
_NAMES = {"CustomResourceDefinition": "things.breakage.example.com"}


def more_samples(namespace: str) -> dict[str, Body]:
    """A valid object of each further form or kind, by its name."""
    found: dict[str, Body] = {}
    for name, text in _TEXTS.items():
        obj = yaml.safe_load(text.replace("NAMESPACE", namespace))
        obj["metadata"] = {"name": _NAMES.get(name, "breakage")}
        found[name] = obj
    return found


MORE_STATUSES: dict[str, Body] = {
    kind: yaml.safe_load(text)
    for kind, text in {
        "ResourceClaim": f"{{allocation: {_ALLOCATION}, reservedFor: [{{resource: pods, name: p, uid: u}}], devices: [{_DEVICE_STATUS}]}}",
        "ResourceClaim/given": f"{{allocation: {_ALLOCATION}, reservedFor: [{{resource: pods, name: p, uid: u}}]}}",
        "ValidatingAdmissionPolicy": "{observedGeneration: 1, typeChecking: {expressionWarnings: [{fieldRef: 'spec.validations[0].expression', warning: w}]}, conditions: [{type: X, status: 'True', reason: R, message: m, lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration: 1}]}",
        "FlowSchema": "{conditions: [{type: Dangling, status: 'True', reason: R, message: m, lastTransitionTime: '2026-01-01T00:00:00Z'}]}",
        "PriorityLevelConfiguration": "{conditions: [{type: X, status: 'True', reason: R, message: m, lastTransitionTime: '2026-01-01T00:00:00Z'}]}",
        "CertificateSigningRequest": "{conditions: [{type: Failed, status: 'True', reason: R, message: m, lastUpdateTime: '2026-01-01T00:00:00Z', lastTransitionTime: '2026-01-01T00:00:00Z'}]}",
        "CustomResourceDefinition": "{acceptedNames: {plural: things, singular: thing, kind: Thing, listKind: ThingList, shortNames: [th], categories: [all]}, storedVersions: [v1], conditions: [{type: Odd, status: 'True', reason: R, message: m, lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration: 1}]}",
        "HorizontalPodAutoscaler/old": "{currentReplicas: 1, desiredReplicas: 1, observedGeneration: 1, currentCPUUtilizationPercentage: 5, lastScaleTime: '2026-01-01T00:00:00Z'}",
    }.items()
}  # fmt: skip
TRIED = frozenset({"ResourceClaim/given"})
"""Of these the valid status is only tried: what is given once cannot be given otherwise."""

_DEVICE = "device.attributes['a.b']"
_EXPRESSIONS = (
    f"{_DEVICE}.x",
    f"{_DEVICE}.x == 5 && device.capacity['a.b'].c.compareTo(quantity('1Gi')) >= 0",
    f"cel.bind(d, {_DEVICE}, d.x && d.y)",
    f"{_DEVICE}.exists(name, name == 'x')",
    f"{_DEVICE}.x.isGreaterThan(semver('1.2.3'))",
    f"{_DEVICE}.x.startsWith('a') || {_DEVICE}.x.contains('b')",
    f"{_DEVICE}.all(a, {_DEVICE}.all(b, {_DEVICE}.all(c, {_DEVICE}.all(d, a + b == c + d))))",
    f"{_DEVICE}.x.matches('a*b')",
    f"{_DEVICE}.x.exists(y, y == 1)",
    "device.attributes.all(d, device.attributes[d].all(n, device.attributes[d][n].matches('a+')))",
    "device.attributes.exists(d, device.capacity.exists(e, device.capacity[e].exists(n, d == n)))",
    "device.driver.matches('(a|b)*c')",
    "device.capacity['a.b'].c.isInteger()",
    "device.capacity['a.b'].c",
    "device.driver",
    "device.nothing",
    "device.allowMultipleAllocations",
    "dyn(true)",
    "1 + 'a'",
    "device.attributes['a'].b in [1, 2, 3]",
    "[1, 2].all(x, x > 0",
    "'a' == 1",
    "true ? 1 : 2",
    "device.attributes['a']['b'].size() > 3",
    "has(device.attributes.a)",
    "device.attributes['a'].?b.orValue(false)",
    "'a'.matches('(')",
    " ",
    "..",
    "true &&",
)
_CLASS_EDITS = {
    f"selector {text}": {"spec": {"selectors": {"=": [{"cel": {"expression": text}}]}}}
    for text in _EXPRESSIONS
}
_CLAIM_EDITS = {
    name: {"spec": {"devices": {"requests": {"=": [{"name": "r", "exactly": exactly}]}}}}
    for name, exactly in {
        "access to devices in use": {"deviceClassName": "a", "adminAccess": True},
        "a long expression": {"deviceClassName": "a", "selectors": [{"cel": {"expression": "true ||" * 2000 + "true"}}]},
        "many selectors": {"deviceClassName": "a", "selectors": [{"cel": {"expression": "true"}}] * 33},
    }.items()
}  # fmt: skip
_CLAIM_EDITS |= {
    f"parameters {name}": {
        "spec": {"devices": {"config": {"=": [{"opaque": {"driver": "a.b", "parameters": value}}]}}}
    }
    for name, value in {
        "text": "a",
        "list": [1],
        "number": 5,
        "large": {"a": "x" * 11000},
        "none": None,
    }.items()
}
_SLICE_EDITS = {
    name: yaml.safe_load(text)
    for name, text in {
        "lists": "{spec: {devices: {=: [{name: d, attributes: {a: {ints: [1, 2]}}}]}}}",
        "mappings": "{spec: {devices: {=: [{name: d, nodeAllocatableResourceMappings: {cpu: {capacityKey: c}}}]}}}",
        "everywhere": "{spec: {allNodes: true}}",
        "nowhere": "{spec: {nodeName: null}}",
        "counters too": "{spec: {sharedCounters: [{name: s, counters: {c: {value: '1'}}}]}}",
        "no devices": "{spec: {devices: null, sharedCounters: [{name: s, counters: {c: {value: '1'}}}]}}",
        "many attributes": "{spec: {devices: {=: [{name: d, attributes: {ATTRIBUTES}}]}}}".replace(
            "ATTRIBUTES", ", ".join(f"a{number}: {{int: 1}}" for number in range(33))
        ),
        "two values": "{spec: {devices: {=: [{name: d, attributes: {a: {int: 1, string: b}}}]}}}",
        "upper case driver": "{spec: {driver: A.b}}",
        "long names": f"{{spec: {{devices: {{=: [{{name: d, attributes: {{{'x' * 33}: {{int: 1}}, a.b/{'y' * 120}: {{int: 1}}}}}}]}}}}}}",
    }.items()
}  # fmt: skip
_APPROVED = "api-approved.kubernetes.io"
_DEFINITION_EDITS: dict[str, Any] = {
    f"approval {text}": {
        "metadata": {"name": "things.breakage.k8s.io", "annotations": {"=": annotations}},
        "spec": {"group": "breakage.k8s.io"},
    }
    for text, annotations in {
        "missing": {},
        "by address": {_APPROVED: "https://example.com/1"},
        "bypassed": {_APPROVED: "unapproved, for tests"},
        "of no form": {_APPROVED: "yes"},
    }.items()
}
MORE_EDITS: dict[str, dict[str, Any]] = {
    "CustomResourceDefinition": _DEFINITION_EDITS,
    "DeviceClass": _CLASS_EDITS,
    "ResourceClaim": _CLAIM_EDITS,
    "ResourceSlice": _SLICE_EDITS,
}
