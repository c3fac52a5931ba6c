"""Kubernetes' own end-to-end suite before the embedded server, and real components that live on it.

What runs and what is left out, with reasons, is in helpers/upstream_specs.py; the suite itself is built from
tools/e2e, which pins its version.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.go_tools import TOOLS, built
from helpers.upstream_containers import PROGRAM
from helpers.upstream_specs import LABELS, focus, left_out, skip
from helpers.upstream_world import NODES, World, upstream_world

from reconcile.testing.control_plane.build import build_flags, ensure_binaries
from reconcile.testing.requirements import require

_AT_LEAST = 100
_WITHIN = 3 * 3600


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    require("controlplane")
    with upstream_world(tmp_path_factory.mktemp("upstream"), ensure_binaries()) as world:
        yield world


WORKLOADS = """
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: default},
 spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: TEMPLATE}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db, namespace: default},
 spec: {replicas: 2, serviceName: db, selector: {matchLabels: {app: db}}, template: TEMPLATE}}
"""
TEMPLATE = "{metadata: {labels: {app: NAME}}, spec: {containers: [{name: main, image: 'app:1'}]}}"


@pytest.mark.real_time
def test_real_components_and_the_examples_run_workloads_on_the_embedded_server(world: World) -> None:
    web, db = WORKLOADS.split("---")
    for text, name in ((web, "web"), (db, "db")):
        manifest = text.replace("TEMPLATE", TEMPLATE).replace("NAME", name)
        world.kubectl("create", "--filename=-", stdin=manifest)
    # Ours makes the pods of the one, the real controller those of the other; the real scheduler places both.
    for what in ("deployment/web", "statefulset/db"):
        world.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=2", what, "--timeout=240s")
    placed = world.kubectl("get", "pods", "--output=jsonpath={.items[*].spec.nodeName}").split()
    assert len(placed) == 4 and set(placed) <= set(NODES)
    leases = "jsonpath={.items[*].metadata.name}"
    held = world.kubectl("get", "leases", "--namespace=kube-system", f"--output={leases}").split()
    assert {"kube-controller-manager", "kube-scheduler"} <= set(held)
    assert world.running() == ["server", "kube-controller-manager", "kube-scheduler", "operators"]
    unreadable = [
        line
        for text in world.logs().values()
        for line in text.splitlines()
        if any(word in line for word in ("proto: ", "Traceback"))
    ]
    assert unreadable == []
    world.kubectl("delete", "deployment/web", "statefulset/db", "--wait=false")


@pytest.mark.nightly
@pytest.mark.real_time
@pytest.mark.timeout(_WITHIN + 1200)
def test_upstreams_end_to_end_specs_pass_on_the_embedded_server(world: World) -> None:
    suite = built(TOOLS / "e2e", tests=True, flags=build_flags())
    (world.directory / PROGRAM).symlink_to(built(TOOLS / "e2e", "webhooks"))
    report = world.directory / "report.json"
    command = [
        str(suite),
        f"-kubeconfig={world.kubeconfig}",
        "-provider=local",
        "-allowed-not-ready-nodes=-1",
        "-num-nodes=2",
        f"-kubectl-path={ensure_binaries().path('kubectl')}",
        "-disable-log-dump",
        "-dump-logs-on-failure=false",
        "-ginkgo.no-color",
        "-ginkgo.succinct",
        f"-ginkgo.focus={focus()}",
        f"-ginkgo.skip={skip()}",
        f"-ginkgo.label-filter={LABELS}",
        f"-ginkgo.json-report={report}",
        f"-ginkgo.timeout={_WITHIN}s",
    ]
    log = world.directory / "suite.log"
    with log.open("wb") as output:
        subprocess.run(
            command, stdout=output, stderr=output, timeout=_WITHIN + 600, cwd=world.directory, check=False
        )
    assert report.exists(), log.read_text(errors="replace")[-4000:]
    specs = [spec for run in json.loads(report.read_text()) for spec in run["SpecReports"]]
    counts: Counter[tuple[str, str]] = Counter()
    failed: list[str] = []
    skipped: list[str] = []
    for spec in specs:
        name = " ".join([*(spec.get("ContainerHierarchyTexts") or ()), spec["LeafNodeText"]])
        if spec["LeafNodeType"] != "It":
            continue
        if spec["State"] == "skipped":
            skipped.append(name)
            continue
        counts[name.partition("]")[0] + "]", spec["State"]] += 1
        if spec["State"] != "passed":
            failed.append(f"{name}: {_why(spec)}")
    for (group, state), count in sorted(counts.items()):
        print(f"{group}: {count} {state}")
    for reason, count in left_out(skipped).most_common():
        print(f"left out: {count}: {reason}")
    assert not failed, "\n".join(failed)
    assert sum(counts.values()) >= _AT_LEAST
    assert world.running() == ["server", "kube-controller-manager", "kube-scheduler", "operators"]


def _why(spec: dict[str, Any]) -> str:
    return (spec.get("Failure") or {}).get("Message", spec["State"])[:500]
