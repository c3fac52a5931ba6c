"""One API server: configuration, credentials, transport, verbs, discovery, errors, retries."""

from reconcile.client.attribution import Attribution, attributed, current_attribution
from reconcile.client.client import Client
from reconcile.client.options import RetryOptions
from reconcile.client.results import ObjectList, Watch, WatchEvent
from reconcile.client.seams import Write, WriteGuard, WriteObserver, WriteOutcome
from reconcile.client.transport import Transport, TransportRequest, TransportResponse

__all__ = [
    "Attribution",
    "Client",
    "ObjectList",
    "RetryOptions",
    "Transport",
    "TransportRequest",
    "TransportResponse",
    "Watch",
    "WatchEvent",
    "Write",
    "WriteGuard",
    "WriteObserver",
    "WriteOutcome",
    "attributed",
    "current_attribution",
]
