"""How names and texts are written in a CEL rule."""

from __future__ import annotations

import re
from typing import Final

_RESERVED: Final = frozenset(
    {
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    }
)
_SYMBOLS: Final = {"-": "__dash__", ".": "__dot__", "/": "__slash__"}


def quoted(text: str) -> str:
    """A CEL string literal.

    >>> print(quoted("it's a \\\\d"))
    'it\\'s a \\\\d'
    """
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def field_name(name: str) -> str:
    """A field's wire name as rules write it, by Kubernetes' rules of escaping.

    >>> [field_name(name) for name in ("size", "namespace", "max-size", "a__b")]
    ['size', '__namespace__', 'max__dash__size', 'a__underscores__b']
    """
    if name in _RESERVED:
        return f"__{name}__"
    escaped = name.replace("__", "__underscores__")
    return re.sub(r"[-./]", lambda match: _SYMBOLS[match[0]], escaped)
