"""What envtest takes for kube-apiserver: its flags become options of the embedded server.

No controllers run, as beside a kube-apiserver alone, unless `--controllers` asks for those that the embedded
server has.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconcile.apiserver import ServerOptions
    from reconcile.apiserver.http import HTTPOptions

# Seconds between looks whether who started this is still there.
_LOOK_EVERY = 2.0
# Flag and what it becomes.
KNOWN = (
    "authorization-mode",
    "bind-address",
    "cert-dir",
    "client-ca-file",
    "controllers",
    "disable-admission-plugins",
    "feature-gates",
    "secure-port",
    "service-account-issuer",
    "service-account-signing-key-file",
    "tls-cert-file",
    "tls-private-key-file",
    "token-auth-file",
)
# What says nothing to this server, and changes nothing that a client sees.
_PASSED_OVER = frozenset(
    ("advertise-address", "allow-privileged", "etcd-servers", "service-account-key-file",
     "service-cluster-ip-range", "v", "watch-cache")
)  # fmt: skip


def flags_of(arguments: Sequence[str]) -> dict[str, list[str]]:
    """`--name=value` and `--name value`; the values of each, in order. A flag alone is true."""
    found: dict[str, list[str]] = {}
    waiting: list[str] | None = None
    for each in arguments:
        if each.startswith("--"):
            name, equals, value = each[2:].partition("=")
            waiting = found.setdefault(name, [])
            if equals:
                waiting.append(value)
                waiting = None
        elif waiting is not None:
            waiting.append(each)
            waiting = None
    return {name: values or ["true"] for name, values in found.items()}


def server_options(flags: Mapping[str, Sequence[str]]) -> ServerOptions:
    """What the embedded server is told. Raises ConfigurationError."""
    from reconcile.apiserver import ServerOptions
    from reconcile.apiserver.access.options import AccessOptions
    from reconcile.apiserver.access.service_account_tokens import ISSUER
    from reconcile.apiserver.access.tokens import read_token_file
    from reconcile.apiserver.server import FEATURE_GATES
    from reconcile.cli.serve import gates_of

    modes = _list(flags, "authorization-mode")
    tokens = _last(flags, "token-auth-file")
    signing = _last(flags, "service-account-signing-key-file")
    access = AccessOptions(
        authorization="RBAC" if "RBAC" in modes and "AlwaysAllow" not in modes else "AlwaysAllow",
        tokens=read_token_file(Path(tokens)) if tokens else {},
        issuer=_last(flags, "service-account-issuer") or ISSUER,
        signing_key=Path(signing) if signing and _fits(Path(signing)) else None,
    )
    controllers = "controllers" in flags
    gates = gates_of(flags.get("feature-gates", ()))
    for name in gates.keys() - FEATURE_GATES.keys():
        print(f"--feature-gates: {name} is not known here and passed over", file=sys.stderr)
    return ServerOptions(
        access=access,
        garbage_collection=controllers,
        namespace_deletion=controllers,
        service_accounts=controllers,
        resource_quotas=controllers,
        storage_protection=controllers,
        finished_jobs=controllers,
        policy_status=controllers,
        feature_gates={name: on for name, on in gates.items() if name in FEATURE_GATES},
        disabled_admission=frozenset(_list(flags, "disable-admission-plugins")),
    )


def http_options(flags: Mapping[str, Sequence[str]]) -> HTTPOptions:
    """With which certificates it serves, and whose clients' it takes."""
    from reconcile.apiserver.certificates import ServingCertificates
    from reconcile.apiserver.http import HTTPOptions

    directory = Path(_last(flags, "cert-dir") or ".")
    certificate = Path(_last(flags, "tls-cert-file") or directory / "apiserver.crt")
    key = Path(_last(flags, "tls-private-key-file") or directory / "apiserver.key")
    authority = _last(flags, "client-ca-file")
    if not certificate.exists():
        return HTTPOptions(tls=True)
    served = certificate.read_bytes()
    given = Path(authority).read_bytes() if authority else served
    made = ServingCertificates(given, served, key.read_bytes(), b"", b"", b"")
    return HTTPOptions(tls=True, certificates=made)


def _fits(file: Path) -> bool:
    """Whether the server can sign with the key: it signs on P-256 alone."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(file.read_bytes(), None)
    return isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)


def _last(flags: Mapping[str, Sequence[str]], name: str) -> str:
    return flags[name][-1] if flags.get(name) else ""


def _list(flags: Mapping[str, Sequence[str]], name: str) -> list[str]:
    return [each for value in flags.get(name, ()) for each in value.split(",") if each]


async def _serve(flags: Mapping[str, Sequence[str]]) -> None:
    import asyncio

    from reconcile.apiserver import APIServer
    from reconcile.cli.signals import user_may_end

    parent = os.getppid()
    with user_may_end() as asked:
        async with APIServer(server_options(flags)) as server:
            host = _last(flags, "bind-address") or "127.0.0.1"
            port = int(_last(flags, "secure-port") or 6443)
            await server.serve(host, port, options=http_options(flags))
            # Some suites end without stopping what they started.
            while not asked.is_set() and os.getppid() == parent:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY):
                        await asked.wait()


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM; `--help` names the flags that count."""
    if "--help" in arguments:
        print("\n".join(f"      --{name} string" for name in KNOWN))
        return 0
    flags = flags_of(arguments)
    for name in flags:
        if name not in KNOWN and name not in _PASSED_OVER:
            print(f"--{name} is not known here and passed over", file=sys.stderr)
    import asyncio

    from reconcile.errors import ReconcileError

    try:
        asyncio.run(_serve(flags))
    except ReconcileError as error:
        print(f"kube-apiserver: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
