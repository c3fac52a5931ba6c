"""kubectl as a program, and the embedded server that it is put before."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from helpers.serving import embedded_in_thread

from reconcile.testing.control_plane.build import ensure_binaries
from reconcile.testing.requirements import require


class Kubectl:
    """Calls kubectl with the kubeconfig of one server."""

    def __init__(self, program: Path, kubeconfig: Path) -> None:
        self._command = [str(program), f"--kubeconfig={kubeconfig}", f"--cache-dir={kubeconfig}.cache"]

    def __call__(
        self,
        *arguments: str,
        stdin: str = "",
        good: bool = True,
        status: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """What it writes to its standard output; to its standard error when it is to fail (`good=False`).

        `status`: the exit status that is expected where it is neither success nor failure.
        """
        # What whoever runs the tests prefers at the shell must not change their outcome.
        environment = {**(environment or os.environ), "KUBECTL_KUBERC": "false"}
        done = subprocess.run(
            [*self._command, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
            check=False,
        )
        output = done.stdout + done.stderr
        if status is not None:
            assert done.returncode == status, output
            return done.stdout
        assert (done.returncode == 0) == good, output
        return done.stdout if good else done.stderr

    def start(
        self, *arguments: str, environment: Mapping[str, str] | None = None, stderr: int | None = None
    ) -> subprocess.Popen[str]:
        """A call that goes on. `stderr` as for `subprocess.Popen`."""
        command = [*self._command, *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment)


@contextmanager
def serving_kubectl(directory: Path) -> Iterator[Kubectl]:
    """kubectl before an embedded server behind HTTPS, which runs in a thread of its own."""
    require("controlplane")
    with embedded_in_thread(directory) as kubeconfig:
        yield Kubectl(ensure_binaries().path("kubectl"), kubeconfig)
