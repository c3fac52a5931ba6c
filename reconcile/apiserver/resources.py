"""The `Resource`: everything the handlers must know of one kind in one version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from reconcile.apiserver.interfaces import Action, Conversion, ObjectSchema, Strategy, Subresource
from reconcile.objects.identity import ResourceType

if TYPE_CHECKING:
    from reconcile.apiserver.interfaces import JSONObject

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One kind in one version, as it is served.

    Attributes:
        type: kind, group, version, plural, scope.
        singular: singular name, such as `pod`.
        schema: the kind's schema.
        strategy: the kind's rules.
        verbs: what may be done with it; `create` alone for reviews.
        short_names: such as `po`.
        categories: such as `all`.
        list_kind: kind of the list; empty for what cannot be listed.
        subresources: by name.
        stored_as: `api_version` of the stored form.
        storage_name: names the collection in the storage; equal for all versions and for aliases
            (events and events.events.k8s.io) of one set of objects.
        conversion: between the versions; None when apiVersion is all that differs.
        custom: defined by a CustomResourceDefinition.
        returns_deleted: a complete deletion answers with the object, not with a Status.
        printer_columns: `additionalPrinterColumns` of a custom resource.
        action: what a POST to the collection does for kinds that are answered and never stored
            (SubjectAccessReview, TokenReview, …); then `verbs` is `create` alone.
        deprecation: text of the Warning header that each use gets; empty for none.
        storage_version_hash: as discovery shows it; may be empty.
    """

    type: ResourceType
    singular: str
    schema: ObjectSchema
    strategy: Strategy = field(default_factory=Strategy)
    verbs: tuple[str, ...] = ALL_VERBS
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    list_kind: str = ""
    subresources: Mapping[str, Subresource] = field(
        default_factory=lambda: MappingProxyType[str, Subresource]({})
    )
    stored_as: str = ""
    storage_name: str = ""
    conversion: Conversion | None = None
    custom: bool = False
    returns_deleted: bool = False
    printer_columns: tuple[JSONObject, ...] = ()
    action: Action | None = None
    deprecation: str = ""
    storage_version_hash: str = ""

    def __post_init__(self) -> None:
        if not self.stored_as:
            object.__setattr__(self, "stored_as", self.type.api_version)
        if not self.storage_name:
            object.__setattr__(self, "storage_name", self.type.group_resource)
        if not self.list_kind and "list" in self.verbs:
            object.__setattr__(self, "list_kind", f"{self.type.kind}List")
