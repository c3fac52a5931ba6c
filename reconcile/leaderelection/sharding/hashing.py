"""Which shard a key belongs to."""

from __future__ import annotations

from hashlib import blake2b

from reconcile.objects.identity import ObjectKey

_MULTIPLIER = 2862933555777941757
_MASK = (1 << 64) - 1


def shard_of(key: ObjectKey, shards: int) -> int:
    """The shard of a key, from 0 to `shards` - 1; the same in every process and version of Python.

    Jump consistent hashing (Lamping and Veach, 2014): shares are even without a table of points on a ring,
    and another number of shards moves no more keys than it must: from n to n + 1, one in n + 1.

    >>> shard_of(ObjectKey("shop", "web"), 1)
    0
    >>> len({shard_of(ObjectKey("shop", f"web-{n}"), 8) for n in range(100)})
    8
    """
    digest = blake2b(f"{key.namespace}/{key.name}".encode(), digest_size=8).digest()
    state = int.from_bytes(digest, "big")
    bucket, candidate = 0, 0
    while candidate < shards:
        bucket = candidate
        state = (state * _MULTIPLIER + 1) & _MASK
        candidate = int((bucket + 1) * ((1 << 31) / ((state >> 33) + 1)))
    return bucket
