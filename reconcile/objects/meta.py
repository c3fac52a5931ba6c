"""The typed parts that every object shares: the struct base, ObjectMeta and its neighbours.

Generated kinds are structs on these bases. A struct's attributes are snake_case, its wire names
camelCase. Absent scalars and structs are None, absent maps and lists are empty, and neither is
written; what an untouched field looked like on the wire is the business of `objects.origin`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, cast

import msgspec

from reconcile.objects.identity import GroupVersionKind, ObjectKey, ResourceType

IntOrString: TypeAlias = int | str
"""A number or a string, such as a port by number or name, or a percentage."""

Quantity: TypeAlias = str | int | float
"""An amount such as `500m` or `2Gi`; servers send strings, and accept numbers. See `objects.quantities`."""


class Struct(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """Base of every typed part of an object.

    Class attributes:
        __list_keys__: wire name of a list field → wire names of the fields that identify one of its
            items (`{"containers": ("name",)}`), for lists that the API server merges by key.

    Structs are accepted as field types in Pydantic models (see `objects.pydantic_protocol`).
    """

    __list_keys__: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from reconcile.objects.pydantic_protocol import core_schema_of

        return core_schema_of(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        from reconcile.objects.pydantic_protocol import json_schema_of

        return json_schema_of(cls)


class OwnerReference(Struct):
    """A reference from an object to one that owns it, in the same namespace or cluster-scoped."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ManagedFieldsEntry(Struct):
    """That a field manager owns fields, since when, and through which subresource.

    The fields themselves (`fieldsV1`) are not decoded: they are near half of an object's JSON, and to decode
    them doubles the cost of reading a typed object. A write keeps them; a read as plain dict has them.
    """

    manager: str | None = None
    operation: str | None = None
    api_version: str | None = None
    time: str | None = None
    fields_type: str | None = None
    subresource: str | None = None


class ObjectMeta(Struct):
    """The metadata of an object, for reading and writing. Times are RFC 3339 strings as on the wire."""

    __list_keys__: ClassVar[Mapping[str, tuple[str, ...]]] = {"ownerReferences": ("uid",)}

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    self_link: str | None = None
    uid: str = ""
    resource_version: str = ""
    generation: int | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[OwnerReference] = []
    finalizers: list[str] = []
    managed_fields: list[ManagedFieldsEntry] = []


class ListMeta(Struct):
    """The metadata of a list."""

    self_link: str | None = None
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")
    remaining_item_count: int | None = None


class Condition(Struct):
    """One aspect of an object's state, in the form of `meta/v1` Condition.

    Attributes:
        type: what it is about, in CamelCase; one condition of a type per object.
        status: `"True"`, `"False"` or `"Unknown"`.
        reason: one CamelCase word, for programs; the server requires it to be non-empty.
        message: for people; may be empty. Both are always written, as the server requires the fields.
        last_transition_time: RFC 3339, when `status` last changed.
        observed_generation: the `metadata.generation` that this was computed from.
    """

    type: str
    status: str
    reason: str = msgspec.field(default_factory=str)
    message: str = msgspec.field(default_factory=str)
    last_transition_time: str | None = None
    observed_generation: int | None = None


class LabelSelectorRequirement(Struct):
    """`key operator values`, operator one of In, NotIn, Exists, DoesNotExist."""

    key: str
    operator: str
    values: list[str] = []


class LabelSelector(Struct):
    """Label selector of the API: all of both parts must hold; empty selects everything."""

    match_labels: dict[str, str] = {}
    match_expressions: list[LabelSelectorRequirement] = []


class TypedKind:
    """What every class of objects has: its kind belongs to the class, namespace and name to the object.

    Class attributes:
        __resource_type__: the resource that the class stands for.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        __resource_type__: ClassVar[ResourceType]
        metadata: ObjectMeta

    @property
    def api_version(self) -> str:
        return self.__resource_type__.api_version

    @property
    def kind(self) -> str:
        return self.__resource_type__.kind

    @property
    def gvk(self) -> GroupVersionKind:
        return self.__resource_type__.gvk

    @property
    def key(self) -> ObjectKey:
        """Namespace and name; the namespace of a cluster-scoped object is empty."""
        return ObjectKey(self.metadata.namespace, self.metadata.name)


class KubernetesObject(Struct, TypedKind, dict=True):
    """Root of every generated kind: what has a name on the server.

    `api_version` and `kind` belong to the class: a codec writes them, they are no fields. An instance
    remembers the bytes it was decoded from, through `copy.copy` and `copy.deepcopy` too (not through
    `msgspec.structs.replace` or pickle), so that a write can keep what its type does not know; equality
    compares fields only.
    """

    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)

    def __copy__(self) -> Self:
        twin = type(self)(**{name: getattr(self, name) for name in self.__struct_fields__})
        cast("dict[str, Any]", twin.__dict__).update(self.__dict__)
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        fields = {name: copy.deepcopy(getattr(self, name), memo) for name in self.__struct_fields__}
        twin = type(self)(**fields)
        cast("dict[str, Any]", twin.__dict__).update(self.__dict__)
        memo[id(self)] = twin
        return twin
