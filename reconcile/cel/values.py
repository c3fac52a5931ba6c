"""Values at run time.

    null        None                    list        ListValue
    bool        bool                    map         MapValue
    int         int                     type        types.Type
    uint        UInt                    duration    Duration
    double      float                   timestamp   Timestamp
    string      str                     optional    Optional
    bytes       bytes                   others      Opaque

Lists and maps of an object are views of its JSON (`schema_values`), converted as they are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconcile.cel import types
from reconcile.cel.failure import Failure, no_such_overload
from reconcile.cel.numerals import format_general, format_plain, format_time
from reconcile.cel.types import Type


class UInt(int):
    """An unsigned integer of 64 bits."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Duration:
    nanos: int


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A moment; `east` is the offset that it was written with, in seconds: it shows in its text alone."""

    nanos: int
    east: int = 0


class Optional:
    """A value that may be absent."""

    __slots__ = ("_value", "present")

    def __init__(self, *value: Any) -> None:
        self.present = bool(value)
        self._value: Any = value[0] if value else None

    @property
    def value(self) -> Any:
        if not self.present:
            raise Failure("optional.none() dereference")
        return self._value


NONE: Final = Optional()


class ListValue:
    """A list; `items` are its values."""

    __slots__ = ("items",)

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    def at(self, index: int) -> Any:
        return self.items[index]

    def contains(self, wanted: Any) -> bool:
        from reconcile.cel.equality import holds

        return any(holds(wanted, item) for item in self)

    def joined(self, other: ListValue) -> ListValue:
        return ListValue([*self, *other])


class MapValue:
    """A map. `True` and `1` are one key in Python and two here, so keys are kept in a form of their own."""

    __slots__ = ("entries",)

    def __init__(self, entries: dict[Any, tuple[Any, Any]]) -> None:
        self.entries = entries

    @classmethod
    def of(cls, pairs: Sequence[tuple[Any, Any]]) -> MapValue:
        return cls({key_of(key): (key, value) for key, value in pairs})

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Any]:
        return iter([key for key, _ in self.entries.values()])

    def find(self, key: Any) -> tuple[Any] | None:
        """The value of a key, in a tuple of one; None where there is none."""
        try:
            found = self.entries.get(key_of(key))
        except TypeError:
            return None
        return None if found is None else (found[1],)

    def contains(self, key: Any) -> bool:
        return self.find(key) is not None


def key_of(key: Any) -> Any:
    """A map key as Python can keep it: numbers by value, whatever their type."""
    return ("bool", key) if isinstance(key, bool) else key


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value of a library: quantity, IP, CIDR, URL, semver, format.

    Attributes:
        type: its type.
        value: what the library keeps.
        text: its text.
        size: what it counts in costs.
        pointer: a sum of quantities: in Kubernetes another Go type than a parsed one, and equal to none on
            the right side of `==`.
    """

    type: Type
    value: Any
    text: str
    size: int = 1
    pointer: bool = False


def type_of_value(value: Any) -> Type:
    """The type of a value, without parameters of lists and maps."""
    found = _TYPES.get(type(value))
    if found is not None:
        return found
    if isinstance(value, ListValue):
        return types.LIST
    if isinstance(value, MapValue):
        return types.MAP
    if isinstance(value, Opaque):
        return value.type
    raise Failure(f"unsupported conversion to ref.Val: {value!r}")


_TYPES: Final[dict[type, Type]] = {
    type(None): types.NULL,
    bool: types.BOOL,
    int: types.INT,
    UInt: types.UINT,
    float: types.DOUBLE,
    str: types.STRING,
    bytes: types.BYTES,
    Duration: types.DURATION,
    Timestamp: types.TIMESTAMP,
    ListValue: types.LIST,
    MapValue: types.MAP,
    Optional: types.OPTIONAL,
    Type: types.TYPE,
}


def type_name(value: Any) -> str:
    return type_of_value(value).name


def size_of(value: Any) -> int:
    """What a value counts in costs: characters, bytes, elements, or 1."""
    if isinstance(value, str | bytes | ListValue | MapValue):
        return len(value)
    if isinstance(value, Opaque):
        return value.size
    return 1


def tracked_size(value: Any) -> int:
    """The same as cel-go's own tracker counts it: an optional counts as what is in it."""
    if isinstance(value, Optional) and value.present:
        return tracked_size(value.value)
    return size_of(value)


def shown(value: Any) -> str:
    """A value as messages show it (Go's `%v`)."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_general(value)
    if isinstance(value, Timestamp):
        return format_time(value.nanos, value.east)
    if isinstance(value, Duration):
        return f"{format_plain(value.nanos / 10**9)}s"
    if isinstance(value, ListValue):
        return f"[{', '.join(shown(item) for item in value)}]"
    if isinstance(value, MapValue):
        return f"{{{', '.join(f'{shown(key)}: {shown((value.find(key) or (None,))[0])}' for key in value)}}}"
    if isinstance(value, Optional):
        return f"optional({shown(value.value)})" if value.present else "optional.none()"
    if isinstance(value, Opaque):
        return value.text
    if isinstance(value, bytes):
        return f"[{' '.join(str(byte) for byte in value)}]"
    if isinstance(value, Type):
        return value.name
    return str(value)


def is_zero(value: Any) -> bool:
    """Whether a value is its type's zero, as `optional.ofNonZeroValue` asks."""
    if value is None:
        return True
    if isinstance(value, Duration):
        return value.nanos == 0
    if isinstance(value, Timestamp):
        return value.nanos == -62135596800 * 10**9
    if isinstance(value, bool | int | float | str | bytes):
        return not value
    if isinstance(value, ListValue | MapValue):
        return type(value) in (ListValue, MapValue) and len(value) == 0
    return False


_GO_NAMES: Final[dict[type, str]] = {
    type(None): "types.Null",
    bool: "types.Bool",
    int: "types.Int",
    UInt: "types.Uint",
    float: "types.Double",
    str: "types.String",
    bytes: "types.Bytes",
    Duration: "types.Duration",
    Timestamp: "types.Timestamp",
    Optional: "*types.Optional",
    ListValue: "*types.baseList",
    MapValue: "*types.baseMap",
}


def go_name(value: Any) -> str:
    """A value's type as Go's `%T` shows it in messages."""
    return _GO_NAMES.get(type(value), type(value).__name__)


def expect_list(value: Any) -> ListValue:
    if isinstance(value, ListValue):
        return value
    raise no_such_overload()
