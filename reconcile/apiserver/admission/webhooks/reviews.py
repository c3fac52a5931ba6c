"""AdmissionReview: the request that a webhook gets, and what its response has to be like."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from reconcile.apiserver.access.user import user_info
from reconcile.apiserver.admission.matching import Match
from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.interfaces import AdmissionAttributes, JSONObject
from reconcile.apiserver.status import StatusError

_GROUP = "admission.k8s.io"


class ReviewError(Exception):
    """A response that is not valid."""


@dataclass(frozen=True, slots=True)
class ReviewResponse:
    """A response that was checked.

    Attributes:
        allowed: whether the request may go on.
        patch: the JSON patch as bytes; empty for none.
        patch_type: `JSONPatch`, or what else was claimed.
        result: the Status of a denial.
        warnings: for the client.
    """

    allowed: bool
    patch: bytes = b""
    patch_type: str = ""
    result: JSONObject | None = None
    warnings: list[str] = field(default_factory=list[str])


def version_of(hook: JSONObject) -> str | None:
    """The version to send, the first that the webhook names and the server knows."""
    versions: Sequence[str] = hook.get("admissionReviewVersions") or ()
    return next((version for version in versions if version in ("v1", "v1beta1")), None)


def review_for(
    version: str,
    uid: str,
    attributes: AdmissionAttributes,
    match: Match,
    obj: JSONObject | None,
    old: JSONObject | None,
) -> JSONObject:
    """The AdmissionReview; `obj` and `old` are in the match's kind."""
    own, other = attributes.resource.type, match.resource.type
    request: JSONObject = {
        "uid": uid,
        "kind": _gvk(match.kind),
        "resource": {"group": other.group, "version": other.version, "resource": other.plural},
    }
    if attributes.subresource:
        request["subResource"] = attributes.subresource
    request["requestKind"] = _gvk(attributes.kind)
    request["requestResource"] = {"group": own.group, "version": own.version, "resource": own.plural}
    if attributes.subresource:
        request["requestSubResource"] = attributes.subresource
    if attributes.name:
        request["name"] = attributes.name
    if attributes.namespace:
        request["namespace"] = attributes.namespace
    request |= {
        "operation": attributes.operation,
        "userInfo": user_info(attributes.user),
        "object": obj,
        "oldObject": old,
        "dryRun": attributes.dry_run,
        "options": attributes.options,
    }
    return {"kind": "AdmissionReview", "apiVersion": f"{_GROUP}/{version}", "request": request}


def _gvk(kind: Any) -> JSONObject:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def checked(review: JSONObject, version: str, uid: str, *, mutating: bool) -> ReviewResponse:
    """The response of a review. Raises ReviewError."""
    response: Any = review.get("response")
    if not isinstance(response, dict):
        raise ReviewError("webhook response was absent")
    patch = _patch(response.get("patch"))
    patch_type = response.get("patchType")
    if version == "v1":
        given = response.get("uid") or ""
        if given != uid:
            raise ReviewError(f"expected response.uid={go_quote(uid)}, got {go_quote(given)}")
        group, _, found = str(review.get("apiVersion") or "").rpartition("/")
        kind = review.get("kind") or ""
        if (group, found, kind) != (_GROUP, "v1", "AdmissionReview"):
            raise ReviewError(
                f"expected webhook response of {_GROUP}/v1, Kind=AdmissionReview, got "
                f"{group}/{found}, Kind={kind}"
            )
        if not mutating:
            if patch:
                raise ReviewError("validating webhook may not return response.patch")
            if patch_type is not None:
                raise ReviewError("validating webhook may not return response.patchType")
        elif patch and patch_type is None:
            raise ReviewError("webhook returned response.patch but not response.patchType")
        elif not patch and patch_type is not None:
            raise ReviewError("webhook returned response.patchType but not response.patch")
        elif patch_type == "":
            raise ReviewError('webhook returned invalid response.patchType of ""')
    else:
        patch_type = "JSONPatch" if patch else ""
    if not mutating:
        patch = b""
    return ReviewResponse(
        bool(response.get("allowed")),
        patch,
        patch_type or "",
        response.get("status"),
        list(response.get("warnings") or ()),
    )


def _patch(value: Any) -> bytes:
    if not value:
        return b""
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise ReviewError("illegal base64 data") from None


def denial(hook_name: str, result: JSONObject | None) -> StatusError:
    """What the client is told when a webhook says no."""
    result = result or {}
    denied = f"admission webhook {go_quote(hook_name)} denied the request"
    message, reason = result.get("message") or "", result.get("reason") or ""
    if message or reason:
        text = f"{denied}: {message or reason}"
    else:
        text = f"{denied} without explanation"
    code = result.get("code") or 0
    return StatusError(
        text,
        code=max(code, 400),
        reason=reason,
        details=result.get("details"),
    )
