"""Owner references, conditions and finalizers, on structs, models and dicts alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from helpers.objects_samples import Machine, Robot, RobotSpec

from reconcile.errors import ConfigurationError
from reconcile.objects.conditions import (
    condition,
    find_condition,
    is_false,
    is_true,
    remove_condition,
    set_condition,
)
from reconcile.objects.finalizers import add_finalizer, finalizers_of, has_finalizer, remove_finalizer
from reconcile.objects.identity import ResourceType
from reconcile.objects.meta import Condition, KubernetesObject, ObjectMeta
from reconcile.objects.owners import (
    AlreadyOwnedError,
    controller_of,
    is_controlled_by,
    owner_reference,
    owner_references_of,
    remove_owner_reference,
    set_controller_reference,
    set_owner_reference,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Zone(KubernetesObject):
    __resource_type__ = ResourceType("example.com", "v1", "Zone", "zones", namespaced=False)


def struct(name: str, namespace: str = "n", uid: str = "") -> Any:
    return Machine(metadata=ObjectMeta(name=name, namespace=namespace, uid=uid))


def model(name: str, namespace: str = "n", uid: str = "") -> Any:
    return Robot(metadata=ObjectMeta(name=name, namespace=namespace, uid=uid), spec=RobotSpec(size=1))


def plain(name: str, namespace: str = "n", uid: str = "") -> Any:
    metadata = {"name": name, "namespace": namespace, "uid": uid}
    return {"apiVersion": "example.com/v1", "kind": "Machine", "metadata": metadata}


forms = pytest.mark.parametrize("make", [struct, model, plain])


@forms
def test_a_controller_is_set_once_and_kept(make: Callable[..., Any]) -> None:
    obj, owner = make("child"), make("owner", uid="u1")
    set_controller_reference(obj, owner)
    set_controller_reference(obj, owner)
    assert len(owner_references_of(obj)) == 1
    found = controller_of(obj)
    assert found is not None
    assert (found.name, found.uid, found.controller, found.block_owner_deletion) == (
        "owner",
        "u1",
        True,
        True,
    )
    assert is_controlled_by(obj, owner)
    with pytest.raises(AlreadyOwnedError, match=r"already controlled by .* owner; .* other") as caught:
        set_controller_reference(obj, make("other", uid="u2"))
    assert caught.value.owner.uid == "u1"


@forms
def test_a_recreated_owner_takes_its_reference_over(make: Callable[..., Any]) -> None:
    obj = make("child")
    set_controller_reference(obj, make("owner", uid="u1"))
    set_controller_reference(obj, make("owner", uid="u2"))
    assert [reference.uid for reference in owner_references_of(obj)] == ["u2"]


@forms
def test_several_owners_without_control(make: Callable[..., Any]) -> None:
    obj, first, second = make("child"), make("a", uid="1"), make("b", uid="2")
    set_owner_reference(obj, first)
    set_owner_reference(obj, second)
    assert [reference.name for reference in owner_references_of(obj)] == ["a", "b"]
    assert controller_of(obj) is None
    assert remove_owner_reference(obj, first)
    assert not remove_owner_reference(obj, first)
    assert [reference.name for reference in owner_references_of(obj)] == ["b"]


def test_owners_must_be_reachable_for_the_garbage_collector() -> None:
    owner = struct("owner", "n", "u")
    with pytest.raises(ConfigurationError, match="same namespace or cluster-scoped"):
        set_controller_reference(struct("child", "elsewhere"), owner)
    with pytest.raises(ConfigurationError, match="Zone z is cluster-scoped"):
        set_owner_reference(Zone(metadata=ObjectMeta(name="z")), owner)
    with pytest.raises(ConfigurationError, match=r"set metadata.namespace to 'n'"):
        set_owner_reference(struct("child", ""), owner)
    obj = struct("child", "anywhere")
    set_controller_reference(obj, Zone(metadata=ObjectMeta(name="z", uid="u")))
    assert obj.metadata.owner_references[0].kind == "Zone"
    with pytest.raises(ConfigurationError, match="before it is created: it has no uid"):
        owner_reference(struct("new"))


@forms
def test_finalizers(make: Callable[..., Any]) -> None:
    obj = make("x")
    assert add_finalizer(obj, "example.com/a")
    assert not add_finalizer(obj, "example.com/a")
    assert has_finalizer(obj, "example.com/a")
    assert add_finalizer(obj, "example.com/b")
    assert list(finalizers_of(obj)) == ["example.com/a", "example.com/b"]
    assert remove_finalizer(obj, "example.com/a")
    assert not remove_finalizer(obj, "example.com/a")
    assert remove_finalizer(obj, "example.com/b")
    assert list(finalizers_of(obj)) == []


def test_the_transition_time_moves_with_the_status_alone() -> None:
    conditions: list[Condition] = []
    assert set_condition(conditions, condition("Ready", False, "Starting"), now=NOW)
    later = NOW + timedelta(minutes=1)
    pulling = condition("Ready", False, "Pulling", observed_generation=2)
    assert set_condition(conditions, pulling, now=later)
    assert conditions[0].last_transition_time == "2026-01-01T00:00:00Z"
    assert (conditions[0].reason, conditions[0].observed_generation) == ("Pulling", 2)
    assert not set_condition(
        conditions, condition("Ready", False, "Pulling", observed_generation=2), now=later
    )
    assert set_condition(conditions, condition("Ready", True, "Up"), now=later)
    assert conditions[0].last_transition_time == "2026-01-01T00:01:00Z"
    assert set_condition(conditions, condition("Synced", None, "Asked"), now=later)
    assert [each.status for each in conditions] == ["True", "Unknown"]
    assert is_true(conditions, "Ready")
    assert not is_false(conditions, "Synced")
    assert remove_condition(conditions, "Ready")
    assert not remove_condition(conditions, "Ready")
    assert find_condition(conditions, "Ready") is None
    assert find_condition(None, "Ready") is None


def test_conditions_in_wire_form() -> None:
    conditions: list[dict[str, Any]] = []
    new = {"type": "Ready", "status": "True", "reason": "Up", "message": ""}
    assert set_condition(conditions, new, now=NOW)
    assert conditions == [{**new, "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    assert "lastTransitionTime" not in new
    assert not set_condition(conditions, new, now=NOW + timedelta(1))
    assert is_true(conditions, "Ready")
