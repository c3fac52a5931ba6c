"""How a plugin of the chain says no."""

from __future__ import annotations

from reconcile.apiserver.interfaces import AdmissionAttributes, JSONObject
from reconcile.apiserver.status import StatusError, forbidden


def refused(
    attributes: AdmissionAttributes, text: str, *, causes: list[JSONObject] | None = None
) -> StatusError:
    """403 in the words of `admission.NewForbidden`: `pods "web-" is forbidden: …`.

    A name that is still to be generated shows as its prefix, one that nobody knows as `Unknown`.
    """
    kind, name = attributes.resource.type, attributes.name
    if not name:
        obj = attributes.object or {}
        meta: JSONObject = obj.get("metadata") or {}
        name = meta.get("name") or meta.get("generateName") or "Unknown"
    error = forbidden(kind.group, kind.plural, name, text)
    if causes:
        details = {**error.details, "causes": causes}
        return StatusError(error.message, code=403, reason="Forbidden", details=details)
    return error
