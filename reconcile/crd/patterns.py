"""Patterns are RE2 on the server, and Rust's or Python's expressions in Pydantic."""

from __future__ import annotations

from reconcile.cel import check_re2

_CONSTRUCTS = (
    ("(?=", "lookahead"),
    ("(?!", "lookahead"),
    ("(?<=", "lookbehind"),
    ("(?<!", "lookbehind"),
    ("\\Z", "\\Z"),
    ("(?P=", "a backreference"),
)


def problem_of_pattern(pattern: str) -> str:
    """What RE2 does not take of a pattern, as `uses lookahead`; empty where it takes it."""
    for construct, name in _CONSTRUCTS:
        if construct in pattern:
            return f"uses {name}"
    problem = check_re2(pattern)
    return f"is none of RE2: {problem}" if problem else ""
