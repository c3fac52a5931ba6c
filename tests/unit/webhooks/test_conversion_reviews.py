"""ConversionReview to the letter: uid, order, metadata, what a failure says; pure, without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers.crd_models.kinds import GROUP, ZONE, Machine, OldestMachine, OldMachine

from reconcile import ConfigurationError, CustomResource, Model
from reconcile.webhooks import BadReviewError, ConversionHook, converting, review_conversions

V1, OLD, OLDEST = (f"{GROUP}/{version}" for version in ("v1", "v1beta1", "v1alpha1"))


def review(*objects: Any, to: str = V1, **changes: Any) -> dict[str, Any]:
    request = {"uid": "u-1", "desiredAPIVersion": to, "objects": list(objects)}
    made = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "request": request}
    return {**made, **changes}


def machine(api_version: str, name: str = "m", **more: Any) -> dict[str, Any]:
    spec = {"size": "large"} if api_version == V1 else {"tier": 2}
    return {"apiVersion": api_version, "kind": "Machine", "metadata": {"name": name}, "spec": spec, **more}


def ask(*objects: Any, to: str = V1) -> dict[str, Any]:
    answer = review_conversions(review(*objects, to=to), [converting(Machine)])
    assert (answer["apiVersion"], answer["kind"]) == ("apiextensions.k8s.io/v1", "ConversionReview")
    assert answer["response"]["uid"] == "u-1"
    return answer["response"]


def test_objects_of_any_versions_come_back_in_their_order() -> None:
    names = ["c", "a", "b"]
    given = [machine(version, name) for version, name in zip((OLD, V1, OLDEST), names, strict=True)]
    answer = ask(*given)
    assert answer["result"] == {"status": "Success"}
    assert [each["metadata"]["name"] for each in answer["convertedObjects"]] == names
    assert {each["apiVersion"] for each in answer["convertedObjects"]} == {V1}
    assert [each["spec"]["size"] for each in answer["convertedObjects"]] == ["large"] * 3
    assert answer["convertedObjects"][1] == given[1]


def test_metadata_goes_back_as_it_came_with_what_nobody_knows() -> None:
    metadata = {
        "name": "m",
        "uid": "u",
        "labels": {"a": "b"},
        "managedFields": [{"manager": "x", "fieldsV1": {"f:spec": {}}}],
        "inventedLater": {"by": "a newer server"},
    }
    (made,) = ask(machine(OLD, metadata=metadata))["convertedObjects"]
    assert made["metadata"] == metadata


def test_a_conversion_may_change_annotations_and_nothing_else() -> None:
    zoned = machine(V1, metadata={"name": "m", "uid": "u", "annotations": {"x": "y"}})
    zoned["spec"]["zone"] = "z"
    (made,) = ask(zoned, to=OLD)["convertedObjects"]
    assert made["metadata"] == {"name": "m", "uid": "u", "annotations": {"x": "y", ZONE: "z"}}
    (back,) = ask(made)["convertedObjects"]
    assert back["metadata"] == zoned["metadata"] and back["spec"]["zone"] == "z"

    def renaming(obj: dict[str, Any], api_version: str) -> dict[str, Any]:
        obj["metadata"].update(name="other", uid="other", labels={"new": "label"})
        return {"metadata": obj["metadata"], "spec": {}}

    hook = ConversionHook("example.com", "Thing", renaming)
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "m", "uid": "u"}}
    answer = review_conversions(review(thing, to="example.com/v2"), [hook])
    assert answer["response"]["convertedObjects"] == [
        {
            "metadata": {"name": "m", "uid": "u", "labels": {"new": "label"}},
            "spec": {},
            "apiVersion": "example.com/v2",
            "kind": "Thing",
        }
    ]


def test_one_object_that_cannot_be_converted_fails_them_all_and_is_named() -> None:
    wrong = machine(OLD, "bad", metadata={"name": "bad", "namespace": "n"}, spec={"tier": 7})
    answer = ask(machine(OLD), wrong)
    assert answer["convertedObjects"] == []
    assert answer["result"]["status"] == "Failure"
    message = answer["result"]["message"]
    assert message.startswith(f"cannot convert Machine n/bad from {OLD} to {V1}: ")
    assert "spec.tier" in message and "Traceback" not in message


@pytest.mark.parametrize(
    ("obj", "to", "reason"),
    [
        (machine(V1), f"{GROUP}/v9", "v9 is no version of it; there are"),
        ({**machine(V1), "kind": "Engine"}, OLD, f"no conversions of Engine.{GROUP} here"),
    ],
)
def test_what_nobody_converts_is_a_failed_answer(obj: dict[str, Any], to: str, reason: str) -> None:
    answer = ask(obj, to=to)
    assert answer["result"]["status"] == "Failure" and reason in answer["result"]["message"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ([], "no JSON object"),
        ({}, "got no kind of no apiVersion"),
        (review(kind="AdmissionReview"), "got AdmissionReview"),
        (review(apiVersion="apiextensions.k8s.io/v2"), "of apiextensions.k8s.io/v2"),
        (review(request=None), "has no request"),
        (review(request={"uid": "u", "objects": []}), "needs uid and desiredAPIVersion"),
        (review(request={"uid": "u", "desiredAPIVersion": V1, "objects": {}}), "no list of objects"),
        (review(7), r"request.objects\[0\] is no object"),
        (review({"apiVersion": V1, "kind": "Machine", "metadata": []}), r"objects\[0\] is no object"),
    ],
)
def test_what_is_no_review_is_said_to_be_none(wrong: Any, reason: str) -> None:
    with pytest.raises(BadReviewError, match=reason):
        review_conversions(wrong, [converting(Machine)])


def test_a_review_does_not_change_what_it_was_given() -> None:
    given = review(machine(OLD), machine(V1), to=OLDEST)
    before = json.dumps(given)
    review_conversions(given, [converting(OldestMachine)])
    assert json.dumps(given) == before


def test_path_and_service_are_those_of_the_definition() -> None:
    hook = converting(OldMachine)
    assert (hook.group, hook.kind) == (GROUP, "Machine")
    assert (hook.path, hook.service) == ("/convert", "features/webhook")


def test_versions_without_functions_between_them_are_refused_at_once() -> None:
    class Spec(Model):
        size: int = 1

    class Alone(CustomResource, group="example.com", version="v1"):
        spec: Spec

    with pytest.raises(ConfigurationError, match=r"write some with @conversion"):
        converting(Alone)
