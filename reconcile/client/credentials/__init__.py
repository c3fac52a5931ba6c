"""Who asks, where, and whom to trust: kubeconfig files, service accounts, plugins, OpenID, rotation."""

from reconcile.client.credentials.base import Anonymous, ClientCertificate, Credentials, Proof
from reconcile.client.credentials.connection import Connection
from reconcile.client.credentials.files import RotatingFile
from reconcile.client.credentials.impersonation import Impersonation
from reconcile.client.credentials.static import CertificateSource, StaticCredentials

__all__ = [
    "Anonymous",
    "CertificateSource",
    "ClientCertificate",
    "Connection",
    "Credentials",
    "Impersonation",
    "Proof",
    "RotatingFile",
    "StaticCredentials",
]
