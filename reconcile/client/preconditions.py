"""Writes that name what they are about, for work that somebody else may have taken over.

A deletion by name alone, sent by a leader that was deposed meanwhile, deletes what its successor made under
that name; an update without a version overwrites what the successor wrote. Inside `conditional` the client
adds what is missing: the uid to a deletion, the resource version to an update. They are those that the
caller's own cache shows, for that is what was decided upon; where it shows none, the server is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar

from reconcile.objects.identity import ObjectKey, ResourceType
from reconcile.objects.metadata import ObjectMetadata

Seen = Callable[[ResourceType, ObjectKey], ObjectMetadata | None]
"""What the caller's cache shows of an object; None where it shows nothing."""

_seen: ContextVar[Seen | None] = ContextVar("reconcile_preconditions", default=None)


@contextmanager
def conditional(seen: Seen) -> Generator[None]:
    """Updates and deletions inside, in tasks and threads started inside too, name what they are about."""
    token = _seen.set(seen)
    try:
        yield
    finally:
        _seen.reset(token)


@contextmanager
def unconditional() -> Generator[None]:
    """Writes inside go as they are, also within `conditional`."""
    token = _seen.set(None)
    try:
        yield
    finally:
        _seen.reset(token)


def seen_objects() -> Seen | None:
    """Where to look what an object is; None where writes need no preconditions."""
    return _seen.get()
