"""Pydantic models become structural schemas, or a message that says why not."""

from __future__ import annotations

import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field

from reconcile import Condition, ConfigurationError, CustomResource, Model
from reconcile.crd import PrinterColumn, Rule, Scale, custom_resource_definition, file_name, to_yaml

ROOT = Path(__file__).resolve().parents[3]


def schema_of(field: Any, **extra: Any) -> dict[str, Any]:
    """The schema of `spec.x` for an annotation."""
    namespace = {"__annotations__": {"x": field}, **extra}
    spec = type(Model)("Spec", (Model,), {"__module__": __name__, **namespace})

    class Thing(CustomResource, group="example.com", version="v1"):
        spec: Any = None

    Thing.model_fields["spec"].annotation = spec
    Thing.model_rebuild(force=True)
    definition = custom_resource_definition(Thing)
    root = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return root["properties"]["spec"]["properties"]["x"]


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Inner(Model):
    name: str
    value: int = 1


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (str, {"type": "string"}),
        (str | None, {"type": "string"}),
        (int, {"type": "integer", "format": "int64"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (int | str, {"x-kubernetes-int-or-string": True}),
        (Literal["a"], {"type": "string", "enum": ["a"]}),
        (Literal[1, 2], {"type": "integer", "enum": [1, 2]}),
        (Color, {"type": "string", "enum": ["red", "blue"]}),
        (Any, {"x-kubernetes-preserve-unknown-fields": True}),
        (bytes, {"type": "string", "format": "byte"}),
        (list[int], {"type": "array", "items": {"type": "integer", "format": "int64"}}),
        (set[str], {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}),
        (tuple[str, ...], {"type": "array", "items": {"type": "string"}}),
        (dict[str, str], {"type": "object", "additionalProperties": {"type": "string"}}),
        (dict[str, Any], {"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
        (
            Annotated[int, Field(gt=0, le=9)],
            {"type": "integer", "format": "int64", "minimum": 0, "exclusiveMinimum": True, "maximum": 9},
        ),
        (
            Annotated[str, Field(min_length=1, pattern="^a+$")],
            {"type": "string", "minLength": 1, "pattern": "^a+$"},
        ),
        (
            Annotated[str, Rule("self == oldSelf", message="fixed")],
            {
                "type": "string",
                "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "fixed"}],
            },
        ),
        (
            Inner,
            {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "value": {"type": "integer", "format": "int64", "default": 1},
                },
                "required": ["name"],
            },
        ),
    ],
    ids=str,
)
def test_a_type_has_its_structural_form(annotation: Any, expected: dict[str, Any]) -> None:
    found = schema_of(annotation)
    found.pop("description", None)
    assert found == expected


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (tuple[int, str], "field spec.x: a tuple of fixed length"),
        (int | list[str], "field spec.x: a union of different types"),
        (dict[int, str], "field spec.x: a dict whose keys are not plain strings"),
        (Annotated[str, Field(json_schema_extra={"pattern": "(?=a)"})], "uses lookahead"),
        (set[Any], "field spec.x: a set of objects"),
    ],
    ids=str,
)
def test_what_cannot_be_said_names_model_field_and_way_out(annotation: Any, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        schema_of(annotation)
    text = str(caught.value)
    assert words in text and "model Thing" in text and ";" in text


class Tree(Model):
    children: list[Tree] = Field(default_factory=list)


def test_a_model_that_contains_itself_is_explained() -> None:
    with pytest.raises(
        ConfigurationError, match=r"field spec\.x\.children\[\]: the model Tree contains itself"
    ):
        schema_of(Tree)


class FleetSpec(Model):
    replicas: int = 1


class FleetStatus(Model):
    __list_keys__: ClassVar = {"conditions": ("type",)}

    replicas: int | None = None
    conditions: list[Condition] = Field(default_factory=list)


class Fleet(
    CustomResource,
    group="example.com",
    version="v1beta1",
    namespaced=False,
    short_names=["fl"],
    categories=["all"],
    scale=Scale(selector=".status.selector"),
    printer_columns=[PrinterColumn("Replicas", ".spec.replicas", type="integer", priority=1)],
    selectable_fields=[".spec.replicas"],
    deprecated="use something else",
):
    spec: FleetSpec
    status: FleetStatus | None = None


def test_everything_around_the_schema() -> None:
    definition = custom_resource_definition(Fleet)
    version = definition["spec"]["versions"][0]
    assert definition["metadata"]["name"] == "fleets.example.com"
    assert definition["spec"]["scope"] == "Cluster"
    assert definition["spec"]["names"]["shortNames"] == ["fl"]
    assert version["subresources"] == {
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    }
    assert version["additionalPrinterColumns"][0]["priority"] == 1
    assert version["selectableFields"] == [{"jsonPath": ".spec.replicas"}]
    assert version["deprecationWarning"] == "use something else"
    conditions = version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert file_name(definition) == "example.com_fleets.yaml"


def test_the_same_class_gives_the_same_bytes() -> None:
    one, other = (to_yaml(custom_resource_definition(Fleet)) for _ in range(2))
    assert one == other


def test_an_unknown_class_keyword_is_refused() -> None:
    class Typo(CustomResource, group="example.com", version="v1", shortnames=["t"]):
        pass

    with pytest.raises(ConfigurationError, match="class Typo: unknown keyword shortnames="):
        custom_resource_definition(Typo)


def test_the_repositorys_definitions_are_those_of_the_models() -> None:
    script = (
        "from examples.operators.database import Database\n"
        "from reconcile.crd import custom_resource_definition, file_name, to_yaml\n"
        "definition = custom_resource_definition(Database)\n"
        "print(file_name(definition)); print(to_yaml(definition), end='')"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    name, _, text = found.partition("\n")
    assert (ROOT / "crds" / name).read_text() == text, "crds/ is out of date: generate it again"


CONDITION = {
    "type": "object",
    "required": ["lastTransitionTime", "message", "reason", "status", "type"],
    "properties": {
        "lastTransitionTime": {"type": "string", "format": "date-time"},
        "message": {"type": "string", "maxLength": 32768},
        "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
        "reason": {
            "type": "string",
            "minLength": 1,
            "maxLength": 1024,
            "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        },
        "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
        "type": {
            "type": "string",
            "maxLength": 316,
            "pattern": r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
            r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
        },
    },
}


def test_conditions_are_those_of_controller_gen_and_a_map_by_type() -> None:
    expected = {
        "type": "array",
        "items": CONDITION,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    }
    assert schema_of(list[Condition]) == expected
    assert schema_of(list[Condition] | None) == expected
    assert schema_of(Condition) == CONDITION


def test_conditions_of_a_model_are_aligned_by_type_when_written_back() -> None:
    import json

    from reconcile.objects import codec_for, replay

    class Health(Model):
        conditions: list[Condition] = Field(default_factory=list)

    class Thing(CustomResource, group="example.com", version="v1"):
        status: Health | None = None

    def wire(kind: str) -> dict[str, str]:
        return {"type": kind, "status": "True", "reason": "X", "message": "", "vendor": kind}

    conditions = [wire("Ready"), wire("Synced")]
    raw = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}}
    thing = codec_for(Thing).decode(json.dumps({**raw, "status": {"conditions": conditions}}).encode())
    assert thing.status is not None
    thing.status.conditions.reverse()
    written = json.loads(replay(thing))["status"]["conditions"]
    assert [each["vendor"] for each in written] == ["Synced", "Ready"]
