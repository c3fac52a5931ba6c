"""The edge to the official `kubernetes` package: its configurations and its models.

Nothing else of the library imports that package. Its models drop fields that they do not know and
re-format times: convert at the edge, and write with objects of this library.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from reconcile.client.credentials.base import Credentials, Proof
from reconcile.client.credentials.connection import Connection
from reconcile.client.credentials.files import RotatingFile
from reconcile.client.credentials.static import CertificateSource
from reconcile.errors import ConfigurationError
from reconcile.objects.codecs import codec_for, codec_of

T = TypeVar("T")
M = TypeVar("M")

_TOKEN, _OLD_TOKEN = "BearerToken", "authorization"


def connection_of_configuration(configuration: Any) -> Connection:
    """The connection that a `kubernetes.client.Configuration` describes, of the sync or asyncio package.

    Its hook that refreshes the token is called before each request, as that package does. Raises
    `ConfigurationError` for what cannot be carried over.
    """
    host: object = getattr(configuration, "host", None)
    if not isinstance(host, str):
        raise ConfigurationError(
            f"expected a kubernetes.client.Configuration, not {type(configuration).__name__}"
        )
    authority: bytes | RotatingFile | None = None
    if file := configuration.ssl_ca_cert:
        authority = RotatingFile(file)
    elif data := getattr(configuration, "ca_cert_data", None):
        authority = data.encode() if isinstance(data, str) else bytes(data)
    certificate: CertificateSource | None = None
    if configuration.cert_file:
        key = configuration.key_file or configuration.cert_file
        certificate = CertificateSource(RotatingFile(Path(configuration.cert_file)), RotatingFile(Path(key)))
    return Connection(
        server=host.rstrip("/"),
        credentials=_ConfigurationCredentials(configuration, certificate),
        authority=authority,
        verify=bool(configuration.verify_ssl),
        server_name=getattr(configuration, "tls_server_name", None) or "",
        proxy=getattr(configuration, "proxy", None) or "",
        origin="a kubernetes Configuration",
    )


class _ConfigurationCredentials(Credentials):
    def __init__(self, configuration: Any, certificate: CertificateSource | None) -> None:
        self._configuration = configuration
        self._certificate = certificate
        self._proof = Proof({})

    async def proof(self) -> Proof:
        configuration = self._configuration
        text: Any = configuration.get_api_key_with_prefix(_TOKEN, alias=_OLD_TOKEN)
        if inspect.isawaitable(text):
            text = await text
        token = cast("str | None", text)
        if token and " " not in token:
            token = f"Bearer {token}"
        if not token and configuration.username:
            token = cast("str", configuration.get_basic_auth_token())
        certificate = self._certificate.read() if self._certificate else None
        if self._proof.headers.get("authorization") != token or self._proof.certificate != certificate:
            self._proof = Proof({"authorization": token} if token else {}, certificate)
        return self._proof

    @property
    def describes(self) -> str:
        return "the credentials of the kubernetes Configuration"


def to_official(obj: Any, model: type[M]) -> M:
    """An object of this library as a model of the official package, such as `kubernetes.client.V1Pod`.

    What that model does not know is not carried over.
    """
    return cast("Any", model).from_dict(codec_of(obj).to_plain(obj))


def from_official(model: Any, kind: type[T]) -> T:
    """A model of the official package as an object of a class of this library.

    What that model did not know is lost already, so an `update` with the result removes it on the server:
    patch or apply instead.
    """
    from kubernetes.client import ApiClient

    plain: Any = cast("Any", ApiClient)().sanitize_for_serialization(model)
    codec = codec_for(kind)
    return codec.decode(msgspec.json.encode(plain))
