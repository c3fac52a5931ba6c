"""What counts as a change of a status, and what the server would undo."""

from __future__ import annotations

import pytest
from pydantic import Field

from reconcile import Condition, CustomResource, LabelSelector, Model, same
from reconcile.api.apps.v1 import DeploymentCondition, DeploymentStatus
from reconcile.api.core.v1 import EmptyDirVolumeSource, ResourceRequirements, Volume
from reconcile.objects import codec_for


class Health(Model):
    replicas: int | None = None
    phase: str | None = None
    conditions: list[Condition] = Field(default_factory=list)


class Thing(CustomResource, group="example.com", version="v1"):
    status: Health | None = None


def test_in_structs_what_is_absent_is_zero() -> None:
    assert same(DeploymentStatus(replicas=0, conditions=[]), DeploymentStatus())
    assert DeploymentStatus(replicas=0) != DeploymentStatus()
    assert not same(DeploymentStatus(replicas=1), DeploymentStatus())


def test_also_in_structs_of_lists() -> None:
    def status(message: str | None) -> DeploymentStatus:
        told = DeploymentCondition(type="Available", status="True", message=message)
        return DeploymentStatus(conditions=[told])

    assert same(status(""), status(None)) and not same(status("x"), status(None))
    assert not same(status(None), DeploymentStatus())


def test_lists_keep_their_order_and_maps_their_keys() -> None:
    assert not same(LabelSelector(match_labels={"a": ""}), LabelSelector())
    assert same(
        LabelSelector(match_labels={"a": "1", "b": "2"}), LabelSelector(match_labels={"b": "2", "a": "1"})
    )
    assert not same(["a", "b"], ["b", "a"])


def test_an_optional_struct_that_is_there_is_not_absent() -> None:
    assert not same(Volume(name="v", empty_dir=EmptyDirVolumeSource()), Volume(name="v"))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("1", "1000m", True), ("1Gi", "1024Mi", True), (1, "1", True), ("1", "1001m", False), ("x", "1", False)],
)
def test_quantities_are_compared_by_value(one: str, other: str, expected: bool) -> None:
    assert (
        same(ResourceRequirements(limits={"cpu": one}), ResourceRequirements(limits={"cpu": other}))
        is expected
    )


def test_models_are_stored_as_written_so_zero_is_something_there() -> None:
    assert not same(Health(replicas=0), Health())
    assert same(Health(), Health(phase=None)) and not same(Health(), None)
    one = Health(conditions=[Condition(type="Ready", status="True", observed_generation=0)])
    assert same(one, Health(conditions=[Condition(type="Ready", status="True")]))


def test_plain_dicts_are_too_and_only_none_is_absent() -> None:
    assert same({"a": 1, "b": None}, {"a": 1}) and not same({"a": 0}, {})


def test_what_was_written_and_comes_back_is_the_same() -> None:
    raw = b'{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"x"},"status":{"replicas":0}}'
    thing = codec_for(Thing).decode(raw)
    assert same(thing.status, Health(replicas=0))
    assert not same(DeploymentStatus(), Health())
