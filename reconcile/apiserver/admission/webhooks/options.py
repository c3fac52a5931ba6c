"""What a test or a demo says about the webhooks of its server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Review = dict[str, Any]
ReviewHandler = Callable[[Review], Review | Awaitable[Review]]
"""Answers an AdmissionReview or ConversionReview in this process."""


class DialError(Exception):
    """A call that got no answer; the text is what a client written in Go says of it."""


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """One POST to a webhook.

    Attributes:
        url: scheme, host, path and query, as messages show it.
        address: `host:port` to connect to; differs from the URL's for services.
        server_name: the name that the certificate has to be for.
        ca_bundle: PEM certificates that it must descend from; empty for those of the machine.
        body: JSON.
    """

    url: str
    address: str
    server_name: str
    ca_bundle: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What came back.

    Attributes:
        status: HTTP status code.
        content_type: as sent; empty for none.
        body: the bytes.
    """

    status: int
    content_type: str
    body: bytes


class Dialer(Protocol):
    """Makes the connections that the server opens to others: the seam for tests and simulations."""

    async def post(self, call: WebhookCall) -> WebhookAnswer:
        """Carry out a call; the caller bounds its time. Raises DialError."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """How webhooks (admission and conversion) are reached.

    Attributes:
        handlers: functions in the place of addresses: by URL without query, `https://hooks.test/pods`, or
            for a service `https://NAME.NAMESPACE.svc/path`. Called in this process, without TLS; the port 443
            is left out of the key. Looked up at each call, so that it may change.
        services: `NAMESPACE/NAME` of a service to the `host:port` where it listens, as there is no kube-proxy
            here. A service that is not named is looked for in its endpoints.
        dialer: carries out the calls that no handler takes; None: over the network.
    """

    handlers: Mapping[str, ReviewHandler] = field(default_factory=dict[str, ReviewHandler])
    services: Mapping[str, str] = field(default_factory=dict[str, str])
    dialer: Dialer | None = None
