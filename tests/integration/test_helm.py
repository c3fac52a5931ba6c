"""helm, as a program: what it says and what it leaves is the same on the embedded server and a real one."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.go_tools import TOOLS, built_command
from helpers.helm_charts import write_chart
from helpers.kubectl import Kubectl
from helpers.serving import embedded_in_thread

from reconcile.testing.control_plane import ControlPlane
from reconcile.testing.control_plane.build import ensure_binaries

# What is left of the namespace, in an order of its own.
_KINDS = "configmaps,secrets,serviceaccounts,roles,rolebindings,deployments,services,pdb,hpa,cronjobs,carts"
_DIFFERS = (
    (re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[^\t\n\"]*"), "TIME"),
    (re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \d{4}"), "TIME"),
    (re.compile(r"https://[\d.:]+"), "SERVER"),
    # Columns are as wide as the times in them.
    (re.compile(r" +(?=\t|$)", re.MULTILINE), ""),
)
SCRIPT = (
    "install demo CHART -n team --create-namespace",
    "list -A",
    "status demo -n team",
    "get all demo -n team",
    "test demo -n team",
    "install demo CHART -n team",
    "install other CHART -n team --set selector=other --dry-run=server --no-hooks",
    "upgrade demo CHART -n team --set color=red",
    "upgrade demo CHART -n team --set color=green",
    "history demo -n team",
    "upgrade demo CHART -n team --set selector=changed",
    "upgrade demo CHART -n team --set broken=true --atomic --timeout 60s",
    "upgrade demo CHART -n team --set color=red --set hook=false --force",
    "rollback demo 1 -n team",
    "upgrade demo CHART -n team --reuse-values --set color=red --history-max 3 --cleanup-on-fail",
    "get values demo -n team --all",
    "history demo -n team",
    "template demo CHART --validate -n team",
    "uninstall demo -n team --keep-history",
    "list -n team --all",
    "upgrade --install demo CHART -n team --take-ownership",
    "uninstall demo -n team --cascade foreground --wait",
    "install bare CHART -n nowhere",
    "list -A --all",
)


def transcript(program: Path, kubeconfig: Path, directory: Path) -> list[str]:
    """What helm said to each command, and what there was after it."""
    chart = write_chart(directory / "shop")
    homes = {f"HELM_{name}_HOME": str(directory / name) for name in ("CACHE", "CONFIG", "DATA")}
    environment = {**os.environ, **homes, "KUBECONFIG": str(kubeconfig)}
    kubectl = Kubectl(ensure_binaries().path("kubectl"), kubeconfig)
    told: list[str] = []
    for line in SCRIPT:
        command = [str(chart) if word == "CHART" else word for word in line.split()]
        done = subprocess.run(
            [program, *command], env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        said = f"$ helm {line}\n{done.stdout}{done.stderr}exit {done.returncode}"
        for pattern, word in _DIFFERS:
            said = pattern.sub(word, said)
        told.append(said.replace(str(chart), "CHART"))
        told.append(f"after {line}:\n" + json.dumps(left(kubectl), indent=1, sort_keys=True))
    return told


def left(kubectl: Kubectl) -> list[Any]:
    """The objects of the namespace, without what must differ."""
    found = json.loads(kubectl("get", _KINDS.removesuffix(",carts"), "-n", "team", "-o", "json"))["items"]
    if "carts" in kubectl("api-resources", "--api-group=shop.example.com", "-o", "name"):
        found += json.loads(kubectl("get", "carts", "-n", "team", "-o", "json"))["items"]
    shown: list[Any] = []
    for each in found:
        meta = each["metadata"]
        if meta["name"] in ("kube-root-ca.crt", "default"):
            continue
        for name in ("uid", "resourceVersion", "creationTimestamp"):
            meta.pop(name, None)
        for name in ("clusterIP", "clusterIPs"):
            each.get("spec", {}).pop(name, None)
        if each.get("type") == "helm.sh/release.v1":
            each["data"], meta["labels"]["modifiedAt"] = {}, "TIME"
        shown.append(each)
    return sorted(shown, key=lambda each: (each["kind"], each["metadata"]["name"]))


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with embedded_in_thread(tmp_path_factory.mktemp("helm")) as kubeconfig:
        yield kubeconfig


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_helm_is_told_the_same_by_both(embedded: Path, real_plane: ControlPlane, tmp_path: Path) -> None:
    helm = built_command(TOOLS / "helm", "helm.sh/helm/v3/cmd/helm")
    ours = transcript(helm, embedded, tmp_path / "ours")
    theirs = transcript(helm, real_plane.kubeconfig, tmp_path / "theirs")
    print(f"helm: {len(SCRIPT)} commands compared")
    for mine, real in zip(ours, theirs, strict=True):
        assert mine == real
