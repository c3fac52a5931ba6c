"""Finding or building the executables, with a stand-in for Go."""

import threading
from pathlib import Path

import pytest

from reconcile.testing.control_plane import COMPONENTS, BinariesUnavailableError, build, ensure_binaries

# Takes what the real command would be asked, counts builds, and fails where a test says so.
GO = """#!/bin/sh
case "$1" in
env) echo "$GO_VERSION" ;;
build)
    echo build >> "$GO_CALLS"
    if [ -n "$GO_ERROR" ]; then echo "$GO_ERROR" >&2; exit 1; fi
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\\n' > "$2"
    chmod +x "$2"
    ;;
esac
"""


class Machine:
    """A user's machine with a Go of its own."""

    def __init__(self, root: Path) -> None:
        tools = root / "bin"
        tools.mkdir()
        (tools / "go").write_text(GO)
        (tools / "go").chmod(0o755)
        self.calls = root / "calls"
        self.cache = root / "cache"
        self.environment = {
            "PATH": f"{tools}:/usr/bin:/bin",
            "XDG_CACHE_HOME": str(self.cache),
            "GO_CALLS": str(self.calls),
            "GO_VERSION": "go1.26.0",
        }

    @property
    def builds(self) -> int:
        return len(self.calls.read_text().splitlines()) if self.calls.exists() else 0


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_every_component_is_built_once(machine: Machine) -> None:
    binaries = ensure_binaries(machine.environment)
    assert binaries.directory.parent == machine.cache / "reconcile" / "controlplane"
    for component in COMPONENTS:
        assert binaries.path(component).resolve().name == "controlplane"
    assert ensure_binaries(machine.environment) == binaries
    assert machine.builds == 1


def test_another_go_builds_anew(machine: Machine) -> None:
    first = ensure_binaries(machine.environment)
    second = ensure_binaries({**machine.environment, "GO_VERSION": "go1.27.0"})
    assert first != second
    assert machine.builds == 2


def test_two_at_a_time_build_once(machine: Machine) -> None:
    threads = [threading.Thread(target=ensure_binaries, args=(machine.environment,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert machine.builds == 1


def test_the_cache_is_below_the_home_directory_by_default(machine: Machine, tmp_path: Path) -> None:
    environment = {**machine.environment, "XDG_CACHE_HOME": "", "HOME": str(tmp_path / "home")}
    assert ensure_binaries(environment).directory.is_relative_to(tmp_path / "home" / ".cache" / "reconcile")


def test_a_failed_build_leaves_nothing_and_says_what_to_do(machine: Machine) -> None:
    environment = {**machine.environment, "GO_ERROR": "dial tcp: lookup proxy: no such host"}
    with pytest.raises(
        BinariesUnavailableError, match=r"GOPROXY(.|\n)*KUBEBUILDER_ASSETS(.|\n)*no such host"
    ):
        ensure_binaries(environment)
    left = [
        path for path in (machine.cache / "reconcile" / "controlplane").iterdir() if path.suffix != ".lock"
    ]
    assert left == []
    assert ensure_binaries(machine.environment).path("etcd").exists()


def test_what_an_interrupted_build_left_is_removed(machine: Machine) -> None:
    target = ensure_binaries(machine.environment).directory
    interrupted = target.rename(target.with_name(f"{target.name}.partial-x"))
    assert ensure_binaries(machine.environment).directory == target
    assert not interrupted.exists()


def test_no_go_is_an_error_that_says_so(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(BinariesUnavailableError, match="no `go` in PATH"):
        ensure_binaries({**machine.environment, "PATH": str(tmp_path)})


def test_a_cache_that_cannot_be_written_is_an_error_that_says_so(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BinariesUnavailableError, match="set XDG_CACHE_HOME"):
        ensure_binaries({**machine.environment, "XDG_CACHE_HOME": str(tmp_path / "file")})


def test_no_checkout_is_an_error_that_says_so(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        build, "__file__", str(tmp_path / "site-packages/reconcile/testing/control_plane/build.py")
    )
    with pytest.raises(BinariesUnavailableError, match="this installation has none"):
        ensure_binaries(machine.environment)


class TestAssets:
    def test_win_over_a_build(self, machine: Machine, tmp_path: Path) -> None:
        for component in ("etcd", "kube-apiserver", "kubectl"):
            (tmp_path / component).touch(mode=0o755)
        binaries = ensure_binaries({**machine.environment, "KUBEBUILDER_ASSETS": str(tmp_path)})
        assert binaries.directory == tmp_path
        assert machine.builds == 0
        with pytest.raises(BinariesUnavailableError, match="no executable kube-scheduler"):
            binaries.path("kube-scheduler")

    def test_that_lack_an_executable_are_an_error(self, machine: Machine, tmp_path: Path) -> None:
        with pytest.raises(BinariesUnavailableError, match="no executable etcd"):
            ensure_binaries({**machine.environment, "KUBEBUILDER_ASSETS": str(tmp_path)})


def test_the_module_requires_the_version_that_the_build_claims() -> None:
    module = (Path(build.__file__).parents[3] / "tools" / "controlplane" / "go.mod").read_text()
    assert f"\tk8s.io/kubernetes {build.KUBERNETES_VERSION}\n" in module
    replaced = {
        line.split()[-1] for line in module.splitlines() if line.startswith("\tk8s.io/") and "=>" in line
    }
    assert replaced == {build.KUBERNETES_VERSION.replace("v1.", "v0.")}
