"""ReplicaSets and pods of them, as the tests of read-your-writes write them. Nobody acts on them."""

from __future__ import annotations

from typing import Any

from helpers.servers import Session

from reconcile import ResourceType
from reconcile.objects.identity import ObjectKey

SETS = ResourceType("apps", "v1", "ReplicaSet", "replicasets")


def key_of(session: Session, name: str = "x") -> ObjectKey:
    """A key in the test's namespace."""
    return ObjectKey(session.namespace, name)


def a_set(session: Session, name: str = "x", *, replicas: int = 0, **metadata: Any) -> dict[str, Any]:
    """A ReplicaSet of the test's namespace, not created yet."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": session.namespace, **metadata},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "app:1"}]},
            },
        },
    }


def a_pod(
    session: Session, owner: dict[str, Any], name: str = "", *, prefix: str = "", **metadata: Any
) -> dict[str, Any]:
    """A pod that a ReplicaSet controls, of this name or of one that the server chooses."""
    found = session.pod(name)
    found["metadata"] |= {
        "labels": {"app": owner["metadata"]["name"]},
        "ownerReferences": [
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "controller": True,
            }
        ],
        **metadata,
    }
    if prefix:
        del found["metadata"]["name"]
        found["metadata"]["generateName"] = prefix
    return found


def names(objects: Any) -> list[str]:
    """The names of dicts, sorted."""
    return sorted(obj["metadata"]["name"] for obj in objects)


def version_of(obj: dict[str, Any]) -> int:
    """Its resource version."""
    return int(obj["metadata"]["resourceVersion"])
