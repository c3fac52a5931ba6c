"""What a server says in `Warning` headers (RFC 7234, 5.5): deprecations, unknown fields, what it ignored."""

from __future__ import annotations

import re

_WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")


def warning_texts(value: str) -> list[str]:
    """The texts in a Warning header, in the server's order; repeated headers come joined by commas.

    >>> warning_texts('299 - "unknown field \\\\"a\\\\"", 299 - "v1beta1 is deprecated"')
    ['unknown field "a"', 'v1beta1 is deprecated']
    """
    return [_ESCAPED.sub(r"\1", text) for text in _WARNING.findall(value)]
