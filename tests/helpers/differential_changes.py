# ruff: noqa: E501 (choices are one to a line)
"""One field at a time of a valid object set to another value that is good in itself, and each part left empty.

    valid object ──▶ each choice that its field has ──▶ put in its place: taken, or immutable, or of no use now
                 ──▶ a number, quantity, name, list or map changed
    plain object ──▶ each part that may be there, and is not, present but empty ──▶ created: what is filled in

What is plainly wrong is asked by `differential_breakages`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from helpers.differential_breakages import REMOVED, Body, Breakage, Path

from reconcile.apiserver.schemas.catalog import TypeExpression, catalog

_CHOICES: dict[str, tuple[str, ...]] = {
    "AddressType": ("IPv4", "IPv6", "FQDN"),
    "AllocationConfigSource": ("FromClaim", "FromClass"),
    "AppArmorProfileType": ("Localhost", "RuntimeDefault", "Unconfined"),
    "ClaimResourceStatus": ("ControllerResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"),
    "CompletionMode": ("Indexed", "NonIndexed"),
    "ConcurrencyPolicy": ("Allow", "Forbid", "Replace"),
    "ConditionStatus": ("False", "True", "Unknown"),
    "ContainerRestartPolicy": ("Always", "Never", "OnFailure"),
    "ConversionStrategyType": ("None", "Webhook"),
    "DNSPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    "DaemonSetUpdateStrategyType": ("OnDelete", "RollingUpdate"),
    "DeploymentStrategyType": ("Recreate", "RollingUpdate"),
    "DeviceAllocationMode": ("All", "ExactCount"),
    "DeviceTaintEffect": ("NoExecute", "NoSchedule", "None"),
    "DeviceTolerationOperator": ("Equal", "Exists"),
    "FSGroupPolicy": ("File", "None", "ReadWriteOnceWithFSType"),
    "FailurePolicyType": ("Fail", "Ignore"),
    "FlowDistinguisherMethodType": ("ByNamespace", "ByUser"),
    "HPAScalingPolicyType": ("Percent", "Pods"),
    "HostPathType": ("BlockDevice", "Directory", "DirectoryOrCreate", "File", "Socket"),
    "IPFamily": ("IPv4", "IPv6"),
    "IPFamilyPolicy": ("PreferDualStack", "RequireDualStack", "SingleStack"),
    "JobConditionType": ("Complete", "Failed", "FailureTarget", "SuccessCriteriaMet", "Suspended"),
    "KeyUsage": ("any", "client auth", "server auth", "signing"),
    "LabelSelectorOperator": ("DoesNotExist", "Exists", "In", "NotIn"),
    "LimitResponseType": ("Queue", "Reject"),
    "LimitType": ("Container", "PersistentVolumeClaim", "Pod"),
    "LoadBalancerIPMode": ("Proxy", "VIP"),
    "MatchPolicyType": ("Equivalent", "Exact"),
    "MetricSourceType": ("ContainerResource", "External", "Object", "Pods", "Resource"),
    "MetricTargetType": ("AverageValue", "Utilization", "Value"),
    "MountPropagationMode": ("Bidirectional", "HostToContainer", "None"),
    "NamespacePhase": ("Active", "Terminating"),
    "NodeAddressType": ("ExternalDNS", "Hostname", "InternalIP"),
    "NodeInclusionPolicy": ("Honor", "Ignore"),
    "NodePhase": ("Pending", "Running", "Terminated"),
    "NodeSelectorOperator": ("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"),
    "OSName": ("linux", "windows"),
    "OperationType": ("*", "CONNECT", "CREATE", "DELETE", "UPDATE"),
    "ParameterNotFoundActionType": ("Allow", "Deny"),
    "PatchType": ("ApplyConfiguration", "JSONPatch"),
    "PathType": ("Exact", "ImplementationSpecific", "Prefix"),
    "PersistentVolumeAccessMode": ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"),
    "PersistentVolumeClaimPhase": ("Bound", "Lost", "Pending"),
    "PersistentVolumeClaimRetentionPolicyType": ("Delete", "Retain"),
    "PersistentVolumeMode": ("Block", "Filesystem"),
    "PersistentVolumePhase": ("Available", "Bound", "Failed", "Pending", "Released"),
    "PersistentVolumeReclaimPolicy": ("Delete", "Recycle", "Retain"),
    "PodFSGroupChangePolicy": ("Always", "OnRootMismatch"),
    "PodFailurePolicyAction": ("Count", "FailIndex", "FailJob", "Ignore"),
    "PodFailurePolicyOnExitCodesOperator": ("In", "NotIn"),
    "PodManagementPolicyType": ("OrderedReady", "Parallel"),
    "PodPhase": ("Failed", "Pending", "Running", "Succeeded", "Unknown"),
    "PodQOSClass": ("BestEffort", "Burstable", "Guaranteed"),
    "PodReplacementPolicy": ("Failed", "TerminatingOrFailed"),
    "PodSELinuxChangePolicy": ("MountOption", "Recursive"),
    "PolicyType": ("Egress", "Ingress"),
    "PreemptionPolicy": ("Never", "PreemptLowerPriority"),
    "PriorityLevelEnablement": ("Exempt", "Limited"),
    "ProcMountType": ("Default", "Unmasked"),
    "Protocol": ("SCTP", "TCP", "UDP"),
    "PullPolicy": ("Always", "IfNotPresent", "Never"),
    "RecursiveReadOnlyMode": ("Disabled", "Enabled", "IfPossible"),
    "ReinvocationPolicyType": ("IfNeeded", "Never"),
    "RequestConditionType": ("Approved", "Denied", "Failed"),
    "ResourceQuotaScope": ("BestEffort", "NotBestEffort", "NotTerminating", "PriorityClass", "Terminating"),
    "ResourceResizeRestartPolicy": ("NotRequired", "RestartContainer"),
    "ResourceScope": ("Cluster", "Namespaced"),
    "RestartPolicy": ("Always", "Never", "OnFailure"),
    "ScalingPolicySelect": ("Disabled", "Max", "Min"),
    "ScopeSelectorOperator": ("DoesNotExist", "Exists", "In", "NotIn"),
    "ScopeType": ("*", "Cluster", "Namespaced"),
    "SeccompProfileType": ("Localhost", "RuntimeDefault", "Unconfined"),
    "SecretType": ("Opaque", "kubernetes.io/basic-auth", "kubernetes.io/service-account-token", "kubernetes.io/tls"),
    "ServiceAffinity": ("ClientIP", "None"),
    "ServiceExternalTrafficPolicy": ("Cluster", "Local"),
    "ServiceInternalTrafficPolicy": ("Cluster", "Local"),
    "ServiceType": ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"),
    "SideEffectClass": ("None", "NoneOnDryRun", "Some", "Unknown"),
    "StatefulSetUpdateStrategyType": ("OnDelete", "RollingUpdate"),
    "StorageMedium": ("HugePages", "Memory"),
    "SubjectKind": ("Group", "ServiceAccount", "User"),
    "SupplementalGroupsPolicy": ("Merge", "Strict"),
    "TaintEffect": ("NoExecute", "NoSchedule", "PreferNoSchedule"),
    "TerminationMessagePolicy": ("FallbackToLogsOnError", "File"),
    "TolerationOperator": ("Equal", "Exists", "Gt", "Lt"),
    "URIScheme": ("HTTP", "HTTPS"),
    "UnhealthyPodEvictionPolicyType": ("AlwaysAllow", "IfHealthyBudget"),
    "UnsatisfiableConstraintAction": ("DoNotSchedule", "ScheduleAnyway"),
    "ValidationAction": ("Audit", "Deny", "Warn"),
    "VolumeBindingMode": ("Immediate", "WaitForFirstConsumer"),
    "VolumeLifecycleMode": ("Ephemeral", "Persistent"),
}  # fmt: skip
"""What fields of each type of text may be."""

_TEXTS = ("other", "b.c", "10.1.2.3", "example.com/other", "/other")
_SKIPPED = frozenset({"metadata", "status", "apiVersion", "kind"})


def changes(kind: str, obj: Body) -> list[Breakage]:
    """One field at a time of the object (as it is stored) set to another good value."""
    name = catalog().kinds[f"{obj['apiVersion']}/{obj['kind']}"]
    found = _changed(obj, TypeExpression("struct", name), (), None)
    return [_named(path, value) for path, value in found]


def status_changes(kind: str, obj: Body, status: Body) -> list[Breakage]:
    """One field at a time of a status set to another good value."""
    name = catalog().kinds[f"{obj['apiVersion']}/{obj['kind']}"]
    found = _changed(status, catalog().struct(name).fields["status"].type, ("status",), None)
    return [_named(path, value) for path, value in found]


def empties(kind: str, obj: Body) -> list[Breakage]:
    """Each part that the object does not have: there, and empty, with the parts around it."""
    name = catalog().kinds[f"{obj['apiVersion']}/{obj['kind']}"]
    found = _empty(obj, TypeExpression("struct", name), (), ())
    return [_named(path, value) for path, value in found]


def _named(path: Path, value: Any) -> Breakage:
    return Breakage(f"{'.'.join(map(str, path))}:={str(value)[:60]}", ((path, value),))


def _changed(value: Any, type: TypeExpression, path: Path, holder: Any) -> Iterator[tuple[Path, Any]]:
    type = type.inner
    if type.shape == "struct" and isinstance(value, dict):
        for field in catalog().struct(type.name).fields.values():
            if not path and field.name in _SKIPPED:
                continue
            below = (*path, field.name)
            if field.name in value:
                yield from _changed(value[field.name], field.type, below, value)
            else:
                yield from ((below, each) for each in _new(field.type))
    elif type.shape == "list" and isinstance(value, list):
        if value and type.element is not None:
            yield path, value[1:]
            if len(value) > 1:
                yield path, value[::-1]
            for index, item in enumerate(value):
                yield from _changed(item, type.element, (*path, index), value)
            if type.element.inner.shape == "scalar":
                for each in _others(type.element.inner, value[0]):
                    yield path, [*value, each]
    elif type.shape == "map" and isinstance(value, dict):
        if value and type.element is not None:
            first = next(iter(value))
            yield (*path, "another"), value[first]
            yield (*path, first), REMOVED
            for key in value:
                yield from _changed(value[key], type.element, (*path, key), value)
    else:
        yield from ((path, each) for each in _others(type, value))


def _others(type: TypeExpression, value: Any) -> tuple[Any, ...]:
    """Other values for a field that has one."""
    if type.shape == "special":
        match type.name:
            case "Quantity":
                return ("500m", "1500Mi", "3", "7Gi")
            case "IntOrString":
                return (2, "30%", "web")
            case _:
                return ("2027-01-02T03:04:05Z",) if type.name.startswith("Time") else ()
    if type.name == "bool":
        return (not value,)
    if type.name.startswith(("int", "uint")) and isinstance(value, int):
        return (value + 1, value + 1000, max(value - 1, 0))
    if type.name.startswith("string"):
        chosen = _CHOICES.get(type.name.partition(":")[2])
        if chosen is not None:
            return tuple(each for each in chosen if each != value)
        return tuple(each for each in (*_TEXTS, f"{value}x") if each != value)
    return ()


def _new(type: TypeExpression) -> Iterator[Any]:
    """Values for a field that there is none of."""
    type = type.inner
    if type.shape == "list" and type.element is not None:
        for each in _new(type.element):
            yield [each]
    elif type.shape == "map" and type.element is not None:
        for each in _new(type.element):
            yield {"another": each}
    elif type.shape == "struct":
        yield {}
    elif type.shape == "special":
        yield from {"Quantity": ("1Gi",), "IntOrString": (1, "40%")}.get(type.name, ())
    elif type.name == "bool":
        yield from (True, False)
    elif type.name.startswith(("int", "uint")):
        yield from (1, 7)
    elif type.name.startswith("string"):
        yield from _CHOICES.get(type.name.partition(":")[2], _TEXTS[:3])


def _empty(
    value: Any, type: TypeExpression, path: Path, within: tuple[str, ...]
) -> Iterator[tuple[Path, Any]]:
    type = type.inner
    if type.shape == "struct":
        if type.name in within or (value is None and len(within) > 4):
            return
        for field in catalog().struct(type.name).fields.values():
            if not path and field.name in _SKIPPED:
                continue
            inner = field.type.inner
            below = (*path, field.name)
            given = value.get(field.name) if isinstance(value, dict) else None
            if given is not None:
                yield from _empty(given, field.type, below, (*within, type.name))
            elif inner.shape == "struct":
                yield below, {}
                yield from _empty(None, field.type, below, (*within, type.name))
            elif inner.shape == "list":
                # What decoding makes none of is told from none by few rules, all about fields that may not be.
                if inner.element is not None and inner.element.inner.shape == "struct":
                    yield below, [{}]
            elif inner.shape == "map":
                yield below, {}
            elif inner.name == "string":
                yield below, ""
            elif inner.name.startswith("int"):
                yield below, 0
            elif inner.name == "bool":
                yield below, False
    elif type.shape == "list" and isinstance(value, list) and type.element is not None:
        for index, item in enumerate(value):
            yield from _empty(item, type.element, (*path, index), within)
