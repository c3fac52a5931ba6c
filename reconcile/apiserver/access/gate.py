"""The gate before the handlers: who asks, for whom it is done, and whether that user may.

request ──▶ 401? ──▶ impersonation: 400, 403? ──▶ authorization: 403? ──▶ request with its user
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reconcile.apiserver import status
from reconcile.apiserver.access.attributes import Authorizer
from reconcile.apiserver.access.authentication import Authentication
from reconcile.apiserver.access.forbidden import forbidden_to
from reconcile.apiserver.access.impersonation import Headers, Impersonation, wanted_user
from reconcile.apiserver.access.requests import UnreadableRequestError, attributes_of
from reconcile.apiserver.handlers.messages import Request, Response, error_response, text_response
from reconcile.apiserver.interfaces import Access, User

_PREFIX: Final = "impersonate-"


class Gate:
    """Lets requests through, with their user, or answers them itself.

    Arguments:
        authentication: who asks.
        authorizer: who may do what.
    """

    def __init__(self, authentication: Authentication, authorizer: Authorizer) -> None:
        self._authentication = authentication
        self.authorizer = authorizer
        self._impersonation = Impersonation(authorizer)

    def enter(self, request: Request, access: Access) -> Request | Response:
        """The request for the handlers, or the answer that it gets instead."""
        asker: User | None = None
        try:
            user = request.user
            if user is None:
                verdict = self._authentication.identify(
                    request.certified, request.headers.get("authorization", ""), access
                )
                user = verdict.user
                if user is None:
                    return error_response(status.unauthorized())
            asked = attributes_of(request, user)
            wanted = wanted_user(_headers(request))
            if wanted is not None:
                user = self._impersonation.act_as(wanted, asked)
                asked = replace(asked, user=user)
            asker = user
            decision = self.authorizer.authorize(asked)
            if not decision.allowed:
                raise forbidden_to(asked, decision.reason)
        except UnreadableRequestError as error:
            target = f'Internal Server Error: "{request.path}"'
            refused = text_response(f"{target}: failed to create RequestInfo: {error}\n", 500)
            # Upstream answers this before anything that sets headers.
            del refused.headers["cache-control"]
            return refused
        except status.StatusError as error:
            response = error_response(error)
            response.headers["x-content-type-options"] = "nosniff"
            response.user = asker
            return response
        return replace(request, user=user)


def _headers(request: Request) -> Headers:
    if request.impersonation:
        return request.impersonation
    return [(name, value) for name, value in request.headers.items() if name.startswith(_PREFIX)]
