"""Keeps the registry in step with the CustomResourceDefinitions.

A definition is watched like by any client: each change of one establishes it (names, conditions), serves or
ends its resources, and on deletion removes their objects before the definition itself may go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.handlers.reads import Reader
from reconcile.apiserver.handlers.store import decode_object
from reconcile.apiserver.interfaces import CustomConversion, JSONObject
from reconcile.apiserver.resources import Resource
from reconcile.apiserver.status import StatusError
from reconcile.apiserver.storage import StoredObject
from reconcile.objects.times import format_time

if TYPE_CHECKING:
    from reconcile.apiserver.customresources.schema import CustomSchema

_log = logging.getLogger(__name__)
DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


class CustomResources:
    """Serves what the definitions define. Runs as one task of the server."""

    def __init__(self, parts: Parts, reader: Reader) -> None:
        self._parts = parts
        self._reader = reader
        self._access = parts.access
        self._served: dict[str, tuple[str, tuple[Resource, ...]]] = {}
        # What each definition calls itself, by its version; and beside which others' names it was settled.
        self._names: dict[str, tuple[StoredObject, JSONObject]] = {}
        self._settled: dict[str, tuple[StoredObject, list[JSONObject]]] = {}
        self._syncing = asyncio.Lock()

    async def sync(self) -> None:
        """Bring the registry in step with all definitions as they are now."""
        async with self._syncing:
            await self._sync()

    async def _sync(self) -> None:
        storage = self._parts.store.storage
        held = {item.name: item for item in storage.page(DEFINITIONS).items}
        for name in [name for name in self._served if name not in held]:
            self._end(name)
        self._names = {name: self._named(item) for name, item in held.items()}
        self._settled = {name: found for name, found in self._settled.items() if name in held}
        for item in held.values():
            group = self._names[item.name][1]["spec"]["group"]
            others = [
                names
                for name, (_, names) in self._names.items()
                if name != item.name and names["spec"]["group"] == group
            ]
            settled = self._settled.get(item.name)
            if settled is not None and settled[0] is item and settled[1] == others:
                continue
            try:
                await self._sync_one(item, others)
            except StatusError as error:
                _log.warning("definition %s: %s", item.name, error)

    def _named(self, item: StoredObject) -> tuple[StoredObject, JSONObject]:
        """What other definitions must know of one: its group, and the names that it has."""
        held = self._names.get(item.name)
        if held is not None and held[0] is item:
            return held
        definition = decode_object(item.raw)
        names = (definition.get("status") or {}).get("acceptedNames") or {}
        group = definition["spec"]["group"]
        return item, {"spec": {"group": group}, "status": {"acceptedNames": names}}

    async def _sync_one(self, item: StoredObject, others: list[JSONObject]) -> None:
        from reconcile.apiserver.customresources import establish

        definition = decode_object(item.raw)
        established = establish(decode_object(item.raw), others, now=format_time(self._access.runtime.now()))
        if established.get("status") != definition.get("status"):

            def change(old: JSONObject) -> JSONObject:
                old["status"] = established.get("status")
                return old

            definition = await self._access.update(DEFINITIONS, "", item.name, change, subresource="status")
            written = self._parts.store.storage.get(DEFINITIONS, item.name)
            if written is not None:
                # Later ones of the same round reckon with the names that this one has now.
                item, self._names[item.name] = written, self._named(written)
        if definition["metadata"].get("deletionTimestamp"):
            await self._remove(definition)
            return
        self._serve(definition)
        self._settled[item.name] = (item, others)

    @property
    def _definitions(self) -> Resource:
        found = self._parts.registry.preferred(DEFINITIONS)
        assert found is not None
        return found

    def _serve(self, definition: JSONObject) -> None:
        from reconcile.apiserver.customresources import custom_resources

        name: str = definition["metadata"]["name"]
        # Status changes don't change what is served, once established.
        mark = f"{definition['metadata']['uid']}/{definition['metadata'].get('generation')}"
        held = self._served.get(name)
        storage = self._parts.store.storage
        # What is there was stored under another definition, or by another run of the server.
        known = held is not None or bool(storage.page(name, limit=1).items)
        since = storage.revision + 1 if known else 0
        resources = custom_resources(definition, self._converting, since=since)
        if held is not None and held[0] == mark and len(held[1]) == len(resources):
            return
        if held is not None and not held[0].startswith(definition["metadata"]["uid"]):
            self._end(name)
        if resources:
            self._served[name] = (mark, resources)
        elif held is not None:
            del self._served[name]
        self._parts.registry.replace(name, resources)
        if held is not None:
            # Another schema, or a version that is served no more: watches begin anew.
            self._reader.end_watches(name)

    def _converting(self, webhook: JSONObject, schemas: Mapping[str, CustomSchema]) -> CustomConversion:
        from reconcile.apiserver.customresources.webhook_conversion import WebhookConversion

        outside = self._parts.outside
        assert outside is not None
        return WebhookConversion(webhook, outside.caller, schemas, self._parts.runtime.uuid)

    def _end(self, name: str) -> None:
        self._served.pop(name, None)
        self._parts.registry.replace(name, ())
        self._reader.end_watches(name)

    async def _remove(self, definition: JSONObject) -> None:
        """Delete the objects of a definition that is being deleted, then let it go."""
        name: str = definition["metadata"]["name"]
        if CLEANUP not in (definition["metadata"].get("finalizers") or ()):
            return
        storage = self._parts.store.storage
        resource = self._parts.registry.preferred(name)
        if resource is not None:
            for item in storage.page(resource.storage_name).items:
                try:
                    await self._access.delete(name, item.namespace, item.name)
                except StatusError as error:
                    if error.reason != "NotFound":
                        raise
            if storage.page(resource.storage_name, limit=1).items:
                # Finalizers hold some of them.
                return
        self._end(name)

        def change(old: JSONObject) -> JSONObject:
            kept = [item for item in old["metadata"].get("finalizers") or () if item != CLEANUP]
            old["metadata"]["finalizers"] = kept
            return old

        try:
            await self._access.update(DEFINITIONS, "", name, change)
        except StatusError as error:
            if error.reason != "NotFound":
                raise

    async def run(self) -> None:
        """Follow the definitions until cancelled."""
        storage = self._parts.store.storage
        woken = asyncio.Event()
        while True:
            unsubscribe = [storage.collection(DEFINITIONS).subscribe(woken.set)]
            unsubscribe.append(storage.on_restore(woken.set))
            # Objects whose finalizers hold a definition that is being deleted.
            for _, resources in self._served.values():
                name = resources[0].storage_name
                definition = self._access.read(DEFINITIONS, "", name)
                if definition is not None and definition["metadata"].get("deletionTimestamp"):
                    unsubscribe.append(storage.collection(name).subscribe(woken.set))
            woken.clear()
            try:
                await self.sync()
                await woken.wait()
            finally:
                for end in unsubscribe:
                    end()
