"""JSON that is nested deeper than Python goes down: cut where that is enough, refused where Go refuses it.

kube-apiserver reads 10,000 levels. What comes so deep is in fields that no kind has, which are dropped: it
is enough to know that they are there. So the text is cut, below some levels, to what stands for the rest; if
that is still there after the unknown fields have gone, the body is refused.
"""

from __future__ import annotations

import re
from typing import Any, Final, cast

import msgspec

MAX_DEPTH: Final = 10_000
# So many levels are kept, and looked through at once.
_STEP: Final = 200
_REST: Final = "\x00nested deeper\x00"
_tokens: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{\]}]', re.DOTALL).finditer
_encoded: Final = msgspec.json.encode(_REST)


class TooDeepError(ValueError):
    """The text has more than 10,000 levels; says so as Go does."""


def shortened(raw: bytes) -> bytes:
    """The JSON text with no more than some levels.

    Raises TooDeepError, and ValueError where it is no JSON.
    """
    parts = [bytearray()]
    depth = last = 0
    for found in _tokens(raw):
        start = found.start()
        char = raw[start : start + 1]
        if char in b"[{":
            if depth and not depth % _STEP:
                parts[-1] += raw[last:start]
                parts.append(bytearray())
                last = start
            depth += 1
            if depth > MAX_DEPTH:
                raise TooDeepError(f"invalid character '{char.decode()}' exceeded max depth")
        elif char in b"]}":
            depth -= 1
            if depth > 0 and not depth % _STEP:
                part = parts.pop() + raw[last : found.end()]
                msgspec.json.decode(part)
                parts[-1] += _encoded
                last = found.end()
    if len(parts) > 1:
        raise ValueError("unexpected end of JSON input")
    return bytes(parts[0] + raw[last:])


def check_depth(raw: bytes) -> None:
    """Raise TooDeepError where Go would; else nothing, whatever the text is."""
    try:
        shortened(raw)
    except TooDeepError:
        raise
    except ValueError:
        return


def was_cut(value: Any) -> bool:
    """Whether what stands for deeper levels is somewhere in the value."""
    todo = [value]
    while todo:
        each = todo.pop()
        if isinstance(each, dict):
            todo += cast("dict[str, Any]", each).values()
        elif isinstance(each, list):
            todo += cast("list[Any]", each)
        elif each == _REST:
            return True
    return False
