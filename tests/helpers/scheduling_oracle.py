"""The example scheduler beside kube-scheduler's own plugins: one world, two verdicts."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, cast

import msgspec
from helpers.scheduling_worlds import JSONObject, World

from examples.operators.scheduler import binding
from examples.operators.scheduler.claim_writes import deallocate
from examples.operators.scheduler.cycle import decide, find_feasible, score_nodes
from examples.operators.scheduler.devices import KINDS as DEVICE_KINDS
from examples.operators.scheduler.filtering import try_node
from examples.operators.scheduler.framework import SKIP, CycleState, PluginError, Surroundings
from examples.operators.scheduler.handlers import budget_of
from examples.operators.scheduler.pods import PodInfo, pod_info
from examples.operators.scheduler.profile import Profile, default_profile
from examples.operators.scheduler.snapshot import Snapshot
from examples.operators.scheduler.volumes import KINDS as VOLUME_KINDS
from reconcile import Amount, Manager, NotFoundError, ObjectKey, Selector
from reconcile.api.core.v1 import Node, Pod
from reconcile.api.policy.v1 import PodDisruptionBudget
from reconcile.objects import codec_of


@dataclass
class Verdict:
    """What a scheduler says of each node.

    Attributes:
        rejected: by node, the plugin that refused it, its reasons, sorted, and whether they are final.
        scores: by node that can take the pod, the weighted score of each plugin that is not 0.
        message: why the pod fits nowhere, as the event says it.
        nominated, victims: what preemption would do.
        node: of those with the most points, the first by name.
        binding: why the pod cannot be bound to it after all.
        writes: what is written before it is bound there, or (deallocations) so that it can be one day: verb,
            resource, and what matters of the object.
        error: what stops the decision; the pod is tried again.
    """

    rejected: dict[str, tuple[str, list[str], bool]] = field(
        default_factory=dict[str, tuple[str, list[str], bool]]
    )
    scores: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    message: str = ""
    nominated: str = ""
    victims: list[str] = field(default_factory=list[str])
    node: str = ""
    binding: str = ""
    writes: list[JSONObject] = field(default_factory=list[JSONObject])
    error: str = ""


def ask_oracle(oracle: Path, worlds: Sequence[World]) -> list[Verdict]:
    """kube-scheduler's verdicts; `oracle` is the executable of tools/controlplane/scheduleroracle."""
    lines = "".join(json.dumps(world.question()) + "\n" for world in worlds)
    done = subprocess.run([oracle], input=lines, capture_output=True, text=True, check=True)
    return [_verdict(json.loads(line)) for line in done.stdout.splitlines()]


def _verdict(answer: JSONObject) -> Verdict:
    if "error" in answer:
        # What was asked until then depends on the order of the nodes.
        return Verdict(error=answer["error"])
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
        answer.get("node", ""),
        "" if answer.get("binding", "").endswith(_NAMELESS) else answer.get("binding", ""),
        [_write(each["verb"], each["resource"], each["object"]) for each in answer.get("writes") or []],
    )


_NAMELESS = '/"'
"""The end of an error about a claim without a name: the oracle's server generates none."""


def _write(verb: str, resource: str, obj: JSONObject) -> JSONObject:
    """What matters of something written."""
    meta = obj.get("metadata", {})
    told: JSONObject = {"verb": verb, "resource": resource, "name": meta.get("name", "")}
    if resource == "persistentvolumes":
        told |= {"claimRef": obj["spec"].get("claimRef"), "annotations": meta.get("annotations")}
    elif resource == "resourceclaims":
        told |= _claim(obj)
    elif resource == "pods":
        told |= {"devices": obj["status"].get("extendedResourceClaimStatus")}
    elif resource == "persistentvolumeclaims":
        told |= {"annotations": meta.get("annotations")}
    return told


def ask_ours(world: World, snapshot: Snapshot | None = None, *, freed: str = "") -> Verdict:
    """The example's verdict, with every node looked at.

    Args:
        snapshot: the world's; made anew by default.
        freed: of the pod's claims the one that loses its devices where one does; kube-scheduler draws it.
    """
    snapshot = snapshot or snapshot_of(world)
    pod = pod_info(msgspec.convert(world.pod, Pod))
    profile, state = default_profile(), CycleState()
    try:
        found = find_feasible(profile, snapshot, pod, state)
    except PluginError as error:
        return Verdict(error=_first_error(profile, snapshot, pod) or str(error))
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
        totals = {name: sum(each.values()) for name, each in scores.items()}
        verdict.node = min(totals, key=lambda name: (-totals[name], name))
        asyncio.run(_bind(profile, snapshot, pod, state, verdict))
        return verdict
    decision = decide(profile, snapshot, pod, Random(0))
    verdict.message = decision.message
    if decision.remedy is not None:
        verdict.nominated = decision.remedy.node
        # Those that are going already need not be told.
        recorder = _Recorder()
        around = Surroundings(cast("Manager", recorder), snapshot, "default-scheduler")
        for each in decision.remedy.deallocate:
            asyncio.run(deallocate(each._replace(name=freed or each.name), around))
        verdict.writes = recorder.writes
        verdict.victims = sorted(str(each.key) for each in decision.remedy.victims if not each.deleting)
    return verdict


def _first_error(profile: Profile, snapshot: Snapshot, pod: PodInfo) -> str:
    """The error of the first node by name; the oracle asks the nodes in that order."""
    state = CycleState()
    try:
        for plugin in profile.plugins.pre_filters:
            if plugin.pre_filter(state, pod, snapshot) == SKIP:
                state.skipped.add(plugin.name)
    except PluginError:
        return ""
    for node in sorted(snapshot.nodes, key=lambda node: node.name):
        try:
            try_node(profile.plugins, state, pod, node, snapshot)
        except PluginError as error:
            return str(error)
    return ""


class _Recorder:
    """In place of a manager and its client: what is written is remembered."""

    def __init__(self) -> None:
        self.client = self
        self.writes: list[JSONObject] = []

    async def update(self, obj: Any) -> Any:
        return self._wrote("update", obj)

    async def update_status(self, obj: Any) -> Any:
        return self._wrote("update", obj)

    async def create(self, obj: Any) -> Any:
        return self._wrote("create", obj)

    async def get(self, kind: Any, key: ObjectKey) -> Any:
        raise NotFoundError("nothing is kept here", code=404)

    async def patch(self, kind: Any, key: ObjectKey, patch: JSONObject, **_: Any) -> None:
        if kind is not Pod:
            # Taken back after a failure; upstream does that elsewhere.
            return
        status = patch["status"]["extendedResourceClaimStatus"]
        self.writes.append(_write("patch", "pods", {"status": {"extendedResourceClaimStatus": status}}))

    @property
    def runtime(self) -> Any:
        return self

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def uuid(self) -> str:
        return "drawn"

    def event_recorder(self, name: str) -> Any:
        return self

    def event(self, *_: Any, **__: Any) -> None: ...

    def _wrote(self, verb: str, obj: Any) -> Any:
        plain = msgspec.json.decode(codec_of(obj).encode(obj))
        self.writes.append(_write(verb, type(obj).__resource_type__.plural, plain))
        return obj


def _claim(obj: JSONObject) -> JSONObject:
    """What matters of a ResourceClaim, without what is drawn or is the time."""
    status = obj.get("status") or {}
    allocation = copy.deepcopy(status.get("allocation"))
    if allocation is not None:
        allocation.pop("allocationTimestamp", None)
        for result in allocation.setdefault("devices", {}).get("results", ()):
            if "shareID" in result:
                result["shareID"] = "drawn"
            amounts = result.get("consumedCapacity", {})
            amounts.update({name: str(Amount.parse(amount)) for name, amount in amounts.items()})
    return {
        "finalizers": obj["metadata"].get("finalizers", []),
        "requests": obj.get("spec", {}).get("devices", {}).get("requests") or [],
        "allocation": allocation,
        "reservedFor": status.get("reservedFor", []),
    }


async def _bind(
    profile: Profile, snapshot: Snapshot, pod: PodInfo, state: CycleState, verdict: Verdict
) -> None:
    """Reserve the node and write what comes before the pod is bound; what is waited for is not."""
    plugins, recorder = profile.plugins, _Recorder()
    snapshot.assume(pod, verdict.node)
    try:
        binding.reserve(plugins, state, pod, verdict.node)
        flights = binding.pre_flights(plugins, state, pod, verdict.node)
        around = Surroundings(cast("Manager", recorder), snapshot, "default-scheduler")
        task = asyncio.create_task(binding.pre_bind(flights, state, pod, verdict.node, around))
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    except (binding.Refused, PluginError) as error:
        verdict.binding = str(error)
    finally:
        # As if the binding had failed: the picture is then what it was.
        binding.unreserve(plugins, state, pod, verdict.node)
        snapshot.forget(pod)
    verdict.writes = recorder.writes


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
            kind = KINDS[other]
            snapshot.set_object(kind, key, None if gone else msgspec.convert(obj, kind))


KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (*VOLUME_KINDS, *DEVICE_KINDS)}
"""Kinds that the snapshot keeps as they are."""


def _told(scores: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    return {node: {plugin: score for plugin, score in each.items() if score} for node, each in scores.items()}
