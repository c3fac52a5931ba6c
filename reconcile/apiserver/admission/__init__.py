"""Admission: what a cluster adds to objects, and refuses, between decoding and validation.

The plugins of a default kube-apiserver that a controller's objects meet. `default_plugins()` gives them in
upstream's order; webhooks and policies are further `AdmissionPlugin`s, put at the end.
"""

from __future__ import annotations

from reconcile.apiserver.admission.certificates import (
    CertificateApproval,
    CertificateSigning,
    CertificateSubjectRestriction,
)
from reconcile.apiserver.admission.classes import DefaultIngressClass, PodTopologyLabels, RuntimeClass
from reconcile.apiserver.admission.limit_ranges import LimitRanger
from reconcile.apiserver.admission.namespaces import NamespaceLifecycle
from reconcile.apiserver.admission.pod_security import PodSecurity
from reconcile.apiserver.admission.pod_updates import NodeDeclaredFeatures, PodResizeValidator
from reconcile.apiserver.admission.pods import (
    DefaultTolerations,
    NodeTaints,
    PodPriority,
    ServiceAccountAdmission,
)
from reconcile.apiserver.admission.quotas import ResourceQuota
from reconcile.apiserver.admission.storage import ClaimResize, DefaultStorageClass, StorageProtection
from reconcile.apiserver.interfaces import AdmissionPlugin

__all__ = [
    "CertificateApproval",
    "CertificateSigning",
    "CertificateSubjectRestriction",
    "ClaimResize",
    "DefaultIngressClass",
    "DefaultStorageClass",
    "DefaultTolerations",
    "LimitRanger",
    "NamespaceLifecycle",
    "NodeDeclaredFeatures",
    "NodeTaints",
    "PodPriority",
    "PodResizeValidator",
    "PodSecurity",
    "PodTopologyLabels",
    "ResourceQuota",
    "RuntimeClass",
    "ServiceAccountAdmission",
    "StorageProtection",
    "default_plugins",
]


def default_plugins() -> tuple[AdmissionPlugin, ...]:
    """A fresh chain, in the order in which a server asks it."""
    return (
        NamespaceLifecycle(),
        LimitRanger(),
        ServiceAccountAdmission(),
        NodeTaints(),
        PodSecurity(),
        PodPriority(),
        DefaultTolerations(),
        DefaultStorageClass(),
        StorageProtection(),
        ClaimResize(),
        RuntimeClass(),
        CertificateApproval(),
        CertificateSigning(),
        CertificateSubjectRestriction(),
        DefaultIngressClass(),
        PodTopologyLabels(),
        NodeDeclaredFeatures(),
        PodResizeValidator(),
        ResourceQuota(),
    )
