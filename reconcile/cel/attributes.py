"""Ways into values: a variable or result, then fields and indexes, each one counted as it is taken.

cel-go evaluates a chain such as `self.spec.ports[0]` as one step with qualifiers, and counts so; hence this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from reconcile.cel.failure import Failure, no_such_overload
from reconcile.cel.numerals import MAX_INT, MIN_INT
from reconcile.cel.values import NONE, ListValue, MapValue, Optional, UInt, go_name, shown, type_of_value

Frame = list[Any]
"""What an evaluation works on: its cost so far, then the variables."""
Run = Callable[[Frame], Any]


@dataclass(frozen=True, slots=True)
class Qualifier:
    """A field or index: written out (`key`), or found at run time (`run`).

    Attributes:
        optional: absence is no failure, and all that follows is optional too.
        test: only whether it is there is asked.
    """

    key: Any = None
    run: Run | None = None
    optional: bool = False
    test: bool = False


@dataclass(frozen=True, slots=True)
class Attribute:
    """A value and the way into it.

    Attributes:
        base: the value where the way begins; for a conditional, its condition.
        branches: of a conditional, the two ways.
        slot: the variable where the way begins, when it is one; 0 otherwise.
    """

    base: Run
    qualifiers: tuple[Qualifier, ...] = ()
    branches: tuple[Attribute, Attribute] | None = None
    slot: int = 0

    def with_qualifier(self, qualifier: Qualifier) -> Attribute:
        if self.branches is not None:
            then, otherwise = self.branches
            pair = (then.with_qualifier(qualifier), otherwise.with_qualifier(qualifier))
            return replace(self, branches=pair)
        return replace(self, qualifiers=(*self.qualifiers, qualifier))

    @property
    def own_cost(self) -> int:
        """What reading it costs beside its qualifiers."""
        return 0 if self.branches is not None else 1

    def resolver(self, extra: int = 0) -> Run:
        """Reads it; `extra` is added to the cost."""
        if self.branches is not None:
            return _conditional(self.base, self.branches[0].resolver(), self.branches[1].resolver(), extra)
        if not self.qualifiers:
            return _plain(self.base, self.slot, extra)
        if self.slot and not any(
            each.optional or each.test or type(each.key) is not str for each in self.qualifiers
        ):
            return _fields(self.slot, tuple(each.key for each in self.qualifiers), extra)
        return _qualified(self.base, self.qualifiers, extra)


def _plain(base: Run, slot: int, extra: int) -> Run:
    if not extra:
        return base
    if slot:

        def read(frame: Frame) -> Any:
            frame[0] += extra
            return frame[slot]

        return read

    def run(frame: Frame) -> Any:
        frame[0] += extra
        return base(frame)

    return run


def _conditional(condition: Run, then: Run, otherwise: Run, extra: int) -> Run:
    def run(frame: Frame) -> Any:
        frame[0] += extra
        chosen = condition(frame)
        if chosen is True:
            return then(frame)
        if chosen is False:
            return otherwise(frame)
        raise no_such_overload()

    return run


def _fields(slot: int, names: tuple[str, ...], extra: int) -> Run:
    """Fields of a variable: the usual way, kept short."""

    def run(frame: Frame) -> Any:
        frame[0] += extra
        value = frame[slot]
        if type(value) is Optional:
            return _walk(frame, value, tuple(Qualifier(name) for name in names))
        for name in names:
            frame[0] += 1
            value = qualify(value, name)
        return value

    return run


def _qualified(base: Run, qualifiers: tuple[Qualifier, ...], extra: int) -> Run:
    def run(frame: Frame) -> Any:
        frame[0] += extra
        return _walk(frame, base(frame), qualifiers)

    return run


def _walk(frame: Frame, value: Any, qualifiers: tuple[Qualifier, ...]) -> Any:
    optional = type(value) is Optional
    if optional:
        if not value.present:
            return value
        value = value.value
    for each in qualifiers:
        optional = optional or each.optional
        key = each.key if each.run is None else _key(frame, each.run, optional)
        if not optional:
            frame[0] += 1
            value = find(value, key) is not None if each.test else qualify(value, key)
            continue
        found = find(value, key)
        if found is None:
            return NONE
        frame[0] += 1
        value = found[0]
    return Optional(value) if optional else value


def _key(frame: Frame, run: Run, optional: bool) -> Any:
    """An index found at run time; finding it and using it count as one step."""
    try:
        key = run(frame)
        if type(key) not in (str, int, UInt, bool, float):
            raise Failure(f"invalid qualifier type: {go_name(key)}")
    except Failure:
        if not optional:
            frame[0] += 1
        raise
    return key


def index_of(key: Any) -> int:
    """A list index; doubles and unsigned integers that are whole count.

    Raises:
        Failure: it is none.
    """
    kind = type(key)
    if kind is int:
        return key
    if kind is UInt:
        if key <= MAX_INT:
            return int(key)
    elif kind is float:
        if key.is_integer() and MIN_INT <= key <= MAX_INT:
            return int(key)
    else:
        raise Failure(f"unsupported index type '{type_of_value(key).name}' in list")
    raise Failure(f"unsupported index value {shown(key)} in list")


def find(value: Any, key: Any) -> tuple[Any] | None:
    """What stands at a field or index, in a tuple of one; None where there is nothing."""
    if isinstance(value, MapValue):
        return value.find(key)
    if isinstance(value, ListValue):
        index = index_of(key)
        return (_at(value, index, key),) if 0 <= index < len(value) else None
    return None


def qualify(value: Any, key: Any) -> Any:
    """What stands at a field or index.

    Raises:
        Failure: there is nothing.
    """
    if isinstance(value, MapValue):
        found = value.find(key)
        if found is not None:
            return found[0]
        raise Failure(f"no such key: {shown(key)}")
    if isinstance(value, ListValue):
        index = index_of(key)
        if 0 <= index < len(value):
            return _at(value, index, key)
        raise Failure(f"index out of bounds: {shown(key)}")
    raise Failure(f"no such key: {shown(key)}")


def _at(value: ListValue, index: int, key: Any) -> Any:
    if type(key) is not int and type(value) is not ListValue:
        # Lists of an object take integers alone.
        raise Failure(f"unsupported index: {shown(key)}")
    return value.at(index)
