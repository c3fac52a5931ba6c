"""CBOR to JSON values, with upstream's rules (apimachinery's serializer/cbor/internal/modes).

Text and byte strings are strings; a tag 22 around bytes means base64, 21 and 23 likewise. Times by tag 0
and 1 are RFC 3339. Other tags are passed over, but big numbers are refused, and so are repeated keys, text
that is no UTF-8, NaN, infinities, and simple values but false, true and null. At most 10,000 levels.

Two passes without recursion: the first finds where each item begins and whether the whole is well formed, the
second builds. What either says is worded as fxamacker/cbor words it.
"""

from __future__ import annotations

import base64
import math
import re
import struct
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, PRIMITIVE = range(8)
TYPES: Final = (
    "positive integer", "negative integer", "byte string", "UTF-8 text string", "array", "map", "tag",
    "primitives",
)  # fmt: skip
SELF_DESCRIBED: Final = 55799
_INDEFINITE: Final = 31
_LEVELS: Final = 10_000
_PAIRS: Final = 2_097_152
_ELEMENTS: Final = 2**31 - 1
_BREAK: Final = (PRIMITIVE, _INDEFINITE, 0, 0)
_FALSE, _TRUE, _NULL = 20, 21, 22
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}
_BASE64URL, _BASE64, _HEX = 21, 22, 23


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


class Text(str):
    """A text string of `decode(…, marked=True)`."""

    __slots__ = ()


class _Item(NamedTuple):
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


def decode(data: bytes, *, times: bool = True, marked: bool = False) -> Any:
    """The value of one item. Raises CBORError.

    `times`: the tags of times are heeded; upstream passes them over where it knows a field's Go type.
    `marked`: text strings are instances of `Text`, byte strings plain ones.
    """
    return _build(data, _scan(data), times, marked)


def type_of(data: bytes) -> str:
    """What CBOR calls the type of a well-formed item."""
    return TYPES[next(item.major for item in _scan(data) if item.major != TAG)]


def _scan(data: bytes) -> list[_Item]:
    """The heads of all items in order; breaks end containers and strings of unknown length."""
    if not data:
        raise CBORError("EOF")
    items: list[_Item] = []
    opened: list[_Open] = []
    at = level = 0
    while True:
        top = opened[-1] if opened else None
        if top is not None and top.left is None and data[at : at + 1] == b"\xff":
            if top.is_map and top.seen % 2:
                raise CBORError('cbor: unexpected "break" code')
            items.append(_Item(*_BREAK))
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
                if item.info == _INDEFINITE or item.value:
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


def _after_tag(items: list[_Item]) -> bool:
    return len(items) > 1 and items[-2].major == TAG


def _bounded(top: _Open) -> None:
    if top.is_map and top.seen % 2 == 0 and top.seen // 2 > _PAIRS:
        raise CBORError(f"cbor: exceeded max number of key-value pairs {_PAIRS} for CBOR map")


def _head(data: bytes, at: int) -> _Item:
    if at >= len(data):
        raise CBORError("unexpected EOF")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info < 24:
        return _Item(major, info, info, at)
    if info < 28:
        size = 1 << (info - 24)
        if len(data) - at < size:
            raise CBORError("unexpected EOF")
        raw = data[at : at + size]
        value = int.from_bytes(raw, "big")
        if major == PRIMITIVE:
            _check_primitive(info, value, raw)
        return _Item(major, info, value, at + size)
    if info != _INDEFINITE or major in (UNSIGNED, NEGATIVE, TAG):
        raise CBORError(f"cbor: invalid additional information {info} for type {TYPES[major]}")
    if major == PRIMITIVE:
        raise CBORError('cbor: unexpected "break" code')
    return _Item(major, info, info, at)


def _check_primitive(info: int, value: int, raw: bytes) -> None:
    if info == 24:
        if value < 32:
            raise CBORError(f"cbor: invalid simple value {value} for type primitives")
        return
    (number,) = struct.unpack(_FLOATS[info], raw)
    what = "NaN" if math.isnan(number) else "infinity" if math.isinf(number) else ""
    if what:
        raise _unacceptable("primitives", f"floating-point {what}")


def _unacceptable(kind: str, what: str, *, inside: bool = False) -> CBORError:
    return CBORError(
        f"cbor: data item of cbor type {kind} is not accepted by protocol: {what}", inside=inside
    )


def _tag(items: list[_Item], item: _Item, data: bytes, level: int) -> int:
    """The level that the content of a tag is on."""
    if len(data) == item.at:
        raise CBORError("unexpected EOF")
    if item.value in (2, 3):
        raise _unacceptable("tag", "bignum")
    if _after_tag(items):
        level += 1
        if level > _LEVELS:
            raise CBORError(f"cbor: exceeded max nested level {_LEVELS}")
    return level


def _container(item: _Item, level: int) -> _Open:
    if level > _LEVELS:
        raise CBORError(f"cbor: exceeded max nested level {_LEVELS}")
    is_map = item.major == MAP
    if item.info == _INDEFINITE:
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


def _string(data: bytes, item: _Item, items: list[_Item]) -> int:
    """Where what follows a string begins; the chunks of one of unknown length are items of their own."""
    if item.info != _INDEFINITE:
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
            items.append(_Item(*_BREAK))
            return at + 1
        major, info = data[at] >> 5, data[at] & 31
        if major != item.major:
            raise CBORError(
                f"cbor: wrong element type {TYPES[major]} for indefinite-length {TYPES[item.major]}"
            )
        if info == _INDEFINITE:
            raise CBORError(f"cbor: indefinite-length {TYPES[major]} chunk is not definite-length")
        chunk = _head(data, at)
        items.append(chunk)
        at = _string(data, chunk, items)


class _Building:
    """A container that is being built.

    `later`: the tag 21 to 23 that is in force inside, 0 for none. `outside`: the one around it.
    """

    __slots__ = ("index", "key", "later", "left", "outside", "value")

    def __init__(self, value: Any, left: int | None, later: int, outside: int) -> None:
        self.value = value
        self.left = left
        self.later = later
        self.outside = outside
        self.key: str | None = None
        self.index = 0


def _build(data: bytes, items: list[_Item], times: bool, marked: bool) -> Any:
    stack: list[_Building] = []
    try:
        return _built(data, items, times, marked, stack)
    except CBORError as error:
        error.place = (stack[0].key or "") if stack else ""
        raise


def _built(data: bytes, items: list[_Item], times: bool, marked: bool, stack: list[_Building]) -> Any:
    later = position = 0
    value: Any
    while True:
        item = items[position]
        position += 1
        top = stack[-1] if stack else None
        if top is not None and top.left is None and item[:2] == _BREAK[:2]:
            stack.pop()
            value, later = top.value, top.outside
        else:
            outside, inside = later, len(stack) > 1
            timed = -1
            while item.major == TAG:
                content = items[position]
                position += 1
                if item.value in (0, 1):
                    _check_time_tag(item.value, content, inside)
                    timed = item.value if times else -1
                elif item.value in (_BASE64URL, _BASE64, _HEX):
                    later = item.value
                item = content
            is_key = top is not None and type(top.value) is dict and top.key is None
            if is_key:
                _check_key(item, inside=inside)
            if item.major in (ARRAY, MAP):
                left = None if item.info == _INDEFINITE else item.value
                made: Any = [] if item.major == ARRAY else {}
                if left != 0:
                    stack.append(_Building(made, left, later, outside))
                    continue
                value = made
            elif item.major in (BYTES, TEXT):
                raw, position = _joined(data, item, items, position, inside)
                if item.major == BYTES:
                    value = _from_bytes(raw, later)
                else:
                    text = raw.decode()
                    value = _time_text(text, inside) if timed == 0 else Text(text) if marked else text
            else:
                value = _scalar(item, inside)
                if timed == 1:
                    value = _time_of(value, inside)
                elif is_key:
                    value = ""
            later = outside
        # A value is complete, and with it perhaps the containers around it.
        while True:
            if not stack:
                return value
            top = stack[-1]
            if type(top.value) is list:
                top.value.append(value)
            elif top.key is None:
                if value in top.value:
                    raise CBORError(
                        f'cbor: found duplicate map key "{value}" at map element index {top.index}',
                        inside=len(stack) > 1,
                    )
                top.key = value
                break
            else:
                top.value[top.key] = value
                top.key = None
                top.index += 1
            if top.left is None:
                break
            top.left -= 1
            if top.left:
                break
            stack.pop()
            value, later = top.value, top.outside


def _check_key(item: _Item, *, inside: bool) -> None:
    if item.major in (BYTES, TEXT) or (item.major == PRIMITIVE and item.info == _NULL):
        return
    raise CBORError(f"cbor: cannot unmarshal {TYPES[item.major]} into Go value of type string", inside=inside)


def _joined(data: bytes, item: _Item, items: list[_Item], position: int, inside: bool) -> tuple[bytes, int]:
    """The bytes of a string, and the position behind its chunks."""
    parts: list[bytes] = []
    if item.info != _INDEFINITE:
        parts.append(data[item.at : item.at + item.value])
    else:
        while (chunk := items[position])[:2] != _BREAK[:2]:
            parts.append(data[chunk.at : chunk.at + chunk.value])
            position += 1
        position += 1
    if item.major == TEXT:
        try:
            for part in parts:
                part.decode()
        except UnicodeDecodeError:
            raise CBORError("cbor: invalid UTF-8 string", inside=inside) from None
    return b"".join(parts), position


def _from_bytes(raw: bytes, later: int) -> str:
    if later == _BASE64:
        return base64.b64encode(raw).decode()
    if later == _BASE64URL:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return raw.hex() if later == _HEX else raw.decode("utf-8", "replace")


def _scalar(item: _Item, inside: bool) -> Any:
    major, info, value, _ = item
    if major in (UNSIGNED, NEGATIVE):
        number = value if major == UNSIGNED else -1 - value
        if not -(2**63) <= number < 2**63:
            raise CBORError(
                f"cbor: cannot unmarshal {TYPES[major]} into Go value of type int64 "
                f"({number} overflows Go's int64)",
                inside=inside,
            )
        return number
    if info in _FLOATS:
        (number,) = struct.unpack(_FLOATS[info], value.to_bytes(1 << (info - 24), "big"))
        return number
    if info not in (_FALSE, _TRUE, _NULL):
        raise _unacceptable("primitives", f"simple value {value} is not recognized", inside=inside)
    return {_FALSE: False, _TRUE: True, _NULL: None}[info]


def _check_time_tag(tag: int, content: _Item, inside: bool) -> None:
    if tag == 0 and content.major != TEXT:
        raise CBORError(
            f"cbor: tag number 0 must be followed by text string, got {TYPES[content.major]}", inside=inside
        )
    number = content.major in (UNSIGNED, NEGATIVE) or (content.major == PRIMITIVE and content.info in _FLOATS)
    if tag == 1 and not number:
        raise CBORError(
            "cbor: tag number 1 must be followed by integer or floating-point number, got "
            f"{TYPES[content.major]}",
            inside=inside,
        )


_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)")


def _time_text(text: str, inside: bool) -> str:
    """A time as Go writes what it has read: the fraction without zeros at its end, no offset is Z."""
    found = _RFC3339.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        datetime.fromisoformat(found[1])
    except ValueError:
        raise CBORError(
            f'cbor: cannot set {text} for time.Time: parsing time "{text}" as "2006-01-02T15:04:05Z07:00"',
            inside=inside,
        ) from None
    fraction = (found[2] or "")[:9].rstrip("0")
    zone = "Z" if found[3] in ("+00:00", "-00:00") else found[3]
    return f"{found[1]}{'.' if fraction else ''}{fraction}{zone}"


def _time_of(number: float, inside: bool) -> str:
    """Seconds since 1970 as a time."""
    seconds = math.trunc(number)
    nanos = int((number - seconds) * 1e9)
    seconds, nanos = seconds + nanos // 10**9, nanos % 10**9
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        raise CBORError(
            "cbor: decoded time cannot be represented in RFC3339 format with sub-second precision: "
            "Time.MarshalText: year outside of range [0,9999]",
            inside=inside,
        ) from None
    fraction = f"{nanos:09}".rstrip("0")
    return f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + f"{'.' if fraction else ''}{fraction}Z"
