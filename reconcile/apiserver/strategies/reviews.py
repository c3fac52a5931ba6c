"""Reviews: asked by POST, answered, never stored. Without access control everything is allowed."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver import status
from reconcile.apiserver.access.attributes import Attributes, Decision
from reconcile.apiserver.access.review_checks import review_errors, selector_problems
from reconcile.apiserver.access.user import user_info
from reconcile.apiserver.interfaces import RequestContext, User

JSONObject = dict[str, Any]


async def access_review(body: JSONObject, context: RequestContext) -> JSONObject:
    """May somebody do something: SubjectAccessReview, and its local and its self form."""
    plural = context.resource.type.plural
    local, own = plural == "localsubjectaccessreviews", plural == "selfsubjectaccessreviews"
    errors = review_errors(body, context.namespace, local=local, own=own)
    if errors:
        # The real server has lost the kind's name by then.
        raise status.invalid("authorization.k8s.io", "", "", errors)
    spec: JSONObject = body["spec"]
    user = context.user
    if not own:
        user = User(
            spec.get("user") or "",
            tuple(spec.get("groups") or ()),
            spec.get("uid") or "",
            spec.get("extra") or {},
        )
    resource: JSONObject | None = spec.get("resourceAttributes")
    if resource is not None:
        attributes = Attributes(
            user,
            resource.get("verb") or "",
            resource.get("resource") or "",
            resource.get("group") or "",
            resource.get("version") or "*",
            resource.get("subresource") or "",
            resource.get("namespace") or "",
            resource.get("name") or "",
        )
    else:
        path = spec["nonResourceAttributes"]
        attributes = Attributes(user, path.get("verb") or "", path=path.get("path") or "", is_resource=False)
    authorizer = context.authorizer
    decision = Decision(True) if authorizer is None else authorizer.authorize(attributes)
    answer: JSONObject = {"allowed": decision.allowed}
    if decision.reason:
        answer["reason"] = decision.reason
    if resource is not None and (problems := selector_problems(resource)):
        answer["evaluationError"] = "; ".join(problems)
    body["status"] = answer
    return body


async def rules_review(body: JSONObject, context: RequestContext) -> JSONObject:
    """SelfSubjectRulesReview: all that the one who asks may do in a namespace."""
    namespace = (body.get("spec") or {}).get("namespace") or ""
    if not namespace:
        raise status.bad_request("no namespace on request")
    resources: list[JSONObject] = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    paths: list[JSONObject] = [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
    error = ""
    if context.authorizer is not None:
        found = context.authorizer.rules_for(context.user, namespace)
        error = found.error
        fields = ("verbs", "apiGroups", "resources", "resourceNames")
        resources = [
            {"verbs": [], **{key: rule[key] for key in fields if key in rule}}
            for rule in found.rules
            if rule.get("resources")
        ]
        paths = [
            {"verbs": rule.get("verbs") or [], "nonResourceURLs": rule["nonResourceURLs"]}
            for rule in found.rules
            if rule.get("nonResourceURLs")
        ]
    answer: JSONObject = {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}
    if error:
        answer["evaluationError"] = error
    return {
        "kind": body["kind"],
        "apiVersion": body["apiVersion"],
        "metadata": {},
        "spec": {},
        "status": answer,
    }


async def who_am_i(body: JSONObject, context: RequestContext) -> JSONObject:
    """SelfSubjectReview: the one who asks."""
    body["metadata"] = {"creationTimestamp": context.timestamp}
    body["status"] = {"userInfo": user_info(context.user)}
    return body


async def token_review(body: JSONObject, context: RequestContext) -> JSONObject:
    """TokenReview: whose token is this, and is it good for these audiences."""
    spec: JSONObject = body.get("spec") or {}
    if not spec.get("token"):
        raise status.bad_request("token is required for TokenReview in authentication")
    access = context.access
    verdict = access.authentication.identify(
        None, f"Bearer {spec['token']}", access, tuple(spec.get("audiences") or ())
    )
    answer: JSONObject = {"user": {}}
    if verdict.user is not None:
        answer = {"authenticated": True, "user": user_info(verdict.user)}
        if verdict.audiences:
            answer["audiences"] = list(verdict.audiences)
    if verdict.error:
        answer["error"] = verdict.error
    body["status"] = answer
    return body
