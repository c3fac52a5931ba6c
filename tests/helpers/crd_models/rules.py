"""Kinds with rules in CEL."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from reconcile import CustomResource, Model
from reconcile.crd import AtLeastOneOf, AtMostOneOf, ExactlyOneOf, Immutable, Rule

from .case import GROUP, Case

Short = Annotated[str, Field(max_length=20)]


@Rule("self.min <= self.max", message="min is at most max", reason="FieldValueForbidden", field_path=".min")
@Rule(
    "self.items.size() <= self.max",
    message="too many",
    message_expression="self.max == 5 ? 'at most five items' : 'too many items'",
)
class RangeSpec(Model):
    min: Annotated[int, Field(ge=0, le=10)] = 0
    max: Annotated[int, Field(ge=5, le=20)] = 20
    # A value and no factory: the server fills it in, so that rules may count on it.
    items: Annotated[list[Short], Field(max_length=10)] = []  # noqa: RUF012
    even: Annotated[int, Rule("self % 2 == 0", message="must be even")] = 2


class Range(CustomResource, group=GROUP, version="v1"):
    spec: RangeSpec


@Rule("self.metadata.name.size() < 60", message="the name is short")
class NamedSpecHolder(CustomResource, group=GROUP, version="v1"):
    spec: Annotated[RangeSpec, Rule("self.min != 7", message="not seven")]


class FixedSpec(Model):
    zone: Annotated[Short, Immutable()]
    volume: Annotated[Short | None, Immutable(message="the volume stays")] = None
    size: Annotated[int, Rule("self >= oldSelf", message="it only grows")] = 1
    seen: Annotated[
        int | None,
        Rule("!oldSelf.hasValue() || self > oldSelf.value()", message="it counts up", optional_old_self=True),
    ] = None


class Fixed(CustomResource, group=GROUP, version="v1"):
    spec: FixedSpec


@ExactlyOneOf("secret", "token")
@AtMostOneOf("min_size", "max_size", message="give one limit")
@AtLeastOneOf("user", "group")
class GroupSpec(Model):
    secret: Short | None = None
    token: Short | None = None
    min_size: int | None = None
    max_size: int | None = None
    user: Short | None = None
    group: Short | None = None


class FieldGroup(CustomResource, group=GROUP, version="v1"):
    spec: GroupSpec


class EscapedSpec(Model):
    namespace: Annotated[str | None, Field(max_length=10), Immutable()] = None
    dashed: Annotated[str | None, Field(max_length=10, alias="dashed-name"), Immutable()] = None


class Escaped(CustomResource, group=GROUP, version="v1", plural="escapeds"):
    spec: EscapedSpec


class LibrarySpec(Model):
    address: Annotated[str, Field(max_length=40), Rule("isIP(self)", message="an IP address")] = "10.0.0.1"
    link: Annotated[str, Field(max_length=60), Rule("isURL(self)")] = "https://example.com/"
    amount: Annotated[
        str, Field(max_length=20), Rule("isQuantity(self) && quantity(self).isGreaterThan(quantity('1'))")
    ] = "2Gi"
    release: Annotated[str, Field(max_length=20), Rule("isSemver(self)")] = "1.2.3"
    words: Annotated[
        str, Field(max_length=40), Rule("self.matches('^[a-z ]+$') && self.split(' ').all(w, w != 'no')")
    ] = "a b"


class Library(CustomResource, group=GROUP, version="v1", plural="libraries"):
    spec: LibrarySpec


CASES = (
    Case(
        Range,
        {
            "spec.min": "rule on a model: message, reason, fieldPath",
            "spec.items": "messageExpression",
            "spec.even": "rule on a field",
        },
        refused=(
            ({"min": 6, "max": 5}, "spec.min"),
            ({"max": 5, "items": ["a"] * 6}, "spec"),
            ({"even": 3}, "spec.even"),
        ),
    ),
    Case(
        NamedSpecHolder,
        {"": "rule on the kind", "spec": "rule on a field of a model"},
        refused=(({"min": 7}, "spec"),),
    ),
    Case(
        Fixed,
        {
            "spec.zone": "Immutable",
            "spec.volume": "Immutable, optional",
            "spec.size": "transition rule",
            "spec.seen": "optionalOldSelf",
        },
        updates=(
            ({"zone": "a"}, {"zone": "a"}, ""),
            ({"zone": "a"}, {"zone": "b"}, "spec.zone"),
            ({"zone": "a"}, {"zone": "a", "volume": "v"}, ""),
            ({"zone": "a", "volume": "v"}, {"zone": "a"}, "spec"),
            ({"zone": "a", "volume": "v"}, {"zone": "a", "volume": "w"}, "spec.volume"),
            ({"zone": "a", "size": 3}, {"zone": "a", "size": 2}, "spec.size"),
            ({"zone": "a", "size": 3}, {"zone": "a", "size": 4}, ""),
            ({"zone": "a"}, {"zone": "a", "seen": 1}, ""),
            ({"zone": "a", "seen": 2}, {"zone": "a", "seen": 1}, "spec.seen"),
        ),
    ),
    Case(
        FieldGroup,
        {
            "spec.secret": "ExactlyOneOf",
            "spec.minSize": "AtMostOneOf",
            "spec.user": "AtLeastOneOf",
        },
        refused=(
            ({"user": "u"}, "spec"),
            ({"user": "u", "secret": "s", "token": "t"}, "spec"),
            ({"user": "u", "secret": "s", "minSize": 1, "maxSize": 2}, "spec"),
            ({"secret": "s"}, "spec"),
        ),
        samples={
            "secret": (None, "s"),
            "token": (None, "t"),
            "user": ("u", None),
            "maxSize": (None, None, 3),
        },
    ),
    Case(
        Escaped,
        {"spec.namespace": "a field that CEL escapes", "spec.dashed-name": "an alias that CEL escapes"},
        updates=(
            ({"namespace": "a", "dashed-name": "b"}, {"namespace": "a"}, "spec"),
            ({"namespace": "a", "dashed-name": "b"}, {"dashed-name": "b"}, "spec"),
        ),
    ),
    Case(
        Library,
        {
            "spec.address": "library: IP",
            "spec.link": "library: URL",
            "spec.amount": "library: quantity",
            "spec.release": "library: semver",
            "spec.words": "library: strings and regex",
        },
        refused=(
            ({"address": "x"}, "spec.address"),
            ({"link": "x"}, "spec.link"),
            ({"amount": "1"}, "spec.amount"),
            ({"release": "1"}, "spec.release"),
            ({"words": "a 1"}, "spec.words"),
        ),
        samples={
            "address": ("10.0.0.1", "::1", None),
            "link": ("https://example.com/a", "http://10.0.0.1:80/", None),
            "amount": ("2Gi", "1500m", None),
            "release": ("1.2.3", "0.0.1-rc.1", None),
            "words": ("a b", "one two three", None),
        },
    ),
)
