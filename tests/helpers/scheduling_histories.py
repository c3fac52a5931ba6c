"""What a scheduler did in a script, told so that two runs can be compared; `told` says what is left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from helpers.scheduling_scene import BEAT, MARKER, Scene, condition_of

from reconcile import Client

JSONObject = dict[str, Any]
Script = Callable[[Scene], Awaitable[None]]

REPORTER = "default-scheduler"
_TWO_ENDS = "not eligible due to a terminating pod on the nominated node"


@dataclass(frozen=True)
class Written:
    """A script and what it is about.

    Attributes:
        attempts: whether each attempt counts that a pod was told of, or only that there were such. Kinds
            other than nodes and pods are seen in no certain order, and with them what is tried in between.
    """

    name: str
    play: Script
    theme: str
    attempts: bool = True


class Scripts:
    """Collects the scripts of a theme as they are written."""

    def __init__(self, theme: str, *, attempts: bool = True) -> None:
        self.theme = theme
        self.attempts = attempts
        self.all: list[Written] = []

    def __call__(self, script: Script) -> Script:
        name = getattr(script, "__name__", "").replace("_", "-")
        self.all.append(Written(name, script, self.theme, self.attempts))
        return script


async def record(client: Client, script: Written, namespace: str) -> JSONObject:
    """Play a script; what happened."""
    async with Scene(client, namespace) as scene:
        await script.play(scene)
        await scene.settled()
        await _all_told(scene)
        return told(scene, attempts=script.attempts)


async def _all_told(scene: Scene) -> None:
    """Events are written some time after what they tell."""
    await scene.until(
        lambda: all(
            scene.told(name, "Scheduled")
            for name in scene.pods
            if scene.node_of(name)
            and condition_of(scene.pods[name], "PodScheduled").get("status") == "True"
            and not scene.pods[name]["metadata"].get("annotations", {}).get("bound-by")
        )
    )


def told(scene: Scene, *, attempts: bool) -> JSONObject:
    """All that a history holds, and with it what it leaves out.

    Left out: times, uids and the namespace's name; which of several nodes that are made alike was taken (how
    many pods each of them got is told instead); how often an event was repeated beyond that it was; which of
    two pods was bound first; what the hollow nodes say; the attempts between the ends of two victims; and, of
    scripts in which `attempts` do not count, the texts of all attempts but the one that the condition has.
    """
    pods = {name: trace for name, trace in scene.traces.items() if not name.startswith(BEAT)}
    story: JSONObject = {
        "pods": {name: _trace(scene, trace) for name, trace in sorted(pods.items())},
        "events": {name: _events(scene, name, attempts) for name in sorted(pods)},
    }
    counted = Counter(scene.node_of(name) for name in pods if scene.node_of(name))
    kinds: dict[str, list[int]] = {}
    for node, like in scene.classes.items():
        kinds.setdefault(like, []).append(counted[node])
    story["crowds"] = {like: sorted(numbers) for like, numbers in sorted(kinds.items()) if len(numbers) > 1}
    return story


def _trace(scene: Scene, trace: list[JSONObject]) -> list[str]:
    """The states of a pod, each that differs from the one before."""
    lines: list[str] = []
    for seen in trace:
        line = _state(scene, seen)
        if _TWO_ENDS not in line and (not lines or lines[-1] != line):
            lines.append(line)
    return lines


def _state(scene: Scene, seen: JSONObject) -> str:
    pod = seen["pod"]
    if seen["what"] == "DELETED":
        return "gone"
    status = pod.get("status", {})
    words: list[str] = []
    waiting = condition_of(pod, "PodScheduled")
    if node := pod["spec"].get("nodeName"):
        words.append(f"on {node}")
    elif waiting:
        words.append(f"{waiting.get('reason')}: {waiting.get('message')}")
    if nominated := status.get("nominatedNodeName"):
        words.append(f"nominated to {nominated}")
    disrupted = condition_of(pod, "DisruptionTarget")
    if disrupted:
        words.append(f"disrupted, {disrupted.get('reason')}: {disrupted.get('message')}")
    if pod["metadata"].get("deletionTimestamp"):
        words.append("going")
    return _neutral(scene, ", ".join(words) or "new")


def _events(scene: Scene, pod: str, attempts: bool) -> list[str]:
    found: list[tuple[str, str]] = []
    for event in scene.events.values():
        if event["regarding"].get("name") != pod or event.get("reportingController") != REPORTER:
            continue
        repeated = " (again)" if event.get("series") else ""
        related = f", with {scene.uids.get(event['related'].get('uid'), '?')}" if event.get("related") else ""
        text = f"{event['type']} {event['reason']} {event['action']}: {event.get('note')}{related}{repeated}"
        found.append((event["eventTime"], _neutral(scene, text)))
    texts = [text for _, text in sorted(found)]
    if attempts:
        return texts
    return sorted({"FailedScheduling" if " FailedScheduling " in text else text for text in texts})


def _neutral(scene: Scene, text: str) -> str:
    for uid, name in scene.uids.items():
        text = text.replace(uid, f"<{name}>")
    text = text.replace(scene.namespace, "<namespace>")
    for node in sorted(scene.classes, key=len, reverse=True):
        text = re.sub(rf"(?<![\w.-]){re.escape(node)}(?![\w.-])", f"<{scene.classes[node]}>", text)
    return text.replace(MARKER, "<marker>")


def differences(expected: Any, found: Any, where: str = "") -> list[str]:
    """Where two histories differ, in words."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [
            line
            for key in sorted({*expected, *found})
            for line in differences(expected.get(key), found.get(key), f"{where}.{key}" if where else key)
        ]
    if expected == found:
        return []
    return [f"{where}:\n    kube-scheduler: {expected}\n    this one:       {found}"]
