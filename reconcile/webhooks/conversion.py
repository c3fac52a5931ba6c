"""Conversion between the versions of a custom kind, as an API server asks for it: ConversionReview.

    objects ──decode──▶ source version ──@conversion functions──▶ target version ──encode──▶ objects
                          (as many steps as lead there: hub and spokes have at most two)

Pure: a review in, a review out. The protocol is that of apiextensions' `ConversionReview`: the answer has the
request's uid and as many objects in the same order; one that cannot be converted fails the whole review. Of
an object's metadata only labels and annotations are a conversion's to change, so everything else goes back
as the bytes said it, also what this library does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import msgspec

from reconcile.errors import ConfigurationError, ObjectDecodeError
from reconcile.objects.codecs import codec_for
from reconcile.objects.json_copy import copy_json
from reconcile.webhooks.errors import BadReviewError

if TYPE_CHECKING:
    # Models come with Pydantic; an operator without any does not pay for it.
    from reconcile.objects.custom import CustomResource

JSONObject = dict[str, Any]
ObjectConverter = Callable[[JSONObject, str], JSONObject]
"""From an object and the apiVersion that is wanted to the object in it; may change what it is given."""

REVIEW_VERSIONS: Final = ("apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1")
DEFAULT_PATH: Final = "/convert"


@dataclass(frozen=True, slots=True)
class ConversionHook:
    """Converts the objects of one kind between its versions. `converting` makes one from models.

    Attributes:
        group: API group of the kind, such as `example.com`.
        kind: the kind, such as `Database`.
        convert: makes an object in another version; for kinds without models it is a function on dicts.
        path: the path at which it is asked for. Kinds may share one.
        service: `namespace/name` of the service that leads here; empty where any may.
        definition: name of the CustomResourceDefinition, such as `databases.example.com`; where it is given,
            an operator with certificates of its own tells it what to trust.
    """

    group: str
    kind: str
    convert: ObjectConverter
    path: str = DEFAULT_PATH
    service: str = ""
    definition: str = ""


def converting(model: type[CustomResource]) -> ConversionHook:
    """The webhook of a kind whose versions have `@conversion` functions between them.

    A manager adds it by itself for the kinds of its controllers that say `conversion=WebhookConversion(…)`;
    `manager.add(converting(Database))` is for others. Path and service are those of that `WebhookConversion`.

    Raises:
        ConfigurationError: there is only one version, or functions between two of them are missing.
    """
    from reconcile.objects.conversions import complete_versions

    versions = complete_versions(model)
    resource = model.__resource_type__
    said = said_conversion(versions)
    path, service = DEFAULT_PATH, ""
    if said is not None:
        service = said.service
        url: str = said.url
        path = str(urlsplit(url).path or "/") if url else str(said.path)
    definition = f"{resource.plural}.{resource.group}"
    return ConversionHook(resource.group, resource.kind, _by_models(versions), path, service, definition)


def said_conversion(versions: Iterable[type[CustomResource]]) -> Any:
    """The `conversion=WebhookConversion(…)` that one of the versions has; None where none has."""
    return next((found for each in versions if (found := each.__crd_options__.get("conversion"))), None)


def _by_models(versions: Iterable[type[CustomResource]]) -> ObjectConverter:
    from reconcile.objects.conversions import convert

    by_name = {each.__resource_type__.api_version: each for each in versions}

    def convert_by_models(obj: JSONObject, api_version: str) -> JSONObject:
        source, target = by_name.get(obj["apiVersion"]), by_name.get(api_version)
        if source is None or target is None:
            unknown = api_version if source is not None else obj["apiVersion"]
            raise ConfigurationError(f"{unknown} is no version of it; there are {', '.join(sorted(by_name))}")
        read = codec_for(source).decode(msgspec.json.encode(obj))
        made: CustomResource = convert(read, target)
        found = codec_for(target).to_plain(made)
        metadata: JSONObject = copy_json(obj.get("metadata") or {})
        for key in ("labels", "annotations"):
            before: Mapping[str, str] = getattr(read.metadata, key)
            after: Mapping[str, str] = getattr(made.metadata, key)
            if before != after:
                metadata[key] = dict(after)
        found["metadata"] = metadata
        return found

    return convert_by_models


def convert_object(hook: ConversionHook, obj: JSONObject, api_version: str) -> JSONObject:
    """One object in another version, with the metadata that it had but for labels and annotations.

    Raises what the conversion raises.
    """
    if obj.get("apiVersion") == api_version:
        return obj
    held: JSONObject = obj.get("metadata") or {}
    made = hook.convert(copy_json(obj), api_version)
    given: Any = made.get("metadata")
    metadata: JSONObject = copy_json(held)
    if isinstance(given, Mapping):
        for key in ("labels", "annotations"):
            value = cast("Mapping[str, Any]", given).get(key)
            if value:
                metadata[key] = value
            else:
                metadata.pop(key, None)
    return {**made, "apiVersion": api_version, "kind": obj.get("kind"), "metadata": metadata}


@dataclass(frozen=True, slots=True)
class ConversionRequest:
    """What a ConversionReview asks for.

    Attributes:
        review_version: apiVersion of the review, in which it is answered.
        uid: of the request.
        api_version: the version that is wanted.
        objects: what is to be converted.
    """

    review_version: str
    uid: str
    api_version: str
    objects: tuple[JSONObject, ...]


def read_conversion_request(review: Any) -> ConversionRequest:
    """What a review asks for. Raises `BadReviewError` for what is no ConversionReview."""
    if not isinstance(review, dict):
        raise BadReviewError("expected a ConversionReview, got no JSON object")
    given = cast("JSONObject", review)
    version, kind = given.get("apiVersion"), given.get("kind")
    if kind != "ConversionReview" or version not in REVIEW_VERSIONS:
        raise BadReviewError(
            f"expected a ConversionReview of {REVIEW_VERSIONS[0]}, got {kind or 'no kind'} of "
            f"{version or 'no apiVersion'}"
        )
    request: Any = given.get("request")
    if not isinstance(request, dict):
        raise BadReviewError("the ConversionReview has no request")
    asked = cast("JSONObject", request)
    uid, wanted, objects = asked.get("uid"), asked.get("desiredAPIVersion"), asked.get("objects")
    if not isinstance(uid, str) or not isinstance(wanted, str) or not wanted:
        raise BadReviewError("the request of the ConversionReview needs uid and desiredAPIVersion")
    if not isinstance(objects, list):
        raise BadReviewError("the request of the ConversionReview has no list of objects")
    for index, obj in enumerate(cast("list[Any]", objects)):
        if not _is_object(obj):
            raise BadReviewError(f"request.objects[{index}] is no object with apiVersion and kind")
    return ConversionRequest(str(version), uid, wanted, tuple(cast("list[JSONObject]", objects)))


def _is_object(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    obj = cast("JSONObject", value)
    said = all(isinstance(obj.get(key), str) and obj[key] for key in ("apiVersion", "kind"))
    return said and isinstance(obj.get("metadata", {}), dict)


def hook_for(hooks: Mapping[tuple[str, str], ConversionHook], obj: JSONObject) -> ConversionHook:
    """The hook of an object's kind. Raises `ConfigurationError` where there is none."""
    group = obj["apiVersion"].rpartition("/")[0]
    found = hooks.get((group, obj["kind"]))
    if found is None:
        known = ", ".join(f"{kind}.{group}" for group, kind in sorted(hooks)) or "none"
        raise ConfigurationError(f"no conversions of {obj['kind']}.{group} here; there are those of {known}")
    return found


def converted(request: ConversionRequest, objects: Iterable[JSONObject]) -> JSONObject:
    """The answer of a request that went well."""
    return _answer(request, list(objects), {"status": "Success"})


def refused(request: ConversionRequest, message: str) -> JSONObject:
    """The answer of a request of which something cannot be converted."""
    return _answer(request, [], {"status": "Failure", "message": message})


def failure_text(obj: JSONObject, api_version: str, error: Exception) -> str:
    """What a server, and so whoever asked it, is told of an object that cannot be converted."""
    metadata: JSONObject = obj.get("metadata") or {}
    key = "/".join(part for part in (metadata.get("namespace"), metadata.get("name")) if part)
    what = f"{obj['kind']} {key or '(no name)'} from {obj['apiVersion']} to {api_version}"
    if isinstance(error, ConfigurationError | ObjectDecodeError):
        return f"cannot convert {what}: {error}"
    return f"cannot convert {what}: {type(error).__name__}: {error}"


def _answer(request: ConversionRequest, objects: list[JSONObject], result: JSONObject) -> JSONObject:
    response = {"uid": request.uid, "convertedObjects": objects, "result": result}
    return {"apiVersion": request.review_version, "kind": "ConversionReview", "response": response}


def review_conversions(review: Any, hooks: Iterable[ConversionHook]) -> JSONObject:
    """The answer to a ConversionReview: the whole protocol in one call, for tests and servers of your own.

    Raises:
        BadReviewError: it is no ConversionReview. What cannot be converted is a failed answer instead.
    """
    request = read_conversion_request(review)
    by_kind = {(hook.group, hook.kind): hook for hook in hooks}
    made: list[JSONObject] = []
    for obj in request.objects:
        try:
            made.append(convert_object(hook_for(by_kind, obj), obj, request.api_version))
        except Exception as error:
            return refused(request, failure_text(obj, request.api_version, error))
    return converted(request, made)
