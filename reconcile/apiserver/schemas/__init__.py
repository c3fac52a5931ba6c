"""Schemas of the built-in kinds: what a body may contain, what it lacks, and how it is encoded again.

Everything is compiled from one data file that `tools/generate_server_schemas.py` makes from a real
server (`kinds.json.gz`), struct by struct and only when a kind is first used:

    decoding.py   a body as Go's decoder reads it: type errors, unknown fields, zero values left out
    defaulting.py the defaults of a struct and of everything below it, from `defaults/`
    topology.py   list and map topology, for strategic merge patch and server-side apply
"""

from reconcile.apiserver.schemas.source import BuiltinSchema, BuiltinSchemas, ServedKind

__all__ = ["BuiltinSchema", "BuiltinSchemas", "ServedKind"]
