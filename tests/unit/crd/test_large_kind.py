"""The definition of a large kind fits where `kubectl apply` keeps it, once descriptions are cut."""

from __future__ import annotations

import json

from helpers.large_model import Monitor

from reconcile.crd import custom_resource_definition

LAST_APPLIED_LIMIT = 262144


def bytes_of(definition: object) -> int:
    """As kubectl writes it into the annotation."""
    return len(json.dumps(definition, separators=(",", ":"), ensure_ascii=False).encode())


def test_descriptions_make_a_large_kind_too_large_for_an_annotation() -> None:
    assert bytes_of(custom_resource_definition(Monitor)) > LAST_APPLIED_LIMIT
    assert bytes_of(custom_resource_definition(Monitor, max_description=0)) < LAST_APPLIED_LIMIT
    assert bytes_of(custom_resource_definition(Monitor, max_description=100)) < LAST_APPLIED_LIMIT
