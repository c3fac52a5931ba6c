"""What a model says beyond its types, in annotations and as decorators of a class.

    class Listener(Model):
        name: Annotated[str, Immutable()]
        ports: Annotated[list[Port], ListType("map", keys=("name",))]

    @Rule("self.min <= self.max", message="min is at most max")
    @ExactlyOneOf("secret", "token")
    class Access(Model): ...

Every marker can be used both ways, as far as it means something there. On a class it holds wherever the
class is used, and for its subclasses. The names are those of controller-gen's markers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, TypeVar

from reconcile.errors import ConfigurationError
from reconcile.objects.pydantic_protocol import KIND_KEY, embedded

Reason: TypeAlias = Literal[
    "", "FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"
]
Class = TypeVar("Class", bound=type[Any])

# Keys that leave a trace in the schema until `structural` has used it.
IMMUTABLE_KEY: Final = "x-reconcile-immutable"
ONE_OF_KEY: Final = "x-reconcile-field-groups"
RECURSIVE_KEY: Final = "x-reconcile-levels"
SCHEMALESS_KEY: Final = "x-reconcile-schemaless"
RULES_KEY: Final = "x-kubernetes-validations"

_OWN: Final = "__crd_markers__"


class Marker:
    """Base of the markers: in `Annotated[…]` it marks a field's schema, as a decorator that of a class."""

    __slots__ = ()

    def mark(self, schema: dict[str, Any]) -> None:
        """Write into the schema of the field or class."""
        raise NotImplementedError

    def __call__(self, cls: Class) -> Class:
        """Mark a class: a model, dataclass or TypedDict."""
        if not isinstance(cls, type):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(
                f"{type(self).__name__} decorates a class, not {cls!r}; on a field it stands in Annotated[…]"
            )
        # Decorators run from the bottom up, and are read from the top down.
        setattr(cls, _OWN, (self, *vars(cls).get(_OWN, ())))
        return cls

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        schema: dict[str, Any] = dict(handler(core_schema))
        self.mark(schema)
        return schema


def markers_of(cls: type[Any]) -> tuple[Marker, ...]:
    """The markers of a class, those of its bases first."""
    return tuple(marker for each in reversed(cls.__mro__) for marker in vars(each).get(_OWN, ()))


def add_rule(schema: dict[str, Any], rule: Mapping[str, Any]) -> None:
    """Append a rule in wire form, unless it is there."""
    rules = schema.get(RULES_KEY, ())
    if rule not in rules:
        schema[RULES_KEY] = [*rules, dict(rule)]


@dataclass(frozen=True, slots=True)
class Rule(Marker):
    """A CEL rule that the server checks: `Annotated[str, Rule("self.startsWith('db-')")]`.

    It runs in Python too, by `model.validate_cel()`. Wrong or too dear rules fail when the definition is
    generated.

    Attributes:
        rule: the expression; `self` is the value, `oldSelf` the one before in a transition rule.
        message: what a violation says; by default the server quotes the rule.
        message_expression: CEL for the message, where it depends on the value.
        reason: machine-readable reason of the violation.
        field_path: path of the field that is blamed, below the one that carries the rule.
        optional_old_self: whether a transition rule also runs at creation, with an optional `oldSelf`.
    """

    rule: str
    message: str = ""
    message_expression: str = ""
    reason: Reason = ""
    field_path: str = ""
    optional_old_self: bool = False

    def to_wire(self) -> dict[str, Any]:
        optional = {
            "message": self.message,
            "messageExpression": self.message_expression,
            "reason": self.reason,
            "fieldPath": self.field_path,
            "optionalOldSelf": self.optional_old_self,
        }
        return {"rule": self.rule, **{name: value for name, value in optional.items() if value}}

    def mark(self, schema: dict[str, Any]) -> None:
        add_rule(schema, self.to_wire())


@dataclass(frozen=True, slots=True)
class Immutable(Marker):
    """A value that cannot be changed; an optional field, once set, cannot be removed either.

    Attributes:
        message: what the server says to who tries.
    """

    message: str = "the value is immutable"

    def mark(self, schema: dict[str, Any]) -> None:
        add_rule(schema, {"rule": "self == oldSelf", "message": self.message})
        schema[IMMUTABLE_KEY] = self.message


@dataclass(frozen=True, slots=True)
class ListType(Marker):
    """How server-side apply merges a list: `Annotated[list[Port], ListType("map", keys=("name",))]`.

    Attributes:
        type: `atomic` (one owner), `set` (each scalar is owned) or `map` (each item is owned by its keys).
        keys: wire names of the fields that identify an item of a map; required there, or with a default.
            A write of the model keeps unknown fields with their item by them.
    """

    type: Literal["atomic", "set", "map"]
    keys: Sequence[str] = ()

    @property
    def list_map_keys(self) -> tuple[str, ...]:
        return tuple(self.keys)

    def mark(self, schema: dict[str, Any]) -> None:
        schema["x-kubernetes-list-type"] = self.type
        schema.pop("x-kubernetes-list-map-keys", None)
        if self.keys:
            schema["x-kubernetes-list-map-keys"] = list(self.keys)


@dataclass(frozen=True, slots=True)
class MapType(Marker):
    """How server-side apply merges a dict or an object.

    Attributes:
        type: `granular` (each key has an owner; the server's default) or `atomic` (one owner for all).
    """

    type: Literal["granular", "atomic"]

    def mark(self, schema: dict[str, Any]) -> None:
        schema["x-kubernetes-map-type"] = self.type


@dataclass(frozen=True, slots=True)
class StructType(MapType):
    """`MapType` under the name that controller-gen has for objects with fields."""


@dataclass(frozen=True, slots=True)
class Nullable(Marker):
    """`null` is accepted and kept; without it, an Optional field may only be absent."""

    def mark(self, schema: dict[str, Any]) -> None:
        schema["nullable"] = True


@dataclass(frozen=True, slots=True)
class PreserveUnknownFields(Marker):
    """Fields that the schema does not name are kept, and not pruned."""

    def mark(self, schema: dict[str, Any]) -> None:
        schema["x-kubernetes-preserve-unknown-fields"] = True


@dataclass(frozen=True, slots=True)
class EmbeddedResource(Marker):
    """A whole object in a field: it has apiVersion, kind and metadata, which the server checks.

    On a built-in kind (`Annotated[Pod, EmbeddedResource()]`) the two are written, and must be the kind's; on
    `dict[str, Any]` any object may stand there.
    """

    def mark(self, schema: dict[str, Any]) -> None:
        schema["type"] = "object"
        schema["x-kubernetes-embedded-resource"] = True
        if not schema.get("properties"):
            schema["x-kubernetes-preserve-unknown-fields"] = True
            schema.pop("additionalProperties", None)
            return
        properties = {**schema["properties"], "metadata": {"type": "object"}}
        for name, value in zip(("apiVersion", "kind"), schema.get(KIND_KEY, ()), strict=False):
            properties[name] = {"type": "string", "enum": [value]}
        schema["properties"] = properties
        schema["required"] = ["apiVersion", "kind", *schema.get("required", ())]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return embedded(handler(source))


@dataclass(frozen=True, slots=True)
class Schemaless(Marker):
    """The type is for Python alone: the server takes and keeps whatever is there."""

    def mark(self, schema: dict[str, Any]) -> None:
        schema[SCHEMALESS_KEY] = True


@dataclass(frozen=True, slots=True)
class Recursive(Marker):
    """A model that contains itself, cut: a schema has no references, so it spells out some levels.

    Attributes:
        levels: how often a model may stand inside itself with its schema; below, anything is kept unchecked.
    """

    levels: int = 1

    def mark(self, schema: dict[str, Any]) -> None:
        schema[RECURSIVE_KEY] = self.levels


class _FieldGroup(Marker):
    __slots__ = ("message", "names")

    _symbol = ""
    _words = ""

    def __init__(self, *names: str, message: str = "") -> None:
        if len(names) < 2:
            raise ConfigurationError(f"{type(self).__name__} takes the names of two fields or more")
        self.names = names
        self.message = message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.names))})"

    def mark(self, schema: dict[str, Any]) -> None:
        group = {"kind": type(self).__name__, "names": list(self.names), "message": self.message}
        schema[ONE_OF_KEY] = [*schema.get(ONE_OF_KEY, ()), group]


class ExactlyOneOf(_FieldGroup):
    """One of these fields is set, and only one: `@ExactlyOneOf("secret", "token")`."""

    __slots__ = ()


class AtMostOneOf(_FieldGroup):
    """Not more than one of these fields is set."""

    __slots__ = ()


class AtLeastOneOf(_FieldGroup):
    """One or more of these fields are set."""

    __slots__ = ()


def field_group_rule(kind: str, names: Sequence[str], message: str, escaped: Sequence[str]) -> dict[str, Any]:
    """The rule of a group of fields, in wire form.

    Args:
        names: wire names, for the message.
        escaped: the same as CEL writes them.
    """
    has = [f"has(self.{name})" for name in escaped]
    among = ", ".join(names)
    if kind == AtLeastOneOf.__name__:
        return {
            "rule": " || ".join(has),
            "message": message or f"at least one of the fields {among} must be set",
        }
    symbol, words = ("==", "exactly") if kind == ExactlyOneOf.__name__ else ("<=", "at most")
    return {
        "rule": f"[{', '.join(has)}].filter(x, x == true).size() {symbol} 1",
        "message": message or f"{words} one of the fields {among} must be set",
    }
