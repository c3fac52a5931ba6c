"""Credentials from a program, as kubeconfig's `exec` asks for them (client.authentication.k8s.io).

proof() ── fresh? ──▶ the last answer
    │ none, expired or refused
    └──▶ one run of the program for all who wait ──▶ token or certificate, with its expiry
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from reconcile.client.credentials.base import ClientCertificate, Credentials, Proof
from reconcile.client.credentials.static import CertificateSource
from reconcile.errors import ConfigurationError, CredentialsError
from reconcile.runtime import Runtime

_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
# A credential is replaced this long before it expires, unless the program gives nothing fresher.
_LEEWAY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class ExecOptions:
    """The `exec` section of a kubeconfig user.

    Attributes:
        command: program, by path or by name on the PATH.
        args: its arguments.
        env: environment variables set in addition to the process's own.
        api_version: of the ExecCredential spoken: v1 or v1beta1 of client.authentication.k8s.io.
        provide_cluster_info: whether the program is told about the cluster.
        interactive_mode: `Never`, `IfAvailable` or `Always`: whether it gets the terminal.
        install_hint: shown when the program is not there.
        timeout: seconds that a run without a terminal may take.
    """

    command: str
    args: Sequence[str] = ()
    env: Sequence[tuple[str, str]] = ()
    api_version: str = _VERSIONS[0]
    provide_cluster_info: bool = False
    interactive_mode: Literal["Never", "IfAvailable", "Always"] = "IfAvailable"
    install_hint: str = ""
    timeout: float = 60.0

    def __post_init__(self) -> None:
        if not self.command:
            raise ConfigurationError("exec: the field command is missing")
        if self.api_version not in _VERSIONS:
            raise ConfigurationError(
                f"exec: apiVersion {self.api_version!r} is not supported; "
                f"expected one of {', '.join(_VERSIONS)}"
            )
        if self.interactive_mode not in ("Never", "IfAvailable", "Always"):
            raise ConfigurationError(f"exec: interactiveMode {self.interactive_mode!r} is not known")


class ExecCredentials(Credentials):
    """Runs a credential plugin when needed, once for all who wait.

    Args:
        options: what to run.
        cluster: the cluster as the program is told about it, with `provideClusterInfo`.
        runtime: the wall clock, for expiry.
        user: the name of the user in the configuration, for error texts.
        certificate: presented besides a token that the program gives.
    """

    def __init__(
        self,
        options: ExecOptions,
        *,
        runtime: Runtime,
        cluster: Mapping[str, Any] | None = None,
        user: str = "",
        certificate: CertificateSource | None = None,
    ) -> None:
        self._options = options
        self._cluster = cluster
        self._runtime = runtime
        self._user = user
        self._certificate = certificate
        self._proof: Proof | None = None
        self._fresh_until: datetime | None = None
        self._running = asyncio.Lock()

    async def proof(self) -> Proof:
        if (proof := self._fresh()) is not None:
            return proof
        async with self._running:
            # Somebody else's run, which this one waited for, may have brought it.
            return self._fresh() or await self._run()

    async def renew(self, refused: Proof) -> bool:
        async with self._running:
            if self._proof is refused:
                await self._run()
        return True

    @property
    def describes(self) -> str:
        return f'what the plugin {self._options.command} gave for user "{self._user}"'

    def _fresh(self) -> Proof | None:
        if self._fresh_until is not None and self._runtime.now() >= self._fresh_until:
            return None
        return self._proof

    async def _run(self) -> Proof:
        output = await self._output()
        proof, expires = self._parse(output)
        if proof.certificate is None and self._certificate is not None:
            proof = Proof(proof.headers, self._certificate.read())
        now = self._runtime.now()
        if expires is not None and expires - now > 2 * _LEEWAY:
            expires -= _LEEWAY
        self._proof, self._fresh_until = proof, expires
        return proof

    async def _output(self) -> bytes:
        options = self._options
        interactive = self._interactive()
        program = shutil.which(options.command)
        if program is None:
            hint = f"\n{options.install_hint}" if options.install_hint else ""
            raise self._failure(f"is not installed (looked for on the PATH){hint}")
        spec: dict[str, Any] = {"interactive": interactive}
        if options.provide_cluster_info and self._cluster is not None:
            spec["cluster"] = dict(self._cluster)
        info = {"apiVersion": options.api_version, "kind": "ExecCredential", "spec": spec}
        environment = {**os.environ, **dict(options.env), "KUBERNETES_EXEC_INFO": json.dumps(info)}
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                *options.args,
                env=environment,
                stdin=None if interactive else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=None if interactive else asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise self._failure(f"cannot be run: {error.strerror or error}") from error
        try:
            async with asyncio.timeout(None if interactive else options.timeout):
                output, complaint = await process.communicate()
        except TimeoutError as error:
            raise self._failure(f"gave no credentials within {options.timeout:g} s") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            said = (complaint or b"").decode("utf-8", "replace").strip()
            hint = f"\n{options.install_hint}" if options.install_hint and process.returncode == 127 else ""
            raise self._failure(f"ended with status {process.returncode}: {said[-1000:]}{hint}")
        return output

    def _interactive(self) -> bool:
        mode = self._options.interactive_mode
        if mode == "Never":
            return False
        available = sys.stdin is not None and sys.stdin.isatty()
        if mode == "Always" and not available:
            raise self._failure("needs a terminal (interactiveMode: Always), and there is none")
        return available

    def _parse(self, output: bytes) -> tuple[Proof, datetime | None]:
        try:
            document: Any = json.loads(output)
        except ValueError as error:
            raise self._failure("printed no ExecCredential (no JSON)") from error
        if not isinstance(document, dict):
            raise self._failure("printed no ExecCredential")
        answer = cast("dict[str, Any]", document)
        if answer.get("kind") != "ExecCredential" or answer.get("apiVersion") != self._options.api_version:
            raise self._failure(
                f"printed a {answer.get('kind')} of {answer.get('apiVersion')}; the configuration expects "
                f"an ExecCredential of {self._options.api_version}"
            )
        status: dict[str, Any] = answer.get("status") or {}
        token = status.get("token") or ""
        certificate = status.get("clientCertificateData") or ""
        key = status.get("clientKeyData") or ""
        if not token and not (certificate and key):
            raise self._failure("gave neither a token nor a client certificate with its key")
        if bool(certificate) != bool(key):
            raise self._failure("gave a client certificate without its key, or a key without its certificate")
        expires = status.get("expirationTimestamp")
        try:
            until = datetime.fromisoformat(expires) if expires else None
        except ValueError as error:
            raise self._failure(f"gave an expirationTimestamp that is no time: {expires!r}") from error
        return (
            Proof(
                {"authorization": f"Bearer {token}"} if token else {},
                ClientCertificate(certificate.encode(), key.encode()) if certificate else None,
            ),
            until,
        )

    def _failure(self, what: str) -> CredentialsError:
        of_user = f' of user "{self._user}"' if self._user else ""
        return CredentialsError(f"the credential plugin {self._options.command}{of_user} {what}")
