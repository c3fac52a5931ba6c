"""Owner references: which object an object belongs to, and who may own whom.

An owner is deleted → the garbage collector deletes what it owns. One owner at most is the controller.
Objects may be owned by objects of their own namespace or by cluster-scoped ones; nothing else works (the
garbage collector would delete the object), so nothing else can be written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from reconcile.errors import ConfigurationError, ReconcileError
from reconcile.objects.access import gvk_of, key_of, metadata_of, uid_of
from reconcile.objects.identity import GroupVersionKind, ResourceType
from reconcile.objects.meta import ObjectMeta, OwnerReference
from reconcile.objects.metadata import ObjectMetadata, OwnerRef


class AlreadyOwnedError(ReconcileError):
    """An object that has a controller was to be given another.

    Attributes:
        owner: the reference to the controller that it has.
    """

    def __init__(self, message: str, owner: OwnerReference) -> None:
        super().__init__(message)
        self.owner = owner


def owner_reference(owner: Any, *, controller: bool = False, block: bool = True) -> OwnerReference:
    """A reference to `owner`, an object in any form that was read from the server.

    Args:
        owner: the object; it needs its uid.
        controller: whether it is the one that manages the owned object.
        block: whether a foreground deletion of the owner waits for the owned object.

    Raises:
        ConfigurationError: the owner has no uid, name or kind.
    """
    gvk, key, uid = gvk_of(owner), key_of(owner), uid_of(owner)
    if not uid or not key.name:
        raise ConfigurationError(
            f"{gvk.kind} {key} cannot own anything before it is created: it has no uid; "
            "pass the object that the server returned"
        )
    return OwnerReference(
        api_version=gvk.api_version,
        kind=gvk.kind,
        name=key.name,
        uid=uid,
        controller=True if controller else None,
        block_owner_deletion=True if block else None,
    )


def set_controller_reference(obj: Any, owner: Any, *, block: bool = True) -> None:
    """Make `owner` the controller of `obj` (a struct, model or dict, changed in place).

    A reference to the same owner that is there already is replaced.

    Raises:
        AlreadyOwnedError: another object is its controller.
        ConfigurationError: the owner cannot own it: another namespace, or a namespaced owner of a
            cluster-scoped object.
    """
    check_ownable(obj, owner)
    reference = owner_reference(owner, controller=True, block=block)
    current = controller_of(obj)
    if current is not None and not _same_object(current, reference):
        raise AlreadyOwnedError(
            f"{_described(obj)} is already controlled by {current.kind} {current.name}; "
            f"{reference.kind} {reference.name} cannot control it too",
            current,
        )
    _put(obj, reference)


def set_owner_reference(obj: Any, owner: Any, *, block: bool = False) -> None:
    """Make `owner` one of the owners of `obj`, without controlling it.

    A reference to the same owner that is there already is replaced.

    Raises:
        ConfigurationError: the owner cannot own it (see `set_controller_reference`).
    """
    check_ownable(obj, owner)
    _put(obj, owner_reference(owner, block=block))


def remove_owner_reference(obj: Any, owner: Any) -> bool:
    """Remove the references to `owner`; whether there was one."""
    gvk, name = gvk_of(owner), key_of(owner).name
    sought = OwnerReference(api_version=gvk.api_version, kind=gvk.kind, name=name, uid=uid_of(owner))
    before = owner_references_of(obj)
    after = [reference for reference in before if not _same_object(reference, sought)]
    if len(after) == len(before):
        return False
    _write(obj, after)
    return True


def controller_of(obj: Any) -> OwnerReference | None:
    """The reference to the object's controller, or None."""
    for reference in owner_references_of(obj):
        if reference.controller:
            return reference
    return None


def is_controlled_by(obj: Any, owner: Any) -> bool:
    """Whether this very owner (by uid) is the object's controller."""
    reference = controller_of(obj)
    return reference is not None and reference.uid == uid_of(owner)


def owner_references_of(obj: Any) -> Sequence[OwnerReference]:
    """The object's owner references, in the order of the object; for reading."""
    metadata = metadata_of(obj)
    if isinstance(metadata, ObjectMeta):
        return metadata.owner_references
    if isinstance(metadata, ObjectMetadata):
        return [_from_ref(reference) for reference in metadata.owner_references]
    return msgspec.convert(metadata.get("ownerReferences") or [], list[OwnerReference])


def check_ownable(obj: Any, owner: Any) -> None:
    """Refuse an owner that the garbage collector would not accept.

    Raises:
        ConfigurationError: names both objects and the rule.
    """
    namespace = key_of(owner).namespace
    if not namespace:
        return
    mine = key_of(obj).namespace
    if mine == namespace:
        return
    owner_text = f"{gvk_of(owner).kind} {key_of(owner)}"
    resource: object = getattr(cast("Any", type(obj)), "__resource_type__", None)
    if not mine and isinstance(resource, ResourceType) and resource.namespaced:
        raise ConfigurationError(
            f"{_described(obj)} has no namespace yet and is to be owned by {owner_text}: "
            f"set metadata.namespace to {namespace!r}"
        )
    if not mine:
        raise ConfigurationError(
            f"{_described(obj)} is cluster-scoped and cannot be owned by {owner_text}, which is namespaced; "
            "use a finalizer on the owner instead"
        )
    raise ConfigurationError(
        f"{_described(obj)} cannot be owned by {owner_text}: owners must be in the same namespace "
        "or cluster-scoped"
    )


def _same_object(left: OwnerReference, right: OwnerReference) -> bool:
    """Group, kind and name, as controller-runtime has it: a recreated owner takes its reference over."""
    left_kind = GroupVersionKind.of(left.api_version, left.kind).group_kind
    right_kind = GroupVersionKind.of(right.api_version, right.kind).group_kind
    return left_kind == right_kind and left.name == right.name


def _put(obj: Any, reference: OwnerReference) -> None:
    references = list(owner_references_of(obj))
    for index, present in enumerate(references):
        if _same_object(present, reference):
            references[index] = reference
            break
    else:
        references.append(reference)
    _write(obj, references)


def _write(obj: Any, references: list[OwnerReference]) -> None:
    metadata = metadata_of(obj)
    if isinstance(metadata, ObjectMeta):
        metadata.owner_references = references
    elif isinstance(metadata, dict):
        metadata["ownerReferences"] = msgspec.to_builtins(references)
        if not references:
            del metadata["ownerReferences"]
    else:
        raise ConfigurationError(f"{_described(obj)} was read as metadata only and cannot be changed")


def _from_ref(reference: OwnerRef) -> OwnerReference:
    return OwnerReference(
        api_version=reference.api_version,
        kind=reference.kind,
        name=reference.name,
        uid=reference.uid,
        controller=reference.controller or None,
        block_owner_deletion=reference.block_owner_deletion or None,
    )


def _described(obj: Any) -> str:
    if isinstance(obj, dict):
        kind = cast("dict[str, Any]", obj).get("kind")
    else:
        kind = getattr(obj, "kind", None)
    return f"{kind or 'object'} {key_of(obj)}"
