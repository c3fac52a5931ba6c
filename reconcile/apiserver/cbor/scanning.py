"""Where each item of CBOR begins, and whether all is well formed; what is wrong as fxamacker/cbor words it.

One pass without recursion, so that 10,000 levels are no more than a list of that length.
"""

from __future__ import annotations

import math
import struct
from typing import Final, NamedTuple

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, PRIMITIVE = range(8)
TYPES: Final = (
    "positive integer", "negative integer", "byte string", "UTF-8 text string", "array", "map", "tag",
    "primitives",
)  # fmt: skip
SELF_DESCRIBED: Final = 55799
INDEFINITE: Final = 31
_LEVELS: Final = 10_000
_PAIRS: Final = 2_097_152
_ELEMENTS: Final = 2**31 - 1
BREAK: Final = (PRIMITIVE, INDEFINITE, 0, 0)
FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}


class CBORError(ValueError):
    """The bytes are no CBOR, or nothing that has a JSON form.

    Attributes:
        inside: it is in a value of the outermost map, which itself can be read.
        place: the key of that value.
    """

    def __init__(self, text: str, *, inside: bool = False) -> None:
        super().__init__(text)
        self.inside = inside
        self.place = ""

    def in_struct(self, struct: str) -> str:
        """The text, where the map is read into a Go struct."""
        return str(self).replace(
            " into Go value of type ", f" into Go struct field {struct}.{self.place} of type "
        )


class Item(NamedTuple):
    """The head of an item: its type, additional information, argument, and where what follows it begins."""

    major: int
    info: int
    value: int
    at: int


class _Open:
    """A container that is being scanned: how many items are left, None until a break comes."""

    __slots__ = ("is_map", "left", "level", "seen")

    def __init__(self, left: int | None, is_map: bool, level: int) -> None:
        self.left = left
        self.is_map = is_map
        self.level = level
        self.seen = 0


def scan(data: bytes) -> list[Item]:
    """The heads of all items in order; breaks end containers and strings of unknown length."""
    if not data:
        raise CBORError("EOF")
    items: list[Item] = []
    opened: list[_Open] = []
    at = level = 0
    while True:
        top = opened[-1] if opened else None
        if top is not None and top.left is None and data[at : at + 1] == b"\xff":
            if top.is_map and top.seen % 2:
                raise CBORError('cbor: unexpected "break" code')
            items.append(Item(*BREAK))
            at += 1
            opened.pop()
        else:
            item = _head(data, at)
            at = item.at
            items.append(item)
            if item.major == TAG:
                level = _tag(items, item, data, level if _after_tag(items) else _level(opened))
                continue
            base = level if _after_tag(items) else _level(opened)
            if item.major in (BYTES, TEXT):
                at = _string(data, item, items)
            elif item.major in (ARRAY, MAP):
                opened.append(_container(item, base + 1))
                if item.info == INDEFINITE or item.value:
                    continue
                opened.pop()
        # One item is complete, and with it perhaps those around it.
        while opened:
            top = opened[-1]
            top.seen += 1
            if top.left is None:
                _bounded(top)
                break
            top.left -= 1
            if top.left:
                break
            opened.pop()
        if not opened:
            if at != len(data):
                raise CBORError(f"cbor: {len(data) - at} bytes of extraneous data starting at index {at}")
            return items


def _level(opened: list[_Open]) -> int:
    return opened[-1].level if opened else 0


def _after_tag(items: list[Item]) -> bool:
    return len(items) > 1 and items[-2].major == TAG


def _bounded(top: _Open) -> None:
    if top.is_map and top.seen % 2 == 0 and top.seen // 2 > _PAIRS:
        raise CBORError(f"cbor: exceeded max number of key-value pairs {_PAIRS} for CBOR map")


def _head(data: bytes, at: int) -> Item:
    if at >= len(data):
        raise CBORError("unexpected EOF")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info < 24:
        return Item(major, info, info, at)
    if info < 28:
        size = 1 << (info - 24)
        if len(data) - at < size:
            raise CBORError("unexpected EOF")
        raw = data[at : at + size]
        value = int.from_bytes(raw, "big")
        if major == PRIMITIVE:
            _check_primitive(info, value, raw)
        return Item(major, info, value, at + size)
    if info != INDEFINITE or major in (UNSIGNED, NEGATIVE, TAG):
        raise CBORError(f"cbor: invalid additional information {info} for type {TYPES[major]}")
    if major == PRIMITIVE:
        raise CBORError('cbor: unexpected "break" code')
    return Item(major, info, info, at)


def _check_primitive(info: int, value: int, raw: bytes) -> None:
    if info == 24:
        if value < 32:
            raise CBORError(f"cbor: invalid simple value {value} for type primitives")
        return
    (number,) = struct.unpack(FLOATS[info], raw)
    what = "NaN" if math.isnan(number) else "infinity" if math.isinf(number) else ""
    if what:
        raise unacceptable("primitives", f"floating-point {what}")


def unacceptable(kind: str, what: str, *, inside: bool = False) -> CBORError:
    return CBORError(
        f"cbor: data item of cbor type {kind} is not accepted by protocol: {what}", inside=inside
    )


def _tag(items: list[Item], item: Item, data: bytes, level: int) -> int:
    """The level that the content of a tag is on."""
    if len(data) == item.at:
        raise CBORError("unexpected EOF")
    if item.value in (2, 3):
        raise unacceptable("tag", "bignum")
    if _after_tag(items):
        level += 1
        if level > _LEVELS:
            raise CBORError(f"cbor: exceeded max nested level {_LEVELS}")
    return level


def _container(item: Item, level: int) -> _Open:
    if level > _LEVELS:
        raise CBORError(f"cbor: exceeded max nested level {_LEVELS}")
    is_map = item.major == MAP
    if item.info == INDEFINITE:
        return _Open(None, is_map, level)
    if item.value >= 2**63:
        raise CBORError(
            f"cbor: {TYPES[item.major]} length {item.value} is too large, it would cause integer overflow"
        )
    if is_map and item.value > _PAIRS:
        raise CBORError(f"cbor: exceeded max number of key-value pairs {_PAIRS} for CBOR map")
    if not is_map and item.value > _ELEMENTS:
        raise CBORError(f"cbor: exceeded max number of elements {_ELEMENTS} for CBOR array")
    return _Open(item.value * (2 if is_map else 1), is_map, level)


def _string(data: bytes, item: Item, items: list[Item]) -> int:
    """Where what follows a string begins; the chunks of one of unknown length are items of their own."""
    if item.info != INDEFINITE:
        if item.value >= 2**63:
            raise CBORError(
                f"cbor: {TYPES[item.major]} length {item.value} is too large, causing integer overflow"
            )
        if len(data) - item.at < item.value:
            raise CBORError("unexpected EOF")
        return item.at + item.value
    at = item.at
    while True:
        if at >= len(data):
            raise CBORError("unexpected EOF")
        if data[at] == 0xFF:
            items.append(Item(*BREAK))
            return at + 1
        major, info = data[at] >> 5, data[at] & 31
        if major != item.major:
            raise CBORError(
                f"cbor: wrong element type {TYPES[major]} for indefinite-length {TYPES[item.major]}"
            )
        if info == INDEFINITE:
            raise CBORError(f"cbor: indefinite-length {TYPES[major]} chunk is not definite-length")
        chunk = _head(data, at)
        items.append(chunk)
        at = _string(data, chunk, items)
