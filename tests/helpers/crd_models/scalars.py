"""Kinds of scalar fields."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Annotated, Literal
from uuid import UUID

from pydantic import UUID4, AnyUrl, AwareDatetime, Field, HttpUrl, IPvAnyAddress

from reconcile import CustomResource, Model
from reconcile.crd import Duration, Int32, Int64, IntOrString, Nullable, Quantity

from .case import GROUP, Case


class TextSpec(Model):
    plain: str
    bounded: Annotated[str, Field(min_length=2, max_length=8)]
    matching: Annotated[str, Field(pattern="^[a-z]+(-[a-z]+)*$", max_length=20)] = "abc"
    optional: str | None = None
    nullable: Annotated[str | None, Nullable()] = None


class Text(CustomResource, group=GROUP, version="v1"):
    spec: TextSpec


class NumberSpec(Model):
    count: int
    replicas: Int32 = 1
    total: Int64 | None = None
    percent: Annotated[int, Field(ge=0, le=100)] = 50
    above: Annotated[int, Field(gt=0, lt=10)] = 5
    even: Annotated[int, Field(multiple_of=2)] = 2
    ratio: float
    share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.5
    enabled: bool = False


class Number(CustomResource, group=GROUP, version="v1"):
    spec: NumberSpec


class Color(Enum):
    """What it looks like."""

    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 9


class ChoiceSpec(Model):
    size: Literal["small", "medium", "large"]
    single: Literal["only"] = "only"
    number: Literal[1, 2, 3] = 1
    color: Color
    level: Level | None = None
    mode: Literal["a", "b", None] = None
    kept: Annotated[Literal["x", "y"] | None, Nullable()] = None


class Choice(CustomResource, group=GROUP, version="v1"):
    spec: ChoiceSpec


class MomentSpec(Model):
    at: AwareDatetime
    day: date
    clock: time | None = None
    span: timedelta
    grace: Duration = timedelta(seconds=30)


class Moment(CustomResource, group=GROUP, version="v1"):
    spec: MomentSpec


class BinarySpec(Model):
    data: bytes
    short: Annotated[bytes, Field(min_length=1, max_length=4)] = b"abc"
    many: list[bytes] = Field(default_factory=list)


class Binary(CustomResource, group=GROUP, version="v1", plural="binaries"):
    spec: BinarySpec


class AddressSpec(Model):
    id: UUID
    random_id: UUID4 | None = None
    four: IPv4Address
    six: IPv6Address | None = None
    either: IPvAnyAddress | None = None
    network: IPv4Network | None = None
    link: HttpUrl
    any_link: AnyUrl | None = None


class Address(CustomResource, group=GROUP, version="v1"):
    spec: AddressSpec


class AmountSpec(Model):
    memory: Quantity
    port: IntOrString
    surge: int | str = "25%"
    price: Decimal
    rate: Annotated[Decimal, Field(ge=0, le=100)] = Decimal("1.5")


class AmountHolder(CustomResource, group=GROUP, version="v1"):
    spec: AmountSpec


CASES = (
    Case(
        Text,
        {
            "spec.plain": "str",
            "spec.bounded": "min_length, max_length",
            "spec.matching": "pattern",
            "spec.optional": "Optional as absent",
            "spec.nullable": "Optional as nullable",
        },
        refused=(
            ({"plain": "a", "bounded": "abc", "matching": "A"}, "spec.matching"),
            ({"bounded": "abc"}, "spec.plain"),
        ),
    ),
    Case(
        Number,
        {
            "spec.count": "int",
            "spec.replicas": "int32",
            "spec.total": "int64",
            "spec.percent": "ge, le",
            "spec.above": "gt, lt",
            "spec.even": "multiple_of",
            "spec.ratio": "float",
            "spec.share": "bounded float",
            "spec.enabled": "bool",
        },
        refused=(
            ({"count": 1, "ratio": 1.5, "replicas": 2**31}, "spec.replicas"),
            ({"count": 1, "ratio": 1.5, "above": 10}, "spec.above"),
            ({"count": 1, "ratio": 1.5, "even": 3}, "spec.even"),
        ),
    ),
    Case(
        Choice,
        {
            "spec.size": "Literal",
            "spec.single": "Literal of one value",
            "spec.number": "Literal of numbers",
            "spec.color": "Enum",
            "spec.level": "IntEnum",
            "spec.mode": "Literal with None",
            "spec.kept": "nullable Literal",
        },
    ),
    Case(
        Moment,
        {
            "spec.at": "datetime",
            "spec.day": "date",
            "spec.clock": "time",
            "spec.span": "timedelta",
            "spec.grace": "Duration",
        },
    ),
    Case(
        Binary,
        {"spec.data": "bytes", "spec.short": "bounded bytes", "spec.many": "list of bytes"},
        refused=(({"data": "YQ==", "short": "YWFhYWE="}, "spec.short"),),
    ),
    Case(
        Address,
        {
            "spec.id": "UUID",
            "spec.randomId": "UUID4",
            "spec.four": "IPv4Address",
            "spec.six": "IPv6Address",
            "spec.either": "IPvAnyAddress",
            "spec.network": "IPv4Network",
            "spec.link": "HttpUrl",
            "spec.anyLink": "AnyUrl",
        },
        known={"spec.either": "Python reads an address from a number too"},
    ),
    Case(
        AmountHolder,
        {
            "spec.memory": "Quantity",
            "spec.port": "IntOrString",
            "spec.surge": "int | str",
            "spec.price": "Decimal",
            "spec.rate": "bounded Decimal",
        },
        known={
            "spec.price": "Python reads a Decimal from a number with a fraction too",
            "spec.rate": "Python reads a Decimal from a number with a fraction too",
        },
    ),
)
