"""Lets deleted claims, volumes and their attribute classes go once nothing uses them.

Admission gives each a finalizer; this takes it away: from a claim when no pod on a node has it, from a volume
when it is not bound, from a class when no claim and no volume names it. The rules are those of
kube-controller-manager's protection controllers.
"""

from __future__ import annotations

import asyncio
import logging

from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.handlers.store import decode_object
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.status import StatusError
from reconcile.apiserver.storage import Change, StoredObject

_log = logging.getLogger(__name__)
_CLAIMS, _VOLUMES, _CLASSES = (
    "persistentvolumeclaims",
    "persistentvolumes",
    "volumeattributesclasses.storage.k8s.io",
)
_FINALIZERS = {
    _CLAIMS: "kubernetes.io/pvc-protection",
    _VOLUMES: "kubernetes.io/pv-protection",
    _CLASSES: "kubernetes.io/vac-protection",
}
_USERS = frozenset({"pods", _CLAIMS, _VOLUMES})


class StorageProtection:
    """Runs as one task of the server."""

    def __init__(self, parts: Parts) -> None:
        self._storage = parts.store.storage
        self._access = parts.access
        # What is deleted and still in use, by collection and key.
        self._waiting: dict[tuple[str, str], StoredObject] = {}
        self._stale = True
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Release until cancelled."""
        ends = (
            self._storage.feed(self._note, _USERS.union(_FINALIZERS)),
            self._storage.on_restore(self._restored),
        )
        try:
            self._woken.set()
            while True:
                await self._woken.wait()
                self._woken.clear()
                if self._stale:
                    self._scan()
                for key, item in list(self._waiting.items()):
                    if key in self._waiting and not self._in_use(key[0], item):
                        await self._release(key[0], item)
        finally:
            for end in ends:
                end()

    def _restored(self) -> None:
        self._stale = True
        self._woken.set()

    def _scan(self) -> None:
        self._stale = False
        self._waiting = {}
        for collection in _FINALIZERS:
            for item in self._storage.page(collection).items:
                self._look(collection, item)

    def _look(self, collection: str, item: StoredObject) -> None:
        key = (collection, item.key)
        if b'"deletionTimestamp"' in item.raw:
            meta = decode_object(item.raw)["metadata"]
            if meta.get("deletionTimestamp") and _FINALIZERS[collection] in (meta.get("finalizers") or ()):
                self._waiting[key] = item
                self._woken.set()
                return
        self._waiting.pop(key, None)

    def _note(self, collection: str, change: Change) -> None:
        if collection in _FINALIZERS:
            if change.type == "DELETED":
                self._waiting.pop((collection, change.object.key), None)
            else:
                self._look(collection, change.object)
        if self._waiting and collection in _USERS:
            self._woken.set()

    def _in_use(self, collection: str, item: StoredObject) -> bool:
        match collection:
            case "persistentvolumeclaims":
                return any(uses(pod, item) for pod in self._access.read_all("pods", item.namespace))
            case "persistentvolumes":
                return (decode_object(item.raw).get("status") or {}).get("phase") == "Bound"
            case _:
                holders = (*self._access.read_all(_CLAIMS), *self._access.read_all(_VOLUMES))
                return any(item.name in classes_of(holder) for holder in holders)

    async def _release(self, collection: str, item: StoredObject) -> None:
        finalizer = _FINALIZERS[collection]

        def change(obj: JSONObject) -> JSONObject | None:
            held: list[str] = obj["metadata"].get("finalizers") or []
            if obj["metadata"].get("uid") != item.uid or finalizer not in held:
                return None
            obj["metadata"]["finalizers"] = [each for each in held if each != finalizer]
            return obj

        try:
            await self._access.update(
                collection, item.namespace, item.name, change, manager="kube-controller-manager"
            )
        except StatusError as error:
            if error.reason != "NotFound":
                _log.warning("%s %s: %s", collection, item.key, error)
                self._waiting.pop((collection, item.key), None)


def uses(pod: JSONObject, claim: StoredObject) -> bool:
    """Whether the pod, on a node, has the claim among its volumes."""
    spec: JSONObject = pod.get("spec") or {}
    if not spec.get("nodeName"):
        return False
    meta: JSONObject = pod["metadata"]
    gone = bool(meta.get("deletionTimestamp")) and meta.get("deletionGracePeriodSeconds") == 0
    for volume in spec.get("volumes") or ():
        if (volume.get("persistentVolumeClaim") or {}).get("claimName") == claim.name:
            return True
        own = volume.get("ephemeral") is not None and f"{meta['name']}-{volume.get('name')}" == claim.name
        if own and not gone:
            return True
    return False


def classes_of(obj: JSONObject) -> set[str | None]:
    """The volume attributes classes that a claim or a volume names."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return {
        spec.get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    }
