"""What a server that listens publishes of itself, as a kube-apiserver does.

The Service `kubernetes`, the ServiceCIDR it allocates from, its APIServices, the priority levels and flow
schemas of API priority and fairness (which the embedded server does not have: nobody queues here), since
when it tracks legacy tokens, and the ConfigMap by which other components know the server's clients. The last
is not for a server without TLS.

They are those of a real server, kept in `published.json.gz` by `tools/generate_published_objects.py`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from reconcile.apiserver.data import data
from reconcile.apiserver.interfaces import Access, JSONObject
from reconcile.apiserver.status import StatusError
from reconcile.apiserver.strategies.cluster_addresses import NETWORKS, default_ranges
from reconcile.objects.times import format_time

_AUTHENTICATION: Final = "extension-apiserver-authentication"
_FLOW_CONTROL: Final = "flowcontrol.apiserver.k8s.io"
_FLOWS: Final = (
    "api-priority-and-fairness-config-producer-v1",
    "api-priority-and-fairness-config-consumer-v1",
)
_MANAGERS: Final = {
    f"flowschemas.{_FLOW_CONTROL}": _FLOWS,
    f"prioritylevelconfigurations.{_FLOW_CONTROL}": _FLOWS,
}
_READY: Final = {
    "type": "Ready",
    "status": "True",
    "message": "Kubernetes default Service CIDR is ready",
}


async def publish(access: Access, *, port: int, client_authority: bytes) -> None:
    """Create what is missing, and bring up to date what names this server's port and clients."""
    raw = data("", "published.json.gz")
    objects = msgspec.json.decode(raw, type=dict[str, list[dict[str, Any]]])
    for resource, items in objects.items():
        # API services are made with the status that they have; of these the server says what it found.
        writer, reader = _MANAGERS.get(resource, ("kube-apiserver", ""))
        for item in items:
            await _ensure_with_status(access, resource, item, writer, reader)
    network: JSONObject = {
        "metadata": {"name": "kubernetes"},
        "spec": {"cidrs": list(access.service_ranges)},
        "status": {"conditions": [dict(_READY)]},
    }
    await _ensure_with_status(
        access, NETWORKS, network, "kube-apiserver", "kubernetes-service-cidr-controller"
    )
    await _service(access, port)
    tracking = {"name": "kube-apiserver-legacy-service-account-token-tracking", "namespace": "kube-system"}
    since = {"since": access.runtime.now().strftime("%Y-%m-%d")}
    await _created(access, "configmaps", {"metadata": tracking, "data": since})
    if client_authority:
        await _clients(access, client_authority.decode())


async def _ensure_with_status(
    access: Access, resource: str, obj: JSONObject, writer: str, reader: str
) -> None:
    """`writer` and `reader` are the field managers of the object and of its status."""
    name = obj["metadata"]["name"]
    status = obj.pop("status", None)
    if not await _created(access, resource, obj, writer) or not status or not reader:
        return
    now = format_time(access.runtime.now())
    for condition in status.get("conditions") or ():
        condition["lastTransitionTime"] = now
    await access.apply(resource, "", name, {"status": status}, manager=reader, subresource="status")


async def _service(access: Access, port: int) -> None:
    first = default_ranges(access)[0]
    ports = [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}]
    service: JSONObject = {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": str(first.network[1]),
            "ipFamilyPolicy": "SingleStack",
            "ports": ports,
            "sessionAffinity": "None",
            "type": "ClusterIP",
        },
    }
    if await _created(access, "services", service):
        return

    def with_port(old: JSONObject) -> JSONObject | None:
        if old["spec"].get("ports") == ports:
            return None
        return {**old, "spec": {**old["spec"], "ports": ports}}

    await access.update("services", "default", "kubernetes", with_port)


async def _clients(access: Access, authority: str) -> None:
    config: JSONObject = {
        "metadata": {"name": _AUTHENTICATION, "namespace": "kube-system"},
        "data": {"client-ca-file": authority},
    }
    if not await _created(access, "configmaps", config):
        await access.update(
            "configmaps",
            "kube-system",
            _AUTHENTICATION,
            lambda old: {**old, "data": {**(old.get("data") or {}), **config["data"]}},
        )


async def _created(access: Access, resource: str, obj: JSONObject, manager: str = "kube-apiserver") -> bool:
    """Whether it was not there before. A user's deletion of what it is in (a namespace) stays."""
    metadata = obj["metadata"]
    if access.exists(resource, metadata.get("namespace") or "", metadata["name"]):
        return False
    try:
        await access.create(resource, obj, manager=manager)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise
        return False
    return True
