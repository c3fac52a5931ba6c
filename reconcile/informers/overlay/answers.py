"""What a write's answer says about its object: there, gone, or more than the answer tells. Pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from reconcile.client.seams import WriteVerb
from reconcile.objects.metadata import ObjectMetadata

NO_EFFECT: Final = frozenset({"token"})
"""Subresources whose writes change no object that anybody could read."""

_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Namespace(msgspec.Struct):
    spec: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])


_decode_namespace: Final = msgspec.json.Decoder(_Namespace).decode


def is_partial(metadata: ObjectMetadata) -> bool:
    """Whether the answer holds metadata only: the write asked for no more."""
    return metadata.kind == "PartialObjectMetadata"


def is_gone(verb: WriteVerb, metadata: ObjectMetadata, raw: bytes) -> bool:
    """Whether the object of an answer is the last state of one that is no more.

    A deletion is over unless finalizers or a grace period hold it up. Any other write of an object in
    deletion ends it when it takes the last finalizer away; the server answers both with the object as it last
    was, at the version of the deletion.
    """
    if not metadata.deleting:
        return verb == "delete"
    if metadata.finalizers or metadata.deletion_grace_period_seconds:
        return False
    return not _is_namespace_in_use(metadata, raw)


def _is_namespace_in_use(metadata: ObjectMetadata, raw: bytes) -> bool:
    """Namespaces, alone among all kinds, have their finalizers in the spec."""
    if metadata.kind != "Namespace" or metadata.api_version != "v1":
        return False
    try:
        return bool(_decode_namespace(raw).spec.get("finalizers"))
    except msgspec.MsgspecError:
        return True


def metadata_alone(raw: bytes) -> bytes:
    """An object cut down to what a metadata-only stream brings.

    >>> metadata_alone(b'{"kind":"Pod","metadata":{"name":"a"},"spec":{}}')
    b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"a"}}'
    """
    metadata = bytes(_members(raw)["metadata"])
    return b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":' + metadata + b"}"
