"""How a pod is treated when its node runs short: its quality of service."""

from __future__ import annotations

from typing import Any

from reconcile.objects.quantities import Amount

JSONObject = dict[str, Any]


def quality_of_service(spec: JSONObject) -> str:
    """Guaranteed, Burstable or BestEffort, from the requests and limits of all containers."""
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    holders = (
        [spec["resources"]]
        if spec.get("resources") is not None
        else [each.get("resources") or {} for each in containers]
    )
    guaranteed, anything = True, False
    totals: dict[str, dict[str, Amount]] = {"requests": {}, "limits": {}}
    for holder in holders:
        found: set[str] = set()
        for kind, total in totals.items():
            for name, text in (holder.get(kind) or {}).items():
                amount = Amount.parse(text)
                if name not in ("cpu", "memory") or amount <= 0:
                    continue
                anything = True
                total[name] = total[name] + amount if name in total else amount
                if kind == "limits":
                    found.add(name)
        guaranteed = guaranteed and found == {"cpu", "memory"}
    if not anything:
        return "BestEffort"
    requests, limits = totals["requests"], totals["limits"]
    if guaranteed and all(limits.get(name) == amount for name, amount in requests.items()):
        return "Guaranteed" if len(requests) == len(limits) else "Burstable"
    return "Burstable"
