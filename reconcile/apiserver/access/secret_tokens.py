"""Secrets of type `kubernetes.io/service-account-token` get a token, and go with their account."""

from __future__ import annotations

import asyncio
import base64
from typing import Final

from reconcile.apiserver.access.service_account_tokens import LEGACY_ISSUER
from reconcile.apiserver.interfaces import Access, JSONObject
from reconcile.apiserver.status import StatusError
from reconcile.apiserver.storage import Change, Storage

_TYPE: Final = "kubernetes.io/service-account-token"
_NAME: Final = "kubernetes.io/service-account.name"
_UID: Final = "kubernetes.io/service-account.uid"
_CLAIM: Final = "kubernetes.io/serviceaccount"


class SecretTokens:
    """Runs as one task of the server: the tokens controller of kube-controller-manager."""

    def __init__(self, storage: Storage, access: Access) -> None:
        self._storage = storage
        self._access = access
        self._todo: dict[tuple[str, str], None] = {}
        self._woken = asyncio.Event()

    def _note(self, collection: str, change: Change) -> None:
        item = change.object
        if collection == "secrets":
            if item.fields.get("type") == _TYPE and change.type != "DELETED":
                self._todo[item.namespace, item.name] = None
                self._woken.set()
        elif collection == "serviceaccounts" and change.type == "DELETED":
            self._note_all(item.namespace)

    def _note_all(self, namespace: str = "") -> None:
        for item in self._storage.page("secrets", namespace=namespace).items:
            if item.fields.get("type") == _TYPE:
                self._todo[item.namespace, item.name] = None
                self._woken.set()

    async def run(self) -> None:
        """Follow secrets and service accounts until cancelled."""
        ends = (
            self._storage.feed(self._note, ("secrets", "serviceaccounts")),
            self._storage.on_restore(self._note_all),
        )
        self._note_all()
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                while self._todo:
                    place = next(iter(self._todo))
                    del self._todo[place]
                    try:
                        await self._fill(*place)
                    except StatusError as error:
                        # Changed or gone meanwhile: there is another note about it, or nothing to do.
                        if error.reason not in ("Conflict", "NotFound", "Forbidden"):
                            raise
        finally:
            for end in ends:
                end()

    async def _fill(self, namespace: str, name: str) -> None:
        secret = self._access.read("secrets", namespace, name)
        if secret is None or secret["metadata"].get("deletionTimestamp"):
            return
        annotations: JSONObject = secret["metadata"].get("annotations") or {}
        account_name = annotations.get(_NAME)
        if not account_name:
            return
        account = self._access.read("serviceaccounts", namespace, account_name)
        if account is None or annotations.get(_UID, account["metadata"]["uid"]) != account["metadata"]["uid"]:
            await self._access.delete("secrets", namespace, name)
            return
        data: JSONObject = secret.get("data") or {}
        if data.get("token") and data.get("namespace"):
            return
        uid: str = account["metadata"]["uid"]

        def change(now: JSONObject) -> JSONObject | None:
            if now["metadata"]["uid"] != secret["metadata"]["uid"]:
                return None
            token = self._access.tokens.sign(
                {
                    "iss": LEGACY_ISSUER,
                    "sub": f"system:serviceaccount:{namespace}:{account_name}",
                    f"{_CLAIM}/namespace": namespace,
                    f"{_CLAIM}/secret.name": name,
                    f"{_CLAIM}/service-account.name": account_name,
                    f"{_CLAIM}/service-account.uid": uid,
                }
            )
            values = now.get("data") or {}
            values.setdefault("namespace", base64.b64encode(namespace.encode()).decode())
            values.setdefault("token", base64.b64encode(token.encode()).decode())
            now["data"] = values
            now["metadata"]["annotations"] = {**(now["metadata"].get("annotations") or {}), _UID: uid}
            return now

        await self._access.update("secrets", namespace, name, change)
