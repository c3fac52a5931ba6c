"""Custom kinds as Pydantic models, with generated structs inside."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from typing import Any, ClassVar

import pytest
from helpers.objects_samples import Machine, Part, Robot, RobotSpec, Template
from pydantic import BaseModel, ValidationError

from reconcile.api.core.v1 import PodTemplateSpec
from reconcile.errors import ConfigurationError, ObjectDecodeError
from reconcile.objects import CustomResource, Model, ObjectMeta, ResourceType, codec_for, replay
from reconcile.objects.custom import plural_of
from reconcile.objects.identity import ObjectKey


class JobSpec(Model):
    template: PodTemplateSpec
    fallback: Template | None = None


class BatchJob(CustomResource, group="example.com", version="v1", categories=["all"]):
    spec: JobSpec


WIRE: dict[str, Any] = {
    "apiVersion": "example.com/v1",
    "kind": "BatchJob",
    "metadata": {"name": "j", "namespace": "n"},
    "spec": {
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {
                "vendorField": {"x": 1},
                "containers": [{"name": "a", "image": "i", "vendor": 1}, {"name": "b", "vendor": 2}],
            },
        }
    },
}


def test_class_keywords_name_the_resource() -> None:
    expected = ResourceType("example.com", "v1", "BatchJob", "batchjobs")
    assert BatchJob.__resource_type__ == expected
    assert BatchJob.__crd_options__ == {"group": "example.com", "version": "v1", "categories": ["all"]}
    assert [plural_of(kind) for kind in ("Policy", "Gateway", "Ingress", "Mesh")] == [
        "policies", "gateways", "ingresses", "meshes",
    ]  # fmt: skip


def test_a_version_is_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="version="):
        type("Broken", (CustomResource,), {}, group="example.com")


def test_a_pod_template_is_a_field_and_round_trips_with_unknown_fields() -> None:
    job = codec_for(BatchJob).decode(json.dumps(WIRE).encode())
    assert job.key == ObjectKey("n", "j")
    assert job.spec.template.spec is not None
    assert job.spec.template.spec.containers[0].image == "i"
    job.spec.template.spec.containers[1].image = "new"
    job.spec.template.spec.containers.reverse()
    written = json.loads(replay(job))
    assert written["spec"]["template"]["spec"] == {
        "vendorField": {"x": 1},
        "containers": [{"name": "b", "vendor": 2, "image": "new"}, {"name": "a", "image": "i", "vendor": 1}],
    }
    assert written["metadata"] == WIRE["metadata"]


def test_a_model_is_made_in_python_with_structs_or_their_wire_form() -> None:
    made = Robot(
        metadata=ObjectMeta(name="r"),
        spec=RobotSpec(size=1, arm_count=2, template=Template(parts=[Part(name="a")])),
    )
    assert json.loads(codec_for(Robot).encode(made)) == {
        "apiVersion": "example.com/v1",
        "kind": "Robot",
        "metadata": {"name": "r"},
        "spec": {"size": 1, "armCount": 2, "tags": [], "template": {"parts": [{"name": "a"}]}},
    }
    assert RobotSpec.model_validate({"size": 1, "template": {"parts": [{"name": "a"}]}}).template == Template(
        parts=[Part(name="a")]
    )


def test_models_are_equal_whatever_they_were_decoded_from() -> None:
    codec = codec_for(Robot)
    first = codec.decode(b'{"metadata":{"name":"r"},"spec":{"size":1}}')
    second = codec.decode(b'{"metadata":{"name":"r"},"spec":{"size":1,"unknown":true}}')
    assert first == second
    assert first.model_copy(deep=True) == first
    assert json.loads(replay(second.model_copy(deep=True)))["spec"] == {"size": 1, "unknown": True}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"size": "1"}, "$.spec.size"),
        ({"size": 1, "tags": [1]}, "$.spec.tags[0]"),
        ({"size": 1, "template": {"parts": [{"name": 3}]}}, "$.spec.template.parts[0].name"),
        ({}, "$.spec.size"),
    ],
)
def test_what_does_not_fit_is_named_with_key_and_field(spec: dict[str, Any], field: str) -> None:
    raw = json.dumps({"metadata": {"name": "r", "namespace": "n"}, "spec": spec}).encode()
    with pytest.raises(ObjectDecodeError) as caught:
        codec_for(Robot).decode(raw)
    assert (caught.value.key, caught.value.field) == ("n/r", field)
    assert "n/r" in str(caught.value)


def test_assignments_are_checked() -> None:
    with pytest.raises(ValidationError):
        RobotSpec(size=1).size = "2"  # type: ignore[assignment]


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_the_schema_of_a_struct_says_what_a_crd_can_say(mode: Any) -> None:
    schema = RobotSpec.model_json_schema(mode=mode)
    template = json.loads(json.dumps(schema))["properties"]["template"]["anyOf"][0]
    parts = template["properties"]["parts"]
    assert parts["x-kubernetes-list-map-keys"] == ["name"]
    assert parts["items"]["required"] == ["name"]
    assert parts["items"]["properties"]["env"] == {
        "type": "object",
        "additionalProperties": {"type": "string"},
    }
    # `protocol` may be absent, so it cannot be a key of a CRD's list map
    assert "x-kubernetes-list-type" not in parts["items"]["properties"]["ports"]


def test_the_schema_of_a_pod_template_has_no_references() -> None:
    text = json.dumps(JobSpec.model_json_schema()["properties"]["template"])
    assert "$ref" not in text
    assert '"x-kubernetes-int-or-string": true' in text
    assert '"labels"' in text


def test_a_plain_model_is_taken_with_a_warning_and_keeps_unknown_fields() -> None:
    class Plain(BaseModel):
        __resource_type__: ClassVar[ResourceType] = ResourceType("example.com", "v1", "Plain", "plains")
        metadata: ObjectMeta
        my_size: int

    with pytest.warns(UserWarning, match=r"Plain is a plain Pydantic model.*camelCase.*'3' to the number 3"):
        codec = codec_for(Plain)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert codec_for(Plain) is codec
    obj = codec.decode(b'{"metadata":{"name":"p"},"my_size":"3","other":[1]}')
    obj.my_size = 4
    assert json.loads(replay(obj)) == {
        "apiVersion": "example.com/v1", "kind": "Plain", "metadata": {"name": "p"},
        "my_size": 4, "other": [1],
    }  # fmt: skip


def test_structs_of_a_kind_may_stand_in_models() -> None:
    class Holder(Model):
        machine: Machine

    holder = Holder.model_validate({"machine": {"metadata": {"name": "m"}, "spec": {"parts": None}}})
    assert holder.machine.spec.parts == []
    assert holder.model_dump(by_alias=True) == {"machine": {"metadata": {"name": "m"}}}


def test_importing_objects_does_not_import_pydantic() -> None:
    code = (
        "import sys, reconcile.objects as o; o.codec_for; o.Selector; o.replay; o.PathReader;"
        "assert 'pydantic' not in sys.modules and 'pydantic_core' not in sys.modules;"
        "o.Model; assert 'pydantic' in sys.modules;"
        "assert len(set(o.__all__)) == len(o.__all__); [getattr(o, name) for name in o.__all__]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
