"""The files that a control plane is configured by."""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from reconcile.testing.control_plane.certificates import CertificateAuthority, KeyPair, ServiceAccountKeys
from reconcile.testing.control_plane.options import AuditLevel

SERVER_NAMES = (
    "localhost",
    "127.0.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "10.0.0.1",
)


class Files:
    """Paths inside a control plane's directory, and the writing of what belongs there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.etcd_data = directory / "etcd"
        self.ca_certificate = directory / "ca.crt"
        self.ca_key = directory / "ca.key"
        self.server_certificate = directory / "server.crt"
        self.server_key = directory / "server.key"
        self.admin_certificate = directory / "admin.crt"
        self.admin_key = directory / "admin.key"
        self.service_account_private_key = directory / "service-account.key"
        self.service_account_public_key = directory / "service-account.pub"
        self.audit_policy = directory / "audit-policy.json"
        self.audit_log = directory / "audit.log"
        self.kubectl_cache = directory / "kubectl-cache"

    def kubeconfig(self, user: str, groups: Sequence[str] = ()) -> Path:
        """The kubeconfig file of one user in these groups."""
        name = "+".join(quote(part, safe="") for part in (user, *groups))
        return self.directory / f"{name}.kubeconfig"

    def log(self, component: str) -> Path:
        """The log of one component."""
        return self.directory / f"{component}.log"

    def write_certificates(self, authority: CertificateAuthority, admin: KeyPair) -> None:
        """Writes the certificates of the authority, servers and administrator, and service-account keys."""
        server = authority.issue_server("kube-apiserver", SERVER_NAMES)
        service_accounts = ServiceAccountKeys.generate()
        for path, content in {
            self.ca_certificate: authority.pair.certificate,
            self.ca_key: authority.pair.key,
            self.server_certificate: server.certificate,
            self.server_key: server.key,
            self.admin_certificate: admin.certificate,
            self.admin_key: admin.key,
            self.service_account_private_key: service_accounts.private,
            self.service_account_public_key: service_accounts.public,
        }.items():
            _write_private(path, content)

    def write_audit_policy(self, level: AuditLevel, rules: Sequence[Mapping[str, Any]] = ()) -> None:
        """Writes a policy that records each request once, when it is answered; a watch also when it
        starts. What no rule matches is recorded at `level`."""
        policy = {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [*rules, {"level": level}],
        }
        self.audit_policy.write_text(json.dumps(policy))

    def write_kubeconfig(
        self, path: Path, *, user: str, url: str, ca_certificate: bytes, client: KeyPair
    ) -> None:
        """Writes a kubeconfig file that needs no other file."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "control-plane",
            "clusters": [
                {
                    "name": "control-plane",
                    "cluster": {"server": url, "certificate-authority-data": _base64(ca_certificate)},
                }
            ],
            "users": [
                {
                    "name": user,
                    "user": {
                        "client-certificate-data": _base64(client.certificate),
                        "client-key-data": _base64(client.key),
                    },
                }
            ],
            "contexts": [{"name": "control-plane", "context": {"cluster": "control-plane", "user": user}}],
        }
        # JSON is YAML: every reader of kubeconfig files takes it.
        _write_private(path, json.dumps(config, indent=2).encode())


def prepare_directory(directory: Path) -> None:
    """Creates `directory`; raises `FileExistsError` if something is in it already."""
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise FileExistsError(f"{directory} is not empty; give the control plane a directory of its own")


def read_lines(path: Path) -> Sequence[bytes]:
    """The whole lines of a file that is being written; none if it does not exist."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    return content.split(b"\n")[:-1]


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
