"""Where the control plane's executables come from: given by the user, or built here once."""

import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconcile.testing.control_plane.errors import BinariesUnavailableError

KUBERNETES_VERSION = "v1.36.3"
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")

_ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"
_ASSETS_HINT = f"or set {_ASSETS_VARIABLE} to a directory that holds etcd, kube-apiserver and kubectl"
_ESSENTIAL = ("etcd", "kube-apiserver", "kubectl")
_EXECUTABLE = "controlplane"
_ERROR_LINES = 20
_HINTS = (
    (("no space left on device",), "free some disk space (a build takes about 4 GB in Go's cache)"),
    (
        (
            "dial tcp",
            "no such host",
            "connection refused",
            "i/o timeout",
            "TLS handshake",
            "module lookup disabled",
        ),
        "its modules could not be downloaded: check the network, or point GOPROXY at a module proxy in reach",
    ),
    (
        ("go.mod requires go", "toolchain"),
        "install the Go version that tools/controlplane/go.mod names, or newer",
    ),
    (("signal: killed",), "the machine ran out of memory: free about 4 GB, or build with GOFLAGS=-p=1"),
)


@dataclass(frozen=True)
class Binaries:
    """A directory with the control plane's executables, each under its own name."""

    directory: Path

    def path(self, component: str) -> Path:
        """The executable of one of `COMPONENTS`.

        Raises `BinariesUnavailableError` if the directory has none: sets made for other test frameworks
        lack the controller-manager and the scheduler.
        """
        path = self.directory / component
        if not os.access(path, os.X_OK):
            raise BinariesUnavailableError(
                f"{self.directory} has no executable {component}; add it there, or unset {_ASSETS_VARIABLE} "
                "to use the set that is built from tools/controlplane, which has it"
            )
        return path


def ensure_binaries(environment: Mapping[str, str] | None = None) -> Binaries:
    """The control plane's executables, built first if need be.

    The directory in `KUBEBUILDER_ASSETS` wins when that is set. Otherwise they are built with Go from this
    project's `tools/controlplane` into the user's cache directory, once for each version of the sources and
    of Go; that takes minutes, and the network for what Go's module cache lacks. Later calls take
    milliseconds. Safe to call from several processes at a time: one builds, the others wait. `environment`
    is the process's by default.

    Raises `BinariesUnavailableError`, which says what is missing and what to do about it.
    """
    variables = os.environ if environment is None else environment
    if assets := variables.get(_ASSETS_VARIABLE):
        binaries = Binaries(Path(assets).absolute())
        for component in _ESSENTIAL:
            binaries.path(component)
        return binaries
    return _build_once(_source_directory(), variables)


def _source_directory() -> Path:
    # The checkout's root is five levels up from this file.
    directory = Path(__file__).resolve().parents[3] / "tools" / "controlplane"
    if not (directory / "go.mod").is_file():
        raise BinariesUnavailableError(
            "the control plane is built from tools/controlplane of the project's source, and this "
            f"installation has none: install from a checkout with `pip install --editable .`, {_ASSETS_HINT}"
        )
    return directory


def _build_once(source: Path, environment: Mapping[str, str]) -> Binaries:
    go = shutil.which("go", path=environment.get("PATH"))
    if go is None:
        raise BinariesUnavailableError(
            "the control plane is built with Go, and there is no `go` in PATH: install the version that "
            f"{source / 'go.mod'} names, or newer, {_ASSETS_HINT}"
        )
    toolchain = _run([go, "env", "GOVERSION", "GOOS", "GOARCH"], source, environment)
    cache = _cache_directory(environment)
    target = cache / _fingerprint(source, toolchain)
    if target.is_dir():
        return Binaries(target)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(target.with_suffix(".lock")):
            if not target.is_dir():
                _build(go, source, target, environment)
    except OSError as error:
        raise BinariesUnavailableError(
            f"the control plane cannot be built into {cache}: {error}; set XDG_CACHE_HOME to a directory "
            f"that can be written, {_ASSETS_HINT}"
        ) from error
    return Binaries(target)


def _build(go: str, source: Path, target: Path, environment: Mapping[str, str]) -> None:
    logging.getLogger(__name__).warning("building the control plane into %s; this takes some minutes", target)
    prefix = f"{target.name}.partial-"
    # Nobody else builds while the lock is held, so these are what an interrupted build left.
    for stale in target.parent.glob(f"{prefix}*"):
        shutil.rmtree(stale, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    try:
        command = [go, "build", *build_flags(), "-o", str(partial / _EXECUTABLE), "."]
        _run(command, source, {**environment, "CGO_ENABLED": "0"})
        for component in COMPONENTS:
            (partial / component).symlink_to(_EXECUTABLE)
        partial.chmod(0o755)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def build_flags() -> list[str]:
    """What `go build` is told for every executable of Kubernetes: its version, no paths of this machine."""
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    values = {"gitVersion": KUBERNETES_VERSION, "gitMajor": major, "gitMinor": minor}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    version = [f"-X {package}.{name}={value}" for package in packages for name, value in values.items()]
    return ["-trimpath", "-buildvcs=false", "-ldflags", " ".join(["-s", "-w", *version])]


def _fingerprint(source: Path, toolchain: str) -> str:
    digest = hashlib.sha256()
    for path in [source / "go.mod", source / "go.sum", *sorted(source.glob("*.go"))]:
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    digest.update("\0".join([toolchain, *build_flags()]).encode())
    return digest.hexdigest()[:16]


def _cache_directory(environment: Mapping[str, str]) -> Path:
    base = environment.get("XDG_CACHE_HOME") or os.path.join(environment.get("HOME") or Path.home(), ".cache")
    return Path(base) / "reconcile" / "controlplane"


@contextmanager
def _locked(path: Path) -> Generator[None]:
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return done.stdout
    lines = done.stderr.strip().splitlines()[-_ERROR_LINES:]
    hints = [hint for words, hint in _HINTS if any(word in done.stderr for word in words)]
    raise BinariesUnavailableError(
        "\n".join(
            [
                f"`go {command[1]}` of the control plane in {directory} failed with status "
                f"{done.returncode}: {'; '.join(hints) or 'see its output below'}, {_ASSETS_HINT}. It wrote:",
                *lines,
            ]
        )
    )
