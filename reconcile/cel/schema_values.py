"""An object's JSON as values of its schema: converted where it is read, and no sooner.

The rules, down to how lists with keys compare and join, are those of k8s.io/apiserver's
`pkg/cel/common/valuesunstructured.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from reconcile.cel.equality import equal
from reconcile.cel.failure import Failure, no_such_overload
from reconcile.cel.numerals import MAX_INT, MIN_INT
from reconcile.cel.schema_types import Schema, escape, unescape, with_type_and_meta
from reconcile.cel.strfmt import parse_base64, parse_date, parse_date_time, parse_format_duration
from reconcile.cel.values import Duration, ListValue, MapValue, Timestamp, UInt

Convert = Callable[[Any], Any]


def go_type(value: Any) -> str:
    """A JSON value's type as Go names it."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "bool"
        case int():
            return "int64" if MIN_INT <= value <= MAX_INT else "float64"
        case float():
            return "float64"
        case str():
            return "string"
        case dict():
            return "map[string]interface {}"
        case list():
            return "[]interface {}"
        case Timestamp():
            return "time.Time"
        case Duration():
            return "time.Duration"
        case _:
            return type(value).__name__


class ValueSchema:
    """A schema, ready to make values of JSON."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.nullable = bool(schema.get("nullable"))

    def convert(self, value: Any) -> Any:
        """The value; raises Failure for JSON that does not fit the schema."""
        if value is None:
            if self.nullable:
                return None
            raise Failure("invalid data, got null for schema with nullable=false")
        return self._convert(value)

    @cached_property
    def _convert(self) -> Convert:
        schema = self.schema
        if schema.get("x-kubernetes-int-or-string"):
            return _int_or_string
        kind = schema.get("type")
        if kind == "object":
            return self._object()
        if kind == "array":
            return self._array()
        if kind == "string":
            return _STRINGS.get(schema.get("format", ""), _string)
        if kind in _SCALARS:
            return _SCALARS[kind]
        if schema.get("x-kubernetes-preserve-unknown-fields"):
            return Preserved
        wrong = f"invalid type, expected object, array, number, integer, boolean or string, or no type with x-kubernetes-int-or-string or x-kubernetes-preserve-unknown-fields is true, got {kind or ''}"  # noqa: E501

        def refuse(value: Any) -> Any:
            raise Failure(wrong)

        return refuse

    def _object(self) -> Convert:
        schema = self.schema
        if schema.get("x-kubernetes-embedded-resource"):
            schema = with_type_and_meta(schema)
        properties = schema.get("properties")
        additional = schema.get("additionalProperties")
        fields: Mapping[str, ValueSchema] | None = None
        element: ValueSchema | None = None
        if properties is not None:
            fields = {name: ValueSchema(inner) for name, inner in properties.items()}
        elif isinstance(additional, Mapping):
            element = ValueSchema(additional)

        def convert(value: Any) -> ObjectView:
            if not isinstance(value, dict):
                raise Failure("invalid data, expected a map for the provided schema with type=object")
            return ObjectView(value, fields, element)

        return convert

    def _array(self) -> Convert:
        items = self.schema.get("items")
        element = ValueSchema(items) if isinstance(items, Mapping) else None
        list_type = self.schema.get("x-kubernetes-list-type")
        keys = tuple(
            escape(key) or key
            for key in self.schema.get("x-kubernetes-list-map-keys") or ()
            if key is not None
        )

        def convert(value: Any) -> ListView:
            if not isinstance(value, list):
                raise Failure("invalid data, expected an array for the provided schema with type=array")
            if element is None:
                raise Failure("invalid array type, expected Items with a non-empty Schema")
            if list_type == "map":
                return KeyedListView(value, element, keys)
            return SetView(value, element) if list_type == "set" else ListView(value, element)

        return convert


def _int_or_string(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if type(value) is int and MIN_INT <= value <= MAX_INT:
        return value
    raise Failure("invalid data, expected XIntOrString value to be either a string or integer")


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise Failure(f"invalid data, expected string, got {go_type(value)}")
    return value


def _duration(value: Any) -> Duration:
    nanos = parse_format_duration(_string(value))
    if nanos is None:
        raise Failure(f"Invalid duration {value}: unable to parse {value} as duration")
    return Duration(nanos)


def _date(value: Any) -> Timestamp:
    nanos = parse_date(_string(value))
    if nanos is None:
        raise Failure(f"Invalid date formatted string {value}: cannot parse it")
    return Timestamp(nanos)


def _date_time(value: Any) -> Timestamp:
    found = parse_date_time(_string(value))
    if found is None:
        raise Failure(f"Invalid date-time formatted string {value}: cannot parse it")
    return Timestamp(*found)


def _bytes(value: Any) -> bytes:
    found = parse_base64(_string(value))
    if found is None:
        raise Failure(f"Invalid byte formatted string {value}: illegal base64 data")
    return found


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Failure(f"invalid data, expected float, got {go_type(value)}")
    return float(value)


def _integer(value: Any) -> int:
    if type(value) is not int or not MIN_INT <= value <= MAX_INT:
        raise Failure(f"invalid data, expected int, got {go_type(value)}")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Failure(f"invalid data, expected bool, got {go_type(value)}")
    return value


_STRINGS: dict[str, Convert] = {
    "duration": _duration,
    "date": _date,
    "date-time": _date_time,
    "byte": _bytes,
}
_SCALARS: dict[str, Convert] = {"number": _number, "integer": _integer, "boolean": _boolean}


def dynamic(value: Any) -> Any:
    """JSON as values, without a schema."""
    if isinstance(value, dict):
        return MapValue.of([(key, dynamic(item)) for key, item in value.items()])
    if isinstance(value, list):
        return ListValue([dynamic(item) for item in value])
    return value


def raw(value: Any) -> Any:
    """What a value was made of: an object's own JSON, or the value itself."""
    if isinstance(value, ListView | ObjectView | Preserved):
        return value.raw
    if isinstance(value, ListValue):
        return [raw(item) for item in value]
    if isinstance(value, MapValue):
        return {raw(key): raw((value.find(key) or (None,))[0]) for key in value}
    return int(value) if isinstance(value, UInt) else value


class Preserved:
    """JSON of no known type: it can be compared, and nothing else."""

    __slots__ = ("raw",)

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def equals(self, other: Any) -> bool:
        return semantically_same(self.raw, raw(other))


def semantically_same(left: Any, right: Any) -> bool:
    """apimachinery's `equality.Semantic`: null and empty lists and objects are one."""
    if isinstance(left, dict | list) or isinstance(right, dict | list):
        if not left and not right:
            return True
        if isinstance(left, dict) and isinstance(right, dict):
            return left.keys() == right.keys() and all(
                semantically_same(value, right[key]) for key, value in left.items()
            )
        if isinstance(left, list) and isinstance(right, list):
            return len(left) == len(right) and all(
                semantically_same(one, other) for one, other in zip(left, right, strict=True)
            )
        return False
    return type(left) is type(right) and left == right


class ListView(ListValue):
    """A list of an object."""

    __slots__ = ("element", "raw")

    def __init__(self, raw: list[Any], element: ValueSchema) -> None:
        super().__init__(raw)
        self.raw = raw
        self.element = element

    def __iter__(self) -> Iterator[Any]:
        return map(self.element.convert, self.raw)

    def at(self, index: int) -> Any:
        return self.element.convert(self.raw[index])

    def contains(self, wanted: Any) -> bool:
        failed: Failure | None = None
        for item in self:
            try:
                if equal(item, wanted):
                    return True
            except Failure:
                failed = failed or no_such_overload()
        if failed is not None:
            raise failed
        return False

    def equals(self, other: Any) -> bool:
        if not isinstance(other, ListValue):
            raise no_such_overload()
        return len(self) == len(other) and all(
            equal(item, other.at(place)) for place, item in enumerate(self)
        )

    def joined(self, other: ListValue) -> ListValue:
        return ListView([*self.raw, *(raw(item) for item in other)], self.element)


class SetView(ListView):
    """A list of x-kubernetes-list-type set: its order does not matter."""

    __slots__ = ()

    def equals(self, other: Any) -> bool:
        if not isinstance(other, ListValue):
            raise no_such_overload()
        held = {_hashed(item) for item in self.raw}
        return len(self) == len(other) and all(_hashed(raw(item)) in held for item in other)

    def joined(self, other: ListValue) -> ListValue:
        held = {_hashed(item) for item in self.raw}
        items = list(self.raw)
        for item in (raw(each) for each in other):
            if _hashed(item) not in held:
                held.add(_hashed(item))
                items.append(item)
        return SetView(items, self.element)


def _hashed(item: Any) -> Any:
    """A scalar with its type, as Go's maps tell them apart."""
    try:
        hash(item)
    except TypeError:
        return repr(item)
    return type(item), item


class KeyedListView(ListView):
    """A list of x-kubernetes-list-type map: an object by its keys, in any order."""

    __slots__ = ("keys",)

    def __init__(self, raw: list[Any], element: ValueSchema, keys: tuple[str, ...]) -> None:
        super().__init__(raw, element)
        self.keys = keys

    def _key(self, item: Any) -> Any:
        return tuple(_hashed(item.get(key)) for key in self.keys) if isinstance(item, dict) else None

    def equals(self, other: Any) -> bool:
        if not isinstance(other, ListValue):
            raise no_such_overload()
        if len(self) != len(other):
            return False
        held = {self._key(item): item for item in self.raw}
        for item in other:
            key = self._key(raw(item))
            if key not in held or not equal(self.element.convert(held[key]), item):
                return False
        return True

    def joined(self, other: ListValue) -> ListValue:
        items = list(self.raw)
        places = {self._key(item): place for place, item in enumerate(items)}
        for item in (raw(each) for each in other):
            place = places.get(self._key(item))
            if place is None:
                items.append(item)
            else:
                items[place] = item
        return KeyedListView(items, self.element, self.keys)


class ObjectView(MapValue):
    """An object or map of an object; with `fields` it has fields, with `element` it is a map."""

    __slots__ = ("element", "fields", "raw")

    def __init__(
        self,
        raw: dict[str, Any],
        fields: Mapping[str, ValueSchema] | None,
        element: ValueSchema | None = None,
    ) -> None:
        super().__init__({})
        self.raw = raw
        self.fields = fields
        self.element = element

    def __len__(self) -> int:
        return len(self.raw)

    def _schema(self, name: str) -> ValueSchema | None:
        return self.element if self.fields is None else self.fields.get(name)

    def __iter__(self) -> Iterator[Any]:
        for name in self.raw:
            if self._schema(name) is not None:
                yield (escape(name) or name) if self.fields is not None else name

    def find(self, key: Any) -> tuple[Any] | None:
        if type(key) is not str:
            raise no_such_overload()
        name: str | None = key
        if self.fields is not None:
            name = unescape(key)
        if name is None or name not in self.raw:
            return None
        value = self.raw[name]
        # Absent and null are one for fields, not for entries.
        if value is None and self.fields is not None:
            return None
        schema = self._schema(name)
        return None if schema is None else (schema.convert(value),)

    def equals(self, other: Any) -> bool:
        if not isinstance(other, MapValue):
            raise no_such_overload()
        if len(self) != len(other):
            return False
        for name, value in self.raw.items():
            if self._schema(name) is not None:
                mine, theirs = self.find(name), other.find(name)
                if (mine is None) != (theirs is None):
                    return False
                if mine is not None and theirs is not None and not equal(mine[0], theirs[0]):
                    return False
                continue
            if not isinstance(other, ObjectView):
                raise no_such_overload()
            if name in other.raw and not semantically_same(value, other.raw[name]):
                return False
        return True
