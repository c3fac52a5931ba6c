"""The Kubernetes API from one Python process: in memory, deterministic when asked, judged by the real server.

A request's way through the room:

    front end (HTTP or in-process) → handlers → patching → schemas → admission → strategy → storage
                                       ▲                                                       │
                                       └────────────── watch (log of changes) ◀────────────────┘
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconcile.apiserver.server import APIServer, ServerOptions

__all__ = ["APIServer", "ServerOptions"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from reconcile.apiserver import server

        return getattr(server, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
