"""What a type does not know survives its writes, on a real kube-apiserver: fields of other vendors."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.faulty_world import install_definition

from reconcile import CustomResource, Model
from reconcile.api.core.v1 import Container, EnvVar, PodTemplateSpec
from reconcile.client.client import Client
from reconcile.informers import Cache, InformerFactory
from reconcile.testing.control_plane import ControlPlane

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]


class FleetSpec(Model):
    replicas: int = 1
    template: PodTemplateSpec


class Fleet(CustomResource, group="unknown.example.com", version="v1"):
    spec: FleetSpec


DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "fleets.unknown.example.com"},
    "spec": {
        "group": "unknown.example.com",
        "scope": "Namespaced",
        "names": {"plural": "fleets", "singular": "fleet", "kind": "Fleet", "listKind": "FleetList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}
# As another controller, or a newer version of the type, would write it.
VENDOR = {"accelerator": {"model": "a1", "share": 0.5}, "order": [3, 1, 2]}
FOREIGN: dict[str, Any] = {
    "apiVersion": "unknown.example.com/v1",
    "kind": "Fleet",
    "spec": {
        "replicas": 1,
        "rollout": {"pace": "slow"},
        "template": {
            "metadata": {"labels": {"app": "web"}, "vendorNote": "kept"},
            "spec": {
                "vendorPolicy": {"strict": True},
                "containers": [
                    {"name": "proxy", "image": "proxy:1"},
                    {
                        "name": "web",
                        "image": "web:1",
                        "vendor": VENDOR,
                        "env": [{"name": "A", "value": "1", "vendorSource": "vault"}, {"name": "B"}],
                    },
                    {"name": "logs", "image": "logs:1"},
                ],
            },
        },
    },
}


async def stored(client: Client, name: str) -> dict[str, Any]:
    return (await client.get(Fleet.__resource_type__, f"default/{name}"))["spec"]


async def made(client: Client, name: str) -> Fleet:
    """The object as others wrote it, read in this program's type."""
    await install_definition(client, DEFINITION)
    fleet = {**FOREIGN, "metadata": {"name": name, "namespace": "default"}}
    await client.apply(fleet, field_manager="vendor")
    return await client.get(Fleet, f"default/{name}")


def rearrange(fleet: Fleet) -> None:
    """Insert before, reorder, change inside."""
    template = fleet.spec.template.spec
    assert template is not None
    proxy, web, logs = template.containers
    web.image = "web:2"
    web.env.insert(0, EnvVar(name="NEW", value="0"))
    web.env.reverse()
    template.containers[:] = [logs, Container(name="init-helper", image="helper:1"), web, proxy]
    fleet.spec.replicas = 5


REARRANGED = {
    "replicas": 5,
    "rollout": {"pace": "slow"},
    "template": {
        "metadata": {"labels": {"app": "web"}, "vendorNote": "kept"},
        "spec": {
            "vendorPolicy": {"strict": True},
            "containers": [
                {"name": "logs", "image": "logs:1"},
                {"name": "init-helper", "image": "helper:1"},
                {
                    "name": "web",
                    "image": "web:2",
                    "vendor": VENDOR,
                    "env": [
                        {"name": "B"},
                        {"name": "A", "value": "1", "vendorSource": "vault"},
                        {"name": "NEW", "value": "0"},
                    ],
                },
                {"name": "proxy", "image": "proxy:1"},
            ],
        },
    },
}


async def test_an_update_after_an_insert_and_a_reorder(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        fleet = await made(client, "updated")
        rearrange(fleet)
        written = await client.update(fleet)
        assert await stored(client, "updated") == REARRANGED
        # The answer is an origin too: a second change of the same object keeps everything again.
        written.spec.replicas = 6
        await client.update(written)
        assert await stored(client, "updated") == {**REARRANGED, "replicas": 6}


async def test_a_patch_of_the_difference(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        fleet = await made(client, "patched")
        rearrange(fleet)
        await client.patch_from(None, fleet)
        assert await stored(client, "patched") == REARRANGED


async def test_create_or_patch(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        fleet = await made(client, "composed")
        _, outcome = await client.create_or_patch(fleet, rearrange)
        assert outcome == "patched"
        assert await stored(client, "composed") == REARRANGED


async def test_an_object_from_the_cache(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        await made(client, "cached")
        factory = InformerFactory(client)
        informer = factory.informer(Fleet)
        try:
            await factory.start()
            await informer.wait_synced(30)
            fleet = Cache(factory).get(Fleet, "default/cached")
            assert fleet is not None
            rearrange(fleet)
            await client.update(fleet)
        finally:
            await factory.stop()
        assert await stored(client, "cached") == REARRANGED


async def test_an_untouched_object_is_no_change(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        fleet = await made(client, "untouched")
        before = await stored(client, "untouched")
        written = await client.update(fleet)
        assert written.metadata.resource_version == fleet.metadata.resource_version
        assert await stored(client, "untouched") == before
