"""Go commands of this project that judge tests: built once for each version of their sources."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
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
    go = shutil.which("go")
    if go is None:
        reason = f"{directory.name}/{package} is built with Go, and there is no `go` in PATH"
        if "controlplane" in os.environ.get(REQUIRE_VARIABLE, ""):
            pytest.fail(f"{reason}; {REQUIRE_VARIABLE} asks for it")
        pytest.skip(reason)
    digest = hashlib.sha256(subprocess.run([go, "version"], capture_output=True, check=True).stdout)
    if tests:
        digest.update("\0".join(("tests", *flags)).encode())
    for path in (directory / "go.mod", directory / "go.sum", *sorted((directory / package).glob("*.go"))):
        digest.update(path.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reconcile" / "tools"
    cache.mkdir(parents=True, exist_ok=True)
    executable = cache / f"{(directory / package).resolve().name}-{digest.hexdigest()[:16]}"
    with (cache / "build.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not executable.exists():
            partial = executable.with_suffix(".partial")
            verb = ["test", "-c"] if tests else ["build"]
            command = [go, *verb, *flags, "-o", str(partial), f"./{package}"]
            subprocess.run(command, cwd=directory, env={**os.environ, "CGO_ENABLED": "0"}, check=True)
            partial.rename(executable)
    return executable
