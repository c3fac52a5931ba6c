"""What an APIService that names a service says, and what can be told of it without asking its server."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

from reconcile.apiserver.interfaces import Access, JSONObject

API_SERVICES: Final = "apiservices.apiregistration.k8s.io"
SLICES: Final = "endpointslices.discovery.k8s.io"


@dataclass(frozen=True, slots=True)
class Remote:
    """An APIService behind which another server stands.

    Attributes:
        name: of the APIService.
        group: API group that the server serves.
        version: version of the group.
        namespace: of its service.
        service: name of its service.
        port: port of its service.
        authority: PEM of who must have signed its certificate; empty for those of the machine.
        insecure: its certificate is not looked at.
        group_priority: where the group stands in discovery.
        version_priority: where the version stands in the group.
        available: whether its status says so.
    """

    name: str
    group: str
    version: str
    namespace: str
    service: str
    port: int
    authority: bytes
    insecure: bool
    group_priority: int
    version_priority: int
    available: bool

    @property
    def path(self) -> str:
        """Where the server must answer."""
        return f"/apis/{self.group}/{self.version}"

    @property
    def backend(self) -> str:
        """The service, as `namespace/name`."""
        return f"{self.namespace}/{self.service}"

    @property
    def server_name(self) -> str:
        """The name that its certificate has to be for."""
        return f"{self.service}.{self.namespace}.svc"


def remote_of(obj: JSONObject) -> Remote | None:
    """What an APIService says of another server; None when this one serves it."""
    spec: dict[str, Any] = obj.get("spec") or {}
    service = spec.get("service")
    if not service or not spec.get("group"):
        return None
    try:
        authority = base64.b64decode(spec.get("caBundle") or "")
    except (binascii.Error, ValueError):
        authority = b""
    conditions: list[JSONObject] = (obj.get("status") or {}).get("conditions") or []
    return Remote(
        obj["metadata"]["name"],
        spec["group"],
        spec.get("version") or "",
        service.get("namespace") or "",
        service.get("name") or "",
        service.get("port") or 443,
        authority,
        bool(spec.get("insecureSkipTLSVerify")),
        spec.get("groupPriorityMinimum") or 0,
        spec.get("versionPriority") or 0,
        any(each.get("type") == "Available" and each.get("status") == "True" for each in conditions),
    )


def condition(status: str, reason: str, message: str) -> JSONObject:
    """The condition `Available`, without its time."""
    return {"type": "Available", "status": status, "reason": reason, "message": message}


PASSED: Final = condition("True", "Passed", "all checks passed")


def unavailable(remote: Remote, access: Access) -> JSONObject | None:
    """Why the service cannot answer, by the objects that there are; None when it has to be asked."""
    where = f'service/{remote.service} in "{remote.namespace}"'
    service = access.read("services", remote.namespace, remote.service)
    if service is None:
        return condition("False", "ServiceNotFound", f"{where} is not present")
    if service["spec"].get("type") != "ClusterIP":
        return None
    ports = [each for each in service["spec"].get("ports") or () if each.get("port") == remote.port]
    if not ports:
        return condition("False", "ServicePortError", f"{where} is not listening on port {remote.port}")
    name = ports[0].get("name") or ""
    slices = [
        each
        for each in access.read_all(SLICES, remote.namespace)
        if (each["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == remote.service
    ]
    if not slices:
        text = f"cannot find endpointslices for {where}"
        return condition("False", "EndpointsNotFound", text)
    if not any(_serves(each, name) for each in slices):
        text = f'endpointslices for {where} have no addresses with port name "{name}"'
        return condition("False", "MissingEndpoints", text)
    return None


def _serves(piece: JSONObject, port: str) -> bool:
    ready = any(
        (each.get("conditions") or {}).get("ready") is not False for each in piece.get("endpoints") or ()
    )
    return ready and any(
        each.get("name") == port and each.get("port") is not None for each in piece.get("ports") or ()
    )
