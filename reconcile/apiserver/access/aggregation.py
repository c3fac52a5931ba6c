"""The controller that fills aggregated ClusterRoles with the rules of those that their selectors match."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from reconcile.apiserver.access.rbac import GROUP
from reconcile.apiserver.handlers.messages import Request, Response
from reconcile.apiserver.handlers.store import decode_object
from reconcile.apiserver.interfaces import LOOPBACK, JSONObject
from reconcile.apiserver.storage import Change, Storage
from reconcile.objects.selectors import Selector

_CLUSTER_ROLES: Final = f"clusterroles.{GROUP}"
_MANAGER: Final = "clusterrole-aggregation-controller"


class RoleAggregation:
    """Runs as one task of the server, beginning with `sync`; writes by server-side apply, as the real one."""

    def __init__(self, storage: Storage, handle: Callable[[Request], Awaitable[Response]]) -> None:
        self._storage = storage
        self._handle = handle
        self._woken = asyncio.Event()

    async def sync(self) -> None:
        """Bring every aggregated role up to date, also those that gather other aggregated ones."""
        roles = {held.name: decode_object(held.raw) for held in self._storage.page(_CLUSTER_ROLES).items}
        # As many turns as roles at most: each turn settles those whose sources are settled.
        for _ in roles:
            changed = False
            for name, role in roles.items():
                if role.get("aggregationRule") is None:
                    continue
                rules = gathered(role, roles)
                if rules != (role.get("rules") or []):
                    role["rules"] = rules
                    changed = True
                    await self._apply(name, rules)
            if not changed:
                return

    async def _apply(self, name: str, rules: list[JSONObject]) -> None:
        body: JSONObject = {
            "apiVersion": f"{GROUP}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
        }
        if rules:
            # An empty list is none for the real controller's client: it gives up the field.
            body["rules"] = rules
        path = f"/apis/{GROUP}/v1/clusterroles/{name}"
        query = (("fieldManager", _MANAGER), ("force", "true"))
        headers = {"content-type": "application/apply-patch+yaml", "accept": "application/json"}
        # A role that went meanwhile would be made anew by apply: the next turn would not find it either.
        if self._storage.get(_CLUSTER_ROLES, name) is not None:
            await self._handle(Request("PATCH", path, query, headers, msgspec.json.encode(body), LOOPBACK))

    def _note(self, collection: str, change: Change) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Follow ClusterRoles until cancelled."""
        ends = (
            self._storage.feed(self._note, (_CLUSTER_ROLES,)),
            self._storage.on_restore(self._woken.set),
        )
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                await self.sync()
        finally:
            for end in ends:
                end()


def gathered(role: JSONObject, roles: dict[str, JSONObject]) -> list[JSONObject]:
    """The rules that an aggregated role has to have: selector by selector, roles by name, each rule once."""
    found: list[JSONObject] = []
    for selector in role["aggregationRule"].get("clusterRoleSelectors") or ():
        matches = Selector.from_api(selector)
        for name in sorted(roles):
            other = roles[name]
            if name == role["metadata"]["name"] or not matches.matches(other["metadata"].get("labels") or {}):
                continue
            for rule in other.get("rules") or ():
                if rule not in found:
                    found.append(rule)
    return found
