"""APIServices of custom kinds: one for each group and version that a definition serves.

As kube-apiserver's crdregistration and kube-aggregator's autoregister controllers: an APIService that carries
their label comes, changes and goes with the definitions; one that somebody made without it is left alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final

from reconcile.apiserver.aggregation.remote import API_SERVICES
from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.handlers.store import decode_object
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.status import StatusError

_log = logging.getLogger(__name__)
_DEFINITIONS: Final = "customresourcedefinitions.apiextensions.k8s.io"
_LABEL: Final = "kube-aggregator.kubernetes.io/automanaged"
_ALWAYS: Final = "true"
# Custom kinds come after the server's own, and their versions in the order that all clients know.
GROUP_PRIORITY: Final = 1000
VERSION_PRIORITY: Final = 100


class Registration:
    """Runs as one task of a server that listens."""

    def __init__(self, parts: Parts) -> None:
        self._storage = parts.store.storage
        self._access = parts.access
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Keep APIServices in step until cancelled."""
        ends = (
            self._storage.feed(lambda collection, change: self._woken.set(), (_DEFINITIONS, API_SERVICES)),
            self._storage.on_restore(self._woken.set),
        )
        try:
            while True:
                self._woken.clear()
                await self._sync()
                await self._woken.wait()
        finally:
            for end in ends:
                end()

    async def _sync(self) -> None:
        wanted: dict[str, JSONObject] = {}
        for item in self._storage.page(_DEFINITIONS).items:
            spec = decode_object(item.raw)["spec"]
            for version in spec.get("versions") or ():
                if version.get("served"):
                    wanted[f"{version['name']}.{spec['group']}"] = _spec(spec["group"], version["name"])
        held = {item.name: item for item in self._storage.page(API_SERVICES).items}
        for name, spec in wanted.items():
            if name not in held:
                made = {"metadata": {"name": name, "labels": {_LABEL: _ALWAYS}}, "spec": spec}
                await self._tried(name, self._access.create(API_SERVICES, made))
        for name, item in held.items():
            if item.labels.get(_LABEL) != _ALWAYS:
                continue
            if name not in wanted:
                options = {"preconditions": {"uid": item.uid}}
                await self._tried(name, self._access.delete(API_SERVICES, "", name, options))
            elif decode_object(item.raw).get("spec") != wanted[name]:
                await self._tried(name, self._changed(name, wanted[name]))

    async def _changed(self, name: str, spec: JSONObject) -> None:
        await self._access.update(API_SERVICES, "", name, lambda old: {**old, "spec": spec})

    async def _tried(self, name: str, write: Awaitable[object]) -> None:
        try:
            await write
        except StatusError as error:
            # Gone, changed or made in the meantime: then there is another event.
            if error.reason not in ("NotFound", "Conflict", "AlreadyExists"):
                _log.warning("API service %s: %s", name, error)


def _spec(group: str, version: str) -> JSONObject:
    return {
        "group": group,
        "version": version,
        "groupPriorityMinimum": GROUP_PRIORITY,
        "versionPriority": VERSION_PRIORITY,
    }
