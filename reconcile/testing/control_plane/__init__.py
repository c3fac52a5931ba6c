"""A real Kubernetes control plane for tests, built and run on the developer's machine.

`ControlPlane` starts etcd, kube-apiserver and, on request, kube-controller-manager and kube-scheduler; the
executables come from `KUBEBUILDER_ASSETS` or are built once from this project's `tools/controlplane`.
`python -m reconcile.testing.control_plane` does the latter ahead of time and prints where they are.
"""

from reconcile.testing.control_plane.build import COMPONENTS, KUBERNETES_VERSION, Binaries, ensure_binaries
from reconcile.testing.control_plane.certificates import CertificateAuthority, KeyPair
from reconcile.testing.control_plane.errors import (
    BinariesUnavailableError,
    ComponentFailedError,
    ControlPlaneError,
    KubectlError,
)
from reconcile.testing.control_plane.etcd import EtcdClient
from reconcile.testing.control_plane.options import AuditLevel, ControlPlaneOptions
from reconcile.testing.control_plane.plane import ControlPlane
from reconcile.testing.control_plane.process import ComponentProcess

__all__ = [
    "COMPONENTS",
    "KUBERNETES_VERSION",
    "AuditLevel",
    "Binaries",
    "BinariesUnavailableError",
    "CertificateAuthority",
    "ComponentFailedError",
    "ComponentProcess",
    "ControlPlane",
    "ControlPlaneError",
    "ControlPlaneOptions",
    "EtcdClient",
    "KeyPair",
    "KubectlError",
    "ensure_binaries",
]
