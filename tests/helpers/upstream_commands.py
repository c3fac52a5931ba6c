"""Upstream's suite of kubectl commands: the scripts of test/cmd, which ask an API server without nodes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from helpers.go_tools import TOOLS, built
from helpers.upstream_world import World

from reconcile.testing.control_plane.build import Binaries

PROGRAMS = ("bash", "curl", "jq", "openssl", "sed", "awk")
"""What the suite calls."""

LEFT_OUT: Mapping[str, str] = {
    "run_multi_resources_tests": "it fetches a file from the Internet",
    "run_wait_tests": "it measures the seconds that kubectl takes, which a busy machine has not",
    "run_exec_credentials_tests": "the server is to trust the suite's own authority of certificates",
}

_COPIED = (
    "hack/lib", "hack/testdata", "test/cmd", "test/fixtures", "test/e2e/testing-manifests",
    "third_party/forked/shell2junit",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What the suite said.

    Attributes:
        run: the functions that ran, but for those left out, in order.
        failed: those of them that failed, and the last lines that each wrote.
        checks: how many single checks succeeded.
        log: all of it.
    """

    run: tuple[str, ...]
    failed: Mapping[str, str]
    checks: int
    log: str


def run_commands(world: World, binaries: Binaries, *, within: float) -> Outcome:
    """Runs the suite in the world's directory; `within` seconds."""
    sources = _sources(world.directory / "sources", binaries)
    temporary = world.directory / "tmp"
    temporary.mkdir()
    # Some commands read a certificate where upstream's server would have put its own.
    shutil.copy(world.directory / "ca.crt", temporary / "apiserver.crt")
    log = world.directory / "commands.log"
    environment = {
        **os.environ,
        "TMPDIR": str(temporary),
        "KUBE_JUNIT_REPORT_DIR": str(world.directory / "junit"),
        "LEFT_OUT": " ".join(LEFT_OUT),
    }
    script = Path(__file__).with_suffix(".sh")
    with log.open("wb") as output:
        done = subprocess.run(
            ["bash", str(script), str(sources), str(world.port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            timeout=within,
            check=False,
        )
    text = log.read_text(errors="replace")
    # What is asked between the functions ends the suite where it fails.
    ended = done.returncode == 0 or "\nFAILED TESTS: " in text
    return _read(text if ended else f"{text}\nError when running runTests\n")


def _sources(directory: Path, binaries: Binaries) -> Path:
    """A copy of the suite that may be written to, with kubectl where it looks for it."""
    listed = subprocess.run(
        ["go", "mod", "download", "-json", "k8s.io/kubernetes"],
        cwd=TOOLS / "e2e",
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r'"Dir": "([^"]+)"', listed.stdout)
    assert found, listed.stdout
    for part in _COPIED:
        shutil.copytree(Path(found[1]) / part, directory / part, copy_function=shutil.copyfile)
    for path in (directory / "test/fixtures/pkg/kubectl/plugins").rglob("kubectl-*"):
        # A module knows no executable files.
        path.chmod(0o755)
    programs = directory / "_output/bin"
    programs.mkdir(parents=True)
    (programs / "kubectl").symlink_to(binaries.path("kubectl"))
    (programs / "kubectl-convert").symlink_to(built(TOOLS / "e2e", "convert"))
    return directory


def _read(text: str) -> Outcome:
    run: list[str] = []
    failed: dict[str, str] = {}
    for part in text.split("\nRecording: ")[1:]:
        name = part.partition("\n")[0]
        if name in LEFT_OUT or name == "record_command_canary":
            continue
        run.append(name)
        if f"\nError when running {name}\n" in part:
            said = part.partition("\n!!! [")[0].splitlines()
            failed[name] = "\n".join(said[-25:])
    if "\nError when running runTests\n" in text:
        failed["runTests"] = "\n".join(text.splitlines()[-40:])
    return Outcome(tuple(run), failed, len(re.findall(r"^(?:\S+: )?Successful", text, re.MULTILINE)), text)
