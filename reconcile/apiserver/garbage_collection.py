"""Garbage collection by owner references: background, foreground, orphan.

    every change ──▶ OwnerGraph ──▶ what must be looked at ──▶ task: look at the stored objects, delete,
                                                               cut references, take finalizers away

The graph only says where to look; each decision is made on the objects as they are stored. The rules
are those of kube-controller-manager's garbage collector: an object whose owners are all gone is deleted; one
with some owner left loses the references to those that are gone. An owner is gone when nothing of its
coordinates and uid exists, looked for in the dependent's own namespace; an owner reference that cannot
be resolved (unknown kind, namespaced owner of a cluster-scoped object) decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Literal

import msgspec

from reconcile.apiserver.handlers.deletes import FOREGROUND, ORPHAN
from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.status import StatusError
from reconcile.apiserver.storage import Change, SortedMap, StoredObject

_log = logging.getLogger(__name__)


class _Owner(msgspec.Struct, frozen=True, rename="camel"):
    uid: str = ""
    api_version: str = ""
    kind: str = ""
    name: str = ""
    block_owner_deletion: bool | None = None


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    deletion_timestamp: str | None = None
    finalizers: list[str] | None = None
    owner_references: list[_Owner] | None = None


class _Object(msgspec.Struct, frozen=True):
    metadata: _Meta


_meta_of = msgspec.json.Decoder(_Object).decode
_NO_META = _Meta()


class Node(msgspec.Struct, frozen=True):
    """What the graph knows of one object."""

    group_resource: str
    namespace: str
    name: str
    uid: str
    owners: tuple[_Owner, ...] = ()
    finalizing: bool = False
    """Being deleted, with a finalizer of garbage collection."""
    links: tuple[str, ...] = ()
    """Where the graph names it under its owners."""


class OwnerGraph:
    """Which object depends on which, by uid. Pure: says what to look at after each change.

    It is made of maps whose versions share what did not change, so that a copy costs the same for any size.
    It holds objects that have owners, and those in a deletion that owners or dependents take part in.
    """

    def __init__(self) -> None:
        self.nodes: SortedMap[Node] = SortedMap()
        # Under `<uid of the owner>/<number>` the uid of a dependent; numbers count up, so that dependents
        # stand in the order in which they came.
        self._links: SortedMap[str] = SortedMap()
        self._count = 0

    def copy(self) -> OwnerGraph:
        """A graph of its own with the same content."""
        made = OwnerGraph()
        made.nodes, made._links, made._count = self.nodes, self._links, self._count
        return made

    def dependents(self, uid: str) -> list[Node]:
        """The objects that name `uid` as an owner, in the order in which they came."""
        found = [self.nodes.get(item) for item in self._uids_below(uid)]
        return [node for node in found if node is not None]

    def _uids_below(self, uid: str) -> list[str]:
        # "0" follows on "/".
        return list(dict.fromkeys(self._links.values(f"{uid}/", f"{uid}0")))

    def put(self, collection: str, item: StoredObject) -> list[str]:
        """An object was created or changed. Returns the uids to look at."""
        raw = item.raw
        interesting = b'"ownerReferences"' in raw or b'"deletionTimestamp"' in raw
        before = self.nodes.get(item.uid)
        if before is None and not interesting:
            return []
        meta = _meta_of(raw).metadata if interesting else _NO_META
        owners = tuple(meta.owner_references or ())
        held = meta.finalizers or ()
        finalizing = meta.deletion_timestamp is not None and (ORPHAN in held or FOREGROUND in held)
        old_owners = before.owners if before is not None else ()
        links = before.links if before is not None else ()
        if owners != old_owners:
            links = self._link(item.uid, owners, links)
        node = Node(collection, item.namespace, item.name, item.uid, owners, finalizing, links)
        if node != before:
            self.nodes = self.nodes.set(item.uid, node)
        todo: list[str] = []
        if owners and owners != old_owners:
            todo.append(item.uid)
        if finalizing:
            # Foreground deletion ends when dependents stop blocking; look each time.
            todo.append(item.uid)
        # An owner in foreground deletion may wait for this one.
        todo += [owner.uid for owner in old_owners if owner not in owners]
        return todo

    def _link(self, uid: str, owners: tuple[_Owner, ...], old: tuple[str, ...]) -> tuple[str, ...]:
        """Name `uid` under its owners in place of its old links; returns the new ones."""
        links = self._links
        for link in old:
            links = links.remove(link)
        made: list[str] = []
        for owner in dict.fromkeys(owner.uid for owner in owners):
            made.append(f"{owner}/{self._count:016x}")
            links = links.set(made[-1], uid)
            self._count += 1
        self._links = links
        return tuple(made)

    def remove(self, item: StoredObject) -> list[str]:
        """An object is gone. Returns the uids to look at: dependents, and owners that may have waited."""
        todo = self._uids_below(item.uid)
        node = self.nodes.get(item.uid)
        if node is not None:
            self.nodes = self.nodes.remove(item.uid)
            self._link(item.uid, (), node.links)
            todo += [owner.uid for owner in node.owners]
        return todo


class GarbageCollector:
    """Runs as one task of the server."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._storage = parts.store.storage
        self._access = parts.access
        self._graph = OwnerGraph()
        self._todo: dict[str, None] = {}
        self._looking: str | None = None
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Collect until cancelled."""
        ends = (
            self._storage.feed(self._note),
            self._storage.follow("garbage collection", self._kept, self._restored),
        )
        try:
            self._scan()
            while True:
                await self._woken.wait()
                self._woken.clear()
                while self._todo:
                    uid = self._looking = next(iter(self._todo))
                    del self._todo[uid]
                    try:
                        await self._look_at(uid)
                    except StatusError as error:
                        if error.reason == "Conflict":
                            self._todo[uid] = None
                            await asyncio.sleep(0)
                        elif error.reason != "NotFound":
                            _log.warning("garbage collection: %s", error)
                    finally:
                        self._looking = None
        finally:
            for end in ends:
                end()

    def _kept(self) -> object:
        """For a snapshot: the graph as it is, and what waits to be looked at."""
        waiting = dict(self._todo) if self._looking is None else {self._looking: None, **self._todo}
        return self._graph.copy(), waiting

    def _restored(self, kept: Any) -> None:
        if kept is None:
            self._scan()
            return
        graph, waiting = kept
        self._graph, self._todo = graph.copy(), {}
        self._queue(list(waiting))

    def _scan(self) -> None:
        self._graph = OwnerGraph()
        self._todo = {}
        for collection in self._storage.collections():
            for item in collection.objects.values():
                self._queue(self._graph.put(collection.name, item))

    def _note(self, collection: str, change: Change) -> None:
        if change.type == "DELETED":
            self._queue(self._graph.remove(change.object))
        else:
            self._queue(self._graph.put(collection, change.object))

    def _queue(self, uids: list[str]) -> None:
        if uids:
            for uid in uids:
                self._todo[uid] = None
            self._woken.set()

    async def _look_at(self, uid: str) -> None:
        node = self._graph.nodes.get(uid)
        if node is None:
            return
        obj = self._access.read(node.group_resource, node.namespace, node.name)
        if obj is None or obj["metadata"].get("uid") != uid:
            return
        meta = obj["metadata"]
        if node.finalizing:
            finalizers: list[str] = meta.get("finalizers") or []
            if ORPHAN in finalizers:
                await self._orphan(node)
                return
            if FOREGROUND in finalizers and await self._foreground(node):
                return
        if node.owners and (not meta.get("deletionTimestamp") or node.finalizing):
            await self._check_owners(node, obj)

    async def _orphan(self, node: Node) -> None:
        for dependent in self._graph.dependents(node.uid):
            await self._cut(dependent, {node.uid})
        await self._drop_finalizer(node, ORPHAN)

    async def _foreground(self, node: Node) -> bool:
        """Let dependents go before their owner; whether the owner was released."""
        blocking = False
        for dependent in self._graph.dependents(node.uid):
            blocking = blocking or any(
                owner.uid == node.uid and owner.block_owner_deletion for owner in dependent.owners
            )
            # One that waits for its own dependents is looked at when these go; in a circle never otherwise.
            if not dependent.finalizing:
                self._queue([dependent.uid])
        if not blocking:
            await self._drop_finalizer(node, FOREGROUND)
        return not blocking

    async def _check_owners(self, node: Node, obj: JSONObject) -> None:
        solid = False
        gone: set[str] = set()
        waiting: set[str] = set()
        for owner in node.owners:
            state = self._state_of(node, owner)
            if state == "unknown":
                return
            if state == "solid":
                solid = True
            elif state == "waiting":
                waiting.add(owner.uid)
            else:
                gone.add(owner.uid)
        meta = obj["metadata"]
        if solid:
            if gone or waiting:
                await self._cut(node, gone | waiting)
            return
        if meta.get("deletionTimestamp"):
            return
        finalizers: list[str] = meta.get("finalizers") or []
        dependents = self._graph.dependents(node.uid) if waiting else []
        if dependents:
            if any(dependent.finalizing for dependent in dependents):
                # It may be a circle, in which each would wait for the next: this one is waited for no more.
                meta = (await self._unblock(node))["metadata"]
            policy = "Foreground"
        elif ORPHAN in finalizers:
            policy = "Orphan"
        elif FOREGROUND in finalizers:
            policy = "Foreground"
        else:
            policy = "Background"
        options: JSONObject = {"propagationPolicy": policy, "preconditions": {"uid": node.uid}}
        options["preconditions"]["resourceVersion"] = meta["resourceVersion"]
        await self._access.delete(node.group_resource, node.namespace, node.name, options)

    def _state_of(self, node: Node, owner: _Owner) -> Literal["solid", "waiting", "gone", "unknown"]:
        resource = self._parts.registry.for_kind(owner.api_version, owner.kind)
        if resource is None:
            return "unknown"
        if resource.type.namespaced and not node.namespace:
            return "unknown"
        namespace = node.namespace if resource.type.namespaced else ""
        found = self._access.read(resource.type.group_resource, namespace, owner.name)
        if found is None or found["metadata"].get("uid") != owner.uid:
            return "gone"
        meta = found["metadata"]
        if meta.get("deletionTimestamp") and FOREGROUND in (meta.get("finalizers") or ()):
            return "waiting"
        return "solid"

    async def _unblock(self, node: Node) -> JSONObject:
        """Have no owner wait for it."""

        def change(obj: JSONObject) -> JSONObject | None:
            owners: list[JSONObject] = obj["metadata"].get("ownerReferences") or []
            if obj["metadata"].get("uid") != node.uid:
                return None
            for owner in owners:
                if owner.get("blockOwnerDeletion"):
                    owner["blockOwnerDeletion"] = False
            return obj

        return await self._access.update(node.group_resource, node.namespace, node.name, change)

    async def _cut(self, node: Node, uids: set[str]) -> None:
        """Remove the references to these owners."""

        def change(obj: JSONObject) -> JSONObject | None:
            owners: list[JSONObject] = obj["metadata"].get("ownerReferences") or []
            kept = [owner for owner in owners if owner.get("uid") not in uids]
            if obj["metadata"].get("uid") != node.uid or len(kept) == len(owners):
                return None
            if kept:
                obj["metadata"]["ownerReferences"] = kept
            else:
                del obj["metadata"]["ownerReferences"]
            return obj

        try:
            await self._access.update(node.group_resource, node.namespace, node.name, change)
        except StatusError as error:
            if error.reason != "NotFound":
                raise

    async def _drop_finalizer(self, node: Node, finalizer: str) -> None:
        def change(obj: JSONObject) -> JSONObject | None:
            held: list[str] = obj["metadata"].get("finalizers") or []
            if obj["metadata"].get("uid") != node.uid or finalizer not in held:
                return None
            obj["metadata"]["finalizers"] = [item for item in held if item != finalizer]
            return obj

        try:
            await self._access.update(node.group_resource, node.namespace, node.name, change)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
