"""The server on a socket: HTTP/1.1, TLS when asked, who asks by token or certificate.

    socket ──▶ read the request (bounded) ──▶ who asks ──▶ Handler ──▶ body or frames ──▶ socket

Requests are read and answered by `http_connection`, upgrades of the connection by aiohttp.

Back-pressure is the socket's: a watch is read only as fast as its client takes it, and loses its place in
the history when it is too slow.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconcile.apiserver import status
from reconcile.apiserver.access.user import CREDENTIAL_ID, authenticated
from reconcile.apiserver.flows import Flows
from reconcile.apiserver.handlers.bodies import MAX_BODY
from reconcile.apiserver.handlers.handler import Handler
from reconcile.apiserver.handlers.messages import Request, Response, error_response
from reconcile.apiserver.handlers.options import parse_query
from reconcile.apiserver.http_connection import Connection, PlainRequest, compressed
from reconcile.apiserver.interfaces import ADMIN, User
from reconcile.apiserver.watch import Watch
from reconcile.errors import ConfigurationError
from reconcile.runtime import SystemRuntime

if TYPE_CHECKING:
    from aiohttp import web

    from reconcile.apiserver.certificates import ServingCertificates
    from reconcile.apiserver.kubelet.sessions import Session

_LISTS = frozenset(("connection", "x-stream-protocol-version", "sec-websocket-protocol"))
# Seconds that answers under way have when the server stops.
_LAST_SECONDS = 1.0
# The attribute in which a certificate may carry its user's uid.
_UID = "1.3.6.1.4.1.57683.2"


@dataclass(frozen=True, slots=True)
class HTTPOptions:
    """How the server is reached.

    Attributes:
        tls: HTTPS, with an authority and certificates made for this server; client certificates of that
            authority say who asks.
        tokens: bearer tokens and the users they stand for, beside those of `AccessOptions`.
        anonymous: the user of requests without token and certificate; None: they get 401. A server with
            access control (`ServerOptions.access`) knows better, and does not ask this.
        head_timeout: seconds in which a new connection must have sent a request's head; then it is cut off.
            Default 32, as kube-apiserver's.
        idle_timeout: seconds in which an open connection must send the next one. Default 90, as
            kube-apiserver's.
        certificates: with `tls`, these instead of ones made for this server. What is not needed to serve,
            keys for further clients above all, may be empty.
    """

    tls: bool = False
    tokens: Mapping[str, User] = field(default_factory=dict[str, User])
    anonymous: User | None = ADMIN
    head_timeout: float = 32.0
    idle_timeout: float = 90.0
    certificates: ServingCertificates | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is reached.

    Attributes:
        host: host name or address.
        port: the port.
        certificate_authority: PEM of the authority to trust; empty without TLS.
        client_certificate: PEM of an administrator's certificate; empty without TLS.
        client_key: PEM of its private key; empty without TLS.
        token: a bearer token of the server, when it has any.
        authority_key: PEM of the authority's private key, for certificates of other users; empty without TLS.
    """

    host: str
    port: int
    certificate_authority: bytes = b""
    client_certificate: bytes = b""
    client_key: bytes = field(default=b"", repr=False)
    token: str = field(default="", repr=False)
    authority_key: bytes = field(default=b"", repr=False)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate_authority else 'http'}://{host}:{self.port}"

    def kubeconfig(
        self, *, name: str = "reconcile", namespace: str = "default", user: User | None = None
    ) -> dict[str, Any]:
        """A kubeconfig with one context, as JSON values: the administrator's, or that of another user.

        Another user gets a certificate, which takes TLS. Raises ConfigurationError without it.
        """
        cluster: dict[str, Any] = {"server": self.url}
        credentials: dict[str, Any] = {}
        if self.certificate_authority:
            cluster["certificate-authority-data"] = base64.b64encode(self.certificate_authority).decode()
        certificate, key = self.client_certificate, self.client_key
        if user is not None:
            if not self.authority_key:
                raise ConfigurationError(
                    "a kubeconfig for a user takes TLS: serve with options=HTTPOptions(tls=True)"
                )
            from reconcile.apiserver.certificates import issue_client

            certificate, key = issue_client(self.certificate_authority, self.authority_key, user)
        if certificate:
            credentials["client-certificate-data"] = base64.b64encode(certificate).decode()
            credentials["client-key-data"] = base64.b64encode(key).decode()
        if self.token and user is None:
            credentials["token"] = self.token
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": credentials}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
            "current-context": name,
        }

    def write_kubeconfig(
        self, path: str | Path, *, name: str = "reconcile", user: User | None = None
    ) -> Path:
        """Write the kubeconfig, readable by its owner only; whole or not at all. `user` as for `kubeconfig`.

        Raises ConfigurationError when the file cannot be written.
        """
        import yaml

        target = Path(path)
        temporary = target.with_name(f".{target.name}.tmp")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                yaml.safe_dump(self.kubeconfig(name=name, user=user), file, sort_keys=False)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise ConfigurationError(f"cannot write the kubeconfig {target}: {error.strerror}") from error
        return target


class HTTPFrontEnd:
    """Serves one handler on one port."""

    def __init__(self, handler: Handler, options: HTTPOptions) -> None:
        self._handler = handler
        self._options = options
        self._runtime = SystemRuntime()
        self._flows = Flows(handler.storage)
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._others: web.Server | None = None
        self._certificates: ServingCertificates | None = None

    async def start(self, host: str, port: int) -> Address:
        """Listen. Raises ConfigurationError when the address cannot be had."""
        context = None
        if self._options.tls:
            from reconcile.apiserver.certificates import make_certificates

            self._certificates = self._options.certificates or make_certificates(host)
            context = self._certificates.server_context()
        runtime = self._runtime
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: Connection(
                    self._answer,
                    self._handler.reads,
                    self._other,
                    self._connections,
                    runtime,
                    head_timeout=self._options.head_timeout,
                    idle_timeout=self._options.idle_timeout,
                ),
                host,
                port,
                ssl=context,
                reuse_address=True,
                backlog=128,
            )
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {host} port {port}: {_reason(error)}; "
                "choose another --port, or 0 for any free one"
            ) from error
        bound: int = self._server.sockets[0].getsockname()[1]
        shown = "127.0.0.1" if host in ("", "0.0.0.0") else "::1" if host == "::" else host
        address = Address(shown, bound, token=next(iter(self._options.tokens), ""))
        if self._certificates is None:
            return address
        made = self._certificates
        return Address(
            shown,
            bound,
            made.authority,
            made.client_certificate,
            made.client_key,
            address.token,
            made.authority_key,
        )

    async def stop(self) -> None:
        """Stop listening, cut what is open."""
        if self._server is None:
            return
        self._server.close()
        self._handler.reader.close_watches()
        answering = [each.task for each in self._connections if each.task is not None]
        if answering:
            await asyncio.wait(answering, timeout=_LAST_SECONDS)
        for connection in tuple(self._connections):
            connection.close()
        if self._others is not None:
            self._others.pre_shutdown()
            await self._others.shutdown(_LAST_SECONDS)
        self._server = None

    def _other(self) -> asyncio.Protocol:
        """aiohttp's protocol, for what is not plain."""
        from reconcile.apiserver.listening import PatientServer

        if self._others is None:
            self._others = PatientServer(
                self._answer_other,
                head_timeout=self._options.head_timeout,
                idle_timeout=self._options.idle_timeout,
            )
        return self._others()

    async def _answer(self, request: PlainRequest) -> Response:
        return await self._handle(
            request.method,
            request.target,
            request.fields,
            request.pairs or request.fields.items(),
            request.transport,
            request.body,
            request.broken,
        )

    async def _answer_other(self, request: web.BaseRequest) -> web.StreamResponse:
        body = b""
        if request.can_read_body:
            chunks: list[bytes] = []
            size = 0
            async for chunk in request.content.iter_any():
                chunks.append(chunk)
                size += len(chunk)
                if size > MAX_BODY:
                    # The handler says so; the rest is not read.
                    break
            body = b"".join(chunks)
        response = await self._handle(
            request.method,
            request.raw_path,
            _fields(request),
            request.headers.items(),
            request.transport,
            body,
        )
        return await self._send(request, response)

    async def _handle(
        self,
        method: str,
        target: str,
        fields: Mapping[str, str],
        pairs: Iterable[tuple[str, str]],
        transport: asyncio.BaseTransport | None,
        body: bytes,
        broken: str = "",
    ) -> Response:
        """The answer to a request. `pairs`: its header fields one by one."""
        path, _, query = target.partition("?")
        user: User | None
        certified: User | None = None
        impersonation: tuple[tuple[str, str], ...] = ()
        authorization = fields.get("authorization", "")
        if self._handler.guarded:
            user = self._known_token(authorization)
            certified = self._certified(transport, credential=True)
            impersonation = tuple(
                (name.lower(), value) for name, value in pairs if name[:12].lower() == "impersonate-"
            )
        else:
            user = self._user(authorization, transport)
        message = Request(
            method,
            path,
            parse_query(query) if query else (),
            fields,
            body,
            user,
            certified,
            impersonation,
            query,
            _remote(transport),
            broken,
        )
        if user is None and not self._handler.guarded:
            response = error_response(status.unauthorized())
        else:
            response = await self._handler.handle(message)
        if response.user is not None:
            response.headers |= self._flows.headers(message, response.user)
        response.headers["audit-id"] = fields.get("audit-id") or self._runtime.uuid()
        return response

    def _user(self, authorization: str, transport: asyncio.BaseTransport | None) -> User | None:
        if authorization[:7].lower() == "bearer " and self._options.tokens:
            return self._options.tokens.get(authorization[7:].strip())
        return self._certified(transport) or self._options.anonymous

    def _known_token(self, authorization: str) -> User | None:
        if not self._options.tokens:
            return None
        found = self._options.tokens.get(authorization[7:].strip())
        return None if found is None else authenticated(found)

    def _certified(self, transport: asyncio.BaseTransport | None, *, credential: bool = False) -> User | None:
        """Whom the client's certificate names. `credential`: with which certificate it was."""
        if not self._options.tls or transport is None:
            return None
        certificate: dict[str, Any] | None = transport.get_extra_info("peercert")
        if not certificate:
            return None
        user = _certified(certificate)
        if not credential or not user.name:
            return user if user.name else None
        encoded: bytes = transport.get_extra_info("ssl_object").getpeercert(True)
        fingerprint = f"X509SHA256={hashlib.sha256(encoded).hexdigest()}"
        return User(user.name, user.groups, user.uid, {CREDENTIAL_ID: (fingerprint,)})

    async def _send(self, request: web.BaseRequest, response: Response) -> web.StreamResponse:
        from aiohttp import web

        if response.session is not None:
            return await self._upgrade(request, response.session)
        if response.takeover is not None:
            from reconcile.apiserver.takeover import take_over

            return await take_over(request, response.takeover)
        if response.stream is not None:
            if request.headers.get("upgrade", "").lower() == "websocket" and isinstance(
                response.stream, Watch
            ):
                from reconcile.apiserver.watch_sockets import watch_socket

                return await watch_socket(request, response)
            return await self._stream(request, response)
        made = web.Response(status=response.status, headers=response.headers)
        body, more = compressed(response, request.headers.get("accept-encoding", ""))
        made.headers.update(more)
        made.body = body
        for warning in response.warnings:
            made.headers.add("warning", warning)
        for name, value in response.repeated:
            made.headers.add(name, value)
        if len(body) > MAX_BODY:
            await request.release()
        return made

    async def _upgrade(self, request: web.BaseRequest, session: Session) -> web.StreamResponse:
        from aiohttp import WSMsgType, web

        upgraded = web.WebSocketResponse(
            protocols=(session.protocol,), max_msg_size=MAX_BODY, compress=False, timeout=1.0
        )
        await upgraded.prepare(request)

        class OneSocket:
            async def send(self, message: bytes) -> None:
                await upgraded.send_bytes(message)

            async def receive(self) -> bytes | None:
                while True:
                    message = await upgraded.receive()
                    if message.type is WSMsgType.BINARY:
                        return message.data
                    if message.type is WSMsgType.TEXT:
                        return message.data.encode()
                    if message.type is not WSMsgType.PONG:
                        return None

        # The client left, and there is nobody to tell.
        with contextlib.suppress(ConnectionError, OSError):
            await session.run(OneSocket())
            await upgraded.close()
        return upgraded

    async def _stream(self, request: web.BaseRequest, response: Response) -> web.StreamResponse:
        from aiohttp import web

        stream = response.stream
        assert stream is not None
        made = web.StreamResponse(status=response.status, headers=response.headers)
        for warning in response.warnings:
            made.headers.add("warning", warning)
        for name, value in response.repeated:
            made.headers.add(name, value)
        if response.length is None:
            made.enable_chunked_encoding()
        else:
            made.content_length = response.length
        try:
            await made.prepare(request)
            async for frame in stream:
                await made.write(frame)
            await made.write_eof()
        except (ConnectionError, OSError):
            # The client left; there is nobody to tell.
            pass
        finally:
            stream.close()
        return made


def _fields(request: web.BaseRequest) -> dict[str, str]:
    """The header fields; those that list protocols may come one protocol a field."""
    fields = {name.lower(): value for name, value in request.headers.items()}
    for name in fields.keys() & _LISTS:
        fields[name] = ", ".join(request.headers.getall(name))
    return fields


def _remote(transport: asyncio.BaseTransport | None) -> str:
    """The client's address."""
    peer: tuple[Any, ...] | None = None if transport is None else transport.get_extra_info("peername")
    return str(peer[0]) if peer else ""


def _reason(error: OSError) -> str:
    import errno

    if error.errno == errno.EADDRINUSE:
        return "the port is in use"
    return (error.strerror or str(error)).lower()


def _certified(certificate: dict[str, Any]) -> User:
    """Common name and organizations of a client certificate are user and groups."""
    name = uid = ""
    groups: list[str] = []
    for part in certificate.get("subject", ()):
        for key, value in part:
            if key == "commonName":
                name = value
            elif key == "organizationName":
                groups.append(value)
            elif key == _UID:
                uid = value
    return User(name, (*groups, "system:authenticated"), uid)
