"""Type inference: which type can stand for which, and what that says of type parameters."""

from __future__ import annotations

from reconcile.cel import types
from reconcile.cel.types import Kind, Type

Bindings = dict[Type, Type]
"""What each type parameter stands for."""


def is_dyn(type: Type) -> bool:
    return type.kind is Kind.DYN


def is_dyn_or_error(type: Type) -> bool:
    return type.kind in (Kind.DYN, Kind.ERROR)


def substitute(bindings: Bindings, type: Type, *, free_is_dyn: bool = False) -> Type:
    """The type with its bound parameters replaced."""
    bound = bindings.get(type)
    if bound is not None:
        return substitute(bindings, bound, free_is_dyn=free_is_dyn)
    if type.kind is Kind.PARAMETER:
        return types.DYN if free_is_dyn else type
    if not type.parameters:
        return type
    inner = tuple(substitute(bindings, each, free_is_dyn=free_is_dyn) for each in type.parameters)
    return type if inner == type.parameters else Type(type.kind, type.name, inner)


def assignable(bindings: Bindings, one: Type, other: Type) -> Bindings | None:
    """New bindings under which `one` can stand for `other`; None where there are none."""
    copied = dict(bindings)
    return copied if _assignable(copied, one, other) else None


def assignable_all(bindings: Bindings, ones: list[Type], others: list[Type]) -> Bindings | None:
    copied = dict(bindings)
    return copied if _all_assignable(copied, ones, others) else None


def _all_assignable(
    bindings: Bindings, ones: list[Type] | tuple[Type, ...], others: list[Type] | tuple[Type, ...]
) -> bool:
    return len(ones) == len(others) and all(
        _assignable(bindings, one, other) for one, other in zip(ones, others, strict=True)
    )


def _assignable(bindings: Bindings, one: Type, other: Type) -> bool:
    if other.kind is Kind.PARAMETER:
        valid, bound = _bind(bindings, one, other)
        if valid:
            return True
        if bound:
            return False
    if one.kind is Kind.PARAMETER:
        return _bind(bindings, other, one)[0]
    if is_dyn_or_error(one) or is_dyn_or_error(other):
        return True
    if one.kind is Kind.NULL:
        return _nullable(other)
    if other.kind is Kind.NULL:
        return _nullable(one)
    if one.kind is Kind.TYPE:
        return other.kind is Kind.TYPE
    if one.kind in (Kind.OPAQUE, Kind.LIST, Kind.MAP):
        return (
            one.kind is other.kind
            and one.name == other.name
            and _all_assignable(bindings, one.parameters, other.parameters)
        )
    return one == other


def _nullable(type: Type) -> bool:
    return type.kind in (Kind.NULL, Kind.OPAQUE, Kind.STRUCT, Kind.DURATION, Kind.TIMESTAMP)


def _bind(bindings: Bindings, one: Type, parameter: Type) -> tuple[bool, bool]:
    """Whether `one` can stand for a parameter, and whether the parameter was bound already."""
    if one == parameter:
        return True, True
    bound = bindings.get(parameter)
    if bound is not None:
        if one == bound:
            return True, True
        if _assignable(bindings, one, bound):
            general = most_general(one, bound)
            if _absent(bindings, parameter, general):
                bindings[parameter] = general
            return True, True
        return False, True
    if _absent(bindings, parameter, one):
        bindings[parameter] = one
        return True, False
    return False, False


def _absent(bindings: Bindings, type: Type, within: Type) -> bool:
    """Whether a type does not occur within another."""
    if type == within:
        return False
    if within.kind is Kind.PARAMETER:
        bound = bindings.get(within)
        return bound is None or _absent(bindings, type, bound)
    return all(_absent(bindings, type, each) for each in within.parameters)


def most_general(one: Type, other: Type) -> Type:
    """The more general of two types that fit each other."""
    return one if _as_general(one, other) else other


def _as_general(one: Type, other: Type) -> bool:
    if one.kind in (Kind.DYN, Kind.PARAMETER):
        return True
    if other.kind in (Kind.DYN, Kind.PARAMETER) or one.kind is not other.kind:
        return False
    if one.kind in (Kind.OPAQUE, Kind.LIST, Kind.MAP):
        return (
            one.name == other.name
            and len(one.parameters) == len(other.parameters)
            and all(_as_general(a, b) for a, b in zip(one.parameters, other.parameters, strict=True))
        )
    return one.kind is Kind.TYPE or one == other
