"""Which objects belong to a controller: adoption and release by controllerRef.

A controller owns what carries its uid as controller reference. From the candidates in its namespace it

- keeps what it owns and its selector matches,
- releases what it owns and its selector no longer matches (somebody changed a label),
- adopts what nobody owns and its selector matches,
- leaves everything else alone, objects of a controller of the same name and another uid among it.

`candidates` finds them, `sort_out` decides, `carry_out` writes. A release or an adoption names the object's
uid in its patch, so that an object deleted and made again under the same name is never touched by a decision
about the old one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from reconcile import (
    Cache,
    Client,
    ConflictError,
    Index,
    KubernetesObject,
    NotFoundError,
    PartialObject,
    Selector,
    owner_reference,
)

AnyObject: TypeAlias = KubernetesObject | PartialObject
T = TypeVar("T", bound=AnyObject)

BY_CONTROLLER = Index(
    "controller", metadata=lambda metadata: [metadata.controller.uid if metadata.controller else ""]
)
"""Finds the objects of a controller by its uid, and those of nobody under the empty value."""


@dataclass(slots=True)
class Claims(Generic[T]):
    """What `sort_out` decided, in the order of the candidates.

    Attributes:
        owned: ours already, and to be kept.
        adopt: nobody's, and wanted.
        release: ours, and no longer wanted.
    """

    owned: list[T] = field(default_factory=list)
    adopt: list[T] = field(default_factory=list)
    release: list[T] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        """True when nothing has to be written."""
        return not self.adopt and not self.release


def controller_uid(obj: AnyObject) -> str | None:
    """The uid of the object's controller; None when it has none."""
    for reference in obj.metadata.owner_references:
        if reference.controller:
            return reference.uid
    return None


def candidates(cache: Cache, kind: type[T], owner: KubernetesObject) -> list[T]:
    """What belongs to the owner and what belongs to nobody, in its namespace, as the cache has it.

    What this process has just written is among it: see the cache's promises in `docs/explanation`. Needs
    `reads = (Read(kind, indexes=(BY_CONTROLLER,)),)`.
    """
    namespace, uid = owner.metadata.namespace, owner.metadata.uid
    return [
        *cache.index(kind, BY_CONTROLLER.name, uid, namespace=namespace),
        *cache.index(kind, BY_CONTROLLER.name, "", namespace=namespace),
    ]


def sort_out(owner: KubernetesObject, selector: Selector, candidates: Sequence[T]) -> Claims[T]:
    """Decide which candidates are kept, adopted and released; `owner` being deleted adopts nothing."""
    claims: Claims[T] = Claims()
    for candidate in candidates:
        uid = controller_uid(candidate)
        matches = selector.matches(candidate.metadata.labels)
        if uid is None:
            wanted = matches and not owner.metadata.deletion_timestamp
            if wanted and not candidate.metadata.deletion_timestamp:
                claims.adopt.append(candidate)
        elif uid == owner.metadata.uid:
            if matches:
                claims.owned.append(candidate)
            elif not owner.metadata.deletion_timestamp:
                claims.release.append(candidate)
    return claims


class CannotAdoptError(Exception):
    """The owner is not there any more, or on its way out: it must not take anything as its own."""


async def carry_out(client: Client, owner: KubernetesObject, claims: Claims[T]) -> list[T]:
    """Write adoptions and releases; returns everything that is now owned.

    The owner is read live first: one that was deleted, and perhaps made again under its name, since the
    cache saw it must adopt nothing, and do nothing else either. Then this raises `CannotAdoptError`.
    """
    owned = list(claims.owned)
    if claims.adopt:
        await _still_there(client, owner)
        for candidate in claims.adopt:
            adopted = await _patch(client, candidate, _adoption(owner, candidate))
            if adopted is not None:
                owned.append(adopted)
    for candidate in claims.release:
        await _patch(client, candidate, _release(owner, candidate))
    return owned


async def _still_there(client: Client, owner: KubernetesObject) -> None:
    live = await client.get_or_none(type(owner), owner.key)
    if live is None or live.metadata.uid != owner.metadata.uid:
        raise CannotAdoptError(f"{owner.key} with the uid {owner.metadata.uid} is gone")
    if live.metadata.deletion_timestamp:
        raise CannotAdoptError(f"{owner.key} has just been deleted at {live.metadata.deletion_timestamp}")


def _adoption(owner: KubernetesObject, candidate: AnyObject) -> dict[str, Any]:
    return {
        "metadata": {
            "uid": candidate.metadata.uid,
            "ownerReferences": [owner_reference(owner, controller=True)],
        }
    }


def _release(owner: KubernetesObject, candidate: AnyObject) -> dict[str, Any]:
    return {
        "metadata": {
            "uid": candidate.metadata.uid,
            "ownerReferences": [{"$patch": "delete", "uid": owner.metadata.uid}],
        }
    }


async def _patch(client: Client, candidate: T, patch: dict[str, Any]) -> T | None:
    try:
        return await client.patch(type(candidate), candidate.key, patch, type="strategic")
    except NotFoundError:
        return None
    except ConflictError:
        # The object under this name has another uid by now: not the one decided about.
        return None
