"""Conversations about the status of claims of devices: schedulers give devices, drivers say how these are."""

from __future__ import annotations

from typing import Any

from helpers.access_builders import account, binding, role, rule, user
from helpers.access_servers import SETTLE, acting, by
from helpers.differential import Ask, delete, merge, post

_GROUP = "resource.k8s.io"
_DEVICE = {"driver": "a.b", "pool": "p", "device": "d"}


def claim_status(ns: str, cluster_roles: str, cluster_bindings: str) -> list[Ask]:
    line = "access: status of claims"
    claims = f"/apis/{_GROUP}/v1/namespaces/{ns}/resourceclaims"
    request = {"name": "r", "exactly": {"deviceClassName": "c"}}
    claim = {"metadata": {"name": "one"}, "spec": {"devices": {"requests": [request]}}}
    one = f"{claims}/one/status"
    field = {"key": "metadata.name", "operator": "In", "values": ["n"]}
    where = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    allocation = {"devices": {"results": [{"request": "r", **_DEVICE}]}, "nodeSelector": where}
    reserved = [{"resource": "pods", "name": "p", "uid": "u"}]

    def status(**values: Any) -> dict[str, Any]:
        return {"status": values}

    def device(**more: Any) -> dict[str, Any]:
        return status(devices=[{**_DEVICE, **more}])

    roles = (
        ("status", rule("get patch update", "resourceclaims/status", _GROUP)),
        ("binding", rule("patch", "resourceclaims/binding", _GROUP)),
        ("driver", rule("arbitrary-node:patch", "resourceclaims/driver", _GROUP, names="a.b")),
        ("near", rule("associated-node:patch", "resourceclaims/driver", _GROUP, names="a.b")),
    )
    robot = f"system:serviceaccount:{ns}:robot"

    def near(ask: Ask, node: str) -> Ask:
        extra = (("Extra-authentication.kubernetes.io%2Fnode-name", node),)
        return acting(ask, ("User", robot), *extra)

    return [
        *(post(cluster_roles, role(f"{ns}-{name}", each)) for name, each in roles),
        post(
            cluster_bindings,
            binding(
                f"{ns}-status",
                "ClusterRole",
                f"{ns}-status",
                user("alice"),
                user("bob"),
                account("robot", ns),
            ),
        ),
        post(cluster_bindings, binding(f"{ns}-binding", "ClusterRole", f"{ns}-binding", user("bob"))),
        post(cluster_bindings, binding(f"{ns}-near", "ClusterRole", f"{ns}-near", account("robot", ns))),
        post(claims, claim),
        SETTLE,
        by("alice", merge(one, status(allocation=allocation))).bad(line),
        by("alice", merge(one, status(reservedFor=reserved))).bad(line),
        by("alice", merge(one, status())).good(line),
        by("bob", merge(one, status(allocation=allocation, reservedFor=reserved))).good(line),
        by("bob", merge(one, device())).bad(line),
        by("alice", merge(one, device())).bad(line),
        near(merge(one, device(data={"a": 1})), "other").bad(line),
        near(merge(one, device(data={"a": 2})), "n").good(line),
        post(cluster_bindings, binding(f"{ns}-driver", "ClusterRole", f"{ns}-driver", user("alice"))),
        SETTLE,
        by("alice", merge(one, device(data={"a": 3}))).good(line),
        by("alice", merge(one, status(devices=None))).good(line),
        by("alice", merge(one, status(devices=[{**_DEVICE, "driver": "c.d"}]))).bad(line),
        merge(one, device(data={"a": 4})).good(line),
        # The next conversation has the same users.
        *(delete(f"{cluster_bindings}/{ns}-{name}") for name, _ in roles),
        *(delete(f"{cluster_roles}/{ns}-{name}") for name, _ in roles),
    ]
