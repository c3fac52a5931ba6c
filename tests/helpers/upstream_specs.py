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
    r"\[sig-apps\] (Deployment|ReplicaSet|ReplicationController)",
)
LABELS = "!Flaky && !Slow && !Disruptive && !Alpha && !Beta && Feature: isEmpty"

LEFT_OUT: Mapping[str, str] = {
    r"AdmissionWebhook|CustomResourceConversionWebhook": (
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
    r"NodeAuthenticator|NodeAuthorizer": "asks a kubelet",
}


def skip() -> str:
    """`-ginkgo.skip` for what is left out."""
    return "|".join(LEFT_OUT)


def focus() -> str:
    """`-ginkgo.focus` for what runs."""
    return "|".join(FOCUS)
