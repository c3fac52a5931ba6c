"""`pods/ephemeralcontainers`: containers for debugging may be added, never changed or removed."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, quoted
from reconcile.apiserver.interfaces import RequestContext, Strategy
from reconcile.apiserver.strategies.basic import keep, keep_metadata
from reconcile.apiserver.strategies.changes import difference
from reconcile.apiserver.strategies.pod_annotations import MIRROR, annotation_changes, annotation_errors
from reconcile.apiserver.strategies.pod_gates import drop_disabled
from reconcile.apiserver.strategies.pod_spec import pod_errors
from reconcile.apiserver.strategies.pod_updates import next_generation, unchanged
from reconcile.objects.json_copy import copy_json

JSONObject = dict[str, Any]

_FIELD = "spec.ephemeralContainers"


class EphemeralContainersStrategy(Strategy):
    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        spec = copy_json(old["spec"])
        keep(spec, new["spec"], "ephemeralContainers")
        new["spec"] = spec
        keep(new, old, "status")
        keep_metadata(new["metadata"], old["metadata"])
        drop_disabled(spec)
        next_generation(new, old)

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        given: dict[str, str] = new["metadata"].get("annotations") or {}
        held: dict[str, str] = old["metadata"].get("annotations") or {}
        errors = annotation_errors(given, new["spec"], held)
        errors += pod_errors(new["spec"], new["metadata"].get("name", ""))
        errors += annotation_changes(given, held, new["spec"])
        if MIRROR in held:
            return [forbidden("", "static pods do not support ephemeral containers")]
        by_name = {each.get("name") or "": each for each in new["spec"].get("ephemeralContainers") or ()}
        for container in old["spec"].get("ephemeralContainers") or ():
            name = container.get("name") or ""
            text = f"existing ephemeral containers {quoted(name)} may not be"
            if name not in by_name:
                errors.append(forbidden(_FIELD, f"{text} removed\n"))
            elif not unchanged(by_name[name], container):
                changed = difference(container, by_name[name])
                errors.append(forbidden(_FIELD, f"{text} changed\n{changed}"))
        return errors
