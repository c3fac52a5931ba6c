"""Templates: their hash, and the replica set that carries the present one. Pure."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import msgspec

from reconcile import ObjectMeta, parse_time
from reconcile.api.apps.v1 import Deployment, ReplicaSet
from reconcile.api.core.v1 import PodTemplateSpec

HASH_LABEL = "pod-template-hash"

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Letters and digits that spell no words and are not mistaken for one another."""


_NAME_LENGTH = 253


def name_for(deployment: Deployment, name_hash: str) -> str:
    """The name of a replica set: the Deployment's, cut where it would be too long, and the hash."""
    room = _NAME_LENGTH - len(name_hash) - 1
    return f"{deployment.metadata.name[:room]}-{name_hash}"


def template_hash(template: PodTemplateSpec, collision_count: int = 0) -> str:
    """A short name for a template: FNV-1a over its JSON and the number of collisions so far."""
    text = msgspec.json.encode(template, order="deterministic")
    value = 0x811C9DC5
    for byte in text + (collision_count.to_bytes(8, "little") if collision_count else b""):
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return "".join(_ALPHABET[ord(digit) % len(_ALPHABET)] for digit in str(value))


def same_template(one: PodTemplateSpec, other: PodTemplateSpec) -> bool:
    """Equal but for the pod-template-hash, which a replica set's template carries and a Deployment's not."""
    return one.spec == other.spec and _without_hash(one) == _without_hash(other)


def _without_hash(template: PodTemplateSpec) -> ObjectMeta:
    bare = copy.copy(template.metadata)
    bare.labels = {name: value for name, value in bare.labels.items() if name != HASH_LABEL}
    bare.creation_timestamp = None
    return bare


def find_new(deployment: Deployment, replica_sets: Sequence[ReplicaSet]) -> ReplicaSet | None:
    """The replica set of the present template; the oldest one when there are several."""
    for replica_set in oldest_first(replica_sets):
        if same_template(replica_set.spec.template, deployment.spec.template):
            return replica_set
    return None


def oldest_first(replica_sets: Sequence[ReplicaSet]) -> list[ReplicaSet]:
    def age(replica_set: ReplicaSet) -> tuple[float, str]:
        created = replica_set.metadata.creation_timestamp
        return (parse_time(created).timestamp() if created else 0.0, replica_set.metadata.name)

    return sorted(replica_sets, key=age)
