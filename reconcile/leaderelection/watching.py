"""Watches the Lease, so that a change of its holder is met at once and not in the next period.

Nothing rests on it. It only wakes the elector, which then reads the Lease; without it, or while it is cut
off, the elector polls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from reconcile.api.coordination.v1 import Lease
from reconcile.client.client import Client
from reconcile.controllers.logs import Logger
from reconcile.errors import ForbiddenError, MethodNotAllowedError, ReconcileError
from reconcile.objects.identity import ObjectKey

# A watch without a word for so long is dead: servers send a bookmark every minute.
_IDLE_SECONDS = 150.0
_SERVER_SECONDS = 300


async def watch_lease(
    client: Client, key: ObjectKey, log: Logger, *, retry_period: float, changed: Callable[[str], None]
) -> None:
    """Call `changed` with the holder in every event of the Lease, empty for nobody; until cancelled.

    Ends where the server forbids it.
    """
    while True:
        try:
            async with client.watch(
                Lease,
                namespace=key.namespace,
                fields={"metadata.name": key.name},
                timeout_seconds=_SERVER_SECONDS,
                idle_timeout=_IDLE_SECONDS,
            ) as events:
                async for event in events:
                    if event.type in ("ADDED", "MODIFIED"):
                        changed(event.object.spec.holder_identity or "")
                    elif event.type == "DELETED":
                        changed("")
        except (ForbiddenError, MethodNotAllowedError) as error:
            log.info("the lease cannot be watched; changes are seen by polling", error=str(error))
            return
        except ReconcileError as error:
            log.debug("the watch of the lease ended", error=f"{type(error).__name__}: {error}")
        await asyncio.sleep(retry_period)
