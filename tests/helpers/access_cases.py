"""Conversations about access: every line in its good and in its bad form."""

from __future__ import annotations

import base64

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from helpers.access_builders import (
    account,
    binding,
    group,
    review,
    role,
    rule,
    user,
    who,
)
from helpers.access_cases_claims import claim_status
from helpers.access_cases_granting import constrained, escalation, impersonation, policy_parameters
from helpers.access_cases_reviews import reviews, secrets, tokens
from helpers.access_servers import RBAC, SAR, SETTLE, acting, by, with_token
from helpers.differential import Ask, apply, delete, get, merge, post, put


def cases(ns: str) -> dict[str, list[Ask]]:
    here = f"/api/v1/namespaces/{ns}"
    maps = f"{here}/configmaps"
    roles, bindings = f"{RBAC}/namespaces/{ns}/roles", f"{RBAC}/namespaces/{ns}/rolebindings"
    cluster_roles, cluster_bindings = f"{RBAC}/clusterroles", f"{RBAC}/clusterrolebindings"
    return {
        "who asks": _who_asks(maps),
        "roles": _roles(ns, here, roles, bindings),
        "cluster roles": _cluster_roles(ns, here, bindings, cluster_roles, cluster_bindings),
        "paths": _paths(ns, cluster_roles, cluster_bindings),
        "escalation": escalation(ns, roles, bindings, cluster_roles, cluster_bindings),
        "aggregation": _aggregation(ns, cluster_roles, cluster_bindings),
        "create on update": _create_on_update(ns, here, roles, bindings),
        "reviews": reviews(ns, roles, bindings),
        "impersonation": impersonation(ns, maps, cluster_roles, cluster_bindings),
        "constrained impersonation": constrained(ns, here, cluster_roles, cluster_bindings),
        "tokens": tokens(ns, here),
        "tokens of secrets": secrets(ns, here),
        "certificates": _certificates(ns, cluster_roles, cluster_bindings),
        "parameters of policies": policy_parameters(ns, cluster_roles, cluster_bindings),
        "subresources": _subresources(ns, here, roles, bindings),
        "status of claims": claim_status(ns, cluster_roles, cluster_bindings),
    }


def _who_asks(maps: str) -> list[Ask]:
    file, anonymous = "access: token file", "access: anonymous"
    whoami = "access: SelfSubjectReview"
    return [
        by("alice", who()).good(file, whoami),
        by("bob", who()).good(file),
        by("erin", who()).good(file),
        by("twice", who()).good(file),
        by("carol", get(maps)).good(file),
        by("nobody", who()).bad(file),
        with_token("", get("/version")).good(anonymous),
        with_token("alice-token more", who()).good(file),
        with_token("Bearer", get("/version")).bad(file),
        by("", get("/version")).good(anonymous),
        by("", get("/healthz")).good(anonymous),
        by("", get(maps)).bad(anonymous),
        by("", get("/api")).bad(anonymous),
        by("", get("/apis")).bad(anonymous),
        by("", get("/openapi/v2")).bad(anonymous),
        by("", who()).bad(anonymous, whoami),
        by("", Ask("GET", maps, accept="application/yaml")).bad(anonymous),
        get(maps).good("access: client certificate"),
        acting(who(), ("User", "system:anonymous")),
        by("alice", get("/version")).good(file),
        by("alice", get("/apis/apps")).good(file),
        by("alice", get("/apis/apps/v1")).good(file),
        by("alice", get("/apis/no.such.group/v1")),
        by("alice", get("/metrics")).bad("access: unknown paths"),
        by("alice", get("/no/such/path")).bad("access: unknown paths"),
        by("alice", get("/a<b>&c")).bad("access: unknown paths"),
        by("alice", post("/no/such/path", {})).bad("access: unknown paths"),
        by("alice", get("/apis/no.such.group/v1/things")).bad("access: unknown paths"),
        by("alice", get("/api/v1/no-such-things/name/sub")).bad("access: unknown paths"),
        by("alice", get("/api/v1/watch/pods")).bad("access: unknown paths"),
        by("alice", get("/api/v1/proxy/pods/name/rest")).bad("access: unknown paths"),
        by("alice", get("/api/v1/watch")).bad("access: unknown paths"),
        by("carol", get("/no/such/path")),
        by("alice", get("/openid/v1/jwks")).bad("access: unknown paths"),
        by("alice", get("/.well-known/openid-configuration")).bad("access: unknown paths"),
        by("carol", get("/openid/v1/jwks")),
        by("carol", post("/openid/v1/jwks", {})),
        by("carol", get("/api/v1/nodes")).good("access: unknown paths"),
        by("", get("/api/v1/watch")).bad("access: unknown paths"),
    ]


def _roles(ns: str, here: str, roles: str, bindings: str) -> list[Ask]:
    line, verbs, names = "access: roles", "access: verbs", "access: resource names"
    subresources = "access: subresources"
    maps, pods, secrets = f"{here}/configmaps", f"{here}/pods", f"{here}/secrets"
    rules = (
        rule("get list watch create", "configmaps"),
        rule("get", "secrets", names="one two"),
        rule("list watch", "secrets", names="one"),
        rule("get patch", "pods/status deployments/scale", "- apps"),
        rule("*", "leases", "coordination.k8s.io"),
    )
    lease = {"metadata": {"name": "mine"}, "spec": {}}
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{ns}/leases"
    return [
        by("alice", get(maps)).bad(line),
        post(roles, role("reader", *rules)),
        post(bindings, binding("readers", "Role", "reader", user("alice"), account("robot"))),
        SETTLE,
        by("alice", get(maps)).good(line, verbs),
        by("bob", get(maps)).bad(line),
        by("alice", get("/api/v1/configmaps")).bad(line),
        by("alice", get("/api/v1/namespaces/default/configmaps")).bad(line),
        by("alice", get(f"{maps}/none")),
        by("alice", get(maps, watch="true", timeoutSeconds=1)).good(verbs),
        by("alice", post(maps, {"metadata": {"name": "made"}})).good(verbs),
        by("alice", put(f"{maps}/made", {"metadata": {"name": "made"}})).bad(verbs),
        by("alice", merge(f"{maps}/made", {})).bad(verbs),
        by("alice", delete(f"{maps}/made")).bad(verbs),
        by("alice", delete(maps)).bad(verbs),
        by("alice", apply(f"{maps}/made", {})).bad(verbs),
        by("alice", post(secrets, {"metadata": {"name": "one"}})).bad(names),
        post(secrets, {"metadata": {"name": "one"}}),
        post(secrets, {"metadata": {"name": "three"}}),
        by("alice", get(f"{secrets}/one")).good(names),
        by("alice", get(f"{secrets}/three")).bad(names),
        by("alice", get(secrets)).bad(names),
        by("alice", get(secrets, fieldSelector="metadata.name=one")).good(names),
        by("alice", get(secrets, fieldSelector="type=Opaque,metadata.name=one")).good(names),
        by("alice", get(secrets, fieldSelector="metadata.name=three")).bad(names),
        by("alice", get(secrets, fieldSelector="metadata.name!=one")).bad(names),
        by("alice", get(secrets, fieldSelector="metadata.name=one", limit="x")).bad(names),
        by("alice", get(secrets, fieldSelector="metadata.name=o/e")).bad(names),
        by("alice", get(secrets, fieldSelector="metadata.name=one", watch="1", timeoutSeconds=1)).good(names),
        by("alice", get(f"{pods}/none")).bad(subresources),
        by("alice", get(f"{pods}/none/log")).bad(subresources),
        by("alice", get(f"{pods}/none/status")),
        by("alice", get(f"/apis/apps/v1/namespaces/{ns}/deployments/none/scale")),
        by("alice", get(f"/apis/apps/v1/namespaces/{ns}/deployments/none/status")).bad(subresources),
        by("alice", post(leases, lease)).good(line, subresources, "access: wildcards"),
        by("alice", delete(f"{leases}/mine")).good(line),
        by("alice", get(f"{here}")).bad(line),
        by("alice", get(f"{here}/status")).bad(subresources),
        by("alice", put(f"{here}/finalize", {})).bad(subresources),
        by("alice", get(f"{RBAC}/namespaces/{ns}/roles")).bad("access: wildcards"),
        acting(get(maps), ("User", f"system:serviceaccount:{ns}:robot")).good(
            "access: service account subjects"
        ),
        acting(get(maps), ("User", "system:serviceaccount:default:robot")).bad(
            "access: service account subjects"
        ),
        delete(f"{bindings}/readers"),
        SETTLE,
        by("alice", get(maps)).bad(line),
        post(bindings, binding("readers", "Role", "no-such-role", user("alice"))),
        SETTLE,
        by("alice", get(maps)).bad(line),
    ]


def _cluster_roles(ns: str, here: str, bindings: str, cluster_roles: str, cluster_bindings: str) -> list[Ask]:
    line, wildcards = "access: cluster roles", "access: wildcards"
    accounts = "access: service account subjects"
    mine = f"{ns}-nodes"
    return [
        by("bob", get("/api/v1/nodes")).bad(line),
        post(cluster_roles, role(mine, rule("get list", "nodes"), rule("get", "*/scale", "*"))),
        post(cluster_bindings, binding(mine, "ClusterRole", mine, user("bob"), group(f"{ns}-staff"))),
        post(cluster_roles, role(f"{ns}-all", rule("*", "*", "*"))),
        post(bindings, binding("all", "ClusterRole", f"{ns}-all", group("developers"))),
        post(cluster_bindings, binding(f"{ns}-account", "ClusterRole", mine, account("robot", ns))),
        SETTLE,
        by("bob", get("/api/v1/nodes")).good(line),
        by("bob", get("/api/v1/nodes/none")),
        by("bob", delete("/api/v1/nodes/none")).bad(line),
        by("bob", get(f"/apis/apps/v1/namespaces/{ns}/deployments/none/scale")),
        by("bob", get(f"/apis/no.such.group/v1/namespaces/{ns}/things/none/scale")),
        by("bob", get(f"/apis/apps/v1/namespaces/{ns}/deployments/none")).bad(wildcards),
        by("alice", get(f"{here}/secrets")).good(wildcards),
        by("alice", get(f"{here}/pods/none/status")),
        by("alice", get(here)).good(wildcards),
        by("alice", get("/api/v1/secrets")).bad(wildcards),
        by("alice", get("/metrics")).bad(wildcards),
        acting(get("/api/v1/nodes"), ("User", f"system:serviceaccount:{ns}:robot")).good(accounts),
        acting(get("/api/v1/nodes"), ("User", f"system:serviceaccount:{ns}:other")).bad(accounts),
        acting(get("/api/v1/nodes"), ("User", "zoe"), ("Group", f"{ns}-staff")).good(line),
        acting(get("/api/v1/nodes"), ("User", "zoe"), ("Group", f"{ns}-other")).bad(line),
        delete(f"{cluster_bindings}/{mine}"),
        delete(f"{cluster_bindings}/{ns}-account"),
        delete(f"{cluster_roles}/{mine}"),
        delete(f"{cluster_roles}/{ns}-all"),
        SETTLE,
        by("bob", get("/api/v1/nodes")).bad(line),
        by("alice", get(f"{here}/secrets")).bad(wildcards),
    ]


def _paths(ns: str, cluster_roles: str, cluster_bindings: str) -> list[Ask]:
    line = "access: paths"
    name = f"{ns}-paths"
    return [
        by("bob", get("/metrics")).bad(line),
        post(cluster_roles, role(name, rule("get", paths="/metrics /debug/* /logs/a*"))),
        post(cluster_bindings, binding(name, "ClusterRole", name, user("bob"))),
        SETTLE,
        post(SAR, review("bob", path="/metrics", verb="get")).good(line),
        by("bob", get("/debug/none")),
        by("bob", get("/debug")).bad(line),
        by("bob", get("/logs/b")).bad(line),
        by("bob", get("/logs/abc/d")),
        by("bob", post("/metrics", {})).bad(line),
        by("bob", get("/metrics/")).bad(line),
        by("bob", get("/metrics/more")).bad(line),
        delete(f"{cluster_bindings}/{name}"),
        delete(f"{cluster_roles}/{name}"),
    ]


def _aggregation(ns: str, cluster_roles: str, cluster_bindings: str) -> list[Ask]:
    line = "access: aggregation"
    label = f"{ns}.example.com/add"
    rest = f"{cluster_roles}/{ns}-sum"
    part = {
        **role(f"{ns}-part", rule("get", "nodes")),
        "metadata": {"name": f"{ns}-part", "labels": {label: "yes"}},
    }
    other = {**role(f"{ns}-more", rule("get", "nodes"), rule("list", "nodes")),
             "metadata": {"name": f"{ns}-more", "labels": {label: "yes"}}}  # fmt: skip
    total = role(f"{ns}-sum", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {label: "yes"}}]})
    return [
        post(cluster_roles, part),
        post(cluster_roles, total),
        Ask("UNTIL", rest, [rule("get", "nodes")]),  # before the next write: their order is compared
        post(cluster_bindings, binding(f"{ns}-sum", "ClusterRole", f"{ns}-sum", user("bob"))),
        get(rest).good(line),
        SETTLE,
        by("bob", get("/api/v1/nodes/none")),
        by("bob", get("/api/v1/nodes")).bad(line),
        post(cluster_roles, other),
        Ask("UNTIL", rest, [rule("get", "nodes"), rule("list", "nodes")]),
        get(rest).good(line),
        SETTLE,
        by("bob", get("/api/v1/nodes")).good(line),
        merge(rest, {"rules": [rule("delete", "nodes")]}),
        Ask("UNTIL", rest, [rule("get", "nodes"), rule("list", "nodes")]),
        delete(f"{cluster_roles}/{ns}-more"),
        delete(f"{cluster_roles}/{ns}-part"),
        Ask("UNTIL", rest, []),
        get(rest).good(line),
        SETTLE,
        by("bob", get("/api/v1/nodes")).bad(line),
        delete(f"{cluster_bindings}/{ns}-sum"),
        delete(rest),
    ]


def _create_on_update(ns: str, here: str, roles: str, bindings: str) -> list[Ask]:
    line = "access: create on update"
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{ns}/leases"
    maps = f"{here}/configmaps"
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made"}}
    return [
        post(roles, role("writer", rule("update patch", "leases configmaps", "coordination.k8s.io -"))),
        post(bindings, binding("writer", "Role", "writer", user("bob"))),
        SETTLE,
        by("bob", put(f"{leases}/made", {"metadata": {"name": "made"}})).bad(line),
        by("bob", apply(f"{maps}/made", applied)).bad(line),
        by("bob", merge(f"{maps}/made", {})).bad(line),
        put(
            f"{roles}/writer",
            role(
                "writer",
                rule(
                    "update patch create",
                    "leases configmaps",
                    "coordination.k8s.io -",
                ),
            ),
        ),
        SETTLE,
        by("bob", put(f"{leases}/made", {"metadata": {"name": "made"}})).good(line),
        by("bob", apply(f"{maps}/made", applied)).good(line),
        put(
            f"{roles}/writer",
            role("writer", rule("update patch", "leases configmaps", "coordination.k8s.io -")),
        ),
        SETTLE,
        by("bob", put(f"{leases}/made", {"metadata": {"name": "made"}})),
        by("bob", apply(f"{maps}/made", applied)).good(line),
    ]


def _request() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")])
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


def _certificates(ns: str, cluster_roles: str, cluster_bindings: str) -> list[Ask]:
    """Approving and signing need the verbs `approve` and `sign` for the request's signer."""
    line = "access: certificates"
    requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    name, group = f"{ns}-request", "certificates.k8s.io"
    wanted = {"signerName": "example.com/sign", "usages": ["client auth"], "request": _request()}
    approved = {"type": "Approved", "status": "True", "reason": "r", "message": "m"}
    update = rule(
        "create get update", "certificatesigningrequests certificatesigningrequests/approval", group
    )
    approval = f"{requests}/{name}/approval"
    body = {"metadata": {"name": name}, "spec": wanted, "status": {"conditions": [approved]}}
    return [
        post(cluster_roles, role(f"{ns}-csr", update)),
        post(cluster_bindings, binding(f"{ns}-csr", "ClusterRole", f"{ns}-csr", user("bob"))),
        SETTLE,
        by("bob", post(requests, {"metadata": {"name": name}, "spec": wanted})).good(line),
        by("bob", put(approval, body)).bad(line),
        put(
            f"{cluster_roles}/{ns}-csr",
            role(f"{ns}-csr", update, rule("approve", "signers", group, "example.com/*")),
        ),
        SETTLE,
        by("bob", put(approval, body)).good(line),
        delete(f"{requests}/{name}"),
        delete(f"{cluster_bindings}/{ns}-csr"),
    ]


def _subresources(ns: str, here: str, roles: str, bindings: str) -> list[Ask]:
    line = "access: subresources"
    resources = "pods/eviction pods/binding serviceaccounts/token pods/attach"
    eviction = {"metadata": {"name": "none"}}
    return [
        post(f"{here}/serviceaccounts", {"metadata": {"name": "robot"}}),
        post(roles, role("acting", rule("create", resources), rule("get", "pods/exec pods/attach"))),
        post(bindings, binding("acting", "Role", "acting", user("bob"))),
        by("alice", post(f"{here}/serviceaccounts/robot/token", {"spec": {}})).bad(line),
        by("alice", post(f"{here}/pods/none/eviction", eviction)).bad(line),
        by("alice", post(f"{here}/pods/none/binding", {"target": {"name": "n"}})).bad(line),
        by("alice", post(f"{here}/bindings", {"target": {"name": "n"}})).bad(line),
        by("alice", post(f"{here}/pods/none/exec", {})).bad(line),
        by("alice", get(f"{here}/pods/none/proxy/a/b")).bad(line),
        by("alice", put(f"/api/v1/namespaces/{ns}/finalize", {})).bad(line),
        SETTLE,
        by("bob", post(f"{here}/serviceaccounts/robot/token", {"spec": {}})).named("bobs").good(line),
        by("bob", post(f"{here}/pods/none/eviction", eviction)),
        by("bob", get(f"{here}/serviceaccounts/robot")).bad(line),
        by("bob", get(f"{here}/pods/none/exec", command="a")).bad(line),
        by("bob", get(f"{here}/pods/none/attach")),
        by("bob", get(f"{here}/pods/none/portforward")).bad(line),
    ]
