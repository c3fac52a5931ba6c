"""The example scheduler beside kube-scheduler's own plugins: one world, two verdicts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import msgspec
from helpers.scheduling_worlds import JSONObject, World

from examples.operators.scheduler.cycle import decide, find_feasible, score_nodes
from examples.operators.scheduler.framework import CycleState
from examples.operators.scheduler.handlers import budget_of
from examples.operators.scheduler.pods import pod_info
from examples.operators.scheduler.profile import default_profile
from examples.operators.scheduler.snapshot import Snapshot
from reconcile import ObjectKey, Selector
from reconcile.api.core.v1 import Node, Pod
from reconcile.api.policy.v1 import PodDisruptionBudget


@dataclass
class Verdict:
    """What a scheduler says of each node.

    Attributes:
        rejected: by node, the plugin that refused it, its reasons, sorted, and whether they are final.
        scores: by node that can take the pod, the weighted score of each plugin that is not 0.
        message: why the pod fits nowhere, as the event says it.
        nominated, victims: what preemption would do.
        error: of the oracle, when it has no verdict.
    """

    rejected: dict[str, tuple[str, list[str], bool]] = field(
        default_factory=dict[str, tuple[str, list[str], bool]]
    )
    scores: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    message: str = ""
    nominated: str = ""
    victims: list[str] = field(default_factory=list[str])
    error: str = ""


def ask_oracle(oracle: Path, worlds: Sequence[World]) -> list[Verdict]:
    """kube-scheduler's verdicts; `oracle` is the executable of tools/controlplane/scheduleroracle."""
    lines = "".join(json.dumps(world.question()) + "\n" for world in worlds)
    done = subprocess.run([oracle], input=lines, capture_output=True, text=True, check=True)
    return [_verdict(json.loads(line)) for line in done.stdout.splitlines()]


def _verdict(answer: JSONObject) -> Verdict:
    rejected = {
        node: (each["plugin"], sorted(each["reasons"]), each["code"] == "UnschedulableAndUnresolvable")
        for node, each in (answer["rejected"] or {}).items()
    }
    return Verdict(
        rejected,
        _told(answer["scores"] or {}),
        answer.get("message", ""),
        answer.get("nominated", ""),
        answer.get("victims") or [],
        answer.get("error", ""),
    )


def ask_ours(world: World, snapshot: Snapshot | None = None) -> Verdict:
    """The example's verdict, with every node looked at; `snapshot` is the world's, made anew by default."""
    snapshot = snapshot or snapshot_of(world)
    pod = pod_info(msgspec.convert(world.pod, Pod))
    profile, state = default_profile(), CycleState()
    found = find_feasible(profile, snapshot, pod, state)
    verdict = Verdict()
    for node in snapshot.nodes:
        if node not in found.feasible:
            refusal = found.refusals.get(node.name, found.elsewhere)
            verdict.rejected[node.name] = (refusal.plugin, sorted(refusal.reasons), refusal.final)
    if found.feasible:
        scores: dict[str, dict[str, int]] = {node.name: {} for node in found.feasible}
        for plugin, points in score_nodes(profile, snapshot, pod, state, found.feasible):
            for node, score in zip(found.feasible, points, strict=True):
                scores[node.name][plugin] = score
        verdict.scores = _told(scores)
        return verdict
    decision = decide(profile, snapshot, pod, Random(0))
    verdict.message = decision.message
    if decision.remedy is not None:
        verdict.nominated = decision.remedy.node
        # Those that are going already need not be told.
        verdict.victims = sorted(str(each.key) for each in decision.remedy.victims if not each.deleting)
    return verdict


def snapshot_of(world: World) -> Snapshot:
    snapshot = Snapshot()
    for obj in world.objects:
        tell(snapshot, obj)
    return snapshot


def tell(snapshot: Snapshot, obj: JSONObject, *, gone: bool = False) -> None:
    """What the event of an object tells the snapshot."""
    meta = obj["metadata"]
    key = ObjectKey(meta.get("namespace", ""), meta["name"])
    match obj["kind"]:
        case "Namespace":
            snapshot.set_namespace(key.name, None if gone else meta["labels"])
        case "Node":
            snapshot.set_node(key.name, None if gone else msgspec.convert(obj, Node))
        case "Pod" if gone:
            snapshot.remove_pod(key)
        case "Pod":
            info = pod_info(msgspec.convert(obj, Pod))
            (snapshot.set_pod if info.node_name else snapshot.nominate)(info)
        case "PodDisruptionBudget":
            budget = None if gone else budget_of(msgspec.convert(obj, PodDisruptionBudget))
            snapshot.set_budget(key, budget)
        case "Service":
            snapshot.workloads.set_service(key, None if gone else obj["spec"].get("selector"))
        case "ReplicaSet" | "StatefulSet":
            selector = None if gone else Selector.from_api(obj["spec"]["selector"])
            snapshot.workloads.set_owner((obj["apiVersion"], obj["kind"]), key, selector)
        case other:
            raise AssertionError(f"the worlds have a {other} that nobody looks at")


def _told(scores: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    return {node: {plugin: score for plugin, score in each.items() if score} for node, each in scores.items()}
