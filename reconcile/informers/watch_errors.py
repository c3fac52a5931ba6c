"""What an error of a list or watch means for the stream. Pure."""

from __future__ import annotations

from enum import Enum

from reconcile.errors import (
    APIError,
    ForbiddenError,
    GoneError,
    IdleTimeoutError,
    NotFoundError,
    TooManyRequestsError,
    UnauthorizedError,
)


class Trouble(Enum):
    """Kinds of failure, by what has to be done about them.

    Attributes:
        EXPIRED: the resource version or continue token is too old: list anew.
        TOO_LARGE: the resource version is newer than what the server has: ask again without one.
        THROTTLED: asked to slow down.
        ABSENT: the server does not serve the resource (a CRD that is not there yet, or no more).
        FORBIDDEN: RBAC does not let us.
        UNAUTHORIZED: the credentials are not accepted.
        REFUSED: the server does not take this kind of request at all.
        SERVER: the server failed.
        CONNECTION: no usable answer.
        SILENT: nothing came for too long.
    """

    EXPIRED = "expired"
    TOO_LARGE = "too_large_resource_version"
    THROTTLED = "throttled"
    ABSENT = "absent"
    FORBIDDEN = "forbidden"
    UNAUTHORIZED = "unauthorized"
    REFUSED = "refused"
    SERVER = "server_error"
    CONNECTION = "connection"
    SILENT = "silent"


def classify(error: Exception) -> Trouble:
    """The kind of failure that an error is; anything unknown counts as a failing connection."""
    if isinstance(error, APIError):
        if _too_large(error):
            return Trouble.TOO_LARGE
        if isinstance(error, GoneError) or error.code == 410:
            return Trouble.EXPIRED
        if isinstance(error, TooManyRequestsError) or error.code == 429:
            return Trouble.THROTTLED
        if isinstance(error, NotFoundError) or error.code == 404:
            return Trouble.ABSENT
        if isinstance(error, ForbiddenError) or error.code == 403:
            return Trouble.FORBIDDEN
        if isinstance(error, UnauthorizedError) or error.code == 401:
            return Trouble.UNAUTHORIZED
        if 400 <= error.code < 500 and error.code != 408:
            return Trouble.REFUSED
        return Trouble.SERVER
    if isinstance(error, IdleTimeoutError | TimeoutError):
        return Trouble.SILENT
    return Trouble.CONNECTION


def _too_large(error: APIError) -> bool:
    """Servers since 1.18 give a cause; older ones only a message."""
    if any(cause.reason == "ResourceVersionTooLarge" for cause in error.causes):
        return True
    return "Too large resource version" in error.message
