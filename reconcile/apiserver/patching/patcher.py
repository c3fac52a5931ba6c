"""JSON patch, merge patch, strategic merge patch and server-side apply, by content type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from reconcile.apiserver.field_errors import invalid
from reconcile.apiserver.interfaces import FieldManager, JSONObject, RequestContext
from reconcile.apiserver.status import StatusError, bad_request, unsupported_media_type
from reconcile.apiserver.status import invalid as invalid_status
from reconcile.objects.json_copy import copy_json
from reconcile.objects.patches import PatchError, apply_json_patch, apply_merge_patch, apply_strategic_patch

if TYPE_CHECKING:
    from reconcile.objects.patches import PatchSchema

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
APPLY_CBOR = "application/apply-patch+cbor"

_REASONS = {400: "BadRequest", 413: "RequestEntityTooLarge", 422: "Invalid", 500: ""}


class Patcher:
    """Makes the new object out of the current one and a patch."""

    content_types = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH, APPLY_CBOR)

    def __init__(self, field_manager: FieldManager) -> None:
        self._field_manager = field_manager

    def patch(
        self, content_type: str, body: bytes, current: JSONObject | None, context: RequestContext
    ) -> JSONObject:
        kind = content_type.partition(";")[0].strip()
        schema: PatchSchema | None = None
        if kind == STRATEGIC_PATCH and not context.resource.custom:
            schema = context.resource.schema.patch_schema
        if kind not in self.content_types or (kind == STRATEGIC_PATCH and schema is None):
            # Custom resources know no strategic patch.
            accepted = [
                each for each in self.content_types if each != STRATEGIC_PATCH or not context.resource.custom
            ]
            raise unsupported_media_type(
                "the body of the request was in an unknown format - accepted media types include: "
                + ", ".join(accepted)
            )
        if kind == APPLY_PATCH:
            return self._field_manager.apply(self._applied(body), current, context)
        if kind == APPLY_CBOR:
            raise unsupported_media_type("CBOR is not served: use " + APPLY_PATCH)
        assert current is not None
        patch = self._decoded(body)
        try:
            if kind == JSON_PATCH:
                patched = apply_json_patch(current, patch)
            elif kind == MERGE_PATCH:
                patched = apply_merge_patch(current, patch)
            else:
                assert schema is not None
                if not isinstance(patch, dict):
                    raise bad_request(
                        "json: cannot unmarshal array into Go value of type map[string]interface {}"
                    )
                patched = apply_strategic_patch(current, patch, schema)
        except PatchError as error:
            raise _status(error) from None
        if not isinstance(patched, dict):
            raise bad_request("a patch must leave an object")
        if kind != STRATEGIC_PATCH:
            _check(patched, context)
        return patched

    @staticmethod
    def _decoded(body: bytes) -> Any:
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise bad_request(f"error decoding patch: {error}") from None

    @staticmethod
    def _applied(body: bytes) -> JSONObject:
        import yaml

        try:
            decoded: Any = msgspec.json.decode(body)
        except msgspec.DecodeError:
            try:
                decoded = yaml.load(body, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            except (yaml.YAMLError, RecursionError) as error:
                raise bad_request(f"error decoding YAML: {error}") from None
        if not isinstance(decoded, dict):
            raise bad_request("error decoding YAML: error unmarshaling JSON: the patch is not an object")
        return decoded


def _status(error: PatchError) -> StatusError:
    if error.code == 422:
        # The real server keeps what a JSON patch met to itself.
        text = "the server rejected our request due to an error in our request"
        return StatusError(text, code=422, reason="Invalid", details={})
    return StatusError(str(error), code=error.code, reason=_REASONS.get(error.code, ""))


def _check(patched: JSONObject, context: RequestContext) -> None:
    """A result that the kind cannot be decoded from is the patch's fault: 422, where a body would get 400.

    Works on a copy: the handlers decode the result themselves.
    """
    try:
        findings = context.resource.schema.check(copy_json(patched), context)
        if not findings or context.field_validation != "Strict":
            return
        problem = f"strict decoding error: {', '.join(findings)}"
    except StatusError as error:
        _, marker, problem = error.message.partition(" cannot be handled as a ")
        problem = problem.partition(": ")[2] if marker else error.message
    shown = msgspec.json.encode(patched).decode()
    raise invalid_status("", "", "", [invalid("patch", shown, problem)])
