"""Subresources: status and its like, projections such as scale, and actions such as eviction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconcile.apiserver import status
from reconcile.apiserver.access.forbidden import require_create
from reconcile.apiserver.access.token_requests import set_defaults
from reconcile.apiserver.handlers.addressing import check_name
from reconcile.apiserver.handlers.messages import Request, Response
from reconcile.apiserver.handlers.negotiation import Form
from reconcile.apiserver.handlers.object_meta import drop_duplicate_owners, validate_meta
from reconcile.apiserver.handlers.options import Query, write_options
from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.handlers.routes import Route
from reconcile.apiserver.handlers.store import decode_object, encode_object
from reconcile.apiserver.handlers.writes import AdmittedView, attributes_of
from reconcile.apiserver.interfaces import (
    ActionSubresource,
    JSONObject,
    ObjectSubresource,
    ProjectedSubresource,
    RequestContext,
    Strategy,
    Subresource,
)
from reconcile.apiserver.managedfields.scale import to_object, to_scale
from reconcile.apiserver.resources import Resource, Rules
from reconcile.objects.identity import GroupVersionKind, ResourceType

if TYPE_CHECKING:
    from reconcile.apiserver.handlers.handler import Handler

_BEHIND_PODS = ("log", "exec", "attach", "portforward")
_VERBS = {"GET": "get", "PUT": "update", "PATCH": "patch", "POST": "create"}


class Subresources:
    """Answers requests below an object."""

    def __init__(self, parts: Parts, handler: Handler) -> None:
        self._parts = parts
        self._handler = handler

    async def answer(
        self, request: Request, found: Route, query: Query, form: Form, warnings: list[str]
    ) -> Response:
        subresource = found.resource.subresources.get(found.subresource)
        if subresource is None:
            raise status.no_such_path()
        if subresource.name == "proxy":
            return await self._proxy(request, found, warnings)
        verb = _VERBS.get(request.method, "")
        if verb not in subresource.verbs:
            raise status.method_not_allowed()
        context = self._handler.context(request, found, verb, warnings)
        if isinstance(subresource, ActionSubresource):
            return await self._act(request, context, query, form, subresource)
        if isinstance(subresource, ProjectedSubresource):
            return await self._project(request, context, query, form, subresource)
        if found.resource.type.group_resource == "pods" and subresource.name in _BEHIND_PODS:
            return await self._reach(request, context, query)
        if not isinstance(subresource, ObjectSubresource):
            kind = found.resource.type
            raise status.StatusError(
                f"the embedded server has nothing behind {kind.plural}/{subresource.name}",
                code=501,
                reason="NotImplemented",
            )
        if verb == "get":
            held = await self._handler.reader.get(context, query.get("resourceVersion"))
            obj = await self._parts.store.load(context.resource, held)
            return await self._handler.respond(context, obj, form, query)
        if verb == "update":
            return await self._handler.update(request, context, query, form, subresource.rules)
        return await self._handler.patch(request, context, query, form, subresource.rules)

    async def _reach(self, request: Request, context: RequestContext, query: Query) -> Response:
        """A pod's log, or the way into one of its containers or ports."""
        from reconcile.apiserver.kubelet.logs import answer_log
        from reconcile.apiserver.kubelet.sessions import options_object, session_of

        if context.subresource == "log":
            return await answer_log(self._parts.kubelet, context, query)
        options = options_object(context, query)
        attributes = attributes_of("CONNECT", context, options, None)
        kind = GroupVersionKind("", "v1", options["kind"])
        await self._parts.admission.admit_and_validate(attributes, kind=kind)
        require_create(context)
        return session_of(self._parts.kubelet, request, context, query)

    async def _proxy(self, request: Request, found: Route, warnings: list[str]) -> Response:
        """HTTP to a port of a pod, of one behind a service, or of a node."""
        from reconcile.apiserver.kubelet import proxying

        path = proxying.subpath(request.path)
        if path is None or request.method not in proxying.METHODS:
            raise status.method_not_allowed()
        context = self._handler.context(request, found, _VERBS.get(request.method, "get"), warnings)
        options = proxying.options_object(context, path)
        attributes = attributes_of("CONNECT", context, options, None)
        kind = GroupVersionKind("", "v1", options["kind"])
        await self._parts.admission.admit_and_validate(attributes, kind=kind)
        return await proxying.answer_proxy(self._parts.kubelet, request, context, path)

    def _body_resource(self, parent: Resource, subresource: Subresource) -> Resource:
        """The subresource's body as a resource of its own kind, for schema and messages."""
        gvk = subresource.gvk
        if gvk is None:
            return parent
        return Resource(
            ResourceType(gvk.group, gvk.version, gvk.kind, parent.type.plural, parent.type.namespaced),
            parent.singular,
            self._parts.schema_for(gvk),
            lambda: Rules(Strategy()),
            verbs=subresource.verbs,
            stored_as=gvk.api_version,
            storage_name=parent.storage_name,
            # Strategic merge is refused for what belongs to a custom resource only by its own schema.
            custom=False,
        )

    async def _act(
        self,
        request: Request,
        context: RequestContext,
        query: Query,
        form: Form,
        subresource: ActionSubresource,
    ) -> Response:
        handler = self._handler
        handler.apply_options(context, write_options(query, "CreateOptions"), request)
        resource = self._body_resource(context.resource, subresource)
        body = handler.read_object(request, context, resource)
        meta = body["metadata"]
        drop_duplicate_owners(meta, context.warnings, after_admission=False)
        if not subresource.name_checked and meta.get("name") != context.name:
            kind = resource.type.kind
            raise status.bad_request(f"name in URL does not match name in {kind} object")
        if context.namespace:
            if (meta.get("namespace") or context.namespace) != context.namespace:
                raise status.bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
            meta["namespace"] = context.namespace
        attributes = attributes_of("CREATE", context, body, None)
        if self._parts.admission.watched(attributes):
            await self._parts.field_manager.update(body, None, replace(context, resource=resource))
        await self._parts.admission.admit_and_validate(attributes, kind=resource.type.gvk)
        if subresource.name_checked:
            # A token request is answered with its metadata, all others with a Status.
            set_defaults(body)
            await self._parts.field_manager.update(body, None, replace(context, resource=resource))
        made = await subresource.action(body, context)
        code = int(made.get("code") or 201) if made.get("kind") == "Status" else 201
        return await handler.respond(
            replace(context, resource=resource), made, form, query, code, stored=False
        )

    async def _project(
        self,
        request: Request,
        context: RequestContext,
        query: Query,
        form: Form,
        subresource: ProjectedSubresource,
    ) -> Response:
        handler, parts = self._handler, self._parts
        resource = self._body_resource(context.resource, subresource)
        projected = replace(context, resource=resource)
        projection = subresource.projection
        if request.method == "GET":
            held = await handler.reader.get(context, query.get("resourceVersion"))
            obj = await parts.store.load(context.resource, held)
            return await handler.respond(projected, projection.read(obj, context), form, query, stored=False)
        body: JSONObject | None = None
        media = ""
        applied = False
        replicas = projection.managed_path
        if request.method == "PUT":
            handler.apply_options(context, write_options(query, "UpdateOptions"), request)
            body = handler.read_object(request, context, resource)
        else:
            # What the resource takes; the scale of a custom one knows no strategic patch either.
            media = handler.patch_type(request, context)
            applied = media.startswith("application/apply-patch")
            handler.apply_options(context, write_options(query, "PatchOptions", apply=applied), request)
        for field in ("dry_run", "field_manager", "field_validation", "force", "options"):
            setattr(projected, field, getattr(context, field))

        async def make_new(old: JSONObject | None) -> JSONObject:
            assert old is not None
            view = body
            current = projection.read(old, context)
            if applied or parts.admission.watched(attributes_of("UPDATE", context, None, None)):
                entries = to_scale(old["metadata"].get("managedFields"), replicas)
                current["metadata"]["managedFields"] = entries
            if view is None:
                view = await parts.patcher.patch(media, request.body, current, projected)
                handler.check_patched(projected, resource, view, media, request.body)
            else:
                view = decode_object(encode_object(view))
            attributes = attributes_of("UPDATE", context, view, current)
            attributes.kind = resource.type.gvk
            if not applied and parts.admission.watched(attributes):
                await parts.field_manager.update(view, current, projected)
            await parts.admission.admit(attributes)
            meta = view["metadata"]
            check_name(context, meta)
            drop_duplicate_owners(meta, context.warnings, after_admission=False)
            placed = {**meta, "namespace": context.namespace}
            errors = [] if context.resource.custom else validate_meta(resource, placed)
            errors += projection.validate(view, context)
            if errors:
                kind = resource.type
                raise status.invalid(kind.group, kind.kind, context.name, errors)
            if meta.get("resourceVersion") or not context.resource.custom:
                old["metadata"]["resourceVersion"] = meta.get("resourceVersion") or ""
            if meta.get("uid"):
                old["metadata"]["uid"] = meta["uid"]
            projection.write(old, view, context)
            if applied:
                old["metadata"]["managedFields"] = to_object(
                    old["metadata"].get("managedFields"),
                    meta.get("managedFields"),
                    replicas,
                    context.resource.type.api_version,
                )
            return old

        shown = AdmittedView(resource.type.gvk, lambda obj: projection.read(obj, context))
        made, _ = await handler.writer.update(
            context, make_new, patched=body is None, applied=applied, view=shown
        )
        return await handler.respond(projected, projection.read(made, context), form, query, stored=False)
