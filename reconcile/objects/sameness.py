"""Whether two states say the same to the server, though they may differ in Python.

A controller computes the status that should be and writes it where it differs from what the server has.
Compared with `==` that loops for ever: a count of 0 that was written comes back as an absent field, since
Go leaves zeros out, and `1` core comes back as `1000m` or the other way round.
"""

from __future__ import annotations

import functools
import types
from typing import Annotated, Any, Union, cast, get_args, get_origin

import msgspec

from reconcile.objects.meta import Struct
from reconcile.objects.quantities import Amount


def same(one: Any, other: Any) -> bool:
    """Whether writing one where the other is would change nothing that matters.

        if not same(status, deployment.status):
            deployment.status = status
            await self.client.update_status(deployment)

    In the structs of built-in kinds, absent is the same as zero: None, 0, False, an empty text, list or
    map. An optional struct that is set and empty is not absent (`emptyDir: {}`). Quantities are compared
    by value (`1` and `1000m`). Lists keep their order; times are texts and compared as such.

    Models and plain dicts are stored as they are written, zeros too: there only None is absent. Structs
    inside them follow the rule of structs.

    Made for status, and for anything else that the server does not default: in a spec, `replicas: 0` and
    no `replicas` are different wishes, and are the same here.
    """
    return _same(one, other, quantity=False)


def _same(one: Any, other: Any, *, quantity: bool) -> bool:
    if one is other:
        return True
    if isinstance(one, Struct):
        return _same_type(one, other) and all(
            _same_field(getattr(one, name), getattr(other, name), quantity=holds_quantity)
            for name, holds_quantity in _fields(type(one))
        )
    if isinstance(one, dict) and isinstance(other, dict):
        mine, theirs = cast("dict[Any, Any]", one), cast("dict[Any, Any]", other)
        return all(_same(mine.get(name), theirs.get(name), quantity=quantity) for name in {**mine, **theirs})
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return _same_items(cast("list[Any]", one), cast("list[Any]", other), quantity=quantity)
    if (fields := _model_fields(cast("object", one))) is not None:
        return _same_type(one, other) and all(
            _same(getattr(cast("Any", one), name), getattr(other, name), quantity=False) for name in fields
        )
    if quantity and isinstance(one, str | int | float) and isinstance(other, str | int | float):
        try:
            return Amount.parse(one) == Amount.parse(other)
        except ValueError:
            pass
    return bool(one == other)


def _same_items(one: list[Any], other: list[Any], *, quantity: bool) -> bool:
    return len(one) == len(other) and all(
        _same(mine, theirs, quantity=quantity) for mine, theirs in zip(one, other, strict=True)
    )


def _same_type(one: Any, other: Any) -> bool:
    return type(one) is type(other)


def _model_fields(value: object) -> tuple[str, ...] | None:
    """The fields of a Pydantic model; None for anything else."""
    fields = getattr(cast("type[Any]", type(value)), "model_fields", None)
    return None if fields is None else tuple(cast("dict[str, Any]", fields))


def _same_field(one: Any, other: Any, *, quantity: bool) -> bool:
    if _is_nothing(one) and _is_nothing(other):
        return True
    return _same(one, other, quantity=quantity)


def _is_nothing(value: Any) -> bool:
    return not value and not isinstance(value, Struct)


@functools.cache
def _fields(kind: type[Struct]) -> tuple[tuple[str, bool], ...]:
    """Attribute, and whether quantities stand in it, of each field."""
    return tuple((field.name, _holds_quantities(field.type)) for field in msgspec.structs.fields(kind))


def _holds_quantities(annotation: Any) -> bool:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType) and {str, int, float} <= set(arguments):
        return True
    if origin is Annotated:
        arguments = arguments[:1]
    return any(_holds_quantities(each) for each in arguments)
