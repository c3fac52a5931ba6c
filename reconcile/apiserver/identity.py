"""The Lease by which a server that listens says that it lives, as kube-apiserver's identity lease controller.

It is made anew at each start, renewed while the server runs and gone when it stops.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import socket
from collections.abc import Awaitable
from typing import Final

from reconcile.apiserver.interfaces import Access, JSONObject
from reconcile.apiserver.status import StatusError
from reconcile.objects.times import format_micro_time

_log = logging.getLogger(__name__)
_LEASES: Final = "leases.coordination.k8s.io"
_NAMESPACE: Final = "kube-system"
_COMPONENT: Final = "kube-apiserver"
_DURATION: Final = 3600
# Seconds between two renewals.
_RENEW: Final = 10.0


def lease_name(host: str) -> str:
    """The name of the Lease of a server on this host.

    >>> lease_name("vm")
    'apiserver-wlv32tlttr4jl3gtroqexyxapa'
    """
    parts = (part.encode() for part in (host, _COMPONENT))
    digest = hashlib.sha256(b"".join(len(part).to_bytes(2, "big") + part for part in parts)).digest()
    return f"apiserver-{base64.b32encode(digest[:16]).decode().rstrip('=').lower()}"


class IdentityLease:
    """Runs as one task of a server that listens.

    Arguments:
        address: where it listens, `host:port`.
    """

    def __init__(self, access: Access, address: str) -> None:
        self._access = access
        self._host = socket.gethostname()
        self._address = address
        self._name = lease_name(self._host)
        self._holder = f"{self._name}_{access.runtime.uuid()}"

    async def begin(self) -> None:
        """Take the place of what an earlier run left."""
        await self.end()
        await self._tried(self._access.create(_LEASES, self._lease()))

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            await asyncio.sleep(_RENEW)
            if self._access.exists(_LEASES, _NAMESPACE, self._name):
                await self._tried(self._access.update(_LEASES, _NAMESPACE, self._name, self._renewed))
            else:
                await self._tried(self._access.create(_LEASES, self._lease()))

    async def end(self) -> None:
        """Take it away."""
        await self._tried(self._access.delete(_LEASES, _NAMESPACE, self._name))

    def _lease(self) -> JSONObject:
        return {
            "metadata": {
                "name": self._name,
                "namespace": _NAMESPACE,
                "labels": {
                    "apiserver.kubernetes.io/identity": _COMPONENT,
                    "kubernetes.io/hostname": self._host,
                },
                "annotations": {"kubernetes.io/peer-advertise-address": self._address},
            },
            "spec": {
                "holderIdentity": self._holder,
                "leaseDurationSeconds": _DURATION,
                "renewTime": format_micro_time(self._access.runtime.now()),
            },
        }

    def _renewed(self, lease: JSONObject) -> JSONObject:
        spec = lease.get("spec") or {}
        now = format_micro_time(self._access.runtime.now())
        return {**lease, "spec": {**spec, "holderIdentity": self._holder, "renewTime": now}}

    async def _tried(self, write: Awaitable[object]) -> None:
        try:
            await write
        except StatusError as error:
            # Its namespace may be gone, or going.
            if error.reason not in ("NotFound", "AlreadyExists", "Forbidden", "Conflict"):
                _log.warning("identity lease: %s", error)
