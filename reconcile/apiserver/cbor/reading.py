"""CBOR to JSON values, with upstream's rules (apimachinery's serializer/cbor/internal/modes).

Text and byte strings are strings; a tag 22 around bytes means base64, 21 and 23 likewise. Times by tag 0
and 1 are RFC 3339. Other tags are passed over, but big numbers are refused, and so are repeated keys, text
that is no UTF-8, NaN, infinities, and simple values but false, true and null. At most 10,000 levels.

The second of two passes without recursion: scanning.py is the first. What is wrong is worded as
fxamacker/cbor words it.
"""

from __future__ import annotations

import base64
import math
import re
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

from reconcile.apiserver.cbor.scanning import (
    ARRAY,
    BREAK,
    BYTES,
    FLOATS,
    INDEFINITE,
    MAP,
    NEGATIVE,
    PRIMITIVE,
    TAG,
    TEXT,
    TYPES,
    UNSIGNED,
    CBORError,
    Item,
    scan,
    unacceptable,
)

_FALSE, _TRUE, _NULL = 20, 21, 22
_BASE64URL, _BASE64, _HEX = 21, 22, 23


class Text(str):
    """A text string of `decode(…, marked=True)`."""

    __slots__ = ()


def decode(data: bytes, *, times: bool = True, marked: bool = False) -> Any:
    """The value of one item. Raises CBORError.

    `times`: the tags of times are heeded; upstream passes them over where it knows a field's Go type.
    `marked`: text strings are instances of `Text`, byte strings plain ones.
    """
    return _build(data, scan(data), times, marked)


def type_of(data: bytes) -> str:
    """What CBOR calls the type of a well-formed item."""
    return TYPES[next(item.major for item in scan(data) if item.major != TAG)]


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


def _build(data: bytes, items: list[Item], times: bool, marked: bool) -> Any:
    stack: list[_Building] = []
    try:
        return _built(data, items, times, marked, stack)
    except CBORError as error:
        error.place = (stack[0].key or "") if stack else ""
        raise


def _built(data: bytes, items: list[Item], times: bool, marked: bool, stack: list[_Building]) -> Any:
    later = position = 0
    value: Any
    while True:
        item = items[position]
        position += 1
        top = stack[-1] if stack else None
        if top is not None and top.left is None and item[:2] == BREAK[:2]:
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
                left = None if item.info == INDEFINITE else item.value
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


def _check_key(item: Item, *, inside: bool) -> None:
    if item.major in (BYTES, TEXT) or (item.major == PRIMITIVE and item.info == _NULL):
        return
    raise CBORError(f"cbor: cannot unmarshal {TYPES[item.major]} into Go value of type string", inside=inside)


def _joined(data: bytes, item: Item, items: list[Item], position: int, inside: bool) -> tuple[bytes, int]:
    """The bytes of a string, and the position behind its chunks."""
    parts: list[bytes] = []
    if item.info != INDEFINITE:
        parts.append(data[item.at : item.at + item.value])
    else:
        while (chunk := items[position])[:2] != BREAK[:2]:
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


def _scalar(item: Item, inside: bool) -> Any:
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
    if info in FLOATS:
        (number,) = struct.unpack(FLOATS[info], value.to_bytes(1 << (info - 24), "big"))
        return number
    if info not in (_FALSE, _TRUE, _NULL):
        raise unacceptable("primitives", f"simple value {value} is not recognized", inside=inside)
    return {_FALSE: False, _TRUE: True, _NULL: None}[info]


def _check_time_tag(tag: int, content: Item, inside: bool) -> None:
    if tag == 0 and content.major != TEXT:
        raise CBORError(
            f"cbor: tag number 0 must be followed by text string, got {TYPES[content.major]}", inside=inside
        )
    number = content.major in (UNSIGNED, NEGATIVE) or (content.major == PRIMITIVE and content.info in FLOATS)
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
