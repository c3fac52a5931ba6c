"""Why a patch could not be applied, in the API server's words and with its status code."""

from __future__ import annotations

from typing import Any, Final, cast

from reconcile.errors import ReconcileError

_GO_TYPES: Final[dict[type[Any], str]] = {
    dict: "map[string]interface {}",
    list: "[]interface {}",
    str: "string",
    bool: "bool",
    int: "int64",
    float: "float64",
    type(None): "<nil>",
}
_JSON_TYPES: Final[dict[type[Any], str]] = {dict: "object", list: "array", str: "string", bool: "bool"}


class PatchError(ReconcileError, ValueError):
    """A patch that is malformed or does not apply; the document is left as it was.

    Attributes:
        code: the HTTP status that the API server answers with: 400 malformed, 413 too many operations,
            422 does not apply to this document, 500 where it has no better word.
    """

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


def go_text(value: Any) -> str:
    """A JSON value as Go's `%v` prints it, for messages that quote one."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        plain = cast("dict[str, Any]", value)
        return f"map[{' '.join(f'{key}:{go_text(plain[key])}' for key in sorted(plain))}]"
    if isinstance(value, list):
        return f"[{' '.join(go_text(item) for item in cast('list[Any]', value))}]"
    return str(value)


def go_type(value: Any) -> str:
    """The Go type that a decoded JSON value has on the server."""
    cls = cast("type[Any]", type(value))
    return _GO_TYPES.get(cls, cls.__name__)


def json_type(value: Any) -> str:
    """What Go's JSON decoder calls the type of a JSON value."""
    return _JSON_TYPES.get(cast("type[Any]", type(value)), "number")


def same(left: Any, right: Any) -> bool:
    """Deep equality of JSON values, in which 1, 1.0 and true are three values."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(
            same(value, right[key]) for key, value in cast("dict[str, Any]", left).items()
        )
    if isinstance(left, list):
        return len(cast("list[Any]", left)) == len(right) and all(map(same, cast("list[Any]", left), right))
    return left == right
