"""JSON Patch (RFC 6902), with the behaviour and the words of the API server.

The server's library differs from the RFC in places, and this follows the server: `replace` of an object's
missing field adds it, `test` of a missing field against null succeeds, indexes may be negative, and
`move` and `copy` add what they took wherever `add` could.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, cast

from reconcile.objects.json_copy import copy_json
from reconcile.objects.patches.errors import PatchError, json_type, same

MAX_OPERATIONS: Final = 10_000
"""The server takes no longer patch."""


class _RuleBroken(Exception):
    """What one operation found wrong; becomes a PatchError."""


def apply_json_patch(document: Any, operations: Any) -> Any:
    """The document after all operations; the given document is not changed.

    Args:
        document: a JSON object or array.
        operations: the decoded patch, a list of operation objects.

    Raises:
        PatchError: code 400 for a patch that is no list of objects, 413 for one that is too long, 422 for
            an operation that is malformed or does not apply.
    """
    checked = _operations(operations)
    root: Any = copy_json(document)
    for operation in checked:
        try:
            root = _apply(root, operation)
        except _RuleBroken as broken:
            raise PatchError(str(broken), code=422) from None
    return root


def _operations(operations: Any) -> Sequence[dict[str, Any]]:
    if not isinstance(operations, list):
        raise PatchError(
            f"json: cannot unmarshal {json_type(operations)} into Go value of type jsonpatch.Patch", code=400
        )
    plain = cast("list[Any]", operations)
    for operation in plain:
        if not isinstance(operation, dict):
            raise PatchError(
                f"json: cannot unmarshal {json_type(operation)} into Go value of type jsonpatch.Operation",
                code=400,
            )
    if len(plain) > MAX_OPERATIONS:
        raise PatchError(
            "Request entity too large: The allowed maximum operations in a JSON patch is "
            f"{MAX_OPERATIONS}, got {len(plain)}",
            code=413,
        )
    return plain


def _apply(root: Any, operation: dict[str, Any]) -> Any:
    op = operation.get("op")
    match op if isinstance(op, str) else "unknown":
        case "add":
            path = _pointer(operation, "path", "add operation failed to decode path: missing value")
            parent, key = _find(root, path, f'add operation does not apply: doc is missing path: "{path}"')
            _add(parent, key, _value(operation), f"error in add for path: '{path}'")
        case "remove":
            path = _pointer(operation, "path", "remove operation failed to decode path: missing value")
            parent, key = _find(root, path, f'remove operation does not apply: doc is missing path: "{path}"')
            _remove(parent, key, f"error in remove for path: '{path}'")
        case "replace":
            return _replace(root, operation)
        case "move":
            source = _pointer(operation, "from", _undecoded("move", "from"))
            missing = f"move operation does not apply: doc is missing from path: {source}"
            parent, key = _find(root, source, missing)
            value = _get(parent, key, f"error in move for path: '{key}'")
            _remove(parent, key, f"error in move for path: '{key}'")
            path = _pointer(operation, "path", _undecoded("move", "path"))
            missing = f"move operation does not apply: doc is missing destination path: {path}"
            parent, key = _find(root, path, missing)
            _add(parent, key, value, f"error in move for path: '{path}'")
        case "copy":
            source = _pointer(operation, "from", _undecoded("copy", "from"))
            missing = f"copy operation does not apply: doc is missing from path: {source}"
            parent, key = _find(root, source, missing)
            value = _get(parent, key, f"error in copy for from: '{source}'")
            path = _pointer(operation, "path", "copy operation failed to decode path: missing value")
            missing = f"copy operation does not apply: doc is missing destination path: {path}"
            parent, key = _find(root, path, missing)
            _add(parent, key, copy_json(value), "error while adding value during copy")
        case "test":
            _test(root, operation)
        case unknown:
            raise _RuleBroken(f"Unexpected kind: {unknown}")
    return root


def _replace(root: Any, operation: dict[str, Any]) -> Any:
    path = _pointer(operation, "path", _undecoded("replace", "path"))
    value = _value(operation)
    if path == "":
        if not isinstance(value, dict | list):
            raise _RuleBroken("replace operation value must be object or array: %!w(<nil>)")
        return cast("Any", value)
    parent, key = _find(root, path, f"replace operation does not apply: doc is missing path: {path}")
    if isinstance(parent, dict):
        parent[key] = value
        return root
    try:
        _get(parent, key, "")
    except _RuleBroken:
        raise _RuleBroken(
            f"replace operation does not apply: doc is missing key: {path}: missing value"
        ) from None
    parent[_index(key)] = value
    return root


def _test(root: Any, operation: dict[str, Any]) -> None:
    path = _pointer(operation, "path", _undecoded("test", "path"))
    found = root
    if path != "":
        parent, key = _find(root, path, f"test operation does not apply: is missing path: {path}")
        found = _get(parent, key, f"error in test for path: '{path}'")
    if not same(found, operation.get("value")):
        raise _RuleBroken(f"testing value {path} failed: test failed")


def _undecoded(op: str, field: str) -> str:
    return f"{op} operation failed to decode {field}: " + (
        "operation missing path field: missing value"
        if field == "path"
        else "operation, missing from field: missing value"
    )


def _pointer(operation: dict[str, Any], field: str, missing: str) -> str:
    pointer = operation.get(field)
    if isinstance(pointer, str):
        return pointer
    if pointer is None or missing.count(":") == 1:
        raise _RuleBroken(missing)
    head = missing.split(":", maxsplit=1)[0]
    raise _RuleBroken(f"{head}: json: cannot unmarshal {json_type(pointer)} into Go value of type string")


def _value(operation: dict[str, Any]) -> Any:
    return copy_json(operation.get("value"))


def _find(root: Any, pointer: str, missing: str) -> tuple[Any, str]:
    """The object or array that holds what the pointer names, and the name in it."""
    _, *steps = pointer.split("/")
    here = root
    for step in steps[:-1]:
        try:
            here = _get(here, _unescape(step), "")
        except _RuleBroken:
            here = None
        if not isinstance(here, dict | list):
            break
    if not steps or not isinstance(here, dict | list):
        raise _RuleBroken(f"{missing}: missing value")
    return cast("Any", here), _unescape(steps[-1])


def _unescape(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~") if "~" in step else step


def _get(parent: Any, key: str, trouble: str) -> Any:
    if isinstance(parent, dict):
        return cast("dict[str, Any]", parent).get(key)
    index = _index(key, trouble)
    if not -len(parent) <= index < len(parent):
        raise _RuleBroken(_bad_index(index, trouble))
    return parent[index]


def _add(parent: Any, key: str, value: Any, trouble: str) -> None:
    if isinstance(parent, dict):
        parent[key] = value
    elif key == "-":
        parent.append(value)
    else:
        try:
            index = _index(key, "")
        except _RuleBroken as broken:
            raise _RuleBroken(f"{trouble}: value was not a proper array index: '{key}'{broken}") from None
        size = len(parent) + 1
        if not -size <= index < size:
            raise _RuleBroken(_bad_index(index, trouble))
        parent.insert(index if index >= 0 else index + size, value)


def _remove(parent: Any, key: str, trouble: str) -> None:
    if isinstance(parent, dict):
        if key not in parent:
            raise _RuleBroken(f"{trouble}: Unable to remove nonexistent key: {key}: missing value")
        del parent[key]
        return
    index = _index(key, trouble)
    if not -len(parent) <= index < len(parent):
        raise _RuleBroken(_bad_index(index, trouble))
    del parent[index]


def _index(key: str, trouble: str = "") -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", key):
        raise _RuleBroken(f'{trouble}: strconv.Atoi: parsing "{key}": invalid syntax')
    return int(key)


def _bad_index(index: int, trouble: str) -> str:
    return f"{trouble}: Unable to access invalid index: {index}: invalid index referenced"
