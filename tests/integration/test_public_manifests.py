"""Large public manifests, applied in bulk as deploy tools do: what kubectl says, and what becomes of them.

They come with Go modules, which are fetched through Go's own cache; nothing of them is kept here.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.kubectl_script import plain
from helpers.serving import embedded_in_thread

from reconcile.testing.control_plane import ControlPlane
from reconcile.testing.control_plane.build import ensure_binaries

ADDONS = (
    "k8s.io/kubernetes@v1.36.3",
    (
        "cluster/addons/metrics-server",
        "cluster/addons/volumesnapshots/crd",
        "cluster/addons/rbac",
        "test/e2e/testing-manifests/guestbook",
    ),
)
GATEWAY = "sigs.k8s.io/gateway-api@v1.2.1", ("config/crd/standard", "examples/standard")
PROMETHEUS = (
    "github.com/prometheus-operator/prometheus-operator@v0.79.2",
    (
        "example/prometheus-operator-crd",
        "example/rbac",
    ),
)

OPERATORS = {
    "cert-manager": ("github.com/cert-manager/cert-manager@v1.21.2", ("deploy/crds",)),
    "cluster-api": (
        "sigs.k8s.io/cluster-api@v1.14.2",
        (
            "core/config/crd/bases",
            "bootstrap/kubeadm/config/crd/bases",
            "controlplane/kubeadm/config/crd/bases",
        ),
    ),
    "gateway-api": (
        "sigs.k8s.io/gateway-api@v1.6.3",
        ("config/crd/experimental", "examples/standard", "examples/experimental"),
    ),
    "keda": ("github.com/kedacore/keda/v2@v2.21.0", ("config/crd/bases", "config/samples")),
}


def module(name: str) -> Path:
    done = subprocess.run(
        ["go", "mod", "download", "-json", name], capture_output=True, text=True, check=True, timeout=600
    )
    return Path(json.loads(done.stdout)["Dir"])


def bulk(kubeconfig: Path, folders: list[Path]) -> list[str]:
    """Apply each folder twice, from the server's side, read some of it back, and delete it."""
    said: list[str] = []
    program = ensure_binaries().path("kubectl")

    def run(*arguments: str) -> None:
        done = subprocess.run(
            [program, f"--kubeconfig={kubeconfig}", f"--cache-dir={kubeconfig}.cache", *arguments],
            capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        text = plain(done.stdout + done.stderr)
        said.append(f"{arguments} [{done.returncode}]\n" + "\n".join(sorted(text.splitlines())))

    for folder in folders:
        for _ in range(2):
            run("apply", "--server-side", "-R", "-f", str(folder))
        run("get", "-R", "-f", str(folder), "-o", "jsonpath={range .items[*]}{.kind} {.spec}{'\\n'}{end}")
    applied = list(said)
    # What a deleted namespace takes along is gone sooner or later: this is not compared.
    for folder in reversed(folders):
        run("delete", "-R", "--ignore-not-found", "--wait=false", "-f", str(folder))
    return applied


def compared(
    source: tuple[str, tuple[str, ...]], real: ControlPlane, directory: Path, *, at_least: int = 11
) -> None:
    root = module(source[0])
    folders = [root / folder for folder in source[1]]
    with embedded_in_thread(directory) as kubeconfig, ThreadPoolExecutor(2) as both:
        ask: Callable[[Path], list[str]] = lambda path: bulk(path, folders)  # noqa: E731
        ours, theirs = both.map(ask, (kubeconfig, real.kubeconfig))
    assert sum(text.count("serverside-applied") for text in ours) >= at_least
    for mine, other in zip(ours, theirs, strict=True):
        assert mine == other


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("source", [ADDONS, GATEWAY], ids=["addons", "gateway"])
def test_both_servers_take_them_alike(
    source: tuple[str, tuple[str, ...]], real_plane: ControlPlane, tmp_path: Path
) -> None:
    compared(source, real_plane, tmp_path)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_definitions_of_a_hundred_thousand_lines(real_plane: ControlPlane, tmp_path: Path) -> None:
    compared(PROMETHEUS, real_plane, tmp_path)
    print("bulk applied:", *PROMETHEUS[1])


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", OPERATORS)
def test_definitions_and_samples_of_operators(name: str, real_plane: ControlPlane, tmp_path: Path) -> None:
    compared(OPERATORS[name], real_plane, tmp_path, at_least=5)
    print("bulk applied:", name, *OPERATORS[name][1])
