"""What conversations about access are made of: roles, bindings, reviews; and their lines."""

from __future__ import annotations

from typing import Any, Final

from helpers.differential import Ask, post

LINES: Final = tuple(
    f"access: {name}"
    for name in (
        "token file", "anonymous", "client certificate", "service account tokens", "bound tokens",
        "TokenReview", "SelfSubjectReview", "roles", "cluster roles", "service account subjects",
        "resource names", "paths", "subresources", "wildcards", "verbs", "aggregation", "escalation", "bind",
        "create on update", "unknown paths", "SubjectAccessReview", "LocalSubjectAccessReview",
        "SelfSubjectAccessReview", "SelfSubjectRulesReview", "impersonation", "constrained impersonation",
        "tokens of secrets", "certificates",
        "parameters of policies", "status of claims",
    )
)  # fmt: skip
REVIEWS: Final = "/apis/authorization.k8s.io/v1"
AUTHENTICATION: Final = "/apis/authentication.k8s.io/v1"
GROUP: Final = "rbac.authorization.k8s.io"


def rule(
    verbs: str, resources: str = "", groups: str = "", names: str = "", paths: str = ""
) -> dict[str, Any]:
    """A rule from words: `rule("get list", "pods")`; a dash stands for the core group."""
    found: dict[str, Any] = {"verbs": verbs.split()}
    if resources:
        found["resources"] = resources.split()
        found["apiGroups"] = ["" if group == "-" else group for group in (groups or "-").split()]
    if names:
        found["resourceNames"] = names.split()
    if paths:
        found["nonResourceURLs"] = paths.split()
    return found


def role(name: str, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **({"rules": list(rules)} if rules else {}), **more}


def user(name: str) -> dict[str, str]:
    return {"kind": "User", "apiGroup": GROUP, "name": name}


def group(name: str) -> dict[str, str]:
    return {"kind": "Group", "apiGroup": GROUP, "name": name}


def account(name: str, namespace: str = "") -> dict[str, str]:
    subject = {"kind": "ServiceAccount", "name": name}
    return {**subject, "namespace": namespace} if namespace else subject


def binding(name: str, kind: str, to: str, *subjects: dict[str, str]) -> dict[str, Any]:
    reference = {"apiGroup": GROUP, "kind": kind, "name": to}
    return {"metadata": {"name": name}, "roleRef": reference, "subjects": list(subjects)}


def review(user: str = "", groups: tuple[str, ...] = (), path: str = "", **resource: Any) -> dict[str, Any]:
    """A SubjectAccessReview."""
    spec: dict[str, Any] = {"user": user, "groups": list(groups)}
    if path:
        spec["nonResourceAttributes"] = {"path": path, **resource}
    else:
        spec["resourceAttributes"] = resource
    return {"spec": {key: value for key, value in spec.items() if value}}


def token_review(token: str, *audiences: str) -> Ask:
    spec: dict[str, Any] = {"token": token}
    if audiences:
        spec["audiences"] = list(audiences)
    return post(f"{AUTHENTICATION}/tokenreviews", {"spec": spec})


def who() -> Ask:
    return post(f"{AUTHENTICATION}/selfsubjectreviews", {})
