"""Taking parts out of an object's JSON on arrival, without decoding it. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode: Final = msgspec.json.encode


def strip_managed_fields(raw: bytes) -> bytes:
    """The object without `metadata.managedFields`; every other byte of its members as it was.

    Bytes that are no JSON object are returned as they are: whoever decodes them says what is wrong.

    >>> strip_managed_fields(b'{"metadata":{"name":"a","managedFields":[{}]},"spec":{"x": 1}}')
    b'{"metadata":{"name":"a"},"spec":{"x": 1}}'
    """
    if b'"managedFields"' not in raw:
        return raw
    try:
        members = _members(raw)
        metadata = _members(members["metadata"])
        del metadata["managedFields"]
    except (msgspec.MsgspecError, KeyError):
        return raw
    members["metadata"] = msgspec.Raw(_encode(metadata))
    return _encode(members)
