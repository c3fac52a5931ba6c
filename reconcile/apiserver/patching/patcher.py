"""JSON patch, merge patch, strategic merge patch and server-side apply, by content type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from reconcile.apiserver.field_errors import invalid
from reconcile.apiserver.interfaces import FieldManager, JSONObject, RequestContext
from reconcile.apiserver.schemas.decoding import json_type
from reconcile.apiserver.status import StatusError, bad_request, unsupported_media_type
from reconcile.apiserver.status import invalid as invalid_status
from reconcile.objects.patches import PatchError, apply_json_patch, apply_merge_patch, apply_strategic_patch

if TYPE_CHECKING:
    from reconcile.apiserver.resources import Resource
    from reconcile.objects.patches import PatchSchema

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
APPLY_CBOR = "application/apply-patch+cbor"

_OPERATION_FIELDS = frozenset({"op", "path", "from", "value"})
_REASONS = {400: "BadRequest", 413: "RequestEntityTooLarge", 422: "Invalid", 500: ""}


class Patcher:
    """Makes the new object out of the current one and a patch."""

    def __init__(self, field_manager: FieldManager, *, cbor: bool = False) -> None:
        self._field_manager = field_manager
        known = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)
        self.content_types: tuple[str, ...] = (*known, APPLY_CBOR) if cbor else known

    async def patch(
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
            configuration, repeated = self._applied(body)
            new = await self._field_manager.apply(configuration, current, context)
            _check_repeated(repeated, context)
            return new
        if kind == APPLY_CBOR:
            return await self._field_manager.apply(_applied_cbor(body), current, context)
        assert current is not None
        patch, findings = self._decoded(kind, body)
        try:
            if kind == JSON_PATCH:
                patched = apply_json_patch(current, patch)
            elif kind == MERGE_PATCH:
                patched = apply_merge_patch(current, patch)
            else:
                assert schema is not None
                patched = apply_strategic_patch(current, patch, schema)
                if isinstance(patched, dict):
                    # It is of the type that was patched, whatever it says.
                    patched["kind"], patched["apiVersion"] = current["kind"], current["apiVersion"]
        except PatchError as error:
            raise _status(error) from None
        if not isinstance(patched, dict):
            raise bad_request("a patch must leave an object")
        _check(patched, context, findings)
        return patched

    @staticmethod
    def _decoded(kind: str, body: bytes) -> tuple[Any, list[str]]:
        """The patch, and what a strict reader finds in it."""
        from reconcile.apiserver.handlers.bodies import go_json_error, may_repeat, merged_repeats
        from reconcile.apiserver.handlers.nesting import TooDeepError, check_depth

        prefix = "" if kind == STRATEGIC_PATCH else "error decoding patch: "
        wanted = "map[string]interface {}"
        if kind == JSON_PATCH:
            wanted = "[]handlers.jsonPatchOp"
        try:
            patch: Any = msgspec.json.decode(body)
        except msgspec.DecodeError:
            raise bad_request(f"{prefix}{go_json_error(body)}") from None
        except RecursionError:
            try:
                check_depth(body)
            except TooDeepError as error:
                raise bad_request(f"{prefix}{error}") from None
            raise
        if not isinstance(patch, list if kind == JSON_PATCH else dict):
            found = json_type(patch)
            raise bad_request(f"{prefix}json: cannot unmarshal {found} into Go value of type {wanted}")
        if kind == JSON_PATCH:
            wrong = next((each for each in patch if each is not None and not isinstance(each, dict)), None)
            if wrong is not None:
                text = f"cannot unmarshal {json_type(wrong)} into Go value of type handlers.jsonPatchOp"
                raise bad_request(f"{prefix}json: {text}")
            return patch, [
                f'json patch unknown field "[{index}].{key}"'
                for index, operation in enumerate(patch)
                if isinstance(operation, dict)
                for key in operation
                if key not in _OPERATION_FIELDS
            ]
        if kind == MERGE_PATCH and may_repeat(body, patch):
            return merged_repeats(body)
        return patch, []

    @staticmethod
    def _applied(body: bytes) -> tuple[JSONObject, list[str]]:
        """An apply configuration, and which keys come twice in it."""
        from reconcile.apiserver.handlers.bodies import may_repeat
        from reconcile.apiserver.handlers.yaml_bodies import load_yaml, repeated_keys

        found: list[str] = []
        try:
            try:
                decoded: Any = msgspec.json.decode(body)
            except (msgspec.DecodeError, RecursionError):
                decoded, found = load_yaml(body)
            else:
                if may_repeat(body, decoded):
                    found = repeated_keys(body)
        except ValueError as error:
            raise bad_request(f"error decoding YAML: error converting YAML to JSON: {error}") from None
        if not isinstance(decoded, dict):
            raise bad_request(
                "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
                f"{json_type(decoded)} into Go value of type map[string]interface {{}}"
            )
        return cast("JSONObject", decoded), found


def _applied_cbor(body: bytes) -> JSONObject:
    from reconcile.apiserver.cbor import CBORError, decode, type_of
    from reconcile.apiserver.handlers.cbor_bodies import no_cbor_map

    try:
        found = decode(body)
    except CBORError as error:
        raise bad_request(f"error decoding YAML: {error}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise bad_request(f"error decoding YAML: {no_cbor_map(type_of(body), 'map[string]interface {}')}")
    return cast("JSONObject", found)


def _status(error: PatchError) -> StatusError:
    if error.code == 422:
        # The real server keeps what a JSON patch met to itself.
        text = "the server rejected our request due to an error in our request"
        return StatusError(text, code=422, reason="Invalid", details={})
    return StatusError(str(error), code=error.code, reason=_REASONS.get(error.code, ""))


def _check(patched: JSONObject, context: RequestContext, found: list[str]) -> None:
    """The result is of the kind that was patched, and the patch itself was written as it should be."""
    kind = context.resource.type
    given = patched.get("kind") or kind.kind, patched.get("apiVersion") or kind.api_version
    if given != (kind.kind, kind.api_version) and not context.resource.custom:
        raise _invalid_patch(patched, f"{given[0]} of {given[1]} is no {kind.kind}")
    if found and context.field_validation == "Strict":
        raise _invalid_patch(patched, f"strict decoding error: {', '.join(found)}")
    if context.field_validation == "Warn":
        context.warnings.extend(found)


def _check_repeated(found: list[str], context: RequestContext) -> None:
    """Keys that come twice in an apply configuration are an error once it was applied, not before."""
    if found and context.field_validation == "Strict":
        text = "error converting YAML to JSON: yaml: unmarshal errors:"
        raise bad_request("\n  ".join((f"error strict decoding YAML: {text}", *found)))
    if context.field_validation == "Warn":
        context.warnings.extend(found)


def undecodable(
    patched: JSONObject, error: StatusError, resource: Resource, strategic: bytes = b""
) -> StatusError:
    """A result that the kind cannot be decoded from is the patch's fault: 422, where a body would get 400.

    `strategic`: the patch, where it was a strategic one; it is shown then, and not what it made.
    """
    _, marker, rest = error.message.partition(" cannot be handled as a ")
    problem = rest.partition(": ")[2] if marker else error.message
    if not strategic:
        return _invalid_patch(patched, problem)
    from reconcile.apiserver.schemas.restoring import go_shown

    # Strategic patches are for built-in kinds, whose schemas know.
    problem = cast("Any", resource.schema).restoring_problem(patched) or problem
    shown = go_shown(msgspec.json.decode(strategic))
    return invalid_status("", "", "", [invalid("patch", shown, problem)])


def _invalid_patch(patched: JSONObject, problem: str) -> StatusError:
    shown = msgspec.json.encode(patched).decode()
    return invalid_status("", "", "", [invalid("patch", shown, problem)])
