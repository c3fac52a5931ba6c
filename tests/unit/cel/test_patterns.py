"""Patterns: what RE2 reads, and how our own `re` is made to find the same."""

from __future__ import annotations

import pytest

from reconcile.cel import check_re2
from reconcile.cel.re2 import compile_re2, find_all


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?<!a)b", "invalid named capture: `(?<!a)b`"),
        (r"(a)\1", r"invalid escape sequence: `\1`"),
        (r"a\Z", r"invalid escape sequence: `\Z`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("(a{30}){40}", "invalid repeat count: `{40}`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("(a", "missing closing ): `(a`"),
        ("a)", "unexpected ): `a)`"),
        ("[b-a]", "invalid character class range: `b-a`"),
        ("[a", "missing closing ]: `[a`"),
        (r"\p{Nope}", r"invalid character class range: `\p{Nope}`"),
        (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
        ("a\\", "trailing backslash at end of expression: ``"),
    ],
)
def test_what_go_refuses(pattern: str, said: str) -> None:
    assert check_re2(pattern) == said


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^a+?$",
        "(?P<x>a)(?<y>b)",
        "(?i:a)b",
        r"[[:alpha:]_]\p{Greek}\pL",
        r"\Qa.b\E",
        "a{,3}",
        "a{2",
        "[]a]",
    ],
)
def test_what_go_accepts(pattern: str) -> None:
    assert check_re2(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"\d+", "१२ 34", ["34"]),
        (r"\w+", "é_a", ["_a"]),
        (r"\s", "a\x0bb\xa0c\td", ["\t"]),
        (r"a$", "a\n", []),
        (r"(?m)^a$", "a\na", ["a", "a"]),
        (r".", "a\nb", ["a", "b"]),
        (r"(?s).", "a\nb", ["a", "\n", "b"]),
        (r"(?i)é", "É", ["É"]),
        (r"(?U)a+", "aaa", ["a", "a", "a"]),
        (r"a*", "baac", ["", "aa", ""]),
        (r"\bx", "x éx", ["x", "x"]),
    ],
)
def test_what_is_found(pattern: str, text: str, found: list[str]) -> None:
    assert find_all(compile_re2(pattern), text, -1) == found
