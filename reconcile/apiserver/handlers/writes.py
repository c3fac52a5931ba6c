"""Create and update: an object's way from a decoded body into the storage.

The steps and their order are kube-apiserver's (endpoints/handlers/{create,update}.go and
registry/generic/registry/store.go); `interfaces.py` has the picture.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable

from reconcile.apiserver import field_errors, status
from reconcile.apiserver.handlers import object_meta
from reconcile.apiserver.handlers.options import parse_resource_version
from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.handlers.store import decode_object, encode_object
from reconcile.apiserver.interfaces import (
    AdmissionAttributes,
    JSONObject,
    Operation,
    RequestContext,
    Strategy,
)
from reconcile.apiserver.storage import StorageConflictError, StoredObject
from reconcile.objects.identity import GroupVersionKind

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
_NAME_ATTEMPTS = 8
_UPDATE_ATTEMPTS = 64
# Kinds that etcd knew by other names than their own.
_PLACES = {
    "replicationcontrollers": "controllers",
    "endpoints": "services/endpoints",
    "services": "services/specs",
    "nodes": "minions",
    "ingresses.networking.k8s.io": "ingress",
}
_SYSTEM_FIELDS = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
)

MakeNew = Callable[[JSONObject | None], JSONObject | Awaitable[JSONObject]]
"""Gives the new object for the present one (a private copy), or for None where there is none."""


@dataclass(frozen=True, slots=True)
class AdmittedView:
    """What admission is shown of an object instead of it, such as its scale.

    Attributes:
        kind: the view's kind.
        of: the view of an object.
    """

    kind: GroupVersionKind
    of: Callable[[JSONObject], JSONObject]


class Writer:
    """Creates and updates objects of any kind."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def create(self, context: RequestContext, obj: JSONObject, *, admitted: bool = True) -> JSONObject:
        """Create the object, which is checked and defaulted; returns it as stored.

        A generated name that exists is generated anew, up to eight times. `admitted`: admission is asked.
        """
        return await self._create(context, obj, admitted=admitted)

    async def _create(
        self, context: RequestContext, obj: JSONObject, *, admitted: bool, applied: bool = False
    ) -> JSONObject:
        attributes = await self._prepare_creation(context, obj, admitted=admitted, applied=applied)
        if obj["metadata"].get("name") or not obj["metadata"].get("generateName"):
            return await self._commit_creation(context, obj, attributes)
        original = encode_object(obj)
        for attempt in range(_NAME_ATTEMPTS):
            try:
                again = decode_object(original) if attempt else obj
                return await self._commit_creation(context, again, attributes)
            except status.StatusError as error:
                if error.reason != "AlreadyExists" or attempt + 1 < _NAME_ATTEMPTS:
                    if error.reason == "AlreadyExists":
                        continue
                    raise
                kind = context.resource.type
                raise status.generate_name_conflict(
                    kind.group, kind.plural, str(error.details.get("name", ""))
                ) from error
        raise AssertionError("unreachable")

    async def _prepare_creation(
        self, context: RequestContext, obj: JSONObject, *, admitted: bool, applied: bool
    ) -> AdmissionAttributes | None:
        """The mutating half: a new object has no uid, time or generated name yet."""
        meta = obj["metadata"]
        for name in _SYSTEM_FIELDS:
            meta.pop(name, None)
        if context.resource.type.namespaced:
            meta["namespace"] = context.namespace
        object_meta.drop_duplicate_owners(meta, context.warnings, after_admission=False)
        if not applied:
            await self._parts.field_manager.update(obj, None, context)
        attributes: AdmissionAttributes | None = None
        if admitted:
            attributes = attributes_of("CREATE", context, obj, None)
            await self._parts.admission.admit(attributes)
        object_meta.drop_duplicate_owners(obj["metadata"], context.warnings, after_admission=True)
        return attributes

    async def _commit_creation(
        self, context: RequestContext, obj: JSONObject, attributes: AdmissionAttributes | None
    ) -> JSONObject:
        parts, resource = self._parts, context.resource
        strategy = resource.strategy
        self._fill_metadata(context, obj["metadata"])
        strategy.prepare_for_create(obj, context)
        if obj.get("status") == {} and not resource.custom:
            # A status that was emptied is still a struct of Go's: some of its counters are written as zero.
            empty: JSONObject = {"status": {}}
            resource.schema.check(empty, context)
            obj["status"] = empty["status"]
        meta_errors = object_meta.validate_meta(resource, obj["metadata"])
        errors = meta_errors if strategy.validates_meta else []
        errors += resource.schema.validate(obj, None, context)
        errors += strategy.validate_create(obj, context)
        errors = errors or meta_errors
        if errors:
            raise self._invalid(context, obj, errors)
        context.warnings.extend(strategy.warnings(obj, None, context))
        meta = obj["metadata"]
        if attributes is not None:
            attributes.object = obj
            attributes.name = attributes.name or meta.get("name") or ""
            await parts.admission.validate(attributes)
        written = await parts.store.written_form(resource, obj)
        kind = resource.type
        if not context.dry_run and context.verb == "create" and _has_version(meta):
            # The storage itself refuses it: last of all, and not where nothing is written.
            raise status.StatusError("resourceVersion should not be set on objects to be created", code=500)
        held = parts.store.find(resource, meta.get("namespace") or "", meta["name"])
        if held is not None:
            error = status.already_exists(kind.group, kind.plural, meta["name"])
            if decode_object(held.raw)["metadata"].get("deletionTimestamp"):
                error.message = f"object is being deleted: {error.message}"
            raise error
        strategy.before_commit(obj, None, context)
        resource.schema.settle(obj)
        if written is not obj:
            written = await parts.store.written_form(resource, obj)
        if context.dry_run:
            return obj
        try:
            parts.store.put(resource, obj, written, None)
        except StorageConflictError as error:
            raise status.already_exists(kind.group, kind.plural, meta["name"]) from error
        return obj

    def _fill_metadata(self, context: RequestContext, meta: JSONObject) -> None:
        runtime = self._parts.runtime
        for name in _SYSTEM_FIELDS:
            meta.pop(name, None)
        if not meta.get("name") and meta.get("generateName"):
            prefix: str = meta["generateName"][: object_meta.MAX_GENERATED_PREFIX]
            meta["name"] = prefix + "".join(runtime.random.choices(_SUFFIX, k=5))
        if context.resource.type.namespaced:
            meta["namespace"] = context.namespace
        meta["uid"] = runtime.uuid()
        meta["creationTimestamp"] = context.timestamp

    async def update(
        self,
        context: RequestContext,
        make_new: MakeNew,
        *,
        rules: Strategy | None = None,
        applied: bool = False,
        patched: bool = False,
        admitted: bool = True,
        view: AdmittedView | None = None,
    ) -> tuple[JSONObject, bool]:
        """Replace the object that the context names by what `make_new` makes of it.

        `rules` are those of a subresource. `applied`: server-side apply, which has set managedFields and
        creates what does not exist. `patched`: of a patch, whose uid is a value as any other and no
        precondition.
        `admitted`: admission is asked. `view`: it is asked about this view of the object, and `make_new` has
        let it change that. Started anew while the object changes between reading and writing,
        unless the new object names the resourceVersion that it replaces. Returns the object as stored,
        and whether it was created. Raises StatusError.
        """
        parts, resource = self._parts, context.resource
        kind = resource.type
        for _ in range(_UPDATE_ATTEMPTS):
            held = parts.store.find(resource, context.namespace, context.name)
            if held is None:
                # What a PUT may create, a write to its status may create too: the real server never asks.
                allowed = resource.strategy.allow_create_on_update and context.subresource in ("", "status")
                if not allowed and (not applied or context.subresource):
                    raise status.not_found(kind.group, kind.plural, context.name)
                obj = await _made(make_new, None)
                if uid := obj["metadata"].get("uid"):
                    if not patched:
                        raise self._uid_conflict(context, uid, "")
                    detail = f"the provided object specified uid {uid}, and no existing object was found"
                    raise status.conflict(kind.group, kind.plural, context.name, f"uid mismatch: {detail}")
                obj["metadata"].setdefault("name", context.name)
                return await self._create(context, obj, admitted=admitted, applied=applied), True
            old = await parts.store.load(resource, held)
            new = await _made(make_new, await parts.store.load(resource, held))
            uid, old_uid = new["metadata"].get("uid"), old["metadata"].get("uid") or ""
            if uid and uid != old_uid and not patched:
                raise self._uid_conflict(context, uid, old_uid)
            try:
                return await self._replace(context, held, old, new, rules, applied, admitted, view), False
            except StorageConflictError:
                continue
        raise status.conflict(kind.group, kind.plural, context.name)

    async def _replace(
        self,
        context: RequestContext,
        held: StoredObject,
        old: JSONObject,
        new: JSONObject,
        rules: Strategy | None,
        applied: bool,
        admitted: bool,
        view: AdmittedView | None,
    ) -> JSONObject:
        parts, resource = self._parts, context.resource
        strategy = rules or resource.strategy
        meta, old_meta = new["metadata"], old["metadata"]
        kind = resource.type
        object_meta.drop_duplicate_owners(meta, context.warnings, after_admission=False)
        if not applied:
            await parts.field_manager.update(new, old, context)
        if admitted and view is None:
            await parts.admission.admit(attributes_of("UPDATE", context, new, old))
            object_meta.drop_duplicate_owners(new["metadata"], context.warnings, after_admission=True)
        meta = new["metadata"]
        given = parse_resource_version(meta.get("resourceVersion") or "", "object")
        if given == 0:
            if not resource.strategy.allow_unconditional_update:
                detail = "must be specified for an update"
                error = field_errors.invalid("metadata.resourceVersion", 0, detail)
                raise status.invalid(kind.group, kind.plural, context.name, [error])
            meta["resourceVersion"] = old_meta["resourceVersion"]
        elif given != held.resource_version:
            raise status.conflict(kind.group, kind.plural, context.name)
        object_meta.carry_over(meta, old_meta)
        if resource.type.namespaced:
            meta["namespace"] = held.namespace
        strategy.prepare_for_update(new, old, context)
        meta = new["metadata"]
        errors = [] if strategy.unchecked else object_meta.validate_meta_update(resource, meta, old_meta)
        errors += resource.schema.validate(new, old, context)
        errors += strategy.validate_update(new, old, context)
        if errors:
            raise self._invalid(context, new, errors)
        context.warnings.extend(strategy.warnings(new, old, context))
        if admitted:
            attributes = attributes_of("UPDATE", context, new, old)
            if view is not None:
                attributes.kind = view.kind
                attributes.object, attributes.old_object = view.of(new), view.of(old)
            await parts.admission.validate(attributes)
        written = await parts.store.written_form(resource, new)
        if parts.store.find(resource, held.namespace, held.name) is not held:
            raise StorageConflictError("changed meanwhile")
        if _may_go(new):
            resource.strategy.before_commit(None, old, context)
            if not context.dry_run:
                parts.store.remove(resource, held)
                if resource.strategy.releases:
                    await resource.strategy.after_commit(None, old, context)
            return new
        strategy.before_commit(new, old, context)
        resource.schema.settle(new)
        _ignore_managed_times(new, old)
        if written is not new:
            written = await parts.store.written_form(resource, new)
        if parts.store.is_unchanged(resource, held, new, old, written):
            return old
        if not context.dry_run:
            parts.store.put(resource, new, written, held)
            if strategy.releases:
                await strategy.after_commit(new, old, context)
        return new

    def _invalid(
        self, context: RequestContext, obj: JSONObject, errors: list[field_errors.FieldError]
    ) -> Exception:
        kind = context.resource.type
        # Events of both forms are one kind, that of the core group.
        group = "" if kind.group == "events.k8s.io" else kind.group
        return status.invalid(group, kind.kind, obj["metadata"].get("name") or "", errors)

    def _uid_conflict(self, context: RequestContext, wanted: str, found: str) -> status.StatusError:
        kind = context.resource.type
        # Dry runs look before they have put the storage's prefix in front.
        key = storage_key(context).removeprefix("/registry" if context.dry_run else "")
        return status.conflict(
            kind.group,
            kind.plural,
            context.name,
            f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
            f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}",
        )


def storage_key(context: RequestContext) -> str:
    """The key as etcd has it: it shows in some messages."""
    kind = context.resource.type
    place = f"{kind.group}/{kind.plural}" if context.resource.custom else kind.plural
    prefix = f"/registry/{_PLACES.get(kind.group_resource, place)}"
    return f"{prefix}/{context.namespace}/{context.name}" if kind.namespaced else f"{prefix}/{context.name}"


def _ignore_managed_times(new: JSONObject, old: JSONObject) -> None:
    """A write that changes nothing but times of managed fields changes nothing.

    Field management cannot know it: it compares before defaults, and before write-only fields such as a
    Secret's stringData, have become what is stored.
    """
    owned, old_owned = new["metadata"].get("managedFields"), old["metadata"].get("managedFields")
    if not owned or not old_owned or owned == old_owned or len(owned) != len(old_owned):
        return
    times = {**new, "metadata": {**new["metadata"], "managedFields": old_owned}}
    if times == old and [{**entry, "time": ""} for entry in owned] == [
        {**entry, "time": ""} for entry in old_owned
    ]:
        new["metadata"]["managedFields"] = old_owned


def _may_go(obj: JSONObject) -> bool:
    """Whether an update took away the last thing that a deletion was waiting for."""
    meta = obj["metadata"]
    if not meta.get("deletionTimestamp") or meta.get("finalizers"):
        return False
    if meta.get("deletionGracePeriodSeconds"):
        return False
    # A namespace has finalizers of its own.
    spec: JSONObject = obj.get("spec") or {}
    return obj["kind"] != "Namespace" or not spec.get("finalizers")


def attributes_of(
    operation: Operation, context: RequestContext, new: JSONObject | None, old: JSONObject | None
) -> AdmissionAttributes:
    """What admission is told of a request about an object."""
    name = context.name
    if not name and new is not None and operation == "CREATE":
        name = new["metadata"].get("name") or ""
    kind = context.resource.type
    # Of a namespace itself, the namespace is the namespace.
    namespace = name if kind.plural == "namespaces" and not kind.group else context.namespace
    return AdmissionAttributes(
        operation, context.resource, context.subresource, namespace, name, new, old, context, kind.gvk
    )


async def _made(make_new: MakeNew, old: JSONObject | None) -> JSONObject:
    made = make_new(old)
    return await made if isawaitable(made) else made


def _has_version(meta: JSONObject) -> bool:
    """Whether it says which version it is; what is no number, and zero, say nothing."""
    version: str = meta.get("resourceVersion") or ""
    return version.isascii() and version.isdigit() and 0 < int(version) < 1 << 64
