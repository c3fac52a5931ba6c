"""What updates and applies do to ownership.

An update takes what it changed. An apply takes what it says, gives up what it no longer says (and removes
that where nobody else owns it), and is refused when it would change another manager's field, unless forced.
Fields that the server alone writes are nobody's; fields that a write cannot change (the status in the object
itself, all else in the status subresource) are not taken by it.

Managers of other versions of the same kind are compared in the version of the request: correct where
versions differ in nothing but their name.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from reconcile.apiserver.managedfields.creation import created_fields, without
from reconcile.apiserver.managedfields.entries import (
    Managed,
    ManagerId,
    Owned,
    decode_entries,
    encode_entries,
    is_reset,
    manager_id,
)
from reconcile.apiserver.managedfields.fieldset import EMPTY, FieldSet, Path, in_order, path_text
from reconcile.apiserver.managedfields.typed import (
    TypedError,
    compare,
    equal,
    field_set,
    merge,
    remove,
    validate,
    with_named_fields,
)
from reconcile.apiserver.schemas.topology import UNTYPED, Shape
from reconcile.apiserver.status import StatusError, apply_conflict, bad_request, internal_error
from reconcile.objects.json_copy import copy_json

if TYPE_CHECKING:
    from reconcile.apiserver.customresources.schema import CustomSchema
    from reconcile.apiserver.interfaces import RequestContext

JSONObject = dict[str, Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_BEFORE_FIRST_APPLY = "before-first-apply"
_MAX_UPDATERS = 10
# What these write to their object is nobody's, on the real server too.
_UNTRACKED = ("binding", "eviction")

# Kinds whose status subresource leaves metadata, or some of it, as it is.
_STATUS_WITHOUT_METADATA = frozenset(
    {
        "servicecidrs.networking.k8s.io",
        "storageversionmigrations.storagemigration.k8s.io",
        "resourceclaims.resource.k8s.io",
        "devicetaintrules.resource.k8s.io",
        "volumeattachments.storage.k8s.io",
        "flowschemas.flowcontrol.apiserver.k8s.io",
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
        "apiservices.apiregistration.k8s.io",
    }
)
# Their spec never changes, and belongs to nobody.
_SIGNING_REQUESTS = "certificatesigningrequests"
_STATUS_RESETS: dict[str, tuple[Path, ...]] = {
    "deployments.apps": (("f:labels",),),
    "pods": (("f:deletionTimestamp",), ("f:ownerReferences",)),
}

_SERVER_METADATA = frozenset(
    f"f:{name}"
    for name in (
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    )
)
_SERVER_BELOW: dict[str, frozenset[str]] = {
    "f:apiVersion": frozenset(),
    "f:kind": frozenset(),
    "f:metadata": _SERVER_METADATA,
}
_SERVER_ONLY: frozenset[Path] = frozenset(
    {(key,) for key in _SERVER_BELOW} | {("f:metadata", name) for name in _SERVER_METADATA}
)


class _Conflicts(Exception):
    def __init__(self, found: dict[ManagerId, FieldSet]) -> None:
        super().__init__(found)
        self.found = found


class FieldManager:
    """Keeps `metadata.managedFields`. Has no state."""

    def update(self, new: JSONObject, live: JSONObject | None, context: RequestContext) -> None:
        """Give what `new` changes to the manager of the request, as an Update."""
        if context.subresource in _UNTRACKED and context.resource.type.kind not in ("Binding", "Eviction"):
            keep_entries(new, live)
            return
        given = new["metadata"].pop("managedFields", None)
        held = (live or {}).get("metadata", {}).get("managedFields")
        managed = self._starting_point(given, held, subresource=bool(context.subresource))
        if not managed and live is not None and live.get("metadata", {}).get("uid"):
            # Tracking was ended by the client, and begins again with the first apply.
            return
        if live is None and not managed and not context.subresource:
            self._record_creation(managed, new, context)
            _store(new, managed)
            return
        before = _plain(live) if live is not None else _empty(new, context)
        self._record(managed, before, _plain(new), context.field_manager, context)
        _store(new, managed)

    def apply(self, applied: JSONObject, live: JSONObject | None, context: RequestContext) -> JSONObject:
        """Server-side apply: the merged object, its managedFields set."""
        self._check_applied(applied, context)
        shape = _shape(context)
        before = _plain(live) if live is not None else _empty(applied, context)
        managed: Managed = {}
        if live is not None:
            try:
                managed = decode_entries(live["metadata"].get("managedFields"), stored=True)
            except ValueError as error:
                raise internal_error(f"failed to decode managed fields: {error}") from None
            if not managed:
                self._record(managed, _empty(live, context), before, _BEFORE_FIRST_APPLY, context)
        try:
            validate(applied, shape)
        except TypedError as error:
            raise untyped(applied, context, str(error)) from None
        if context.resource.custom:
            _check_types(applied, context)
        try:
            merged = self._apply(applied, before, managed, shape, context, force=context.force)
        except _Conflicts as conflicts:
            if context.field_manager != "kubectl" or conflicts_beyond(conflicts, before, shape):
                _check_types(applied, context)
                raise _conflict_error(conflicts) from None
            # kubectl moves from client-side apply: what it applied then is its own.
            merged = self._apply(applied, before, managed, shape, context, force=True)
        if context.field_manager == "kubectl":
            _refresh_last_applied(merged, applied)
        _store(merged, managed)
        return merged

    @staticmethod
    def _starting_point(given: Any, held: Any, *, subresource: bool) -> Managed:
        """A client may edit managedFields, or empty them; broken ones fall back on the stored ones."""
        if not subresource:
            if is_reset(given):
                return {}
            if given != held:
                try:
                    managed = decode_entries(given)
                except ValueError:
                    managed = {}
                if managed:
                    return managed
        try:
            return decode_entries(held, stored=True)
        except ValueError:
            return {}

    def _record(
        self, managed: Managed, before: JSONObject, after: JSONObject, manager: str, context: RequestContext
    ) -> None:
        shape = _shape(context)
        difference = compare(before, after, shape)
        changed = _writable(frozenset(difference.modified | difference.added), context)
        gone = _writable(frozenset(difference.removed), context)
        for who in list(managed):
            _keep(managed, who, managed[who].fields - changed - gone)
        taken = changed - _SERVER_ONLY
        if taken:
            version = context.resource.type.api_version
            who = manager_id(manager, "Update", version, context.subresource)
            previous = managed.get(who)
            fields = taken | previous.fields if previous else taken
            # The scale's entry has no time, on the real server either.
            in_object = context.subresource == "scale" and context.resource.type.kind != "Scale"
            time = "" if in_object else context.timestamp
            managed[who] = Owned(fields, version, time)
        _cap(managed)

    @staticmethod
    def _record_creation(managed: Managed, new: JSONObject, context: RequestContext) -> None:
        """`_record` of an object that was not there, and that nobody owned."""
        empty = getattr(context.resource.schema, "empty", None) or _empty(new, context)
        taken = created_fields(empty, _plain(new), _shape(context))
        kind = context.resource.type
        if kind.plural == _SIGNING_REQUESTS:
            taken = {key: taken[key] for key in taken if key == "f:metadata"}
        elif "status" in context.resource.subresources:
            taken.pop("f:status", None)
        fields = without(taken, _SERVER_BELOW)
        if fields:
            who = manager_id(context.field_manager, "Update", kind.api_version, "")
            managed[who] = Owned(EMPTY, kind.api_version, context.timestamp, fields)

    @staticmethod
    def _check_applied(applied: JSONObject, context: RequestContext) -> None:
        wanted = context.resource.type
        version, kind = applied.get("apiVersion") or "", applied.get("kind") or ""
        if version != wanted.api_version or kind != wanted.kind:
            # What is no string counts as none.
            version, kind = (each if isinstance(each, str) else "" for each in (version, kind))
            given = version if "/" in version else f"/{version}"
            raise bad_request(f"invalid object type: {given}, Kind={kind}")
        meta = applied.get("metadata")
        if isinstance(meta, dict) and cast("JSONObject", meta).get("managedFields") is not None:
            raise bad_request("metadata.managedFields must be nil")

    def _apply(
        self,
        applied: JSONObject,
        live: JSONObject,
        managed: Managed,
        shape: Shape,
        context: RequestContext,
        *,
        force: bool,
    ) -> JSONObject:
        """The new object; `managed` is changed unless conflicts are raised."""
        version = context.resource.type.api_version
        who = manager_id(context.field_manager, "Apply", version, context.subresource)
        last = managed[who].fields if who in managed else EMPTY
        last_time = managed[who].time if who in managed else ""
        new = merge(live, applied, shape)
        taken = _writable(field_set(applied, shape), context)
        next_managed = {**managed, who: Owned(taken, version, last_time)}
        if last:
            new = _prune(new, last, next_managed, shape)
        difference = compare(live, new, shape)
        changed = _writable(frozenset(difference.modified | difference.added), context)
        gone = _writable(frozenset(difference.removed), context)
        conflicts = {
            other: owned.fields & changed
            for other, owned in next_managed.items()
            if other != who and owned.fields & changed
        }
        if conflicts and not force:
            raise _Conflicts(conflicts)
        for other in list(next_managed):
            if other != who:
                _keep(next_managed, other, next_managed[other].fields - changed - gone)
        fields = taken - _SERVER_ONLY
        _keep(next_managed, who, fields)
        if who in next_managed and not equal(new, live):
            next_managed[who] = Owned(fields, version, context.timestamp)
        managed.clear()
        managed.update(next_managed)
        return new


def keep_entries(new: JSONObject, live: JSONObject | None) -> None:
    held = (live or {}).get("metadata", {}).get("managedFields")
    new["metadata"].pop("managedFields", None)
    if held:
        new["metadata"]["managedFields"] = held


def internal_error_without_prefix(text: str) -> Exception:
    """Errors of the field manager reach the client as they are, with status 500."""
    return StatusError(text, code=500)


def untyped(applied: JSONObject, context: RequestContext, problem: str) -> Exception:
    """An applied configuration does not fit the kind's schema."""
    meta: Any = applied.get("metadata")
    named = cast("JSONObject", meta) if isinstance(meta, dict) else {}
    name = f"{named.get('namespace', '')}/{named.get('name', '')}"
    kind = context.resource.type
    return internal_error_without_prefix(
        f"failed to create typed patch object ({name}; {kind.group}/{kind.version}, "
        f"Kind={kind.kind}): {problem}"
    )


def _check_types(applied: JSONObject, context: RequestContext) -> None:
    """What is of a wrong type is refused for that, before any conflict about it."""
    if context.resource.custom:
        problem = cast("CustomSchema", context.resource.schema).type_problem(applied)
        if problem:
            raise untyped(applied, context, problem)
        return
    try:
        context.resource.schema.check(copy_json(applied), context)
    except StatusError as error:
        raise untyped(applied, context, error.message) from None


def _prune(merged: JSONObject, last: FieldSet, managed: Managed, shape: Shape) -> JSONObject:
    """Take out what the manager applied before and nobody owns now."""
    named_last = with_named_fields(last, shape)
    pruned = remove(merged, named_last, shape)
    everyone: set[Path] = set()
    for owned in managed.values():
        everyone |= owned.fields
    owned_by_any = with_named_fields(frozenset(everyone), shape)
    all_fields = with_named_fields(field_set(merged, shape), shape)
    left = with_named_fields(field_set(pruned, shape), shape)
    pruned = remove(merged, all_fields - (left | owned_by_any), shape)
    # Items that went only because what held them went come back.
    left = with_named_fields(field_set(pruned, shape), shape)
    return remove(merged, (all_fields - left) & named_last, shape)


def _keep(managed: Managed, who: ManagerId, fields: FieldSet) -> None:
    if not fields:
        managed.pop(who, None)
    elif fields != managed[who].fields:
        managed[who] = managed[who].with_fields(fields)


def _cap(managed: Managed) -> None:
    """Many updaters: the oldest become one bucket a version."""
    updaters = sorted(
        (who for who in managed if who.operation == "Update"), key=lambda who: (managed[who].time, who)
    )
    excess = len(updaters) - _MAX_UPDATERS
    first: dict[str, ManagerId] = {}
    for who in updaters:
        if excess <= 0:
            return
        owned = managed.pop(who)
        bucket = manager_id("ancient-changes", "Update", owned.api_version, "")
        if owned.api_version in first:
            bucket = first[owned.api_version]
            held = managed[bucket]
            managed[bucket] = Owned(held.fields | owned.fields, owned.api_version, max(held.time, owned.time))
            excess -= 1
        else:
            first[owned.api_version] = bucket
            managed[bucket] = owned
            if bucket == who:
                continue


def _writable(fields: FieldSet, context: RequestContext) -> FieldSet:
    """Without what this request resets."""
    if context.subresource == "status":
        if context.resource.custom:
            return frozenset(path for path in fields if path[0] == "f:status")
        kind = context.resource.type.group_resource
        if kind in _STATUS_WITHOUT_METADATA:
            return frozenset(path for path in fields if path[0] == "f:status")
        reset = _STATUS_RESETS.get(kind, ())
        return frozenset(
            path for path in fields if path[0] in ("f:status", "f:metadata") and path[1:2] not in reset
        )
    if context.subresource in ("", "approval") and context.resource.type.plural == _SIGNING_REQUESTS:
        return frozenset(path for path in fields if path[0] == "f:metadata")
    if context.subresource in ("", "finalize") and "status" in context.resource.subresources:
        return frozenset(path for path in fields if path[0] != "f:status")
    return fields


def _shape(context: RequestContext) -> Shape:
    found: Any = getattr(context.resource.schema, "shape", None)
    return found if isinstance(found, Shape) else UNTYPED


def _plain(obj: JSONObject | None) -> JSONObject:
    """The object without managedFields; shallow beyond metadata."""
    plain = dict(obj or {})
    meta = dict(plain.get("metadata") or {})
    meta.pop("managedFields", None)
    plain["metadata"] = meta
    return plain


def _empty(like: JSONObject, context: RequestContext) -> JSONObject:
    """An object of the kind with nothing in it, as Go's zero value."""
    kind = context.resource.type
    empty: JSONObject = {"apiVersion": kind.api_version, "kind": kind.kind}
    if not context.resource.custom:
        context.resource.schema.check(empty, context)
    empty.setdefault("metadata", {})
    return empty


def _store(obj: JSONObject, managed: Managed) -> None:
    entries = encode_entries(managed)
    if entries:
        obj["metadata"]["managedFields"] = entries
    else:
        obj["metadata"].pop("managedFields", None)


def _conflict_error(conflicts: _Conflicts) -> Exception:
    listed = [
        (who, path) for who in sorted(conflicts.found, key=str) for path in in_order(conflicts.found[who])
    ]
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": path_text(path)}
        for who, path in listed
    ]
    if len(listed) == 1:
        who, path = listed[0]
        message = f"Apply failed with 1 conflict: conflict with {who}: {path_text(path)}"
    else:
        lines: list[str] = []
        for who in sorted(conflicts.found, key=str):
            lines.append(f"conflicts with {who}:")
            lines += [f"- {path_text(path)}" for path in in_order(conflicts.found[who])]
        message = f"Apply failed with {len(listed)} conflicts: " + "\n".join(lines)
    return apply_conflict(causes, message)


def _last_applied(live: JSONObject) -> JSONObject | None:
    text = (live.get("metadata", {}).get("annotations") or {}).get(LAST_APPLIED)
    if not text:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def conflicts_beyond(conflicts: _Conflicts, live: JSONObject, shape: Shape) -> bool:
    """Whether some conflict is about more than what client-side apply has set."""
    last = _last_applied(live)
    if last is None:
        return True
    allowed = set(field_set(last, shape))
    allowed.add(("f:metadata", "f:annotations", f"f:{LAST_APPLIED}"))
    # A value that somebody changed since is no longer client-side apply's.
    changed = compare(last, live, shape).modified
    return any(path not in allowed or path in changed for paths in conflicts.found.values() for path in paths)


def _refresh_last_applied(merged: JSONObject, applied: JSONObject) -> None:
    """An annotation of client-side apply is kept in step, so that either way of applying may go on."""
    annotations: dict[str, str] = merged["metadata"].get("annotations") or {}
    if LAST_APPLIED not in annotations:
        return
    config = copy_json(applied)
    given = config.get("metadata", {}).get("annotations")
    if given:
        given.pop(LAST_APPLIED, None)
    text = json.dumps(config, separators=(",", ":"), sort_keys=True) + "\n"
    if len(text) < 262144:
        merged["metadata"]["annotations"] = {**annotations, LAST_APPLIED: text}
