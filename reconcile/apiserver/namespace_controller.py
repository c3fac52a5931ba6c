"""Deletes the content of namespaces that are being deleted, then lets them go.

The order and the conditions are kube-controller-manager's: pods first, the rest once they are gone, and
the finalizer `kubernetes` in `spec.finalizers` when nothing is left.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.handlers.store import decode_object
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.resources import Resource
from reconcile.apiserver.status import StatusError
from reconcile.apiserver.storage import Change, StoredObject

_log = logging.getLogger(__name__)
FINALIZER = "kubernetes"


class NamespaceController:
    """Runs as one task of the server."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._storage = parts.store.storage
        self._access = parts.access
        self._terminating: dict[str, None] = {}
        self._todo: dict[str, None] = {}
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Follow the namespaces until cancelled."""
        ends = (
            self._storage.feed(self._note),
            self._storage.follow("namespaces", lambda: tuple(self._terminating), self._restored),
        )
        try:
            self._scan()
            while True:
                await self._woken.wait()
                self._woken.clear()
                while self._todo:
                    name = next(iter(self._todo))
                    del self._todo[name]
                    try:
                        await self._delete_content(name)
                    except StatusError as error:
                        if error.reason != "NotFound":
                            _log.warning("namespace %s: %s", name, error)
        finally:
            for end in ends:
                end()

    def _restored(self, terminating: tuple[str, ...] | None) -> None:
        if terminating is None:
            self._scan()
            return
        self._terminating = dict.fromkeys(terminating)
        self._todo = dict(self._terminating)
        self._woken.set()

    def _scan(self) -> None:
        self._terminating, self._todo = {}, {}
        for item in self._storage.page("namespaces").items:
            self._look(item)

    def _look(self, item: StoredObject) -> None:
        if b'"deletionTimestamp"' in item.raw and decode_object(item.raw)["metadata"].get(
            "deletionTimestamp"
        ):
            self._terminating[item.name] = None
            self._todo[item.name] = None
            self._woken.set()

    def _note(self, collection: str, change: Change) -> None:
        if collection == "namespaces":
            if change.type == "DELETED":
                self._terminating.pop(change.object.name, None)
            elif change.object.name not in self._terminating:
                self._look(change.object)
        elif self._terminating and change.type == "DELETED":
            namespace = change.object.namespace
            if namespace in self._terminating:
                self._todo[namespace] = None
                self._woken.set()

    def _resources(self) -> list[Resource]:
        """What can be deleted in a namespace: each collection once, pods first."""
        found: dict[str, Resource] = {}
        for resource in self._parts.registry:
            if resource.type.namespaced and "delete" in resource.verbs and resource.list_kind:
                found.setdefault(resource.storage_name, resource)
        return sorted(found.values(), key=lambda resource: resource.storage_name != "pods")

    async def _delete_content(self, name: str) -> None:
        namespace = self._access.read("namespaces", "", name)
        if namespace is None or not namespace["metadata"].get("deletionTimestamp"):
            return
        spec: JSONObject = namespace.get("spec") or {}
        if FINALIZER not in (spec.get("finalizers") or ()):
            return
        left: Counter[str] = Counter()
        finalizers: Counter[str] = Counter()
        for resource in self._resources():
            await self._delete_all(resource, name)
            for item in self._storage.page(resource.storage_name, namespace=name).items:
                left[_named(resource)] += 1
                for finalizer in decode_object(item.raw)["metadata"].get("finalizers") or ():
                    finalizers[finalizer] += 1
            if resource.storage_name == "pods" and left:
                break
        if left:
            await self._report(name, left, finalizers)
            return

        def finalize(obj: JSONObject) -> JSONObject:
            spec = obj.setdefault("spec", {})
            spec["finalizers"] = [item for item in spec.get("finalizers") or () if item != FINALIZER]
            return obj

        await self._access.update("namespaces", "", name, finalize, subresource="finalize")

    async def _delete_all(self, resource: Resource, namespace: str) -> None:
        group_resource = resource.type.group_resource
        for item in self._storage.page(resource.storage_name, namespace=namespace).items:
            try:
                await self._access.delete(
                    group_resource, namespace, item.name, {"propagationPolicy": "Background"}
                )
            except StatusError as error:
                if error.reason != "NotFound":
                    _log.warning("namespace %s: %s", namespace, error)

    async def _report(self, name: str, left: Counter[str], finalizers: Counter[str]) -> None:
        now = self._parts.runtime.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        conditions = _conditions(left, finalizers, now)

        def change(obj: JSONObject) -> JSONObject | None:
            status = obj.setdefault("status", {})
            held = {item["type"]: item for item in status.get("conditions") or ()}
            for condition in conditions:
                before = held.get(condition["type"])
                if before is not None and before["status"] == condition["status"]:
                    condition["lastTransitionTime"] = before["lastTransitionTime"]
            if status.get("conditions") == conditions:
                return None
            status["conditions"] = conditions
            return obj

        await self._access.update("namespaces", "", name, change, subresource="status")


def _named(resource: Resource) -> str:
    """As the messages of the conditions name a resource: `pods.`, `deployments.apps`."""
    return f"{resource.type.plural}.{resource.type.group}"


def _conditions(left: Counter[str], finalizers: Counter[str], now: str) -> list[JSONObject]:
    remaining = ", ".join(f"{name} has {count} resource instances" for name, count in sorted(left.items()))
    held = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(finalizers.items()))
    rows = [
        (
            "NamespaceDeletionDiscoveryFailure",
            "False",
            "ResourcesDiscovered",
            "All resources successfully discovered",
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        (
            "NamespaceContentRemaining",
            "True",
            "SomeResourcesRemain",
            f"Some resources are remaining: {remaining}",
        ),
        (
            "NamespaceFinalizersRemaining",
            "True" if finalizers else "False",
            "SomeFinalizersRemain" if finalizers else "ContentHasNoFinalizers",
            f"Some content in the namespace has finalizers remaining: {held}"
            if finalizers
            else "All content-preserving finalizers finished",
        ),
    ]
    return [
        {"type": name, "status": status, "lastTransitionTime": now, "reason": reason, "message": message}
        for name, status, reason, message in rows
    ]
