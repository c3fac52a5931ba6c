"""What may be given where a kind is asked for, and which resource it means.

A kind argument says two things at once: which resource of the API server, and in which form its
objects are wanted.

    a class with `__resource_type__`   objects of that class (generated structs, custom resources)
    a `PartialObject` class            frozen parts, shared by all who read a cache
    a `ResourceType`                   plain dicts
    `MetadataOnly(kind)`               `ObjectMetadata`, whatever the kind inside
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from reconcile.errors import ConfigurationError
from reconcile.objects.identity import ResourceType

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MetadataOnly:
    """Asks for the metadata of a kind's objects alone: the server sends no more than that.

    Attributes:
        kind: the kind itself, a class or a `ResourceType`.

    >>> MetadataOnly(ResourceType("", "v1", "Pod", "pods"))
    MetadataOnly(v1 Pod)
    """

    kind: type[Any] | ResourceType

    def __post_init__(self) -> None:
        resource_type_of(self.kind)

    @property
    def resource_type(self) -> ResourceType:
        return resource_type_of(self.kind)

    def __repr__(self) -> str:
        return f"MetadataOnly({self.resource_type})"


Kind: TypeAlias = type[T] | ResourceType | MetadataOnly
"""Anything that says which kind, and in which form; `Kind[Pod]` stands for objects of class Pod."""


def resource_type_of(kind: Any) -> ResourceType:
    """The resource that a kind argument means; for an instance of a kind's class, its class's.

    Raises:
        ConfigurationError: it is none of a `ResourceType`, a `MetadataOnly` or a class that has one.
    """
    if isinstance(kind, ResourceType):
        return kind
    if isinstance(kind, MetadataOnly):
        return resource_type_of(kind.kind)
    found: object = getattr(kind, "__resource_type__", None)
    if isinstance(found, ResourceType):
        return found
    name = kind.__name__ if isinstance(kind, type) else repr(kind)
    hint = (
        "give it one by `class keywords group= and version=` on CustomResource"
        if isinstance(kind, type)
        else "expected a generated class (reconcile.api…), a CustomResource subclass, a ResourceType "
        "or MetadataOnly(kind)"
    )
    raise ConfigurationError(f"{name} is not a kind: it has no __resource_type__; {hint}")
