"""The histories of the real controllers, as committed: one file a family, in a folder of their version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from .play import History
from .scripts import families

VERSION = "v1.36.3"
"""Of the kube-controller-manager whose histories these are."""

FOLDER = Path(__file__).parent / "recorded" / VERSION


def recorded() -> dict[str, History]:
    """Every recorded history, by the name of its script."""
    found: dict[str, History] = {}
    for family in families():
        path = FOLDER / f"{family}.json"
        if path.exists():
            for name, history in json.loads(path.read_text(encoding="utf-8")).items():
                found[name] = History.from_json(history)
    return found


def record(histories: Mapping[str, History], folder: Path = FOLDER) -> None:
    """Write histories down; those of scripts that were not played stay as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for family, scripts in families().items():
        path = folder / f"{family}.json"
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        found = {name: histories[name].as_json() for name in histories}
        told = {script.name: found.get(script.name, before.get(script.name)) for script in scripts}
        known = {name: history for name, history in told.items() if history is not None}
        path.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def difference(expected: History, found: History) -> str:
    """Where a history differs, as a reader of both would say it; empty where it does not."""
    told: list[str] = []
    for (title, before), (_, after) in zip(expected.steps, found.steps, strict=True):
        told += _differing(title, before, after)
    told += _differing("events", expected.events, found.events)
    told += [f"at some moment: {each}" for each in found.violations]
    return "\n".join(told)


def _differing(title: str, before: list[str], after: list[str]) -> list[str]:
    if before == after:
        return []
    import difflib

    lines = difflib.unified_diff(before, after, "theirs", "ours", lineterm="", n=3)
    return [f"{title}:", *(f"    {line}" for line in list(lines)[2:])]
