"""What updates and applies do to ownership.

An update takes what it changed. An apply takes what it says, gives up what it no longer says (and removes
that where nobody else owns it), and is refused when it would change another manager's field, unless forced.
Fields that the server alone writes are nobody's; fields that a write cannot change (the status in the object
itself, all else in the status subresource) are not taken by it.

What a manager owns is said in the version in which it wrote. So a write is looked at in each of these
versions: a field of one may be two of another. The rule is structured-merge-diff's (merge/update.go).
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
from reconcile.apiserver.managedfields.versions import FindResource, Versions, shape_of
from reconcile.apiserver.schemas.topology import Shape
from reconcile.apiserver.status import StatusError, apply_conflict, bad_request, internal_error
from reconcile.objects.json_copy import copy_json

if TYPE_CHECKING:
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
    """Keeps `metadata.managedFields`. Has no state.

    Args:
        find: a resource by group, version and plural name, for managers that wrote in other versions.
    """

    def __init__(self, find: FindResource) -> None:
        self._find = find

    async def update(self, new: JSONObject, live: JSONObject | None, context: RequestContext) -> None:
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
        versions = Versions(context, self._find, known=live is not None)
        try:
            await self._record(managed, before, _plain(new), context.field_manager, context, versions)
        except StatusError:
            # A version that cannot be had ends tracking: whose the fields are could not be told any more.
            managed = {}
        _store(new, managed)

    async def apply(
        self, applied: JSONObject, live: JSONObject | None, context: RequestContext
    ) -> JSONObject:
        """Server-side apply: the merged object, its managedFields set."""
        self._check_applied(applied, context)
        shape = shape_of(context.resource)
        before = _plain(live) if live is not None else _empty(applied, context)
        versions = Versions(context, self._find, known=live is not None)
        managed: Managed = {}
        if live is not None:
            try:
                managed = decode_entries(live["metadata"].get("managedFields"), stored=True)
            except ValueError as error:
                raise internal_error(f"failed to decode managed fields: {error}") from None
            if not managed:
                await self._record(
                    managed, _empty(live, context), before, _BEFORE_FIRST_APPLY, context, versions
                )
        try:
            validate(applied, shape)
        except TypedError as error:
            raise untyped(applied, context, str(error)) from None
        try:
            merged = await self._apply(applied, before, managed, context, versions, force=context.force)
        except _Conflicts as conflicts:
            if context.field_manager != "kubectl" or conflicts_beyond(conflicts, before, shape):
                _check_types(applied, context)
                raise _conflict_error(conflicts) from None
            # kubectl moves from client-side apply: what it applied then is its own.
            merged = await self._apply(applied, before, managed, context, versions, force=True)
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

    @staticmethod
    async def _record(
        managed: Managed,
        before: JSONObject,
        after: JSONObject,
        manager: str,
        context: RequestContext,
        versions: Versions,
    ) -> None:
        changes = _Changes(before, after, context, versions)
        changed, _ = changes.own
        for who, owned in list(managed.items()):
            found = await changes.seen_in(owned.api_version)
            _keep(managed, who, EMPTY if found is None else owned.fields - found[0] - found[1])
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
        taken = created_fields(empty, _plain(new), shape_of(context.resource))
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

    @staticmethod
    async def _apply(
        applied: JSONObject,
        live: JSONObject,
        managed: Managed,
        context: RequestContext,
        versions: Versions,
        *,
        force: bool,
    ) -> JSONObject:
        """The new object; `managed` is changed unless conflicts are raised."""
        version, shape = context.resource.type.api_version, shape_of(context.resource)
        who = manager_id(context.field_manager, "Apply", version, context.subresource)
        last = managed.get(who)
        new = merge(live, applied, shape)
        taken = _writable(field_set(applied, shape), context)
        next_managed = {**managed, who: Owned(taken, version, last.time if last else "")}
        if last and last.fields:
            new = await _prune(new, last, next_managed, versions)
        changes = _Changes(live, new, context, versions)
        conflicts: dict[ManagerId, FieldSet] = {}
        for other, owned in list(next_managed.items()):
            if other == who:
                continue
            found = await changes.seen_in(owned.api_version)
            if found is None:
                del next_managed[other]
                continue
            changed, gone = found
            if owned.fields & changed:
                conflicts[other] = owned.fields & changed
            _keep(next_managed, other, owned.fields - changed - gone)
        if conflicts and not force:
            raise _Conflicts(conflicts)
        fields = taken - _SERVER_ONLY
        _keep(next_managed, who, fields)
        if who in next_managed and not equal(new, live):
            next_managed[who] = Owned(fields, version, context.timestamp)
        managed.clear()
        managed.update(next_managed)
        return new


class _Changes:
    """What a write changes and takes away, in each version that some manager wrote in.

    Attributes:
        own: in the version of the request.
    """

    def __init__(
        self, before: JSONObject, after: JSONObject, context: RequestContext, versions: Versions
    ) -> None:
        self._before = before
        self._after = after
        self._context = context
        self._versions = versions
        self.own = self._difference(before, after, shape_of(context.resource))
        self._seen: dict[str, tuple[FieldSet, FieldSet] | None] = {versions.own: self.own}

    async def seen_in(self, api_version: str) -> tuple[FieldSet, FieldSet] | None:
        """In another version; None where there is no such version any more."""
        version = self._versions.known(api_version)
        if version not in self._seen:
            convert = self._versions.convert
            before = await convert(self._before, version, failing="failed to convert old object")
            after = await convert(self._after, version, failing="failed to convert new object")
            found = None
            if before is not None and after is not None:
                found = self._difference(before, after, self._versions.shape(version))
            self._seen[version] = found
        return self._seen[version]

    def _difference(self, before: JSONObject, after: JSONObject, shape: Shape) -> tuple[FieldSet, FieldSet]:
        difference = compare(before, after, shape)
        changed = _writable(frozenset(difference.modified | difference.added), self._context)
        return changed, _writable(frozenset(difference.removed), self._context)


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
        # By their shape, before.
        return
    try:
        context.resource.schema.check(copy_json(applied), context)
    except StatusError as error:
        raise untyped(applied, context, error.message) from None


async def _prune(merged: JSONObject, last: Owned, managed: Managed, versions: Versions) -> JSONObject:
    """Take out what the manager applied before and nobody owns now."""
    version = versions.known(last.api_version)
    prune = "failed to prune fields"
    failing = f"{prune}: failed to convert merged object to last applied version"
    start = await versions.convert(merged, version, failing=failing)
    if start is None:
        return merged
    shape = versions.shape(version)
    named_last = with_named_fields(last.fields, shape)
    owned: dict[str, set[Path]] = {version: set()}
    for each in managed.values():
        owned.setdefault(versions.known(each.api_version), set()).update(each.fields)
    whole, pruned = start, remove(start, named_last, shape)
    for each, fields in owned.items():
        back, at = f"{prune}: failed add back owned items: failed to convert", f"object at version {each}"
        whole_there = await versions.convert(whole, each, failing=f"{back} merged {at}")
        pruned_there = await versions.convert(pruned, each, failing=f"{back} pruned {at}")
        if whole_there is None or pruned_there is None:
            continue
        whole, pruned = whole_there, _with_owned(whole_there, pruned_there, fields, versions.shape(each))
    # Items that went only because what held them went come back.
    dangling = "failed add back dangling items: failed to convert pruned object to last applied version"
    at_last = await versions.convert(pruned, version, failing=f"{prune}: {dangling}")
    assert at_last is not None
    left = with_named_fields(field_set(at_last, shape), shape)
    all_fields = with_named_fields(field_set(start, shape), shape)
    rest = remove(start, (all_fields - left) & named_last, shape)
    result = await versions.convert(rest, versions.own, failing=prune)
    assert result is not None
    return result


def _with_owned(whole: JSONObject, pruned: JSONObject, owned: set[Path], shape: Shape) -> JSONObject:
    """What was taken out and somebody owns comes back."""
    all_fields = with_named_fields(field_set(whole, shape), shape)
    left = with_named_fields(field_set(pruned, shape), shape)
    return remove(whole, all_fields - (left | with_named_fields(frozenset(owned), shape)), shape)


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
