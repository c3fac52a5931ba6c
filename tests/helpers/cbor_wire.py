"""CBOR as bytes, apart from the codec under test: written by hand, and brought into one order."""

from __future__ import annotations


def sorted_maps(data: bytes) -> bytes:
    """The item with the entries of every map by their keys, and all else byte for byte as it is.

    A server that answers in CBOR shuffles the fields of its maps, so that nobody relies on their order.
    """
    found, end = _item(data, 0)
    assert end == len(data)
    return found


def sequence(data: bytes) -> list[bytes]:
    """The items that stand one after the other, each with its maps sorted."""
    found: list[bytes] = []
    at = 0
    while at < len(data):
        item, at = _item(data, at)
        found.append(item)
    return found


def _item(data: bytes, at: int) -> tuple[bytes, int]:
    major, info = data[at] >> 5, data[at] & 31
    size = 1 << (info - 24) if info >= 24 else 0
    assert info < 28, "of unknown length"
    behind = at + 1 + size
    value = int.from_bytes(data[at + 1 : behind], "big") if size else info
    head = data[at:behind]
    if major in (2, 3):
        return head + data[behind : behind + value], behind + value
    if major == 6:
        content, end = _item(data, behind)
        return head + content, end
    if major not in (4, 5):
        return head, behind
    parts: list[bytes] = []
    for _ in range(value * (major - 3)):
        part, behind = _item(data, behind)
        parts.append(part)
    if major == 5:
        parts = [key + item for key, item in sorted(zip(parts[::2], parts[1::2], strict=True))]
    return head + b"".join(parts), behind
