"""Conversations about giving rights away: escalation, binding, impersonation."""

from __future__ import annotations

from typing import Any

from helpers.access_builders import (
    GROUP,
    binding,
    role,
    rule,
    user,
    who,
)
from helpers.access_servers import SETTLE, acting, by
from helpers.differential import Ask, apply, delete, get, merge, post, put


def escalation(ns: str, roles: str, bindings: str, cluster_roles: str, cluster_bindings: str) -> list[Ask]:
    line, bind = "access: escalation", "access: bind"
    small = f"{ns}-small"
    big = rule("get list delete", "pods pods/log secrets", "- apps", names="x y")
    return [
        post(
            cluster_roles,
            role(
                f"{ns}-author",
                rule("create update patch get", "roles rolebindings clusterroles clusterrolebindings", GROUP),
                rule("get list", "configmaps"),
                rule("get", "services", names="a b"),
                rule("get", paths="/x /y/*"),
                rule("patch", "*/status", "*"),
            ),
        ),
        post(cluster_roles, role(small, rule("get", "configmaps"))),
        post(cluster_roles, role(f"{ns}-big", big)),
        post(cluster_bindings, binding(f"{ns}-author", "ClusterRole", f"{ns}-author", user("alice"))),
        SETTLE,
        by("alice", post(roles, role("fine", rule("get list", "configmaps")))).good(line),
        by("alice", post(roles, role("named", rule("get", "services", names="b")))).good(line),
        by("alice", post(roles, role("status", rule("patch", "pods/status")))).good(line),
        by("alice", post(roles, role("empty"))).good(line),
        by("alice", post(roles, role("one", rule("delete", "configmaps")))).bad(line),
        by("alice", post(roles, role("all-names", rule("get", "services")))).bad(line),
        by("alice", post(roles, role("other-name", rule("get", "services", names="a c")))).bad(line),
        by("alice", post(roles, role("big", big))).bad(line),
        by("alice", post(roles, role("stars", rule("*", "*", "*")))).bad(line),
        by("alice", post(roles, role("status", rule("patch", "pods")))).bad(line),
        by("alice", post(roles, role("quoted", rule('g"e\\t', "con\u00e9")))).bad(line),
        by("alice", post(roles, {"metadata": {"generateName": "made-"}, "rules": [big]})).bad(line),
        by("alice", post(roles, role("invalid", {"verbs": [], "resources": ["x"], "apiGroups": [""]}))),
        by("alice", post(cluster_roles, role(f"{ns}-p", rule("get", paths="/x")))).good(line),
        by("alice", post(cluster_roles, role(f"{ns}-q", rule("get", paths="/y/z /y/*")))).good(line),
        by("alice", post(cluster_roles, role(f"{ns}-r", rule("get post", paths="/x /z")))).bad(line),
        by("alice", post(cluster_roles, role(f"{ns}-c", big))).bad(line),
        by(
            "alice",
            post(
                cluster_roles,
                role(f"{ns}-a", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}),
            ),
        ).bad(line),
        by("alice", post(f"{roles}?dryRun=All", role("big", big))).bad(line),
        by("alice", put(f"{roles}/fine", role("fine", rule("get", "configmaps")))).good(line),
        by("alice", put(f"{roles}/fine", role("fine", big))).bad(line),
        by("alice", merge(f"{roles}/fine", {"metadata": {"labels": {"a": "b"}}})).good(line),
        by(
            "alice",
            apply(
                f"{roles}/fine",
                {"apiVersion": f"{GROUP}/v1", "kind": "Role", **role("fine", big)},
                force="true",
            ),
        ).bad(line),
        merge(f"{roles}/fine", {"rules": [big]}),
        by("alice", merge(f"{roles}/fine", {"metadata": {"labels": {"a": "c"}}})).bad(line),
        by("alice", merge(f"{roles}/fine", {"metadata": {"finalizers": ["a.b/c"]}})).good(line),
        by("alice", merge(f"{roles}/fine", {"metadata": {"finalizers": None}})).good(line),
        by("alice", put(f"{cluster_roles}/{ns}-new", role(f"{ns}-new", big))).bad(line),
        by("alice", post(bindings, binding("small", "ClusterRole", small, user("bob")))).good(bind),
        by("alice", post(bindings, binding("big", "ClusterRole", f"{ns}-big", user("bob")))).bad(bind),
        by("alice", post(bindings, binding("none", "Role", "no-such-role", user("bob")))).bad(bind),
        by("alice", post(bindings, binding("none", "ClusterRole", "no-such-role", user("bob")))).bad(bind),
        by("alice", post(bindings, binding("none", "Thing", "no-such-role", user("bob")))).bad(bind),
        by("alice", post(cluster_bindings, binding(f"{ns}-b", "ClusterRole", f"{ns}-big", user("bob")))).bad(
            bind
        ),
        by("alice", post(cluster_bindings, binding(f"{ns}-s", "ClusterRole", small, user("bob")))).good(bind),
        by("alice", merge(f"{bindings}/small", {"subjects": [user("erin")]})).good(bind),
        post(
            roles,
            role("may", rule("escalate", "roles", GROUP), rule("bind", "clusterroles", GROUP, f"{ns}-big")),
        ),
        post(bindings, binding("may", "Role", "may", user("alice"))),
        SETTLE,
        by("alice", post(roles, role("big", big))).good(line),
        by("alice", put(f"{roles}/big", role("big", rule("*", "*", "*")))).good(line),
        by("alice", post(bindings, binding("big", "ClusterRole", f"{ns}-big", user("bob")))).good(bind),
        by("alice", post(bindings, binding("all", "ClusterRole", "cluster-admin", user("bob")))).bad(bind),
        by("alice", post(cluster_roles, role(f"{ns}-c", big))).bad(line),
        by("alice", post(cluster_bindings, binding(f"{ns}-b", "ClusterRole", f"{ns}-big", user("bob")))).bad(
            bind
        ),
        put(f"{roles}/may", role("may", rule("escalate", "roles", GROUP, "fine"))),
        SETTLE,
        by("alice", put(f"{roles}/fine", role("fine", rule("get", "pods")))).good(line),
        by("alice", put(f"{roles}/empty", role("empty", rule("get", "pods")))).bad(line),
        by("alice", post(roles, role("fine-too", rule("get", "pods")))).bad(line),
        post(cluster_bindings, binding(f"{ns}-lost", "ClusterRole", f"{ns}-lost", user("alice"))),
        SETTLE,
        by("alice", post(roles, role("one", rule("delete", "configmaps")))).bad(line),
        delete(f"{cluster_bindings}/{ns}-lost"),
        delete(f"{cluster_bindings}/{ns}-author"),
        delete(f"{cluster_bindings}/{ns}-s"),
    ]


def impersonation(ns: str, maps: str, cluster_roles: str, cluster_bindings: str) -> list[Ask]:
    line = "access: impersonation"
    name = f"{ns}-impersonator"
    rules = (
        rule("impersonate", "users groups serviceaccounts", names="bob staff robot"),
        rule("impersonate", "userextras/scopes uids", "authentication.k8s.io", names="view edit the-uid"),
    )
    return [
        acting(who(), ("User", "zoe")).good(line),
        acting(who(), ("User", "zoe"), ("Group", "a"), ("Group", "b"), ("Uid", "7")).good(line),
        acting(who(), ("User", "zoe"), ("Group", "system:unauthenticated")).bad(line),
        acting(who(), ("User", "zoe"), ("Extra-Scopes", "x"), ("Extra-Scopes", "y")).good(line),
        acting(who(), ("User", "zoe"), ("Extra-acme.com%2fproject", "x")).good(line),
        acting(who(), ("User", "system:serviceaccount:a:b")).good(line),
        acting(who(), ("User", "system:serviceaccount:a:b"), ("Group", "c")).good(line),
        acting(who(), ("User", "system:serviceaccount:a:B_")).good(line),
        acting(who(), ("User", "system:node:one")).good(line),
        acting(who(), ("User", "system:anonymous"), ("Group", "c")).bad(line),
        acting(who(), ("Group", "c")).bad(line),
        acting(who(), ("Uid", "c")).bad(line),
        acting(who(), ("Extra-Foo", "c"), ("Group", 'q"')).bad(line),
        acting(get(maps), ("User", "zoe")).bad(line),
        acting(by("alice", who()), ("User", "bob")).bad(line),
        acting(by("alice", who()), ("User", "system:serviceaccount:a:b")).bad(line),
        acting(by("alice", who()), ("User", "system:node:one")).bad(line),
        acting(by("alice", get("/version")), ("User", "bob")).bad(line),
        acting(by("", who()), ("User", "bob")).bad(line),
        post(cluster_roles, role(name, *rules)),
        post(cluster_bindings, binding(name, "ClusterRole", name, user("alice"))),
        SETTLE,
        acting(by("alice", who()), ("User", "bob")).good(line),
        acting(by("alice", who()), ("User", "zoe")).bad(line),
        acting(by("alice", who()), ("User", "bob"), ("Group", "staff")).good(line),
        acting(by("alice", who()), ("User", "bob"), ("Group", "staff"), ("Group", "other")).bad(line),
        acting(by("alice", who()), ("User", f"system:serviceaccount:{ns}:robot")).good(line),
        acting(by("alice", who()), ("User", f"system:serviceaccount:{ns}:other")).bad(line),
        acting(by("alice", who()), ("User", "bob"), ("Extra-scopes", "view"), ("Extra-scopes", "edit")).good(
            line
        ),
        acting(by("alice", who()), ("User", "bob"), ("Extra-scopes", "view"), ("Extra-scopes", "all")).bad(
            line
        ),
        acting(by("alice", who()), ("User", "bob"), ("Extra-other", "view")).bad(line),
        acting(by("alice", who()), ("User", "bob"), ("Uid", "the-uid")).good(line),
        acting(by("alice", who()), ("User", "bob"), ("Uid", "other")).bad(line),
        acting(by("alice", get(maps)), ("User", "bob")).bad(line),
        delete(f"{cluster_bindings}/{name}"),
        delete(f"{cluster_roles}/{name}"),
    ]


def constrained(ns: str, here: str, cluster_roles: str, cluster_bindings: str) -> list[Ask]:
    line = "access: constrained impersonation"
    name, target = f"{ns}-constrained", f"{ns}-target"
    group = "authentication.k8s.io"
    account = f"system:serviceaccount:{ns}:robot"
    rules = (
        rule(
            "impersonate:user-info",
            "users groups uids userextras/a.b/c",
            group,
            names="zoe staff the-uid x system:masters",
        ),
        rule("impersonate:serviceaccount", "serviceaccounts", group, names="robot"),
        rule("impersonate:arbitrary-node", "nodes", group, names="one"),
        rule(
            " ".join(
                f"impersonate-on:{mode}:list" for mode in ("user-info", "serviceaccount", "arbitrary-node")
            ),
            "pods",
        ),
        rule("impersonate-on:user-info:create", "selfsubjectreviews", group),
    )
    pods = f"{here}/pods"
    everyone = tuple(user(who) for who in ("zoe", "system:node:one", account))
    return [
        post(cluster_roles, role(name, *rules)),
        post(cluster_bindings, binding(name, "ClusterRole", name, user("erin"))),
        post(cluster_roles, role(target, rule("list get", "pods configmaps"))),
        post(cluster_bindings, binding(target, "ClusterRole", target, *everyone)),
        SETTLE,
        acting(by("erin", get(pods)), ("User", "zoe")).good(line),
        acting(by("erin", get(pods)), ("User", "zoe"), ("Group", "staff")).good(line),
        acting(by("erin", get(pods)), ("User", "zoe"), ("Group", "other")).bad(line),
        acting(by("erin", get(pods)), ("User", "zoe"), ("Group", "system:masters")).bad(line),
        acting(by("erin", get(pods)), ("User", "zoe"), ("Uid", "the-uid"), ("Extra-a.b%2fc", "x")).good(line),
        acting(by("erin", get(pods)), ("User", "zoe"), ("Extra-bad", "x")).bad(line),
        acting(by("erin", get(pods)), ("User", "zoe"), ("Extra-A_b%2fc", "x")).bad(line),
        acting(by("erin", who()), ("User", "zoe"), ("Group", "staff")).good(line),
        acting(by("erin", get(f"{here}/configmaps")), ("User", "zoe")).bad(line),
        acting(by("erin", get(pods)), ("User", "bob")).bad(line),
        acting(by("erin", get(pods)), ("User", account)).good(line),
        acting(by("erin", get(pods)), ("User", account), ("Group", "staff")).bad(line),
        acting(by("erin", get(pods)), ("User", f"{account}-too")).bad(line),
        acting(by("erin", get(pods)), ("User", "system:node:one")).good(line),
        acting(by("erin", get(pods)), ("User", "system:node:two")).bad(line),
        acting(by("erin", get(pods)), ("User", "system:node:N_o")).bad(line),
        delete(f"{cluster_bindings}/{name}"),
        delete(f"{cluster_bindings}/{target}"),
    ]


def policy_parameters(ns: str, cluster_roles: str, cluster_bindings: str) -> list[Ask]:
    """Whoever writes a policy with parameters, or binds one, must be allowed to read these."""
    line = "access: parameters of policies"
    group = "admissionregistration.k8s.io"
    policies = f"/apis/{group}/v1/validatingadmissionpolicies"
    bound = f"/apis/{group}/v1/validatingadmissionpolicybindings"
    name = f"{ns}-policy"

    def policy(kind: str, version: str = "v1", called: str = name) -> dict[str, Any]:
        rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["nodes"]}]
        spec = {
            "paramKind": {"apiVersion": version, "kind": kind},
            "matchConstraints": {"resourceRules": rules},
            "validations": [{"expression": "true"}],
        }
        return {"metadata": {"name": called}, "spec": spec}

    def bind(to: str, **reference: str) -> dict[str, Any]:
        parameters = {"parameterNotFoundAction": "Allow", **reference}
        spec = {"policyName": to, "paramRef": parameters, "validationActions": ["Deny"]}
        return {"metadata": {"name": name}, "spec": spec}

    writing = rule("create update", "validatingadmissionpolicies validatingadmissionpolicybindings", group)
    return [
        post(cluster_roles, role(name, writing, rule("get", "configmaps"))),
        post(cluster_bindings, binding(name, "ClusterRole", name, user("bob"))),
        SETTLE,
        by("bob", post(policies, policy("ConfigMap"))).good(line),
        by("bob", post(policies, policy("Secret", called=f"{ns}-other"))).bad(line),
        by("bob", post(policies, policy("Thing", "no.such/v1", f"{ns}-other"))).bad(line),
        by("bob", post(f"{bound}?dryRun=All", bind(name, name="a", namespace="default"))).good(line),
        by("bob", post(f"{bound}?dryRun=All", bind(f"{ns}-none", name="a", namespace="default"))).bad(line),
        delete(f"{policies}/{name}"),
        delete(f"{cluster_bindings}/{name}"),
    ]
