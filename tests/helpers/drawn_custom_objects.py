"""Custom objects that are drawn against nasty schemas, and what each updates: all of one definition.

    schemas ──▶ properties of `spec` and of `status`, in a version that checks (v2); in v1 anything may be
    value   ──▶ created in v2
    old     ──▶ created in v1 ──▶ updated to the value in v2, or its status alone

So an update can be asked about old values that the schema does not take.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

Body = dict[str, Any]

TEXTS: dict[str, tuple[str, ...]] = {
    "bsonobjectid": ("5f43a1b2c3d4e5f60718293a", "5F43A1B2C3D4E5F60718293", "zz43a1b2c3d4e5f60718293a"),
    "byte": ("YQ==", "YWI=", "YWJj", "YQ=", "YQ", "a-b_", "YW Jj"),
    "cidr": ("10.0.0.0/8", "010.0.0.1/08", "::1/128", "10.0.0.0/33", "::ffff:1.2.3.4/96", "1.2.3/8"),
    "creditcard": ("4220 8554 2622 2389", "4220855426213389", "374953669708156", "x"),
    "date": ("2024-02-29", "2023-02-29", "2024-1-1", "0000-01-01", "2024-02-29T"),
    "date-time": (
        "2024-01-01T10:00:00Z", "2024-01-01t10:00:00.5+24:00", "2024-01-01 10:00:00Z", "2024-01-01T24:00:00Z",
        "2024-01-01T10:00:60Z", "2024-01-01T10:00:00ZTrash", "2024-01-01T10:00:00",
    ),
    "datetime": ("2024-01-01T10:00:00x5z", "2024-01-01T10:00:00-99:99"),
    "duration": ("1h5m", "3 days", "2w", "1", "", "1.5d", "µs 5 µs", "-1s", "5 parsecs", "1d nonsense"),
    "email": (
        "a@b", "A B <a@b>", '"a b"@c', "a b@c", "a@", "(x) a@b", "a@b (x)", "a..b@c", "g: a@b;",
        "g: a@b, c@d;", "a@[1.2.3.4]", "a@[1.2.3]", "<a@b>", "a@b.", "x y", "é@ü", "g:;", "a@b(",
    ),
    "hexcolor": ("#fff", "FFFFFF", "#ffff", "red"),
    "hostname": ("a", "a-b.example.com", "-a", "a.b", "a.bc", "é.example", "a_b", "a." + "x" * 64, "a."),
    "ipv4": ("1.2.3.4", "01.02.03.004", "1.2.3", "::ffff:1.2.3.4", "::1", "1.2.3.256"),
    "ipv6": ("::1", "1.2.3.4", "::ffff:1.2.3.4", "fe80::1%eth0", "1::2::3", "00001::", "::ffff:01.2.3.4"),
    "isbn": ("0321751043", "978-0321751041", "3 401 01319 X", "0321751044", "X"),
    "isbn10": ("0-321-75104-3", "9780321751041"),
    "isbn13": ("978 0321751041", "0321751043"),
    "k8s-long-name": ("a.b", "a..b", "A", "a" * 64, "a-.b"),
    "k8s-short-name": ("a-b", "a.b", "-a", "a" * 64, ""),
    "mac": ("01:23:45:67:89:ab", "01-23-45-67-89-AB", "0123.4567.89ab", "0123456789ab", "01:23-45:67:89:ab"),
    "password": ("", "x"),
    "rgbcolor": ("rgb(0, 31,255)", "rgb(256,0,0)", "rgb(01,0,0)", "rgba(0,0,0)"),
    "ssn": ("191-60-2869", "191 60 2869", "191602869", "19-160-2869"),
    "uri": ("http://a/b?c#d", "/a", "a", "", "http://[::1", "mailto:a@b", "http://a b", "//a", "%zz", "http://a:b"),
    "uuid": ("123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000", "123e4567"),
    "uuid3": ("123e4567-e89b-32d3-1456-426614174000", "123e4567-e89b-42d3-a456-426614174000"),
    "uuid4": ("123e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-42d3-1456-426614174000"),
    "uuid5": ("123e4567-e89b-52d3-b456-426614174000", "123e4567-e89b-32d3-b456-426614174000"),
    "nonsense": ("a", ""),
}  # fmt: skip
"""Formats, and texts that have them or nearly do."""

_WORDS = ("", "a", "b", "ab", "abc", "A", "é", "ééé", "1", "10.0.0.1", "a\nb", 'q"\\', "<&>", "long " * 5)
_INTEGERS = (0, 1, -1, 2, 3, 4, 5, 6, 7, 65, 1000000, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, 2**63)
_FLOATS = (
    1.5,
    2.0,
    0.5,
    -1.5,
    -0.25,
    2.5,
    1e6,
    1234567.5,
    1234567890.5,
    1e-7,
    1e19,
    1e21,
    3.5e38,
    0.1,
    0.30000000000000004,
)
_BOUNDS = (0, 1, 2, 5, 1.5, -0.5, 0.5, -1, 1e6, 2**31, 1e19)
_FACTORS = (1, 2, 5, 0.5, 1.5, 0.1, 2.5, -1, 0)
_PATTERNS = ("^a", "^a+$", "[[:alpha:]]", "\\d", "^.$", "b|c", "^$")
_KEYS = ("a", "b", "c")
_KINDS = (
    "string",
    "string",
    "integer",
    "number",
    "boolean",
    "object",
    "object",
    "array",
    "array",
    "either",
    "any",
)


@dataclass(frozen=True)
class Pair:
    """A value against one of the schemas.

    Attributes:
        name: which one it is.
        way: "create", "update" of `spec`, or "status".
        place: the property that has the schema.
        value: what is written there.
        old: what an update finds there.
    """

    name: str
    way: str
    place: str
    value: Any
    old: Any = None


def definition(group: str, schemas: dict[str, Body]) -> Body:
    """The definition in which these schemas are checked, each where its name says, in version v2."""
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    strict = {"type": "object", "properties": schemas}

    def version(name: str, part: Body, *, storage: bool) -> Body:
        schema = {"type": "object", "properties": {"spec": part, "status": part}}
        return {
            "name": name,
            "served": True,
            "storage": storage,
            "schema": {"openAPIV3Schema": schema},
            "subresources": {"status": {}},
        }

    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Cluster",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [version("v1", free, storage=True), version("v2", strict, storage=False)],
        },
    }


def drawn_schemas(count: int, seed: int) -> dict[str, Body]:
    return {f"p{number}": _schema(Random(f"{seed}/{number}"), 0) for number in range(count)}


def drawn_pairs(schemas: dict[str, Body], each: int, seed: int) -> Iterator[Pair]:
    """As many pairs for each schema: one creates, one updates, one updates either the status or the rest."""
    for place, schema in schemas.items():
        for number in range(each):
            dice = Random(f"{seed}/{place}/{number}")
            way = ("create", "update", dice.choice(("update", "status")))[number % 3]
            value = _value(dice, schema, wild=dice.choice((0.1, 0.3, 0.6)))
            old = _other(dice, value, schema) if way != "create" else None
            yield Pair(f"{seed}/{place}/{number}", way, place, value, old)


def _schema(dice: Random, depth: int) -> Body:
    """A structural schema; its bounds are of any kind of value."""
    kind = dice.choice(_KINDS if depth < 3 else _KINDS[:5])
    schema: Body = {}
    if kind == "either":
        schema["x-kubernetes-int-or-string"] = True
        if dice.random() < 0.5:
            schema["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    elif kind == "any":
        schema["x-kubernetes-preserve-unknown-fields"] = True
    else:
        schema["type"] = kind
    if kind == "object":
        _object(dice, schema, depth)
    elif kind == "array":
        _array(dice, schema, depth)
    if dice.random() < 0.2:
        schema["nullable"] = True
    schema |= _bounds(dice, kind)
    if dice.random() < 0.4:
        junctor = dice.choice(("allOf", "anyOf", "oneOf", "not"))
        if junctor not in schema:
            found = [_values(dice, schema, kind, 0) for _ in range(dice.choice((1, 2, 2, 3)))]
            schema[junctor] = found[0] if junctor == "not" else found
    return schema


def _object(dice: Random, schema: Body, depth: int) -> None:
    way = dice.random()
    if way < 0.6:
        names = dice.sample(_KEYS, dice.choice((1, 1, 2)))
        schema["properties"] = {name: _schema(dice, depth + 1) for name in names}
        if dice.random() < 0.3:
            schema["x-kubernetes-preserve-unknown-fields"] = True
    elif way < 0.9:
        schema["additionalProperties"] = _schema(dice, depth + 1)
    else:
        schema["additionalProperties"] = dice.random() < 0.5
    if dice.random() < 0.4:
        schema["required"] = dice.sample(_KEYS, dice.choice((1, 2)))


def _array(dice: Random, schema: Body, depth: int) -> None:
    way = dice.random()
    if way < 0.35:
        keys = dice.sample(_KEYS, dice.choice((1, 1, 2)))
        scalars = {key: {"type": dice.choice(("string", "string", "integer", "boolean"))} for key in keys}
        rest = {"d": _schema(dice, depth + 1)} if dice.random() < 0.9 else {}
        schema["items"] = {"type": "object", "required": [*keys], "properties": {**scalars, **rest}}
        schema["items"] |= _bounds(dice, "object")
        schema["items"]["required"] = [*keys]
        schema |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys}
    elif way < 0.5:
        schema["items"] = {"type": dice.choice(("string", "integer", "number"))}
        schema["items"] |= _bounds(dice, schema["items"]["type"])
        schema["x-kubernetes-list-type"] = "set"
    else:
        schema["items"] = _schema(dice, depth + 1)
        if dice.random() < 0.3:
            schema["x-kubernetes-list-type"] = "atomic"


def _bounds(dice: Random, kind: str) -> Body:
    """Keywords that a value is checked with: those of the kind, and now and then others."""
    found: Body = {}

    def maybe(kinds: tuple[str, ...], chance: float, key: str, *choices: Any) -> None:
        if dice.random() < (chance if kind in kinds else chance / 8):
            found[key] = copy.deepcopy(dice.choice(choices))

    texts, numbers = ("string", "either", "any"), ("integer", "number", "either", "any")
    maybe(texts, 0.25, "maxLength", 0, 1, 2, 5)
    maybe(texts, 0.2, "minLength", 0, 1, 2, 3)
    maybe(texts, 0.2, "pattern", *_PATTERNS)
    maybe(texts, 0.5, "format", *TEXTS)
    maybe(numbers, 0.3, "maximum", *_BOUNDS)
    maybe(numbers, 0.3, "minimum", *_BOUNDS)
    maybe(numbers, 0.15, "exclusiveMaximum", True, False)
    maybe(numbers, 0.15, "exclusiveMinimum", True, False)
    maybe(numbers, 0.25, "multipleOf", *_FACTORS)
    maybe(("array",), 0.3, "maxItems", 0, 1, 2)
    maybe(("array",), 0.3, "minItems", 0, 1, 2, 3)
    maybe(("object",), 0.25, "maxProperties", 0, 1, 2)
    maybe(("object",), 0.25, "minProperties", 0, 1, 2, 3)
    if kind in ("integer", "number") and dice.random() < 0.5:
        found["format"] = dice.choice(("int32", "int64", "float", "double", "date", "uint8"))
    if dice.random() < 0.2:
        found["enum"] = [copy.deepcopy(_anything(dice, 2)) for _ in range(dice.choice((1, 2, 3)))]
        if dice.random() < 0.5:
            found["enum"] += dice.sample(("a", "b", 1, 2, 5, 1.5, True), 2)
    return found


def _values(dice: Random, schema: Body, kind: str, depth: int) -> Body:
    """Checks of values that stand inside of a combination; what they name is in the schema too."""
    found = _bounds(dice, kind)
    properties = schema.get("properties") or {}
    if properties and dice.random() < 0.6:
        name = dice.choice([*properties])
        inner = properties[name]
        found["properties"] = {name: _values(dice, inner, inner.get("type", "any"), depth + 1)}
    if isinstance(schema.get("items"), dict) and dice.random() < 0.6:
        inner = schema["items"]
        found["items"] = _values(dice, inner, inner.get("type", "any"), depth + 1)
    if kind == "object" and dice.random() < 0.5:
        found["required"] = [dice.choice(_KEYS)]
    if depth < 2 and dice.random() < 0.25:
        junctor = dice.choice(("allOf", "anyOf", "oneOf", "not"))
        inside = [_values(dice, schema, kind, depth + 1) for _ in range(dice.choice((1, 2)))]
        found[junctor] = inside[0] if junctor == "not" else inside
    return found


def _anything(dice: Random, depth: int = 0) -> Any:
    way = dice.random()
    if way < 0.3:
        return dice.choice(_WORDS)
    if way < 0.5:
        return dice.choice(_INTEGERS)
    if way < 0.65:
        return dice.choice(_FLOATS)
    if way < 0.72:
        return dice.random() < 0.5
    if way < 0.78:
        return None
    if way < 0.89 and depth < 3:
        return [_anything(dice, depth + 1) for _ in range(dice.choice((0, 1, 2)))]
    return (
        {key: _anything(dice, depth + 1) for key in dice.sample(_KEYS, dice.choice((0, 1, 2)))}
        if depth < 3
        else ""
    )


def _value(dice: Random, schema: Body, *, wild: float) -> Any:
    """A value that nearly fits the schema: at each place there is a chance that it does not."""
    if dice.random() < wild / 3:
        return _anything(dice, 1)
    if schema.get("enum") and dice.random() < 0.5:
        return copy.deepcopy(dice.choice(schema["enum"]))
    if schema.get("nullable") and dice.random() < 0.2:
        return None
    kind = schema.get("type") or ("either" if schema.get("x-kubernetes-int-or-string") else "any")
    if kind == "either":
        kind = dice.choice(("integer", "string"))
    if kind == "any":
        return _anything(dice, 1)
    if kind == "string":
        texts = TEXTS.get(schema.get("format", ""))
        return dice.choice(texts if texts and dice.random() < 0.8 else _WORDS)
    if kind == "integer":
        return dice.choice(_INTEGERS if dice.random() > wild / 2 else _FLOATS)
    if kind == "number":
        return dice.choice(_FLOATS if dice.random() < 0.6 else _INTEGERS)
    if kind == "boolean":
        return dice.random() < 0.5
    if kind == "array":
        return [_value(dice, schema["items"], wild=wild) for _ in range(dice.choice((0, 1, 1, 2, 3)))]
    return _fields(dice, schema, wild)


def _fields(dice: Random, schema: Body, wild: float) -> Body:
    additional = schema.get("additionalProperties")
    known = schema.get("properties") or {}
    found = {name: _value(dice, inner, wild=wild) for name, inner in known.items() if dice.random() < 0.85}
    if isinstance(additional, dict):
        for name in dice.sample((*_KEYS, "x.y", "x/y"), dice.choice((0, 1, 1, 2))):
            found[name] = _value(dice, additional, wild=wild)
    elif dice.random() < 0.2:
        found["e"] = _anything(dice, 2)
    return found


def _other(dice: Random, value: Any, schema: Body) -> Any:
    """What stood before an update: the same, or with something else somewhere in it."""
    way = dice.random()
    if way < 0.2:
        return copy.deepcopy(value)
    if way < 0.35:
        return _value(dice, schema, wild=0.5)
    if isinstance(value, dict) and value:
        found = copy.deepcopy(value)
        name = dice.choice([*found])
        inner = (schema.get("properties") or {}).get(name, schema.get("additionalProperties"))
        if dice.random() < 0.2:
            del found[name]
        else:
            found[name] = _other(dice, found[name], inner if isinstance(inner, dict) else {})
        return found
    if isinstance(value, list) and value:
        found = copy.deepcopy(value)
        items = schema.get("items") or {}
        place = dice.randrange(len(found))
        if dice.random() < 0.3:
            dice.shuffle(found)
        if dice.random() < 0.2:
            del found[place]
        else:
            found[place] = _other(dice, found[place], items)
        return found
    return _value(dice, schema, wild=0.4)
