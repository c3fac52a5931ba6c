"""Between the two forms in which some built-in kinds are served."""

from __future__ import annotations

from typing import Any

JSONObject = dict[str, Any]

_TO_NEW_EVENT = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_TO_CORE_EVENT = {new: old for old, new in _TO_NEW_EVENT.items()}
_CORE_ALWAYS: JSONObject = {
    "involvedObject": {},
    "source": {},
    "firstTimestamp": None,
    "lastTimestamp": None,
    "eventTime": None,
    "reportingComponent": "",
    "reportingInstance": "",
}


class EventConversion:
    """core/v1 and events.k8s.io/v1: the same fields under two sets of names."""

    async def convert(self, objects: list[JSONObject], api_version: str) -> list[JSONObject]:
        return [self._one(obj, api_version) for obj in objects]

    def _one(self, obj: JSONObject, api_version: str) -> JSONObject:
        if obj.get("apiVersion") == api_version:
            return obj
        new_form = api_version != "v1"
        names = _TO_NEW_EVENT if new_form else _TO_CORE_EVENT
        result = {names.get(key, key): value for key, value in obj.items()}
        result["apiVersion"] = api_version
        if new_form:
            for key in ("regarding", "deprecatedSource"):
                result.setdefault(key, {})
            for key in ("eventTime", "deprecatedFirstTimestamp", "deprecatedLastTimestamp"):
                result.setdefault(key, None)
        else:
            result = {**_CORE_ALWAYS, **result}
        return result
