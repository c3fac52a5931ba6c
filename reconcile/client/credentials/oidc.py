"""The `oidc` auth-provider of a kubeconfig: an ID token, renewed with a refresh token.

    proof() ── ID token valid? ──▶ it
        │ expired or refused
        └──▶ issuer/.well-known/openid-configuration ──▶ token endpoint ──▶ new tokens ──▶ kept in the file

A provider may hand out a new refresh token with each use and void the old one; that is why the new pair
is written back. The provider's certificate is verified always.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, cast
from urllib.parse import quote

from reconcile.client.credentials.base import Credentials, Proof
from reconcile.errors import ConfigurationError, CredentialsError
from reconcile.runtime import Runtime

_LEEWAY = timedelta(seconds=10)

Fetch: TypeAlias = Callable[
    [str, Mapping[str, str] | None, tuple[str, str] | None], Awaitable[tuple[int, bytes]]
]
"""`(url, form or None, (user, password) or None)` → status and body; a form makes it a POST."""
Persist: TypeAlias = Callable[[Mapping[str, str]], None]


class OIDCCredentials(Credentials):
    """An ID token of an OpenID provider.

    Args:
        config: `idp-issuer-url`, `client-id`, `client-secret` (none for public clients), `id-token`,
            `refresh-token`, as in the kubeconfig.
        fetch: talks to the provider; `https_fetch` in production.
        persist: keeps renewed tokens; called with the changed settings.
        runtime: the wall clock, for expiry.
        user: the name of the user in the configuration, for error texts.
    """

    def __init__(
        self,
        config: Mapping[str, str],
        *,
        fetch: Fetch,
        persist: Persist | None,
        runtime: Runtime,
        user: str = "",
    ) -> None:
        for name in ("idp-issuer-url", "client-id"):
            if not config.get(name):
                raise ConfigurationError(f"the oidc auth-provider needs {name}")
        self._config = dict(config)
        self._fetch = fetch
        self._persist = persist
        self._runtime = runtime
        self._user = user
        self._proof: Proof | None = None
        self._expires: datetime | None = None
        self._renewing = asyncio.Lock()
        if token := config.get("id-token"):
            self._take(token)

    async def proof(self) -> Proof:
        if (proof := self._valid()) is not None:
            return proof
        async with self._renewing:
            return self._valid() or await self._refresh()

    async def renew(self, refused: Proof) -> bool:
        async with self._renewing:
            if self._proof is refused:
                if not self._config.get("refresh-token"):
                    return False
                await self._refresh()
        return True

    @property
    def describes(self) -> str:
        return f'the ID token of user "{self._user}"'

    def _valid(self) -> Proof | None:
        if self._expires is None or self._runtime.now() + _LEEWAY < self._expires:
            return self._proof
        return None

    def _take(self, token: str) -> Proof:
        self._proof = Proof({"authorization": f"Bearer {token}"})
        self._expires = _expiry_of(token)
        return self._proof

    async def _refresh(self) -> Proof:
        config = self._config
        refresh_token = config.get("refresh-token")
        if not refresh_token:
            raise self._failure(
                "the ID token is missing or expired and there is no refresh-token; log in again"
            )
        issuer = config["idp-issuer-url"].rstrip("/")
        provider = await self._ask(f"{issuer}/.well-known/openid-configuration", None, None)
        endpoint = provider.get("token_endpoint")
        if not endpoint:
            raise self._failure(f"{issuer} names no token_endpoint")
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        login: tuple[str, str] | None = None
        secret = config.get("client-secret")
        methods: list[str] = provider.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if secret and "client_secret_basic" in methods:
            # The specification wants both form-encoded before they become a user and a password.
            login = (quote(config["client-id"], safe=""), quote(secret, safe=""))
        else:
            form["client_id"] = config["client-id"]
            if secret:
                form["client_secret"] = secret
        answer = await self._ask(str(endpoint), form, login)
        token = answer.get("id_token")
        if not token:
            raise self._failure(f"{endpoint} answered without an id_token")
        changed = {"id-token": str(token), "refresh-token": str(answer.get("refresh_token") or refresh_token)}
        self._config.update(changed)
        if self._persist is not None:
            self._persist(changed)
        return self._take(str(token))

    async def _ask(
        self, url: str, form: Mapping[str, str] | None, login: tuple[str, str] | None
    ) -> dict[str, Any]:
        status, body = await self._fetch(url, form, login)
        try:
            document: Any = json.loads(body)
        except ValueError:
            document = None
        if status != 200 or not isinstance(document, dict):
            said = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
            detail = (
                said.get("error_description") or said.get("error") or body[:200].decode("utf-8", "replace")
            )
            raise self._failure(f"{url} answered {status}: {detail}; when it was revoked, log in again")
        return cast("dict[str, Any]", document)

    def _failure(self, what: str) -> CredentialsError:
        return CredentialsError(f'user "{self._user}": the OpenID token cannot be renewed: {what}')


def _expiry_of(token: str) -> datetime | None:
    """When a JWT expires; None when it does not say (then only the server can tell)."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims: Any = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (ValueError, KeyError, TypeError):
        return None


def https_fetch(authority: bytes | None) -> Fetch:
    """Talks to an OpenID provider over HTTPS.

    `authority` is PEM to trust instead of the system's authorities. Certificates are verified always.
    """

    async def fetch(
        url: str, form: Mapping[str, str] | None, login: tuple[str, str] | None
    ) -> tuple[int, bytes]:
        import aiohttp

        from reconcile.client.credentials.tls import trusting_context

        if not url.startswith("https://"):
            raise CredentialsError(f"the OpenID provider must be asked over https, not at {url}")
        timeout = aiohttp.ClientTimeout(total=30)
        connector = aiohttp.TCPConnector(ssl=trusting_context(authority, "idp-certificate-authority"))
        try:
            async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
                auth = aiohttp.BasicAuth(*login) if login else None
                method = "GET" if form is None else "POST"
                async with session.request(method, url, data=form, auth=auth) as response:
                    return response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise CredentialsError(f"the OpenID provider at {url} cannot be reached: {error}") from error

    return fetch
