"""The paths beside the resources: discovery, OpenAPI, version, health, the index."""

from __future__ import annotations

from collections.abc import Callable

from reconcile.apiserver import status
from reconcile.apiserver.access.service_account_tokens import ServiceAccountTokens
from reconcile.apiserver.discovery.documents import Discovery
from reconcile.apiserver.discovery.health import METRICS_TYPE, Health
from reconcile.apiserver.discovery.openapi import OpenAPI
from reconcile.apiserver.handlers.messages import Request, Response, json_response, text_response
from reconcile.apiserver.handlers.rendering import pretty_json

_ISSUER = "/.well-known/openid-configuration"
_KEYS = "/openid/v1/jwks"
_OTHERS = ("/metrics", "/metrics/slis", "/openapi/v2", "/openapi/v3", "/openapi/v3/", "/version")


class Paths:
    """Answers what is no resource.

    Arguments:
        ready: whether `/readyz` says so.
        metrics: the text of `/metrics`.
        tokens: whose keys are shown.
    """

    def __init__(
        self,
        discovery: Discovery,
        openapi: OpenAPI,
        *,
        ready: Callable[[], bool],
        metrics: Callable[[], str],
        tokens: ServiceAccountTokens,
    ) -> None:
        self.discovery = discovery
        self._openapi = openapi
        self._health = Health(ready)
        self._metrics = metrics
        self._tokens = tokens

    def answer(self, request: Request) -> Response | None:
        path = request.path
        if path.startswith("/api"):
            return self.discovery.answer(request)
        if path.startswith("/openapi/"):
            return self._openapi.answer(request)
        if path == "/version" or path.startswith("/version/"):
            _check_route(request, "/version", "application/json")
            response = json_response(self.discovery.version)
            response.body = pretty_json(response.body)
            return response
        if path == "/metrics":
            response = text_response(self._metrics())
            response.headers["content-type"] = METRICS_TYPE
            response.headers.pop("x-content-type-options", None)
            return response
        if path in ("/", "/index.html"):
            response = json_response({"paths": self._index()})
            response.body = pretty_json(response.body)
            return response
        for root in (_ISSUER, _KEYS):
            if path == root or path.startswith(f"{root}/"):
                return self._openid(request, root)
        return self._health.answer(request)

    def _openid(self, request: Request, root: str) -> Response:
        """Who signs service account tokens, and by which keys."""
        keys = root == _KEYS
        media = "application/jwk-set+json" if keys else "application/json"
        _check_route(request, root, media)
        made = self._tokens.key_set() if keys else self._tokens.discovery(self.discovery.address)
        response = json_response(made)
        response.body = response.body.rstrip(b"\n")
        response.headers = {"cache-control": "public, max-age=3600", "content-type": media}
        return response

    def _index(self) -> list[str]:
        return sorted([*self.discovery.paths(), *self._health.paths(), _ISSUER, _KEYS, *_OTHERS])


def _check_route(request: Request, root: str, media: str) -> None:
    """Raise what the router says of a path of which it has one route, for GET, that makes one media type."""
    if request.path.removesuffix("/") != root:
        raise status.no_such_path()
    if request.method != "GET":
        raise status.method_not_allowed()
    wanted = request.headers.get("accept") or "*/*"
    if not any(each.partition(";")[0].strip() in ("*/*", media) for each in wanted.split(",")):
        raise status.StatusError(
            f"406: Not Acceptable\n\nAvailable representations: {media}",
            code=406,
            reason="NotAcceptable",
            details={},
        )
