"""`serviceaccounts/token`: a token for a service account, on request."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from reconcile.apiserver import status
from reconcile.apiserver.field_errors import FieldError, invalid
from reconcile.apiserver.interfaces import JSONObject, RequestContext

_GROUP: Final = "authentication.k8s.io"
_KIND: Final = "TokenRequest"
# The kubelet asks for this time for the tokens of pods; such a token really lives for a year, and warns
# after it.
_PROJECTED: Final = 3607
_EXTENDED: Final = 365 * 24 * 60 * 60


def set_defaults(body: JSONObject) -> None:
    """An hour, where a request says nothing."""
    spec: JSONObject = body.setdefault("spec", {})
    if spec.get("expirationSeconds") is None:
        spec["expirationSeconds"] = 3600


async def issue_token(body: JSONObject, context: RequestContext) -> JSONObject:
    """Sign a token as the request wants it, after what it is to be bound to was looked up."""
    metadata: JSONObject = body["metadata"]
    if metadata.get("name") and metadata["name"] != context.name:
        text = "must match the service account name if specified"
        problem = invalid("metadata.name", metadata["name"], text)
        raise status.invalid(_GROUP, _KIND, context.name, [problem])
    access, tokens = context.access, context.access.tokens
    account = access.read("serviceaccounts", context.namespace, context.name)
    if account is None:
        raise status.not_found("", "serviceaccounts", context.name)
    uid: str = account["metadata"].get("uid") or ""
    if metadata.get("uid") and metadata["uid"] != uid:
        text = (
            f"the UID in the token request ({metadata['uid']}) does not match the UID of the service account "
            f"({uid})"
        )
        raise status.conflict(_GROUP, _KIND, context.name, text)
    spec: JSONObject = body.setdefault("spec", {})
    if not spec.get("audiences"):
        spec["audiences"] = list(tokens.audiences)
    seconds: int = spec["expirationSeconds"]
    if errors := _duration_errors(seconds):
        raise status.invalid(_GROUP, _KIND, "", errors)
    spec.setdefault("boundObjectRef", None)
    bound = _bound(spec["boundObjectRef"], context)
    now = int(context.now.timestamp())
    lifetime, private = seconds, {"namespace": context.namespace, **bound}
    private["serviceaccount"] = {"name": context.name, "uid": uid}
    if "pod" in bound and seconds == _PROJECTED and set(spec["audiences"]) <= set(tokens.audiences):
        lifetime = _EXTENDED
        private["warnafter"] = now + seconds
    claims = {
        "aud": spec["audiences"],
        "exp": now + lifetime,
        "iat": now,
        "nbf": now,
        "jti": access.runtime.uuid(),
        "kubernetes.io": private,
        "sub": f"system:serviceaccount:{context.namespace}:{context.name}",
    }
    body["metadata"] = {
        **metadata,
        "name": context.name,
        "namespace": context.namespace,
        "uid": uid,
        "creationTimestamp": context.timestamp,
    }
    expiry = context.now + timedelta(seconds=seconds)
    # Given out in dry runs, too, as upstream does.
    body["status"] = {
        "token": tokens.sign(claims),
        "expirationTimestamp": expiry.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return body


def _duration_errors(seconds: int) -> list[FieldError]:
    field = "spec.expirationSeconds"
    if seconds < 600:
        return [invalid(field, seconds, "may not specify a duration less than 10 minutes")]
    if seconds > 1 << 32:
        return [invalid(field, seconds, "may not specify a duration larger than 2^32 seconds")]
    return []


def _bound(reference: JSONObject | None, context: RequestContext) -> JSONObject:
    """The claims about the object with which the token ends."""
    if reference is None:
        return {}
    access = context.access
    kind, name = reference.get("kind") or "", reference.get("name") or ""
    group, _, version = (reference.get("apiVersion") or "").rpartition("/")
    plural = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}.get(kind) if not group else None
    if plural is None:
        shown = f"{group}/{version}, Kind={kind}"
        raise status.bad_request(f"cannot bind token to object of type {shown}")
    found = access.read(plural, "" if plural == "nodes" else context.namespace, name)
    if found is None:
        raise status.not_found("", plural, name)
    claims: JSONObject = {}
    if plural == "pods":
        account = found["spec"].get("serviceAccountName")
        if account != context.name:
            raise status.bad_request(
                f'cannot bind token for serviceaccount "{context.name}" to pod running with different '
                "serviceaccount name."
            )
        node_name = found["spec"].get("nodeName")
        if node_name:
            node = access.read("nodes", "", node_name)
            claims["node"] = {"name": node_name}
            if node is not None:
                claims["node"]["uid"] = node["metadata"]["uid"]
    uid = found["metadata"]["uid"]
    if reference.get("uid") and reference["uid"] != uid:
        text = (
            f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise status.conflict(group, kind, name, text)
    return {**claims, kind.lower(): {"name": name, "uid": uid}}
