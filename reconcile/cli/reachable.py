"""One request before anything is built on a cluster: is it there, and does it know us?"""

from __future__ import annotations

import asyncio

from reconcile.cli.failures import CommandError
from reconcile.client.client import Client
from reconcile.client.transport import TransportRequest
from reconcile.errors import TransportError

_TIMEOUT = 10.0


async def require_reachable(client: Client) -> None:
    """Ask for the server's version.

    Raises:
        CommandError: no answer within ten seconds, or one that says that the credentials are no good.
    """
    request = TransportRequest("GET", "/version", timeout=_TIMEOUT)
    try:
        async with asyncio.timeout(_TIMEOUT), await client.transport.send(request) as response:
            status = response.status
            await response.read()
    except TimeoutError as error:
        raise CommandError(f"the cluster does not answer within {_TIMEOUT:g} seconds") from error
    except TransportError as error:
        raise CommandError(f"the cluster cannot be reached: {error}") from error
    if status == 401:
        raise CommandError("the cluster does not accept these credentials: are they expired?")
