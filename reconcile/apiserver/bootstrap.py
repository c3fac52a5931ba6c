"""What a new server holds: the default namespaces and the system's priority classes."""

from __future__ import annotations

from reconcile.apiserver.interfaces import Access, JSONObject
from reconcile.apiserver.status import StatusError

NAMESPACES = ("kube-system", "kube-public", "kube-node-lease", "default")


async def bootstrap(access: Access) -> None:
    """Create what is missing. Idempotent."""
    for name in NAMESPACES:
        await _ensure(access, "namespaces", {"metadata": {"name": name}})
    for name, value, text in (
        ("system-node-critical", 2000001000, "Used for system critical pods that must not be moved from "
         "their current node."),
        ("system-cluster-critical", 2000000000, "Used for system critical pods that must run in the cluster, "
         "but can be moved to another node if necessary."),
    ):  # fmt: skip
        await _ensure(
            access,
            "priorityclasses.scheduling.k8s.io",
            {"metadata": {"name": name}, "value": value, "description": text},
        )


async def _ensure(access: Access, group_resource: str, obj: JSONObject) -> None:
    if access.exists(group_resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]):
        return
    try:
        await access.create(group_resource, obj)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise
