"""The exceptions of this library, in one tree.

    ReconcileError
    ├── ConfigurationError        what the caller gave cannot work: a file, flag, option or signature
    ├── TerminalError             a reconcile that must not be retried until its object changes
    ├── ObjectDecodeError         one object's bytes do not fit its type
    ├── IncompleteObjectError     a write of an object whose whole origin is not known
    ├── NotCachedError            a cache was asked for a kind that nobody watches
    ├── CacheNotSyncedError       a cache was read before its first list was complete
    ├── WriteRefusedError         a write guard of this process refused the write before it was sent
    ├── TransportError            no usable answer: connection, TLS, time-out
    │   ├── OutcomeUnknownError   the request may or may not have been carried out
    │   ├── IdleTimeoutError      a stream brought nothing for longer than it may be silent
    │   ├── TLSError              the two ends do not trust each other: certificates, names, dates
    │   └── CredentialsError      no credentials could be got, so nothing was sent
    └── APIError                  the API server answered with an error status
        ├── BadRequestError          400 BadRequest
        ├── UnauthorizedError        401 Unauthorized
        ├── ForbiddenError           403 Forbidden
        ├── NotFoundError            404 NotFound
        ├── MethodNotAllowedError    405 MethodNotAllowed
        ├── NotAcceptableError       406 NotAcceptable
        ├── AlreadyExistsError       409 AlreadyExists
        ├── ConflictError            409 Conflict
        ├── GoneError                410 Gone, Expired
        ├── RequestTooLargeError     413 RequestEntityTooLarge
        ├── UnsupportedMediaTypeError 415 UnsupportedMediaType
        ├── InvalidError             422 Invalid
        ├── TooManyRequestsError     429 TooManyRequests
        ├── InternalServerError      500 InternalError
        ├── ServiceUnavailableError  503 ServiceUnavailable
        └── ServerTimeoutError       504 Timeout, ServerTimeout

What only one room raises is defined there, below one of these: `AlreadyOwnedError`,
`InvalidSelectorError`, `InvalidQuantityError` and `PatchError` in objects, `ReconcileTimeoutError` in
controllers, `CelError` and `CelEvaluationError` in cel, those of the testing room there. An error's text
says what happened, to which object, field or flag, and what to try next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast


class ReconcileError(Exception):
    """The root of this library's exceptions."""


class ConfigurationError(ReconcileError):
    """What the caller gave cannot work; the text names the file, flag, option or signature."""


class TerminalError(ReconcileError):
    """Raised by a reconciler: retrying is useless until the object or its surroundings change.

    The key is not queued again; the next event of the object starts a new reconcile.
    The rule is controller-runtime's `reconcile.TerminalError`.
    """


class ObjectDecodeError(ReconcileError):
    """One object's bytes do not fit the type that was asked for.

    Attributes:
        key: `namespace/name` of the object, or its name alone when cluster-scoped.
        field: the JSON path of what did not fit, such as `$.spec.replicas`; empty when unknown.
    """

    def __init__(self, message: str, *, key: str = "", field: str = "") -> None:
        super().__init__(message)
        self.key = key
        self.field = field


class IncompleteObjectError(ReconcileError):
    """A replacing write of an object that is only a part of what the server holds."""


class NotCachedError(ReconcileError):
    """A cache was asked for a kind, namespace or selection that no informer of it watches."""


class CacheNotSyncedError(ReconcileError):
    """A cache was read before the first list of the kind was complete."""


class WriteRefusedError(ReconcileError):
    """A write guard of this process refused a write before it was sent, so nothing was changed."""


class TransportError(ReconcileError):
    """The API server gave no usable answer: connection refused or cut, TLS failure, time-out."""


class IdleTimeoutError(TransportError):
    """Nothing came for longer than a read of the answer may be idle: the connection is taken for dead."""


class OutcomeUnknownError(TransportError):
    """The connection failed after the request was sent: it may or may not have been carried out."""


class TLSError(TransportError):
    """No TLS connection: an unknown authority, an expired certificate, another name. Nothing was sent."""


class CredentialsError(TransportError):
    """A credential plugin, token file or identity provider gave no credentials, so nothing was sent."""


@dataclass(frozen=True, slots=True)
class StatusCause:
    """One cause in the details of a Status, as the API server names it."""

    reason: str = ""
    message: str = ""
    field: str = ""


class APIError(ReconcileError):
    """The API server answered with an error status.

    Attributes:
        code: the HTTP status code.
        reason: the machine-readable reason of the Status, such as `NotFound`.
        message: the server's own text.
        details: the `details` of the Status (`name`, `group`, `kind`, `uid`, `causes`, …).
        causes: the causes among the details.
        retry_after: seconds after which the server asks to be tried again, or None.
        headers: headers of the answer, names in lower case.
    """

    code: int
    reason: str

    def __init__(
        self,
        message: str,
        *,
        code: int,
        reason: str = "",
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.details: Mapping[str, Any] = details or {}
        self.retry_after = retry_after
        self.headers: Mapping[str, str] = headers or {}

    @property
    def causes(self) -> tuple[StatusCause, ...]:
        found: object = self.details.get("causes") or ()
        if not isinstance(found, Sequence):
            return ()
        return tuple(
            StatusCause(
                reason=str(cause.get("reason", "")),
                message=str(cause.get("message", "")),
                field=str(cause.get("field", "")),
            )
            for cause in cast("Sequence[Mapping[str, Any]]", found)
        )

    def __str__(self) -> str:
        label = self.reason or "error"
        return f"{self.message} ({self.code} {label})"


class BadRequestError(APIError):
    """400: the request itself is malformed."""


class UnauthorizedError(APIError):
    """401: the credentials were not accepted."""


class ForbiddenError(APIError):
    """403: the user may not do this, or an admission rule refused it."""


class NotFoundError(APIError):
    """404: no such object, or no such resource."""


class MethodNotAllowedError(APIError):
    """405: the resource does not support the verb."""


class NotAcceptableError(APIError):
    """406: the server cannot answer in the wanted form."""


class AlreadyExistsError(APIError):
    """409 AlreadyExists: an object of that name is there."""


class ConflictError(APIError):
    """409 Conflict: the object changed since it was read, or another manager owns a field."""


class GoneError(APIError):
    """410 Gone or Expired: the resource version or continue token is too old; list anew."""


class RequestTooLargeError(APIError):
    """413: the body is larger than the server takes."""


class UnsupportedMediaTypeError(APIError):
    """415: the server does not understand the content type."""


class InvalidError(APIError):
    """422: the object does not pass validation; see `causes` for the fields."""


class TooManyRequestsError(APIError):
    """429: the server asks to slow down; see `retry_after`."""


class InternalServerError(APIError):
    """500: the server failed."""


class ServiceUnavailableError(APIError):
    """503: the server cannot answer now."""


class ServerTimeoutError(APIError):
    """504: the server did not finish in time; a write may or may not have been carried out."""


_BY_REASON: dict[str, type[APIError]] = {
    "BadRequest": BadRequestError,
    "Unauthorized": UnauthorizedError,
    "Forbidden": ForbiddenError,
    "NotFound": NotFoundError,
    "MethodNotAllowed": MethodNotAllowedError,
    "NotAcceptable": NotAcceptableError,
    "AlreadyExists": AlreadyExistsError,
    "Conflict": ConflictError,
    "Gone": GoneError,
    "Expired": GoneError,
    "RequestEntityTooLarge": RequestTooLargeError,
    "UnsupportedMediaType": UnsupportedMediaTypeError,
    "Invalid": InvalidError,
    "TooManyRequests": TooManyRequestsError,
    "InternalError": InternalServerError,
    "ServiceUnavailable": ServiceUnavailableError,
    "Timeout": ServerTimeoutError,
    "ServerTimeout": ServerTimeoutError,
}

_BY_CODE: dict[int, type[APIError]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    406: NotAcceptableError,
    409: ConflictError,
    410: GoneError,
    413: RequestTooLargeError,
    415: UnsupportedMediaTypeError,
    422: InvalidError,
    429: TooManyRequestsError,
    500: InternalServerError,
    503: ServiceUnavailableError,
    504: ServerTimeoutError,
}


def api_error(
    code: int,
    status: Mapping[str, Any],
    *,
    headers: Mapping[str, str] | None = None,
    retry_after: float | None = None,
) -> APIError:
    """The member of the tree for a Status document; its reason decides, then its code.

    >>> error = api_error(409, {"reason": "AlreadyExists", "message": 'pods "web" already exists'})
    >>> type(error).__name__
    'AlreadyExistsError'
    """
    reason = str(status.get("reason") or "")
    kind = _BY_REASON.get(reason) or _BY_CODE.get(code) or APIError
    found: object = status.get("details")
    details: Mapping[str, Any] = cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}
    if retry_after is None and (seconds := details.get("retryAfterSeconds")):
        retry_after = float(seconds)
    message = str(status.get("message") or f"the server answered with status {code}")
    return kind(message, code=code, reason=reason, details=details, retry_after=retry_after, headers=headers)
