"""AdmissionReview to the letter, and what a hook is told; pure, without a server."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, Field

from reconcile import ConfigurationError, CustomResource, Model, ResourceType
from reconcile.api.apps.v1 import Deployment
from reconcile.api.autoscaling.v1 import Scale
from reconcile.api.core.v1 import ConfigMap
from reconcile.errors import StatusCause
from reconcile.objects.patches import apply_json_patch
from reconcile.webhooks import (
    AdmissionHook,
    AdmissionRequest,
    BadReviewError,
    Denied,
    HookFailedError,
    mutating,
    review_admission,
    validating,
)

pytestmark = pytest.mark.real_time

CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "shop", "inventedLater": {"x": 1}},
    "data": {"a": "1"},
}


def even(number: int) -> int:
    if number % 2:
        raise ValueError("must be even")
    return number


class Part(Model):
    count: Annotated[int, AfterValidator(even)] = 2
    labels: dict[str, str] = Field(default_factory=lambda: {"made": "here"})


class Spec(Model):
    size: str
    part: Part = Field(default_factory=Part)
    parts: list[Part] = Field(default_factory=list)


class Thing(CustomResource, group="things.example.com", version="v1"):
    spec: Spec
    status: Part | None = None


def review(obj: dict[str, Any] | None, old: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    shown = obj or old or {}
    group, _, version = shown["apiVersion"].rpartition("/")
    request = {
        "uid": "u-1",
        "kind": {"group": group, "version": version, "kind": shown["kind"]},
        "resource": {"group": group, "version": version, "resource": shown["kind"].lower() + "s"},
        "name": shown["metadata"].get("name", ""),
        "namespace": "shop",
        "operation": "CREATE" if old is None else "UPDATE" if obj is not None else "DELETE",
        "userInfo": {"username": "jane", "uid": "7", "groups": ["devs"], "extra": {"scopes": ["all"]}},
        "object": obj,
        "oldObject": old,
        "dryRun": False,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        **more,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


async def ask(hook: AdmissionHook[Any], asked: dict[str, Any], **more: Any) -> dict[str, Any]:
    before = json.dumps(asked)
    answer = await review_admission(hook, asked, **more)
    assert json.dumps(asked) == before
    assert (answer["apiVersion"], answer["kind"]) == (asked["apiVersion"], "AdmissionReview")
    assert answer["response"]["uid"] == "u-1"
    return answer["response"]


def patched(obj: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    assert response["allowed"] and response["patchType"] == "JSONPatch"
    return apply_json_patch(copy.deepcopy(obj), json.loads(base64.b64decode(response["patch"])))


async def test_a_hook_is_told_everything_of_the_request() -> None:
    seen: list[AdmissionRequest[ConfigMap]] = []

    @validating(ConfigMap)
    def look(request: AdmissionRequest[ConfigMap]) -> None:
        seen.append(request)

    old = {**CONFIG_MAP, "data": {"a": "0"}}
    asked = review(CONFIG_MAP, old, dryRun=True, subResource="status")
    assert await ask(look, asked, timeout=3.0) == {"uid": "u-1", "allowed": True}
    (request,) = seen
    assert (request.operation, request.name, request.namespace) == ("UPDATE", "settings", "shop")
    assert (request.subresource, request.dry_run, request.timeout) == ("status", True, 3.0)
    assert request.resource == ("", "v1", "configmaps") and request.kind is not None
    assert (request.user.username, request.user.groups) == ("jane", ("devs",))
    assert request.user.extra == {"scopes": ["all"]} and request.options["kind"] == "CreateOptions"
    assert request.object.data == {"a": "1"}
    assert request.old_object is not None and request.old_object.data == {"a": "0"}


async def test_a_denial_has_message_reason_code_and_causes() -> None:
    @validating(ConfigMap)
    async def no(request: AdmissionRequest[ConfigMap]) -> None:
        request.warn("the team of this is unknown")
        request.audit("team", "none")
        cause = StatusCause("FieldValueInvalid", "unknown", "metadata.labels")
        raise Denied("who is green?", reason="Invalid", code=422, causes=[cause])

    assert await ask(no, review(CONFIG_MAP)) == {
        "uid": "u-1",
        "allowed": False,
        "status": {
            "status": "Failure",
            "message": "who is green?",
            "reason": "Invalid",
            "code": 422,
            "details": {
                "causes": [{"reason": "FieldValueInvalid", "message": "unknown", "field": "metadata.labels"}]
            },
        },
        "warnings": ["the team of this is unknown"],
        "auditAnnotations": {"team": "none"},
    }


async def test_a_deletion_has_an_old_object_alone() -> None:
    @validating(ConfigMap, operations=["DELETE"])
    def keep(request: AdmissionRequest[ConfigMap]) -> None:
        with pytest.raises(ConfigurationError, match="read old_object"):
            _ = request.object
        assert request.old_object is not None
        raise Denied(f"{request.old_object.metadata.name} stays")

    response = await ask(keep, review(None, CONFIG_MAP))
    assert response["status"]["message"] == "settings stays"
    assert (response["status"]["code"], response["status"]["reason"]) == (403, "Forbidden")


async def test_a_change_is_a_patch_in_which_nothing_unknown_is_lost() -> None:
    @mutating(ConfigMap)
    def stamp(request: AdmissionRequest[ConfigMap]) -> None:
        request.object.metadata.labels["by"] = request.user.username
        request.object.data["b"] = "2"

    made = patched(CONFIG_MAP, await ask(stamp, review(CONFIG_MAP)))
    metadata = {**CONFIG_MAP["metadata"], "labels": {"by": "jane"}}  # type: ignore[dict-item]
    assert made == {**CONFIG_MAP, "metadata": metadata, "data": {"a": "1", "b": "2"}}


async def test_another_object_may_be_returned_and_no_change_is_no_patch() -> None:
    @mutating(ConfigMap)
    async def replaced(request: AdmissionRequest[ConfigMap]) -> ConfigMap:
        return ConfigMap(metadata=request.object.metadata, data={"new": "1"})

    made = patched(CONFIG_MAP, await ask(replaced, review(CONFIG_MAP)))
    assert made["data"] == {"new": "1"} and made["metadata"] == CONFIG_MAP["metadata"]

    @mutating(ResourceType("", "v1", "ConfigMap", "configmaps"))
    def plain(request: AdmissionRequest[dict[str, Any]]) -> None:
        request.object["data"].clear()

    assert patched(CONFIG_MAP, await ask(plain, review(CONFIG_MAP)))["data"] == {}

    @mutating(ConfigMap)
    def nothing(request: AdmissionRequest[ConfigMap]) -> None: ...

    assert await ask(nothing, review(CONFIG_MAP)) == {"uid": "u-1", "allowed": True}


def thing(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "things.example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "t"},
        "spec": {"size": "s", **spec},
    }


async def test_a_model_validates_and_fills_in_by_itself() -> None:
    assert (await ask(validating(Thing), review(thing())))["allowed"]
    wrong = thing(part={"count": 3}, parts=[{"count": 2}, {"count": 5}])
    del wrong["spec"]["size"]
    status = (await ask(validating(Thing), review(wrong)))["status"]
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["message"].startswith('Thing.things.example.com "t" is invalid: ')
    assert [(each["field"], each["reason"]) for each in status["details"]["causes"]] == [
        ("spec.size", "FieldValueRequired"),
        ("spec.part.count", "FieldValueInvalid"),
        ("spec.parts[1].count", "FieldValueInvalid"),
    ]
    assert status["details"]["causes"][1]["message"] == "must be even"
    given = thing(parts=[{"count": 4, "extra": True}])
    made = patched(given, await ask(mutating(Thing), review(given)))
    assert made["spec"] == {
        "size": "s",
        "part": {"count": 2, "labels": {"made": "here"}},
        "parts": [{"count": 4, "extra": True, "labels": {"made": "here"}}],
    }


async def test_what_is_being_deleted_is_not_kept_by_what_the_model_says() -> None:
    leaving = thing(part={"count": 3})
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    for hook in (validating(Thing), mutating(Thing)):
        assert await ask(hook, review(leaving, leaving)) == {"uid": "u-1", "allowed": True}


async def test_an_old_object_that_no_longer_fits_does_not_keep_the_new_one_out() -> None:
    assert (await ask(validating(Thing), review(thing(), thing(part={"count": 3}))))["allowed"]


async def test_what_a_hook_raises_is_a_failure_and_no_verdict() -> None:
    @validating(ConfigMap)
    def broken(request: AdmissionRequest[ConfigMap]) -> None:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(HookFailedError, match="ZeroDivisionError: division by zero"):
        await review_admission(broken, review(CONFIG_MAP))

    @validating(ConfigMap)
    async def slow(request: AdmissionRequest[ConfigMap]) -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await review_admission(slow, review(CONFIG_MAP), timeout=0.01)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (7, "no JSON object"),
        ({"apiVersion": "admission.k8s.io/v1", "kind": "Review"}, "got Review of admission.k8s.io/v1"),
        ({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}, "has no request"),
        (review(CONFIG_MAP, uid=""), "has no uid"),
        (review(CONFIG_MAP, operation="PATCH"), "operation is none of"),
        (review(CONFIG_MAP, kind=None), "has no kind"),
        (review(thing()), r"is for v1 ConfigMap, and was asked about things\.example\.com/v1 Thing"),
    ],
)
async def test_what_is_no_review_of_the_hook_is_said_to_be_none(wrong: Any, reason: str) -> None:
    with pytest.raises(BadReviewError, match=reason):
        await review_admission(validating(ConfigMap), wrong)


async def test_a_review_of_v1beta1_is_answered_in_its_version() -> None:
    asked = {**review(CONFIG_MAP), "apiVersion": "admission.k8s.io/v1beta1"}
    assert (await ask(validating(ConfigMap), asked))["allowed"]


def test_paths_and_names_are_made_of_what_is_asked_about() -> None:
    assert validating(ConfigMap).path == "/validate--v1-configmap"
    assert mutating(Thing).path == "/mutate-things-example-com-v1-thing"
    assert validating(Thing).name == "validate-things.things.example.com"

    @validating(Scale, resource=Deployment, subresource="scale", path="/scales")
    def not_too_many(request: AdmissionRequest[Scale]) -> None: ...

    assert not_too_many.name == "not-too-many.validate-deployments-scale.apps"
    assert not_too_many.resource.plural == "deployments"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"operations": ["PATCH"]}, "operations are some of"),
        ({"operations": []}, "operations are some of"),
        ({"timeout_seconds": 31}, "1 to 30 seconds"),
        ({"name": "short.name"}, "needs three parts"),
    ],
)
def test_what_no_server_takes_is_refused_at_once(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        validating(ConfigMap, **options)
