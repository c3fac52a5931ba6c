"""Where a process finds out which namespace it lives in, what it is called, and what it may do."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Any

import msgspec

from reconcile.client.client import Client
from reconcile.client.credentials.in_cluster import SERVICE_ACCOUNT
from reconcile.errors import ConfigurationError, ObjectDecodeError, ReconcileError
from reconcile.objects.identity import ObjectKey, ResourceType

POD_NAME = "authentication.kubernetes.io/pod-name"
"""The key of a pod's name in the extra information of its service account's token."""

LEASES = "coordination.k8s.io", "leases"
EVENTS = "events.k8s.io", "events"

_NOWHERE = ObjectKey("", "")
_USER_REVIEWS = ResourceType(
    "authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False
)
_ACCESS_REVIEWS = ResourceType(
    "authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False
)


class _User(msgspec.Struct, frozen=True):
    username: str = ""
    extra: dict[str, list[str]] = msgspec.field(default_factory=dict[str, list[str]])


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    user_info: _User = _User()
    allowed: bool = False


class _Review(msgspec.Struct, frozen=True):
    """The part that is read of the reviews' answers."""

    status: _Status = _Status()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who we are to the API server.

    Attributes:
        user: the user's name; empty when the server does not tell.
        pod: name of the pod that the credentials belong to; empty when they belong to none.
    """

    user: str = ""
    pod: str = ""

    @property
    def name(self) -> str:
        """What to be called: the pod's name, else the host's.

        The server's answer first: with `hostNetwork` the host's name is the node's, and the admission
        policy compares with what the server knows.
        """
        return self.pod or socket.gethostname()


@dataclass(frozen=True, slots=True)
class Right:
    """One thing that a Role allows.

    Attributes:
        verb: such as `update`.
        group, resource: of what.
        name: of the one object; empty for all.
    """

    verb: str
    group: str
    resource: str
    name: str = ""


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


async def ask_who_we_are(client: Client) -> Caller:
    """What the server knows of us; nothing from a server that does not answer such questions."""
    review = {"apiVersion": _USER_REVIEWS.api_version, "kind": _USER_REVIEWS.kind}
    try:
        status = await _review(client, _USER_REVIEWS, review)
    except ReconcileError:
        return Caller()
    pods = status.user_info.extra.get(POD_NAME) or [""]
    return Caller(status.user_info.username, pods[0])


async def ask_for_missing(client: Client, namespace: str, rights: list[Right]) -> list[Right]:
    """Those of the rights that we do not have in a namespace. Raises what the server's refusal raises."""
    answers = await asyncio.gather(*(_may(client, namespace, right) for right in rights))
    return [right for right, allowed in zip(rights, answers, strict=True) if not allowed]


async def _may(client: Client, namespace: str, right: Right) -> bool:
    attributes = {
        "namespace": namespace,
        "verb": right.verb,
        "group": right.group,
        "resource": right.resource,
        "name": right.name,
    }
    review = {
        "apiVersion": _ACCESS_REVIEWS.api_version,
        "kind": _ACCESS_REVIEWS.kind,
        "spec": {"resourceAttributes": attributes},
    }
    return (await _review(client, _ACCESS_REVIEWS, review)).allowed


async def _review(client: Client, kind: ResourceType, review: dict[str, Any]) -> _Status:
    answer = await client.write("create", kind, _NOWHERE, msgspec.json.encode(review))
    try:
        return msgspec.json.decode(answer, type=_Review).status
    except msgspec.MsgspecError as error:
        raise ObjectDecodeError(f"the answer to a {kind.kind} cannot be read: {error}") from error
