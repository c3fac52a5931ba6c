"""Deletes the content of namespaces that are being deleted, then lets them go.

The order and the conditions are kube-controller-manager's: pods first, the rest once they are gone, and
the finalizer `kubernetes` in `spec.finalizers` when nothing is left.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field

from reconcile.apiserver.access.user import service_account
from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.handlers.store import decode_object
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.resources import Resource
from reconcile.apiserver.status import StatusError
from reconcile.apiserver.storage import Change, StoredObject

_log = logging.getLogger(__name__)
FINALIZER = "kubernetes"
_MANAGER = "kube-controller-manager"
# As admission sees it.
_USER = service_account("kube-system", "namespace-controller")
# Seconds until what was refused is tried again.
_AGAIN = 5.0


@dataclass(slots=True)
class _Content:
    """What is still in a namespace: how many of each resource, held by which finalizers, and why it stays."""

    left: Counter[str] = field(default_factory=Counter[str])
    finalizers: Counter[str] = field(default_factory=Counter[str])
    problems: list[str] = field(default_factory=list[str])


class NamespaceController:
    """Runs as one task of the server."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._storage = parts.store.storage
        self._access = parts.access
        self._terminating: dict[str, None] = {}
        self._todo: dict[str, None] = {}
        self._again: list[str] = []
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
                try:
                    async with asyncio.timeout(_AGAIN if self._again else None):
                        await self._woken.wait()
                except TimeoutError:
                    self._todo.update(dict.fromkeys(self._again))
                    self._again.clear()
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
        """What can be deleted in a namespace, pods first."""
        found: dict[str, Resource] = {}
        for resource in self._parts.registry:
            if resource.type.namespaced and "delete" in resource.verbs and resource.list_kind:
                found.setdefault(resource.type.group_resource, resource)
        return sorted(found.values(), key=lambda resource: resource.storage_name != "pods")

    async def _delete_content(self, name: str) -> None:
        namespace = self._access.read("namespaces", "", name)
        if namespace is None or not namespace["metadata"].get("deletionTimestamp"):
            return
        spec: JSONObject = namespace.get("spec") or {}
        if FINALIZER not in (spec.get("finalizers") or ()):
            return
        content = _Content()
        for resource in self._resources():
            if not await self._delete_all(resource, name, content):
                # Upstream does not count what it could not delete.
                continue
            for item in self._storage.page(resource.storage_name, namespace=name).items:
                content.left[_named(resource)] += 1
                for finalizer in decode_object(item.raw)["metadata"].get("finalizers") or ():
                    content.finalizers[finalizer] += 1
            if resource.storage_name == "pods" and content.left:
                # While there are pods nothing is said of what remains, as upstream has it.
                await self._report(name, _Content(problems=content.problems))
                return
        await self._report(name, content)
        if content.left or content.problems:
            return

        def finalize(obj: JSONObject) -> JSONObject:
            spec = obj.setdefault("spec", {})
            spec["finalizers"] = [item for item in spec.get("finalizers") or () if item != FINALIZER]
            return obj

        await self._access.update("namespaces", "", name, finalize, subresource="finalize", manager=_MANAGER)

    async def _delete_all(self, resource: Resource, namespace: str, content: _Content) -> bool:
        """Delete a collection; whether nothing was in the way."""
        group_resource = resource.type.group_resource
        for item in self._storage.page(resource.storage_name, namespace=namespace).items:
            try:
                await self._access.delete(
                    group_resource,
                    namespace,
                    item.name,
                    {"propagationPolicy": "Background"},
                    user=_USER,
                    collection="deletecollection" in resource.verbs,
                )
            except StatusError as error:
                if error.reason != "NotFound":
                    # The rest of the collection waits for this one.
                    content.problems.append(error.message)
                    self._again.append(namespace)
                    return False
        return True

    async def _report(self, name: str, content: _Content) -> None:
        now = self._parts.runtime.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        conditions = _conditions(content, now)

        def change(obj: JSONObject) -> JSONObject | None:
            status = obj.setdefault("status", {})
            held: list[JSONObject] = list(status.get("conditions") or ())
            places = {item["type"]: index for index, item in enumerate(held)}
            for condition in conditions:
                index = places.get(condition["type"])
                if index is None:
                    held.append(condition)
                    continue
                if held[index]["status"] == condition["status"]:
                    condition["lastTransitionTime"] = held[index].get("lastTransitionTime")
                held[index] = condition
            if status.get("conditions") == held:
                return None
            status["conditions"] = held
            return obj

        await self._access.update("namespaces", "", name, change, subresource="status", manager=_MANAGER)


def _named(resource: Resource) -> str:
    """As the messages of the conditions name a resource: `pods.`, `deployments.apps`."""
    return f"{resource.type.plural}.{resource.type.group}"


def _conditions(content: _Content, now: str) -> list[JSONObject]:
    remaining = _listed(content.left, "has")
    held = _listed(content.finalizers, "in")
    failed = f"Failed to delete all resource types, {len(content.problems)} remaining: " + ", ".join(
        sorted(content.problems)
    )
    rows = [
        (
            "NamespaceDeletionDiscoveryFailure",
            "",
            ("ResourcesDiscovered", "All resources successfully discovered"),
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "",
            ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
        ),
        (
            "NamespaceDeletionContentFailure",
            "ContentDeletionFailed" if content.problems else "",
            ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
        ),
        (
            "NamespaceContentRemaining",
            "SomeResourcesRemain" if content.left else "",
            ("ContentRemoved", "All content successfully removed"),
        ),
        (
            "NamespaceFinalizersRemaining",
            "SomeFinalizersRemain" if content.finalizers else "",
            ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
        ),
    ]
    texts = {
        "ContentDeletionFailed": failed,
        "SomeResourcesRemain": f"Some resources are remaining: {remaining}",
        "SomeFinalizersRemain": f"Some content in the namespace has finalizers remaining: {held}",
    }
    return [
        {
            "type": name,
            "status": "True" if reason else "False",
            "lastTransitionTime": now,
            "reason": reason or well[0],
            "message": texts[reason] if reason else well[1],
        }
        for name, reason, well in rows
    ]


def _listed(counts: Counter[str], word: str) -> str:
    return ", ".join(sorted(f"{name} {word} {count} resource instances" for name, count in counts.items()))
