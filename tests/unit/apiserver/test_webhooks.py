"""Webhooks and policies on the embedded server alone: in the process, in virtual time."""

import asyncio
import base64
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.asking import CONFIG_MAPS, MERGE, Asker, asking, config_map

from reconcile.apiserver import WebhookOptions
from reconcile.apiserver.admission.webhooks.network import NetworkDialer
from reconcile.apiserver.admission.webhooks.options import DialError, WebhookAnswer, WebhookCall
from reconcile.testing.control_plane.certificates import CertificateAuthority

GROUP = "/apis/admissionregistration.k8s.io/v1"
URL = "https://hooks.test/x"
Review = dict[str, Any]


def answering(**fields: Any) -> Callable[[Review], Review]:
    def answer(review: Review) -> Review:
        return {**review, "response": {"uid": review["request"]["uid"], "allowed": True, **fields}}

    return answer


def hook(**more: Any) -> dict[str, Any]:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}
    return {
        "name": "x.hooks.test",
        "clientConfig": {"url": URL},
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **more,
    }


async def configure(ask: Asker, kind: str, *hooks: dict[str, Any]) -> None:
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind.capitalize()}WebhookConfiguration",
        "metadata": {"name": "test"},
        "webhooks": list(hooks),
    }
    await ask.made(body, f"{GROUP}/{kind}webhookconfigurations")


async def test_a_time_out_passes_in_virtual_time() -> None:
    async def slow(review: Review) -> Review:
        await asyncio.sleep(3600)
        return answering()(review)

    async with asking(webhooks=WebhookOptions(handlers={URL: slow})) as ask:
        await configure(ask, "validating", hook(timeoutSeconds=30))
        begun = asyncio.get_running_loop().time()
        answer = await ask("POST", CONFIG_MAPS, config_map("a"))
        assert asyncio.get_running_loop().time() - begun == 30
        assert answer.status == 500 and "context deadline exceeded" in answer.message


async def test_what_a_webhook_changes_is_stored_and_seen_by_the_next() -> None:
    seen: list[Any] = []

    def patch(review: Review) -> Review:
        operations = [{"op": "add", "path": "/data", "value": {"k": "v"}}]
        encoded = base64.b64encode(json.dumps(operations).encode()).decode()
        return answering(patch=encoded, patchType="JSONPatch")(review)

    def look(review: Review) -> Review:
        seen.append(review["request"]["object"].get("data"))
        return answering()(review)

    handlers = {"https://hooks.test/patch": patch, "https://hooks.test/look": look}
    async with asking(webhooks=WebhookOptions(handlers=handlers)) as ask:
        first = hook(name="a.hooks.test", clientConfig={"url": "https://hooks.test/patch"})
        second = hook(name="b.hooks.test", clientConfig={"url": "https://hooks.test/look"})
        await configure(ask, "mutating", first, second)
        made = await ask.made(config_map("a"))
        assert made["data"] == {"k": "v"} and seen == [{"k": "v"}]


async def test_validating_webhooks_are_asked_at_once() -> None:
    running = 0
    most = 0

    async def count(review: Review) -> Review:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1
        return answering()(review)

    async with asking(webhooks=WebhookOptions(handlers={URL: count})) as ask:
        await configure(ask, "validating", *(hook(name=f"h{index}.hooks.test") for index in range(3)))
        await ask.made(config_map("a"))
        assert most == 3


async def test_a_webhook_may_use_the_server_that_calls_it() -> None:
    asker: list[Asker] = []

    async def look(review: Review) -> Review:
        answer = await asker[0]("GET", "/api/v1/namespaces/default")
        return answering(allowed=answer.status == 200)(review)

    async with asking(webhooks=WebhookOptions(handlers={URL: look})) as ask:
        asker.append(ask)
        await configure(ask, "validating", hook())
        await ask.made(config_map("a"))


async def test_a_path_is_asked_without_empty_parts() -> None:
    asked: list[str] = []

    class Listening:
        async def post(self, call: WebhookCall) -> WebhookAnswer:
            asked.append(call.url)
            uid = json.loads(call.body)["request"]["uid"]
            review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
            body = {**review, "response": {"uid": uid, "allowed": True}}
            return WebhookAnswer(200, "application/json", json.dumps(body).encode())

        async def close(self) -> None: ...

    async with asking(webhooks=WebhookOptions(dialer=Listening())) as ask:
        paths = ("//x", "/a/../b//c/", "/")
        hooks = [
            hook(name=f"{number}.hooks.test", clientConfig={"url": f"https://hooks.test{path}"})
            for number, path in enumerate(paths)
        ]
        await configure(ask, "mutating", *hooks)
        await ask.made(config_map("a"))
    assert [url.removeprefix("https://hooks.test").partition("?")[0] for url in asked] == [
        "/x",
        "/b/c",
        "/",
    ]


async def test_a_certificate_in_the_bundle_is_trusted_by_itself(tmp_path: Path) -> None:
    authority = CertificateAuthority()
    served = authority.issue_server("hooks", ["127.0.0.1"])
    other = authority.issue_server("hooks", ["a.test"])
    (tmp_path / "pem").write_bytes(served.certificate + served.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "pem")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    dialer = NetworkDialer()
    for bundle in (served.certificate, authority.pair.certificate):
        call = WebhookCall(f"https://{address}/x", address, "127.0.0.1", bundle, b"{}")
        assert (await dialer.post(call)).body == b"{}"
    with pytest.raises(DialError, match="certificate signed by unknown authority"):
        await dialer.post(WebhookCall(f"https://{address}/x", address, "127.0.0.1", other.certificate, b"{}"))
    await dialer.close()
    server.close()
    await server.wait_closed()


async def test_a_handler_that_fails_is_a_webhook_that_fails() -> None:
    def broken(review: Review) -> Review:
        raise LookupError("a bug in the webhook")

    async with asking(webhooks=WebhookOptions(handlers={URL: broken})) as ask:
        await configure(ask, "validating", hook())
        answer = await ask("POST", CONFIG_MAPS, config_map("a"))
        assert answer.status == 500 and "a bug in the webhook" in answer.message


class _Recording:
    """A dialer that keeps the calls and allows everything."""

    def __init__(self) -> None:
        self.calls: list[WebhookCall] = []

    async def post(self, call: WebhookCall) -> WebhookAnswer:
        self.calls.append(call)
        body = json.dumps(answering()(json.loads(call.body))).encode()
        return WebhookAnswer(200, "application/json", body)

    async def close(self) -> None:
        pass


async def test_a_service_is_where_the_options_or_its_endpoints_say() -> None:
    dialer = _Recording()
    options = WebhookOptions(services={"default/told": "127.0.0.1:9"}, dialer=dialer)
    async with asking(webhooks=options) as ask:
        services = "/api/v1/namespaces/default/services"
        for name in ("told", "found", "empty"):
            spec = {"ports": [{"name": "https", "port": 443}]}
            await ask.made({"metadata": {"name": name}, "spec": spec}, services)
        piece = {
            "metadata": {"name": "found-1", "labels": {"kubernetes.io/service-name": "found"}},
            "addressType": "IPv4",
            "ports": [{"name": "https", "port": 8443}],
            "endpoints": [
                {"addresses": ["192.0.2.1"], "conditions": {"ready": False}},
                {"addresses": ["192.0.2.2"], "conditions": {"ready": True}},
            ],
        }
        await ask.made(piece, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices")
        hooks = [
            hook(
                name=f"{name}.hooks.test",
                clientConfig={"service": {"namespace": "default", "name": name, "path": "/x"}},
                failurePolicy="Ignore" if name == "empty" else "Fail",
            )
            for name in ("told", "found", "empty")
        ]
        await configure(ask, "mutating", *hooks)
        await ask.made(config_map("a"))
        assert [call.address for call in dialer.calls] == ["127.0.0.1:9", "192.0.2.2:8443"]
        assert [call.server_name for call in dialer.calls] == ["told.default.svc", "found.default.svc"]


async def test_policies_change_with_their_objects() -> None:
    async with asking() as ask:
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}
        policy = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "p"},
            "spec": {
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": "object.metadata.name != 'a'"}],
            },
        }
        binding = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "p"},
            "spec": {"policyName": "p", "validationActions": ["Deny"]},
        }
        await ask.made(policy, f"{GROUP}/validatingadmissionpolicies")
        await ask.made(config_map("a", labels={"x": "y"}))
        await ask("DELETE", f"{CONFIG_MAPS}/a")
        await ask.made(binding, f"{GROUP}/validatingadmissionpolicybindings")
        assert (await ask("POST", CONFIG_MAPS, config_map("a"))).status == 422
        change = {"spec": {"validations": [{"expression": "object.metadata.name != 'b'"}]}}
        await ask("PATCH", f"{GROUP}/validatingadmissionpolicies/p", change, MERGE)
        await ask.made(config_map("a"))
        assert (await ask("POST", CONFIG_MAPS, config_map("b"))).status == 422
        await ask("DELETE", f"{GROUP}/validatingadmissionpolicies/p")
        await ask.made(config_map("b"))
