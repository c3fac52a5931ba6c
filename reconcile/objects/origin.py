"""Writing back an object without losing what its type does not know.

    bytes read ──decode──▶ as read ──┐
        │                            ├─ difference ──▶ replayed on the bytes ──▶ bytes to write
        │            as it is now ───┘                        ▲
        └─────────────────────────────────────────────────────┘

Both sides of the difference are the typed object's own wire form, so defaults that decoding put in and
nulls that it dropped are no difference. Where nothing changed, the bytes read are written back as they
are; where something did, one level is opened and the rest left closed.

Items of a list are aligned by their map keys where the type declares them (`__list_keys__`): an item with
the same keys is the same item, wherever it stands. Other lists are aligned by, in this order:

1. equal items, the nth with the nth;
2. a field `name`, `key`, `type` or `id` that tells all remaining items apart on both sides;
3. position, when the list kept its length.

An item that none of this finds again is written without unknown fields, rather than with another item's.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar, cast

import msgspec

from reconcile.errors import IncompleteObjectError
from reconcile.objects.access import key_of
from reconcile.objects.codecs import Codec, codec_of
from reconcile.objects.shapes import Shape

T = TypeVar("T")

_encode: Final = msgspec.json.encode
_decode_any: Final = msgspec.json.Decoder(dict[str, Any]).decode
_open_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_open_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_TELLING_FIELDS: Final = ("name", "key", "type", "id")


def replay(obj: Any) -> bytes:
    """The bytes that replace an object on the server: what was read, with the changes made since.

    Args:
        obj: an object in any form. One that was not decoded from bytes, and a plain dict, is encoded as it
            stands.

    Raises:
        IncompleteObjectError: only a part of the object was read (metadata, or stripped of fields), so
            replacing it would remove the rest.
    """
    codec = codec_of(obj)
    origin = codec.origin(obj)
    if origin is None:
        return codec.encode(obj)
    if not origin.complete or origin.raw is None:
        raise IncompleteObjectError(
            f"{codec.resource_type} {key_of(obj)} was read in part and cannot replace the whole; "
            "read it in full from the server first, or patch or apply what is to change"
        )
    return _replay_on(origin.raw, codec, obj)


def plain_states(old: T, new: T) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two states of one object as plain JSON values, for a difference in which nothing unknown is lost.

    What the type does not know comes from the bytes that `old` was decoded from (`new`, where `old` was made
    by hand) and is the same in both, so it is no difference; a list that differs has it in its items.
    """
    codec = codec_of(old)
    origin = codec.origin(old) or codec.origin(new)
    if origin is None or origin.raw is None:
        return codec.to_plain(old), codec.to_plain(new)
    before, after = (_decode_any(_replay_on(origin.raw, codec, state)) for state in (old, new))
    return before, after


def _replay_on(raw: bytes, codec: Codec[Any], obj: Any) -> bytes:
    """The bytes of an object of which `raw` is an earlier state."""
    before = codec.to_plain(codec.decode(raw))
    after = codec.to_plain(obj)
    head = {name: after.pop(name) for name in ("apiVersion", "kind") if before.pop(name, None)}
    merged = _merge_objects(_open_object(raw), before, after, Shape(codec.kind))
    if all(_is_text(merged.get(name), value) for name, value in head.items()):
        return _encode(merged)
    return _encode({**head, **{name: value for name, value in merged.items() if name not in head}})


def _merge(origin: msgspec.Raw, before: Any, after: Any, shape: Shape) -> Any:
    """The value to write, made of parts of `origin` where nothing changed."""
    if _encode(before) == _encode(after):  # not `==`: to Python True is 1
        return origin
    if isinstance(before, dict) and isinstance(after, dict):
        fields = _open_object(origin)
        return _merge_objects(fields, cast("Any", before), cast("Any", after), shape)
    if isinstance(before, list) and isinstance(after, list):
        return _merge_lists(_open_list(origin), cast("Any", before), cast("Any", after), shape)
    return after


def _merge_objects(
    fields: dict[str, msgspec.Raw], before: dict[str, Any], after: dict[str, Any], shape: Shape
) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for name, raw in fields.items():
        inner = shape.field(name)
        if name in after:
            value = after[name]
            # A struct of which no known field was set reads as empty, whatever else is in it.
            empty: Any = {} if isinstance(value, dict) and bytes(raw).startswith(b"{") else None
            merged[name] = _merge(raw, before.get(name, empty), value, inner)
        elif name not in before:
            merged[name] = raw  # unknown to the type, or an explicit null or empty value: not ours to touch
        elif inner.by_value and (rest := _merge(raw, before[name], {}, inner)):
            merged[name] = rest
    for name, value in after.items():
        filled_in = name in before and _encode(before[name]) == _encode(value)
        if name not in fields and not filled_in:
            merged[name] = value
    return merged


def _merge_lists(items: list[msgspec.Raw], before: list[Any], after: list[Any], shape: Shape) -> list[Any]:
    if shape.unordered or len(items) != len(before):
        return after
    found = align(before, after, shape.keys)
    item = shape.item()
    return [
        value if index is None else _merge(items[index], before[index], value, item)
        for index, value in zip(found, after, strict=True)
    ]


def align(before: Sequence[Any], after: Sequence[Any], keys: Sequence[str] = ()) -> list[int | None]:
    """For each item of `after`, the index of the same item in `before`, or None for a new one.

    Args:
        before, after: lists of plain JSON values.
        keys: the fields that identify an item; without, see the module's text.
    """
    pairs: list[int | None] = [None] * len(after)
    if keys:
        _pair(before, after, pairs, lambda item: _fields_as_bytes(item, keys))
        return pairs
    _pair(before, after, pairs, _encode)
    taken = {index for index in pairs if index is not None}
    rest_before = [item for index, item in enumerate(before) if index not in taken]
    rest_after = [item for item, index in zip(after, pairs, strict=True) if index is None]
    if not rest_before or not rest_after:
        return pairs
    for field in _TELLING_FIELDS:
        if _tells_apart(field, rest_before) and _tells_apart(field, rest_after):
            _pair(before, after, pairs, lambda item, field=field: _fields_as_bytes(item, (field,)))
            return pairs
    if len(before) == len(after):
        for position, index in enumerate(pairs):
            if index is None and position not in taken:
                pairs[position] = position
    return pairs


def _pair(
    before: Sequence[Any],
    after: Sequence[Any],
    pairs: list[int | None],
    mark: Callable[[Any], bytes | None],
) -> None:
    """Fill in pairs of items of the same mark, the nth with the nth; items paired before stay so."""
    taken = {index for index in pairs if index is not None}
    waiting: defaultdict[bytes, deque[int]] = defaultdict(deque)
    for index, item in enumerate(before):
        if index not in taken and (marked := mark(item)) is not None:
            waiting[marked].append(index)
    for position, item in enumerate(after):
        if pairs[position] is None and (marked := mark(item)) is not None and waiting.get(marked):
            pairs[position] = waiting[marked].popleft()


def _fields_as_bytes(item: Any, fields: Sequence[str]) -> bytes | None:
    if not isinstance(item, dict):
        return None
    plain = cast("dict[str, Any]", item)
    values = [plain.get(field) for field in fields]
    return None if all(value is None for value in values) else _encode(values)


def _tells_apart(field: str, items: Sequence[Any]) -> bool:
    marks = [_fields_as_bytes(item, (field,)) for item in items]
    return None not in marks and len(set(marks)) == len(marks)


def _is_text(raw: Any, text: str) -> bool:
    return isinstance(raw, msgspec.Raw) and bytes(raw) == _encode(text)
