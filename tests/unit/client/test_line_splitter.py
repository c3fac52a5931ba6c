"""Watch bodies are cut into their lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconcile.client.line_splitter import LineSplitter


@given(
    lines=st.lists(st.binary(min_size=1, max_size=30).filter(lambda b: b"\n" not in b and not b.isspace())),
    tail=st.binary(max_size=10).filter(lambda b: b"\n" not in b),
    size=st.integers(1, 50),
)
def test_any_lines_in_any_chunks(lines: list[bytes], tail: bytes, size: int) -> None:
    body = b"".join(line + b"\n" for line in lines) + tail
    splitter = LineSplitter()
    found = [line for at in range(0, len(body), size) for line in splitter.feed(body[at : at + size])]
    assert found == lines
    assert splitter.pending == tail


def test_empty_lines_are_left_out() -> None:
    assert LineSplitter().feed(b"\n\na\n \r\n\nb\n") == [b"a", b"b"]
