"""Versions of one kind: which is stored, in which order they stand, how objects go from one to another."""

from __future__ import annotations

import copy
from typing import Any, Literal

import pytest
from helpers.crd_models.kinds import Machine, MachineSpec, OldestMachine, OldMachine, OldMachineSpec

from reconcile import ConfigurationError, CustomResource, Model, ObjectMeta
from reconcile.crd import (
    NoConversionError,
    conversion,
    convert,
    custom_resource_definition,
    generate,
    linked_versions,
    missing_conversions,
)
from reconcile.testing.conversions import check_round_trips


class Sized(Model):
    size: int = 1


def version(name: str, **keywords: Any) -> Any:
    return type(CustomResource)(
        f"Thing{name.capitalize()}",
        (CustomResource,),
        {"__module__": __name__, "__annotations__": {"spec": Sized}},
        **{"group": "example.com", "version": name, "kind": "Thing", **keywords},
    )


def test_versions_stand_in_the_order_of_servers() -> None:
    names = ["v1alpha1", "foo", "v10", "v2", "v11beta2", "v1", "v3beta1"]
    models = [version(name, storage=name == "v2") for name in names]
    versions = custom_resource_definition(*models)["spec"]["versions"]
    ordered = ["v10", "v2", "v1", "v11beta2", "v3beta1", "v1alpha1", "foo"]
    assert [each["name"] for each in versions] == ordered
    assert [each["name"] for each in versions if each["storage"]] == ["v2"]


def test_the_only_version_is_stored() -> None:
    (only,) = custom_resource_definition(version("v1beta1"))["spec"]["versions"]
    assert (only["storage"], only["served"]) == (True, True)


def test_what_is_of_the_kind_may_be_said_once() -> None:
    models = [version("v1", storage=True), version("v1beta1", short_names=["th"], labels={"a": "b"})]
    definition = custom_resource_definition(*models)
    assert definition["spec"]["names"]["shortNames"] == ["th"]
    assert definition["metadata"]["labels"] == {"a": "b"}


def test_a_version_may_derive_from_another_one() -> None:
    old = version("v1beta1", storage=True, deprecated=True, short_names=["th"])

    class New(old, version="v1", kind="Thing"):  # type: ignore[misc, valid-type]
        pass

    versions = custom_resource_definition(New, old)["spec"]["versions"]
    assert [each.get("deprecated", False) for each in versions] == [False, True]
    assert [each["storage"] for each in versions] == [False, True]


def test_a_skipped_version_is_left_out() -> None:
    versions = custom_resource_definition(version("v1"), version("v1alpha1", skip=True))["spec"]["versions"]
    assert [each["name"] for each in versions] == ["v1"]


def test_versions_that_differ_without_conversion_are_noted() -> None:
    class Other(Model):
        weight: int = 1

    class New(CustomResource, group="example.com", version="v2", kind="Thing", storage=True):
        spec: Other

    (generated,) = generate([version("v1"), New])
    assert ["nothing converts between them" in str(note) for note in generated.notes] == [True]


def test_conversions_lead_to_all_versions_of_a_definition() -> None:
    assert set(linked_versions(OldestMachine)) == {Machine, OldMachine, OldestMachine}
    definition = custom_resource_definition(OldestMachine)
    assert [each["name"] for each in definition["spec"]["versions"]] == ["v1", "v1beta1", "v1alpha1"]
    assert definition["spec"]["conversion"]["strategy"] == "Webhook"
    assert missing_conversions([Machine, OldMachine, OldestMachine]) == []


def test_an_object_goes_by_the_shortest_way_and_keeps_its_metadata() -> None:
    metadata = ObjectMeta(name="a", namespace="b", uid="c", resource_version="7", labels={"x": "y"})
    oldest = OldestMachine(metadata=metadata, spec=OldMachineSpec(tier=2))
    made = convert(oldest, Machine)
    assert made.spec == MachineSpec(size="large")
    assert made.metadata == metadata and made.metadata is not metadata
    same = convert(made, Machine)
    assert same == made and same is not made


def test_what_a_version_cannot_say_waits_in_an_annotation() -> None:
    machine = Machine(metadata=ObjectMeta(name="a", uid="u"), spec=MachineSpec(size="small", zone="z"))
    between = convert(machine, OldestMachine)
    assert between.metadata.annotations == {"features.example.com/zone": "z"}
    assert between.metadata.uid == "u"
    assert convert(between, Machine) == machine


def test_a_way_that_is_missing_is_named() -> None:
    one, other = version("v1", storage=True), version("v2")

    @conversion(one, other)
    def forth(old: Any) -> Any:
        return other(spec=copy.deepcopy(old.spec))

    assert convert(one(spec=Sized()), other).spec == Sized()
    assert missing_conversions([one, other]) == [(other, one)]
    with pytest.raises(NoConversionError, match=r"write one: @conversion\(ThingV2, ThingV1\)"):
        convert(other(spec=Sized()), one)
    with pytest.raises(ConfigurationError, match="objects could not come back"):
        check_round_trips(one)


def test_a_conversion_that_returns_something_else_is_named() -> None:
    one, other = version("v1"), version("v2")

    @conversion(one, other)
    def forth(old: Any) -> Any:
        return old

    with pytest.raises(ConfigurationError, match="from ThingV1 to ThingV2 returned ThingV1"):
        convert(one(spec=Sized()), other)


def test_a_conversion_may_not_wait() -> None:
    one, other = version("v1"), version("v2")

    async def forth(old: Any) -> Any: ...

    with pytest.raises(ConfigurationError, match="the conversion forth is async"):
        conversion(one, other)(forth)


def test_round_trips_go_between_all_versions() -> None:
    assert check_round_trips(Machine, examples=20) >= 6


class Wide(Model):
    size: Literal["small", "medium", "large"]


class Narrow(Model):
    big: bool


def test_a_round_trip_that_loses_something_shows_the_smallest_object() -> None:
    class New(CustomResource, group="example.com", version="v2", kind="Loss", storage=True):
        spec: Wide

    class Old(CustomResource, group="example.com", version="v1", kind="Loss"):
        spec: Narrow

    @conversion(New, Old)
    def down(new: New) -> Old:
        return Old(spec=Narrow(big=new.spec.size == "large"))

    @conversion(Old, New)
    def up(old: Old) -> New:
        return New(spec=Wide(size="large" if old.spec.big else "small"))

    with pytest.raises(AssertionError, match="New → Old → New changed the object") as caught:
        check_round_trips(New, examples=50)
    assert "'size': 'medium'" in str(caught.value)
    assert check_round_trips(New, examples=50, only=lambda each: getattr(each.spec, "size", "") != "medium")
