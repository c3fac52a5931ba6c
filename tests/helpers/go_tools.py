"""Go commands of this project that judge tests: built once for each version of their sources."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconcile.testing.requirements import REQUIRE_VARIABLE

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def built(
    directory: Path,
    package: str = ".",
    *,
    tests: bool = False,
    flags: Sequence[str] = ("-trimpath", "-buildvcs=false"),
) -> Path:
    """The executable of a package of the Go module in `directory`; with `tests`, of its tests.

    `flags`: what the Go command is told; not part of what an executable that is no test is known by. Where
    there is no Go the test is skipped, or fails if the environment requires a control plane.
    """
    go = _go(f"{directory.name}/{package}")
    words = ("tests", *flags) if tests else ()
    digest = _digest(go, directory, words, sorted((directory / package).glob("*.go")))
    command = [go, *(["test", "-c"] if tests else ["build"]), *flags]
    name = (directory / package).resolve().name
    return _once(directory, f"{name}-{digest}", command, f"./{package}")


@dataclass(frozen=True)
class Suite:
    """The tests of a package that others wrote.

    Attributes:
        executable: runs them.
        folder: where it is to run: the package's own.
    """

    executable: Path
    folder: Path


def built_suite(directory: Path, package: str) -> Suite:
    """The tests of a package, by its import path, of a module that the one in `directory` requires.

    Without Go as `built`.
    """
    go = _go(package)
    digest = _digest(go, directory, [package])
    # What vet thinks of other people's tests is theirs.
    command = [go, "test", "-c", "-vet=off", "-trimpath", "-buildvcs=false"]
    name = package.rpartition("/")[2]
    executable = _once(directory, f"{name}-{digest}", command, package)
    asked = [go, "list", "-f", "{{.Dir}}", package]
    listed = subprocess.run(asked, cwd=directory, capture_output=True, text=True, check=True)
    return Suite(executable, Path(listed.stdout.strip()))


def built_command(directory: Path, package: str) -> Path:
    """A command of others, by its import path, of a module that the one in `directory` requires.

    Without Go as `built`.
    """
    go = _go(package)
    name = f"{package.rpartition('/')[2]}-{_digest(go, directory, ['build', package])}"
    return _once(directory, name, [go, "build", "-trimpath", "-buildvcs=false"], package)


def _go(wanted: str) -> str:
    go = shutil.which("go")
    if go is None:
        reason = f"{wanted} is built with Go, and there is no `go` in PATH"
        if "controlplane" in os.environ.get(REQUIRE_VARIABLE, ""):
            pytest.fail(f"{reason}; {REQUIRE_VARIABLE} asks for it")
        pytest.skip(reason)
    return go


def _digest(go: str, directory: Path, words: Sequence[str], sources: Sequence[Path] = ()) -> str:
    """What an executable is known by: Go itself, the words, the module's versions and the sources."""
    digest = hashlib.sha256(subprocess.run([go, "version"], capture_output=True, check=True).stdout)
    if words:
        digest.update("\0".join(words).encode())
    for path in (directory / "go.mod", directory / "go.sum", *sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _once(directory: Path, name: str, command: Sequence[str], target: str) -> Path:
    """What the command writes to its `-o`, from the cache of this user where it is there already."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reconcile" / "tools"
    cache.mkdir(parents=True, exist_ok=True)
    executable = cache / name
    with (cache / "build.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not executable.exists():
            partial = executable.with_suffix(".partial")
            environment = {**os.environ, "CGO_ENABLED": "0"}
            subprocess.run([*command, "-o", str(partial), target], cwd=directory, env=environment, check=True)
            partial.rename(executable)
    return executable
