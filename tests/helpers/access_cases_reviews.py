"""Conversations about reviews, and about tokens of service accounts."""

from __future__ import annotations

from typing import Any

from helpers.access_builders import (
    REVIEWS,
    binding,
    group,
    review,
    role,
    rule,
    token_review,
    user,
    who,
)
from helpers.access_servers import SAR, SETTLE, acting, by, with_token
from helpers.differential import Ask, delete, get, post


def reviews(ns: str, roles: str, bindings: str) -> list[Ask]:
    sar, local = "access: SubjectAccessReview", "access: LocalSubjectAccessReview"
    own, rules = "access: SelfSubjectAccessReview", "access: SelfSubjectRulesReview"
    locals_, owns = (
        f"{REVIEWS}/namespaces/{ns}/localsubjectaccessreviews",
        f"{REVIEWS}/selfsubjectaccessreviews",
    )
    reviews = f"{REVIEWS}/selfsubjectrulesreviews"

    def field(*requirements: dict[str, Any], raw: str = "") -> dict[str, Any]:
        return (
            {"rawSelector": raw, "requirements": list(requirements)}
            if raw
            else {"requirements": list(requirements)}
        )

    one = {"key": "spec.x", "operator": "In", "values": ["y"]}
    return [
        post(roles, role("reader", rule("get list", "pods", names=""), rule("get", "secrets", names="one"))),
        post(bindings, binding("reader", "Role", "reader", user("alice"), group("testers"))),
        post(bindings, binding("lost", "Role", "lost", user("dan"))),
        post(bindings, binding("lost-too", "ClusterRole", "lost", user("dora"))),
        SETTLE,
        post(SAR, review("alice", verb="get", resource="pods", namespace=ns)).good(sar),
        post(SAR, review("bob", ("testers",), verb="get", resource="pods", namespace=ns)).good(sar),
        post(SAR, review("", ("testers",), verb="get", resource="pods", namespace=ns, version="v2")).good(
            sar
        ),
        post(SAR, review("alice", verb="get", resource="pods")).good(sar),
        post(SAR, review("alice", verb="get", resource="secrets", name="one", namespace=ns)).good(sar),
        post(SAR, review("alice", verb="get", resource="secrets", namespace=ns)).good(sar),
        post(SAR, review("alice", verb="get", resource="pods", subresource="log", namespace=ns)).good(sar),
        post(SAR, review("dan", verb="get", resource="pods", namespace=ns)).good(sar),
        post(SAR, review("dan", verb="get", resource="pods")).good(sar),
        post(SAR, review("dora", verb="get", resource="pods", namespace=ns)).good(sar),
        post(SAR, review("x", ("system:masters",), verb="anything", resource="z")).good(sar),
        post(SAR, review("x", path="/version", verb="get")).good(sar),
        post(SAR, review("x", ("system:unauthenticated",), path="/version", verb="get")).good(sar),
        post(SAR, {"spec": {"user": "alice"}}).bad(sar),
        post(SAR, {}).bad(sar),
        post(SAR, {"spec": {"resourceAttributes": {"verb": "get"}}}).bad(sar),
        post(
            SAR, {"spec": {"user": "a", "resourceAttributes": {}, "nonResourceAttributes": {"path": "/"}}}
        ).bad(sar),
        post(SAR, {"spec": {"user": "a", "resourceAttributes": {}}, "metadata": {"labels": {"a": "b"}}}).bad(
            sar
        ),
        post(
            SAR, review("alice", verb="list", resource="pods", namespace=ns, fieldSelector=field(raw="a=b"))
        ).good(sar),
        post(
            SAR, review("alice", verb="list", resource="pods", namespace=ns, fieldSelector=field(raw="a b"))
        ).good(sar),
        post(
            SAR,
            review("alice", verb="list", resource="pods", namespace=ns, labelSelector=field(raw="a in (b)")),
        ).good(sar),
        post(
            SAR, review("alice", verb="list", resource="pods", namespace=ns, labelSelector=field(raw="a in"))
        ).good(sar),
        post(SAR, review("alice", verb="list", resource="pods", fieldSelector=field(one))).good(sar),
        post(
            SAR,
            review(
                "alice", verb="list", resource="pods", fieldSelector=field(one, {**one, "operator": "New"})
            ),
        ).good(sar),
        post(
            SAR,
            review("alice", verb="list", resource="pods", fieldSelector=field({**one, "values": ["a", "b"]})),
        ).good(sar),
        post(
            SAR,
            review(
                "alice", verb="list", resource="pods", labelSelector=field(one, {**one, "operator": "New"})
            ),
        ).good(sar),
        post(SAR, review("alice", verb="list", resource="pods", fieldSelector=field())).bad(sar),
        post(SAR, review("alice", verb="list", resource="pods", fieldSelector=field(one, raw="a=b"))).bad(
            sar
        ),
        post(
            SAR,
            review(
                "alice", verb="list", resource="pods", labelSelector=field({"key": "a b", "operator": "In"})
            ),
        ).bad(sar),
        post(
            SAR,
            review("alice", verb="list", resource="pods", labelSelector=field({**one, "values": ["a b"]})),
        ).bad(sar),
        post(
            SAR,
            review(
                "alice",
                verb="list",
                resource="pods",
                fieldSelector=field({"operator": "Exists", "values": ["a"]}),
            ),
        ).bad(sar),
        by("alice", post(SAR, review("alice", verb="get", resource="pods"))).bad(sar),
        get(SAR).bad(sar),
        post(locals_, review("alice", verb="get", resource="pods", namespace=ns)).good(local),
        post(locals_, review("bob", verb="get", resource="pods", namespace=ns)).good(local),
        post(locals_, review("alice", verb="get", resource="pods")).bad(local),
        post(locals_, review("alice", verb="get", resource="pods", namespace="other")).bad(local),
        post(locals_, review("alice", path="/x", verb="get")).bad(local),
        post(locals_, {**review("a", verb="get", namespace=ns), "metadata": {"namespace": "other"}}).bad(
            local
        ),
        by("alice", post(locals_, review("alice", verb="get", resource="pods", namespace=ns))).bad(local),
        by("alice", post(owns, review(verb="get", resource="pods", namespace=ns))).good(own),
        by("bob", post(owns, review(verb="get", resource="pods", namespace=ns))).good(own),
        by("bob", post(owns, review(path="/api/v1", verb="get"))).good(own),
        by("carol", post(owns, review(verb="*", resource="*", group="*"))).good(own),
        by("bob", post(owns, {})).bad(own),
        by("", post(owns, review(verb="get", resource="pods"))).bad(own),
        by("alice", post(reviews, {"spec": {"namespace": ns}})).good(rules),
        by("bob", post(reviews, {"spec": {"namespace": ns}})).good(rules),
        by("carol", post(reviews, {"spec": {"namespace": "none"}})).good(rules),
        acting(post(reviews, {"spec": {"namespace": ns}}), ("User", "dan")).good(rules),
        by("alice", post(reviews, {"spec": {}})).bad(rules),
        by("", post(reviews, {"spec": {"namespace": ns}})).bad(rules),
    ]


def secrets(ns: str, here: str) -> list[Ask]:
    line = "access: tokens of secrets"
    kind = "kubernetes.io/service-account-token"
    secret: dict[str, Any] = {"type": kind, "metadata": {"name": "robot-token"}}
    secret["metadata"]["annotations"] = {"kubernetes.io/service-account.name": "robot"}
    other = {**secret, "metadata": {**secret["metadata"], "name": "second"}}
    token = f"{here}/secrets/robot-token"
    return [
        post(f"{here}/serviceaccounts", {"metadata": {"name": "robot"}}),
        post(f"{here}/secrets", secret),
        post(f"{here}/secrets", other),
        Ask("FILLED", token).named("secret"),
        Ask("FILLED", f"{here}/secrets/second").named("second"),
        with_token("$token(secret)", who()).good(line),
        token_review("$token(secret)").good(line),
        token_review("$token(secret)", "other").good(line),
        delete(f"{here}/secrets/second"),
        Ask("GONE", "$token(second)"),
        token_review("$token(second)").good(line),
        with_token("$token(second)", who()).bad(line),
        delete(f"{here}/serviceaccounts/robot"),
        Ask("GONE", "$token(secret)"),
        with_token("$token(secret)", who()).bad(line),
    ]


def tokens(ns: str, here: str) -> list[Ask]:
    line, bound, reviews = "access: service account tokens", "access: bound tokens", "access: TokenReview"
    own = "https://kubernetes.default.svc.cluster.local"
    accounts = f"{here}/serviceaccounts"
    token = f"{accounts}/robot/token"

    def to(kind: str, name: str, **more: str) -> dict[str, Any]:
        return {"spec": {"boundObjectRef": {"apiVersion": "v1", "kind": kind, "name": name, **more}}}

    pod = {
        "metadata": {"name": "web"},
        "spec": {
            "serviceAccountName": "robot",
            "containers": [{"name": "a", "image": "b"}],
            "automountServiceAccountToken": False,
        },
    }
    return [
        post(token, {"spec": {}}).bad(line),
        post(accounts, {"metadata": {"name": "robot"}}),
        post(token, {"spec": {}}).named("plain").good(line),
        post(token, {"spec": {"expirationSeconds": 10}}).bad(line),
        post(token, {"spec": {"expirationSeconds": 4294967297}}).bad(line),
        post(token, {"metadata": {"name": "other"}, "spec": {}}).bad(line),
        post(token, {"metadata": {"uid": "other"}, "spec": {}}).bad(line),
        with_token("$token(plain)", who()).good(line),
        with_token("$token(plain)x", who()).bad(line),
        with_token("$token(plain)", get(f"{here}/configmaps")).bad(line),
        token_review("$token(plain)").good(reviews),
        token_review("$token(plain)", "other", own).good(reviews),
        token_review("$token(plain)", "other").good(reviews),
        token_review("$token(plain) x").good(reviews),
        token_review("no.such.token").good(reviews),
        token_review("alice-token").good(reviews),
        token_review("alice-token", "other").good(reviews),
        token_review(" ").good(reviews),
        token_review("").bad(reviews),
        by("alice", token_review("alice-token")).bad(reviews),
        post(token, {"spec": {"audiences": ["vault", "other"], "expirationSeconds": 600}})
        .named("vault")
        .good(line),
        with_token("$token(vault)", who()).bad(line),
        token_review("$token(vault)").good(reviews),
        token_review("$token(vault)", "x", "other").good(reviews),
        post(token, {"spec": {}}).named("later"),
        post(f"{here}/secrets", {"metadata": {"name": "bond"}}),
        post("/api/v1/nodes", {"metadata": {"name": f"{ns}-node"}}),
        post(f"{here}/pods", {**pod, "spec": {**pod["spec"], "nodeName": f"{ns}-node"}}),
        post(token, to("Pod", "web")).named("pod").good(bound),
        post(token, to("Pod", "web")).named("pod-later").good(bound),
        post(token, to("Secret", "bond")).named("secret").good(bound),
        post(token, to("Secret", "bond")).named("secret-later").good(bound),
        post(token, to("Node", f"{ns}-node")).named("node").good(bound),
        post(token, to("Pod", "none")).bad(bound),
        post(token, to("Secret", "none")).bad(bound),
        post(token, to("Node", "none")).bad(bound),
        post(token, to("ConfigMap", "none")).bad(bound),
        post(token, to("Secret", "bond", uid="other")).bad(bound),
        post(f"{accounts}/default/token", to("Pod", "web")).bad(bound),
        with_token("$token(pod)", who()).good(bound),
        with_token("$token(secret)", who()).good(bound),
        with_token("$token(node)", who()).good(bound),
        token_review("$token(pod)").good(bound),
        token_review("$token(secret)").good(bound),
        delete(f"{here}/pods/web", gracePeriodSeconds=0),
        delete(f"{here}/secrets/bond"),
        Ask("GONE", "$token(pod-later)"),
        Ask("GONE", "$token(secret-later)"),
        with_token("$token(pod-later)", who()).bad(bound),
        token_review("$token(pod-later)").good(bound),
        with_token("$token(secret-later)", who()).bad(bound),
        token_review("$token(secret-later)").good(bound),
        delete(f"{accounts}/robot"),
        post(accounts, {"metadata": {"name": "robot"}}),
        Ask("GONE", "$token(later)"),
        with_token("$token(later)", who()).bad(line),
        delete(f"{accounts}/robot"),
        delete(f"/api/v1/nodes/{ns}-node"),
    ]
