"""Reviews: asked by POST, answered, never stored. Without an authorizer everything is allowed."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.interfaces import RequestContext

JSONObject = dict[str, Any]


async def access_review(body: JSONObject, context: RequestContext) -> JSONObject:
    """Subject access reviews in all their forms."""
    body["status"] = {"allowed": True}
    return body


async def rules_review(body: JSONObject, context: RequestContext) -> JSONObject:
    body["status"] = {
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": False,
    }
    return body


async def who_am_i(body: JSONObject, context: RequestContext) -> JSONObject:
    user = context.user
    info: JSONObject = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        info["uid"] = user.uid
    if user.extra:
        info["extra"] = {key: list(value) for key, value in user.extra.items()}
    body["metadata"] = {"creationTimestamp": context.timestamp}
    body["status"] = {"userInfo": info}
    return body


async def token_review(body: JSONObject, context: RequestContext) -> JSONObject:
    """Tokens are not checked by a server without authentication, so none is known."""
    body["status"] = {"user": {}, "error": "[invalid bearer token]"}
    return body
