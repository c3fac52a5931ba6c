"""Counts what quotas limit: their status says what is used.

Admission charges what is made; this gives back what is deleted, shrinks or ends, and counts anew when a quota
comes or changes. A quota is counted as a whole, from the objects of its namespace as they are stored. The
rules are those of kube-controller-manager's resource quota controller.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import msgspec

from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.handlers.store import decode_object
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.limits.evaluators import Evaluator, evaluator_for, still_counts
from reconcile.apiserver.limits.quotas import status_of
from reconcile.apiserver.limits.scopes import is_terminating
from reconcile.apiserver.status import StatusError
from reconcile.apiserver.storage import Change

_log = logging.getLogger(__name__)
_SPECIAL = ("pods", "services", "persistentvolumeclaims", "resourceclaims.resource.k8s.io")
_ALIASED = ("configmaps", "resourcequotas", "replicationcontrollers", "secrets")
_AGAIN = 300.0
_MANAGER = "kube-controller-manager"


class _Spec(msgspec.Struct):
    hard: dict[str, Any] | None = None


class _Quota(msgspec.Struct):
    spec: _Spec | None = None


_hard_of = msgspec.json.Decoder(_Quota).decode


class QuotaController:
    """Runs as one task of the server."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._storage = parts.store.storage
        self._access = parts.access
        # Quotas by namespace: where there are none, a change costs one look.
        self._quotas: dict[str, dict[str, None]] = {}
        self._todo: dict[tuple[str, str], None] = {}
        self._evaluators: dict[str, Evaluator] = {}
        self._stale = True
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Count until cancelled."""
        ends = (self._storage.feed(self._note), self._storage.on_restore(self._restored))
        loop = asyncio.get_running_loop()
        again = loop.time() + _AGAIN
        try:
            self._woken.set()
            while True:
                try:
                    async with asyncio.timeout_at(again if self._quotas else None):
                        await self._woken.wait()
                except TimeoutError:
                    # What was charged and failed afterwards is found here, as on the real server.
                    self._stale, again = True, loop.time() + _AGAIN
                self._woken.clear()
                if self._stale:
                    self._scan()
                while self._todo:
                    namespace, name = key = next(iter(self._todo))
                    del self._todo[key]
                    await self._count(namespace, name)
        finally:
            for end in ends:
                end()

    def _restored(self) -> None:
        self._stale = True
        self._woken.set()

    def _scan(self) -> None:
        self._stale = False
        self._quotas, self._todo = {}, {}
        for item in self._storage.page("resourcequotas").items:
            self._quotas.setdefault(item.namespace, {})[item.name] = None
            self._todo[item.namespace, item.name] = None

    def _note(self, collection: str, change: Change) -> None:
        item = change.object
        if collection == "resourcequotas":
            self._note_quota(change)
        if not self._quotas or item.namespace not in self._quotas:
            return
        if change.type == "DELETED" or (
            change.type == "MODIFIED" and collection in _SPECIAL and self._matters(collection, change)
        ):
            for name in self._quotas[item.namespace]:
                self._todo[item.namespace, name] = None
            self._woken.set()

    def _note_quota(self, change: Change) -> None:
        item, before = change.object, change.previous
        if change.type == "DELETED":
            held = self._quotas.get(item.namespace, {})
            held.pop(item.name, None)
            if not held:
                self._quotas.pop(item.namespace, None)
            return
        self._quotas.setdefault(item.namespace, {})[item.name] = None
        now, then = _hard_of(item.raw).spec, None if before is None else _hard_of(before.raw).spec
        if before is None or (now and now.hard) != (then and then.hard):
            self._todo[item.namespace, item.name] = None
            self._woken.set()

    def _matters(self, collection: str, change: Change) -> bool:
        """Whether an update gives something back, or moves an object from one quota to another."""
        assert change.previous is not None
        if collection == "resourceclaims.resource.k8s.io":
            return False
        new, old = decode_object(change.object.raw), decode_object(change.previous.raw)
        if collection == "services":
            return _service_type(new) != _service_type(old)
        if collection == "persistentvolumeclaims":
            return True
        now = self._parts.runtime.now()
        if is_terminating(new) != is_terminating(old) or _given(new) != _given(old):
            return True
        return still_counts(old, now) and not still_counts(new, now)

    def _evaluators_of(self, quota: JSONObject) -> Iterator[Evaluator]:
        """Those that can count something of what the quota limits."""
        hard: dict[str, str] = (quota.get("spec") or {}).get("hard") or {}
        named = [name.removeprefix("count/") for name in hard if name.startswith("count/")]
        for name in dict.fromkeys((*_SPECIAL, *_ALIASED, *named)):
            resource = self._parts.registry.preferred(name)
            if resource is None or not resource.list_kind or name in ("events", "events.events.k8s.io"):
                continue
            found = self._evaluators.get(name)
            if found is None:
                found = self._evaluators[name] = evaluator_for(name)
            yield found

    async def _count(self, namespace: str, name: str) -> None:
        def content(group_resource: str) -> list[JSONObject]:
            return self._access.read_all(group_resource, namespace)

        def change(quota: JSONObject) -> JSONObject | None:
            counted = status_of(
                quota,
                tuple(self._evaluators_of(quota)),
                content,
                self._access,
                self._parts.runtime.now(),
            )
            if quota.get("status") == counted:
                return None
            quota["status"] = counted
            return quota

        try:
            await self._access.update(
                "resourcequotas", namespace, name, change, subresource="status", manager=_MANAGER
            )
        except StatusError as error:
            if error.reason == "Conflict":
                self._todo[namespace, name] = None
                await asyncio.sleep(0)
            elif error.reason != "NotFound":
                _log.warning("quota %s/%s: %s", namespace, name, error)


def _service_type(service: JSONObject) -> str:
    kind = (service.get("spec") or {}).get("type")
    return kind if kind in ("NodePort", "LoadBalancer") else ""


def _given(pod: JSONObject) -> JSONObject:
    """What the node has given the containers."""
    status: JSONObject = pod.get("status") or {}
    return {
        each.get("name") or "": each.get("resources")
        for key in ("containerStatuses", "initContainerStatuses")
        for each in status.get(key) or ()
    }
