"""What policies and webhooks are never asked about."""

from __future__ import annotations

from reconcile.apiserver.resources import Resource

_EXEMPT = frozenset(
    {
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
    }
)
_REVIEWS = frozenset(
    {
        "selfsubjectreviews.authentication.k8s.io",
        "tokenreviews.authentication.k8s.io",
        "localsubjectaccessreviews.authorization.k8s.io",
        "selfsubjectaccessreviews.authorization.k8s.io",
        "selfsubjectrulesreviews.authorization.k8s.io",
        "subjectaccessreviews.authorization.k8s.io",
    }
)


def webhooks_see(resource: Resource) -> bool:
    """Whether webhooks are asked: not about what configures them."""
    return resource.type.group != "admissionregistration.k8s.io" or resource.type.kind not in _EXEMPT


def policies_see(resource: Resource) -> bool:
    """Whether policies are asked: not about what configures them, nor about reviews."""
    return webhooks_see(resource) and resource.type.group_resource not in _REVIEWS
