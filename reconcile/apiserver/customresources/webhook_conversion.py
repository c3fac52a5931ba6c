"""Conversion between the versions of a custom resource by a webhook (ConversionReview).

As apiextensions' pkg/apiserver/conversion: what is sent, what of an answer is taken, the words of failures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from reconcile.apiserver.admission.webhooks.calling import Caller, CallError
from reconcile.apiserver.field_errors import aggregate, go_quote
from reconcile.apiserver.status import StatusError
from reconcile.objects.json_copy import copy_json

if TYPE_CHECKING:
    from reconcile.apiserver.interfaces import ObjectSchema

JSONObject = dict[str, Any]
_GROUP = "apiextensions.k8s.io"
_TIMEOUT = 30.0


class WebhookConversion:
    """Asks the webhook of a definition. Implements `interfaces.CustomConversion`."""

    outside = True

    def __init__(
        self,
        webhook: Mapping[str, Any],
        caller: Caller,
        schemas: Mapping[str, ObjectSchema],
        uuid: Callable[[], str],
    ) -> None:
        """`schemas` are those of the versions, by apiVersion: what comes back is pruned."""
        self._config: Mapping[str, Any] = webhook.get("clientConfig") or {}
        self._versions: list[str] = webhook.get("conversionReviewVersions") or []
        self._caller = caller
        self._schemas = schemas
        self._uuid = uuid

    async def convert(self, objects: list[JSONObject], api_version: str) -> list[JSONObject]:
        """The objects in the version. Raises StatusError 500 when the webhook does not do its part."""
        if all(obj.get("apiVersion") == api_version for obj in objects):
            return objects
        made = await self.rewrite(objects, api_version)
        schema = self._schemas.get(api_version)
        if schema is not None:
            for obj in made:
                _prune(obj, schema)
        return made

    async def rewrite(self, objects: list[JSONObject], api_version: str) -> list[JSONObject]:
        """The objects as the webhook writes them. Raises as `convert` does."""
        wanted = [obj for obj in objects if obj.get("apiVersion") != api_version]
        converted = iter(await self._ask(wanted, api_version) if wanted else ())
        return [obj if obj.get("apiVersion") == api_version else next(converted) for obj in objects]

    def refresh(self, obj: JSONObject) -> None:
        """What was stored under an older schema of its version, as the present one reads it."""
        schema = self._schemas.get(str(obj.get("apiVersion")))
        if schema is not None:
            _prune(obj, schema)
            schema.default(obj)

    async def _ask(self, objects: list[JSONObject], api_version: str) -> list[JSONObject]:
        version = next((each for each in self._versions if each in ("v1", "v1beta1")), None)
        if version is None:
            raise StatusError("no supported conversion review versions", code=500)
        uid = self._uuid()
        review = {
            "kind": "ConversionReview",
            "apiVersion": f"{_GROUP}/{version}",
            "request": {"uid": uid, "desiredAPIVersion": api_version, "objects": objects},
        }
        named = f"conversion webhook for {objects[0].get('apiVersion')}, Kind={objects[0].get('kind')}"
        try:
            answer = await self._caller.ask(self._config, review, _TIMEOUT)
            found = _objects(answer, version, uid)
        except (CallError, _BadAnswer) as error:
            raise _failed(f"{named} failed: {error}") from None
        if len(found) != len(objects):
            raise _failed(f"{named} returned {len(found)} objects, expected {len(objects)}")
        return [_checked(one, other, api_version, named) for one, other in zip(objects, found, strict=True)]


class _BadAnswer(Exception):
    pass


def _failed(message: str) -> StatusError:
    return StatusError(message, code=500)


def _objects(review: JSONObject, version: str, uid: str) -> list[Any]:
    group, _, found = str(review.get("apiVersion") or "").rpartition("/")
    kind = review.get("kind") or ""
    if version == "v1" and (group, found, kind) != (_GROUP, "v1", "ConversionReview"):
        raise _BadAnswer(
            f"expected webhook response of {_GROUP}/v1, Kind=ConversionReview, got {group}/{found}, "
            f"Kind={kind}"
        )
    response: Any = review.get("response")
    if not isinstance(response, dict):
        raise _BadAnswer("no response provided")
    given = response.get("uid") or ""
    if version == "v1" and given != uid:
        raise _BadAnswer(f"expected response.uid={go_quote(uid)}, got {go_quote(given)}")
    result: JSONObject = response.get("result") or {}
    if result.get("status") != "Success":
        text = f"response.result.status was '{result.get('status') or ''}', not 'Success'"
        raise _BadAnswer(result.get("message") or text)
    return response.get("convertedObjects") or []


def _checked(original: JSONObject, converted: Any, api_version: str, named: str) -> JSONObject:
    """The converted object with the original's metadata but for labels and annotations."""
    wrong = f"{named} returned invalid object at index 0:"
    if not isinstance(converted, dict) or converted.get("apiVersion") != api_version:
        got = converted.get("apiVersion") or "" if isinstance(converted, dict) else ""
        shown = got or "/"
        raise _failed(f"{wrong} invalid groupVersion (expected {api_version}, received {shown})")
    if converted.get("kind") != original.get("kind"):
        expected, got = original.get("kind"), converted.get("kind") or ""
        raise _failed(f"{wrong} invalid kind (expected {expected}, received {got})")
    meta: Any = converted.get("metadata")
    held: JSONObject = original.get("metadata") or {}
    given: JSONObject = meta if isinstance(meta, dict) else {}
    for key, name in (("name", "name"), ("namespace", "namespace"), ("uid", "UID")):
        if (held.get(key) or "") != (given.get(key) or ""):
            raise _failed(
                f"{named} returned invalid object: must have the same {name}: {held.get(key) or ''} != "
                f"{given.get(key) or ''}"
            )
    invalid = f"{named} returned invalid metadata:"
    if not isinstance(meta, dict):
        raise _failed(f"{invalid} missing metadata in converted object")
    made: JSONObject = copy_json(held)
    for key in ("labels", "annotations"):
        values: Any = meta.get(key)
        if values is None:
            made.pop(key, None)
            continue
        if values != (held.get(key) or {}):
            problem = _metadata_problem(key, values)
            if problem:
                raise _failed(f"{invalid} {problem}")
        made[key] = values
    converted["metadata"] = made
    return converted


def _metadata_problem(key: str, values: Any) -> str:
    from reconcile.apiserver.handlers.object_meta import annotation_problems, label_problems

    if not isinstance(values, dict):
        return f"invalid metadata.{key} of type {_go_type(values)} in converted object"
    for name, value in values.items():
        if not isinstance(value, str):
            return f"metadata.{key}[{name}] must be a string, but is {_go_type(value)} in converted object"
    if key == "labels":
        errors = label_problems(values, "metadata.labels")
    else:
        errors = annotation_problems(values, "metadata.annotation")
    return aggregate([str(error) for error in errors]) if errors else ""


def _go_type(value: Any) -> str:
    from reconcile.objects.patches.errors import go_type

    return go_type(value)


def _prune(obj: JSONObject, schema: ObjectSchema) -> None:
    from reconcile.apiserver.interfaces import RequestContext

    no_context: RequestContext = None  # type: ignore[assignment]
    schema.check(obj, no_context)
