"""Runs the code of a Markdown page, top to bottom, as a reader would.

A fence's first word is its language; words after it (which no renderer shows) say what becomes of it:

    ```python                   run in the page's namespace, which its blocks share; may `await`
    ```python file=a.py         saved as well, so that commands and later blocks can use the file
    ```python append=a.py       added to that file, after two empty lines
    ```python fragment          only compiled: it needs something that a test machine has not
    ```yaml file=a.yaml         saved; every YAML block must parse
    ```sh run                   run by bash in the page's folder; must succeed
    ```sh until="some text"     run until it prints the text, then ended with Ctrl-C
    ```sh                       only its `reconcile …` lines are checked: command and options must exist

A page has a `cluster` (embedded, in virtual time) and its `client`. Functions named `test_…` run right after
their block, with a cluster of their own.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from reconcile.testing.cluster import Cluster

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=indent)```[ \t]*$", re.MULTILINE | re.DOTALL
)
_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes:
        line: where its first line of code stands in the page, from 1.
    """

    language: str
    options: dict[str, str]
    code: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [_block(match, text) for match in _FENCE.finditer(text)]


def _block(match: re.Match[str], text: str) -> Block:
    words = shlex.split(match["info"])
    options = dict(word.partition("=")[::2] for word in words[1:])
    indent = len(match["indent"])
    code = "".join(line[indent:] or "\n" for line in match["body"].splitlines(keepends=True))
    line = text.count("\n", 0, match.start("body")) + 1
    return Block(words[0] if words else "", options, code, line)


class Page:
    """One page being run, in a folder of its own."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._path = path
        self._folder = folder
        self._cluster: Cluster | None = None
        self._module = _Namespace(self)

    def run(self) -> int:
        """Run every block; returns how many did something."""
        with self._in_place():
            return sum(self._run(block) for block in blocks_of(self._path))

    @property
    def cluster(self) -> Cluster:
        if self._cluster is None:
            self._cluster = Cluster()
        return self._cluster

    @contextmanager
    def _in_place(self) -> Iterator[None]:
        """The page's folder is the current one and importable; its modules are gone afterwards."""
        before, modules = Path.cwd(), set(sys.modules)
        os.chdir(self._folder)
        sys.path.insert(0, str(self._folder))
        sys.modules[self._module.__name__] = self._module
        try:
            yield
        finally:
            os.chdir(before)
            sys.path.remove(str(self._folder))
            for name in sorted(set(sys.modules) - modules):
                file = getattr(sys.modules[name], "__file__", None) or ""
                if name == self._module.__name__ or file.startswith(str(self._folder)):
                    del sys.modules[name]
            if self._cluster is not None:
                self._cluster.close()

    def _run(self, block: Block) -> bool:
        for option, mode in (("file", "w"), ("append", "a")):
            if name := block.options.get(option):
                file = self._folder / name
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open(mode, encoding="utf-8") as stream:
                    stream.write(block.code if mode == "w" else f"\n\n{block.code}")
        if block.language == "python":
            self._run_python(block)
        elif block.language == "yaml":
            assert list(yaml.safe_load_all(block.code)), f"{self._path}:{block.line}: an empty YAML block"
        elif block.language == "sh":
            check_commands(block.code, f"{self._path.name}:{block.line}")
            if "run" in block.options:
                self._run_shell(block)
            elif until := block.options.get("until"):
                self._run_until(block, until)
        else:
            return False
        return True

    # -- Python ------------------------------------------------------------------------------------

    def _run_python(self, block: Block) -> None:
        # The lines of the page, so that a traceback points there.
        source = "\n" * (block.line - 1) + block.code
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(source, str(self._path), "exec", flags=flags, dont_inherit=True)
        if "fragment" in block.options:
            return
        namespace = self._module.__dict__
        if block.code.startswith("from __future__"):
            raise AssertionError(f"{self._path}:{block.line}: a snippet should not need __future__")
        uses = set(code.co_names)
        if uses & {"cluster", "client"} or code.co_flags & inspect.CO_COROUTINE:
            namespace.setdefault("cluster", self.cluster)
            namespace.setdefault("client", self.cluster.client)
        result = eval(code, namespace)
        if asyncio.iscoroutine(result):
            self.cluster.call(result)
        for node in ast.parse(block.code).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                _run_test(namespace[node.name])

    # -- commands ----------------------------------------------------------------------------------

    def _run_shell(self, block: Block) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.code],
            cwd=self._folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
        )
        assert done.returncode == 0, f"{self._path}:{block.line}: status {done.returncode}\n{done.stdout}"

    def _run_until(self, block: Block, until: str) -> None:
        lines = [line for line in block.code.splitlines() if line.strip() and not line.startswith("#")]
        command = shlex.split(lines[0], comments=True)
        child = subprocess.Popen(
            command,
            cwd=self._folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output = b""
        try:
            assert child.stdout is not None
            deadline = time.monotonic() + _SECONDS
            while until.encode() not in output:
                ready, _, _ = select.select([child.stdout], [], [], max(0.0, deadline - time.monotonic()))
                chunk = os.read(child.stdout.fileno(), 65536) if ready else b""
                assert chunk, f"{self._path}:{block.line}: never printed {until!r}\n{output.decode()}"
                output += chunk
            child.send_signal(signal.SIGINT)
            rest, _ = child.communicate(timeout=_SECONDS)
            assert child.returncode in (0, 130), f"status {child.returncode}\n{(output + rest).decode()}"
        finally:
            if child.poll() is None:
                child.kill()
                child.communicate()

    def _environment(self) -> dict[str, str]:
        """`reconcile`, `pytest` and `python` are those of this test run."""
        tools = self._folder / ".bin"
        if not tools.exists():
            tools.mkdir()
            # Not a link: a virtual environment's interpreter finds itself by its own path.
            starts = {
                "reconcile": "-m reconcile.cli",
                "pytest": "-m pytest -p no:cacheprovider",
                "python": "",
            }
            for name, arguments in starts.items():
                script = tools / name
                script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
                script.chmod(0o755)
        root = str(Path(__file__).resolve().parents[2])
        return {
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")])),
            "PYTHONUNBUFFERED": "1",
        }


class _Namespace(ModuleType):
    """The module that a page's blocks make up; registered, since Pydantic looks names up in it."""

    def __init__(self, page: Page) -> None:
        super().__init__(f"page_{id(page):x}")


def _run_test(function: Any) -> None:
    wanted = list(inspect.signature(function).parameters)
    assert set(wanted) <= {"cluster"}, f"{function.__name__}: a page's test may ask for `cluster` only"
    if not wanted:
        function()
        return
    with Cluster() as cluster:
        function(cluster)


def check_commands(script: str, place: str) -> None:
    """Every `reconcile` command in the script exists, with the options it is given."""
    import click

    from reconcile.cli.commands import cli

    for line in script.splitlines():
        for command in re.split(r"&&|\|\||;|\|", line):
            words = shlex.split(command.strip().removeprefix("$ "), comments=True)
            if not words or words[0] != "reconcile" or len(words) == 1:
                continue
            try:
                found = cli.get_command(click.Context(cli), words[1])
                assert found is not None or words[1].startswith("-"), f"{place}: no command {words[1]!r}"
                if found is not None:
                    found.make_context(words[1], words[2:])
            except click.exceptions.Exit:
                pass  # --help
            except click.UsageError as error:
                raise AssertionError(f"{place}: {line.strip()}: {error.format_message()}") from error
