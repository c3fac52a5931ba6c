"""Delete and deletecollection: grace, finalizers, propagation, preconditions.

The rules are those of kube-apiserver's `rest.BeforeDelete` and `registry.Store.Delete`: a deletion marks
the object (deletionTimestamp) while a grace period runs or finalizers hold it, and removes it otherwise.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from reconcile.apiserver import status
from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.handlers.writes import attributes_of
from reconcile.apiserver.interfaces import JSONObject, RequestContext
from reconcile.apiserver.storage import StorageConflictError, StoredObject

_ATTEMPTS = 64
ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


class Deleter:
    """Deletes objects of any kind."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def delete(
        self, context: RequestContext, *, only_if: StoredObject | None = None, admitted: bool = True
    ) -> tuple[JSONObject, bool]:
        """Delete the object that the context names, by `context.options`.

        Returns the object as it is then, or was last, and whether it is gone. Raises StatusError.
        """
        parts, resource = self._parts, context.resource
        kind = resource.type
        if context.verb == "delete":
            resource.strategy.warn_of_deletion(context)
        for _ in range(_ATTEMPTS):
            held = parts.store.find(resource, context.namespace, context.name)
            if held is None or (only_if is not None and held.uid != only_if.uid):
                raise status.not_found(kind.group, kind.plural, context.name)
            old = await parts.store.load(resource, held)
            _check_preconditions(context, old["metadata"])
            if admitted:
                await self._admit(context, old)
            stays, graceful = self._mark(context, old)
            if admitted and graceful and not stays and not context.dry_run:
                # Marked first and then removed, as two writes: admission is asked about each.
                await self._admit(context, old)
            new = old
            written = await parts.store.written_form(resource, new)
            if parts.store.find(resource, context.namespace, context.name) is not held:
                continue
            try:
                if stays:
                    before = await parts.store.load(resource, held)
                    unchanged = parts.store.is_unchanged(resource, held, new, before, written)
                    if not context.dry_run and not unchanged:
                        parts.store.put(resource, new, written, held)
                    return new, False
                resource.strategy.before_commit(None, old, context)
                if not context.dry_run:
                    if graceful:
                        # Kinds with a grace period are seen as deleted before they go, even at once.
                        held = parts.store.put(resource, new, written, held)
                    else:
                        # What made it go at once was never stored.
                        old = await parts.store.load(resource, held)
                    change = parts.store.remove(resource, held)
                    old["metadata"]["resourceVersion"] = str(change.revision)
                    if resource.strategy.releases:
                        await resource.strategy.after_commit(None, old, context)
                return old, True
            except StorageConflictError:
                continue
        raise status.conflict(kind.group, kind.plural, context.name)

    async def _admit(self, context: RequestContext, old: JSONObject) -> None:
        chain = self._parts.admission
        if not chain.plugins_for("DELETE", context.resource, "").all:
            return
        attributes = attributes_of("DELETE", context, None, old)
        if context.verb == "deletecollection":
            attributes.name = ""
        await chain.admit_and_validate(attributes)

    def _mark(self, context: RequestContext, obj: JSONObject) -> tuple[bool, bool]:
        """Mark the object as deletion wants it; whether it stays for now, and whether it has a grace period
        that begins or changes."""
        strategy, options, meta = context.resource.strategy, context.options, obj["metadata"]
        finalizers = _propagation_finalizers(strategy.default_propagation(obj), meta, options)
        own_affair = strategy.begin_deletion(obj, context)
        meta = obj["metadata"]
        if own_affair:
            if meta.get("deletionTimestamp") is None:
                meta["deletionTimestamp"] = context.timestamp
                _raise_generation(meta)
            _set_finalizers(meta, _added(meta, finalizers))
            return True, False
        grace = strategy.grace_period(obj, options, context)
        graceful = False
        if grace is not None:
            if meta.get("deletionTimestamp") is not None:
                pending: int = meta.get("deletionGracePeriodSeconds") or 0
                if pending:
                    wanted = options.get("gracePeriodSeconds")
                    wanted = 1 if wanted is not None and wanted < 0 else wanted
                    if wanted is None or wanted >= pending:
                        return True, False
                    # A deletion under way can only be made shorter.
                    begin = _parse(meta["deletionTimestamp"]) - timedelta(seconds=pending)
                    meta["deletionTimestamp"] = _format(begin + timedelta(seconds=wanted))
                    meta["deletionGracePeriodSeconds"] = wanted
                    graceful, grace = True, wanted
            else:
                graceful = True
                meta["deletionTimestamp"] = _format(context.now + timedelta(seconds=grace))
                meta["deletionGracePeriodSeconds"] = grace
                _raise_generation(meta)
        _set_finalizers(meta, finalizers)
        if finalizers:
            if not graceful:
                if meta.get("deletionTimestamp") is None:
                    meta["deletionTimestamp"] = context.timestamp
                    _raise_generation(meta)
                meta["deletionGracePeriodSeconds"] = 0
            return True, graceful
        return graceful and bool(grace), graceful

    async def delete_collection(self, context: RequestContext, selected: list[StoredObject]) -> None:
        """Delete each of the objects; those that are gone meanwhile don't matter."""
        context.resource.strategy.warn_of_deletion(context)
        for held in selected:
            one = _for_object(context, held)
            try:
                await self.delete(one, only_if=held)
            except status.StatusError as error:
                if error.reason != "NotFound":
                    raise


def _for_object(context: RequestContext, held: StoredObject) -> RequestContext:
    return RequestContext(
        user=context.user,
        verb="deletecollection",
        resource=context.resource,
        subresource="",
        namespace=held.namespace,
        name=held.name,
        now=context.now,
        access=context.access,
        dry_run=context.dry_run,
        options=dict(context.options),
        warnings=context.warnings,
    )


def _check_preconditions(context: RequestContext, meta: JSONObject) -> None:
    wanted: dict[str, Any] = context.options.get("preconditions") or {}
    kind = context.resource.type
    for field, name, hint in (
        ("uid", "UID", "The object might have been deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "The object might have been modified"),
    ):
        expected = wanted.get(field)
        if expected is not None and expected != meta.get(field):
            raise status.conflict(
                # Events of both forms are one kind, that of the core group.
                "" if kind.group == "events.k8s.io" else kind.group,
                kind.kind,
                context.name,
                f"the {name} in the precondition ({expected}) does not match the {name} in record "
                f"({meta.get(field)}). {hint}",
            )


def _propagation_finalizers(default: str, meta: JSONObject, options: JSONObject) -> list[str]:
    """The finalizers with those of garbage collection set as the options or the kind's default want."""
    held: list[str] = meta.get("finalizers") or []
    policy = options.get("propagationPolicy")
    if default == "Unsupported":
        return [name for name in held if name not in (ORPHAN, FOREGROUND)]
    orphan_dependents = options.get("orphanDependents")
    if orphan_dependents is not None:
        policy = "Orphan" if orphan_dependents else "Background"
    elif policy is None:
        if ORPHAN in held:
            policy = "Orphan"
        elif FOREGROUND in held:
            policy = "Foreground"
        else:
            policy = default
    kept = [name for name in held if name not in (ORPHAN, FOREGROUND)]
    if policy == "Orphan":
        kept.append(ORPHAN)
    elif policy == "Foreground":
        kept.append(FOREGROUND)
    return held if sorted(kept) == sorted(held) else kept


def _added(meta: JSONObject, finalizers: list[str]) -> list[str]:
    """Finalizers that `begin_deletion` added stay beside those of propagation."""
    held: list[str] = meta.get("finalizers") or []
    own = [name for name in held if name not in finalizers and name not in (ORPHAN, FOREGROUND)]
    return [*finalizers, *own]


def _set_finalizers(meta: JSONObject, finalizers: list[str]) -> None:
    if finalizers:
        meta["finalizers"] = finalizers
    else:
        meta.pop("finalizers", None)


def _raise_generation(meta: JSONObject) -> None:
    if meta.get("generation"):
        meta["generation"] += 1


def _parse(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _format(moment: datetime) -> str:
    return f"{moment.isoformat()[:19]}Z"
