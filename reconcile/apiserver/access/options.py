"""What is asked of access control."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from reconcile.apiserver.access.service_account_tokens import ISSUER
from reconcile.apiserver.interfaces import User

AuthorizationMode = Literal["RBAC", "AlwaysAllow"]


@dataclass(frozen=True, slots=True)
class AccessOptions:
    """Access control of an embedded server; `ServerOptions(access=AccessOptions())` turns it on.

    Attributes:
        authorization: `RBAC`: roles and bindings decide, those of a new cluster are there, and roles that
            grant
            more than their author has are refused. `AlwaysAllow`: who asks is known, and may do everything.
        tokens: bearer tokens and the users they stand for, as `read_token_file` reads them.
        anonymous: requests without credentials are those of `system:anonymous`; else they get 401.
        issuer: issuer of service account tokens, an https URL.
        audiences: who a service account token is for that names no audience; empty: the issuer.
        signing_key: file of the key that signs service account tokens, PEM, ECDSA on P-256; made where it is
            not there. None: a key of this server's own.
    """

    authorization: AuthorizationMode = "RBAC"
    tokens: Mapping[str, User] = field(default_factory=dict[str, User])
    anonymous: bool = True
    issuer: str = ISSUER
    audiences: tuple[str, ...] = ()
    signing_key: Path | None = None
