"""What can be set on a webhook server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from reconcile.errors import ConfigurationError
from reconcile.webhooks.certificates import service_names
from reconcile.webhooks.rotation import RotationTimes


@dataclass(frozen=True, slots=True)
class CertificateFolder:
    """A certificate that something else keeps in a mounted folder, such as cert-manager by its Secret.

    Attributes:
        path: the folder; `tls.crt` and `tls.key` are in it.
        check_interval: seconds between looks whether the files have changed. Default 10.
    """

    path: str | Path
    check_interval: float = 10.0


@dataclass(frozen=True, slots=True)
class OwnCertificates:
    """Certificates that the operator makes itself, shares among its replicas in a Secret, and renews.

    What trusts them is told by the operator too: the authority is applied to the definitions of the kinds
    that it converts and to its webhook configurations. That needs `get` and `update` of the Secret (and
    `create` where nobody made an empty one), `get` and `patch` of the definitions and configurations, all by
    name.

    Attributes:
        service: `namespace/name` of the service that leads to the replicas; the certificate is for its names.
        secret: `namespace/name` of the Secret; by default the service's with `-webhook` after it.
        configuration: name of the webhook configurations that belong to the operator; by default the
            service's name. Only looked at when there are admission webhooks.
        names: more DNS names and IP addresses that the certificate is for.
        lifetime: days that a certificate lasts. Default 90.
        renew_before: days before its end at which the next one is made. Default 30.
        overlap: seconds for which the next authority is trusted before its certificate is shown, and half
            of those for which the old one is trusted afterwards. Default 3600.
        check_interval: seconds between looks at the Secret and at what trusts it. Default 60.
        inject: whether the authority is applied to definitions and configurations. Default True.
    """

    service: str
    secret: str = ""
    configuration: str = ""
    names: Sequence[str] = ()
    lifetime: float = 90.0
    renew_before: float = 30.0
    overlap: float = 3600.0
    check_interval: float = 60.0
    inject: bool = True

    def __post_init__(self) -> None:
        service_names(self.service)
        if self.secret and len(self.secret.split("/")) != 2:
            raise ConfigurationError(f"the secret {self.secret!r}: write it as namespace/name")
        times = self.times
        if times.renew_before + 3 * times.overlap >= times.lifetime or times.renew_before <= times.overlap:
            raise ConfigurationError(
                f"certificates of {self.lifetime:g} days cannot be renewed {self.renew_before:g} days before "
                f"their end with an overlap of {self.overlap:g} seconds: renew_before must be longer than "
                "the overlap, and both together shorter than the lifetime"
            )

    @property
    def secret_key(self) -> str:
        """`namespace/name` of the Secret."""
        return self.secret or f"{self.service}-webhook"

    @property
    def configuration_name(self) -> str:
        """Name of the webhook configurations."""
        return self.configuration or self.service.partition("/")[2]

    @property
    def all_names(self) -> tuple[str, ...]:
        """What a certificate is for."""
        return (*service_names(self.service), *self.names)

    @property
    def times(self) -> RotationTimes:
        """The same as spans of time."""
        return RotationTimes(
            timedelta(days=self.lifetime), timedelta(days=self.renew_before), timedelta(seconds=self.overlap)
        )


@dataclass(frozen=True, slots=True)
class WebhookServerOptions:
    """How a manager serves its webhooks.

    Attributes:
        certificates: where the certificate comes from: `CertificateFolder(…)` or `OwnCertificates(…)`.
        address: where it listens, over TLS. Default `:9443`, every interface.
        drain_timeout: seconds that requests under way have to be answered at the end. Default 30, which is
            the longest that an API server waits.
    """

    certificates: CertificateFolder | OwnCertificates
    address: str = ":9443"
    drain_timeout: float = 30.0
