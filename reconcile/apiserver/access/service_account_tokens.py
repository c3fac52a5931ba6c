"""Tokens of service accounts: JWTs that this server signs, and checks when they come back.

    TokenRequest ──claims──▶ sign (ES256) ──▶ token ──▶ verify ──▶ claims ──▶ do account and bound object
    still exist?

A token ends with its time, with its service account, and with the pod, secret or node that it is bound to:
these are looked up at each use. Claims and messages are those of kube-apiserver's pkg/serviceaccount.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from reconcile.apiserver.access.rules import go_list
from reconcile.apiserver.access.user import CREDENTIAL_ID, service_account_groups, split_service_account
from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.interfaces import Access, JSONObject, User
from reconcile.errors import ConfigurationError
from reconcile.runtime import Runtime

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

ISSUER: Final = "https://kubernetes.default.svc.cluster.local"
LEGACY_ISSUER: Final = "kubernetes/serviceaccount"
_LEEWAY: Final = 60
_REMEMBERED: Final = 1024
_KUBERNETES: Final = "kubernetes.io"
_EXTRA: Final = "authentication.kubernetes.io"
# The order of P-256's group: private keys are numbers below it.
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class TokenError(Exception):
    """A token of this server that must not be taken; the text says why, in upstream's words."""


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Whose token it is.

    Attributes:
        user: the user, as the token alone says.
        audiences: for which of the wanted audiences the token is good.
    """

    user: User
    audiences: tuple[str, ...]


class ServiceAccountTokens:
    """Signs and checks. Its key comes into being at the first use, out of the runtime's uuids.

    Attributes:
        key_file: keeps the key for the next server, PEM; None: it is forgotten.
        issuer: the issuer of its tokens.
        audiences: whom a token is for that names nobody: this server.
    """

    def __init__(self, runtime: Runtime, issuer: str = ISSUER, audiences: Iterable[str] = ()) -> None:
        self._runtime = runtime
        self.issuer = issuer
        self.audiences = tuple(audiences) or (issuer,)
        self.key_file: Path | None = None
        self._made: _Key | None = None
        # Signatures that were found good: what is looked up with each use is in the storage, not in the
        # token.
        self._good: dict[str, JSONObject] = {}

    @property
    def _key(self) -> _Key:
        if self._made is None:
            file = self.key_file
            if file is not None and file.exists():
                self._made = _Key.from_pem(file.read_bytes())
            else:
                # Uuids are the runtime's best randomness: the system's own, or the seed's in a simulation.
                seed = "".join(self._runtime.uuid() for _ in range(4))
                self._made = _Key(int.from_bytes(hashlib.sha512(seed.encode()).digest()) % (_ORDER - 1) + 1)
                if file is not None:
                    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                    with os.fdopen(descriptor, "wb") as writing:
                        writing.write(self._made.pem())
        return self._made

    def sign(self, claims: JSONObject) -> str:
        """The token with these claims; `iss` is added where it is missing."""
        header = {"alg": "ES256", "kid": self._key.id}
        payload = {"iss": self.issuer, **claims}
        head = f"{_encoded(header)}.{_encoded(payload)}"
        return f"{head}.{_base64(self._key.sign(head.encode()))}"

    def authenticate(self, token: str, audiences: Sequence[str], access: Access) -> Authenticated | None:
        """Whose token it is; None when it is none of this server's. Raises TokenError."""
        parts = token.split(".")
        unverified = _decoded(parts[1]) if len(parts) == 3 else None
        issuer = None if unverified is None else unverified.get("iss")
        if issuer not in (self.issuer, LEGACY_ISSUER):
            return None
        claims = self._good.get(token)
        if claims is None:
            claims = self._verify(parts)
            if claims is None:
                return None
            if len(self._good) >= _REMEMBERED:
                del self._good[next(iter(self._good))]
            self._good[token] = claims
        given = claims.get("aud") or self.audiences
        given = (given,) if isinstance(given, str) else tuple(given)
        common = tuple(audience for audience in given if audience in audiences)
        if not common:
            raise TokenError(
                f"token audiences {go_list(given)} is invalid for the target audiences {go_list(audiences)}"
            )
        if issuer == LEGACY_ISSUER:
            return Authenticated(_legacy_user(token, claims, access), common)
        return Authenticated(_user(claims, access, self._runtime.now()), common)

    def _verify(self, parts: list[str]) -> JSONObject | None:
        header = _decoded(parts[0])
        signature = _unbase64(parts[2])
        if header is None or signature is None or not isinstance(header.get("alg"), str):
            return None
        if header.get("kid") and header["kid"] != self._key.id:
            raise TokenError("invalid signature, no keys found")
        if header["alg"] != "ES256" or not self._key.verify(f"{parts[0]}.{parts[1]}".encode(), signature):
            raise TokenError("go-jose/go-jose: error in cryptographic primitive")
        return _decoded(parts[1])

    def key_set(self) -> JSONObject:
        """The public key as a JSON web key set."""
        x, y = self._key.point
        coordinates = {"x": _base64(x.to_bytes(32)), "y": _base64(y.to_bytes(32))}
        key = {"use": "sig", "kty": "EC", "kid": self._key.id, "crv": "P-256", "alg": "ES256", **coordinates}
        return {"keys": [key]}

    def discovery(self, address: str) -> JSONObject:
        """The OpenID configuration of the issuer, whose keys are served at `address`."""
        return {
            "issuer": self.issuer,
            "jwks_uri": f"https://{address}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }


class _Key:
    """A key on P-256. What it signs is the same each time, so that a simulation can be repeated."""

    def __init__(self, number: int) -> None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        self._private: ec.EllipticCurvePrivateKey = ec.derive_private_key(number, ec.SECP256R1())
        public = self._private.public_key()
        numbers = public.public_numbers()
        self.point = (numbers.x, numbers.y)
        encoded = public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.id = _base64(hashlib.sha256(encoded).digest())

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        private = serialization.load_pem_private_key(pem, None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ConfigurationError("the key of service account tokens is none on a curve: remove the file")
        return cls(private.private_numbers().private_value)

    def pem(self) -> bytes:
        from cryptography.hazmat.primitives import serialization

        return self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, data: bytes) -> bytes:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        try:
            made = self._private.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        except UnsupportedAlgorithm:
            # An older OpenSSL: good signatures, that differ each time.
            made = self._private.sign(data, ec.ECDSA(hashes.SHA256()))
        r, s = decode_dss_signature(made)
        return r.to_bytes(32) + s.to_bytes(32)

    def verify(self, data: bytes, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        if len(signature) != 64:
            return False
        pair = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
        try:
            self._private.public_key().verify(encode_dss_signature(*pair), data, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


def _user(claims: JSONObject, access: Access, now: datetime) -> User:
    """The user behind the claims, after everything that they name was looked up."""
    moment = now.timestamp()
    if moment + _LEEWAY < claims.get("nbf", 0):
        raise TokenError("service account token is not valid yet")
    if moment - _LEEWAY > claims.get("exp", moment):
        raise TokenError("service account token has expired")
    if moment + _LEEWAY < claims.get("iat", 0):
        raise TokenError("service account token is issued in the future")
    private: JSONObject = claims.get(_KUBERNETES) or {}
    namespace: str = private.get("namespace") or ""
    account: JSONObject = private.get("serviceaccount") or {}
    name, uid = account.get("name") or "", account.get("uid") or ""
    held = access.read("serviceaccounts", namespace, name)
    if held is None:
        raise TokenError(f"serviceaccounts {go_quote(name)} not found")
    if held["metadata"].get("uid") != uid:
        raise TokenError(f"service account UID ({held['metadata'].get('uid')}) does not match claim ({uid})")
    if _long_deleted(held, moment):
        raise TokenError(f"service account {namespace}/{name} has been deleted")
    extra: dict[str, Sequence[str]] = {}
    if claims.get("jti"):
        extra[CREDENTIAL_ID] = (f"JTI={claims['jti']}",)
    if secret := private.get("secret"):
        _require(access, "secrets", namespace, secret, "secret", moment)
    pod, node = private.get("pod"), private.get("node")
    if pod:
        _require(access, "pods", namespace, pod, "pod", moment)
        extra[f"{_EXTRA}/pod-name"] = (pod["name"],)
        extra[f"{_EXTRA}/pod-uid"] = (pod["uid"],)
    if node:
        if not pod:
            _require(access, "nodes", "", node, "node", moment)
        extra[f"{_EXTRA}/node-name"] = (node["name"],)
        if node.get("uid"):
            extra[f"{_EXTRA}/node-uid"] = (node["uid"],)
    return User(f"system:serviceaccount:{namespace}:{name}", service_account_groups(namespace), uid, extra)


def _require(
    access: Access, resource: str, namespace: str, reference: JSONObject, what: str, moment: float
) -> None:
    """The bound object must be the one that it was, and not be gone."""
    held = access.read(resource, namespace, reference["name"])
    if held is None:
        raise TokenError("service account token has been invalidated")
    uid = held["metadata"].get("uid")
    if uid != reference.get("uid"):
        shown = what if what == "secret" else what.capitalize() if what == "pod" else what
        raise TokenError(
            f"{shown} UID ({uid}) does not match service account {what} ref claim ({reference.get('uid')})"
        )
    if _long_deleted(held, moment):
        raise TokenError("service account token has been invalidated")


def _long_deleted(obj: JSONObject, moment: float) -> bool:
    deleted = obj["metadata"].get("deletionTimestamp")
    return deleted is not None and datetime.fromisoformat(deleted).timestamp() < moment - _LEEWAY


def _legacy_user(token: str, claims: JSONObject, access: Access) -> User:
    """Whose secret of type `kubernetes.io/service-account-token` holds this token."""
    prefix = "kubernetes.io/serviceaccount"
    subject: str = claims.get("sub") or ""
    if not subject:
        raise TokenError("sub claim is missing")
    namespace = claims.get(f"{prefix}/namespace") or ""
    secret_name = claims.get(f"{prefix}/secret.name") or ""
    name = claims.get(f"{prefix}/service-account.name") or ""
    uid = claims.get(f"{prefix}/service-account.uid") or ""
    named = {
        "namespace": namespace,
        "secretName": secret_name,
        "serviceAccountName": name,
        "serviceAccountUID": uid,
    }
    for what, value in named.items():
        if not value:
            raise TokenError(f"{what} claim is missing")
    if split_service_account(subject) != (namespace, name):
        raise TokenError("sub claim is invalid")
    secret = access.read("secrets", namespace, secret_name)
    if secret is None or secret["metadata"].get("deletionTimestamp"):
        raise TokenError("Token has been invalidated")
    if (secret.get("data") or {}).get("token") != base64.b64encode(token.encode()).decode():
        raise TokenError("Token does not match server's copy")
    account = access.read("serviceaccounts", namespace, name)
    if account is None:
        raise TokenError(f"serviceaccounts {go_quote(name)} not found")
    if account["metadata"].get("deletionTimestamp"):
        raise TokenError(f"ServiceAccount {namespace}/{name} has been deleted")
    if account["metadata"].get("uid") != uid:
        raise TokenError(
            f"ServiceAccount UID ({account['metadata'].get('uid')}) does not match claim ({uid})"
        )
    return User(subject, service_account_groups(namespace), uid)


def _encoded(value: JSONObject) -> str:
    return _base64(msgspec.json.encode(value, order="sorted"))


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unbase64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None


def _decoded(text: str) -> JSONObject | None:
    raw = _unbase64(text)
    try:
        value: Any = None if raw is None else msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, dict) else None
