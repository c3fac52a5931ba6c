"""Programs that build, run to their end."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconcile.testing.kind.errors import KindUnavailableError

_ERROR_LINES = 20


def run(
    command: Sequence[str | Path],
    *,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    standard_input: Path | None = None,
) -> str:
    """What a command printed; `environment` is added to the process's own.

    Raises `KindUnavailableError` with the last lines that it wrote when it fails.
    """
    words = [str(word) for word in command]
    source = subprocess.DEVNULL if standard_input is None else standard_input.open("rb")
    try:
        done = subprocess.run(
            words,
            cwd=directory,
            env={**os.environ, **(environment or {})},
            stdin=source,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise KindUnavailableError(f"{words[0]} cannot be run: {error}") from error
    finally:
        if not isinstance(source, int):
            source.close()
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()[-_ERROR_LINES:]
        raise KindUnavailableError(
            f"`{' '.join(words[:4])} …` failed with status {done.returncode}; it wrote:\n" + "\n".join(lines)
        )
    return done.stdout


def find(name: str, advice: str) -> str:
    """The path of a program; raises `KindUnavailableError` with the advice where there is none."""
    path = shutil.which(name)
    if path is None:
        raise KindUnavailableError(f"there is no `{name}` in PATH: {advice}")
    return path
