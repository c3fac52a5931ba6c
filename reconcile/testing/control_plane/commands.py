"""The components' command lines."""

from reconcile.testing.control_plane.files import Files
from reconcile.testing.control_plane.options import ControlPlaneOptions

HOST = "127.0.0.1"
CONTROLLER_MANAGER_USER = "system:kube-controller-manager"
SCHEDULER_USER = "system:kube-scheduler"

_SERVICE_RANGE = "10.0.0.0/24"
_SERVICE_ACCOUNTS = "ServiceAccount"
_NEVER_ROTATE_MEGABYTES = 1_000_000


def etcd_flags(options: ControlPlaneOptions, files: Files, *, client_port: int, peer_port: int) -> list[str]:
    """A single member that does not wait for the disk: its data is not to survive the machine."""
    client = f"http://{HOST}:{client_port}"
    peer = f"http://{HOST}:{peer_port}"
    return [
        "--name=default",
        f"--data-dir={files.etcd_data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        *options.etcd_flags,
    ]


def apiserver_flags(options: ControlPlaneOptions, files: Files, *, port: int, etcd_port: int) -> list[str]:
    """RBAC, TLS with client certificates, service-account tokens; admission as it is by default."""
    flags = [
        f"--etcd-servers=http://{HOST}:{etcd_port}",
        f"--bind-address={HOST}",
        f"--advertise-address={HOST}",
        f"--secure-port={port}",
        # A loopback address is not allowed as an endpoint of the Service `kubernetes`.
        "--endpoint-reconciler-type=none",
        f"--service-cluster-ip-range={_SERVICE_RANGE}",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        f"--client-ca-file={files.ca_certificate}",
        f"--tls-cert-file={files.server_certificate}",
        f"--tls-private-key-file={files.server_key}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={files.service_account_public_key}",
        f"--service-account-signing-key-file={files.service_account_private_key}",
    ]
    wanted = f"--enable-admission-plugins={_SERVICE_ACCOUNTS}" in options.apiserver_flags
    if not options.creates_service_accounts and not wanted:
        flags.append(f"--disable-admission-plugins={_SERVICE_ACCOUNTS}")
    if options.audit_level is not None:
        flags += [
            f"--audit-policy-file={files.audit_policy}",
            f"--audit-log-path={files.audit_log}",
            f"--audit-log-maxsize={_NEVER_ROTATE_MEGABYTES}",
        ]
    return [*flags, *options.apiserver_flags]


def controller_manager_flags(options: ControlPlaneOptions, files: Files, *, port: int) -> list[str]:
    """The chosen controllers, each under its own service account as in a cluster; no leader election."""
    return [
        *_delegating_server_flags(files, CONTROLLER_MANAGER_USER, port),
        f"--controllers={','.join(options.controllers)}",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={files.service_account_private_key}",
        f"--root-ca-file={files.ca_certificate}",
        f"--cluster-signing-cert-file={files.ca_certificate}",
        f"--cluster-signing-key-file={files.ca_key}",
        # At the default 20 a second the controllers' own service accounts alone take six seconds to create.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        *options.controller_manager_flags,
    ]


def scheduler_flags(options: ControlPlaneOptions, files: Files, *, port: int) -> list[str]:
    """The default scheduler; no leader election."""
    return [*_delegating_server_flags(files, SCHEDULER_USER, port), *options.scheduler_flags]


def _delegating_server_flags(files: Files, user: str, port: int) -> list[str]:
    kubeconfig = files.kubeconfig(user)
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={HOST}",
        f"--secure-port={port}",
        f"--tls-cert-file={files.server_certificate}",
        f"--tls-private-key-file={files.server_key}",
        "--leader-elect=false",
    ]
