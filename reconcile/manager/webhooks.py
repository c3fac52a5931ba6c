"""The webhook server of a manager: HTTPS around `reconcile.webhooks`, which does the thinking.

    certificate ──▶ listening ──▶ authority told ──▶ … looked at again every interval … ──▶ drained

Runs on every replica: an API server calls any of them. A certificate that cannot be had at first does not
keep the rest from starting; the readiness check `webhooks` fails until it listens.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, Protocol

from reconcile.controllers.leadership import unled
from reconcile.controllers.logs import Logger
from reconcile.errors import APIError, ConfigurationError, ReconcileError, TransportError
from reconcile.manager.addresses import Address, parse_address
from reconcile.manager.http import HTTPServer
from reconcile.webhooks.certificates import Pair, load_pair, new_server_context
from reconcile.webhooks.endpoints import ADMISSION_BODY_LIMIT, Endpoints, failed
from reconcile.webhooks.options import CertificateFolder, WebhookServerOptions

if TYPE_CHECKING:
    from aiohttp import web

    from reconcile.client.client import Client
    from reconcile.runtime import Runtime

_FIRST_PAUSE = 1.0


class CertificateSource(Protocol):
    """Where the pair comes from.

    Attributes:
        check_interval: seconds between looks.
    """

    check_interval: float

    async def renew(self) -> Pair:
        """The pair to show now."""
        ...

    async def announce(self) -> None:
        """Tell API servers what to trust."""
        ...


class WebhookServer:
    """Serves a manager's hooks over TLS.

    Args:
        options: address and certificates.
        endpoints: the hooks.
        log: for what happens to the certificate.

    Attributes:
        certificate_reads: how often the certificate was looked at.
        certificate_errors: how often it could not be had or used.
    """

    def __init__(
        self,
        options: WebhookServerOptions,
        endpoints: Endpoints,
        log: Logger,
    ) -> None:
        address = parse_address(options.address, flag="webhook_address")
        if address is None:
            raise ConfigurationError("webhook_address: give an address, or no webhooks=")
        self._wanted: Address = address
        self._options = options
        self._endpoints = endpoints
        self._log = log
        self._context: ssl.SSLContext | None = None
        self._shown: Pair | None = None
        self._server: HTTPServer | None = None
        self._task: asyncio.Task[None] | None = None
        self.certificate_reads = 0
        self.certificate_errors = 0

    @property
    def address(self) -> str:
        """Where it really listens; empty when it does not."""
        return "" if self._server is None else str(self._server.address)

    def check(self) -> None:
        """A readiness check."""
        if self._server is None:
            raise RuntimeError("the webhook server does not listen yet: it has no certificate")

    async def start(self, client: Client, runtime: Runtime) -> None:
        """Listen, where there is a certificate; otherwise as soon as there is one.

        Raises `ConfigurationError` when the address cannot be had, or files that should be there are not.
        """
        source = self._source(client, runtime)
        with unled():
            await self._look(source, first=True)
            self._task = asyncio.create_task(self._keep_looking(source), name="webhook-certificate")

    async def stop(self) -> None:
        """Take no more connections, answer what was asked, and close."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        server, self._server = self._server, None
        if server is not None:
            await server.stop()
        self._context = self._shown = None

    def _source(self, client: Client, runtime: Runtime) -> CertificateSource:
        certificates = self._options.certificates
        if isinstance(certificates, CertificateFolder):
            from reconcile.webhooks.folder import FolderSource

            return FolderSource(certificates, self._log)
        from reconcile.webhooks.shared import SharedSource

        return SharedSource(
            client,
            runtime,
            certificates,
            lambda: self._endpoints.trusting(certificates.configuration_name),
            self._log,
        )

    async def _keep_looking(self, source: CertificateSource) -> None:
        pause = _FIRST_PAUSE
        while True:
            listens = self._server is not None
            await asyncio.sleep(source.check_interval if listens else min(pause, source.check_interval))
            pause *= 2
            try:
                await self._look(source, first=False)
            except ConfigurationError as error:
                self._log.error("the webhook server cannot listen", reason=str(error))

    async def _look(self, source: CertificateSource, *, first: bool) -> None:
        self.certificate_reads += 1
        try:
            pair = await source.renew()
            self._show(pair)
        except (APIError, TransportError) as error:
            self.certificate_errors += 1
            self._log.error("no webhook certificate can be had", reason=str(error))
            return
        except ReconcileError as error:
            # Files may be halfway written; those that are not there at the start will not come.
            if first:
                raise
            self.certificate_errors += 1
            self._log.error("no webhook certificate can be had", reason=str(error))
            return
        if self._server is None:
            await self._listen()
        await source.announce()

    def _show(self, pair: Pair) -> None:
        if pair == self._shown:
            return
        # Tried first: a context whose loading failed half-way would show nothing at all.
        load_pair(new_server_context(), pair)
        if self._context is None:
            self._context = new_server_context()
        load_pair(self._context, pair)
        if self._shown is not None:
            self._log.info("the webhook server shows another certificate")
        self._shown = pair

    async def _listen(self) -> None:
        server = HTTPServer(
            ["webhook"],
            self._wanted,
            {},
            post=self._answer,
            ssl_context=self._context,
            shutdown_timeout=self._options.drain_timeout,
        )
        await server.start()
        self._server = server
        self._log.info(
            "serving", what="webhooks", address=str(server.address), paths=list(self._endpoints.paths)
        )

    async def _answer(self, request: Any) -> web.Response:
        from aiohttp import web

        path: str = request.path
        endpoint = self._endpoints.at(path)
        limit = ADMISSION_BODY_LIMIT if endpoint is None else endpoint.body_limit
        body = await _read(request, limit)
        if body is None:
            answer = failed(413, f"the review is larger than {limit} bytes")
            self._endpoints.refuse(path, answer)
        else:
            content_type = request.headers.get("Content-Type", "")
            timeout = request.query.get("timeout", "")
            answer = await self._endpoints.post(path, body, content_type=content_type, timeout=timeout)
        return web.Response(
            status=answer.status, body=answer.body, headers={"Content-Type": "application/json"}
        )


async def _read(request: Any, limit: int) -> bytes | None:
    """The body; None when it is longer than it may be."""
    if (request.content_length or 0) > limit:
        return None
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)
