"""Credential plugins: run when needed, once for all, and never passed over when they fail."""

from __future__ import annotations

import asyncio
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconcile.client.credentials.exec_plugin import ExecCredentials, ExecOptions
from reconcile.errors import CredentialsError
from reconcile.runtime import SystemRuntime

V1 = "client.authentication.k8s.io/v1"
pytestmark = pytest.mark.real_time


class Clock(SystemRuntime):
    time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


def plugin(tmp_path: Path, script: str) -> str:
    path = tmp_path / "plugin"
    path.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def answer(api_version: str = V1, **status: Any) -> str:
    return json.dumps({"apiVersion": api_version, "kind": "ExecCredential", "status": status})


def runs(tmp_path: Path) -> int:
    return len((tmp_path / "runs").read_text().splitlines())


def credentials(command: str, clock: Clock | None = None, **options: Any) -> ExecCredentials:
    cluster = {"server": "https://c", "config": {"x": 1}}
    return ExecCredentials(
        ExecOptions(command, interactive_mode="Never", **options),
        runtime=clock or Clock(),
        cluster=cluster,
        user="u",
    )


async def test_a_token_is_asked_for_once_by_all_who_wait(tmp_path: Path) -> None:
    exec_ = credentials(plugin(tmp_path, f"sleep 0.1; echo '{answer(token='t')}'"))
    proofs = await asyncio.gather(*[exec_.proof() for _ in range(5)])
    assert {proof.headers["authorization"] for proof in proofs} == {"Bearer t"}
    assert runs(tmp_path) == 1


async def test_an_expired_token_is_replaced_shortly_before(tmp_path: Path) -> None:
    clock = Clock()
    end = (clock.time + timedelta(minutes=15)).isoformat().replace("+00:00", "Z")
    exec_ = credentials(plugin(tmp_path, f"echo '{answer(token='t', expirationTimestamp=end)}'"), clock)
    await exec_.proof()
    clock.time += timedelta(minutes=14)
    await exec_.proof()
    assert runs(tmp_path) == 1
    clock.time += timedelta(seconds=45)
    await exec_.proof()
    assert runs(tmp_path) == 2


async def test_a_refused_token_is_replaced_once_for_all(tmp_path: Path) -> None:
    exec_ = credentials(plugin(tmp_path, f"echo '{answer(token='t')}'"))
    refused = await exec_.proof()
    assert all(await asyncio.gather(exec_.renew(refused), exec_.renew(refused)))
    assert await exec_.proof() is not refused
    assert runs(tmp_path) == 2


async def test_a_client_certificate(tmp_path: Path) -> None:
    text = answer(clientCertificateData="C", clientKeyData="K")
    proof = await credentials(plugin(tmp_path, f"echo '{text}'")).proof()
    assert proof.certificate is not None and proof.certificate.key == b"K"
    assert proof.headers == {}


async def test_what_the_program_is_told(tmp_path: Path) -> None:
    script = f'echo "$KUBERNETES_EXEC_INFO" > {tmp_path}/info; echo "$1 $EXTRA" > {tmp_path}/said; '
    beta = "client.authentication.k8s.io/v1beta1"
    command = plugin(tmp_path, script + f"echo '{answer(beta, token='t')}'")
    options = {"provide_cluster_info": True, "api_version": beta}
    await credentials(command, args=("--now",), env=(("EXTRA", "e"),), **options).proof()
    assert json.loads((tmp_path / "info").read_text()) == {
        "apiVersion": beta,
        "kind": "ExecCredential",
        "spec": {"interactive": False, "cluster": {"server": "https://c", "config": {"x": 1}}},
    }
    assert (tmp_path / "said").read_text() == "--now e\n"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo broken >&2; exit 3", "ended with status 3: broken"),
        ("echo no json", "no JSON"),
        (f"echo '{answer()}'", "neither a token nor a client certificate"),
        (f"echo '{answer(clientCertificateData='C')}'", "neither"),
        (f"echo '{answer(token='t', clientKeyData='K')}'", "without its certificate"),
        (f"echo '{answer('client.authentication.k8s.io/v1beta1', token='t')}'", "expects an ExecCredential"),
        (f"echo '{answer(token='t', expirationTimestamp='soon')}'", "no time"),
        ("sleep 5", "within 0.2 s"),
    ],
)
async def test_a_failure_is_an_error_with_the_programs_words(
    tmp_path: Path, script: str, message: str
) -> None:
    exec_ = credentials(plugin(tmp_path, script), timeout=0.2 if "sleep" in script else 30.0)
    with pytest.raises(CredentialsError, match=message):
        await exec_.proof()


async def test_a_program_that_is_not_there_says_how_to_get_it() -> None:
    exec_ = credentials("no-such-plugin", install_hint="brew install it")
    with pytest.raises(CredentialsError, match=r"is not installed(.|\n)*brew install it"):
        await exec_.proof()
