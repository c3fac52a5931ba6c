"""controller-runtime's own tests, which start a control plane by envtest, with the embedded server as that.

The version is pinned in tools/gosuites; it is the one whose Kubernetes libraries are those of the server that
the embedded one is compared with. Suites that never ask a server are left out.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from helpers.go_tools import TOOLS, built_suite

from reconcile.cli.commands import cli

# How many tests each package has, those that upstream holds back not counted.
SUITES = {
    "builder": 72,
    "cache": 276,
    "client": 296,
    "client/apiutil": 18,
    "cluster": 15,
    "controller": 32,
    "controller/controllerutil": 60,
    "envtest": 28,
    "handler": 96,
    "internal/controller": 75,
    "internal/recorder": 5,
    "manager": 106,
    "manager/internal/integration": 2,
    "metrics/filters": 2,
    "reconcile": 9,
    "source": 19,
    "webhook": 8,
}
_FLAGS = {
    # The other half of them downloads a kube-apiserver of 1.28, without aggregated discovery.
    "client/apiutil": ("-test.v", "-test.run=/aggregatedDiscovery=true"),
}
# Theirs give the server a second or two for many things, whatever else the machine does.
_PATIENT = ("--ginkgo.flake-attempts=3", "--ginkgo.no-color")
_WITHIN = 1800


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assets")
    assert CliRunner().invoke(cli, ["envtest-assets", str(folder)]).exit_code == 0
    return folder


@pytest.mark.nightly
@pytest.mark.real_time
@pytest.mark.timeout(2 * _WITHIN)
@pytest.mark.parametrize("package", SUITES)
def test_its_tests_pass_on_the_embedded_server(package: str, assets: Path, tmp_path: Path) -> None:
    suite = built_suite(TOOLS / "gosuites", f"sigs.k8s.io/controller-runtime/pkg/{package}")
    environment = {
        **os.environ,
        "KUBEBUILDER_ASSETS": str(assets),
        "KUBEBUILDER_CONTROLPLANE_START_TIMEOUT": "120s",
        "KUBEBUILDER_CONTROLPLANE_STOP_TIMEOUT": "120s",
        "TMPDIR": str(tmp_path),
    }
    done = subprocess.run(
        [suite.executable, f"-test.timeout={_WITHIN}s", *_FLAGS.get(package, _PATIENT)],
        cwd=suite.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_WITHIN + 60,
        check=False,
    )
    print(f"controller-runtime pkg/{package}: {_passed(done.stdout)} tests passed")
    assert done.returncode == 0, done.stdout[-8000:]
    assert _passed(done.stdout) >= SUITES[package]


def _passed(output: str) -> int:
    """How many tests passed, by Ginkgo's last words, or by those of Go's own tests."""
    counted = re.findall(r"-- .*?(\d+) .*?Passed", output)
    if counted and counted[-1] != "0":
        return int(counted[-1])
    return len(re.findall(r"^\s*--- PASS: \S+/", output, re.MULTILINE))
