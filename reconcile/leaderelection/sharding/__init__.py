"""Shards: the keys of a controller divided among replicas, each part under a Lease of its own.

hashing (pure: whose is a key?)   view ▸ assignment (pure: who should have what?)
     └──────────── elector (asks the server, holds Leases) ────────────┘
"""

from reconcile.leaderelection.sharding.elector import ShardElector, ShardOwner
from reconcile.leaderelection.sharding.hashing import shard_of

__all__ = ["ShardElector", "ShardOwner", "shard_of"]
