"""Which container of a pod is meant, where its kubelet is, and the words for each way in which that fails.

The rules are those of upstream's pod registry and kubelet client.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote, urlencode

from reconcile.apiserver import status
from reconcile.apiserver.interfaces import RequestContext

JSONObject = dict[str, Any]

_PREFERRED = ("Hostname", "InternalDNS", "InternalIP", "ExternalDNS", "ExternalIP")
_PORT = 10250


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pod's kubelet would listen."""

    host: str
    port: int

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def url(self, *path: str, query: list[tuple[str, str]]) -> str:
        where = "/".join(quote(part) for part in path)
        text = urlencode(sorted(query, key=lambda item: item[0]))
        return f"https://{self.address}/{where}{f'?{text}' if text else ''}"

    @property
    def refused(self) -> str:
        """What dialing it comes to."""
        return f"dial tcp {self.address}: connect: connection refused"


def pod_of(context: RequestContext) -> JSONObject:
    """The pod. Raises 404."""
    pod = context.access.read("pods", context.namespace, context.name)
    if pod is None:
        raise status.not_found("", "pods", context.name)
    return pod


def container_of(pod: JSONObject, wanted: str) -> str:
    """The name of the container that is meant. Raises 400."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    containers: list[JSONObject] = spec.get("containers") or []
    names = [
        each["name"]
        for field in ("initContainers", "containers", "ephemeralContainers")
        for each in cast("list[JSONObject]", spec.get(field) or [])
    ]
    if wanted:
        if wanted not in names:
            raise status.bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(containers) != 1:
        raise status.bad_request(
            f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
        )
    return containers[0]["name"]


def place_of(pod: JSONObject, context: RequestContext) -> Place:
    """Where the kubelet of the pod's node is. Raises 404 without node, 500 without address."""
    name = pod["spec"]["nodeName"]
    node = context.access.read("nodes", "", name)
    if node is None:
        raise status.not_found("", "nodes", name)
    return node_place(node)


def node_place(node: JSONObject) -> Place:
    """Where the kubelet of a node is. Raises 500 without address."""
    found: JSONObject = node.get("status") or {}
    addresses: list[JSONObject] = found.get("addresses") or []
    port = ((found.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port") or _PORT
    labelled = (node["metadata"].get("labels") or {}).get("kubernetes.io/hostname")
    for kind in _PREFERRED:
        for address in addresses:
            if address["type"] == kind:
                return Place(address["address"], port)
        if kind == "Hostname" and labelled:
            return Place(labelled, port)
    known = " ".join(f"{{{each['type']} {each['address']}}}" for each in addresses)
    raise status.StatusError(f"no preferred addresses found; known addresses: [{known}]", code=500)
