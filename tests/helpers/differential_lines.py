"""The rules that the embedded server is judged by, line by line of what it is to do.

Every rule is asked in a good form, which succeeds, and in a bad one, which is refused or warned about: the
run counts both and fails where one was never met. A rule that has no bad form says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

STORAGE: Final = (
    "storage: optimistic concurrency",
    "storage: list at a revision",
    "storage: compaction",
    "storage: continue tokens",
    "storage: resourceVersion of reads",
    "storage: resourceVersionMatch",
    "storage: remaining item count",
)
WATCH: Final = (
    "watch: from a revision",
    "watch: bookmarks",
    "watch: sendInitialEvents",
    "watch: timeoutSeconds",
    "watch: selectors",
    "watch: 410",
)
WRITES: Final = (
    "writes: create",
    "writes: generateName",
    "writes: update",
    "writes: create on update",
    "writes: json patch",
    "writes: merge patch",
    "writes: strategic merge patch",
    "writes: apply",
    "writes: apply conflicts",
    "writes: apply force",
    "writes: apply lists and maps",
    "writes: apply gives up ownership",
    "writes: apply to subresources",
    "writes: migration from update to apply",
    "writes: dry run",
    "writes: fieldManager",
    "writes: fieldValidation Strict",
    "writes: fieldValidation Warn",
    "writes: fieldValidation Ignore",
    "writes: preconditions",
    "writes: generation",
    "writes: status",
    "writes: finalizers",
    "writes: grace period",
    "writes: propagation",
    "writes: deletecollection",
)
SUBRESOURCES: Final = tuple(
    f"subresource: {name}"
    for name in (
        "status", "scale", "binding", "eviction", "ephemeralcontainers", "resize", "token", "approval",
        "finalize",
    )
)  # fmt: skip
KINDS: Final = tuple(
    f"kind: {name}"
    for name in (
        "Pod", "PodTemplate", "ControllerRevision",
        "Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet", "Job",
        "CronJob", "Service", "EndpointSlice", "Endpoints", "ConfigMap", "Secret", "Node", "Namespace",
        "Lease", "Event", "PersistentVolume", "PersistentVolumeClaim", "StorageClass",
        "HorizontalPodAutoscaler", "PodDisruptionBudget", "ResourceQuota", "LimitRange", "Role",
        "RoleBinding", "ClusterRole", "ClusterRoleBinding", "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration", "PriorityClass", "NetworkPolicy", "Ingress", "IngressClass",
        "ServiceAccount", "APIService", "CSIDriver", "CSINode", "VolumeAttachment", "CSIStorageCapacity",
        "VolumeAttributesClass", "RuntimeClass", "IPAddress", "ServiceCIDR", "FlowSchema",
        "PriorityLevelConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
        "DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice", "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding", "CertificateSigningRequest", "CustomResourceDefinition",
    )
)  # fmt: skip
CUSTOM: Final = tuple(
    f"custom: {name}"
    for name in (
        "schema", "pruning", "defaulting", "list topology", "status", "scale", "selectable fields", "tables",
        "several versions", "names conflicts",
    )
)  # fmt: skip

LIMITS: Final = tuple(
    f"admission: {name}"
    for name in (
        "LimitRanger", "LimitRanger defaults",
        "ResourceQuota", "ResourceQuota charges", "ResourceQuota scopes",
        "PodSecurity", "PodSecurity warnings", "PodSecurity labels", "Priority", "DefaultTolerationSeconds",
        "RuntimeClass", "DefaultStorageClass", "PersistentVolumeClaimResize", "StorageObjectInUseProtection",
        "DefaultIngressClass", "TaintNodesByCondition", "PodTopologyLabels", "PodResizeValidator",
        "CertificateSubjectRestriction",
    )
)  # fmt: skip

FRONT_ENDS: Final = tuple(
    f"front ends: {name}"
    for name in (
        "discovery", "aggregated discovery", "version", "health", "checks of health", "metrics", "JSON",
        "YAML", "protobuf", "Table", "PartialObjectMetadata",
    )
)  # fmt: skip

CONTROLLERS: Final = tuple(
    f"controllers: {name}"
    for name in (
        "garbage collection, background", "garbage collection, foreground", "garbage collection, orphan",
        "owners in other namespaces", "deletion of namespaces", "service accounts", "root CA",
        "TTL of finished jobs",
    )
)  # fmt: skip
"""The lines that the judge with a kube-controller-manager meets: what goes, and what stays."""

CONVERSED: Final = (*STORAGE, *WATCH, *WRITES, *SUBRESOURCES, *CUSTOM, *LIMITS, *FRONT_ENDS)
"""The lines that the hand-written conversations meet; generated breakages meet the kinds."""

ONE_FORM: Final = {
    ("writes: fieldValidation Ignore", False): "what it ignores it accepts: there is no bad form",
    ("writes: fieldValidation Warn", True): "an object without unknown fields is what every other line sends",
    ("watch: timeoutSeconds", False): "a value below zero means none",
    ("watch: 410", True): "it is itself the bad form of `watch: from a revision`",
    ("storage: remaining item count", False): "a count is given or left out",
    ("custom: pruning", False): "what is pruned is accepted; refusing it is fieldValidation",
    **{
        (f"admission: {name}", False): "it gives, and refuses nothing"
        for name in (
            "LimitRanger defaults",
            "DefaultTolerationSeconds",
            "DefaultStorageClass",
            "DefaultIngressClass",
            "StorageObjectInUseProtection",
            "TaintNodesByCondition",
            "PodTopologyLabels",
        )
    },
    ("admission: ResourceQuota charges", False): "what is refused is not charged: it is `ResourceQuota`",
    ("admission: PodSecurity warnings", True): "it is the good form of `PodSecurity`",
    ("custom: tables", False): "a table is given for every resource",
}

NOT_BUILT: Final[tuple[str, ...]] = ()

UNCOMPARED: Final = {
    "subresource: log, exec, attach, portforward, proxy": "by the tests of sessions, ports and proxies "
    "(tests/unit/apiserver/test_kubelet.py, tests/integration/test_proxy.py)",
    "controllers: garbage collection, namespaces, service accounts, root CA, TTL": "by the judge with a "
    "kube-controller-manager (tests/controlplane/test_differential_controllers.py)",
    "front ends: CBOR": "to the byte (tests/integration/test_cbor.py)",
    "front ends: OpenAPI v2 and v3, gzip": "by tests beside the real server over HTTP "
    "(tests/integration/test_openapi_published.py, test_openapi_of_custom_kinds.py)",
    "admission: webhooks, policies; custom: the conversion webhook": "by a judge that sees the calls too "
    "(tests/controlplane/test_differential_admission.py)",
    "access: authentication, RBAC, reviews, impersonation": "by the tests of access beside a real server "
    "with RBAC (test_differential_access.py, test_differential_access_drawn.py)",
    "custom: CEL rules, transition rules, cost limits, ratcheting": "by the tests of CEL beside these "
    "(tests/controlplane/test_cel_conformance.py, tests/integration/test_cel_rules.py)",
    "storage: one revision counter, bounded watch history": "tests/unit/apiserver/test_watches.py; the real "
    "server's window depends on its caches",
    "storage: --data-dir": "tests/unit/apiserver/test_data_dir.py: the real one has etcd",
    "watch: a slow watcher is cut off": "tests/unit/apiserver/test_watches.py: the real limit is that "
    "of socket buffers",
}


def missing(met: Iterable[tuple[str, bool]], lines: Iterable[str]) -> list[str]:
    """The lines that were not met in a form that they have."""
    counts = Counter(met)
    return [
        f"{line} ({'good' if good else 'bad'} form)"
        for line in lines
        for good in (True, False)
        if not counts[line, good] and (line, good) not in ONE_FORM
    ]


def report(met: Iterable[tuple[str, bool]], judged: Sequence[str]) -> str:
    """How many compared requests met each line, as a table."""
    counts = Counter(met)
    width = max(len(line) for line in judged)
    lines = [f"{'line':{width}}  good  bad"]
    for line in judged:
        cells = (
            "   -" if not counts[line, good] and (line, good) in ONE_FORM else f"{counts[line, good]:4}"
            for good in (True, False)
        )
        lines.append(f"{line:{width}}  {' '.join(cells)}")
    unknown = sorted({line for line, _ in counts} - {*CONVERSED, *KINDS})
    lines += [f"no such line: {line}" for line in unknown]
    lines += ["not built yet:", *(f"  {line}" for line in NOT_BUILT or ("nothing",))]
    lines += ["not compared:", *(f"  {line}: {reason}" for line, reason in UNCOMPARED.items())]
    return "\n".join(lines)
