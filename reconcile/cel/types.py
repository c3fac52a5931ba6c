"""Types, of expressions and of values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Kind(Enum):
    """What sort of type."""

    DYN = "dyn"
    ERROR = "error"
    NULL = "null_type"
    BOOL = "bool"
    INT = "int"
    UINT = "uint"
    DOUBLE = "double"
    STRING = "string"
    BYTES = "bytes"
    DURATION = "duration"
    TIMESTAMP = "timestamp"
    LIST = "list"
    MAP = "map"
    STRUCT = "struct"
    OPAQUE = "opaque"
    TYPE = "type"
    PARAMETER = "parameter"


@dataclass(frozen=True, slots=True)
class Type:
    """A type.

    Attributes:
        kind: what sort.
        name: the name at run time, as `type(x)` compares it; of a parameter, its own.
        parameters: the types of elements, keys and values, …
    """

    kind: Kind
    name: str
    parameters: tuple[Type, ...] = ()

    def __str__(self) -> str:
        """The type as messages name it."""
        match self.kind:
            case Kind.NULL:
                return "null"
            case Kind.ERROR:
                return "!error!"
            case Kind.DURATION | Kind.TIMESTAMP:
                return self.kind.value
            case _ if not self.parameters:
                return self.name
            case _:
                return f"{self.name}({', '.join(str(each) for each in self.parameters)})"

    @property
    def is_optional(self) -> bool:
        return self.kind is Kind.OPAQUE and self.name == "optional_type"


DYN: Final = Type(Kind.DYN, "dyn")
ANY: Final = Type(Kind.DYN, "any")
"""As DYN, but nothing that a comprehension can go through: the attributes of devices."""
ERROR: Final = Type(Kind.ERROR, "error")
NULL: Final = Type(Kind.NULL, "null_type")
BOOL: Final = Type(Kind.BOOL, "bool")
INT: Final = Type(Kind.INT, "int")
UINT: Final = Type(Kind.UINT, "uint")
DOUBLE: Final = Type(Kind.DOUBLE, "double")
STRING: Final = Type(Kind.STRING, "string")
BYTES: Final = Type(Kind.BYTES, "bytes")
DURATION: Final = Type(Kind.DURATION, "google.protobuf.Duration")
TIMESTAMP: Final = Type(Kind.TIMESTAMP, "google.protobuf.Timestamp")
TYPE: Final = Type(Kind.TYPE, "type")
QUANTITY: Final = Type(Kind.STRUCT, "kubernetes.Quantity")
URL: Final = Type(Kind.STRUCT, "kubernetes.URL")
SEMVER: Final = Type(Kind.STRUCT, "kubernetes.Semver")
FORMAT: Final = Type(Kind.STRUCT, "kubernetes.NamedFormat")
IP: Final = Type(Kind.OPAQUE, "net.IP")
CIDR: Final = Type(Kind.OPAQUE, "net.CIDR")


def list_of(element: Type) -> Type:
    return Type(Kind.LIST, "list", (element,))


def map_of(key: Type, value: Type) -> Type:
    return Type(Kind.MAP, "map", (key, value))


def optional_of(value: Type) -> Type:
    return Type(Kind.OPAQUE, "optional_type", (value,))


def type_of(inner: Type) -> Type:
    return Type(Kind.TYPE, "type", (inner,))


def parameter(name: str) -> Type:
    return Type(Kind.PARAMETER, name)


LIST: Final = list_of(DYN)
MAP: Final = map_of(DYN, DYN)
OPTIONAL: Final = Type(Kind.OPAQUE, "optional_type")


def shown_call(args: list[Type], member: bool) -> str:
    """The types of a call's arguments as messages name them."""
    if member:
        return f"{args[0]}.({', '.join(str(each) for each in args[1:])})"
    return f"({', '.join(str(each) for each in args)})"
