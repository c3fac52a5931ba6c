"""Each namespace gets its `default` ServiceAccount and the `kube-root-ca.crt` ConfigMap, and keeps them."""

from __future__ import annotations

import asyncio

from reconcile.apiserver.handlers.store import decode_object
from reconcile.apiserver.interfaces import Access, JSONObject
from reconcile.apiserver.status import StatusError
from reconcile.apiserver.storage import Change, Storage

ROOT_CA = "kube-root-ca.crt"
_DESCRIPTION_KEY = "kubernetes.io/description"
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such "
    "as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across "
    "distributions of Kubernetes clusters."
)


class ServiceAccountPublisher:
    """Runs as one task of the server, beginning with `sync`.

    Attributes:
        certificate: the authority's certificate, PEM; empty when the server has none.
    """

    def __init__(self, storage: Storage, access: Access, certificate: str = "") -> None:
        self._storage = storage
        self._access = access
        self._todo: dict[str, None] = {}
        self._doing: tuple[str, ...] = ()
        self._woken = asyncio.Event()
        self.certificate = certificate

    async def sync(self) -> None:
        """Create what is missing in every namespace."""
        for item in self._storage.page("namespaces").items:
            await self._publish(item.name)

    async def _publish(self, namespace: str) -> None:
        held = self._storage.get("namespaces", namespace)
        if held is None or decode_object(held.raw)["metadata"].get("deletionTimestamp"):
            return
        await self._ensure("serviceaccounts", namespace, {"metadata": {"name": "default"}})
        metadata = {"name": ROOT_CA, "annotations": {_DESCRIPTION_KEY: _DESCRIPTION}}
        config_map = {"metadata": metadata, "data": {"ca.crt": self.certificate}}
        await self._ensure("configmaps", namespace, config_map)
        await self._put_right(namespace)

    async def _put_right(self, namespace: str) -> None:
        """Whatever somebody wrote into the ConfigMap goes; other annotations of it may stay."""

        def right(old: JSONObject) -> JSONObject | None:
            annotations = {**(old["metadata"].get("annotations") or {}), _DESCRIPTION_KEY: _DESCRIPTION}
            metadata = {**old["metadata"], "annotations": annotations}
            new = {**old, "metadata": metadata, "data": {"ca.crt": self.certificate}}
            new.pop("binaryData", None)
            return None if new == old else new

        held = self._access.read("configmaps", namespace, ROOT_CA)
        if held is None or right(held) is None:
            return
        try:
            await self._access.update("configmaps", namespace, ROOT_CA, right)
        except StatusError as error:
            # It went meanwhile, or somebody has made it immutable.
            if error.reason not in ("NotFound", "Invalid"):
                raise

    def authority(self, certificate: str) -> None:
        """From now on this is the authority to trust, PEM; every namespace is told."""
        if certificate != self.certificate:
            self.certificate = certificate
            self._note_all()

    async def _ensure(self, group_resource: str, namespace: str, obj: JSONObject) -> None:
        if self._access.exists(group_resource, namespace, obj["metadata"]["name"]):
            return
        obj["metadata"]["namespace"] = namespace
        try:
            await self._access.create(group_resource, obj)
        except StatusError as error:
            # The namespace went meanwhile, or another was faster.
            if error.reason not in ("AlreadyExists", "NotFound", "Forbidden"):
                raise

    def _note(self, collection: str, change: Change) -> None:
        item = change.object
        if collection == "namespaces":
            concerned = change.type == "ADDED" and item.name
        elif collection == "serviceaccounts":
            concerned = change.type == "DELETED" and item.name == "default" and item.namespace
        elif collection == "configmaps":
            concerned = change.type != "ADDED" and item.name == ROOT_CA and item.namespace
        else:
            return
        if concerned:
            self._todo[concerned] = None
            self._woken.set()

    def _restored(self, waiting: tuple[str, ...] | None) -> None:
        if waiting is None:
            self._note_all()
            return
        self._todo = dict.fromkeys(waiting)
        self._woken.set()

    def _note_all(self) -> None:
        for item in self._storage.page("namespaces").items:
            self._todo[item.name] = None
        self._woken.set()

    async def run(self) -> None:
        """Follow namespaces, accounts and maps until cancelled."""
        ends = (
            self._storage.feed(self._note, ("namespaces", "serviceaccounts", "configmaps")),
            self._storage.follow("service accounts", lambda: (*self._doing, *self._todo), self._restored),
        )
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                while self._todo:
                    namespace = next(iter(self._todo))
                    del self._todo[namespace]
                    self._doing = (namespace,)
                    await self._publish(namespace)
                    self._doing = ()
        finally:
            for end in ends:
                end()
