"""OpenID tokens are renewed in time, safely, and kept."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcile.client.credentials.kubeconfig_file import load, persist_auth_provider
from reconcile.client.credentials.oidc import OIDCCredentials, https_fetch
from reconcile.errors import CredentialsError
from reconcile.runtime import SimulatedRuntime

START = datetime(2026, 1, 1, tzinfo=UTC)


def jwt(expires: datetime, name: str = "t") -> str:
    claims = json.dumps({"exp": expires.timestamp(), "n": name}).encode()
    return f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.sig"


class Provider:
    def __init__(self, *answers: Any, methods: list[str] | None = None) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, Any, Any]] = []
        self.methods = methods

    async def __call__(
        self, url: str, form: Mapping[str, str] | None, login: tuple[str, str] | None
    ) -> tuple[int, bytes]:
        self.calls.append((url, form, login))
        if form is None:
            document = {"token_endpoint": "https://idp/token"}
            if self.methods:
                document["token_endpoint_auth_methods_supported"] = self.methods  # type: ignore[assignment]
            return 200, json.dumps(document).encode()
        status, answer = self.answers.pop(0)
        return status, json.dumps(answer).encode()


def credentials(provider: Provider, kept: list[Any] | None = None, **config: str) -> OIDCCredentials:
    settings = {"idp-issuer-url": "https://idp/", "client-id": "me", **config}
    persist = kept.append if kept is not None else None
    return OIDCCredentials(
        settings, fetch=provider, persist=persist, runtime=SimulatedRuntime(start=START), user="u"
    )


async def test_a_valid_token_needs_no_conversation() -> None:
    token = jwt(START + timedelta(hours=1))
    oidc = credentials(Provider(), **{"id-token": token})
    assert (await oidc.proof()).headers["authorization"] == f"Bearer {token}"


async def test_an_expired_one_is_renewed_and_the_new_pair_kept() -> None:
    new = jwt(START + timedelta(hours=2))
    provider = Provider((200, {"id_token": new, "refresh_token": "r2"}))
    kept: list[Any] = []
    settings = {"id-token": jwt(START), "refresh-token": "r1", "client-secret": "s+ecret"}
    oidc = credentials(provider, kept, **settings)
    assert (await oidc.proof()).headers["authorization"] == f"Bearer {new}"
    assert kept == [{"id-token": new, "refresh-token": "r2"}]
    assert provider.calls == [
        ("https://idp/.well-known/openid-configuration", None, None),
        ("https://idp/token", {"grant_type": "refresh_token", "refresh_token": "r1"}, ("me", "s%2Becret")),
    ]


@pytest.mark.parametrize(
    ("secret", "methods", "form"),
    [
        ("", None, {"client_id": "me"}),
        ("s", ["client_secret_post"], {"client_id": "me", "client_secret": "s"}),
    ],
)
async def test_public_clients_and_secrets_in_the_form(secret: str, methods: Any, form: Any) -> None:
    provider = Provider((200, {"id_token": "opaque"}), methods=methods)
    oidc = credentials(provider, **{"refresh-token": "r1", "client-secret": secret})
    assert (await oidc.proof()).headers["authorization"] == "Bearer opaque"
    assert provider.calls[1][1:] == ({"grant_type": "refresh_token", "refresh_token": "r1", **form}, None)


async def test_a_refused_token_is_renewed_once() -> None:
    provider = Provider((200, {"id_token": "new"}))
    oidc = credentials(provider, **{"id-token": "old", "refresh-token": "r"})
    refused = await oidc.proof()
    assert await oidc.renew(refused) and await oidc.renew(refused)
    assert (await oidc.proof()).headers["authorization"] == "Bearer new"
    assert len(provider.calls) == 2


async def test_without_a_refresh_token_the_error_says_to_log_in() -> None:
    oidc = credentials(Provider(), **{"id-token": jwt(START)})
    with pytest.raises(CredentialsError, match="log in again"):
        await oidc.proof()
    oidc = credentials(Provider((400, {"error": "invalid_grant"})), **{"refresh-token": "r"})
    with pytest.raises(CredentialsError, match="400: invalid_grant"):
        await oidc.proof()


async def test_secrets_are_never_sent_without_tls() -> None:
    with pytest.raises(CredentialsError, match="over https"):
        await https_fetch(None)("http://idp/token", {}, None)


def test_renewed_tokens_are_kept_in_the_file_they_came_from(tmp_path: Path) -> None:
    real = tmp_path / "real"
    config = {"name": "oidc", "config": {"client-id": "me", "id-token": "old"}}
    document = {
        "preferences": {},
        "users": [{"name": "v", "user": {}}, {"name": "u", "user": {"auth-provider": config}}],
    }
    real.write_text(yaml.safe_dump(document))
    real.chmod(0o600)
    link = tmp_path / "config"
    link.symlink_to(real)
    user = load([link], required=True).users["u"]
    persist_auth_provider(user, {"id-token": "new", "refresh-token": "r2"})
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    config["config"] = {"client-id": "me", "id-token": "new", "refresh-token": "r2"}
    assert yaml.safe_load(real.read_text()) == document
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config", "real"]
