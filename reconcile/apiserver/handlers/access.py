"""The server's own reads and writes: how admission, strategies, actions and controllers get at objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconcile.apiserver import status
from reconcile.apiserver.access.attributes import Authorizer
from reconcile.apiserver.access.authentication import Authentication
from reconcile.apiserver.access.service_account_tokens import ServiceAccountTokens
from reconcile.apiserver.handlers.deletes import Deleter
from reconcile.apiserver.handlers.options import check_delete_options
from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.handlers.store import decode_object, encode_object
from reconcile.apiserver.handlers.writes import Writer
from reconcile.apiserver.interfaces import (
    LOOPBACK,
    ActionSubresource,
    JSONObject,
    ObjectSubresource,
    RequestContext,
    Strategy,
    User,
)
from reconcile.apiserver.resources import Resource
from reconcile.runtime import Runtime

_APPLY = "application/apply-patch+yaml"


class ServerAccess:
    """Implements `interfaces.Access` over the handlers' own parts."""

    def __init__(self, parts: Parts, writer: Writer, deleter: Deleter) -> None:
        self._parts = parts
        self._writer = writer
        self._deleter = deleter

    @property
    def runtime(self) -> Runtime:
        return self._parts.runtime

    @property
    def authorizer(self) -> Authorizer | None:
        gate = self._parts.gate
        return None if gate is None else gate.authorizer

    @property
    def authentication(self) -> Authentication:
        return self._parts.authentication

    @property
    def tokens(self) -> ServiceAccountTokens:
        return self._parts.tokens

    @property
    def service_ranges(self) -> tuple[str, ...]:
        return self._parts.service_ranges

    def read(self, group_resource: str, namespace: str, name: str) -> JSONObject | None:
        resource = self._parts.registry.preferred(group_resource)
        if resource is None:
            return None
        held = self._parts.store.find(resource, namespace, name)
        return None if held is None else decode_object(held.raw)

    def read_all(self, group_resource: str, namespace: str = "") -> list[JSONObject]:
        resource = self._parts.registry.preferred(group_resource)
        if resource is None:
            return []
        page = self._parts.store.storage.page(resource.storage_name, namespace=namespace)
        return [decode_object(held.raw) for held in page.items]

    def exists(self, group_resource: str, namespace: str, name: str) -> bool:
        resource = self._parts.registry.preferred(group_resource)
        return resource is not None and self._parts.store.find(resource, namespace, name) is not None

    def fields(self, group_resource: str, namespace: str, name: str) -> Mapping[str, str] | None:
        resource = self._parts.registry.preferred(group_resource)
        held = None if resource is None else self._parts.store.find(resource, namespace, name)
        return None if held is None else held.fields

    async def create(
        self, group_resource: str, obj: JSONObject, *, manager: str = "kube-apiserver"
    ) -> JSONObject:
        resource = self._known(group_resource)
        namespace = obj["metadata"].get("namespace") or ""
        context = self.context("create", resource, namespace, "", field_manager=manager)
        obj.setdefault("apiVersion", resource.type.api_version)
        obj.setdefault("kind", resource.type.kind)
        resource.schema.check(obj, context)
        resource.schema.default(obj)
        resource.strategy.default(obj, context)
        return await self._writer.create(context, obj, admitted=False)

    def create_now(self, group_resource: str, obj: JSONObject) -> None:
        self._parts.store.put(self._known(group_resource), obj, obj, None)

    async def update(
        self,
        group_resource: str,
        namespace: str,
        name: str,
        change: Callable[[JSONObject], JSONObject | None],
        *,
        subresource: str = "",
        dry_run: bool = False,
        manager: str = "kube-apiserver",
    ) -> JSONObject:
        resource = self._known(group_resource)
        context = self.context(
            "update", resource, namespace, name, subresource=subresource, field_manager=manager
        )
        context.dry_run = dry_run
        rules: Strategy | None = None
        if subresource:
            found = resource.subresources.get(subresource)
            if isinstance(found, ActionSubresource):
                # What an action writes (a pod's node) is decided by the action alone.
                rules = Strategy()
                rules.unchecked = subresource == "binding"
            elif isinstance(found, ObjectSubresource):
                rules = found.rules
            else:
                raise status.no_such_path()

        def make_new(old: JSONObject | None) -> JSONObject:
            assert old is not None
            made = change(old)
            return old if made is None else made

        obj, _ = await self._writer.update(context, make_new, rules=rules, admitted=False)
        return obj

    async def apply(
        self,
        group_resource: str,
        namespace: str,
        name: str,
        applied: JSONObject,
        *,
        manager: str,
        subresource: str = "",
    ) -> JSONObject:
        resource = self._known(group_resource)
        context = self.context(
            "patch",
            resource,
            namespace,
            name,
            subresource=subresource,
            field_manager=manager,
            force=True,
        )
        found = resource.subresources.get(subresource)
        rules = found.rules if isinstance(found, ObjectSubresource) else None
        kind = resource.type
        body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}, **applied}
        raw = encode_object(body)

        async def make_new(old: JSONObject | None) -> JSONObject:
            new = await self._parts.patcher.patch(_APPLY, raw, old, context)
            resource.schema.check(new, context)
            resource.schema.default(new)
            resource.strategy.default(new, context)
            return new

        obj, _ = await self._writer.update(context, make_new, rules=rules, applied=True, admitted=False)
        return obj

    async def delete(
        self,
        group_resource: str,
        namespace: str,
        name: str,
        options: JSONObject | None = None,
        *,
        user: User | None = None,
        collection: bool = False,
    ) -> None:
        resource = self._known(group_resource)
        context = self.context(
            "deletecollection" if collection else "delete",
            resource,
            namespace,
            name,
            user=user or LOOPBACK,
        )
        context.options = dict(options or {})
        check_delete_options(context.options)
        context.dry_run = bool(context.options.get("dryRun"))
        await self._deleter.delete(context, admitted=user is not None)

    def resource_for(self, group_resource: str) -> Resource | None:
        return self._parts.registry.preferred(group_resource)

    def resource_for_kind(self, api_version: str, kind: str) -> Resource | None:
        return self._parts.registry.for_kind(api_version, kind)

    def _known(self, group_resource: str) -> Resource:
        resource = self._parts.registry.preferred(group_resource)
        if resource is None:
            raise status.no_such_path()
        return resource

    def context(
        self,
        verb: str,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        subresource: str = "",
        user: User = LOOPBACK,
        **more: Any,
    ) -> RequestContext:
        """A request of the server's own."""
        return RequestContext(
            user=user,
            verb=verb,
            resource=resource,
            subresource=subresource,
            namespace=namespace if resource.type.namespaced else "",
            name=name,
            now=self._parts.runtime.now(),
            access=self,
            field_manager=more.pop("field_manager", "kube-apiserver"),
            **more,
        )
