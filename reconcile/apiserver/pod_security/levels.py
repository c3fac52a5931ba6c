"""Which level of the Pod Security Standards a namespace's labels ask for.

The rules are those of k8s.io/pod-security-admission's `api.PolicyToEvaluate`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconcile.apiserver.field_errors import FieldError, invalid

PRIVILEGED, BASELINE, RESTRICTED = _LEVELS = ("privileged", "baseline", "restricted")
LATEST = -1
_PREFIX = "pod-security.kubernetes.io/"
_VERSION = re.compile(r"v1\.([0-9]|[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Level:
    """A level as of a version.

    Attributes:
        name: `privileged`, `baseline` or `restricted`.
        minor: the version's minor number; LATEST for the newest.
    """

    name: str = PRIVILEGED
    minor: int = LATEST

    def __str__(self) -> str:
        return f"{self.name}:{'latest' if self.minor == LATEST else f'v1.{self.minor}'}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a namespace asks for in each mode."""

    enforce: Level = Level()
    audit: Level = Level()
    warn: Level = Level()


def stricter(one: str, other: str) -> bool:
    """Whether the first level allows less."""
    return _LEVELS.index(one) > _LEVELS.index(other)


def policy_of(labels: Mapping[str, str] | None) -> tuple[Policy, list[FieldError]]:
    """The policy of a namespace with these labels; where they say nothing of it, all is allowed.

    There is always a policy: what enforces falls back to the strictest, what only tells to nothing.
    """
    policy, errors = Policy(), list[FieldError]()
    if not labels or not any(name.startswith(_PREFIX) for name in labels):
        return policy, errors
    enforce, enforce_problems = _mode(labels, "enforce", RESTRICTED)
    audit, audit_problems = _mode(labels, "audit", PRIVILEGED)
    warn, warn_problems = _mode(labels, "warn", PRIVILEGED)
    valid = labels.get(f"{_PREFIX}enforce") in _LEVELS
    if f"{_PREFIX}warn" not in labels and valid and stricter(enforce.name, warn.name):
        # Who enforces more wants to be told more, unless the labels say otherwise.
        version = warn.minor if f"{_PREFIX}warn-version" in labels else enforce.minor
        warn = Level(enforce.name, version)
    return Policy(enforce, audit, warn), [*enforce_problems, *audit_problems, *warn_problems]


def _mode(labels: Mapping[str, str], mode: str, fallback: str) -> tuple[Level, list[FieldError]]:
    found, errors = Level(), list[FieldError]()
    label, version_label = f"{_PREFIX}{mode}", f"{_PREFIX}{mode}-version"
    name = labels.get(label)
    if name is not None:
        if name not in _LEVELS:
            errors.append(_invalid(label, name, f"must be one of {', '.join(_LEVELS)}"))
            name = fallback
        found = replace(found, name=name)
    version = labels.get(version_label)
    if version is not None and version != "latest":
        matched = _VERSION.fullmatch(version)
        if matched is None:
            errors.append(_invalid(version_label, version, 'must be "latest" or "v1.x"'))
        else:
            found = replace(found, minor=int(matched[1]))
    return found, errors


def _invalid(label: str, value: str, detail: str) -> FieldError:
    return invalid(f"metadata.labels[{label}]", value, detail)
