"""Errors of the server: the `Status` bodies of kube-apiserver, word by word, as one exception class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconcile.apiserver.field_errors import FieldError, aggregate, go_quote
from reconcile.errors import APIError


class StatusError(APIError):
    """A request ends with this Status. Raised anywhere behind the front ends, which write it out.

    Attributes:
        continue_token: goes into the Status' `metadata.continue`; empty for none.
    """

    continue_token: str = ""

    def __init__(
        self,
        message: str,
        *,
        code: int,
        reason: str = "",
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        """`details`: an empty mapping is shown, None is not: kube-apiserver has errors of both sorts."""
        super().__init__(message, code=code, reason=reason, details=details, retry_after=retry_after)
        self._shows_details = details is not None

    def status(self) -> dict[str, Any]:
        """The body that is sent."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": self.continue_token} if self.continue_token else {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self._shows_details:
            body["details"] = dict(self.details)
        body["code"] = self.code
        return body


def qualified(group: str, resource: str) -> str:
    """A resource (or kind) with its group, as messages name it."""
    return f"{resource}.{group}" if group else resource


def _details(group: str = "", kind: str = "", name: str = "", uid: str = "", **more: Any) -> dict[str, Any]:
    named = {"name": name, "group": group, "kind": kind, "uid": uid}
    found: dict[str, Any] = {key: value for key, value in named.items() if value}
    found.update({key: value for key, value in more.items() if value is not None})
    return found


def not_found(group: str, resource: str, name: str) -> StatusError:
    return StatusError(
        f"{qualified(group, resource)} {go_quote(name)} not found",
        code=404,
        reason="NotFound",
        details=_details(group, resource, name),
    )


def no_such_path() -> StatusError:
    """The 404 of a path that no resource serves."""
    return StatusError(
        "the server could not find the requested resource", code=404, reason="NotFound", details={}
    )


def service_unavailable(message: str) -> StatusError:
    """503: what is behind the server does not answer."""
    return StatusError(message, code=503, reason="ServiceUnavailable")


def already_exists(group: str, resource: str, name: str) -> StatusError:
    return StatusError(
        f"{qualified(group, resource)} {go_quote(name)} already exists",
        code=409,
        reason="AlreadyExists",
        details=_details(group, resource, name),
    )


def generate_name_conflict(group: str, resource: str, name: str) -> StatusError:
    """Every generated name that was tried exists."""
    return StatusError(
        f"{qualified(group, resource)} {go_quote(name)} already exists, the server was not able to generate "
        "a unique name for the object",
        code=409,
        reason="AlreadyExists",
        details=_details(group, resource, name, retryAfterSeconds=1),
        retry_after=1,
    )


OPTIMISTIC_LOCK = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


def conflict(group: str, resource: str, name: str, detail: str = OPTIMISTIC_LOCK) -> StatusError:
    return StatusError(
        f"Operation cannot be fulfilled on {qualified(group, resource)} {go_quote(name)}: {detail}",
        code=409,
        reason="Conflict",
        details=_details(group, resource, name),
    )


def apply_conflict(causes: Sequence[Mapping[str, str]], message: str) -> StatusError:
    """Server-side apply met fields of other managers."""
    return StatusError(
        message, code=409, reason="Conflict", details={"causes": [dict(cause) for cause in causes]}
    )


def bad_request(message: str) -> StatusError:
    return StatusError(message, code=400, reason="BadRequest")


def unauthorized(message: str = "Unauthorized") -> StatusError:
    return StatusError(message, code=401, reason="Unauthorized")


def forbidden(group: str, resource: str, name: str, detail: str) -> StatusError:
    qualified_name = qualified(group, resource)
    if not resource:
        message = f"forbidden: {detail}"
    elif name:
        message = f"{qualified_name} {go_quote(name)} is forbidden: {detail}"
    else:
        message = f"{qualified_name} is forbidden: {detail}"
    return StatusError(message, code=403, reason="Forbidden", details=_details(group, resource, name))


def invalid(group: str, kind: str, name: str, errors: Sequence[FieldError]) -> StatusError:
    """Validation found these errors: 422."""
    causes = [{"reason": error.type.reason, "message": error.body, "field": error.field} for error in errors]
    text = aggregate([str(error) for error in errors]) if errors else ""
    message = f"{qualified(group, kind)} {go_quote(name)} is invalid"
    if text:
        message = f"{message}: {text}"
    details = _details(group, kind, name)
    if causes:
        details["causes"] = causes
    return StatusError(message, code=422, reason="Invalid", details=details)


def method_not_supported(group: str, resource: str, action: str) -> StatusError:
    return StatusError(
        f"{action} is not supported on resources of kind {go_quote(qualified(group, resource))}",
        code=405,
        reason="MethodNotAllowed",
        details=_details(group, resource),
    )


def method_not_allowed() -> StatusError:
    """The 405 of a path that exists under another method."""
    return StatusError(
        "the server does not allow this method on the requested resource",
        code=405,
        reason="MethodNotAllowed",
        details={},
    )


def not_acceptable(message: str) -> StatusError:
    return StatusError(message, code=406, reason="NotAcceptable")


def unsupported_media_type(message: str) -> StatusError:
    return StatusError(message, code=415, reason="UnsupportedMediaType")


def expired(message: str) -> StatusError:
    """410 Expired: a resource version or a continue token is too old."""
    return StatusError(message, code=410, reason="Expired")


def gone(message: str) -> StatusError:
    return StatusError(message, code=410, reason="Gone")


def too_large(message: str) -> StatusError:
    return StatusError(message, code=413, reason="RequestEntityTooLarge")


def too_many_requests(message: str, retry_after: int) -> StatusError:
    """429, as eviction answers it: without retryAfterSeconds when `retry_after` is 0."""
    details = {"retryAfterSeconds": retry_after} if retry_after else {}
    return StatusError(
        message, code=429, reason="TooManyRequests", details=details, retry_after=retry_after or None
    )


def too_large_resource_version(wanted: int, current: int, retry_after: int = 1) -> StatusError:
    return StatusError(
        f"Timeout: Too large resource version: {wanted}, current: {current}",
        code=504,
        reason="Timeout",
        details={
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": retry_after,
        },
        retry_after=retry_after,
    )


def timeout(message: str, retry_after: int = 0) -> StatusError:
    details = {"retryAfterSeconds": retry_after} if retry_after else {}
    return StatusError(
        f"Timeout: {message}", code=504, reason="Timeout", details=details, retry_after=retry_after or None
    )


def internal_error(text: str) -> StatusError:
    return StatusError(
        f"Internal error occurred: {text}",
        code=500,
        reason="InternalError",
        details={"causes": [{"message": text}]},
    )
