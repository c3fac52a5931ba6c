"""What a typed object's JSON looks like, as far as writing it back needs to know: where lists have keys.

A `Shape` stands for the type at one place of an object; `field` and `item` step down. Types are looked at
when stepped into, so recursive types cost nothing.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Union, cast, get_args, get_origin

import msgspec

from reconcile.objects.meta import Condition


@dataclass(frozen=True, slots=True)
class Shape:
    """The type at one place of an object.

    Attributes:
        type: a struct, model, `list[…]`, `dict[…]` or union; Any where nothing is known.
        keys: for a list, the wire names of the fields that identify an item; empty when unknown.
        by_value: for a struct, whether it is always there, so that its absence on the wire only means
            that nothing in it is set.
    """

    type: Any = Any
    keys: tuple[str, ...] = ()
    by_value: bool = False

    def field(self, name: str) -> Shape:
        """The shape of an object's field or a map's value."""
        found = _alternative(self.type, _is_object_like)
        if found is None:
            return UNKNOWN
        if isinstance(found, type):
            return fields_of(found).get(name, UNKNOWN)
        arguments = get_args(found)
        return Shape(arguments[1]) if len(arguments) == 2 else UNKNOWN

    def item(self) -> Shape:
        """The shape of a list's items."""
        arguments = get_args(_alternative(self.type, _is_list_like))
        return Shape(arguments[0]) if arguments else UNKNOWN

    @property
    def unordered(self) -> bool:
        """Whether it is a Python set, whose order means nothing."""
        return _alternative(self.type, _is_set) is not None


UNKNOWN: Final = Shape()


@functools.cache
def fields_of(cls: type[Any]) -> Mapping[str, Shape]:
    """The shapes of a struct's or model's fields by wire name; of anything else, none."""
    keys = cast("Mapping[str, tuple[str, ...]]", getattr(cls, "__list_keys__", {}))
    if issubclass(cls, msgspec.Struct):
        return {
            field.encode_name: Shape(
                field.type, keys.get(field.encode_name, ()), isinstance(field.default_factory, type)
            )
            for field in msgspec.structs.fields(cls)
        }
    found: dict[str, Shape] = {}
    for name, info in cast("Mapping[str, Any]", getattr(cls, "model_fields", {})).items():
        wire = info.serialization_alias or info.alias or name
        declared = (getattr(each, "list_map_keys", ()) for each in info.metadata)
        shape = Shape(info.annotation, keys.get(wire) or next(filter(None, declared), ()))
        if not shape.keys and _is_condition(shape.item().type):
            shape = Shape(shape.type, ("type",))
        found[wire] = shape
    return found


def _is_condition(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(cast("type[Any]", annotation), Condition)


def _alternative(annotation: Any, wanted: Any) -> Any:
    """The annotation itself or the member of a union that is wanted; None when there is none."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _alternative(get_args(annotation)[0], wanted)
    if origin in (Union, types.UnionType):
        for member in get_args(annotation):
            if (found := _alternative(member, wanted)) is not None:
                return found
        return None
    return annotation if wanted(annotation) else None


def _is_object_like(annotation: Any) -> bool:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        cls = cast("type[Any]", annotation)
        return issubclass(cls, msgspec.Struct) or hasattr(cls, "model_fields")
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _is_list_like(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Sequence | set | frozenset)


def _is_set(annotation: Any) -> bool:
    return (get_origin(annotation) or annotation) in (set, frozenset)
