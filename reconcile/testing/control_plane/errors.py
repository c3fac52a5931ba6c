"""What can go wrong with a control plane."""

from collections.abc import Sequence

from reconcile.errors import ReconcileError


class ControlPlaneError(ReconcileError):
    """Base of every error of this package."""


class BinariesUnavailableError(ControlPlaneError):
    """The control plane's executables are missing and cannot be built; says what to install or set."""


class ComponentFailedError(ControlPlaneError):
    """A component ended, or was not ready in time.

    `component` is its name, such as "kube-apiserver"; `log_tail` the last lines it wrote.
    """

    def __init__(self, component: str, problem: str, log_tail: Sequence[str] = ()) -> None:
        self.component = component
        self.log_tail = tuple(log_tail)
        lines = "".join(f"\n  {line}" for line in self.log_tail) or " (it wrote nothing)"
        super().__init__(f"{component} {problem}; its last lines:{lines}")


class KubectlError(ControlPlaneError):
    """kubectl ended with a status other than 0; carries its `returncode`, `stdout` and `stderr`."""

    def __init__(self, arguments: Sequence[str], returncode: int, stdout: str, stderr: str) -> None:
        self.arguments = tuple(arguments)
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr
        super().__init__(f"kubectl {' '.join(arguments)} ended with status {returncode}: {stderr.strip()}")
