"""A part of a kind: what is read of it, that it is shared, and that it is never written."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from helpers.informing import World, settle
from helpers.scripted_server import PODS

from reconcile import Part, PartialObject
from reconcile.errors import IncompleteObjectError, ObjectDecodeError
from reconcile.informers import Cache
from reconcile.informers.cached_object import CachedObject
from reconcile.objects.access import gvk_of, key_of, uid_of
from reconcile.objects.codecs import codec_for, encode
from reconcile.objects.identity import ResourceType
from reconcile.objects.kinds import MetadataOnly, resource_type_of


class Spec(Part, frozen=True):
    node_name: str = ""


class Container(Part, frozen=True):
    restart_count: int = 0


class Status(Part, frozen=True):
    phase: str = "Pending"
    container_statuses: tuple[Container, ...] = ()


class Replica(PartialObject, frozen=True):
    __resource_type__: ClassVar[ResourceType] = PODS
    spec: Spec = Spec()
    status: Status = Status()


class Placed(PartialObject, frozen=True):
    __resource_type__: ClassVar[ResourceType] = PODS
    spec: Spec = Spec()


def raw(**more: Any) -> bytes:
    metadata = {"name": "a", "namespace": "n", "uid": "u", "labels": {"app": "web"}}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, **more}).encode()


def test_a_part_has_its_fields_and_skips_the_rest() -> None:
    found = codec_for(Replica).decode(
        raw(spec={"nodeName": "n1", "containers": 7}, status={"containerStatuses": [{"restartCount": 3}]})
    )
    assert found.spec.node_name == "n1" and found.status.phase == "Pending"
    assert [each.restart_count for each in found.status.container_statuses] == [3]
    assert found.key == key_of(found) == ("n", "a") and uid_of(found) == "u"
    assert found.metadata.labels == {"app": "web"} and gvk_of(found).kind == "Pod"
    assert resource_type_of(Replica) == PODS


def test_absent_and_null_are_the_default() -> None:
    assert codec_for(Replica).decode(raw()).status == Status()
    assert codec_for(Replica).decode(raw(spec=None, status={"phase": None})).spec == Spec()


def test_what_does_not_fit_names_object_and_field() -> None:
    with pytest.raises(ObjectDecodeError, match="n/a") as caught:
        codec_for(Replica).decode(raw(spec={"nodeName": 1}))
    assert caught.value.field == "$.spec.nodeName"


def test_a_part_is_never_written() -> None:
    with pytest.raises(IncompleteObjectError, match="read in part, as Replica"):
        encode(codec_for(Replica).decode(raw()))


def test_a_part_cannot_be_changed() -> None:
    found = codec_for(Replica).decode(raw())
    with pytest.raises(AttributeError):
        found.spec.node_name = "n2"  # type: ignore[misc]


def test_each_version_is_decoded_once_for_all_who_read_it() -> None:
    cached = CachedObject.of(raw(spec={"nodeName": "n1"}))
    first = cached.decode(Replica)
    assert cached.decode(Replica) is first
    assert first.metadata is cached.metadata
    placed = cached.decode(Placed)
    assert type(placed) is Placed and cached.decode(Placed) is placed and cached.decode(Replica) is first


async def test_a_cache_gives_everyone_the_same_part_until_the_object_changes() -> None:
    async with World() as world:
        world.server.put("a", spec={"nodeName": "n1"})
        world.server.put("b", spec={"nodeName": "n1"})
        await world.informer()
        cache = Cache(world.factory)
        first = cache.get(Replica, "default/a")
        assert first is not None and first.spec.node_name == "n1"
        assert next(each for each in cache.list(Replica) if each.metadata.name == "a") is first
        assert first.metadata is cache.get(MetadataOnly(PODS), "default/a")
        other = cache.get(Replica, "default/b")
        world.server.put("a", spec={"nodeName": "n2"})
        await settle()
        second = cache.get(Replica, "default/a")
        assert second is not None and second.spec.node_name == "n2" and first.spec.node_name == "n1"
        assert cache.get(Replica, "default/b") is other
