"""Updates and deletions that name what they are about."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers.fake_transport import FakeResponse, FakeTransport

from reconcile.api.core.v1 import ConfigMap
from reconcile.client import Client
from reconcile.client.preconditions import conditional
from reconcile.errors import NotFoundError
from reconcile.objects.identity import ObjectKey, ResourceType
from reconcile.objects.meta import ObjectMeta
from reconcile.objects.metadata import ObjectMetadata
from reconcile.runtime import SimulatedRuntime

METADATA = {"name": "a", "namespace": "default", "uid": "u1", "resourceVersion": "7"}
STORED = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": METADATA}
SEEN = ObjectMetadata(name="a", namespace="default", uid="u0", resource_version="5")


def client_of(*answers: Any) -> tuple[Client, FakeTransport]:
    transport = FakeTransport(*answers)
    return Client(transport, runtime=SimulatedRuntime(1)), transport


def seen(resource_type: ResourceType, key: ObjectKey) -> ObjectMetadata | None:
    assert (resource_type.plural, str(key)) == ("configmaps", "default/a")
    return SEEN


def unseen(resource_type: ResourceType, key: ObjectKey) -> ObjectMetadata | None:
    return None


def sent(transport: FakeTransport) -> dict[str, Any]:
    return json.loads(transport.requests[-1].body or b"{}")


async def test_a_deletion_by_name_carries_the_uid_that_the_cache_shows() -> None:
    client, transport = client_of(STORED)
    with conditional(seen):
        await client.delete(ConfigMap, "default/a")
    assert sent(transport)["preconditions"] == {"uid": "u0"} and len(transport.requests) == 1


async def test_what_no_cache_shows_is_asked_of_the_server() -> None:
    client, transport = client_of(STORED, STORED)
    with conditional(unseen):
        await client.delete(ConfigMap, "default/a")
    assert [request.method for request in transport.requests] == ["GET", "DELETE"]
    assert sent(transport)["preconditions"] == {"uid": "u1"}


async def test_a_precondition_that_was_given_stays() -> None:
    client, transport = client_of(STORED)
    with conditional(seen):
        await client.delete(ConfigMap, "default/a", uid="mine")
    assert sent(transport)["preconditions"] == {"uid": "mine"}
    client, transport = client_of(STORED)
    with conditional(seen):
        await client.update(
            ConfigMap(metadata=ObjectMeta(name="a", namespace="default", resource_version="3"))
        )
    assert sent(transport)["metadata"]["resourceVersion"] == "3"


async def test_an_update_without_a_version_carries_the_one_that_is_known() -> None:
    for known, version, requests in ((seen, "5", 1), (unseen, "7", 2)):
        client, transport = client_of(*[STORED] * requests)
        with conditional(known):
            await client.update(
                ConfigMap(metadata=ObjectMeta(name="a", namespace="default"), data={"k": "v"})
            )
        body = sent(transport)
        assert body["metadata"]["resourceVersion"] == version and body["data"] == {"k": "v"}
        assert len(transport.requests) == requests


@pytest.mark.parametrize("status", [403, 404])
async def test_where_nothing_can_be_known_the_write_goes_as_it_is(status: int) -> None:
    client, transport = client_of(FakeResponse(status, b"{}"), FakeResponse(404, b"{}"))
    with conditional(unseen), pytest.raises(NotFoundError):
        await client.delete(ConfigMap, "default/a")
    assert transport.requests[-1].method == "DELETE" and not transport.requests[-1].body


async def test_outside_nothing_is_added() -> None:
    client, transport = client_of(STORED, STORED)
    await client.delete(ConfigMap, "default/a")
    assert not transport.requests[-1].body
    await client.update(ConfigMap(metadata=ObjectMeta(name="a", namespace="default")))
    assert "resourceVersion" not in sent(transport)["metadata"]
