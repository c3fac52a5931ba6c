"""A part of a kind: the few fields that a reader looks at, decoded once and shared.

    class Spec(Part, frozen=True):
        node_name: str = ""

    class Status(Part, frozen=True):
        phase: str = "Pending"

    class Replica(PartialObject, frozen=True):
        __resource_type__ = Pod.__resource_type__

        spec: Spec = Spec()
        status: Status = Status()

Such a class stands wherever a kind is asked for: `cache.list(Replica)`, `Watch(Replica, …)`,
`client.get(Replica, key)`. A cache reads each version of an object as such a part once, and gives the same
frozen part to everyone: who looks at a thousand pods in each reconcile pays for those that changed. What has
no field in the class is skipped, which is most of the cost of a whole object.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from reconcile.objects.identity import ObjectKey, ResourceType
from reconcile.objects.metadata import ObjectMetadata


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Base of what a partial object is made of. Frozen, with camelCase names on the wire.

    Give each field a default, which stands for an absent one, and lists and maps as `tuple[…, ...]`: parts
    are shared, and nobody may change them.
    """


class PartialObject(Part, frozen=True):
    """Base of a part of a kind. It is read and never written: patch by its key what is to change.

    Class attributes:
        __resource_type__: of the kind: `__resource_type__ = Pod.__resource_type__`.

    Attributes:
        metadata: the object's metadata, as `MetadataOnly` gives it.
    """

    __resource_type__: ClassVar[ResourceType]

    metadata: ObjectMetadata

    @property
    def key(self) -> ObjectKey:
        """Namespace and name; the namespace of a cluster-scoped object is empty."""
        return self.metadata.key
