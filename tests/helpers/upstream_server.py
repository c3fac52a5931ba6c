"""The embedded server's process before upstream's suites: `python upstream_server.py DIRECTORY [commands]`.

Writes its authority and a kubeconfig for each user that a control plane has there, and serves until SIGTERM.
`commands`: with the token and without the admission plugins of the suite of kubectl commands.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from helpers.upstream_containers import Forwarding

from reconcile.apiserver import APIServer, ServerOptions
from reconcile.apiserver.access.options import AccessOptions
from reconcile.apiserver.admission.webhooks.options import WebhookOptions
from reconcile.apiserver.http import HTTPOptions
from reconcile.apiserver.interfaces import User

COMPONENTS = ("kube-controller-manager", "kube-scheduler")


_ADMIN = User("admin", ("system:masters", "system:authenticated"))
_COMMANDS = ServerOptions(
    access=AccessOptions(tokens={"admin-token": _ADMIN}),
    disabled_admission=frozenset(
        {
            "ServiceAccount", "DefaultStorageClass", "DefaultTolerationSeconds",
            "StorageObjectInUseProtection", "MutatingAdmissionWebhook", "ValidatingAdmissionWebhook",
        }
    ),
)  # fmt: skip


async def serve(directory: Path, options: ServerOptions) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with APIServer(options) as server:
        address = await server.serve(options=HTTPOptions(tls=True))
        (directory / "ca.crt").write_bytes(address.certificate_authority)
        (directory / "ca.key").write_bytes(address.authority_key)
        for name in COMPONENTS:
            user = User(f"system:{name}", ())
            address.write_kubeconfig(directory / f"{name}.kubeconfig", user=user)
        address.write_kubeconfig(directory / "partial")
        # The last of them says that all is there.
        (directory / "partial").rename(directory / "admin.kubeconfig")
        await ended.wait()


if __name__ == "__main__":
    world = Path(sys.argv[1])
    suite = ServerOptions(access=AccessOptions(), webhooks=WebhookOptions(dialer=Forwarding(world)))
    asyncio.run(serve(world, _COMMANDS if "commands" in sys.argv[2:] else suite))
