"""Which of upstream's end-to-end specs the embedded server is judged by, and why others are not.

A spec runs that one of `FOCUS` matches and none of `LEFT_OUT`; upstream's own labels leave out what is slow,
disruptive, flaky, or of a feature that is off by default.
"""

from __future__ import annotations

from collections.abc import Mapping

FOCUS = (
    r"\[sig-api-machinery\]",
    r"\[sig-auth\]",
    r"\[sig-instrumentation\] Events",
    r"\[sig-apps\] (Deployment|ReplicaSet|ReplicationController|ControllerRevision)",
    r"\[sig-apps\] DisruptionController Listing",
    r"\[sig-network\] (ServiceCIDR and IPAddress API|Ingress API|IngressClass API)",
    r"\[sig-network\] EndpointSlice should support",
    r"\[sig-network\] (Endpoints should test|Services should delete a collection|Netpol API)",
    r"\[sig-node\] (Lease|NodeLease|PodTemplates|Node Lifecycle|Pods should delete a collection)",
    r"\[sig-node\] (Pods should run through|RuntimeClass should (schedule|reject))",
    r"\[sig-scheduling\] LimitRange",
    r"\[sig-storage\] (VolumeAttachment|CSINodes|CSIStorageCapacity|CSIInlineVolumes|VolumeAttributesClass) ?"
    r".*(API|lifecycle of)",
)
LABELS = "!Flaky && !Slow && !Disruptive && !Alpha && !Beta && Feature: isEmpty"

LEFT_OUT: Mapping[str, str] = {
    r"AdmissionWebhook|CustomResourceConversionWebhook|CustomResourceFieldSelectors": (
        "a webhook server runs in a container; webhooks are judged in test_differential_admission.py"
    ),
    r"Aggregator|OpenAPI V3 for Aggregated APIServer": "nothing is aggregated; the other is a container",
    r"API priority and fairness should ensure that requests": (
        "the embedded server queues nobody: its flow schemas are objects alone"
    ),
    r"health handlers": "it asks for the names of a kube-apiserver's own parts",
    r"OIDC discovery|RunAsUser|mount projected|mount an API token|by-node|should mount": (
        "what a process in a container sees"
    ),
    r"serve a basic image|should serve|should surface a failure": "a container serves, or fails to",
    r"proportional scaling": "a rollout to an image that cannot be pulled; hollow nodes pull every image",
    r"NodeAuthenticator|NodeAuthorizer": "asks a kubelet",
}


def skip() -> str:
    """`-ginkgo.skip` for what is left out."""
    return "|".join(LEFT_OUT)


def focus() -> str:
    """`-ginkgo.focus` for what runs."""
    return "|".join(FOCUS)
