"""Kinds of nested models, lists and maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import ConfigDict, Field, JsonValue, RootModel
from typing_extensions import TypedDict

from reconcile import Condition, CustomResource, Model
from reconcile.crd import (
    ListType,
    MapType,
    PreserveUnknownFields,
    Recursive,
    Schemaless,
    StructType,
)

from .case import GROUP, Case

T = TypeVar("T")


class Limits(Model):
    """How much of it."""

    cpu: str = "1"
    memory: Annotated[int, Field(ge=1)] = 1


class Container(Model):
    name: Annotated[str, Field(min_length=1, max_length=20)]
    limits: Limits = Limits()
    extra_limits: Limits | None = None


class NestedSpec(Model):
    main: Container
    others: list[Container] = Field(default_factory=list)
    named: dict[str, Container] = Field(default_factory=dict)


class Nested(CustomResource, group=GROUP, version="v1"):
    spec: NestedSpec


class Tree(Model):
    name: str
    children: Annotated[list[Tree], Recursive(levels=2)] = Field(default_factory=list)


class TreeHolder(CustomResource, group=GROUP, version="v1"):
    spec: Tree


class Box(Model, Generic[T]):
    value: T
    note: str | None = None


class GenericSpec(Model):
    number: Box[int]
    texts: Box[list[str]] | None = None


class GenericHolder(CustomResource, group=GROUP, version="v1"):
    spec: GenericSpec


class BaseSpec(Model):
    owner: str = "nobody"
    size: int = 1


class DerivedSpec(BaseSpec):
    size: Annotated[int, Field(ge=1, le=5)] = 2
    own: str


class Derived(CustomResource, group=GROUP, version="v1"):
    spec: DerivedSpec


class Port(Model):
    name: str
    protocol: Literal["TCP", "UDP"] = "TCP"
    number: Annotated[int, Field(ge=1, le=65535)]


class TopologySpec(Model):
    ports: Annotated[list[Port], ListType("map", keys=("name", "protocol"))] = Field(default_factory=list)
    words: Annotated[list[str], ListType("set")] = Field(default_factory=list)
    steps: Annotated[list[str], ListType("atomic")] = Field(default_factory=list)
    labels: Annotated[dict[str, str], MapType("atomic")] = Field(default_factory=dict)
    limits: Annotated[Limits | None, StructType("atomic")] = None


class Topology(CustomResource, group=GROUP, version="v1", plural="topologies"):
    spec: TopologySpec


class KeyedSpec(Model):
    __list_keys__: ClassVar = {"ports": ("name",)}

    ports: list[Port] = Field(default_factory=list, max_length=8)
    conditions: list[Condition] = Field(default_factory=list)


class Keyed(CustomResource, group=GROUP, version="v1", plural="keyeds"):
    spec: KeyedSpec


class CollectionSpec(Model):
    bounded: Annotated[list[str], Field(min_length=1, max_length=3)]
    unique: set[str] = Field(default_factory=set)
    frozen: frozenset[int] = frozenset()
    sequence: Sequence[int] = ()
    variadic: tuple[int, ...] = ()
    pair: tuple[int, int] | None = None
    matrix: list[list[int]] = Field(default_factory=list)


class Collection(CustomResource, group=GROUP, version="v1"):
    spec: CollectionSpec


class MapSpec(Model):
    plain: dict[str, str] = Field(default_factory=dict)
    bounded: Annotated[dict[str, int], Field(min_length=1, max_length=3)] | None = None
    mapping: Mapping[str, bool] = Field(default_factory=dict)
    by_size: dict[Literal["small", "large"], int] = Field(default_factory=dict)
    by_pattern: Annotated[
        dict[Annotated[str, Field(pattern="^[a-z]+$", max_length=10)], int], Field(max_length=5)
    ] = Field(default_factory=dict)
    deep: dict[str, dict[str, int]] = Field(default_factory=dict)


class MapHolder(CustomResource, group=GROUP, version="v1"):
    spec: MapSpec


class OpenPart(Model):
    model_config = ConfigDict(extra="allow")

    known: int


class AnythingSpec(Model):
    any: Any = None
    json_value: JsonValue = None
    free: dict[str, Any] = Field(default_factory=dict)
    open: OpenPart | None = None
    kept: Annotated[Limits | None, PreserveUnknownFields()] = None
    unsaid: Annotated[Limits | None, Schemaless()] = None


class Anything(CustomResource, group=GROUP, version="v1"):
    spec: AnythingSpec


@dataclass
class Point:
    x: int
    y: int = 0


class Pair(TypedDict):
    left: str
    right: int


class Words(RootModel[list[str]]):
    pass


class ShapeSpec(Model):
    point: Point
    pair: Pair | None = None
    words: Words | None = None


class ShapeHolder(CustomResource, group=GROUP, version="v1"):
    spec: ShapeSpec


class DescribedSpec(Model):
    """The text of a class."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    size: int = Field(default=1, title="Size", description="How large it is.", examples=[3, 5])
    told: str | None = None
    """The text below an attribute."""
    old: str | None = Field(default=None, deprecated="use `told`")
    odd: Annotated[str, Field(json_schema_extra={"externalDocs": {"url": "https://example.com"}})] = ""
    list_: list[str] = Field(default_factory=list, alias="list")
    api_url: str | None = Field(default=None, alias="apiURL")


class Described(CustomResource, group=GROUP, version="v1"):
    """A kind with words."""

    spec: DescribedSpec


CASES = (
    Case(
        Nested,
        {
            "spec.main": "nested model",
            "spec.main.limits": "default of a model",
            "spec.others": "list of models",
            "spec.named": "dict of models",
        },
        refused=(
            ({"main": {"name": "a", "limits": {"memory": 0}}}, "spec.main.limits.memory"),
            ({"main": {"name": "a"}, "named": {"x": {}}}, "spec.named.x.name"),
            ({"main": {"name": "a"}, "others": [{"name": "a"}, {"name": ""}]}, "spec.others[1].name"),
        ),
    ),
    Case(
        TreeHolder,
        {"spec.children": "recursive model, cut"},
        known={"spec.children[].children[].children[]": "what was cut is checked by Python alone"},
    ),
    Case(GenericHolder, {"spec.number": "generic model", "spec.texts": "generic of a list"}),
    Case(Derived, {"spec.owner": "inherited field", "spec.size": "overridden field"}),
    Case(
        Topology,
        {
            "spec.ports": "listType map",
            "spec.words": "listType set",
            "spec.steps": "listType atomic",
            "spec.labels": "mapType",
            "spec.limits": "structType",
        },
        known={
            "spec.ports": "uniqueness in a list is the server's business",
            "spec.words": "uniqueness in a list is the server's business",
        },
    ),
    Case(
        Keyed,
        {"spec.ports": "__list_keys__", "spec.conditions": "list of Condition"},
        known={
            "spec.ports": "uniqueness in a list is the server's business",
            "spec.conditions": "built-in structs check types, not limits",
        },
    ),
    Case(
        Collection,
        {
            "spec.bounded": "bounded list",
            "spec.unique": "set",
            "spec.frozen": "frozenset",
            "spec.sequence": "Sequence",
            "spec.variadic": "tuple of one type",
            "spec.pair": "tuple of fixed length",
            "spec.matrix": "list of lists",
        },
    ),
    Case(
        MapHolder,
        {
            "spec.plain": "dict",
            "spec.bounded": "bounded dict",
            "spec.mapping": "Mapping",
            "spec.bySize": "dict with Literal keys",
            "spec.byPattern": "dict with constrained keys",
            "spec.deep": "dict of dicts",
        },
        refused=(
            ({"bySize": {"medium": 1}}, "spec.bySize"),
            ({"byPattern": {"A": 1}}, "spec.byPattern"),
        ),
    ),
    Case(
        Anything,
        {
            "spec.any": "Any",
            "spec.jsonValue": "JsonValue",
            "spec.free": "dict of Any",
            "spec.open": "extra=allow",
            "spec.kept": "preserve unknown fields",
            "spec.unsaid": "Schemaless",
        },
        known={"spec.unsaid": "Schemaless: only Python checks it"},
    ),
    Case(
        ShapeHolder,
        {"spec.point": "dataclass", "spec.pair": "TypedDict", "spec.words": "RootModel"},
    ),
    Case(
        Described,
        {
            "spec.size": "title, description, examples",
            "spec.told": "attribute docstring",
            "spec.old": "deprecated field",
            "spec.odd": "json_schema_extra",
            "spec.list": "alias",
        },
        refused=(({"list": "a"}, "spec.list"),),
    ),
)
