"""PodSecurity judges upstream's own pods, for each check, level and version, as the real server does.

The pods come in the Go module that kube-apiserver itself is built with, in the version that it is built with;
its folders say which of them a level allows in a version. Each is asked for as a pod and as a deployment's
template, and what is refused and warned about is compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.cel_oracle import module_folder
from helpers.differential import Ask, post, real_server
from helpers.differential_compare import Comparison
from helpers.differential_pod_security import labels
from helpers.differential_run import Both, both, make_namespace, until_said

from reconcile.apiserver.pod_security.evaluation import CHECKS

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

_MODULE = "k8s.io/pod-security-admission"
_LEVELS = ("baseline", "restricted")
# The versions in which a check begins or changes; the module's last is the newest of them.
_VERSIONS = (0, 8, 19, 22, 23, 25, 27, 29, 31, 32, 34, 35)
_IN_EVERY_RUN = (24, 35)


@pytest.fixture(scope="module")
def pods() -> Path:
    """The folder of upstream's pods."""
    go_mod = Path(__file__).resolve().parents[2] / "tools" / "controlplane" / "go.mod"
    # As `replace` has it: the version that the control plane is built with.
    line = next(line for line in go_mod.read_text().splitlines() if f"{_MODULE} =>" in line)
    version = line.split()[-1]
    return module_folder(f"{_MODULE}@{version}") / "test" / "testdata"


class Judged:
    """What was asked so far: how many pods each check allowed and refused."""

    def __init__(self) -> None:
        self.asked = 0
        self.pods: Counter[tuple[str, str]] = Counter()


@pytest.fixture(scope="module")
def judged() -> Iterator[Judged]:
    found = Judged()
    yield found
    print(f"\n{found.asked} requests about upstream's pods compared")
    for name in CHECKS:
        counts = [found.pods[name.lower(), outcome] for outcome in ("pass", "fail")]
        print(f"  {name:28} {counts[0]:5} allowed {counts[1]:5} refused")


async def _ask(control_plane: Any, folder: Path, level: str, minor: int, judged: Judged) -> None:
    real = real_server(control_plane.url, control_plane.admin_certificate, control_plane.admin_key)
    namespace = f"pod-security-{level}-{minor:02}"
    version = f"v1.{minor}"
    async with both(real, lambda: None) as servers:
        await make_namespace(namespace, servers)
        given = labels(enforce=level, enforce_version=version, warn=level, warn_version=version)
        comparison = await _labelled(servers, namespace, given)
        files = sorted((folder / level / version).rglob("*.yaml"))
        assert files, f"no pods of {level} {version}"
        for file in files:
            pod: dict[str, Any] = yaml.safe_load(file.read_text())
            outcome = file.parent.name
            real_answer, _ = await comparison.ask(_pod(namespace, pod))
            allowed = real_answer.status == 201
            assert allowed == (outcome == "pass"), f"{file.name}: {real_answer.body}"
            await comparison.ask(_deployment(namespace, pod))
            judged.pods[file.stem.rstrip("0123456789"), outcome] += 1
    judged.asked += comparison.asked
    assert not comparison.found, "\n".join(comparison.found)


async def _labelled(servers: Both, namespace: str, given: dict[str, str]) -> Comparison:
    comparison = Comparison(servers.real, servers.ours)
    path = f"/api/v1/namespaces/{namespace}"
    body = {"metadata": {"labels": given}}
    await comparison.ask(Ask("PATCH", path, body, "application/merge-patch+json"))
    probe = Ask(
        "POST",
        f"{path}/pods?dryRun=All",
        {"metadata": {"name": "w"}, "spec": {"hostPID": True, "containers": [{"name": "c", "image": "i"}]}},
    )
    await until_said(probe, "violates PodSecurity", servers.real, servers.ours)
    return comparison


def _pod(namespace: str, pod: dict[str, Any]) -> Ask:
    # Where the real server mounts no token, as it knows no accounts, neither does the embedded one.
    spec = {**pod["spec"], "automountServiceAccountToken": False}
    named = {**pod, "metadata": {**(pod.get("metadata") or {}), "name": "test"}, "spec": spec}
    return post(f"/api/v1/namespaces/{namespace}/pods", named, dryRun="All")


def _deployment(namespace: str, pod: dict[str, Any]) -> Ask:
    metadata = {**(pod.get("metadata") or {}), "labels": {"test": "true"}}
    metadata.pop("name", None)
    body = {
        "metadata": {"name": "test"},
        "spec": {
            "selector": {"matchLabels": {"test": "true"}},
            "template": {"metadata": metadata, "spec": pod["spec"]},
        },
    }
    return post(f"/apis/apps/v1/namespaces/{namespace}/deployments", body, dryRun="All")


@pytest.mark.parametrize("minor", _IN_EVERY_RUN)
@pytest.mark.parametrize("level", _LEVELS)
async def test_upstreams_pods_are_judged_alike(
    level: str, minor: int, control_plane: Any, pods: Path, judged: Judged
) -> None:
    await _ask(control_plane, pods, level, minor, judged)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
async def test_upstreams_pods_of_every_version_are_judged_alike(
    control_plane: Any, pods: Path, judged: Judged
) -> None:
    for level in _LEVELS:
        for minor in _VERSIONS:
            await _ask(control_plane, pods, level, minor, judged)
    never = [name for name in CHECKS if not judged.pods[name.lower(), "fail"]]
    assert not never, f"never refused: {never}"
