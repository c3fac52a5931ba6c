"""Verbs made of other verbs: difference patches, create-or-patch, binding, eviction, scale, waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar, cast, overload

from reconcile.client.addressing import key_of
from reconcile.client.conflicts import retry_on_conflict
from reconcile.client.reading import ReadingVerbs
from reconcile.client.results import Watch
from reconcile.client.subresources import Subresource
from reconcile.client.verbs import Key
from reconcile.client.writing import WritingVerbs
from reconcile.errors import (
    AlreadyExistsError,
    ConfigurationError,
    CredentialsError,
    GoneError,
    NotFoundError,
    ServiceUnavailableError,
    TLSError,
    TooManyRequestsError,
    TransportError,
)
from reconcile.objects import access
from reconcile.objects.codecs import Codec, raw_of
from reconcile.objects.identity import ObjectKey, ResourceType
from reconcile.objects.kinds import resource_type_of
from reconcile.objects.origin import plain_states
from reconcile.objects.patches import create_merge_patch

T = TypeVar("T")
Operation = Literal["created", "patched", "unchanged"]


class ComposedVerbs(ReadingVerbs, WritingVerbs):
    """What most callers would otherwise write themselves, with its races thought of once."""

    async def patch_from(
        self,
        old: T | None,
        obj: T,
        *,
        lock: bool = False,
        subresource: str = "",
        dry_run: bool = False,
        field_manager: str | None = None,
    ) -> T:
        """Send the difference between two states of an object as a merge patch.

        Args:
            old: the state before; None for the state that `obj` was read in.
            obj: the state wanted.
            lock: make the patch fail with `ConflictError` unless the object is still at the resource
                version of the old state.
            subresource: `status` patches the status alone.

        Without a difference nothing is sent and `obj` is returned. Fields that the type does not know are
        not part of the difference. A list that differs is sent whole, as merge patches do, with what the
        type does not know in its items as it was read.
        """
        codec = await self._codec_of(obj)
        if old is None:
            raw = raw_of(obj)
            if raw is None:
                raise ConfigurationError("patch_from(None, obj) needs an obj that was read from the server")
            old = cast("T", codec.decode(raw))
        patch = create_merge_patch(*plain_states(old, obj))
        if subresource:
            patch = {subresource: patch[subresource]} if subresource in patch else {}
        if not patch:
            return obj
        if lock:
            version = access.resource_version_of(old)
            patch["metadata"] = {**(patch.get("metadata") or {}), "resourceVersion": version}
        result: Any = await self.patch(
            codec.kind,
            self._key_of_object(codec, obj, None),
            patch,
            subresource=subresource,
            dry_run=dry_run,
            field_manager=field_manager,
        )
        return cast("T", result)

    async def create_or_patch(
        self, obj: T, mutate: Callable[[T], object], *, lock: bool = False
    ) -> tuple[T, Operation]:
        """Bring an object into the state that `mutate` gives it, creating it when there is none.

        Reads the object of `obj`'s name; `mutate` is called on what was found, or on `obj` itself, and
        changes it in place (what it returns does not count). Then the object is created, or the
        difference sent as a merge patch, status by itself when it differs; without a difference nothing
        is written. `mutate` may not change name or namespace. With `lock` the patch fails with
        `ConflictError` when the object changed since it was read.
        """
        codec = await self._codec_of(obj)
        key = self._key_of_object(codec, obj, None)
        present: Any = None
        try:
            found = await self._exchange.read(self._object_request(codec, key, None, "", ()))
            present = codec.decode(found)
            before = codec.decode(found)
        except NotFoundError:
            before = None
        wanted = obj if present is None else present
        mutate(wanted)
        if self._key_of_object(codec, wanted, None) != key:
            raise ConfigurationError(f"mutate must not change the name or namespace of {key}")
        if before is None:
            try:
                return await self.create(wanted), "created"
            except AlreadyExistsError:
                # Somebody was faster: their object is the one to bring into shape.
                return await self.create_or_patch(obj, mutate, lock=lock)
        result = await self._patch_both(codec, before, wanted, lock=lock)
        return cast("T", wanted if result is None else result), "unchanged" if result is None else "patched"

    async def _patch_both(self, codec: Codec[Any], before: Any, wanted: Any, *, lock: bool) -> Any:
        patch = create_merge_patch(*plain_states(before, wanted))
        status = patch.pop("status", None)
        key = self._key_of_object(codec, before, None)
        result: Any = None
        if patch:
            if lock:
                version = access.resource_version_of(before)
                patch["metadata"] = {**(patch.get("metadata") or {}), "resourceVersion": version}
            result = await self.patch(codec.kind, key, patch)
        if status is not None:
            result = await self._patch_status(codec, key, status)
        return result

    async def _patch_status(self, codec: Codec[Any], key: ObjectKey, status: Any) -> Any:
        return await self.patch(codec.kind, key, {"status": status}, subresource="status")

    def subresource(self, target: Any, key: Key | None, name: str) -> Subresource:
        """A subresource with a kind of its own: `client.subresource(Deployment, "shop/web", "scale")`.

        `target` is a kind with `key`, or an object in any form but a dict, with None.
        """
        resource_type = resource_type_of(target)
        if key is None:
            full_key = key_of(access.key_of(target), None, resource_type)
        else:
            full_key = key_of(key, None, resource_type)
        return Subresource(self, resource_type, full_key, name)

    async def scale(self, target: Any, key: Key | None, replicas: int) -> dict[str, Any]:
        """Set the number of replicas through the scale subresource; returns the Scale."""
        return await self.subresource(target, key, "scale").patch({"spec": {"replicas": replicas}})

    async def bind(self, pod: Any, node: str, *, dry_run: bool = False) -> None:
        """Assign a pod to a node.

        Args:
            pod: its key, or the pod itself: then a pod that was created anew under the name is not bound.
            node: name of the node.

        Raises `ConflictError` when the pod is assigned already.
        """
        key, uid = _pod(pod)
        metadata = {"name": key.name, "namespace": key.namespace, **({"uid": uid} if uid else {})}
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": metadata,
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        await self.subresource(_PODS, key, "binding").create(binding, dry_run=dry_run)

    async def evict(
        self, pod: Any, *, grace_period_seconds: int | None = None, dry_run: bool = False
    ) -> None:
        """Delete a pod if its disruption budgets allow it.

        Args:
            pod: its key, or the pod itself: then only that very pod.
            grace_period_seconds: None for the pod's own.

        Raises `TooManyRequestsError` when a budget does not allow it now; that is not tried again.
        """
        key, uid = _pod(pod)
        options: dict[str, Any] = {}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        eviction: dict[str, Any] = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": key.name, "namespace": key.namespace},
        }
        if options:
            eviction["deleteOptions"] = options
        await self.subresource(_PODS, key, "eviction").create(eviction, dry_run=dry_run)

    async def retry_on_conflict(self, attempt: Callable[[], Awaitable[T]], *, attempts: int = 5) -> T:
        """Await `attempt()`, a read-modify-write, until it meets no conflict; see `retry_on_conflict`."""
        return await retry_on_conflict(attempt, runtime=self.runtime, attempts=attempts)

    @overload
    async def wait_for(
        self,
        kind: type[T],
        key: Key,
        condition: Callable[[T | None], bool],
        *,
        namespace: str | None = None,
        timeout: float | None = 60.0,
    ) -> T | None: ...
    @overload
    async def wait_for(
        self,
        kind: Any,
        key: Key,
        condition: Callable[[Any], bool],
        *,
        namespace: str | None = None,
        timeout: float | None = 60.0,
    ) -> Any: ...
    async def wait_for(
        self,
        kind: Any,
        key: Key,
        condition: Callable[[Any], bool],
        *,
        namespace: str | None = None,
        timeout: float | None = 60.0,
    ) -> Any:
        """Watch one object until a condition holds; returns the object then, None for one that is gone.

        Args:
            condition: called with the object, or None when there is none, at the start and at each
                change; `reconcile.client.waiting` has the usual ones.
            timeout: seconds until `TimeoutError`; None waits for ever.

        Broken watches are begun again from a fresh list.
        """
        codec = await self._codec(kind)
        full_key = key_of(key, namespace, codec.resource_type)
        last: Exception | None = None
        try:
            async with asyncio.timeout(timeout):
                while True:
                    try:
                        found, obj = await self._wait_once(codec, full_key, condition)
                        if found:
                            return obj
                    except (TLSError, CredentialsError):
                        raise
                    except (
                        TransportError,
                        GoneError,
                        TooManyRequestsError,
                        ServiceUnavailableError,
                    ) as error:
                        last = error
                    await asyncio.sleep(0.2 * (1 + self.runtime.random.random()))
        except TimeoutError as error:
            what = f"{codec.resource_type.kind} {full_key} was not as awaited within {timeout:g} s"
            raise TimeoutError(f"{what}; last: {last}" if last else what) from error

    async def _wait_once(
        self, codec: Codec[Any], key: ObjectKey, condition: Callable[[Any], bool]
    ) -> tuple[bool, Any]:
        fields = {"metadata.name": key.name}
        namespace = key.namespace or None
        listed = await self.list(codec.kind, namespace=namespace, fields=fields)
        obj = listed.raise_errors()[0] if len(listed) or listed.errors else None
        if condition(obj):
            return True, obj
        watch: Watch[Any] = self.watch(
            codec.kind,
            namespace=namespace,
            fields=fields,
            resource_version=listed.resource_version,
            # A connection that died without a word is noticed in the end.
            timeout_seconds=60,
            idle_timeout=90.0,
        )
        async with watch:
            async for event in watch:
                if event.type == "BOOKMARK":
                    continue
                obj = None if event.type == "DELETED" else event.object
                if condition(obj):
                    return True, obj
        return False, None


_PODS = ResourceType("", "v1", "Pod", "pods")


def _pod(pod: Any) -> tuple[ObjectKey, str]:
    if isinstance(pod, str | ObjectKey):
        return key_of(pod, None, _PODS), ""
    return key_of(access.key_of(pod), None, _PODS), access.uid_of(pod)
