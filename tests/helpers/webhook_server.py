"""An HTTPS server whose webhooks a test writes, for servers in this process and in others."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from pathlib import Path
from typing import Any, Self

from aiohttp import web

Review = dict[str, Any]
Answer = Review | tuple[int, str, bytes]
"""A review, or status code, content type and body."""
Behaviour = Callable[[Review], Answer | Awaitable[Answer]]


def authority(folder: Path, *names: str) -> tuple[bytes, Path, Path]:
    """A certificate of its own for the names and 127.0.0.1: it as PEM, and the files of it and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks")])
    now = datetime.datetime.now(datetime.UTC)
    alternatives: list[x509.GeneralName] = [x509.DNSName(each) for each in ("localhost", *names)]
    alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    certificate_file, key_file = folder / "hooks.crt", folder / "hooks.key"
    certificate_file.write_bytes(pem)
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pem, certificate_file, key_file


class WebhookServer:
    """Serves what `behaviours` has for each path; an async context manager.

    Attributes:
        behaviours: what a path answers.
        asked: path, query and review of each call so far.
        ca_bundle: base64, for `clientConfig`.
    """

    def __init__(self, folder: Path, *names: str) -> None:
        self.behaviours: dict[str, Behaviour] = {}
        self.asked: list[tuple[str, str, Review]] = []
        pem, certificate, key = authority(folder, *names)
        self.ca_bundle = base64.b64encode(pem).decode()
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate, key)
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_post("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=30, keepalive_timeout=3600)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._context)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        review = json.loads(await request.read())
        self.asked.append((request.path, request.query_string, review))
        behaviour = self.behaviours.get(request.path)
        if behaviour is None:
            return web.Response(status=404, text="no such webhook")
        found = behaviour(review)
        answer = await found if isawaitable(found) else found
        if isinstance(answer, dict):
            return web.json_response(answer)
        status, content_type, body = answer
        headers = {"Content-Type": content_type} if content_type else {}
        return web.Response(status=status, headers=headers, body=body)

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.port}{path}"


def response(review: Review, **fields: Any) -> Review:
    """A response to a review, in its version."""
    made = {"uid": review["request"]["uid"], **fields}
    return {"kind": "AdmissionReview", "apiVersion": review["apiVersion"], "response": made}


def allow(**more: Any) -> Behaviour:
    return lambda review: response(review, allowed=True, **more)


def deny(**status: Any) -> Behaviour:
    return lambda review: response(review, allowed=False, **({"status": status} if status else {}))


def patch(*operations: Any, **more: Any) -> Behaviour:
    encoded = base64.b64encode(json.dumps(operations).encode()).decode()
    return allow(patch=encoded, patchType="JSONPatch", **more)
