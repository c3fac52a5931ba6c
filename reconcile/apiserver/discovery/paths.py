"""The paths beside the resources: discovery, OpenAPI, version, health, the index."""

from __future__ import annotations

from collections.abc import Callable

from reconcile.apiserver import status
from reconcile.apiserver.access.service_account_tokens import ServiceAccountTokens
from reconcile.apiserver.discovery.documents import Discovery
from reconcile.apiserver.discovery.openapi import OpenAPI
from reconcile.apiserver.handlers.messages import Request, Response, json_response, text_response
from reconcile.apiserver.handlers.rendering import pretty_json

_CHECKS = ("ping", "log", "etcd")
_ISSUER = "/.well-known/openid-configuration"
_KEYS = "/openid/v1/jwks"
_HEALTH = ("/healthz", "/livez", "/readyz")


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
        self._ready = ready
        self._metrics = metrics
        self._tokens = tokens

    def answer(self, request: Request) -> Response | None:
        path = request.path
        if path.startswith("/api"):
            found = self.discovery.answer(request)
            if found is not None and request.method != "GET":
                raise status.method_not_allowed()
            return found
        if path.startswith("/openapi/"):
            return self._openapi.answer(request)
        if path == "/version" or path == "/version/":
            if request.method != "GET":
                raise status.method_not_allowed()
            response = json_response(self.discovery.version)
            response.body = pretty_json(response.body)
            return response
        if path == "/metrics":
            response = text_response(self._metrics())
            response.headers["content-type"] = "text/plain; version=0.0.4; charset=utf-8"
            return response
        if path == "/":
            response = json_response({"paths": self._index()})
            response.body = pretty_json(response.body)
            return response
        if path in (_ISSUER, _KEYS):
            return self._openid(request)
        for prefix in _HEALTH:
            if path == prefix or path.startswith(f"{prefix}/"):
                return self._health(request, prefix, path[len(prefix) + 1 :])
        return None

    def _openid(self, request: Request) -> Response:
        """Who signs service account tokens, and by which keys."""
        if request.method != "GET":
            raise status.method_not_allowed()
        keys = request.path == _KEYS
        media = "application/jwk-set+json" if keys else "application/json"
        wanted = request.headers.get("accept") or "*/*"
        if not any(
            each.partition(";")[0].strip() in ("*/*", "application/*", media) for each in wanted.split(",")
        ):
            raise status.StatusError(
                f"406: Not Acceptable\n\nAvailable representations: {media}",
                code=406,
                reason="NotAcceptable",
                details={},
            )
        made = self._tokens.key_set() if keys else self._tokens.discovery(self.discovery.address)
        response = json_response(made)
        response.body = response.body.rstrip(b"\n")
        response.headers = {"cache-control": "public, max-age=3600", "content-type": media}
        return response

    def _health(self, request: Request, prefix: str, check: str) -> Response | None:
        if check and check not in _CHECKS:
            return None
        good = prefix != "/readyz" or self._ready()
        if not any(name == "verbose" for name, _ in request.query) and good:
            return text_response("ok")
        lines = [f"[+]{name} ok" for name in ((check,) if check else _CHECKS)]
        name = prefix.strip("/")
        if not good:
            lines.append("[-]start failed: reason withheld")
            return text_response("\n".join([*lines, f"{name} check failed", ""]), 500)
        return text_response("\n".join([*lines, f"{name} check passed", ""]))

    def _index(self) -> list[str]:
        listed = self.discovery.paths()
        return sorted(
            [*listed, *_HEALTH, _ISSUER, "/metrics", "/openapi/v2", "/openapi/v3", _KEYS, "/version"]
        )
