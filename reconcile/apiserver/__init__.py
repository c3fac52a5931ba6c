"""The Kubernetes API from one Python process: in memory, deterministic when asked, judged by the real server.

A request's way through the room:

    front end (HTTP or in-process) → handlers → patching → schemas → admission → strategy → storage
                                       ▲                                                       │
                                       └────────────── watch (log of changes) ◀────────────────┘
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconcile.apiserver.access.options import AccessOptions
    from reconcile.apiserver.access.user import service_account
    from reconcile.apiserver.admission.webhooks.options import WebhookOptions
    from reconcile.apiserver.server import APIServer, ServerOptions

_ROOMS = {
    "APIServer": "server",
    "AccessOptions": "access.options",
    "ServerOptions": "server",
    "WebhookOptions": "admission.webhooks.options",
    "service_account": "access.user",
}
__all__ = ["APIServer", "AccessOptions", "ServerOptions", "WebhookOptions", "service_account"]


def __getattr__(name: str) -> object:
    if name in _ROOMS:
        return getattr(import_module(f"reconcile.apiserver.{_ROOMS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
