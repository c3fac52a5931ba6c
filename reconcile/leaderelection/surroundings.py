"""Where a process finds out which namespace it lives in and what it is called."""

from __future__ import annotations

import socket

import msgspec

from reconcile.client.client import Client
from reconcile.client.credentials.in_cluster import SERVICE_ACCOUNT
from reconcile.errors import ConfigurationError, ReconcileError
from reconcile.objects.identity import ObjectKey, ResourceType

POD_NAME = "authentication.kubernetes.io/pod-name"
"""The key of a pod's name in the extra information of its service account's token."""

_REVIEWS = ResourceType(
    "authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False
)
_REVIEW = b'{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'


def own_namespace(name: str) -> str:
    """The namespace of the pod that this process runs in. Raises `ConfigurationError` outside of one."""
    path = SERVICE_ACCOUNT / "namespace"
    try:
        return path.read_text().strip()
    except OSError:
        raise ConfigurationError(
            f"leader election: in which namespace is the Lease {name!r}? This process does not run in a pod "
            f'({path} is not there): say it, as in leader_election="my-namespace/{name}"'
        ) from None


async def own_name(client: Client) -> str:
    """The pod's name as the API server knows it by our token; the host's name where it knows none.

    The server's answer, not the host's name: with `hostNetwork` that one is the node's, and the admission
    policy compares with what the server knows.
    """
    try:
        answer = await client.write("create", _REVIEWS, ObjectKey("", ""), _REVIEW)
        return str(msgspec.json.decode(answer)["status"]["userInfo"]["extra"][POD_NAME][0])
    except (ReconcileError, KeyError, IndexError, TypeError):
        # An older server, or credentials that belong to no pod.
        return socket.gethostname()
