"""What informers need of a client: two calls, both raw."""

from __future__ import annotations

from typing import Any, Protocol

from reconcile.client.raw import RawList, RawWatch


class RawClient(Protocol):
    """The reading half of a `Client` that informers use; see `Client.list_raw` and `Client.watch_raw`."""

    def list_raw(
        self,
        kind: Any,
        *,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
        limit: int | None = None,
        continue_: str | None = None,
        idle_timeout: float | None = 60.0,
    ) -> RawList:
        """A list as raw item bytes."""
        ...

    def watch_raw(
        self,
        kind: Any,
        *,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
        resource_version: str | None = None,
        timeout_seconds: int | None = None,
        bookmarks: bool = True,
        send_initial_events: bool = False,
        idle_timeout: float | None = None,
    ) -> RawWatch:
        """A watch as raw lines."""
        ...
