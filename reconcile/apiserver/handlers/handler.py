"""One request to its answer: finds what the path names, and leads the request through the verb."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import unquote

from reconcile.apiserver import field_errors, status
from reconcile.apiserver.handlers import views
from reconcile.apiserver.handlers.access import ServerAccess
from reconcile.apiserver.handlers.addressing import check_name, check_namespace
from reconcile.apiserver.handlers.bodies import (
    MAX_BODY,
    as_met,
    decode_body,
    decode_delete_options,
    media_type,
    strict_error,
)
from reconcile.apiserver.handlers.deadline import check_timeout
from reconcile.apiserver.handlers.deletes import Deleter
from reconcile.apiserver.handlers.messages import (
    JSON_HEADERS,
    Request,
    Response,
    error_response,
    page_not_found,
    without_kind,
)
from reconcile.apiserver.handlers.negotiation import Form, negotiate, negotiate_plain
from reconcile.apiserver.handlers.nesting import shortened, was_cut
from reconcile.apiserver.handlers.options import (
    Query,
    WriteOptions,
    delete_options,
    list_options,
    write_options,
)
from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.handlers.pretty import wants_pretty
from reconcile.apiserver.handlers.reads import Reader
from reconcile.apiserver.handlers.rendering import in_form, warning_headers
from reconcile.apiserver.handlers.routes import Route, Unknown, route
from reconcile.apiserver.handlers.store import decode_object, encode_object
from reconcile.apiserver.handlers.subresources import Subresources
from reconcile.apiserver.handlers.writes import Writer, attributes_of
from reconcile.apiserver.interfaces import ADMIN, JSONObject, RequestContext, Strategy, User
from reconcile.apiserver.managedfields.manager import untyped
from reconcile.apiserver.patching.patcher import undecodable
from reconcile.apiserver.resources import Resource
from reconcile.apiserver.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconcile.apiserver.customresources.schema import CustomSchema

_log = logging.getLogger(__name__)
APPLY_TYPES = ("application/apply-patch+yaml", "application/apply-patch+cbor")
STRATEGIC_TYPE = "application/strategic-merge-patch+json"


class OtherPaths(Protocol):
    """Serves what is no resource: discovery, OpenAPI, version, health."""

    def answer(self, request: Request) -> Response | None:
        """The answer, or None when the path is none of these."""
        ...


# Of these upstream's storages have a table convertor.
_WITH_TABLE = ("", "status", "scale")


def _plain_form(request: Request) -> Form:
    """The form of what is no object of a resource."""
    form = negotiate_plain(request.headers.get("accept", ""))
    return replace(form, pretty=True) if wants_pretty(request) else form


class Handler:
    """Answers requests. Never raises but for cancellation; every error is a Status."""

    def __init__(self, parts: Parts, other_paths: OtherPaths) -> None:
        self._parts = parts
        self._other_paths = other_paths
        self.reader = Reader(parts)
        self.writer = Writer(parts)
        self.deleter = Deleter(parts)
        parts.access = ServerAccess(parts, self.writer, self.deleter)
        self._subresources = Subresources(parts, self)

    @property
    def guarded(self) -> bool:
        """Whether it finds out who asks and whether they may: front ends then leave `user` open."""
        return self._parts.gate is not None

    def reads(self, method: str, target: str) -> bool:
        """Whether the body of a request is looked at."""
        if method not in ("POST", "PUT", "PATCH", "DELETE"):
            return False
        path = target.partition("?")[0]
        aggregator = self._parts.aggregator
        if aggregator is not None and aggregator.remotes and aggregator.remote_for(path) is not None:
            return True
        return isinstance(route(self._parts.registry, path), Route)

    async def handle(self, request: Request) -> Response:
        """The answer to a request."""
        response, user = await self._handle(request)
        if response.user is None:
            response.user = user
        return response

    @property
    def storage(self) -> Storage:
        """What is served."""
        return self._parts.store.storage

    async def _handle(self, request: Request) -> tuple[Response, User | None]:
        """The answer, and who asked, as far as that came out."""
        accept = request.headers.get("accept", "")
        form: Form | None = None
        user: User | None = None
        warnings: list[str] = []
        cbor = False
        try:
            if request.query:
                check_timeout(request)
            if self._parts.gate is None:
                user = request.user
            else:
                entered = self._parts.gate.enter(request, self._parts.access)
                if isinstance(entered, Response):
                    return in_form(entered, _plain_form(request)), user
                request, user = entered, entered.user
            aggregator = self._parts.aggregator
            if aggregator is not None and aggregator.remotes:
                remote = aggregator.remote_for(request.path)
                if remote is not None:
                    return await aggregator.answer(request, remote), user
            found = route(self._parts.registry, request.path)
            if isinstance(found, Unknown):
                if found.without_kind:
                    return without_kind(request), None
                if "%" in request.path:
                    request = replace(request, path=unquote(request.path))
                other = self._other_paths.answer(request)
                if other is not None:
                    discovery = request.path.startswith("/api")
                    return (in_form(other, _plain_form(request)) if discovery else other), user
                if found.in_group:
                    raise status.no_such_path()
                return page_not_found(), user
            cbor = self._parts.cbor
            query = Query(request.query)
            collection = request.method == "GET" and not found.name
            form = negotiate(
                accept,
                watch=collection and bool(found.watch or query.flag("watch")),
                watchable=collection and "watch" in found.resource.verbs,
                custom=found.resource.custom,
                cbor=cbor,
                tables="list" in found.resource.verbs and found.subresource in _WITH_TABLE,
            )
            response = await self._dispatch(request, found, query, form, warnings)
        except status.StatusError as error:
            response, form = error_response(error), None
        except RecursionError:
            response, form = error_response(status.bad_request("the body is nested too deeply")), None
        except Exception as error:
            _log.exception("%s %s failed", request.method, request.path)
            response = error_response(status.internal_error(f"{type(error).__name__}: {error}"))
            form = None
        if form is None:
            form = negotiate_plain(accept, cbor=cbor)
        if not form.pretty and wants_pretty(request):
            form = replace(form, pretty=True)
        try:
            response = in_form(response, form)
        except Exception as error:
            _log.exception("%s %s failed on its way out", request.method, request.path)
            response = error_response(status.internal_error(f"{type(error).__name__}: {error}"))
        if warnings:
            response.warnings = warning_headers(warnings)
        return response, user

    async def _dispatch(
        self, request: Request, found: Route, query: Query, form: Form, warnings: list[str]
    ) -> Response:
        try:
            return await self._carry_out(request, found, query, form, warnings)
        except RecursionError:
            # Of built-in kinds what is so deep is in fields that they do not have.
            if found.resource.custom or found.subresource or request.cut:
                raise
            try:
                body = shortened(request.body)
            except (ValueError, RecursionError):
                body = request.body
            if body == request.body:
                raise
        warnings.clear()
        request = replace(request, body=body, cut=True)
        return await self._carry_out(request, found, query, form, warnings)

    async def _carry_out(
        self, request: Request, found: Route, query: Query, form: Form, warnings: list[str]
    ) -> Response:
        if request.broken:
            raise status.StatusError(request.broken, code=500)
        resource = found.resource
        if resource.deprecation:
            warnings.append(resource.deprecation)
        if found.subresource:
            return await self._subresources.answer(request, found, query, form, warnings)
        method = request.method
        if method == "GET" and found.watch and found.name:
            query = Query((*request.query, ("fieldSelector", f"metadata.name={found.name}")))
            found = found._replace(name="")
        verb = _verb(method, found, query)
        if verb not in resource.verbs:
            raise status.method_not_allowed()
        context = self.context(request, found, verb, warnings)
        if found.name in (".", "..") or "%" in found.name:
            text = "may not contain '%'" if "%" in found.name else f"may not be '{found.name}'"
            raise status.bad_request(f"Name parameter invalid: {status.go_quote(found.name)}: {text}")
        if verb == "get":
            return await self._get(context, query, form)
        if verb in ("list", "watch"):
            options = list_options(query, watch=found.watch)
            include = views.include_object(query.get("includeObject"))
            if options.watch:
                return await self.reader.watch(context, options, form, include)
            body = await self.reader.list(context, options, form, include)
            return Response(200, dict(JSON_HEADERS), body + b"\n")
        if verb == "create":
            return await self._create(request, context, query, form)
        if verb == "update":
            return await self.update(request, context, query, form)
        if verb == "patch":
            return await self.patch(request, context, query, form)
        if verb == "delete":
            return await self._delete(request, context, query, form)
        return await self._delete_collection(request, context, query, form)

    def context(
        self, request: Request, found: Route, verb: str, warnings: list[str], *, name: str = ""
    ) -> RequestContext:
        return RequestContext(
            user=request.user or ADMIN,
            verb=verb,
            resource=found.resource,
            subresource=found.subresource,
            namespace=found.namespace,
            name=found.name,
            now=self._parts.runtime.now(),
            access=self._parts.access,
            warnings=warnings,
        )

    async def respond(
        self,
        context: RequestContext,
        obj: JSONObject,
        form: Form,
        query: Query,
        code: int = 200,
        *,
        stored: bool = True,
    ) -> Response:
        """The object as the body of an answer. `stored`: it is one of the resource's, not a view of one."""
        include = views.include_object(query.get("includeObject")) if form.shape else ""
        raw = await self._raw(context, obj) if stored else encode_object(obj)
        body = views.body_in_form(self._parts, context.resource, obj, raw, form, include)
        return Response(code, dict(JSON_HEADERS), body + b"\n")

    async def _raw(self, context: RequestContext, obj: JSONObject) -> bytes:
        """The object's bytes: those in the storage when they are this version."""
        meta: dict[str, Any] = obj.get("metadata") or {}
        resource = context.resource
        if not context.dry_run and obj.get("kind") == resource.type.kind and meta.get("name"):
            held = self._parts.store.find(resource, meta.get("namespace") or "", meta["name"])
            if held is not None and str(held.resource_version) == meta.get("resourceVersion"):
                return await self._parts.store.raw(resource, held)
        if context.dry_run and resource.custom:
            # As if it had been stored and read.
            store, version = self._parts.store, resource.type.api_version
            if resource.stored_as != version:
                form = await store.stored_form(resource, obj)
                obj = (await store.convert(resource, [form], version))[0]
        return encode_object(obj)

    async def _get(self, context: RequestContext, query: Query, form: Form) -> Response:
        held = await self.reader.get(context, query.get("resourceVersion"))
        raw = await self._parts.store.raw(context.resource, held, anew=True)
        if form.shape:
            obj = await self._parts.store.load(context.resource, held)
            include = views.include_object(query.get("includeObject"))
            raw = views.body_in_form(self._parts, context.resource, obj, raw, form, include)
        return Response(200, dict(JSON_HEADERS), raw + b"\n")

    def apply_options(self, context: RequestContext, options: WriteOptions, request: Request) -> None:
        context.dry_run = options.dry_run
        context.field_manager = options.field_manager or manager_of(request.headers.get("user-agent", ""))
        context.field_validation = options.field_validation or "Warn"  # type: ignore[assignment]
        context.force = options.force
        given: JSONObject = {}
        if options.dry_run:
            given["dryRun"] = ["All"]
        if options.field_manager:
            given["fieldManager"] = options.field_manager
        if options.field_validation:
            given["fieldValidation"] = options.field_validation
        context.options = given

    def read_object(
        self, request: Request, context: RequestContext, resource: Resource | None = None
    ) -> JSONObject:
        """The object of a body, checked against its schema and defaulted."""
        resource = resource or context.resource
        kind = resource.type
        content_type = request.headers.get("content-type", "")
        obj, findings = decode_body(
            request.body,
            content_type,
            kind.kind,
            kind.api_version,
            custom=resource.custom,
            cbor=self._parts.cbor,
        )
        self.check_kind(resource, obj)
        if media_type(content_type) != "application/cbor" or resource.custom:
            in_json = findings and not resource.custom and media_type(content_type) != "application/yaml"
            told = partial(as_met, request.body) if in_json else None
            self.check_object(context, resource, obj, findings, told=told)
            _check_whole(request, obj)
            return obj
        from reconcile.apiserver.handlers.cbor_bodies import cbor_findings, cbor_mismatch

        try:
            self.check_object(context, resource, obj, findings, told=partial(cbor_findings, request.body))
        except status.StatusError as error:
            raise cbor_mismatch(error, kind.kind, kind.version, request.body) from None
        return obj

    def check_kind(self, resource: Resource, obj: JSONObject) -> None:
        kind = resource.type
        given_kind, given_version = obj.get("kind"), obj.get("apiVersion")
        if not resource.custom:
            given_kind, given_version = given_kind or kind.kind, given_version or kind.api_version
        if given_kind == kind.kind and given_version == kind.api_version:
            obj["kind"], obj["apiVersion"] = kind.kind, kind.api_version
            return
        if resource.custom:
            if given_version != kind.api_version:
                raise status.bad_request(
                    f"the API version in the data ({given_version or ''}) does not match the expected "
                    f"API version ({kind.api_version})"
                )
            wrong = field_errors.invalid("kind", given_kind, f"must be {kind.kind}")
            meta: JSONObject = obj.get("metadata") or {}
            raise status.invalid(kind.group, str(given_kind), meta.get("name") or "", [wrong])
        version = str(given_version).rpartition("/")[2]
        prefix = f"{given_kind} in version {status.go_quote(version)} cannot be handled as a {kind.kind}: "
        if not self._is_registered(str(given_version), str(given_kind)):
            raise status.bad_request(
                f"{prefix}no kind {status.go_quote(str(given_kind))} is registered for version "
                f'{status.go_quote(str(given_version))} in scheme "pkg/runtime/scheme.go:111"'
            )
        group = kind.group.partition(".")[0] or "core"
        raise status.bad_request(
            f"{prefix}converting ({version}.{given_kind}) to ({group}.{kind.kind}): unknown conversion"
        )

    def _is_registered(self, version: str, kind: str) -> bool:
        registry = self._parts.registry
        if kind in ("List", "DeleteOptions", "Status") or registry.for_kind(version, kind) is not None:
            return True
        return kind.endswith("List") and registry.for_kind(version, kind[:-4]) is not None

    def check_object(
        self,
        context: RequestContext,
        resource: Resource,
        obj: JSONObject,
        findings: list[str],
        *,
        told: Callable[[list[str]], list[str]] | None = None,
        patched: bool = False,
        applied: bool = False,
    ) -> None:
        """Schema check with fieldValidation, then defaults.

        `told`: what is said of what was found, where that depends on how the object was written. `patched`:
        a patch made it; `applied`: of that kind.
        """
        meta: Any = obj.get("metadata")
        reset = isinstance(meta, dict) and cast("JSONObject", meta).get("managedFields") == []
        found = resource.schema.check(obj, context)
        if reset:
            # Empty, and yet not left out: it ends field management.
            obj["metadata"]["managedFields"] = []
        # What a patch made is written down in order before it is read.
        findings = findings + (sorted(found) if patched else found)
        if resource.custom and not applied:
            cast("CustomSchema", resource.schema).drop_nulls(obj)
        if findings:
            if told is not None:
                findings = told(findings)
            if context.field_validation == "Strict":
                kind = resource.type
                raise status.bad_request(
                    f"{kind.kind} in version {status.go_quote(kind.version)} cannot be handled as a "
                    f"{kind.kind}: strict decoding error: {strict_error(findings)}"
                )
            if context.field_validation == "Warn":
                context.warnings.extend(findings)
        if not isinstance(obj.get("metadata"), dict):
            obj["metadata"] = {}
        resource.schema.default(obj)
        if resource is context.resource:
            resource.strategy.default(obj, context)

    async def _create(self, request: Request, context: RequestContext, query: Query, form: Form) -> Response:
        resource = context.resource
        if resource.type.namespaced and not context.namespace:
            raise status.method_not_allowed()
        self.apply_options(context, write_options(query, "CreateOptions"), request)
        obj = self.read_object(request, context)
        meta = obj["metadata"]
        check_namespace(context, meta)
        if resource.action is not None:
            await self._parts.admission.admit_and_validate(attributes_of("CREATE", context, obj, None))
            await self._parts.field_manager.update(obj, None, context)
            made = await resource.action(obj, context)
            return await self.respond(context, made, form, query, _code_of(made, 201))
        return await self.respond(context, await self.writer.create(context, obj), form, query, 201)

    async def update(
        self,
        request: Request,
        context: RequestContext,
        query: Query,
        form: Form,
        rules: Strategy | None = None,
    ) -> Response:
        """PUT of an object, or of a subresource in the object's form."""
        self.apply_options(context, write_options(query, "UpdateOptions"), request)
        obj = self.read_object(request, context)
        meta = obj["metadata"]
        check_name(context, meta)
        check_namespace(context, meta)
        body = encode_object(obj)

        def make_new(old: JSONObject | None) -> JSONObject:
            return decode_object(body)

        made, created = await self.writer.update(context, make_new, rules=rules)
        return await self.respond(context, made, form, query, 201 if created else 200)

    async def patch(
        self,
        request: Request,
        context: RequestContext,
        query: Query,
        form: Form,
        rules: Strategy | None = None,
    ) -> Response:
        """PATCH of an object, or of a subresource in the object's form."""
        media = self.patch_type(request, context)
        applied = media in APPLY_TYPES
        self.apply_options(context, write_options(query, "PatchOptions", apply=applied), request)

        async def make_new(old: JSONObject | None) -> JSONObject:
            if old is None and not applied:
                raise self.reader.not_found(context)
            new = await self._parts.patcher.patch(media, request.body, old, context)
            if not (applied and context.resource.custom and _is_same_but_for_owners(new, old)):
                # An apply that changes nothing leaves what it met, even without its version's defaults.
                self.check_patched(context, context.resource, new, media, request.body)
            _check_whole(request, new)
            meta: JSONObject = new["metadata"]
            check_name(context, meta)
            check_namespace(context, meta)
            return new

        made, created = await self.writer.update(
            context, make_new, rules=rules, applied=applied, patched=True
        )
        return await self.respond(context, made, form, query, 201 if created else 200)

    def check_patched(
        self, context: RequestContext, resource: Resource, new: JSONObject, media: str, patch: bytes
    ) -> None:
        """`check_object` of what a patch made: what was stored fits, so that the patch is to blame."""
        applied = media in APPLY_TYPES
        try:
            self.check_object(context, resource, new, [], patched=True, applied=applied)
        except status.StatusError as error:
            if error.code != 400 or (applied and resource.custom):
                raise
            if applied:
                raise untyped(new, context, error.message) from None
            raise undecodable(new, error, resource, patch if media == STRATEGIC_TYPE else b"") from None

    def patch_type(self, request: Request, context: RequestContext) -> str:
        """The content type of a patch, when it is served. Raises 413, 415."""
        media = media_type(request.headers.get("content-type", ""))
        if media not in self._parts.patcher.content_types:
            raise status.StatusError(
                "415: Unsupported Media Type", code=415, reason="UnsupportedMediaType", details={}
            )
        if context.resource.custom and media == STRATEGIC_TYPE:
            known = [each for each in self._parts.patcher.content_types if each != STRATEGIC_TYPE]
            raise status.unsupported_media_type(
                "the body of the request was in an unknown format - accepted media types include: "
                + ", ".join(known)
            )
        if len(request.body) > MAX_BODY:
            raise status.too_large(f"Request entity too large: limit is {MAX_BODY}")
        return media

    def _delete_options(self, request: Request, context: RequestContext, query: Query) -> None:
        body: JSONObject | None = None
        if request.body:
            content_type = request.headers.get("content-type", "")
            body = decode_delete_options(request.body, content_type, cbor=self._parts.cbor)
        context.options = delete_options(request, query, body)
        context.dry_run = bool(context.options.get("dryRun"))

    async def _delete(self, request: Request, context: RequestContext, query: Query, form: Form) -> Response:
        self._delete_options(request, context, query)
        obj, gone = await self.deleter.delete(context)
        if gone and not context.resource.returns_deleted:
            return Response(200, dict(JSON_HEADERS), encode_object(_deleted(context, obj)) + b"\n")
        options = context.options
        code = 202 if not gone and options.get("orphanDependents") is False else 200
        return await self.respond(context, obj, form, query, code)

    async def _delete_collection(
        self, request: Request, context: RequestContext, query: Query, form: Form
    ) -> Response:
        if context.resource.type.namespaced and not context.namespace:
            raise status.method_not_allowed()
        options = list_options(query)
        self._delete_options(request, context, query)
        selection = self.reader.selection(context, options)
        page = await self.reader.page(context, options, selection)
        await self.deleter.delete_collection(context, page.items)
        metadata = self.reader.list_metadata(context, options, selection, page)
        body = await self.reader.list_body(context.resource, page.items, metadata, form, "Metadata")
        return Response(200, dict(JSON_HEADERS), body + b"\n")


def _is_same_but_for_owners(new: JSONObject, old: JSONObject | None) -> bool:
    if old is None:
        return False
    owned = old["metadata"].get("managedFields")
    return {**new, "metadata": {**new["metadata"], "managedFields": owned}} == old


def _check_whole(request: Request, obj: JSONObject) -> None:
    """Raise 400 when something of the object was cut off that its kind has."""
    if request.cut and was_cut(obj):
        raise status.bad_request("the body is nested too deeply")


def manager_of(user_agent: str) -> str:
    """The field manager that a User-Agent stands for: what comes before the first slash."""
    name = user_agent.partition("/")[0]
    cleaned = "".join(char for char in name if char.isprintable())
    return cleaned[:128] or "unknown"


def _verb(method: str, found: Route, query: Query) -> str:
    if found.name:
        return {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}.get(method, "")
    if method == "GET":
        return "watch" if found.watch or query.flag("watch") else "list"
    return {"POST": "create", "DELETE": "deletecollection"}.get(method, "")


def _code_of(obj: JSONObject, default: int) -> int:
    if obj.get("kind") == "Status":
        return int(obj.get("code") or default)
    return default


def _deleted(context: RequestContext, obj: JSONObject) -> JSONObject:
    kind = context.resource.type
    details = {"name": context.name, "group": kind.group, "kind": kind.plural}
    details["uid"] = obj["metadata"].get("uid") or ""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }
