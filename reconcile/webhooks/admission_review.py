"""A hook is asked: AdmissionReview in, AdmissionReview out.

    review ──▶ request (typed object) ──▶ hook ──▶ verdict ──▶ response: allowed, or refused with its Status;
                                                               a mutation as a JSON patch

The protocol is that of `admission.k8s.io`; v1beta1 has the same shape and is answered in itself.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from reconcile.errors import ObjectDecodeError, StatusCause
from reconcile.objects.codecs import codec_for, codec_of
from reconcile.objects.identity import GroupVersionKind
from reconcile.objects.json_copy import copy_json
from reconcile.objects.kinds import resource_type_of
from reconcile.objects.origin import plain_states
from reconcile.objects.patches.json_patch_diff import create_json_patch
from reconcile.webhooks.admission import OPERATIONS, AdmissionHook, AdmissionRequest, Denied, UserInfo
from reconcile.webhooks.errors import BadReviewError, HookFailedError
from reconcile.webhooks.stats import HookStats

if TYPE_CHECKING:
    from reconcile.controllers.logs import Logger
    from reconcile.runtime import Runtime

JSONObject = dict[str, Any]

REVIEW_VERSIONS: Final = ("admission.k8s.io/v1", "admission.k8s.io/v1beta1")
BODY_LIMIT: Final = 7 * 1024 * 1024
_MOST_CAUSES: Final = 20


class AdmissionEndpoint:
    """One hook at its path.

    Args:
        hook: what answers.
        log: where failures are written.
        runtime: its threads run plain functions.
    """

    body_limit = BODY_LIMIT

    def __init__(self, hook: AdmissionHook[Any], log: Logger, runtime: Runtime) -> None:
        self.hook = hook
        self.path = hook.path
        self.what = hook.what
        self.stats = HookStats()
        self._log = log
        self._runtime = runtime

    def answers_for(self, host: str) -> bool:
        return True

    async def review(self, review: Any, timeout: float) -> JSONObject:
        asked = _asked(review)
        request: AdmissionRequest[Any] | None = None
        patch: list[JSONObject] = []
        try:
            request, raw = _request(self.hook, asked, timeout)
            async with asyncio.timeout(timeout):
                returned = await self._ask(request)
            if self.hook.what == "mutating" and raw is not None:
                patch = _patch(self.hook, request, raw, returned)
        except Denied as denial:
            return _answer(review, asked, request, status=_status(denial))
        except (TimeoutError, BadReviewError):
            raise
        except Exception as error:
            self.stats.panics += 1
            self._log.error("a webhook failed", path=self.path, exc_info=error)
            raise HookFailedError(f"{self.hook.name}: {type(error).__name__}: {error}") from error
        return _answer(review, asked, request, patch=patch)

    async def _ask(self, request: AdmissionRequest[Any]) -> Any:
        function = self.hook.function
        if function is None:
            return None
        if inspect.iscoroutinefunction(function):
            return await function(request)
        made = await self._runtime.run_in_thread(lambda: function(request), name=f"webhook {self.path}")
        return await made if inspect.isawaitable(made) else made


async def review_admission(
    hook: AdmissionHook[Any], review: Any, *, runtime: Runtime | None = None, timeout: float = 10.0
) -> JSONObject:
    """The answer to an AdmissionReview: the whole protocol in one call, for tests and servers of your own.

    Raises:
        BadReviewError: it is no AdmissionReview, or not of the hook's kind.
        HookFailedError: the hook raised something else than `Denied`.
        TimeoutError: it took longer than `timeout` seconds.
    """
    from reconcile.runtime import SystemRuntime

    return await AdmissionEndpoint(hook, _Silent(), runtime or SystemRuntime()).review(review, timeout)  # type: ignore[arg-type]


class _Silent:
    """The error is raised: nobody has to be told twice."""

    def error(self, event: str, **fields: Any) -> None: ...


def _asked(review: Any) -> JSONObject:
    if not isinstance(review, dict):
        raise BadReviewError("expected an AdmissionReview, got no JSON object")
    given = cast("JSONObject", review)
    version, kind = given.get("apiVersion"), given.get("kind")
    if kind != "AdmissionReview" or version not in REVIEW_VERSIONS:
        raise BadReviewError(
            f"expected an AdmissionReview of {REVIEW_VERSIONS[0]}, got {kind or 'no kind'} of "
            f"{version or 'no apiVersion'}"
        )
    request: Any = given.get("request")
    if not isinstance(request, dict):
        raise BadReviewError("the AdmissionReview has no request")
    asked = cast("JSONObject", request)
    if not isinstance(asked.get("uid"), str) or not asked["uid"]:
        raise BadReviewError("the request of the AdmissionReview has no uid")
    if asked.get("operation") not in OPERATIONS:
        raise BadReviewError(f"the request's operation is none of {', '.join(OPERATIONS)}")
    for name in ("kind", "resource"):
        if not isinstance(asked.get(name), dict):
            raise BadReviewError(f"the request of the AdmissionReview has no {name}")
    return asked


def _request(
    hook: AdmissionHook[Any], asked: JSONObject, timeout: float
) -> tuple[AdmissionRequest[Any], bytes | None]:
    """The request, typed, and the bytes of its object."""
    codec = codec_for(hook.kind)
    kind = _gvk(asked["kind"])
    expected = resource_type_of(hook.kind)
    if (kind.group, kind.version, kind.kind) != (expected.group, expected.version, expected.kind):
        about = f"{kind.group}/{kind.version}".removeprefix("/")
        raise BadReviewError(
            f"the webhook at {hook.path} is for {expected.api_version} {expected.kind}, and was asked about "
            f"{about} {kind.kind}: its rules are not its own, or matchPolicy is not Equivalent"
        )
    obj, old = _object(asked.get("object")), _object(asked.get("oldObject"))
    raw = None if obj is None else msgspec.json.encode(obj)
    user: JSONObject = asked.get("userInfo") or {}
    resource: JSONObject = asked["resource"]
    request_kind = _object(asked.get("requestKind"))
    leaving = hook.function is None and obj is not None and _is_leaving(obj)
    decoded: Any = None
    if raw is not None and not leaving:
        try:
            decoded = codec.decode(raw)
        except ObjectDecodeError as error:
            raise _undecodable(hook, asked, error) from error
    read_old = None if old is None else lambda: codec.decode(msgspec.json.encode(old))
    request: AdmissionRequest[Any] = AdmissionRequest(
        uid=asked["uid"],
        operation=asked["operation"],
        kind=kind,
        resource=(
            str(resource.get("group") or ""),
            str(resource.get("version") or ""),
            str(resource.get("resource") or ""),
        ),
        subresource=asked.get("subResource") or "",
        request_kind=None if request_kind is None else _gvk(request_kind),
        name=asked.get("name") or "",
        namespace=asked.get("namespace") or "",
        user=UserInfo(
            user.get("username") or "",
            user.get("uid") or "",
            tuple(user.get("groups") or ()),
            user.get("extra") or {},
        ),
        dry_run=bool(asked.get("dryRun")),
        options=asked.get("options") or {},
        timeout=timeout,
        object=decoded,
        read_old=read_old,
    )
    return request, None if leaving else raw


def _object(value: Any) -> JSONObject | None:
    return cast("JSONObject", value) if isinstance(value, dict) else None


def _gvk(kind: Mapping[str, Any]) -> GroupVersionKind:
    return GroupVersionKind(*(str(kind.get(name) or "") for name in ("group", "version", "kind")))


def _is_leaving(obj: JSONObject) -> bool:
    metadata = _object(obj.get("metadata"))
    return metadata is not None and bool(metadata.get("deletionTimestamp"))


def _patch(
    hook: AdmissionHook[Any], request: AdmissionRequest[Any], raw: bytes, returned: Any
) -> list[JSONObject]:
    codec = codec_for(hook.kind)
    before: JSONObject = msgspec.json.decode(raw)
    if hook.function is None:
        defaults = codec.to_plain(request.object)
        for name in ("metadata", "status"):
            defaults.pop(name, None)
        return create_json_patch(before, _filled_in(before, defaults))
    changed = request.object if returned is None else returned
    if isinstance(changed, dict):
        return create_json_patch(before, cast("JSONObject", changed))
    if codec_of(changed) is not codec:
        raise TypeError(f"it returned {type(changed).__name__} in the place of {resource_type_of(hook.kind)}")
    return create_json_patch(*plain_states(codec.decode(raw), changed))


def _filled_in(given: Any, defaults: Any) -> Any:
    """What was given, with what it lacks of the defaults, however deep."""
    if isinstance(given, dict) and isinstance(defaults, dict):
        made = dict(cast("JSONObject", given))
        for name, value in cast("JSONObject", defaults).items():
            made[name] = _filled_in(made[name], value) if made.get(name) is not None else value
        return made
    if isinstance(given, list) and isinstance(defaults, list):
        items, others = cast("list[Any]", given), cast("list[Any]", defaults)
        if len(items) == len(others):
            return [_filled_in(one, other) for one, other in zip(items, others, strict=True)]
    return cast("Any", given)


def _undecodable(hook: AdmissionHook[Any], asked: JSONObject, error: ObjectDecodeError) -> Denied:
    """The verdict on an object that is not what its type says: each field with what is wrong with it."""
    resource = resource_type_of(hook.kind)
    name: str = asked.get("name") or ""
    causes: list[StatusCause] = []
    problems: Any = getattr(error.__cause__, "errors", None)
    if callable(problems):
        found = cast("Sequence[Mapping[str, Any]]", problems(include_url=False, include_input=False))
        causes = [_cause(problem) for problem in found[:_MOST_CAUSES]]
    texts = [f"{cause.field}: {cause.message}" if cause.field else cause.message for cause in causes]
    group = f".{resource.group}" if resource.group else ""
    message = f'{resource.kind}{group} "{name}" is invalid: {"; ".join(texts) or error}'
    return Denied(message, reason="Invalid", code=422, causes=causes)


def _cause(problem: Mapping[str, Any]) -> StatusCause:
    path = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"]
    ).removeprefix(".")
    reason = "FieldValueRequired" if problem["type"] == "missing" else "FieldValueInvalid"
    return StatusCause(reason, str(problem["msg"]).removeprefix("Value error, "), path)


def _status(denial: Denied) -> JSONObject:
    status: JSONObject = {
        "status": "Failure",
        "message": denial.message,
        "reason": denial.reason,
        "code": denial.code,
    }
    if denial.causes:
        status["details"] = {
            "causes": [
                {"reason": cause.reason, "message": cause.message, "field": cause.field}
                for cause in denial.causes
            ]
        }
    return status


def _answer(
    review: JSONObject,
    asked: JSONObject,
    request: AdmissionRequest[Any] | None,
    *,
    status: JSONObject | None = None,
    patch: Sequence[JSONObject] = (),
) -> JSONObject:
    response: JSONObject = {"uid": asked["uid"], "allowed": status is None}
    if status is not None:
        response["status"] = status
    elif patch:
        encoded = base64.b64encode(msgspec.json.encode(copy_json(list(patch)))).decode()
        response |= {"patchType": "JSONPatch", "patch": encoded}
    if request is not None and request.warnings:
        response["warnings"] = list(request.warnings)
    if request is not None and request.audit_annotations:
        response["auditAnnotations"] = dict(request.audit_annotations)
    return {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": response}
