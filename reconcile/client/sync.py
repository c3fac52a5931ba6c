"""The client for plain functions: the same verbs, blocking.

    worker thread ──client.sync.get(…)──▶ Runtime.call_from_thread ──▶ the event loop: client.get(…)

For reconcilers that are plain `def` and for other code in threads started by the runtime. On the event
loop's own thread every call raises, since it would wait for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar, overload

from reconcile.client.results import ObjectList
from reconcile.client.verbs import Key
from reconcile.objects.identity import GroupVersionKind, ResourceType
from reconcile.objects.kinds import MetadataOnly
from reconcile.objects.metadata import ObjectMetadata

if TYPE_CHECKING:
    from reconcile.client.client import Client
    from reconcile.client.composed import Operation

T = TypeVar("T")
_Plain = ResourceType | GroupVersionKind


class SyncClient:
    """`Client`'s verbs for worker threads; each has the parameters, results and errors of its namesake.

    Calls count as made where the thread was started from: a reconcile's writes stay that reconcile's.
    """

    def __init__(self, client: Client, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop

    @overload
    def get(self, kind: type[T], key: Key, **options: Any) -> T: ...
    @overload
    def get(self, kind: _Plain, key: Key, **options: Any) -> dict[str, Any]: ...
    @overload
    def get(self, kind: MetadataOnly, key: Key, **options: Any) -> ObjectMetadata: ...
    def get(self, kind: Any, key: Key, **options: Any) -> Any:
        """One object; see `Client.get`."""
        return self._wait(lambda: self._client.get(kind, key, **options))

    @overload
    def get_or_none(self, kind: type[T], key: Key, **options: Any) -> T | None: ...
    @overload
    def get_or_none(self, kind: _Plain, key: Key, **options: Any) -> dict[str, Any] | None: ...
    @overload
    def get_or_none(self, kind: MetadataOnly, key: Key, **options: Any) -> ObjectMetadata | None: ...
    def get_or_none(self, kind: Any, key: Key, **options: Any) -> Any:
        """One object or None; see `Client.get_or_none`."""
        return self._wait(lambda: self._client.get_or_none(kind, key, **options))

    @overload
    def list(self, kind: type[T], **options: Any) -> ObjectList[T]: ...
    @overload
    def list(self, kind: _Plain, **options: Any) -> ObjectList[dict[str, Any]]: ...
    @overload
    def list(self, kind: MetadataOnly, **options: Any) -> ObjectList[ObjectMetadata]: ...
    def list(self, kind: Any, **options: Any) -> ObjectList[Any]:
        """The objects of a kind; see `Client.list`."""
        return self._wait(lambda: self._client.list(kind, **options))

    def create(self, obj: T, **options: Any) -> T:
        """See `Client.create`."""
        return self._wait(lambda: self._client.create(obj, **options))

    def update(self, obj: T, **options: Any) -> T:
        """See `Client.update`."""
        return self._wait(lambda: self._client.update(obj, **options))

    def update_status(self, obj: T, **options: Any) -> T:
        """See `Client.update_status`."""
        return self._wait(lambda: self._client.update_status(obj, **options))

    @overload
    def patch(self, target: type[T], key: Key, patch: Any, **options: Any) -> T: ...
    @overload
    def patch(self, target: _Plain, key: Key, patch: Any, **options: Any) -> dict[str, Any]: ...
    @overload
    def patch(self, target: T, key: Any, /, **options: Any) -> T: ...
    def patch(self, target: Any, key: Any, patch: Any = None, **options: Any) -> Any:
        """See `Client.patch`."""
        return self._wait(lambda: self._client.patch(target, key, patch, **options))

    def patch_from(self, old: T | None, obj: T, **options: Any) -> T:
        """See `Client.patch_from`."""
        return self._wait(lambda: self._client.patch_from(old, obj, **options))

    def apply(self, obj: T, *, owner: Any = None, **options: Any) -> T:
        """See `Client.apply`."""
        return self._wait(lambda: self._client.apply(obj, owner=owner, **options))

    def apply_status(self, obj: T, status: Any, **options: Any) -> T:
        """See `Client.apply_status`."""
        return self._wait(lambda: self._client.apply_status(obj, status, **options))

    def delete(self, target: Any, key: Key | None = None, **options: Any) -> Any:
        """See `Client.delete`."""
        call: Any = self._client.delete
        return self._wait(lambda: call(target, key, **options))

    def delete_collection(self, kind: Any, **options: Any) -> None:
        """See `Client.delete_collection`."""
        self._wait(lambda: self._client.delete_collection(kind, **options))

    def create_or_patch(
        self, obj: T, mutate: Callable[[T], object], *, lock: bool = False
    ) -> tuple[T, Operation]:
        """See `Client.create_or_patch`; `mutate` runs on the event loop and must not block."""
        return self._wait(lambda: self._client.create_or_patch(obj, mutate, lock=lock))

    def bind(self, pod: Any, node: str, *, dry_run: bool = False) -> None:
        """See `Client.bind`."""
        self._wait(lambda: self._client.bind(pod, node, dry_run=dry_run))

    def evict(self, pod: Any, **options: Any) -> None:
        """See `Client.evict`."""
        self._wait(lambda: self._client.evict(pod, **options))

    def scale(self, target: Any, key: Key | None, replicas: int) -> dict[str, Any]:
        """See `Client.scale`."""
        return self._wait(lambda: self._client.scale(target, key, replicas))

    def wait_for(self, kind: Any, key: Key, condition: Callable[[Any], bool], **options: Any) -> Any:
        """See `Client.wait_for`; `condition` runs on the event loop and must not block."""
        return self._wait(lambda: self._client.wait_for(kind, key, condition, **options))

    def resource_type(self, gvk: GroupVersionKind) -> ResourceType:
        """See `Client.resource_type`."""
        return self._wait(lambda: self._client.resource_type(gvk))

    def _wait(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._client.runtime.call_from_thread(call(), self._loop)
        raise RuntimeError(
            "client.sync blocks and must not be called on the event loop's thread; "
            "in coroutines await the verbs of the client itself"
        )
