"""One request before anything is started: is there a server, and does it know us?

Without it an unreachable server shows only as caches that do not sync, minutes later.
"""

from __future__ import annotations

import asyncio

from reconcile.client.client import Client
from reconcile.client.transport import TransportRequest
from reconcile.errors import CredentialsError, TLSError, TransportError

_PAUSE = 0.5


async def require_reachable(client: Client, stopping: asyncio.Event, *, timeout: float, server: str) -> None:
    """Return when the server has answered anything at all, or when a stop is asked for.

    A refused or cut connection is tried again until the time is over: a pod's network may come up after
    its process.

    Raises:
        TransportError: no answer in `timeout` seconds; names the server and what to try.
        CredentialsError, TLSError: trying again would not help.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    last: Exception | None = None
    while not stopping.is_set() and (left := deadline - loop.time()) > 0:
        try:
            async with asyncio.timeout(left):
                request = TransportRequest("GET", "/version", timeout=left)
                async with await client.transport.send(request) as response:
                    await response.read()
        except (TLSError, CredentialsError):
            raise
        except TransportError as error:
            last = error
        except TimeoutError:
            break
        else:
            if response.status == 401:
                raise CredentialsError(f"{server} does not accept these credentials: are they expired?")
            return
        try:
            async with asyncio.timeout_at(min(deadline, loop.time() + _PAUSE)):
                await stopping.wait()
        except TimeoutError:
            continue
    if not stopping.is_set():
        raise TransportError(
            f"{server} did not answer within {timeout:g} s"
            + (f": {last}" if last is not None else "")
            + "; try `kubectl version` with the same configuration, or raise ManagerOptions.connect_timeout "
            "if the server is merely slow to come"
        ) from last
