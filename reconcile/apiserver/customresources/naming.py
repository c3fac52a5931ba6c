"""The status of a definition: whether its names are free, and whether it is served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

JSONObject = dict[str, Any]


def _condition(
    kind: str, status: str, reason: str, message: str, now: str, old: list[JSONObject]
) -> JSONObject:
    for each in old:
        if each["type"] == kind:
            same = (
                each["status"] == status and each.get("reason") == reason and each.get("message") == message
            )
            if same:
                return each
            time = each["lastTransitionTime"] if each["status"] == status else now
            break
    else:
        time = now
    return {"type": kind, "status": status, "lastTransitionTime": time, "reason": reason, "message": message}


def establish(definition: JSONObject, others: Sequence[JSONObject], *, now: str = "") -> JSONObject:
    """The definition with its accepted names and its conditions as they should be.

    `others` are the other definitions; `now` is the time of new conditions. `definition` is changed and
    returned.
    """
    spec = definition["spec"]
    status: JSONObject = definition.get("status") or {}
    definition["status"] = status
    wanted = spec["names"]
    accepted: JSONObject = dict(status.get("acceptedNames") or {"plural": "", "kind": ""})
    taken_resources: set[str] = set()
    taken_kinds: set[str] = set()
    for other in others:
        if other["spec"]["group"] != spec["group"]:
            continue
        names = (other.get("status") or {}).get("acceptedNames") or {}
        taken_resources.update(name for name in (names.get("plural"), names.get("singular")) if name)
        taken_resources.update(names.get("shortNames") or ())
        taken_kinds.update(name for name in (names.get("kind"), names.get("listKind")) if name)
    problem: tuple[str, str] | None = None

    def conflict(key: str, reason: str, taken: bool, message: str) -> None:
        nonlocal problem
        if taken:
            problem = (reason, message)
        elif wanted.get(key):
            accepted[key] = wanted[key]
        else:
            accepted.pop(key, None)

    plural, singular = wanted["plural"], wanted.get("singular", "")
    conflict("plural", "PluralConflict", plural in taken_resources, f'"{plural}" is already in use')
    conflict("singular", "SingularConflict", singular in taken_resources, f'"{singular}" is already in use')
    shorts = [name for name in wanted.get("shortNames") or () if name in taken_resources]
    conflict(
        "shortNames",
        "ShortNamesConflict",
        bool(shorts),
        ", ".join(f'"{name}" is already in use' for name in shorts),
    )
    kind, list_kind = wanted["kind"], wanted.get("listKind", "")
    conflict("kind", "KindConflict", kind in taken_kinds, f'"{kind}" is already in use')
    conflict("listKind", "ListKindConflict", list_kind in taken_kinds, f'"{list_kind}" is already in use')
    if wanted.get("categories"):
        accepted["categories"] = wanted["categories"]
    else:
        accepted.pop("categories", None)

    old: list[JSONObject] = status.get("conditions") or []
    if problem is None:
        names = _condition("NamesAccepted", "True", "NoConflicts", "no conflicts found", now, old)
        text = "the initial names have been accepted"
        established = _condition("Established", "True", "InitialNamesAccepted", text, now, old)
    else:
        names = _condition("NamesAccepted", "False", problem[0], problem[1], now, old)
        before = next((each for each in old if each["type"] == "Established"), None)
        if before is not None and before["status"] == "True":
            established = before
        else:
            established = _condition(
                "Established", "False", "NotAccepted", "not all names are accepted", now, old
            )
    rest = [each for each in old if each["type"] not in ("NamesAccepted", "Established")]
    status["conditions"] = [names, established, *rest]
    status["acceptedNames"] = accepted
    storage = next((version["name"] for version in spec["versions"] if version.get("storage")), "")
    stored: list[str] = status.get("storedVersions") or []
    status["storedVersions"] = stored if storage in stored else [*stored, storage]
    if definition["metadata"].get("deletionTimestamp"):
        reason, text = "InstanceDeletionInProgress", "CustomResource deletion is in progress"
        terminating = _condition("Terminating", "True", reason, text, now, old)
        kept = [each for each in status["conditions"] if each["type"] != "Terminating"]
        status["conditions"] = [*kept, terminating]
    return definition


def is_established(definition: JSONObject) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)
