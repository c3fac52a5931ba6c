"""The rules by which a page is run: what fails on it fails the test."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.snippets import Page, check_commands

from reconcile import NotFoundError


def run(folder: Path, *blocks: str) -> int:
    page = folder / "page.md"
    page.write_text("\n\nwords\n\n".join(blocks), encoding="utf-8")
    place = folder / "place"
    place.mkdir()
    return Page(page, place).run()


def test_blocks_share_a_namespace_and_files_are_there(tmp_path: Path) -> None:
    blocks = (
        "```python file=a.py\nx = 1\n```",
        "```python append=a.py\ny = x + 1\n```",
        "```python\nfrom pathlib import Path\nimport a\nassert a.y == y == 2\n```",
        "- in a list\n\n  ```sh run\n  grep -q 'x = 1' a.py\n  ```",
    )
    assert run(tmp_path, *blocks) == 4


def test_a_test_of_a_page_is_run_and_may_fail_it(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="as it should"):
        run(tmp_path, "```python\ndef test_it(cluster):\n    assert not cluster, 'as it should'\n```")


def test_a_page_may_await_and_fails_with_what_was_awaited(tmp_path: Path) -> None:
    code = "from reconcile.api.core.v1 import Namespace\nawait client.get(Namespace, 'gone')"
    with pytest.raises(NotFoundError, match='namespaces "gone" not found'):
        run(tmp_path, f"```python\n{code}\n```")


def test_a_fragment_is_compiled_only(tmp_path: Path) -> None:
    run(tmp_path, "```python fragment\nraise SystemExit\n```")


def test_a_fragment_must_compile(tmp_path: Path) -> None:
    with pytest.raises(SyntaxError):
        run(tmp_path, "```python fragment\nraise raise\n```")


def test_commands_must_succeed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="status 3"):
        run(tmp_path, "```sh run\nexit 3\n```")


def test_a_command_that_never_prints_its_text_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="never printed 'ready'"):
        run(tmp_path, '```sh until="ready"\necho steady\n```')


@pytest.mark.parametrize("command", ["reconcile fly", "reconcile serve --fly", "cd x && reconcile run --dev"])
def test_commands_and_options_must_exist(command: str) -> None:
    with pytest.raises(AssertionError):
        check_commands(command, "here")


def test_comments_and_other_commands_are_no_matter() -> None:
    check_commands("ls  # reconcile\nreconcile serve --port 0  # any\nreconcile --help\n", "here")
