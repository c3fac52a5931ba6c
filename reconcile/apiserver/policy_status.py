"""Says in the status of ValidatingAdmissionPolicies where their expressions do not fit what they are about.

As kube-controller-manager's `validatingadmissionpolicy-status` controller: once for each generation of a
policy. What is found only warns; admission does not go by it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.status import StatusError
from reconcile.apiserver.storage import Change
from reconcile.objects.identity import GroupVersionKind

if TYPE_CHECKING:
    from reconcile.apiserver.admission.policies.type_checking import TypeChecker

_log = logging.getLogger(__name__)
_POLICIES = "validatingadmissionpolicies.admissionregistration.k8s.io"
_MANAGER = "validatingadmissionpolicy-status"


class PolicyStatus:
    """Runs as one task of the server."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._storage = parts.store.storage
        self._todo: dict[str, None] = {}
        self._stale = True
        self._woken = asyncio.Event()
        self._checker: TypeChecker | None = None
        self._generation = 0

    async def run(self) -> None:
        """Check until cancelled."""
        ends = (self._storage.feed(self._note, (_POLICIES,)), self._storage.on_restore(self._restored))
        try:
            self._woken.set()
            while True:
                await self._woken.wait()
                self._woken.clear()
                if self._stale:
                    self._stale = False
                    self._todo = {item.name: None for item in self._storage.page(_POLICIES).items}
                while self._todo:
                    name = next(iter(self._todo))
                    del self._todo[name]
                    await self._check(name)
        finally:
            for end in ends:
                end()

    def _restored(self) -> None:
        self._stale = True
        self._woken.set()

    def _note(self, _collection: str, change: Change) -> None:
        if change.type != "DELETED":
            self._todo[change.object.name] = None
            self._woken.set()

    async def _check(self, name: str) -> None:
        policy = self._parts.access.read(_POLICIES, "", name)
        if policy is None:
            return
        generation = policy["metadata"].get("generation") or 0
        if generation <= ((policy.get("status") or {}).get("observedGeneration") or 0):
            return
        warnings = self._made().check(policy)
        checking: JSONObject = {"expressionWarnings": warnings} if warnings else {}
        status = {"observedGeneration": generation, "typeChecking": checking}
        try:
            await self._parts.access.apply(
                _POLICIES, "", name, {"status": status}, subresource="status", manager=_MANAGER
            )
        except StatusError as error:
            if error.reason != "NotFound":
                _log.warning("policy %s: %s", name, error)

    def _made(self) -> TypeChecker:
        generation = self._parts.registry.generation
        if self._checker is None or generation != self._generation:
            self._generation = generation
            # Most servers never have a policy.
            from reconcile.apiserver.admission.policies.type_checking import TypeChecker
            from reconcile.apiserver.discovery.openapi import OpenAPI

            documents = OpenAPI(self._parts.registry, self._parts.schemas)

            def definitions(version: str) -> Mapping[str, JSONObject] | None:
                path = f"apis/{version}" if "/" in version else f"api/{version}"
                document = documents.v3(path)
                if document is None:
                    return None
                decoded: dict[str, Any] = msgspec.json.decode(document)
                return decoded["components"]["schemas"]

            self._checker = TypeChecker(self._kinds_for, definitions)
        return self._checker

    def _kinds_for(self, group: str, version: str, name: str) -> list[GroupVersionKind]:
        """As a REST mapper finds them: no group is any group, and a singular name does as well."""
        return [
            resource.type.gvk
            for resource in self._parts.registry
            if resource.type.version == version
            and (not group or resource.type.group == group)
            and name in (resource.type.plural, resource.singular)
        ]
