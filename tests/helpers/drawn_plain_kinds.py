"""The other built-in kinds of drawn sequences: one valid object of each, and edits that any object bears."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from helpers.differential_breakages import collection_of
from helpers.differential_samples import STATUSES, samples
from helpers.drawn_kinds import PLACE, RICH, Kind
from hypothesis import strategies as st

Body = dict[str, Any]

LEFT_OUT = {
    "IPAddress": "its name is an address, and addresses are the servers'",
    "ServiceCIDR": "the real server's allocator acts on it when it hears of it",
    "APIService": "its name is a group of the server",
    "FlowSchema": "the real server's own controller writes its status",
    "PriorityLevelConfiguration": "the real server's own controller writes its status",
    "ResourceQuota": "the real server hears of it later: test_differential_limits.py",
    "LimitRange": "the real server hears of it later: test_differential_limits.py",
    "ValidatingAdmissionPolicy": "the real server hears of it later: test_differential_admission.py",
    "ValidatingAdmissionPolicyBinding": "as its policy",
    "MutatingAdmissionPolicy": "the real server hears of it later: test_differential_admission.py",
    "MutatingAdmissionPolicyBinding": "as its policy",
    "CustomResourceDefinition": "its controllers act on it: test_differential_semantics.py",
}
"""Kinds that sequences cannot be drawn of, and why."""


def _edits(obj: Body) -> Iterator[Body]:
    """Merge patches: each part, and each part of it, taken away, of another type, and as it is."""
    for key, value in obj.items():
        if key in ("apiVersion", "kind", "metadata"):
            continue
        yield {key: None}
        yield {key: 7}
        yield {key: value}
        if isinstance(value, dict):
            for inner, part in value.items():
                yield {key: {inner: None}}
                yield {key: {inner: 7 if not isinstance(part, int) else "seven"}}


def _contents(obj: Body) -> list[Body]:
    """The object without its metadata; and once without each part of it."""
    whole = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata")}
    found = [whole, whole, whole]
    for key, value in whole.items():
        if isinstance(value, dict):
            for inner in value:
                less = copy.deepcopy(whole)
                del less[key][inner]
                found.append(less)
    return found


def _kind(obj: Body) -> Kind:
    path = collection_of(obj, PLACE)
    status = STATUSES.get(obj["kind"])
    return Kind(
        obj["apiVersion"],
        obj["kind"],
        path.rpartition("/")[2],
        st.sampled_from(_contents(obj)),
        st.sampled_from([*_edits(obj), {"status": status or {}}, {"unknown": 1}]),
        status=({"status": status}, {"status": None}, {"status": 7}) if status else (),
        namespaced="/namespaces/" in path,
    )


def plain_kinds() -> tuple[Kind, ...]:
    """Every kind of which there is a sample, and which is not drawn in more detail."""
    known = {kind.kind for kind in RICH} | LEFT_OUT.keys()
    return tuple(_kind(obj) for name, obj in samples(PLACE).items() if name not in known)
