"""The `Resource`: everything the handlers must know of one kind in one version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from reconcile.apiserver.interfaces import Action, Conversion, ObjectSchema, Strategy, Subresource
from reconcile.objects.identity import ResourceType

if TYPE_CHECKING:
    from reconcile.apiserver.interfaces import JSONObject

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Rules:
    """What a kind does beyond its schema.

    Attributes:
        strategy: the kind's rules.
        subresources: by name.
        action: what a POST to the collection does for kinds that are answered and never stored
            (SubjectAccessReview, TokenReview, …); then the resource's `verbs` is `create` alone.
        conversion: between the versions; None when apiVersion is all that differs.
    """

    strategy: Strategy
    subresources: Mapping[str, Subresource] = field(
        default_factory=lambda: MappingProxyType[str, Subresource]({})
    )
    action: Action | None = None
    conversion: Conversion | None = None


@dataclass(frozen=True, eq=False)
class Resource:
    """One kind in one version, as it is served.

    Attributes:
        type: kind, group, version, plural, scope.
        singular: singular name, such as `pod`.
        schema: the kind's schema.
        find_rules: gives what it does beyond the schema. Asked once, at the first use: most kinds of a
            server never are used.
        verbs: what may be done with it; `create` alone for reviews.
        short_names: such as `po`.
        categories: such as `all`.
        list_kind: kind of the list; empty for what cannot be listed.
        stored_as: `api_version` of the stored form.
        storage_name: names the collection in the storage; equal for all versions and for aliases
            (events and events.events.k8s.io) of one set of objects.
        custom: defined by a CustomResourceDefinition.
        returns_deleted: a complete deletion answers with the object, not with a Status.
        printer_columns: `additionalPrinterColumns` of a custom resource.
        deprecation: text of the Warning header that each use gets; empty for none.
        storage_version_hash: as discovery shows it; may be empty.
        schemas_since: custom objects that were stored before this revision were stored under another
            definition; 0 when there was none.
    """

    type: ResourceType
    singular: str
    schema: ObjectSchema
    find_rules: Callable[[], Rules]
    verbs: tuple[str, ...] = ALL_VERBS
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    list_kind: str = ""
    stored_as: str = ""
    storage_name: str = ""
    custom: bool = False
    returns_deleted: bool = False
    printer_columns: tuple[JSONObject, ...] = ()
    deprecation: str = ""
    storage_version_hash: str = ""
    schemas_since: int = 0

    def __post_init__(self) -> None:
        if not self.stored_as:
            object.__setattr__(self, "stored_as", self.type.api_version)
        if not self.storage_name:
            object.__setattr__(self, "storage_name", self.type.group_resource)
        if not self.list_kind and "list" in self.verbs:
            object.__setattr__(self, "list_kind", f"{self.type.kind}List")

    @cached_property
    def _rules(self) -> Rules:
        return self.find_rules()

    @cached_property
    def strategy(self) -> Strategy:
        return self._rules.strategy

    @cached_property
    def subresources(self) -> Mapping[str, Subresource]:
        return self._rules.subresources

    @cached_property
    def action(self) -> Action | None:
        return self._rules.action

    @cached_property
    def conversion(self) -> Conversion | None:
        return self._rules.conversion
