"""All hand-written conversations, by name."""

from __future__ import annotations

from helpers import (
    differential_apply,
    differential_cases,
    differential_commands,
    differential_deletes,
    differential_front_ends,
    differential_kind_rules,
    differential_limit_ranges,
    differential_pod_admission,
    differential_pod_rules,
    differential_pod_security,
    differential_quotas,
    differential_storage,
    differential_subresources,
    differential_writes,
)
from helpers.differential import Ask

_FILES = (
    differential_storage,
    differential_writes,
    differential_apply,
    differential_deletes,
    differential_subresources,
    differential_cases,
    differential_limit_ranges,
    differential_quotas,
    differential_pod_security,
    differential_pod_admission,
    differential_pod_rules,
    differential_kind_rules,
    differential_front_ends,
    differential_commands,
)


def conversations(namespace: str) -> dict[str, list[Ask]]:
    """Every conversation, about objects in a namespace."""
    found: dict[str, list[Ask]] = {}
    for file in _FILES:
        found |= file.cases(namespace)
    return found


def names() -> list[str]:
    return list(conversations("any"))


def questions(name: str, namespace: str) -> list[Ask]:
    return conversations(namespace)[name]
