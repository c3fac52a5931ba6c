"""The manager's webhook server on a real port, called by an embedded server over TLS."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from helpers.crd_models.kinds import GROUP, Machine, MachineSpec, OldMachine
from helpers.webhook_server import authority

from reconcile import Client, ConfigurationError, Manager, ManagerOptions, ObjectMeta, ObjectReconciler
from reconcile.api.core.v1 import Namespace, Secret
from reconcile.apiserver import APIServer, ServerOptions, WebhookOptions
from reconcile.crd import install_crds
from reconcile.webhooks import CertificateFolder, OwnCertificates, WebhookServerOptions

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(120)]

SERVICE = "features/webhook"


class Machines(ObjectReconciler[Machine]):
    async def reconcile(self, machine: Machine, /) -> None:
        return None


@dataclass
class World:
    client: Client
    services: dict[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def operator(self, options: WebhookServerOptions | None = None) -> AsyncIterator[Manager]:
        certificates = OwnCertificates(SERVICE, check_interval=0.05)
        manager = Manager(
            self.client,
            reconcilers=[Machines()],
            webhook_server=options or WebhookServerOptions(certificates, address="127.0.0.1:0"),
            health_address="127.0.0.1:0",
            metrics_address="127.0.0.1:0",
            crd_installer=install_crds,
            options=ManagerOptions(log_level="error"),
        )
        async with manager:
            self.services[SERVICE] = manager.addresses.get("webhook", "")
            yield manager


@asynccontextmanager
async def a_world() -> AsyncIterator[World]:
    services: dict[str, str] = {}
    async with (
        APIServer(ServerOptions(webhooks=WebhookOptions(services=services))) as server,
        Client(server.transport()) as client,
    ):
        await client.create(Namespace(metadata=ObjectMeta(name="features")))
        yield World(client, services)


async def until(ask: Callable[[], Any]) -> Any:
    """Ask until there is an answer."""
    async with asyncio.timeout(60):
        while not (found := await ask()):
            await asyncio.sleep(0.01)
    return found


async def post(
    manager: Manager,
    body: bytes,
    *,
    path: str = "/convert",
    trusting: ssl.SSLContext | bool = False,
    **more: Any,
) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": "application/json", **more.pop("headers", {})}
    async with aiohttp.ClientSession() as session:
        url = f"https://{manager.addresses['webhook']}{path}"
        async with session.post(url, data=body, headers=headers, ssl=trusting, **more) as response:
            return response.status, await response.json()


async def get(manager: Manager, what: str, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{manager.addresses[what]}{path}") as response,
    ):
        return response.status, await response.text()


def review(*objects: Any, to: str = f"{GROUP}/v1") -> bytes:
    request = {"uid": "u", "desiredAPIVersion": to, "objects": list(objects)}
    made = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "request": request}
    return json.dumps(made).encode()


async def test_an_operator_with_its_own_certificate_is_called_over_tls() -> None:
    async with a_world() as world, world.operator() as manager:
        meta = ObjectMeta(name="m", namespace="default")
        await world.client.create(Machine(metadata=meta, spec=MachineSpec(size="large")))
        assert (await world.client.get(OldMachine, "default/m")).spec.tier == 2
        secret = await world.client.get(Secret, "features/webhook-webhook")
        assert set(secret.data) == {"ca.crt", "tls.crt", "tls.key"}
        _, metrics = await get(manager, "metrics", "/metrics")
        assert 'controller_runtime_webhook_requests_total{code="200",webhook="/convert"}' in metrics
        assert 'controller_runtime_webhook_latency_seconds_count{webhook="/convert"}' in metrics
        assert 'controller_runtime_webhook_requests_in_flight{webhook="/convert"} 0.0' in metrics
        assert "controller_runtime_conversion_webhook_panics_total 0.0" in metrics
        assert "certwatcher_read_certificate_total" in metrics


async def test_a_large_object_is_converted_whole() -> None:
    async with a_world() as world, world.operator():
        annotations = {f"feature-{number}": "x" * 1000 for number in range(200)}
        meta = ObjectMeta(name="m", namespace="default", annotations=annotations)
        await world.client.create(Machine(metadata=meta, spec=MachineSpec(size="large")))
        found = await world.client.get(OldMachine, "default/m")
        assert found.spec.tier == 2 and len(found.metadata.annotations) == 200


async def test_replicas_share_one_certificate() -> None:
    async with a_world() as world, world.operator() as one, world.operator() as other:
        secret = await world.client.get(Secret, "features/webhook-webhook")
        trusting = ssl.create_default_context(cadata=secret.data["ca.crt"].decode())
        for replica in (one, other):
            status, _ = await post(
                replica, review(), trusting=trusting, server_hostname="webhook.features.svc"
            )
            assert status == 200


async def test_a_secret_that_was_made_empty_is_filled() -> None:
    meta = ObjectMeta(name="webhook-webhook", namespace="features", labels={"mine": "yes"})
    async with a_world() as world:
        await world.client.create(Secret(metadata=meta, type="Opaque"))
        async with world.operator():
            pass
        secret = await world.client.get(Secret, "features/webhook-webhook")
        assert secret.data["tls.key"] and secret.metadata.labels == {"mine": "yes"}


async def test_a_secret_that_is_lost_is_made_anew_and_served_and_trusted() -> None:
    async with a_world() as world, world.operator():
        meta = ObjectMeta(name="m", namespace="default")
        await world.client.create(Machine(metadata=meta, spec=MachineSpec(size="small")))
        before = await world.client.get(Secret, "features/webhook-webhook")
        await world.client.delete(Secret, "features/webhook-webhook")

        async def made_anew() -> bool:
            found = await world.client.get_or_none(Secret, "features/webhook-webhook")
            return found is not None and found.data != before.data

        await until(made_anew)

        async def converted() -> bool:
            try:
                return (await world.client.get(OldMachine, "default/m")).spec.tier == 1
            except Exception:
                return False

        await until(converted)


@pytest.mark.parametrize(
    ("body", "path", "headers", "status", "text"),
    [
        (b"{", "/convert", {}, 400, "the body is no JSON"),
        (b"{}", "/convert", {}, 400, "expected a ConversionReview"),
        (b"{}", "/other", {}, 404, "no webhook at /other"),
        (b"{}", "/convert", {"Content-Type": "text/plain"}, 415, "expected Content-Type application/json"),
    ],
)
async def test_bad_input_over_the_network_is_an_error_with_a_reason(
    body: bytes, path: str, headers: dict[str, str], status: int, text: str
) -> None:
    async with a_world() as world, world.operator() as manager:
        found, answer = await post(manager, body, path=path, headers=headers)
        assert (found, answer["kind"], answer["status"]) == (status, "Status", "Failure")
        assert text in answer["message"]
        assert (await post(manager, review()))[0] == 200


async def test_a_review_that_is_too_large_is_refused_unread() -> None:
    async with a_world() as world, world.operator() as manager:
        endpoint: Any = manager.webhooks.at("/convert")
        endpoint.body_limit = 1000
        found, answer = await post(manager, b" " * 1001)
        assert (found, answer["message"]) == (413, "the review is larger than 1000 bytes")

        async def in_pieces() -> AsyncIterator[bytes]:
            for _ in range(11):
                yield b" " * 100

        found, _ = await post(manager, in_pieces())  # type: ignore[arg-type]
        assert found == 413
        assert endpoint.stats.requests[413] == 2


async def test_a_request_under_way_is_answered_before_the_server_stops() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    async with a_world() as world, world.operator() as manager:
        endpoint: Any = manager.webhooks.at("/convert")
        plain = endpoint.review

        async def slow(asked: Any, timeout: float) -> Any:
            begun.set()
            await go_on.wait()
            return await plain(asked, timeout)

        endpoint.review = slow
        asking = asyncio.create_task(post(manager, review()))
        await begun.wait()
        stopping = asyncio.create_task(manager.stop())
        await asyncio.sleep(0)
        go_on.set()
        assert (await asking)[0] == 200
        await stopping


async def test_readiness_waits_for_a_certificate_and_the_rest_does_not() -> None:
    options = WebhookServerOptions(
        OwnCertificates("nowhere/webhook", check_interval=0.05), address="127.0.0.1:0"
    )
    async with a_world() as world, world.operator(options) as manager:
        assert (await get(manager, "health", "/readyz/webhooks"))[0] == 500
        assert (await get(manager, "health", "/readyz/controllers-synced"))[0] == 200
        assert "webhook" not in manager.addresses
        await world.client.create(Namespace(metadata=ObjectMeta(name="nowhere")))

        async def ready() -> bool:
            return (await get(manager, "health", "/readyz/webhooks"))[0] == 200

        await until(ready)


async def test_a_certificate_from_a_folder_is_shown_and_its_successor_too(tmp_path: Path) -> None:
    def write(folder: Path) -> ssl.SSLContext:
        folder.mkdir()
        pem, certificate, key = authority(folder, "webhook.features.svc")
        (tmp_path / "tls.key").write_bytes(key.read_bytes())
        (tmp_path / "tls.crt").write_bytes(certificate.read_bytes())
        return ssl.create_default_context(cadata=pem.decode())

    first = write(tmp_path / "first")
    options = WebhookServerOptions(CertificateFolder(tmp_path, check_interval=0.05), address="127.0.0.1:0")
    async with a_world() as world, world.operator(options) as manager:
        assert (await post(manager, review(), trusting=first))[0] == 200
        (tmp_path / "tls.crt").write_bytes(b"half a certific")
        await asyncio.sleep(0)
        assert (await post(manager, review(), trusting=first))[0] == 200
        second = write(tmp_path / "second")

        async def shown() -> bool:
            try:
                return (await post(manager, review(), trusting=second))[0] == 200
            except aiohttp.ClientError:
                return False

        await until(shown)
        with pytest.raises(aiohttp.ClientError):
            await post(manager, review(), trusting=first)


async def test_a_folder_without_a_certificate_is_named_at_the_start(tmp_path: Path) -> None:
    options = WebhookServerOptions(CertificateFolder(tmp_path), address="127.0.0.1:0")
    with pytest.raises(ConfigurationError, match=r"tls\.crt: No such file or directory"):
        async with a_world() as world, world.operator(options):
            pass
